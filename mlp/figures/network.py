"""A picture of a trained network on one test image: the values up to the loss, and below them the gradients.

There is a column for the image, each weight matrix, each layer's activations and the outputs; the numbers of a single
output stand in the text beside them. The first weight matrix is shown as images, one for each hidden unit.
"""

# before matplotlib, which may fail on MPLBACKEND
from mlp.figures.style import FONT_POINTS, GRADIENT, INK, MUTED, OUTLINED, SIGNS, VALUE, own_settings, save

# isort: split
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlp.gates import Array
from mlp.network import ACTIVATIONS, MLP, RANGES
from mlp.system.files import StrPath

MAX_UNITS = 64
"""A larger hidden layer shows only its units with the largest gradients."""
SIDE, GAP, HEAD, FOOT, TEXT = 2.0, 0.35, 0.5, 0.55, 1.7
"""Inches: the side of a heat map, the space between two, above each row, below both, and for the prediction's text."""

HIDDEN = {
    "sigmoid": ("Greens", "white at 0 and dark at 1"),
    "tanh": (SIGNS, "purple above 0, white at 0 and orange below 0"),
    "relu": ("Greens", "white at 0 and dark at the largest of their layer"),
}
"""By activation, how hidden units look: the colours, and the same in words."""


@dataclass(frozen=True)
class Column:
    """An array and its gradient as matrices, ready to show; ``limits`` are the values at the ends of the colour map."""

    kind: str
    name: str
    value: Array = field(repr=False)
    gradient: Array = field(repr=False)
    colors: str
    limits: tuple[float, float]
    part: str = ""
    """Which part of the array is shown, if not all of it."""
    gradient_of: str = ""
    """The name of the array whose gradient is shown, if it is another one."""
    labels: Sequence[str] = field(default=(), repr=False)
    """A text for each cell, row by row."""

    @property
    def headings(self) -> tuple[str, str]:
        """The texts above the value and above the gradient."""
        largest = self.largest_gradient
        size = f"up to ±{largest:.1e}" if largest else "all 0"
        return f"{self.kind} {self.name}{self.part}", f"d{self.gradient_of or self.name}, {size}"

    @property
    def largest_gradient(self) -> float:
        """The largest magnitude in the gradient."""
        return float(np.nanmax(np.abs(self.gradient)))


def draw_network(
    path: StrPath,
    network: MLP,
    image_shape: tuple[int, int],
    digits: Sequence[int],
    title: str,
    lines: list[str],
    *,
    white: float = 1.0,
) -> None:
    """Draw a network with ``input_gradient`` after both passes over one image, as .svg, .png or .pdf.

    ``digits`` are the labels of its classes, ``lines`` are text to the right of the values, ``white`` is the largest
    pixel in X.
    """
    save(picture(title, columns(network, image_shape, digits, white), lines, network), path)


def columns(network: MLP, image_shape: tuple[int, int], digits: Sequence[int], white: float = 1.0) -> list[Column]:
    """The image, then the weights of each layer and its activations or outputs, except a single output."""
    graph = network.graph
    X, dX = (array.reshape(image_shape) for array in (graph.value("X"), graph.gradient("X")))
    shown = [Column("image", "X", X, dX, "gray_r", (0, white))]
    rows = np.arange(network.sizes[0])
    for layer, size in enumerate(network.sizes[1:], start=1):
        W, dW = graph.value(f"W{layer}"), graph.gradient(f"W{layer}")
        units = np.sort(np.argsort(-np.abs(dW).sum(axis=0), kind="stable")[:MAX_UNITS])
        part = f", {len(units)} of {size} units" if len(units) < size else ""
        part_of_rows = f", {len(rows)} of {len(W)} rows" if len(rows) < len(W) else ""
        W, dW = (_as_map(array[np.ix_(rows, units)], layer, image_shape) for array in (W, dW))
        limit = float(np.nanmax(np.abs(W))) or 1.0
        shown.append(Column("weights", f"W{layer}", W, dW, SIGNS, (-limit, limit), part_of_rows + part))
        if layer < len(network.sizes) - 1:
            name = f"Z{3 * layer}"
            Z, dZ = (grid(array[0, units]) for array in (graph.value(name), graph.gradient(name)))
            low, high = RANGES[type(ACTIVATIONS[network.activation_name])]
            limits = (low, float(np.nanmax(Z)) or 1.0 if high is None else high)
            shown.append(Column("hidden", name, Z, dZ, HIDDEN[network.activation_name][0], limits, part))
        elif size > 1:
            source = network.loss_node.inputs[0].name  # P, or the sums before it
            P, dP = (grid(array[0, units]) for array in (graph.value("P"), graph.gradient(source)))
            labels = [str(digits[k]) for k in units]
            shown.append(Column("outputs", "P", P, dP, "Greens", (0, 1), part, source, labels))
        rows = units
    return shown


