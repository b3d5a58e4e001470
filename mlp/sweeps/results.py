"""The results of a sweep: its settings ranked, printed as a table and written to sweep.csv."""

import csv
import io
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mlp.runs.comparison import ComparedRun, Comparison, images_of
from mlp.sweeps import grid as grids
from mlp.sweeps.grid import CLASS_WEIGHT, DIGITS, SEED, Grid
from mlp.sweeps.worker import Outcome
from mlp.system.files import write_text
from mlp.system.text_table import aligned

PICTURES = ("curves.png", "heat_map.png", "pairs.png")
MAX_ROWS = 20
"""Settings in the printed table; sweep.csv has all."""
FIGURES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")

Figure = Callable[["SweepRun"], float]


@dataclass(frozen=True)
class SweepRun:
    """A run of the grid and how it ended."""

    point: dict[str, Any]
    """The varied options' values, by key."""
    outcome: Outcome

    @property
    def result(self) -> ComparedRun:
        """Its config, history and best epoch; only a finished run has them."""
        assert self.outcome.result is not None  # noqa: S101
        return self.outcome.result

    @property
    def is_finished(self) -> bool:
        """Whether it finished, without diverging or failing."""
        return self.outcome.result is not None


@dataclass(frozen=True)
class Mean:
    """The mean of the seeds' means, and the sample standard deviation of these (0 for one seed)."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Setting:
    """The runs that differ only in their seeds and, with all pairs, their digits."""

    values: dict[str, Any]
    """The varied options that they share, by key."""
    runs: list[SweepRun] = field(repr=False)
    rank: int = 0
    """From 1; equally good settings share a rank."""

    @property
    def finished(self) -> list[SweepRun]:
        """The finished runs."""
        return [run for run in self.runs if run.is_finished]

    def mean(self, figure: Figure) -> Mean:
        """The figure's mean over the finished runs; at least one must have finished."""
        by_seed: dict[Any, list[float]] = defaultdict(list)
        for run in self.finished:
            by_seed[run.point.get(SEED)].append(figure(run))
        means = [statistics.fmean(values) for values in by_seed.values()]
        return Mean(statistics.fmean(means), statistics.stdev(means) if len(means) > 1 else 0.0)


def loss(run: SweepRun) -> float:
    """The best epoch's validation loss, or training loss without validation images."""
    return run.result.kept.figure("loss")


def error(run: SweepRun) -> float:
    """The share of misclassified images in the best epoch, on the same images as ``loss``."""
    return 1 - run.result.kept.figure("accuracy")


def test_error(run: SweepRun) -> float:
    """The share of misclassified test images; the run must have been evaluated on them."""
    assert run.outcome.test is not None  # noqa: S101
    errors, images = run.outcome.test
    return errors / images


