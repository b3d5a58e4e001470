"""The pictures of a sweep: curves with bands over the seeds, a heat map of two options, the table of all pairs."""

from mlp.figures.style import LINE, MUTED, OKABE_ITO, own_settings, save  # must come before matplotlib

# isort: split
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from mlp.figures import curves, scales
from mlp.sweeps import grid as grids
from mlp.sweeps.grid import SEED
from mlp.sweeps.results import PICTURES, Results, Setting, error, pair_errors, test_error

MAX_CURVES = 7
"""The best settings; more bands in one picture could not be distinguished."""
MAX_TABLES = 4
"""Settings whose tables of pairs fit one picture."""
MAX_TICKS = 40
"""Along a side of a heat map."""
MAX_NUMBERED_CELLS = 16
"""Along a side of a heat map whose cells show their numbers."""

Values = NDArray[np.float64]


@own_settings()
def draw_results(folder: Path, results: Results) -> list[Path]:
    """Draw the pictures that the results allow, into the folder. Returns their paths."""
    has_enough = (True, heat_keys(results) is not None, results.grid.has_all_pairs)
    drawn = []
    for name, figure, is_drawn in zip(PICTURES, (bands, heat_map, pairs), has_enough, strict=True):
        if is_drawn:
            figure(folder / name, results)
            drawn.append(folder / name)
    return drawn


def bands(path: Path, results: Results) -> None:
    """Losses and errors over the epochs: each setting's median, in a band from its lowest run to its highest."""
    best = _best(results, MAX_CURVES)
    shown = list(zip(OKABE_ITO, curves.LINE_STYLES * 2, best, strict=False))
    kinds = list(dict.fromkeys(map(_loss, best)))
    figure, loss_axes, error_axes = curves.panels(len(kinds), 0.17 * len(best) + 0.35, results.notes)
    for axes, kind in zip(loss_axes, kinds, strict=True):
        _bands(axes, [look for look in shown if _loss(look[-1]) == kind], "loss")
        axes.set(ylabel=f"{results.images} {curves.loss_label(kind)}")
    _bands(error_axes, shown, "accuracy")
    error_axes.set(ylabel=f"{results.images} errors (% of the images)")
    for axes in figure.axes:
        curves.set_epochs(axes, max(len(run.result.history) for setting in best for run in setting.finished))
    of = f"the best {len(best)} of {len(results.settings):,} settings: " if len(best) < len(results.settings) else ""
    title = f"{of}median and range of the runs"
    curves.set_legend(figure, error_axes.lines, [_legend(results, setting) for setting in best], title)
    save(figure, path)


def _best(results: Results, count: int) -> list[Setting]:
    return [setting for setting in results.settings if setting.finished][:count]


def _loss(setting: Setting) -> str:
    return setting.finished[0].result.config.model.loss


def _legend(results: Results, setting: Setting) -> str:
    count = len(setting.finished)
    return ", ".join(filter(None, [results.label(setting), f"{count:,} run{'s' if count > 1 else ''}"]))


def _bands(axes: Axes, shown: Sequence[tuple[str, str, Setting]], name: Literal["loss", "accuracy"]) -> None:
    """Draw the settings in their colours and line styles; accuracies become errors in percent."""
    values = []
    for color, line, setting in shown:
        runs = _figures(setting, name)
        if name == "accuracy":
            runs = 100 * (1 - runs)
        epochs = np.arange(1, runs.shape[1] + 1)
        low, high = np.nanmin(runs, axis=0), np.nanmax(runs, axis=0)
        axes.fill_between(epochs, low, high, color=color, alpha=0.15, linewidth=0)
        mark = "o" if len(epochs) == 1 else None
        if mark:  # a band of one epoch is a line
            axes.vlines(epochs, low, high, color=color, alpha=0.4, linewidth=4)
        axes.plot(epochs, np.nanmedian(runs, axis=0), color=color, linestyle=line, marker=mark)
        values += runs[np.isfinite(runs)].tolist()
    curves.set_vertical(axes, scales.of_losses(values))


def _figures(setting: Setting, name: Literal["loss", "accuracy"]) -> Values:
    """(runs, epochs): the figure of each epoch, NaN after the last one of a run that its patience stopped."""
    histories = [run.result.history for run in setting.finished]
    runs = np.full((len(histories), max(map(len, histories))), np.nan)
    for own, history in zip(runs, histories, strict=True):
        own[: len(history)] = [row.figure(name) for row in history]
    return runs


