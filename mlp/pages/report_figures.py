"""The figures of a run's report, as elements of its page: small enough for a phone, in the page's colours."""

from mlp.figures.style import BLUE, RED, inline, own_settings  # before matplotlib, which may fail on MPLBACKEND

# isort: split
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp.figures import curves, scales
from mlp.gates import Array
from mlp.training.progress import Epoch

PANEL = (4.6, 3.2)
"""Inches of a figure of which two stand side by side."""
PLANE = (6.4, 5.2)
PLANE_PLACE = (0.13, 0.11, 0.85, 0.86)
"""Of the plane's axes in its figure, in shares: left, bottom, width, height."""
ACROSS = 96
"""Points of the plane at which the network is asked, in each direction."""
COUNT_OF_ONE = 0.7
"""Where a logarithmic axis of counts begins: a count of 1 is a bar, too."""
FAINTEST = -12
"""The power of ten up to which magnitudes of gradients are told apart."""


@own_settings()
def loss_panel(history: Sequence[Epoch], best_epoch: int, loss: str) -> str:
    """Training and validation loss over the epochs."""
    figure, axes = _panel()
    curves.draw_losses(axes, history, loss)
    return _with_kept_epoch(figure, axes, history, best_epoch, "loss")


@own_settings()
def accuracy_panel(history: Sequence[Epoch], best_epoch: int) -> str:
    """Training and validation accuracy over the epochs."""
    figure, axes = _panel()
    curves.draw_accuracies(axes, history)
    return _with_kept_epoch(figure, axes, history, best_epoch, "accuracy")


def _panel() -> tuple[Figure, Axes]:
    figure = Figure(figsize=PANEL)
    return figure, figure.subplots(gridspec_kw={"left": 0.2, "right": 0.97, "bottom": 0.16, "top": 0.88})


def _with_kept_epoch(figure: Figure, axes: Axes, history: Sequence[Epoch], best_epoch: int, name: str) -> str:
    curves.mark_kept(axes, history, best_epoch)
    figure.legend(handles=axes.lines, loc="upper center", ncols=3, frameon=False, fontsize=8.5)
    return inline(figure, name)


@dataclass(frozen=True)
class Plane:
    """The points in the plane as a figure, and where its axes are, for a script that finds a point in it."""

    svg: str
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]


@own_settings()
def plane(
    coordinates: NDArray[np.float64],
    is_blue: NDArray[np.bool_],
    probability_of_blue: Callable[[NDArray[np.float64]], Array],
) -> Plane:
    """Points (n, 2) of two digits, one blue, and behind them what the network takes each place of the plane for.

    ``probability_of_blue`` gives the probability of the blue digit for places (m, 2).
    """
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    inches = np.array(PLANE) * PLANE_PLACE[2:]
    scale = 1.08 * float(((high - low) / inches).max()) or 1.0  # of one scale in both directions
    (left, bottom), (right, top) = ((low + high) / 2 + sign * scale * inches / 2 for sign in (-1, 1))
    x, y = (np.linspace(a, b, ACROSS) for a, b in ((left, right), (bottom, top)))
    places = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)
    P = probability_of_blue(places).reshape(ACROSS, ACROSS).astype(np.float64)
    figure = Figure(figsize=PLANE)
    axes = figure.add_axes(PLANE_PLACE)
    colors = np.where(P[..., np.newaxis] < 0.5, to_rgb(RED), to_rgb(BLUE))
    surfaces = np.concatenate([colors, 0.6 * np.abs(P - 0.5)[..., np.newaxis]], axis=2)
    axes.imshow(surfaces, extent=(left, right, bottom, top), origin="lower", aspect="auto", interpolation="bilinear")
    if P.min() < 0.5 < P.max():
        axes.contour(x, y, P, levels=[0.5], colors="black", linewidths=1.5)
    for chosen, color, mark in ((~is_blue, RED, "o"), (is_blue, BLUE, "^")):
        points = coordinates[chosen]
        axes.scatter(points[:, 0], points[:, 1], s=9, c=color, marker=mark, alpha=0.7, linewidths=0, rasterized=True)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set(xlabel="first singular direction", ylabel="second singular direction")
    return Plane(inline(figure, "plane"), (float(left), float(right)), (float(bottom), float(top)))


@own_settings()
def activations_panel(values: Array, name: str) -> str:
    """How often a layer's units have each activation, 0 to 1, over images and units."""
    figure, axes = _panel()
    _stairs(axes, values.reshape(-1), np.linspace(0, 1, 41), BLUE)
    axes.set(xlabel=f"activation {name}", ylabel="images × units", xlim=(0, 1))
    return inline(figure, f"activations-{name}")


@own_settings()
def gradients_panel(gradient: Array, name: str) -> str:
    """How large a layer's gradients are, in powers of ten; 0 and what is smaller than shown on the left."""
    figure, axes = _panel()
    powers = np.abs(gradient.reshape(-1))  # in place from here on, as there may be many
    with np.errstate(divide="ignore"):
        np.log10(powers, out=powers)
    np.maximum(powers, FAINTEST, out=powers)
    largest = max(1, math.ceil(powers.max()))
    _stairs(axes, powers, np.linspace(FAINTEST, largest, 4 * (largest - FAINTEST) + 1), RED)
    ticks = list(range(FAINTEST, largest + 1, 3))
    axes.set_xticks(ticks, ["0" if tick == FAINTEST else scales.power_label(tick) for tick in ticks])
    axes.set(xlabel=f"magnitude in d{name}", ylabel="weights")
    return inline(figure, f"gradients-{name}")


def _stairs(axes: Axes, values: Array, edges: NDArray[np.float64], color: str) -> None:
    """How many values lie between each two edges, on a logarithmic axis."""
    counts, _ = np.histogram(values, edges)
    axes.set_yscale("log")
    axes.stairs(np.maximum(counts, COUNT_OF_ONE / 2), edges, baseline=COUNT_OF_ONE / 2, fill=True, color=color)
    axes.set_ylim(COUNT_OF_ONE, 2 * counts.max())
    powers = range(math.ceil(math.log10(2 * counts.max())))
    axes.set_yticks([10**power for power in powers], [scales.power_label(power) for power in powers])
    axes.set_yticks([], minor=True)  # each takes a millisecond


def weight_picture(tiles: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Weights, nan between them, as levels (rows, columns) and the colours of the levels (256, 3).

    Purple above 0, orange below, white at 0; level 0 is what lies between.
    """
    largest = float(np.nanmax(np.abs(tiles))) or 1.0
    levels = np.where(np.isnan(tiles), 0, np.rint(128 + 127 * np.nan_to_num(tiles / largest)))
    colors = matplotlib.colormaps["PuOr"]((np.arange(256) - 1) / 254, bytes=True)
    return levels.astype(np.uint8), np.asarray(colors[:, :3], np.uint8)
