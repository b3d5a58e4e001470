"""How figures are made and written: without a display, and the same bytes each time."""

import io
import os
import re
from pathlib import Path
from typing import Any

os.environ["MPLBACKEND"] = "agg"  # before the import, which fails on a backend that it does not know

import matplotlib
from matplotlib.figure import Figure

from mlp.files import replacing

matplotlib.rcdefaults()  # the same pictures whatever a user's own matplotlibrc says

BLUE, RED, GREY = "#2C7BB6", "#D7191C", "#666666"
"""Blue and red are the ends of ColorBrewer's RdYlBu scale, which the colour-blind can tell apart."""
WITHOUT_DATE: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}
"""By format, the metadata that would differ from one time, or from one version of matplotlib, to the next."""


AS_TEXT: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "figure"}
"""In SVG text stays text, and names that matplotlib makes are the same each time."""
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


def inline(figure: Figure, name: str) -> str:
    """A figure as an <svg> element to be put into a page, in the page's colours, as wide as there is room.

    ``name`` stands before each id in it, so that no two figures of a page have one in common.
    """
    text = io.StringIO()
    with matplotlib.rc_context(AS_TEXT):
        figure.savefig(text, format="svg", transparent=True, metadata=WITHOUT_DATE["svg"])
    svg = text.getvalue()
    svg = re.sub("<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'( id="|"#|url\(#)', rf"\g<1>{name}-", svg)
    return re.sub("#[0-9a-f]{6}", lambda color: OF_A_PAGE.get(color[0], color[0]), svg)


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the file's ending, .svg, .png or .pdf; in SVG text stays text."""
    kind = path.suffix[1:].lower()
    if kind not in WITHOUT_DATE:
        raise ValueError(f"{path}: a figure's file must end in {', '.join(f'.{kind}' for kind in WITHOUT_DATE)}")
    with replacing(path) as file, matplotlib.rc_context(AS_TEXT):
        figure.savefig(file, format=kind, dpi=120, metadata=WITHOUT_DATE[kind])
