"""The figures of a sweep: curves with bands over the seeds, a heat map of two options, the table of all pairs."""

from mlp.figures import GREY, save  # before matplotlib, for which it chooses the backend

# isort: split
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp import curves, scales
from mlp.sweeps import grid as grids
from mlp.sweeps.grid import SEED
from mlp.sweeps.results import Results, Setting, error, pair_errors, test_error

MOST_CURVES = 7
"""Settings whose bands can be told apart in one picture: those that rank first."""
MOST_TABLES = 4
"""Settings whose tables of pairs fit one picture."""
MOST_CELLS = 16
"""Along a side of a heat map, up to which each cell has its number."""

Values = NDArray[np.float64]


def draw(folder: Path, results: Results) -> list[Path]:
    """Draw what there are results for, into the folder; the paths of the pictures."""
    drawn: dict[str, Callable[[Path, Results], object]] = {"curves.png": bands}
    if heat_keys(results):
        drawn["heat_map.png"] = heat_map
    if results.grid.has_all_pairs:
        drawn["pairs.png"] = pairs
    for name, draw in drawn.items():
        draw(folder / name, results)
    return [folder / name for name in drawn]


def bands(path: Path, results: Results) -> None:
    """Losses and errors over the epochs: of each setting the median, in a band from the lowest run to the highest."""
    shown = dict(zip(curves.OKABE_ITO, _best(results, MOST_CURVES), strict=False))
    kinds = list(dict.fromkeys(_loss(setting) for setting in shown.values()))
    figure, loss_axes, error_axes = curves.panels(len(kinds), 0.17 * len(shown) + 0.35, results.notes)
    for axes, kind in zip(loss_axes, kinds, strict=True):
        _bands(axes, {color: setting for color, setting in shown.items() if _loss(setting) == kind}, "loss")
        axes.set(ylabel=f"{results.images} {curves.LOSS_LABELS[kind]}")
    _bands(error_axes, shown, "accuracy")
    error_axes.set(ylabel=f"{results.images} errors (% of the images)")
    for axes in figure.axes:
        curves.set_epochs(axes, max(len(setting.finished[0].run.history) for setting in shown.values()))
    of = f"the best {len(shown)} of {len(results.settings):,} settings: " if len(shown) < len(results.settings) else ""
    figure.legend(
        error_axes.lines,
        [curves.drawable(_legend(setting)) for setting in shown.values()],
        title=f"{of}median, and from the lowest run to the highest",
        loc="lower center",
        fontsize=9,
        title_fontsize=9,
        frameon=False,
        handlelength=4,
        borderaxespad=0,
        labelspacing=0.3,
    )
    save(figure, path)


def _best(results: Results, most: int) -> list[Setting]:
    return [setting for setting in results.settings if setting.finished][:most]


def _loss(setting: Setting) -> str:
    return setting.finished[0].run.config.model.loss


def _legend(setting: Setting) -> str:
    count = len(setting.finished)
    return ": ".join(filter(None, [setting.label(), f"{count:,} run{'s' if count > 1 else ''}"]))


def _bands(axes: Axes, shown: dict[str, Setting], name: Literal["loss", "accuracy"]) -> None:
    """Draw the settings in their colours; accuracies as percentages of errors."""
    values = []
    styles = zip(curves.LINE_STYLES * 2, shown.items(), strict=False)
    for line, (color, setting) in styles:
        runs = np.array([[row.figure(name) for row in made.run.history] for made in setting.finished])
        if name == "accuracy":
            runs = 100 * (1 - runs)
        epochs = np.arange(1, runs.shape[1] + 1)
        axes.fill_between(epochs, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.15, linewidth=0)
        mark = "o" if len(epochs) == 1 else None
        axes.plot(epochs, np.median(runs, axis=0), color=color, linestyle=line, marker=mark)
        values += runs.ravel().tolist()
    curves.set_vertical(axes, scales.of_losses(values))


def heat_keys(results: Results) -> tuple[str, str] | None:
    """The two options that a heat map shows: both that there is a choice between, or the only one and the seed."""
    keys = [*results.grid.settings]
    if len(keys) == 1 and SEED in results.grid.varied:
        keys.append(SEED)
    return (keys[0], keys[1]) if len(keys) == 2 else None


