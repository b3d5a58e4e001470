"""The figures whose horizontal axis is time: curves over the epochs or steps of one run, and of several.

Curves differ in more than colour; a legend stands outside the axes, where it covers none.
"""

from mlp.figures.style import (  # before matplotlib, which may fail on MPLBACKEND
    BLUE,
    GREY,
    RED,
    drawable,
    own_settings,
    save,
)

# isort: split
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from mlp.figures import scales
from mlp.figures.scales import Scale
from mlp.runs.comparison import ComparedRun, Comparison, images_of
from mlp.training.progress import Epoch

MARKED_EPOCHS = 30
"""Up to so many epochs each is a mark on its curve."""
CURVE_MARGINS = {"left": 0.105, "right": 0.98, "bottom": 0.13, "top": 0.89, "wspace": 0.29}
"""Shares of a figure of two curves: room for labels such as 1.21·10⁻³⁸ on the vertical axes, and for a legend above."""
Look = tuple[str, ...]
"""A curve's colour, line style and mark."""
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The colours of Okabe and Ito (2008), which the colour-blind can tell apart; without yellow, pale on white."""
LINE_STYLES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D", "X")
"""Of the kept epoch. No two of twenty runs have the same line style and mark, nor have neighbours the same colour."""
LONGEST_LABEL = 64
"""Characters in the legend of several runs: so many fit the picture, be they all as wide as W."""
LOSS_LABELS = {"euclidean": "loss (mean of ½ (p − y)²)", "cross_entropy": "loss (mean cross-entropy)"}


@own_settings()
def loss_curve(path: Path, history: Sequence[Epoch], best_epoch: int, loss: str) -> None:
    """Training and validation loss and accuracy over the epochs, the epoch whose weights are kept marked.

    ``loss`` is the name of the network's, for the label.
    """
    figure = Figure(figsize=(10, 4))
    # By hand: matplotlib's own layout would take half of the time of the picture.
    left, right = figure.subplots(1, 2, gridspec_kw=CURVE_MARGINS)
    draw_losses(left, history, loss)
    draw_accuracies(right, history)
    for axes in (left, right):
        mark_kept(axes, history, best_epoch)
    figure.legend(handles=left.lines, loc="upper center", ncols=len(left.lines), frameon=False)
    save(figure, path)


def draw_losses(axes: Axes, history: Sequence[Epoch], loss: str) -> None:
    """Training and validation loss over the epochs; ``loss`` is its name."""
    set_vertical(axes, scales.of_losses(_curves(axes, history, "train_loss", "validation_loss")))
    axes.set(ylabel=LOSS_LABELS[loss])


def draw_accuracies(axes: Axes, history: Sequence[Epoch]) -> None:
    """Training and validation accuracy over the epochs."""
    set_vertical(axes, scales.of_shares(_curves(axes, history, "train_accuracy", "validation_accuracy")))
    axes.set(ylabel="accuracy")


def mark_kept(axes: Axes, history: Sequence[Epoch], best_epoch: int) -> None:
    """The epoch whose weights are kept, and the epochs below the axes."""
    axes.axvline(best_epoch, color=GREY, linestyle=":", zorder=1, label=f"kept: epoch {best_epoch}")
    set_epochs(axes, len(history))


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


def set_vertical(axes: Axes, scale: Scale) -> None:
    """Give the vertical axis this scale."""
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


def set_epochs(axes: Axes, last: int) -> None:
    """Give the horizontal axis the epochs from 1 to the last."""
    ticks = scales.epoch_ticks(1, last)
    axes.set(xlabel="epoch", xlim=(0.5, last + 0.5))
    axes.set_xticks(ticks, list(map(str, ticks)))


@own_settings()
def step_curve(path: Path, losses: Sequence[float]) -> None:
    """The Euclidean loss before the first step and after each."""
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots(gridspec_kw={"left": 0.175, "right": 0.965, "bottom": 0.13, "top": 0.96})
    axes.plot(losses, color=BLUE, marker="o" if len(losses) <= MARKED_EPOCHS else None, markersize=4)
    set_vertical(axes, scales.of_losses(losses))
    axes.set(xlabel="step", ylabel=LOSS_LABELS["euclidean"])
    ticks = scales.epoch_ticks(0, len(losses) - 1)
    axes.set_xticks(ticks, list(map(str, ticks)))
    save(figure, path)


@own_settings()
def compared(path: Path, comparison: Comparison) -> None:
    """Losses and errors of several runs over the epochs, each on validation images where the run has them.

    Losses that do not compare, of different kinds, have axes of their own. A mark is the epoch whose weights are kept.
    """
    runs = comparison.runs
    losses = list(dict.fromkeys(run.config.model.loss for run in runs))
    figure, loss_axes, error_axes = panels(len(losses), 0.17 * len(runs) + 0.35, comparison.notes)
    looks = [tuple(each[k % len(each)] for each in (OKABE_ITO, LINE_STYLES, MARKS)) for k in range(len(runs))]
    for axes, loss in zip(loss_axes, losses, strict=True):
        own = [(run, look) for run, look in zip(runs, looks, strict=True) if run.config.model.loss == loss]
        _set_side_by_side(axes, [(run, [row.figure("loss") for row in run.history], look) for run, look in own])
        axes.set(ylabel=f"{images_of([run for run, _ in own])} {LOSS_LABELS[loss]}")
    errors = [[100 * (1 - row.figure("accuracy")) for row in run.history] for run in runs]
    _set_side_by_side(error_axes, list(zip(runs, errors, looks, strict=True)))
    error_axes.set(ylabel=f"{images_of(runs)} errors (% of the images)")
    for axes in figure.axes:
        set_epochs(axes, max(len(run.history) for run in runs))
    _set_legend(figure, comparison, looks)
    save(figure, path)


def panels(losses: int, legend: float, notes: Sequence[str]) -> tuple[Figure, list[Axes], Axes]:
    """A figure with axes for so many kinds of loss and for errors, side by side, and notes above them.

    ``legend`` is how many inches there are to be below the axes for one.
    """
    count = losses + 1
    # In inches, from the bottom: the legend, the axes, the notes.
    width, axes_height, above = 5.0 * count, 3.3, 0.22 * len(notes) + 0.2
    height = legend + 0.6 + axes_height + above
    figure = Figure(figsize=(width, height))
    places = {"bottom": (legend + 0.6) / height, "top": 1 - above / height}
    margins = {"left": 1.05 / width, "right": 1 - 0.2 / width, "wspace": 1.05 / (5 - 1.25)}
    *loss_axes, error_axes = figure.subplots(1, count, gridspec_kw=places | margins)
    for k, note in enumerate(notes):
        figure.text(0.5, 1 - (0.2 + 0.22 * k) / height, note, ha="center", va="center", fontsize=9, color=RED)
    return figure, loss_axes, error_axes


def _set_legend(figure: Figure, comparison: Comparison, looks: Sequence[Look]) -> None:
    """A line a run below the axes: its look, its name and what differs in it."""
    handles = [figure.axes[-1].plot([], [], color=c, linestyle=line, marker=mark)[0] for c, line, mark in looks]
    set_legend(figure, handles, list(map(comparison.label, comparison.runs)), "marked: the epoch kept")
    for text, run in zip(figure.legends[0].get_texts(), comparison.runs, strict=True):
        if run.kept.validation_loss is None:
            text.set_text(f"{text.get_text()} (training)")


def set_legend(figure: Figure, handles: Sequence[Line2D], texts: Sequence[str], title: str) -> None:
    """Lines below the axes with their texts, drawn as they stand."""
    box = figure.legend(
        handles,
        [""] * len(texts),
        loc="lower center",
        title=title,
        fontsize=9,
        title_fontsize=9,
        frameon=False,
        handlelength=4,
        borderaxespad=0,
        labelspacing=0.3,
    )
    # Later, as a legend leaves out what begins with _.
    for line, text in zip(box.get_texts(), texts, strict=True):
        line.set_parse_math(False)
        line.set_text(label(text))


def _set_side_by_side(axes: Axes, curves: Sequence[tuple[ComparedRun, list[float], Look]]) -> None:
    """Draw the values of each run in its colour, line style and mark."""
    for run, values, (color, line, mark) in curves:
        axes.plot(range(1, len(values) + 1), values, color=color, linestyle=line)
        kept = run.kept.epoch
        (point,) = axes.plot([kept], [values[kept - 1]], mark, color=color, markersize=8, markeredgecolor="white")
        point.set(clip_on=False, zorder=3)  # whole at the last epoch, too, where the axes end
    set_vertical(axes, scales.of_losses([value for _, values, _ in curves for value in values]))


def label(text: str) -> str:
    """The text as it can be drawn, cut to what fits a legend."""
    shown = drawable(text)
    return shown if len(shown) <= LONGEST_LABEL else shown[: LONGEST_LABEL - 1] + "…"
