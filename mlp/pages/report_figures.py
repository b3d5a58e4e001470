"""The figures of a run's report, as SVG elements: small enough for a phone, in the page's colours."""

from mlp.figures.style import (  # must come before matplotlib
    GRADIENT,
    INK,
    OUTLINED,
    VALUE,
    class_looks,
    inline,
    own_settings,
)

# isort: split
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mlp.figures import curves, scales
from mlp.gates import Array
from mlp.training.progress import Epoch

PANEL = (4.6, 3.2)
"""Inches: width and height of figures that stand side by side."""
PLANE = (6.4, 5.2)
PLANE_PLACE = (0.13, 0.11, 0.85, 0.86)
"""The axes within the figure of the plane: left, bottom, width, height, as fractions."""
LABEL_ROOM = 0.02
"""As a fraction of the width of the plane: a number nearer to its right end would be cut off."""
LEGEND_COLUMNS, LEGEND_ROW = 10, 0.21
"""Digits in a row of the plane's legend, and the row's height in inches; with many classes the figure is higher."""
MIN_REGION = 0.01
"""Smallest fraction of the plane of a region with room for its digit."""
GRID_POINTS = 96
"""Points in each direction of the plane at which the network predicts."""
MIN_COUNT = 0.7
"""Where a logarithmic axis of counts begins, so that a count of 1 is a visible bar."""
MIN_POWER = -12
"""Gradients below ten to this power are shown as 0."""


@own_settings()
def curve_panels(history: Sequence[Epoch], best_epoch: int, loss: str) -> dict[str, str]:
    """Training and validation loss, and accuracy, over the epochs; ``loss`` is the name of the loss."""
    panels = {}
    for name in ("loss", "accuracy"):
        figure, axes = _panel()
        if name == "loss":
            curves.draw_losses(axes, history, loss)
        else:
            curves.draw_accuracies(axes, history)
        curves.mark_kept(axes, history, best_epoch)
        figure.legend(handles=axes.lines, loc="upper center", ncols=3, frameon=False, fontsize=8.5)
        panels[name] = inline(figure, name)
    return panels


def _panel() -> tuple[Figure, Axes]:
    figure = Figure(figsize=PANEL)
    return figure, figure.subplots(gridspec_kw={"left": 0.2, "right": 0.97, "bottom": 0.16, "top": 0.88})


@own_settings()
def plane(
    coordinates: NDArray[np.float64],
    classes: NDArray[Any],
    digits: Sequence[int],
    probabilities: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    has_legend: bool,
) -> tuple[str, dict[str, Any]]:
    """Points (n, 2) in the colours of their classes (n,), and behind them the network's prediction for each place.

    ``digits`` has the label of each class. ``probabilities`` returns that of each class, (m, classes), for places
    (m, 2). A place has the colour of the most probable class, the stronger the more probable that is. Returns the
    figure, and where its axes are, for the page's script.
    """
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    width, height = PLANE
    height += LEGEND_ROW * math.ceil(len(digits) / LEGEND_COLUMNS) if has_legend else 0
    left, bottom, *sides = PLANE_PLACE
    place = left, bottom * PLANE[1] / height, sides[0], sides[1] * PLANE[1] / height
    inches = np.array([width, height]) * place[2:]
    scale = 1.08 * float(((high - low) / inches).max()) or 1.0  # the same in both directions
    (left, bottom), (right, top) = ((low + high) / 2 + sign * scale * inches / 2 for sign in (-1, 1))
    x, y = (np.linspace(a, b, GRID_POINTS) for a, b in ((left, right), (bottom, top)))
    places = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)
    P = probabilities(places).reshape(GRID_POINTS, GRID_POINTS, len(digits))
    figure, looks = Figure(figsize=(width, height)), class_looks(digits)
    axes = figure.add_axes(place)
    _regions(axes, x, y, P, [color for color, _ in looks])
    for digit, k in sorted((digit, k) for k, digit in enumerate(digits)):
        (color, mark), points = looks[k], coordinates[classes == k]
        own: dict[str, Any] = {"c": color, "marker": mark, "label": str(digit)}
        axes.scatter(points[:, 0], points[:, 1], s=9, alpha=0.7, linewidths=0, rasterized=True, **own)
    if has_legend:
        tight = {"columnspacing": 0.9, "handletextpad": 0.1, "borderpad": 0}
        legend = figure.legend(loc="upper center", ncols=LEGEND_COLUMNS, markerscale=2, frameon=False, **tight)
        for handle in filter(None, legend.legend_handles):
            handle.set_alpha(1)
        _name_regions(axes, x, y, P.argmax(axis=2), digits)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set(xlabel="first singular direction", ylabel="second singular direction")
    axes.set_xticks([tick for tick in axes.get_xticks() if left <= tick <= right - LABEL_ROOM * (right - left)])
    limits = ((float(left), float(right)), (float(bottom), float(top)))
    return inline(figure, "plane"), {"place": place, "limits": limits}


