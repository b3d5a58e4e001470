"""The figure of a comparison: losses and errors of several runs over the epochs, and a legend of their differences."""

from mlp.figures.style import OKABE_ITO, own_settings, save  # before matplotlib, which may fail on MPLBACKEND

# isort: split
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlp.figures import curves, scales
from mlp.runs.comparison import ComparedRun, Comparison, images_of
from mlp.system.files import StrPath

Look = tuple[str, ...]
"""A curve's colour, line style and marker."""
MARKERS = ("o", "s", "^", "D", "X")
"""For the best epoch. No two of twenty runs share line style and marker, and neighbours never share a colour."""


@own_settings()
def draw_comparison(path: StrPath, comparison: Comparison) -> None:
    """Losses and errors over the epochs, on validation images if the run has any; a marker at each best epoch.

    Different kinds of loss cannot be compared, so each has axes of its own.
    """
    runs = comparison.runs
    losses = list(dict.fromkeys(run.config.model.loss for run in runs))
    figure, loss_axes, error_axes = curves.panels(len(losses), 0.17 * len(runs) + 0.35, comparison.notes)
    choices = (OKABE_ITO, curves.LINE_STYLES, MARKERS)
    looks = [tuple(each[k % len(each)] for each in choices) for k in range(len(runs))]
    for axes, loss in zip(loss_axes, losses, strict=True):
        own = [(run, look) for run, look in zip(runs, looks, strict=True) if run.config.model.loss == loss]
        _draw_runs(axes, [(run, [row.figure("loss") for row in run.history], look) for run, look in own])
        axes.set(ylabel=f"{images_of([run for run, _ in own])} {curves.loss_label(loss)}")
    errors = [[100 * (1 - row.figure("accuracy")) for row in run.history] for run in runs]
    _draw_runs(error_axes, list(zip(runs, errors, looks, strict=True)))
    error_axes.set(ylabel=f"{images_of(runs)} errors (% of the images)")
    for axes in figure.axes:
        curves.set_epochs(axes, max(len(run.history) for run in runs))
    _set_legend(figure, comparison, looks)
    save(figure, path)


def _draw_runs(axes: Axes, values_of_runs: Sequence[tuple[ComparedRun, list[float], Look]]) -> None:
    """Draw each run's values in its look."""
    for run, values, (color, line, marker) in values_of_runs:
        axes.plot(range(1, len(values) + 1), values, color=color, linestyle=line)
        kept = run.kept.epoch
        (point,) = axes.plot([kept], [values[kept - 1]], marker, color=color, markersize=8, markeredgecolor="white")
        point.set(clip_on=False, zorder=3)  # a marker at the last epoch stays whole, though the axes end there
    curves.set_vertical(axes, scales.of_losses([value for _, values, _ in values_of_runs for value in values]))


def _set_legend(figure: Figure, comparison: Comparison, looks: Sequence[Look]) -> None:
    """One line per run below the axes: its look, its name and its differences."""
    handles = [figure.axes[-1].plot([], [], color=c, linestyle=line, marker=marker)[0] for c, line, marker in looks]
    curves.set_legend(figure, handles, list(map(comparison.label, comparison.runs)), "marked: the epoch kept")
    for text, run in zip(figure.legends[0].get_texts(), comparison.runs, strict=True):
        if run.kept.validation_loss is None:
            text.set_text(f"{text.get_text()} (training)")
