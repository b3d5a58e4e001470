"""The figures of judging and of the plane; curves have their own in curves.py, circuits in drawing.py."""

from mlp.figures.style import BLUE, GREY, RED, own_settings, save  # before matplotlib, which may fail on MPLBACKEND

# isort: split
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.data.svd import Projection
from mlp.evaluation import Evaluation

MOST_MISTAKES = 40
"""Images on the page of mistakes."""
LONGEST = 8
"""An image's longer side over its shorter one, up to which it is shown as it is."""


@own_settings()
def confusion(path: Path, evaluation: Evaluation) -> None:
    """The four counts, each with its share of the true class."""
    counts = evaluation.confusion()
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    digits = [str(digit) for digit in evaluation.images.digits]
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        text = f"{count:,}\n{shares[row, column]:.2%}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=14)
    axes.set(xticks=[0, 1], xticklabels=digits, yticks=[0, 1], yticklabels=digits)
    axes.set(xlabel="predicted digit", ylabel="true digit")
    axes.axhline(0.5, color=GREY, linewidth=1)
    axes.axvline(0.5, color=GREY, linewidth=1)
    axes.set_title(f"Errors: {len(evaluation.mistakes)} in {len(evaluation.images):,} images")
    save(figure, path)


@own_settings()
def mistakes(path: Path, evaluation: Evaluation) -> None:
    """Each image that was classified wrongly, with digit, prediction, probability and index; the surest first."""
    images, wrong = evaluation.images, evaluation.mistakes
    shown = evaluation.surest_mistakes[:MOST_MISTAKES]
    title = f"{len(wrong) or 'None'} of {len(images):,} images classified wrongly"
    if len(shown) < len(wrong):
        title += f": the surest {len(shown)}"
    grid = _image_grid(title, len(shown), columns=min(max(len(shown), 1), 8), caption_lines=3)
    for axes, position in zip(grid.axes, shown, strict=True):
        digit, predicted = images.labels[position], images.digits[int(evaluation.predicted[position])]
        _show(axes, images.pixels(np.array([position])), images.image_shape)
        caption = f"a {digit}, taken for {predicted}\np({images.digits[1]}) = {evaluation.probabilities[position]:.4f}"
        axes.set_title(f"{caption}\nindex {images.indices[position]}", fontsize=9)
    save(grid, path)


def _image_grid(title: str, images: int, *, columns: int, caption_lines: int) -> Figure:
    """A figure of so many axes for images, in rows, each with room for a caption; laid out in inches.

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


def _show(axes: Axes, image: NDArray[Any], shape: tuple[int, int]) -> None:
    """An image of bytes as ink on paper; one that is all but a line is stretched to be seen."""
    axes.imshow(image.reshape(shape), cmap="gray_r", vmin=0, vmax=255)
    if max(shape) > LONGEST * min(shape):
        axes.set_aspect("auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("#CCCCCC")


@own_settings()
def scatter(
    path: Path, coordinates: NDArray[np.float64], labels: NDArray[Any], digits: tuple[int, int], projection: Projection
) -> None:
    """The images as points in the plane of the first two singular directions, the larger digit blue."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    for digit, color, marker in zip(sorted(digits), (RED, BLUE), "o^", strict=True):
        x, y = coordinates[labels == digit].T
        label = f"digit {digit}: {len(x):,}"
        axes.scatter(x, y, s=12, c=color, marker=marker, alpha=0.6, linewidths=0, label=label)
    x_label, y_label = (
        f"{ordinal} singular direction: σ = {value:,.0f}, {share:.1%} of the energy"
        for ordinal, value, share in zip(
            ("first", "second"), projection.singular_values, projection.explained_variance(), strict=False
        )
    )
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_title(f"The digits in two dimensions, {'centred' if projection.centered else 'not centred'}")
    middle, reach = coordinates.mean(axis=0), np.abs(coordinates).max()
    if np.ptp(coordinates, axis=0).max() > 1e-9 * reach:
        axes.set_aspect("equal", adjustable="datalim")
    else:  # images all alike: nothing but rounding would be left to see
        axes.set(xlim=middle[0] + reach * np.array([-1, 1]), ylim=middle[1] + reach * np.array([-1, 1]))
    axes.set_axisbelow(True)
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


@own_settings()
def reconstruction(
    path: Path, images: NDArray[Any], rebuilt: NDArray[np.float64], labels: NDArray[Any], shape: tuple[int, int]
) -> None:
    """Images (k, pixels) in one row, and under each its rebuild from two coordinates."""
    grid = _image_grid(
        "Above the image, below its rebuild from two coordinates", 2 * len(images), columns=len(images), caption_lines=1
    )
    for k, label in enumerate(labels):
        _show(grid.axes[k], images[k], shape)
        grid.axes[k].set_title(f"a {label}", fontsize=9)
        _show(grid.axes[len(images) + k], rebuilt[k], shape)
    save(grid, path)


@own_settings()
def decision_surface(
    path: Path, predict: Callable[[NDArray[np.float64]], NDArray[Any]], X: NDArray[Any], Y: NDArray[Any]
) -> None:
    """P = predict(X) over the plane around the points X (n, 2) of targets Y (n,), and the line where P is 1/2."""
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
    for target, color, marker in zip((0, 1), (RED, BLUE), "o^", strict=True):
        label, place = f"target {target}", X[target == Y].T
        axes.plot(*place, marker, color=color, markersize=13, markeredgecolor="white", markeredgewidth=2, label=label)
    ticks = np.linspace(-0.5, 1.5, 5)
    axes.set(xlabel="x1", ylabel="x2", xticks=ticks, yticks=ticks, aspect="equal")
    axes.set_title("What the network makes of the plane")
    figure.legend(loc="outside lower center", ncols=3)
    save(figure, path)