def _regions(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], P: NDArray[np.float64], colors: Sequence[str]
) -> None:
    """The most probable class at each point, from P (y, x, classes), and lines between the classes.

    The colour is the stronger the more probable the class is; it has no strength if all classes are equally probable.
    """
    predicted, chance = P.argmax(axis=2), 1 / len(colors)
    second, first = np.moveaxis(np.partition(P, -2, axis=2)[..., -2:], 2, 0)
    opacity = 0.3 * (first - chance).clip(min=0) / (1 - chance)
    surfaces = np.concatenate([np.array(list(map(to_rgb, colors)))[predicted], opacity[..., np.newaxis]], axis=2)
    extent = (x[0], x[-1], y[0], y[-1])
    axes.imshow(surfaces, extent=extent, origin="lower", aspect="auto", interpolation="bilinear")
    for k in np.unique(predicted)[1:]:  # each line is beside one of these
        lead = P[..., k] - np.where(predicted == k, second, first)
        if lead.min() < 0 < lead.max():
            axes.contour(x, y, lead, levels=[0], colors="black", linewidths=1.5)


def _name_regions(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], predicted: NDArray[Any], digits: Sequence[int]
) -> None:
    """Write each region's digit where the region is widest: pale colours are hard to tell apart."""
    style: dict[str, Any] = {"ha": "center", "va": "center", "weight": "bold", "color": INK, "path_effects": OUTLINED}
    for k, digit in enumerate(digits):
        left = np.pad(predicted == k, 1)  # beyond the edge is no region
        if np.count_nonzero(left) >= MIN_REGION * predicted.size:
            while left.any():
                widest, left = left, _without_border(left)
            row, column = np.argwhere(widest)[0] - 1
            axes.text(x[column], y[row], str(digit), **style)


def _without_border(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The points of a region whose four neighbours are in it too."""
    neighbours = [np.roll(region, by, axis) for axis in (0, 1) for by in (-1, 1)]
    inner: NDArray[np.bool_] = np.all([region, *neighbours], axis=0)
    return inner


@own_settings()
def activations_panel(values: Array, name: str, limits: tuple[float, float]) -> str:
    """Histogram of a layer's activations, which are within these limits, over images and units."""
    figure, axes = _panel()
    _stairs(axes, values.reshape(-1), np.linspace(*limits, 41), VALUE)
    axes.set(xlabel=f"activation {name}", ylabel="images × units", xlim=limits)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    return inline(figure, f"activations-{name}")


@own_settings()
def gradients_panel(gradient: Array, name: str) -> str:
    """Histogram of the magnitudes of a layer's gradients, in powers of ten; the leftmost bar counts the zeros."""
    figure, axes = _panel()
    powers = np.abs(gradient.reshape(-1))  # in place from here on: the array may be large
    with np.errstate(divide="ignore"):
        np.log10(powers, out=powers)
    np.maximum(powers, MIN_POWER, out=powers)
    largest = max(1, math.ceil(powers.max()))
    _stairs(axes, powers, np.linspace(MIN_POWER, largest, 4 * (largest - MIN_POWER) + 1), GRADIENT)
    ticks = list(range(MIN_POWER, largest + 1, 3))
    axes.set_xticks(ticks, ["0" if tick == MIN_POWER else scales.power_label(tick) for tick in ticks])
    axes.set(xlabel=f"magnitude in d{name}", ylabel="weights")
    return inline(figure, f"gradients-{name}")


def _stairs(axes: Axes, values: Array, edges: NDArray[np.float64], color: str) -> None:
    """A histogram on a logarithmic axis."""
    counts, _ = np.histogram(values, edges)
    axes.set_yscale("log")
    axes.stairs(np.maximum(counts, MIN_COUNT / 2), edges, baseline=MIN_COUNT / 2, fill=True, color=color)
    axes.set_ylim(MIN_COUNT, 2 * counts.max())
    powers = range(math.ceil(math.log10(2 * counts.max())))
    axes.set_yticks([10**power for power in powers], [scales.power_label(power) for power in powers])
    axes.set_yticks([], minor=True)  # each takes a millisecond


def sign_levels(numbers: Array) -> NDArray[np.uint8]:
    """Each number as a row of ``sign_colors``, relative to the largest magnitude; row 0 for nan."""
    largest = float(np.nanmax(np.abs(numbers))) or 1.0
    levels = np.where(np.isnan(numbers), 0, np.rint(128 + 127 * np.nan_to_num(numbers / largest)))
    return levels.astype(np.uint8)
