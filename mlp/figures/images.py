"""Images in rows, each with a caption."""

from mlp.figures.style import LINE  # must come before matplotlib

# isort: split
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

MAX_ASPECT_RATIO = 8
"""Longer side divided by shorter side; above it an image is stretched to a square, or it would be only a line."""


def image_grid(title: str, images: int, *, columns: int, caption_lines: int) -> Figure:
    """A figure with axes for this many images, in rows, each with room for a caption; laid out in inches.

    By hand, because matplotlib's own layout takes seconds for a page of images.
    """
    side, gap, caption, head = 1.5, 0.2, 0.18 * caption_lines, 0.5
    rows = -(-images // columns)
    width, height = max(columns * (side + gap) + gap, 5), head + rows * (caption + side + gap)
    figure = Figure(figsize=(width, height))
    figure.text(0.5, 1 - head / 2 / height, title, ha="center", va="center", fontsize=12)
    margin = (width - columns * (side + gap) + gap) / 2
    for k in range(images):
        row, column = divmod(k, columns)
        left, bottom = margin + column * (side + gap), height - head - (row + 1) * (caption + side) - row * gap
        figure.add_axes((left / width, bottom / height, side / width, side / height))
    return figure


def show_image(axes: Axes, image: NDArray[Any], shape: tuple[int, int]) -> None:
    """Draw the pixels, 0 to 255, as black ink on white paper."""
    axes.imshow(image.reshape(shape), cmap="gray_r", vmin=0, vmax=255)
    if max(shape) > MAX_ASPECT_RATIO * min(shape):
        axes.set_aspect("auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(LINE)