def _as_map(W: Array, layer: int, image_shape: tuple[int, int]) -> Array:
    """A weight matrix as it is shown: the first as images, a single column as a grid, others unchanged."""
    if layer == 1:
        return tiles(W, image_shape)
    return grid(W[:, 0]) if W.shape[1] == 1 else W


def grid(vector: Array) -> Array:
    """A vector in the rows of a matrix about twice as wide as high; the cells left over are nan."""
    width = math.ceil(math.sqrt(2 * len(vector))) if len(vector) > 4 else len(vector)
    height = math.ceil(len(vector) / width)
    cells = np.full(width * height, np.nan)
    cells[: len(vector)] = vector
    return cells.reshape(height, width)


def tiles(W: Array, image_shape: tuple[int, int]) -> Array:
    """Each column of W (pixels, units) as an image, arranged as in ``grid``, with nan between the images."""
    rows, width = image_shape
    places = grid(np.arange(W.shape[1], dtype=float))
    pixels = np.full((places.shape[0] * (rows + 1) - 1, places.shape[1] * (width + 1) - 1), np.nan)
    for (row, column), unit in np.ndenumerate(places):
        if not math.isnan(unit):
            top, left = row * (rows + 1), column * (width + 1)
            pixels[top : top + rows, left : left + width] = W[:, int(unit)].reshape(image_shape)
    return pixels


@own_settings()
def picture(title: str, shown: list[Column], lines: list[str], network: MLP) -> Figure:
    """The figure: values above, gradients below, one column each; lengths are in inches."""
    widths = [SIDE * min(2.2, max(1.0, column.value.shape[1] / column.value.shape[0])) for column in shown]
    width = max(sum(widths) + GAP * (len(shown) + 1) + TEXT, 7.5)
    height = 2 * (SIDE + HEAD) + FOOT + 0.2
    figure = Figure(figsize=(width, height))
    figure.text(GAP / width, 1 - 0.25 / height, title, fontsize=13, va="center", color=INK)
    caption = (
        f"above: the values, hidden units {HIDDEN[network.activation_name][1]}"
        f"{', outputs white at 0 and dark at 1' * (network.sizes[-1] > 1)}; below: the derivatives of the loss "
        "with respect to them\nweights and derivatives are purple above 0, white at 0 and orange below 0"
    )
    figure.text(GAP / width, FOOT / 2 / height, caption, fontsize=FONT_POINTS, va="center", color=MUTED)
    left = GAP
    for column, wide in zip(shown, widths, strict=True):
        value_heading, gradient_heading = column.headings
        largest = column.largest_gradient or 1.0
        for array, colors, limits, row, heading, color in (
            (column.value, column.colors, column.limits, 1, value_heading, VALUE),
            (column.gradient, SIGNS, (-largest, largest), 0, gradient_heading, GRADIENT),
        ):
            bottom = row * (SIDE + HEAD) + FOOT
            axes = figure.add_axes((left / width, bottom / height, wide / width, SIDE / height))
            show_map(axes, array, colors, *limits, column.labels)
            axes.set_title(heading, fontsize=FONT_POINTS, color=color)
        left += wide + GAP
    last_sum = f"Z{3 * (len(network.sizes) - 1) - 1}"
    ends = [node for node in network.graph.nodes if node.name in ("L", "P", last_sum)]
    gradients = [
        f"d{node.name} = {network.graph.gradient(node.name).item():.4g}"
        for node in reversed(ends)
        if network.graph.has_gradient(node) and node.value.size == 1
    ]
    for texts, color, row in ((lines, VALUE, 1), (gradients, GRADIENT, 0)):
        middle = row * (SIDE + HEAD) + FOOT + SIDE / 2
        text = "\n".join(texts)
        figure.text(left / width, middle / height, text, fontsize=FONT_POINTS + 1, color=color, va="center")
    return figure


def show_map(axes: Axes, array: Array, colors: str, low: float, high: float, labels: Sequence[str] = ()) -> None:
    """Draw a heat map without axes, stretched to fill its place; nan stays white. ``labels`` are texts in its cells."""
    cells = np.ma.masked_invalid(array)
    axes.imshow(cells, cmap=colors, vmin=low, vmax=high, interpolation="nearest", aspect="auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(MUTED)
    for k, label in enumerate(labels):
        row, column = divmod(k, array.shape[1])
        axes.text(column, row, label, fontsize=FONT_POINTS, color=INK, ha="center", va="center", path_effects=OUTLINED)
