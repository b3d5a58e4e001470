"""The stages of preparation as a picture: one row per image, from the file to the network's input."""

from mlp.figures.style import LINE, OUTLINE, own_settings, save  # must come before matplotlib

# isort: split
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mlp.data.picture import Picture
from mlp.data.preparation import max_extent
from mlp.figures.fonts.labels import drawable, labels_in
from mlp.languages.catalogue import Say
from mlp.system.files import StrPath
from mlp.system.printable import printable

SIDE, GAP, HEAD, CAPTION = 1.6, 0.2, 0.35, 0.3
"""Inches: an image's side, the gap between two, the headings, a row's caption."""
MAX_NAME_CHARACTERS = 60


@dataclass(frozen=True)
class Stages:
    """An image's name, its preparation, and the prediction in the words of a language."""

    name: str
    picture: Picture
    verdict: Callable[[Say], str]


@own_settings()
def draw_stages(path: StrPath, shown: Sequence[Stages], language: str = "en") -> None:
    """Write the picture as .png, .svg or .pdf, by the file's ending."""
    with labels_in(language) as say:
        save(stages_figure(shown, say), path)


def stages_figure(shown: Sequence[Stages], say: Say) -> Figure:
    """The figure, with the words of a language."""
    rows, columns = shown[0].picture.prepared.image.shape
    box_rows, box_columns = max_extent((rows, columns))
    titles = (
        say("figure.stage_file"),
        say("figure.stage_ink"),
        say("figure.stage_scaled", box_rows=box_rows, box_columns=box_columns, rows=rows, columns=columns),
        say("figure.stage_centred"),
    )
    width = GAP + len(titles) * (SIDE + GAP)
    height = HEAD + len(shown) * (CAPTION + SIDE + GAP)
    figure = Figure(figsize=(width, height))
    for column, title in enumerate(titles):
        middle = GAP + column * (SIDE + GAP) + SIDE / 2
        figure.text(middle / width, 1 - HEAD / 2 / height, title, ha="center", va="center", fontsize=7.5)
    for row, stages in enumerate(shown):
        top = HEAD + row * (CAPTION + SIDE + GAP)
        name = printable(stages.name)
        name = name if len(name) <= MAX_NAME_CHARACTERS else f"...{name[3 - MAX_NAME_CHARACTERS :]}"
        x, y = GAP / width, 1 - (top + CAPTION / 2) / height
        text, fonts = drawable(f"{name}: {stages.verdict(say)}")
        figure.text(x, y, text, va="center", fontsize=9, parse_math=False, fontfamily=fonts)
        prepared = stages.picture.prepared
        for column, array in enumerate((stages.picture.levels, prepared.ink, prepared.scaled, prepared.image)):
            left, bottom = GAP + column * (SIDE + GAP), height - top - CAPTION - SIDE
            axes = figure.add_axes((left / width, bottom / height, SIDE / width, SIDE / height))
            white = 1 if column else max(255, array.max())  # more in a 16-bit file
            axes.imshow(array, cmap="gray_r" if column else "gray", vmin=0, vmax=white)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color(LINE)
        y, end_y, x, end_x = prepared.box
        box = Rectangle((x - 0.5, y - 0.5), end_x - x, end_y - y, fill=False, edgecolor=OUTLINE, linewidth=1.2)
        figure.axes[len(titles) * row + 1].add_patch(box)
    return figure
