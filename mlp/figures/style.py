"""How figures are made and written: without a display, the same bytes each time, and with no trace in matplotlib."""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

if "matplotlib" not in sys.modules:
    # Its import fails on a backend that it does not know. We need none: a figure is drawn by its file's format.
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend  # as its import does

import matplotlib.style
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from mlp.system.files import replacing
from mlp.system.printable import printable

BLUE, RED, GREY = "#2C7BB6", "#D7191C", "#666666"
"""Blue and red are the ends of ColorBrewer's RdYlBu scale, which the colour-blind can tell apart."""
VALUE, GRADIENT, MUTED, INK = "#1A7F37", "#C5221F", "#6B6B6B", "#1F1F1F"
"""In pictures of both passes: numbers of the forward pass, numbers of the backward pass, lines, names."""
SIGNS = "PuOr"
"""Matplotlib's scale for maps of positive and negative numbers: orange below 0, white at 0, purple above."""
FONT_POINTS = 9
"""The size of numbers and captions in pictures of both passes."""
WITHOUT_DATE: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}
"""By format, the metadata that would differ from one time, or from one version of matplotlib, to the next."""
AS_TEXT: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "figure"}
"""In SVG text stays text, and names that matplotlib makes are the same each time."""


@contextmanager
def own_settings() -> Iterator[None]:
    """Within this block, or the function that it decorates, matplotlib draws by its defaults.

    Whatever a user's matplotlibrc or program has set has no part in our pictures, and is set again after it.
    """
    with matplotlib.style.context("default"), matplotlib.rc_context(AS_TEXT):
        yield


def drawable(text: str) -> str:
    """The text in one printable line, with a sign for each character that the font has not."""
    font = get_font(findfont(FontProperties()))
    return "".join(c if font.get_char_index(ord(c)) else "\N{REPLACEMENT CHARACTER}" for c in printable(text))


OF_A_PAGE = {
    "#000000": "var(--ink)",
    "#1f1f1f": "var(--ink)",
    "#666666": "var(--muted)",
    "#6b6b6b": "var(--muted)",
    "#ffffff": "var(--paper)",
    "#2c7bb6": "var(--one)",
    "#d7191c": "var(--zero)",
    "#1a7f37": "var(--value)",
    "#c5221f": "var(--gradient)",
}
"""The colours of figures, and those of page.css that take their places, light and dark."""


@own_settings()
def inline(figure: Figure, name: str) -> str:
    """A figure as an <svg> element to be put into a page, in the page's colours, as wide as there is room.

    ``name`` stands before each id in it, so that no two figures of a page have one in common.
    """
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata=WITHOUT_DATE["svg"])
    svg = text.getvalue()
    svg = re.sub("<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'( id="|"#|url\(#)', rf"\g<1>{name}-", svg)
    return re.sub("#[0-9a-f]{6}", lambda color: OF_A_PAGE.get(color[0], color[0]), svg)


@own_settings()
def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the file's ending, .svg, .png or .pdf; in SVG text stays text."""
    kind = path.suffix[1:].lower()
    if kind not in WITHOUT_DATE:
        raise ValueError(f"{path}: a figure's file must end in {', '.join(f'.{kind}' for kind in WITHOUT_DATE)}")
    with replacing(path) as file:
        figure.savefig(file, format=kind, dpi=120, metadata=WITHOUT_DATE[kind])
