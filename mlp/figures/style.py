"""How figures look and are written: fonts, markers and scales, and files with the same bytes each time."""

import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, BinaryIO

from mlp.figures.fonts import cache as font_cache

# isort: split
if "matplotlib" not in sys.modules:
    font_cache.provide()
    # The import fails if MPLBACKEND names an unknown backend. We need none: the file's format decides how to draw.
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend  # as the import would

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from mlp.figures.colors import CLASS_COLORS, COLORS
from mlp.system.files import StrPath, replacing

LINE, MUTED, INK, RED, BLUE, GREEN, OUTLINE = (
    COLORS[name][0] for name in ("line", "muted", "ink", "red", "blue", "green", "outline")
)
ZERO, ONE, VALUE, GRADIENT, LOCAL = RED, BLUE, GREEN, RED, BLUE
"""ZERO and ONE are the smaller and the larger digit, as in the notes, whichever is the positive class."""
SIGNS = "PuOr"
"""matplotlib's diverging scale for weights and derivatives: purple is positive, orange negative."""
FONT_POINTS = 9
"""The size of numbers and captions in pictures of both passes."""
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""For several curves: colours that the colour-blind can distinguish (Okabe and Ito 2008), without their pale yellow."""
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "*", "p", "d")
OUTLINED = [withStroke(linewidth=2, foreground=COLORS["paper"][0])]
"""The path effects of text on any colour."""
OF_A_PAGE = {"#000000": "var(--ink)"} | {light: f"var(--{name})" for name, (light, _) in COLORS.items()}
"""The CSS variable that replaces each colour of a figure within a page."""
WITHOUT_DATE: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}
"""By format, the metadata to leave out, because they differ between two runs or two versions of matplotlib."""
AS_TEXT: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "figure"}
"""In SVG text stays text, and the ids that matplotlib makes are the same each time."""


def class_looks(labels: Sequence[int]) -> list[tuple[str, str]]:
    """A colour and a marker for each label, in the given order: of two labels the smaller is red, the larger blue."""
    colors = (ZERO, ONE) if len(labels) == 2 else [light for light, _ in CLASS_COLORS]
    place_of = {label: place for place, label in enumerate(sorted(labels))}
    places = [place_of[label] for label in labels]
    return [(colors[place % len(colors)], CLASS_MARKERS[place % len(CLASS_MARKERS)]) for place in places]


def marker_outline(marker: str) -> str:
    """A marker as the path of an SVG, within a square of side 1 around 0."""
    style = MarkerStyle(marker)
    polygons: Any = style.get_path().transformed(style.get_transform()).to_polygons()
    return "".join(f"M{' '.join(f'{x:.2f} {-y:.2f}' for x, y in polygon[:-1])}z" for polygon in polygons)


def sign_colors() -> NDArray[np.uint8]:
    """The scale for signs as (256, 3) bytes: row 128 is 0, rows 255 and 1 the largest magnitude, row 0 is unused."""
    return matplotlib.colormaps[SIGNS]((np.arange(256) - 1) / 254, bytes=True)[:, :3]


@contextmanager
def own_settings() -> Iterator[None]:
    """Within this block, or in a function decorated with it, matplotlib uses its defaults.

    So a user's matplotlibrc or program does not change our pictures; its settings are restored afterwards. They are the
    process's: of several threads one at a time is in such a block.
    """
    with _changing_settings, matplotlib.style.context("default"), matplotlib.rc_context(AS_TEXT):
        yield


_changing_settings = RLock()


def _in_hundredths(number: re.Match[str]) -> str:
    return f"{round(float(number[0]), 2):g}"


SHORTER = (
    (r"(?s)\A.*?(?=<svg)|<metadata>.*?</metadata>|<style.*?</style>| (?=\n)", ""),  # the page has its own style
    (r' (xmlns|xmlns:xlink|version)="[^"]*"| transform="rotate\(-0 [^)]*\)"|(?<=\n)\s+', ""),
    (r"<defs>\n*</defs>\n", ""),
    (r'<g id="text_\d+">\n(<text.*</text>)\n</g>', r"\1"),
    (r' [dxy]="[^"]*"', lambda place: re.sub(r"\d+\.\d{3,}", _in_hundredths, place[0])),
    (r' style="[^"]*"', lambda style: re.sub(r'font-family: [^;"]*;|(?<=[:;]) ', "", style[0])),
)
"""What a page does not need in an SVG by matplotlib, and what replaces it. Places are rounded to 1/100 of a point."""


@own_settings()
def inline(figure: Figure, name: str) -> str:
    """A figure as an <svg> element for a page, in the page's colours and font, and short.

    ``name`` is put before each id in it, so that ids are unique in a page with several figures.
    """
    figure.patch.set_visible(False)
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata=WITHOUT_DATE["svg"])
    svg = text.getvalue()
    for pattern, shorter in SHORTER:
        svg = re.sub(pattern, shorter, svg)
    svg = re.sub(r'( id="|"#|url\(#)', rf"\g<1>{name}-", svg)
    return re.sub("#[0-9a-f]{6}", lambda color: OF_A_PAGE.get(color[0], color[0]), svg)


def save(figure: Figure, path: StrPath) -> None:
    """Write a figure as .svg, .png or .pdf, by the file's ending. In SVG text stays text."""
    kind = Path(path).suffix[1:].lower()
    if kind not in WITHOUT_DATE:
        raise ValueError(f"{path}: a figure's file must end in {', '.join(f'.{kind}' for kind in WITHOUT_DATE)}")
    with replacing(path) as file:
        write(figure, file, kind)


@own_settings()
def write(figure: Figure, file: BinaryIO, kind: str) -> None:
    """Write a figure as svg, png or pdf to an open file."""
    figure.savefig(file, format=kind, dpi=120, metadata=WITHOUT_DATE[kind])
