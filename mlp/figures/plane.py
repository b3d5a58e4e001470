"""Figures of a plane: images at their two singular coordinates, their reconstruction, a network's decision surface."""

from mlp.figures.style import ONE, ZERO, own_settings, save  # must come before matplotlib

# isort: split
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.data.svd import Projection
from mlp.figures.images import image_grid, show_image


@own_settings()
def scatter(
    path: Path, coordinates: NDArray[np.float64], labels: NDArray[Any], digits: tuple[int, int], projection: Projection
) -> None:
    """The images as points in the plane of the first two singular directions, the larger digit blue."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    for digit, color, marker in zip(sorted(digits), (ZERO, ONE), "o^", strict=True):
        x, y = coordinates[labels == digit].T
        label = f"digit {digit}: {len(x):,}"
        axes.scatter(x, y, s=12, c=color, marker=marker, alpha=0.6, linewidths=0, label=label)
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
    axes.legend()
    save(figure, path)


@own_settings()
def reconstruction(
    path: Path, images: NDArray[Any], rebuilt: NDArray[np.float64], labels: NDArray[Any], shape: tuple[int, int]
) -> None:
    """Images (k, pixels) in one row, and below each its reconstruction from two coordinates."""
    title = "Above the images, below their reconstructions from two coordinates"
    grid = image_grid(title, 2 * len(images), columns=len(images), caption_lines=1)
    for k, label in enumerate(labels):
        show_image(grid.axes[k], images[k], shape)
        grid.axes[k].set_title(f"a {label}", fontsize=9)
        show_image(grid.axes[len(images) + k], rebuilt[k], shape)
    save(grid, path)


@own_settings()
def decision_surface(
    path: Path, predict: Callable[[NDArray[np.float64]], NDArray[Any]], X: NDArray[Any], Y: NDArray[Any]
) -> None:
    """P = predict(X) over the plane around the points X (n, 2) with targets Y (n,), and the line where P is 1/2."""
    along = np.linspace(-0.5, 1.5, 201)
    x1, x2 = np.meshgrid(along, along)
    P = predict(np.stack([x1.ravel(), x2.ravel()], axis=1)).reshape(x1.shape)
    figure = Figure(figsize=(6.6, 5.5), layout="constrained")
    axes = figure.subplots()
    filled = axes.contourf(x1, x2, P, levels=np.linspace(0, 1, 21), cmap="RdYlBu")
    figure.colorbar(filled, label="P, the probability of 1", ticks=np.linspace(0, 1, 11))
    if P.min() < 0.5 < P.max():
        axes.contour(x1, x2, P, levels=[0.5], colors="black", linewidths=2)
        axes.plot([], [], color="black", linewidth=2, label="P = ½")
    for target, color, marker in zip((0, 1), (ZERO, ONE), "o^", strict=True):
        label, place = f"target {target}", X[target == Y].T
        axes.plot(*place, marker, color=color, markersize=13, markeredgecolor="white", markeredgewidth=2, label=label)
    ticks = np.linspace(-0.5, 1.5, 5)
    axes.set(xlabel="x1", ylabel="x2", xticks=ticks, yticks=ticks, aspect="equal")
    axes.set_title("Predicted probability over the plane")
    figure.legend(loc="outside lower center", ncols=3)
    save(figure, path)
