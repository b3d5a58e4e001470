"""Figures of a plane: images at their two singular coordinates, their reconstruction, a network's decision surface."""

from mlp.figures.style import ONE, OUTLINED, ZERO, class_looks, own_settings, save  # must come before matplotlib

# isort: split
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.data.svd import Projection
from mlp.figures.images import image_grid, show_image
from mlp.system.files import StrPath

MAX_LABELS_INSIDE = 5
"""With more labels the legend stands beside the plot, and each label at the median of its points."""
LEGEND_ROWS, LEGEND_COLUMN = 26, 1.5
"""This many labels fit in a column beside the plot; each further column makes it wider by these inches."""
MAX_LAYERS = 300
"""Sets of points that are drawn one above the other: each takes milliseconds."""
MAX_IMAGES_IN_A_ROW = 9
Predict = Callable[[NDArray[np.float64]], NDArray[Any]]
"""From points (n, 2) to probabilities, n numbers."""


@own_settings()
def scatter(
    path: StrPath, coordinates: NDArray[np.float64], labels: NDArray[Any], digits: Sequence[int], projection: Projection
) -> None:
    """The images as points in the plane of the first two singular directions; with two digits the larger is blue.

    The more digits there are, the more often they take turns: each lies partly above and partly below the others. Of
    very many they take fewer turns, up to one.
    """
    legend_columns = -(-len(digits) // LEGEND_ROWS)
    figure = Figure(figsize=(8 + LEGEND_COLUMN * (legend_columns - 1), 6), layout="constrained")
    axes = figure.subplots()
    ordered, turns = sorted(digits), max(1, min(len(digits) - 1, MAX_LAYERS // len(digits)))
    for turn in range(turns):
        for digit, (color, marker) in zip(ordered, class_looks(ordered), strict=True):
            x, y = coordinates[labels == digit].T
            label = f"digit {digit}: {len(x):,}" if turn == 0 else None
            axes.scatter(
                x[turn::turns], y[turn::turns], s=12, c=color, marker=marker, alpha=0.6, linewidths=0, label=label
            )
    values, shares = projection.singular_values, projection.explained_variance()
    for axis, ordinal, k in ((axes.xaxis, "first", 0), (axes.yaxis, "second", 1)):
        axis.set_label_text(f"{ordinal} singular direction: σ = {values[k]:,.0f}, explained variance {shares[k]:.1%}")
    axes.set_title(f"The digits in two dimensions, {'centred' if projection.centered else 'not centred'}")
    middle, reach = coordinates.mean(axis=0), np.abs(coordinates).max()
    if np.ptp(coordinates, axis=0).max() > 1e-9 * reach:
        axes.set_aspect("equal", adjustable="datalim")
    else:  # identical images: equal scales would show nothing but rounding errors
        axes.set(xlim=middle[0] + reach * np.array([-1, 1]), ylim=middle[1] + reach * np.array([-1, 1]))
    axes.set_axisbelow(True)
    axes.grid(alpha=0.3)
    if len(digits) <= MAX_LABELS_INSIDE:
        axes.legend()
    else:
        figure.legend(loc="outside right upper", markerscale=1.5, ncols=legend_columns)
        for digit in digits:
            x, y = np.median(coordinates[labels == digit], axis=0)
            axes.text(x, y, str(digit), ha="center", va="center", weight="bold", fontsize=11, path_effects=OUTLINED)
    save(figure, path)


@own_settings()
def reconstruction(
    path: StrPath, images: NDArray[Any], rebuilt: NDArray[np.float64], labels: NDArray[Any], shape: tuple[int, int]
) -> None:
    """Images (k, pixels) in rows, and below each its reconstruction from two coordinates."""
    title = "Above the images, below their reconstructions from two coordinates"
    columns = min(len(images), MAX_IMAGES_IN_A_ROW)
    grid = image_grid(title, 2 * columns * -(-len(images) // columns), columns=columns, caption_lines=1)
    above, below = np.arange(len(grid.axes)).reshape(-1, 2, columns).swapaxes(0, 1).reshape(2, -1)
    places = np.array(grid.axes)
    for k, label in enumerate(labels):
        show_image(places[above[k]], images[k], shape)
        places[above[k]].set_title(f"a {label}", fontsize=9)
        show_image(places[below[k]], rebuilt[k], shape)
    for axes in places[np.concatenate([above[len(labels) :], below[len(labels) :]])]:
        axes.remove()
    save(grid, path)


def decision_surface(path: StrPath, predict: Predict, X: NDArray[Any], Y: NDArray[Any]) -> None:
    """P = predict(X) over the plane around the points X (n, 2) with targets Y (n,), and the line where P is 1/2."""
    decision_surfaces(path, [("Predicted probability over the plane", predict)], X, Y)


@own_settings()
def decision_surfaces(path: StrPath, networks: Sequence[tuple[str, Predict]], X: NDArray[Any], Y: NDArray[Any]) -> None:
    """The decision surface of each network, by its title and its predictions, side by side."""
    figure = Figure(figsize=(1.4 + 5.2 * len(networks), 5.5), layout="constrained")
    every = figure.subplots(1, len(networks), squeeze=False)[0]
    for axes, (title, predict) in zip(every, networks, strict=True):
        filled = draw_surface(axes, predict, X, Y)
        axes.set_title(title)
    figure.colorbar(filled, ax=every, label="P, the probability of 1", ticks=np.linspace(0, 1, 11))
    legend = {text: line for axes in every for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=3)
    save(figure, path)


def draw_surface(axes: Axes, predict: Predict, X: NDArray[Any], Y: NDArray[Any]) -> ContourSet:
    """Draw one decision surface; returns its filled contours, whose colours a colorbar explains."""
    along = np.linspace(-0.5, 1.5, 201)
    x1, x2 = np.meshgrid(along, along)
    P = predict(np.stack([x1.ravel(), x2.ravel()], axis=1)).reshape(x1.shape)
    filled = axes.contourf(x1, x2, P, levels=np.linspace(0, 1, 21), cmap="RdYlBu")
    if P.min() < 0.5 < P.max():
        axes.contour(x1, x2, P, levels=[0.5], colors="black", linewidths=2)
        axes.plot([], [], color="black", linewidth=2, label="P = ½")
    for target, color, marker in zip((0, 1), (ZERO, ONE), "o^", strict=True):
        label, place = f"target {target}", X[target == Y].T
        axes.plot(*place, marker, color=color, markersize=13, markeredgecolor="white", markeredgewidth=2, label=label)
    ticks = np.linspace(-0.5, 1.5, 5)
    axes.set(xlabel="x1", ylabel="x2", xticks=ticks, yticks=ticks, aspect="equal")
    return filled
