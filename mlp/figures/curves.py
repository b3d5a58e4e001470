"""Training curves: losses and accuracies over the epochs or steps of one run, and of several.

Curves differ in more than colour. The legend is outside the axes, so that it covers no curve.
"""

from mlp.figures.style import BLUE, MUTED, RED, drawable, own_settings, save  # must come before matplotlib

# isort: split
from collections.abc import Sequence
from threading import local
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from mlp.figures import scales
from mlp.figures.fonts.labels import labels_in
from mlp.figures.scales import Scale
from mlp.languages.catalogue import Say, say
from mlp.system.files import StrPath

if TYPE_CHECKING:  # a process that only draws does not need the modules behind it
    from mlp.training.progress import Epoch

MAX_MARKED_EPOCHS = 30
"""Up to this many epochs, each epoch is marked on the curve."""
CURVE_MARGINS = {"left": 0.105, "right": 0.98, "bottom": 0.13, "top": 0.89, "wspace": 0.29}
"""As fractions of a figure with two axes: room for labels such as 1.21·10⁻³⁸ at the left, and for a legend above."""
LINE_STYLES = ("-", "--", "-.", ":")
MAX_LABEL_CHARACTERS = 64
"""Per line in the legend of several runs: this many fit, even if all are as wide as W."""
_reused = local()
"""A thread's figures for ``loss_figure``, by language: making axes and ticks takes a quarter of a drawing's time."""


def loss_curve(path: StrPath, history: Sequence["Epoch"], best_epoch: int, loss: str, language: str = "en") -> None:
    """Training and validation loss and accuracy over the epochs; the epoch whose weights are kept is marked.

    ``loss`` is the name of the loss, for the label.
    """
    save(loss_figure(history, best_epoch, loss, language), path)


@own_settings()
def loss_figure(history: Sequence["Epoch"], best_epoch: int, loss: str, language: str = "en") -> Figure:
    """The figure of ``loss_curve``; the thread's next one in this language is drawn into it."""
    with labels_in(language) as say:
        figure = _loss_figure(language)
        left, right = figure.axes
        for artist in (*left.lines, *right.lines, *figure.legends):
            artist.remove()
        draw_losses(left, history, loss, say)
        draw_accuracies(right, history, say)
        for axes in (left, right):
            mark_kept(axes, history, best_epoch, say)
        figure.legend(handles=left.lines, loc="upper center", ncols=len(left.lines), frameon=False)
    return figure


def _loss_figure(language: str) -> Figure:
    """The thread's figure for this language, with its axes."""
    if language not in vars(_reused):
        figure = Figure(figsize=(10, 4))
        figure.subplots(1, 2, gridspec_kw=CURVE_MARGINS)  # matplotlib's own layout would take half of the drawing time
        setattr(_reused, language, figure)
    made: Figure = getattr(_reused, language)
    return made


def loss_label(loss: str, say: Say = say) -> str:
    """The label of an axis with this loss."""
    return say({"euclidean": "figure.loss_euclidean", "cross_entropy": "figure.loss_cross_entropy"}[loss])


def draw_losses(axes: Axes, history: Sequence["Epoch"], loss: str, say: Say = say) -> None:
    """Training and validation loss over the epochs; ``loss`` is the name of the loss."""
    set_vertical(axes, scales.of_losses(_curves(axes, history, "train_loss", "validation_loss", say)))
    axes.set(ylabel=loss_label(loss, say))


def draw_accuracies(axes: Axes, history: Sequence["Epoch"], say: Say = say) -> None:
    """Training and validation accuracy over the epochs."""
    set_vertical(axes, scales.of_shares(_curves(axes, history, "train_accuracy", "validation_accuracy", say)))
    axes.set(ylabel=say("figure.accuracy"))


def mark_kept(axes: Axes, history: Sequence["Epoch"], best_epoch: int, say: Say = say) -> None:
    """Mark the epoch whose weights are kept, and label the horizontal axis."""
    axes.axvline(best_epoch, color=MUTED, linestyle=":", zorder=1, label=say("figure.kept", epoch=best_epoch))
    set_epochs(axes, len(history), say)


def _curves(axes: Axes, history: Sequence["Epoch"], training: str, validation: str, say: Say) -> list[float]:
    """Draw the two columns of the history; returns their numbers."""
    values = []
    for column, label, color, line, mark in (
        (training, say("figure.training"), BLUE, "-", "o"),
        (validation, say("figure.validation"), RED, "--", "s"),
    ):
        points = [(row.epoch, value) for row in history if (value := getattr(row, column)) is not None]
        if points:
            marker = mark if len(history) <= MAX_MARKED_EPOCHS else None
            axes.plot(*zip(*points, strict=True), color=color, linestyle=line, marker=marker, markersize=4, label=label)
            values += [value for _, value in points]
    return values


def set_vertical(axes: Axes, scale: Scale) -> None:
    """Set the vertical axis to this scale."""
    if scale.kind == "symlog":
        # linscale is the length of the linear part in decades; 0.9 keeps the slope the same where the log part begins.
        linscale = 0.9 * scale.linear_decades
        axes.set_yscale("symlog", linthresh=scale.linear_below, linscale=linscale)
    else:
        axes.set_yscale(scale.kind)
    axes.set_ylim(scale.limits)
    axes.set_yticks(scale.ticks, scale.labels)
    axes.set_yticks(scale.minor, minor=True)
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)


def set_epochs(axes: Axes, last: int, say: Say = say) -> None:
    """Set the horizontal axis to the epochs from 1 to the last."""
    ticks = scales.epoch_ticks(1, last)
    axes.set(xlabel=say("figure.epoch"), xlim=(0.5, last + 0.5))
    axes.set_xticks(ticks, list(map(str, ticks)))


@own_settings()
def step_curve(path: StrPath, losses: Sequence[float]) -> None:
    """The Euclidean loss before the first step and after each step."""
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots(gridspec_kw={"left": 0.175, "right": 0.965, "bottom": 0.13, "top": 0.96})
    axes.plot(losses, color=BLUE, marker="o" if len(losses) <= MAX_MARKED_EPOCHS else None, markersize=4)
    set_vertical(axes, scales.of_losses(losses))
    axes.set(xlabel="step", ylabel=loss_label("euclidean"))
    ticks = scales.epoch_ticks(0, len(losses) - 1)
    axes.set_xticks(ticks, list(map(str, ticks)))
    save(figure, path)


def panels(losses: int, legend: float, notes: Sequence[str]) -> tuple[Figure, list[Axes], Axes]:
    """A figure with axes for each kind of loss and for the errors, side by side, and with notes above them.

    ``losses`` is the number of kinds; ``legend`` is the height in inches of the space for a legend below the axes.
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


def set_legend(figure: Figure, handles: Sequence[Line2D], texts: Sequence[str], title: str) -> None:
    """A legend below the axes; its texts are drawn literally, without mathtext."""
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
    # Set later, because a legend omits texts that begin with _.
    for line, text in zip(box.get_texts(), texts, strict=True):
        line.set_parse_math(False)
        line.set_text(label(text))


def label(text: str) -> str:
    """The text with characters that can be drawn, shortened to fit a legend."""
    text = drawable(text)
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[: MAX_LABEL_CHARACTERS - 1] + "…"