@dataclass(frozen=True)
class Results:
    """A grid and the outcomes of its runs, by their names."""

    grid: Grid
    outcomes: dict[str, Outcome] = field(repr=False)

    @cached_property
    def settings(self) -> list[Setting]:
        """The settings, ranked by loss, or by errors if they have different loss functions; the best first.

        Test images do not count. Settings with unfinished runs come last.
        """
        groups: dict[str, Setting] = {}
        for point in self.grid.points():
            values = {key: point[key] for key in self.grid.settings}
            setting = groups.setdefault(grids.name(values), Setting(values, []))
            setting.runs.append(SweepRun(point, self.outcomes[grids.name(point)]))
        ranked: list[Setting] = []
        for setting in sorted(groups.values(), key=self._order):
            is_tied = bool(ranked) and self._order(ranked[-1]) == self._order(setting)
            ranked.append(replace(setting, rank=ranked[-1].rank if is_tied else len(ranked) + 1))
        return ranked

    def _order(self, setting: Setting) -> tuple[int, float]:
        """A sort key: the better setting's is smaller."""
        missing = len(setting.runs) - len(setting.finished)
        return missing, setting.mean(self.criterion).mean if setting.finished else 0.0

    def label(self, setting: Setting) -> str:
        """The setting's rank and own values, for a legend or a title; empty if it is the only setting."""
        values = {key: value for key, value in setting.values.items() if len(self.grid.varied[key]) > 1}
        own = ", ".join(f"{grids.short(key)} {grids.shown(key, value)}" for key, value in values.items())
        return f"{setting.rank}: {own}" if own else ""

    @property
    def criterion(self) -> Figure:
        """The figure by which settings are ranked."""
        return error if {"model.loss", CLASS_WEIGHT} & set(self.grid.settings) else loss

    @property
    def criterion_name(self) -> str:
        """Its name, such as validation loss."""
        return f"{self.images} {'errors' if self.criterion is error else 'loss'}"

    @cached_property
    def finished(self) -> list[SweepRun]:
        """All finished runs, setting by setting."""
        return [run for setting in self.settings for run in setting.finished]

    @property
    def best(self) -> SweepRun | None:
        """The best run of the best setting."""
        first = self.settings[0].finished
        return min(first, key=self.criterion) if first else None

    @property
    def images(self) -> str:
        """The images that losses and errors are measured on: validation or training."""
        return images_of([run.result for run in self.finished])

    @property
    def notes(self) -> list[str]:
        """Why the settings may not be comparable. Seeds and pairs are no reason: each setting has runs of all."""
        shared = {key: self.grid.base.value(key) for key in self.grid.varied if key not in self.grid.settings}
        firsts = [setting.finished[0].result for setting in self.settings if setting.finished]
        return (
            Comparison([replace(first, config=first.config.with_values(shared)) for first in firsts]).notes
            if firsts
            else []
        )

    def write_csv(self, path: Path) -> None:
        """Write a row for each run, with the rank of its setting; the best setting's runs come first."""
        tested = ["test_images", "test_errors"] if self.grid.has_all_pairs else []
        columns = ["rank", "run", *self.grid.varied, "status", "epochs", "kept_epoch", *FIGURES, "validation_errors"]
        text = io.StringIO()
        writer = csv.DictWriter(text, [*columns, *tested, "seconds", "message"], "", "ignore", lineterminator="\n")
        writer.writeheader()
        for setting in self.settings:
            for run in setting.runs:
                outcome = run.outcome
                row = outcome.result.summary() if outcome.result else {}
                row |= {
                    "rank": setting.rank,
                    "run": outcome.name,
                    "status": outcome.status.value,
                    "message": outcome.message,
                }
                row |= {key: grids.text(value) for key, value in run.point.items()}
                if outcome.test:
                    row["test_errors"], row["test_images"] = outcome.test
                writer.writerow(row)
        write_text(path, text.getvalue())

    def table(self) -> str:
        """The settings as printed, the best first."""
        rows = [self._head(), *map(self._row, self.settings[:MAX_ROWS])]
        more = len(self.settings) - MAX_ROWS
        return "\n".join([aligned(rows), *([f"... and {more:,} more settings"] if more > 0 else [])])

    def _head(self) -> list[str]:
        tested = ["test errors"] if self.grid.has_all_pairs else []
        return ["rank", *map(grids.short, self.grid.settings), "runs", f"{self.images} loss", "errors", *tested, ""]

    def _row(self, setting: Setting) -> list[str]:
        values = [grids.shown(key, value) for key, value in setting.values.items()]
        figures = [(loss, "{:.6f}"), (error, "{:.3%}"), *([(test_error, "{:.3%}")] if self.grid.has_all_pairs else [])]
        cells = [_cell(setting.mean(figure), shape) if setting.finished else "" for figure, shape in figures]
        others = [run.outcome.status.value for run in setting.runs if not run.is_finished]
        counts = ", ".join(f"{others.count(status)} {status}" for status in dict.fromkeys(others))
        return [str(setting.rank), *values, str(len(setting.finished)), *cells, counts]


def _cell(found: Mean, shape: str) -> str:
    """A mean with its deviation, if that is not 0."""
    mean, deviation = shape.format(found.mean), shape.format(found.deviation)
    return mean if found.deviation == 0 else f"{mean} ± {deviation}"


def pair_errors(setting: Setting) -> dict[tuple[int, int], float]:
    """The share of test errors by the pair of digits, averaged over the seeds' finished runs."""
    shares: dict[tuple[int, int], list[float]] = defaultdict(list)
    for run in setting.finished:
        shares[tuple(run.point[DIGITS])].append(test_error(run))
    return {pair: statistics.fmean(values) for pair, values in shares.items()}