def heat_map(path: Path, results: Results) -> None:
    """What the settings are ranked by, over the values of two options; the mean over all else that varies."""
    keys = heat_keys(results)
    assert keys is not None  # noqa: S101
    down, across = (results.grid.varied[key] for key in keys)
    cells = np.full((len(down), len(across)), np.nan)
    for row, first in enumerate(down):
        for column, second in enumerate(across):
            point = dict(zip(keys, (first, second), strict=True))
            own = [results.criterion(made) for made in results.finished if made.point | point == made.point]
            cells[row, column] = np.mean(own) if own else np.nan
    is_error = results.criterion is error
    size = 0.75 if max(cells.shape) <= MOST_CELLS else 0.2
    width, height = max(size * len(across), 2.5) + 2.4, max(size * len(down), 1.5) + 1.4
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    _table(
        axes,
        100 * cells if is_error else cells,
        _colors(100 * cells if is_error else cells),
        (lambda value: f"{value:.2f}") if is_error else (lambda value: f"{value:.2g}"),
        missing="none\nfinished",
    )
    for axis, key, values in ((axes.yaxis, keys[0], down), (axes.xaxis, keys[1], across)):
        every = -(-len(values) // 40)
        places = range(0, len(values), every)
        axis.set_ticks(places, [curves.drawable(grids.text(values[place])) for place in places])
        axis.set_label_text(key)
    if max(len(grids.text(value)) for value in across) > 6:
        axes.tick_params(axis="x", rotation=90)
    axes.set_title(f"{results.criterion_name}{' in % of the images' if is_error else ''}, less is better", fontsize=10)
    save(figure, path)


def pairs(path: Path, results: Results) -> None:
    """The test errors of all 45 pairs in percent, the mean over the seeds: a table of ten by ten for each setting."""
    shown = _best(results, MOST_TABLES)
    found = [pair_errors(setting) for setting in shown]
    most = 100 * max(share for shares in found for share in shares.values())
    figure = Figure(figsize=(6.2 * len(shown), 6.4), layout="constrained")
    for axes, setting, shares in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, found, strict=True):
        cells = np.full((10, 10), np.nan)
        for (a, b), share in shares.items():
            cells[a, b] = cells[b, a] = 100 * share
        _table(axes, cells, Normalize(0, most or 1), lambda value: f"{value:.2f}")
        axes.set(xticks=range(10), yticks=range(10), xlabel="digit", ylabel="digit")
        mean = setting.mean(test_error)
        spread = f" ± {mean.deviation:.3%} over the seeds" if mean.deviation else ""
        title = f"test errors in % of the images; mean {mean.mean:.3%}{spread}"
        axes.set_title("\n".join(filter(None, [curves.drawable(setting.label()), title])), fontsize=10)
    save(figure, path)


def _colors(cells: Values) -> Normalize:
    """Log where the cells are more than a decade apart."""
    known = cells[np.isfinite(cells)]
    low, high = known.min(), known.max()
    return (
        LogNorm(low, high)
        if low > 0 and high > scales.DECADE * low
        else Normalize(low, high if high > low else low + 1)
    )


def _table(axes: Axes, cells: Values, colors: Normalize, shown: Callable[[float], str], missing: str = "") -> None:
    """Cells in colours, the low ones pale, each with its number where there are not too many."""
    palette = matplotlib.colormaps["Blues"].with_extremes(bad="#EEEEEE")
    axes.imshow(np.ma.masked_invalid(cells), cmap=palette, norm=colors, aspect="auto")
    if max(cells.shape) > MOST_CELLS:
        return
    for (row, column), value in np.ndenumerate(cells):
        if np.isnan(value):
            axes.text(column, row, missing, ha="center", va="center", fontsize=7, color=GREY)
        else:
            ink = "white" if float(colors(value)) > 0.55 else "black"
            axes.text(column, row, shown(float(value)), ha="center", va="center", fontsize=9, color=ink)
