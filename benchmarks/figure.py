"""The picture of steps.csv: for each size, each contender's time per step as a bar."""

from mlp.figures.style import own_settings, save  # before matplotlib, which may fail on MPLBACKEND

# isort: split
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contenders import FLOOR, PROJECT
from benchmarks.steps import Row
from mlp.figures.style import BLUE, MUTED, RED

COLUMNS = 2
LABEL_ROOM = 1.5
"""The axis is longer than the longest bar by this factor, for the label beside it."""


@own_settings()
def draw_steps(path: Path, found: Sequence[Row], machine: str) -> None:
    """A panel for each work; its axis begins at 0, and each bar has its time beside it. ``machine`` is its name."""
    works = list(dict.fromkeys(row.work for row in found))
    columns = min(COLUMNS, len(works))
    lines = -(-len(works) // columns)
    bars = max(sum(row.work == work for row in found) for work in works)
    figure = Figure(figsize=(6 * columns, (0.36 * bars + 0.9) * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, work in zip(panels, works, strict=False):
        panel(axes, [row for row in found if row.work == work])
    for axes in panels[len(works) :]:
        axes.set_axis_off()
    figure.suptitle(f"A training step: microseconds, and multiples of the floor\n{machine}")
    save(figure, path)


def panel(axes: Axes, rows: Sequence[Row]) -> None:
    """The bars of one work, from the top in the order of the rows."""
    names = [row.contender for row in rows]
    colors = [MUTED if name == FLOOR else BLUE if name == PROJECT else RED for name in names]
    bars = axes.barh(range(len(rows)), [row.microseconds for row in rows], color=colors, height=0.7)
    ratios = ["" if row.contender == FLOOR else f", {row.times_floor:.2f}×" for row in rows]
    labels = [f"{row.microseconds:,.0f} µs{ratio}" for row, ratio in zip(rows, ratios, strict=True)]
    axes.bar_label(bars, labels, padding=4, fontsize=9)
    axes.set(xlim=(0, LABEL_ROOM * max(row.microseconds for row in rows)), yticks=range(len(rows)), yticklabels=names)
    axes.set_title(rows[0].work)
    axes.invert_yaxis()
    axes.set_axisbelow(True)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
