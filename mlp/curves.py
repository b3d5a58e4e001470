"""The figures whose horizontal axis is time: curves over the epochs or steps of one run, and of several.

Curves differ in more than colour; a legend stands outside the axes, where it covers none.
"""

from mlp.figures import BLUE, GREY, RED, save  # before matplotlib, for which it chooses the backend

# isort: split
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mlp import scales
from mlp.scales import Scale
from mlp.training import Epoch

MARKED_EPOCHS = 30
"""Up to so many epochs each is a mark on its curve."""
CURVE_MARGINS = {"left": 0.105, "right": 0.98, "bottom": 0.13, "top": 0.89, "wspace": 0.29}
"""Shares of a figure of two curves: room for labels such as 1.21·10⁻³⁸ on the vertical axes, and for a legend above."""
LOSS_LABELS = {"euclidean": "loss (mean of ½ (p − y)²)", "cross_entropy": "loss (mean cross-entropy)"}


def loss_curve(path: Path, history: Sequence[Epoch], best_epoch: int, loss: str) -> None:
    """Training and validation loss and accuracy over the epochs, the epoch whose weights are kept marked.

    ``loss`` is the name of the network's, for the label.
    """
    figure = Figure(figsize=(10, 4))
    # By hand: matplotlib's own layout would take half of the time of the picture.
    left, right = figure.subplots(1, 2, gridspec_kw=CURVE_MARGINS)
    losses = _curves(left, history, "train_loss", "validation_loss")
    _set_vertical(left, scales.of_losses(losses))
    left.set(ylabel=LOSS_LABELS[loss])
    accuracies = _curves(right, history, "train_accuracy", "validation_accuracy")
    _set_vertical(right, scales.of_shares(accuracies))
    right.set(ylabel="accuracy")
    for axes in (left, right):
        axes.axvline(best_epoch, color=GREY, linestyle=":", zorder=1, label=f"kept: epoch {best_epoch}")
        _set_epochs(axes, len(history))
    figure.legend(handles=left.lines, loc="upper center", ncols=len(left.lines), frameon=False)
    save(figure, path)


def _curves(axes: Axes, history: Sequence[Epoch], training: str, validation: str) -> list[float]:
    """Draw the two columns, and return their numbers."""
    values = []
    for column, label, color, line, mark in (
        (training, "training", BLUE, "-", "o"),
        (validation, "validation", RED, "--", "s"),
    ):
        points = [(row.epoch, value) for row in history if (value := getattr(row, column)) is not None]
        if points:
            marker = mark if len(history) <= MARKED_EPOCHS else None
            axes.plot(*zip(*points, strict=True), color=color, linestyle=line, marker=marker, markersize=4, label=label)
            values += [value for _, value in points]
    return values


def _set_vertical(axes: Axes, scale: Scale) -> None:
    if scale.kind == "symlog":
        # Its linscale is the length, in decades, of a linear part that would end where the slope does not break.
        linscale = 0.9 * scale.linear_decades
        axes.set_yscale("symlog", linthresh=scale.linear_below, linscale=linscale)
    else:
        axes.set_yscale(scale.kind)
    axes.set_ylim(scale.limits)
    axes.set_yticks(scale.ticks, scale.labels)
    axes.set_yticks(scale.minor, minor=True)
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)


def _set_epochs(axes: Axes, last: int) -> None:
    ticks = scales.counted(1, last)
    axes.set(xlabel="epoch", xlim=(0.5, last + 0.5))
    axes.set_xticks(ticks, list(map(str, ticks)))


def step_curve(path: Path, losses: Sequence[float]) -> None:
    """The Euclidean loss before the first step and after each."""
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots(gridspec_kw={"left": 0.175, "right": 0.965, "bottom": 0.13, "top": 0.96})
    axes.plot(losses, color=BLUE, marker="o" if len(losses) <= MARKED_EPOCHS else None, markersize=4)
    _set_vertical(axes, scales.of_losses(losses))
    axes.set(xlabel="step", ylabel=LOSS_LABELS["euclidean"])
    ticks = scales.counted(0, len(losses) - 1)
    axes.set_xticks(ticks, list(map(str, ticks)))
    save(figure, path)
