"""The figures of a run's report, as SVG elements: small enough for a phone, in the page's colours."""

from mlp.figures.style import GRADIENT, VALUE, inline, own_settings  # must come before matplotlib

# isort: split
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mlp.figures import curves, scales
from mlp.gates import Array
from mlp.languages.catalogue import say
from mlp.pages import frame
from mlp.training.progress import Epoch

CURVES, HISTOGRAM = (4.6, 2.6), (2.9, 2.1)
"""Inches: width and height of a figure; two or four stand side by side."""
MARGINS = {
    CURVES: {"left": 0.2, "right": 0.97, "bottom": 0.18, "top": 0.88},
    HISTOGRAM: {"left": 0.22, "right": 0.95, "bottom": 0.23, "top": 0.95},
}
"""As fractions of the figure."""
MIN_COUNT = 0.7
"""Where a logarithmic axis of counts begins, so that a count of 1 is a visible bar."""
MIN_POWER = -12
"""Gradients below ten to this power are shown as 0."""


CURVE_NAMES = {
    ("loss", True): "report.loss_panel",
    ("loss", False): "report.loss_panel_without_validation",
    ("accuracy", True): "report.accuracy_panel",
    ("accuracy", False): "report.accuracy_panel_without_validation",
}
"""The key of the text that describes a curve, by what it shows and by whether there are validation images."""


@own_settings()
def curve_panels(history: Sequence[Epoch], best_epoch: int, loss: str) -> list[dict[str, Any]]:
    """Training and validation loss, and accuracy, over the epochs; ``loss`` is the name of the loss.

    Each is an SVG, and the key of the text that describes it with the values in its places.
    """
    panels = []
    for name in ("loss", "accuracy"):
        figure, axes = _panel(CURVES)
        if name == "loss":
            curves.draw_losses(axes, history, loss)
        else:
            curves.draw_accuracies(axes, history)
        curves.mark_kept(axes, history, best_epoch)
        figure.legend(handles=axes.lines, loc="upper center", ncols=3, frameon=False, fontsize=8.5)
        panels.append({"svg": _in_page(figure, name), **_description(name, history, best_epoch)})
    return panels


def _description(name: str, history: Sequence[Epoch], best_epoch: int) -> dict[str, Any]:
    """The text about a curve: its numbers in the epoch whose weights are kept."""
    kept = next(row for row in history if row.epoch == best_epoch)
    train, validation = (getattr(kept, f"{part}_{name}") for part in ("train", "validation"))
    places = {"count": f"{len(history):,}", "train": f"{train:.6g}"}
    if validation is not None:
        places["validation"] = f"{validation:.6g}"
    return {"key": CURVE_NAMES[name, validation is not None], "places": places}


def _in_page(figure: Figure, name: str) -> Markup:
    """The figure as an <svg> element whose texts the page can show in another language."""
    return frame.say_in_figure(inline(figure, name))


def _panel(size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size)
    return figure, figure.subplots(gridspec_kw=MARGINS[size])


@own_settings()
def activations_panel(values: Array, name: str, limits: tuple[float, float]) -> Markup:
    """Histogram of a layer's activations, which are within these limits, over images and units."""
    figure, axes = _panel(HISTOGRAM)
    _stairs(axes, values.reshape(-1), np.linspace(*limits, 41), VALUE)
    axes.set(xlabel=say("figure.activation", name=name), ylabel=say("figure.images_units"), xlim=limits)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    return _in_page(figure, f"activations-{name}")


@own_settings()
def gradients_panel(gradient: Array, name: str) -> Markup:
    """Histogram of the magnitudes of a layer's gradients, in powers of ten; the leftmost bar counts the zeros."""
    figure, axes = _panel(HISTOGRAM)
    powers = np.abs(gradient.reshape(-1))  # in place from here on: the array may be large
    with np.errstate(divide="ignore"):
        np.log10(powers, out=powers)
    np.maximum(powers, MIN_POWER, out=powers)
    largest = max(1, math.ceil(powers.max()))
    _stairs(axes, powers, np.linspace(MIN_POWER, largest, 4 * (largest - MIN_POWER) + 1), GRADIENT)
    ticks = list(range(MIN_POWER, largest + 1, 3))
    axes.set_xticks(ticks, ["0" if tick == MIN_POWER else scales.power_label(tick) for tick in ticks])
    axes.set(xlabel=say("figure.magnitude", name=name), ylabel=say("figure.weights"))
    return _in_page(figure, f"gradients-{name}")


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
