"""How figures are made and written: without a display, and the same bytes each time."""

import os
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


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the file's ending, .svg, .png or .pdf; in SVG text stays text."""
    kind = path.suffix[1:].lower()
    if kind not in WITHOUT_DATE:
        raise ValueError(f"{path}: a figure's file must end in {', '.join(f'.{kind}' for kind in WITHOUT_DATE)}")
    with replacing(path) as file, matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "figure"}):
        figure.savefig(file, format=kind, dpi=120, metadata=WITHOUT_DATE[kind])