def heat_keys(results: Results) -> tuple[str, str] | None:
    """The two options of a heat map: the two that are compared, or the only one and the seed."""
    keys = [*results.grid.settings]
    if len(keys) == 1 and SEED in results.grid.varied:
        keys.append(SEED)
    return (keys[0], keys[1]) if len(keys) == 2 else None


def heat_map(path: Path, results: Results) -> None:
    """The ranking figure over the values of two options, averaged over everything else that varies."""
    keys = heat_keys(results)
    assert keys is not None  # noqa: S101
    down, across = (results.grid.varied[key] for key in keys)
    is_error = results.criterion is error
    cells = _means(results, keys) * (100 if is_error else 1)
    has_numbers = max(cells.shape) <= MAX_NUMBERED_CELLS
    height, width = (max(min(0.75 * count, 12), 1.5) for count in cells.shape)
    figure = Figure(figsize=(max(width, 2.5) + 2.4, height + 1.4), layout="constrained")
    axes = figure.subplots()
    image = _table(axes, cells, _colors(cells), "{:.2f}" if is_error else "{:.2g}", missing="none\nfinished")
    if not has_numbers:
        figure.colorbar(image)
    for axis, key, values in ((axes.yaxis, keys[0], down), (axes.xaxis, keys[1], across)):
        ticks = range(0, len(values), -(-len(values) // MAX_TICKS))
        axis.set_ticks(ticks, [curves.label(grids.shown(key, values[tick])) for tick in ticks])
        axis.set_label_text(key)
    if max(len(grids.shown(keys[1], value)) for value in across) > 6:
        axes.tick_params(axis="x", rotation=90)
    axes.set_title(f"{results.criterion_name}{' in % of the images' if is_error else ''}, lower is better", fontsize=10)
    save(figure, path)


def _means(results: Results, keys: tuple[str, str]) -> Values:
    """The mean ranking figure: a row for each value of the first option, a column for each of the second."""
    rows, columns = ({grids.text(v): k for k, v in enumerate(results.grid.varied[key])} for key in keys)
    found: dict[tuple[int, int], list[float]] = defaultdict(list)
    for run in results.finished:
        first, second = (grids.text(run.point[key]) for key in keys)
        found[rows[first], columns[second]].append(results.criterion(run))
    cells = np.full((len(rows), len(columns)), np.nan)
    for cell, values in found.items():
        cells[cell] = np.mean(values)
    return cells


def pairs(path: Path, results: Results) -> None:
    """Test errors of all 45 pairs in percent, averaged over the seeds: a ten by ten table for each setting."""
    shown = _best(results, MAX_TABLES)
    found = [pair_errors(setting) for setting in shown]
    maximum = 100 * max(share for shares in found for share in shares.values())
    figure = Figure(figsize=(6.2 * len(shown), 6.4), layout="constrained")
    for axes, setting, shares in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, found, strict=True):
        cells = np.full((10, 10), np.nan)
        for (a, b), share in shares.items():
            cells[a, b] = cells[b, a] = 100 * share
        _table(axes, cells, Normalize(0, maximum or 1), "{:.2f}")
        axes.set(xticks=range(10), yticks=range(10), xlabel="digit", ylabel="digit")
        mean = setting.mean(test_error)
        spread = f" ± {mean.deviation:.3%} over the seeds" if mean.deviation else ""
        title = f"test errors in % of the images; mean {mean.mean:.3%}{spread}"
        axes.set_title("\n".join(filter(None, [curves.label(results.label(setting)), title])), fontsize=10)
    save(figure, path)


def _colors(cells: Values) -> Normalize:
    """The colour scale; logarithmic if the cells span more than a decade."""
    known = cells[np.isfinite(cells)]
    low, high = known.min(), known.max()
    if low > 0 and high > scales.DECADE * low:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1)


def _table(axes: Axes, cells: Values, colors: Normalize, shape: str, missing: str = "") -> AxesImage:
    """A table of coloured cells, low ones pale; if it is small, each shows its number, formatted by ``shape``."""
    palette = matplotlib.colormaps["Blues"].with_extremes(bad=LINE)
    image = axes.imshow(np.ma.masked_invalid(cells), cmap=palette, norm=colors, aspect="auto")
    for (row, column), value in np.ndenumerate(cells) if max(cells.shape) <= MAX_NUMBERED_CELLS else ():
        if np.isnan(value):
            axes.text(column, row, missing, ha="center", va="center", fontsize=7, color=MUTED)
        else:
            ink = "white" if float(colors(value)) > 0.55 else "black"
            axes.text(column, row, shape.format(value), ha="center", va="center", fontsize=9, color=ink)
    return image
