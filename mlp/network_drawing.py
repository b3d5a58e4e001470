"""A trained network on one test image: every value on its way to the loss, and below it every gradient on its way back.

A column for the image, each weight matrix, each layer's activations and the prediction. A first weight matrix is
shown as images, one for each hidden unit.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlp.drawing import GREEN, GREY, INK, RED, SIZE, save
from mlp.errors import InputError
from mlp.finished_runs import FinishedRun
from mlp.gates import Array
from mlp.network import MLP, decide

MOST_UNITS = 64
"""Hidden units of a layer that are shown: those with the largest gradients."""
SIDE, GAP, HEAD, FOOT, TEXT = 2.0, 0.35, 0.5, 0.4, 1.7
"""Inches: of a heat map, between two, above each row, below both, and for the prediction in words."""


@dataclass(frozen=True)
class Column:
    """An array with its gradient, both as matrices to be shown; ``range`` are the values of the map's two ends."""

    title: str
    value: Array
    gradient: Array
    colors: str
    range: tuple[float, float]


def draw(run: FinishedRun, index: int, path: Path) -> None:
    """Draw the run's network on the test image at this index of the IDX file; the file's ending says how.

    InputError where there is no such image, or it is of another digit than the run's.
    """
    images = run.test_images()
    count = len(images.source.labels)
    if not 0 <= index < count:
        raise InputError(f"--digit {index}: the test file holds {count:,} images, 0 to {count - 1}")
    position = np.flatnonzero(images.indices == index)
    if not len(position):
        first, second = images.digits
        raise InputError(
            f"--digit {index}: the test image is a {images.source.labels[index]}, the run tells {first} from {second}"
        )
    X, Y = np.empty((1, images.inputs)), np.empty((1, 1))
    images.fetch(position, X, Y)
    network = run.network.copy(np.float64, input_gradient=True)
    loss = network.loss(X, Y)
    network.backward()
    probability = network.probabilities.item()
    digit, taken = images.digits[int(Y.item())], images.digits[int(decide(network.probabilities).item())]
    title = f"test image {index}: a {digit}, taken for {taken}"
    words = [
        f"P = {probability:.4g}",
        f"the probability of a {images.digits[1]}",
        "",
        f"target Y = {Y.item():.0f}",
        f"loss L = {loss:.4g}",
    ]
    save(picture(title, columns(network, run.image_shape), words, network), path)


def columns(network: MLP, image_shape: tuple[int, int]) -> list[Column]:
    """The image, and for each layer its weights and, where it is hidden, its activations."""
    graph = network.graph
    image = Column(
        "image X", graph.value("X").reshape(image_shape), graph.gradient("X").reshape(image_shape), "gray_r", (0, 1)
    )
    shown = [image]
    units, _as_tiles = np.arange(network.sizes[0]), image_shape
    for layer, size in enumerate(network.sizes[1:], start=1):
        W, dW = graph.value(f"W{layer}"), graph.gradient(f"W{layer}")
        kept = np.sort(np.argsort(-np.abs(dW).sum(axis=0), kind="stable")[:MOST_UNITS])
        of = f", {len(kept)} of {size} units" if len(kept) < size else ""
        W, dW = W[np.ix_(units, kept)], dW[np.ix_(units, kept)]
        if layer == 1:
            pair = tiles(W, image_shape), tiles(dW, image_shape)
        elif size == 1:
            pair = grid(W[:, 0]), grid(dW[:, 0])
        else:
            pair = W, dW
        limit = float(np.abs(W).max()) or 1.0
        shown.append(Column(f"weights W{layer}{of}", *pair, "PuOr", (-limit, limit)))
        if layer < len(network.sizes) - 1:
            name = f"Z{3 * layer}"
            value, gradient = (grid(array[0, kept]) for array in (graph.value(name), graph.gradient(name)))
            shown.append(Column(f"hidden {name}{of}", value, gradient, "Greens", (0, 1)))
        units = kept
    return shown


def grid(vector: Array) -> Array:
    """A vector in rows of a picture about twice as wide as high; what is left over is nan."""
    width = math.ceil(math.sqrt(2 * len(vector))) if len(vector) > 4 else len(vector)
    height = math.ceil(len(vector) / width)
    cells = np.full(width * height, np.nan)
    cells[: len(vector)] = vector
    return cells.reshape(height, width)


def tiles(W: Array, image_shape: tuple[int, int]) -> Array:
    """Each column of W (pixels, units) as an image, placed as ``grid`` places the units, with nan between them."""
    rows, width = image_shape
    places = grid(np.arange(W.shape[1], dtype=float))
    picture = np.full((places.shape[0] * (rows + 1) - 1, places.shape[1] * (width + 1) - 1), np.nan)
    for (row, column), unit in np.ndenumerate(places):
        if not math.isnan(unit):
            top, left = row * (rows + 1), column * (width + 1)
            picture[top : top + rows, left : left + width] = W[:, int(unit)].reshape(image_shape)
    return picture


def picture(title: str, shown: list[Column], words: list[str], network: MLP) -> Figure:
    """Values above, gradients below, a column each; laid out in inches."""
    widths = [SIDE * min(2.2, max(1.0, column.value.shape[1] / column.value.shape[0])) for column in shown]
    width = max(sum(widths) + GAP * (len(shown) + 1) + TEXT, 7.5)
    height = 2 * (SIDE + HEAD) + FOOT + 0.2
    figure = Figure(figsize=(width, height))
    figure.text(GAP / width, 1 - 0.25 / height, title, fontsize=13, va="center", color=INK)
    caption = "above: the values; below: the derivatives of the loss with respect to them, red above 0 and blue below"
    figure.text(GAP / width, 0.2 / height, caption, fontsize=SIZE, va="center", color=GREY)
    left = GAP
    for column, wide in zip(shown, widths, strict=True):
        limit = float(np.nanmax(np.abs(column.gradient)))
        for array, colors, (low, high), row, heading, color in (
            (column.value, column.colors, column.range, 1, column.title, GREEN),
            (column.gradient, "RdBu_r", (-limit or -1.0, limit or 1.0), 0, gradient_title(column.title, limit), RED),
        ):
            bottom = row * (SIDE + HEAD) + FOOT
            axes = figure.add_axes((left / width, bottom / height, wide / width, SIDE / height))
            show(axes, array, colors, low, high)
            axes.set_title(heading, fontsize=SIZE, color=color)
        left += wide + GAP
    last_sum = f"Z{3 * (len(network.sizes) - 1) - 1}"
    ends = [node for node in network.graph.nodes if node.name in ("L", "P", last_sum)]
    gradients = [
        f"d{node.name} = {network.graph.gradient(node.name).item():.4g}"
        for node in reversed(ends)
        if network.graph.has_gradient(node)
    ]
    for lines, color, row in ((words, GREEN, 1), (gradients, RED, 0)):
        middle = row * (SIDE + HEAD) + FOOT + SIDE / 2
        figure.text(left / width, middle / height, "\n".join(lines), fontsize=SIZE + 1, color=color, va="center")
    return figure


def gradient_title(title: str, limit: float) -> str:
    """The name of the array with its d, and what the map's ends mean."""
    name = title.split(",")[0].split()[-1]
    return f"d{name}, up to ±{limit:.1e}" if limit else f"d{name}, all 0"


def show(axes: Axes, array: Array, colors: str, low: float, high: float) -> None:
    """A heat map without axes, stretched to its place; nan is left as paper."""
    cells = np.ma.masked_invalid(array)
    axes.imshow(cells, cmap=colors, vmin=low, vmax=high, interpolation="nearest", aspect="auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(GREY)
