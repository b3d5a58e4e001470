"""The stages of an image's preparation as a picture: a row an image, from the file to what the network is given."""

from mlp.figures.style import drawable, own_settings, save  # before matplotlib, which may fail on MPLBACKEND

# isort: split
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mlp.data.picture import Picture
from mlp.data.preparation import max_extent

RED = "#D7191C"
SIDE, GAP, HEAD, CAPTION = 1.6, 0.2, 0.35, 0.3
"""Inches: of an image, between two, above all, and above each row."""
LONGEST_NAME = 60


@dataclass(frozen=True)
class Stages:
    """An image, its preparation, and the network's answer in words."""

    name: str
    picture: Picture
    verdict: str


@own_settings()
def draw(path: Path, shown: Sequence[Stages]) -> None:
    """Write the picture, .png, .svg or .pdf by the file's ending; laid out in inches."""
    rows, columns = shown[0].picture.prepared.image.shape
    extent = max_extent((rows, columns))
    titles = (
        "the file",
        "its ink, and the box around it",
        f"in {extent[0]} by {extent[1]} of {rows} by {columns}",
        "centre of mass in the middle",
    )
    width = GAP + len(titles) * (SIDE + GAP)
    height = HEAD + len(shown) * (CAPTION + SIDE + GAP)
    figure = Figure(figsize=(width, height))
    for column, title in enumerate(titles):
        middle = GAP + column * (SIDE + GAP) + SIDE / 2
        figure.text(middle / width, 1 - HEAD / 2 / height, title, ha="center", va="center", fontsize=7.5)
    for row, stages in enumerate(shown):
        top = HEAD + row * (CAPTION + SIDE + GAP)
        name = drawable(stages.name)
        name = name if len(name) <= LONGEST_NAME else f"...{name[3 - LONGEST_NAME :]}"
        words = f"{name}: {stages.verdict}"
        place = (GAP / width, 1 - (top + CAPTION / 2) / height)
        figure.text(*place, words, va="center", fontsize=9, parse_math=False)
        prepared = stages.picture.prepared
        for column, array in enumerate((stages.picture.levels, prepared.ink, prepared.scaled, prepared.image)):
            left, bottom = GAP + column * (SIDE + GAP), height - top - CAPTION - SIDE
            axes = figure.add_axes((left / width, bottom / height, SIDE / width, SIDE / height))
            white = 1 if column else max(255, array.max())  # a file of 16 bits has lighter ones
            axes.imshow(array, cmap="gray_r" if column else "gray", vmin=0, vmax=white)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color("#CCCCCC")
        y, end_y, x, end_x = prepared.box
        outline = Rectangle((x - 0.5, y - 0.5), end_x - x, end_y - y, fill=False, edgecolor=RED, linewidth=1.2)
        figure.axes[4 * row + 1].add_patch(outline)
    save(figure, path)
