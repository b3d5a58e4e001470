"""Samples of each class of a data set, a row a class."""

from mlp.figures.images import MAX_ASPECT_RATIO
from mlp.figures.style import drawable, own_settings, save  # must come before matplotlib

# isort: split
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.data.preparation import averaged

PER_CLASS = 10
SIDE, MANY_SIDE, MANY_CLASSES = 0.6, 0.3, 50
"""Inches: the side of an image, also if there are more than this many classes."""
MAX_PIXELS = 128
"""A side of an image: larger ones are made smaller, as the figure has no room for more."""
GAP = 0.1
"""Fraction of an image's side between two images."""
MAX_NAME_CHARACTERS = 30


@own_settings()
def class_samples(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], names: Mapping[int, str]) -> None:
    """Draw up to ten images of each label, evenly spread over all of its images (n, rows, columns).

    ``names`` are those of the labels; a label without one is shown as it is.
    """
    found = np.unique(labels).tolist()
    factor = -(-max(images.shape[1:]) // MAX_PIXELS)
    rows, columns = (-(-side // factor) for side in images.shape[1:])
    gap = max(1, round(GAP * max(rows, columns)))
    sheet = np.zeros((len(found) * (rows + gap), PER_CLASS * (columns + gap)), np.uint8)
    for row, label in enumerate(found):
        positions = np.flatnonzero(labels == label)
        chosen = positions[np.linspace(0, len(positions) - 1, min(PER_CLASS, len(positions))).round().astype(int)]
        for column, image in enumerate(averaged(images[chosen], factor)):
            top, left = row * (rows + gap), column * (columns + gap)
            sheet[top : top + rows, left : left + columns] = image
    side = SIDE if len(found) <= MANY_CLASSES else MANY_SIDE
    figure = Figure(figsize=(side * PER_CLASS + 2, side * len(found) + 0.3), layout="constrained")
    axes = figure.subplots()
    is_long = max(rows, columns) > MAX_ASPECT_RATIO * min(rows, columns)
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=255, aspect="auto" if is_long else "equal")
    texts = [drawable(names.get(label, str(label)))[:MAX_NAME_CHARACTERS] for label in found]
    axes.set_yticks([row * (rows + gap) + (rows - 1) / 2 for row in range(len(found))], texts, parse_math=False)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    save(figure, path)
