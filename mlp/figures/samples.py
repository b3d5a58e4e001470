"""Samples of each class of a data set, a row a class."""

from mlp.figures.images import MAX_ASPECT_RATIO
from mlp.figures.style import own_settings, save  # must come before matplotlib

# isort: split
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.data.preparation import averaged
from mlp.figures.fonts.labels import drawable
from mlp.system.files import StrPath
from mlp.system.text_table import width as text_width

PER_CLASS = 10
SIDE, MANY_SIDE, MANY_CLASSES = 0.6, 0.3, 50
"""Inches: the side of an image, also if there are more than this many classes."""
MARGIN, CHARACTER = 0.15, 0.1
"""Inches: around the images, and of a character of a class's name."""
MAX_PIXELS = 128
"""A side of an image: larger ones are made smaller, as the figure has no room for more."""
GAP = 0.1
"""Fraction of an image's side between two images."""
MAX_NAME_CHARACTERS = 30


@own_settings()
def class_samples(
    path: StrPath, images: NDArray[np.uint8], labels: NDArray[np.uint8], names: Mapping[int, str]
) -> None:
    """Draw up to ten images of each label, evenly spread over all of its images (n, rows, columns).

    ``names`` are those of the labels; a label without one is shown as it is.
    """
    found = np.unique(labels).tolist()
    shown = [drawable(names.get(label, str(label))) for label in found]
    texts = [text if len(text) <= MAX_NAME_CHARACTERS else f"{text[: MAX_NAME_CHARACTERS - 3]}..." for text, _ in shown]
    side = SIDE if len(found) <= MANY_CLASSES else MANY_SIDE
    left = MARGIN + CHARACTER * max(map(text_width, texts))
    width, height = left + side * PER_CLASS + MARGIN, side * len(found) + 2 * MARGIN
    figure = Figure(figsize=(width, height))
    size = (side * PER_CLASS / width, 1 - 2 * MARGIN / height)
    axes = figure.add_axes((left / width, MARGIN / height, *size), anchor="W")
    rows, columns = images.shape[1:]
    is_long = max(rows, columns) > MAX_ASPECT_RATIO * min(rows, columns)
    sheet = _sheet(images, [np.flatnonzero(labels == label) for label in found])
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=255, aspect="auto" if is_long else "equal")
    axes.set_yticks((np.arange(len(found)) + 0.5) / len(found) * len(sheet) - 0.5, texts, parse_math=False)
    for tick, (_, fonts) in zip(axes.get_yticklabels(), shown, strict=True):
        tick.set_fontfamily(fonts)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    save(figure, path)


def _sheet(images: NDArray[np.uint8], classes: Sequence[NDArray[np.intp]]) -> NDArray[np.uint8]:
    """One image with a row of samples for each class, given the positions of its images."""
    factor = -(-max(images.shape[1:]) // MAX_PIXELS)
    rows, columns = (-(-side // factor) for side in images.shape[1:])
    gap = max(1, round(GAP * max(rows, columns) / 2))
    sheet = np.zeros((len(classes), rows + 2 * gap, PER_CLASS, columns + 2 * gap), np.uint8)
    for row, positions in enumerate(classes):
        chosen = positions[np.linspace(0, len(positions) - 1, min(PER_CLASS, len(positions))).round().astype(int)]
        for column, image in enumerate(averaged(images[chosen], factor)):
            sheet[row, gap:-gap, column, gap:-gap] = image
    return sheet.reshape(len(classes) * (rows + 2 * gap), -1)
