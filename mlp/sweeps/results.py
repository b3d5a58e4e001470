"""What the runs of a sweep came to: its settings ranked, as a table for people and as sweep.csv."""

import csv
import io
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mlp.runs.comparison import ComparedRun, Comparison, images_of
from mlp.sweeps import grid as grids
from mlp.sweeps.grid import DIGITS, SEED, Grid
from mlp.sweeps.worker import Outcome
from mlp.system.files import write_text
from mlp.system.text_table import aligned

PICTURES = ("curves.png", "heat_map.png", "pairs.png")
"""What may be drawn of them."""
MOST_ROWS = 20
"""Settings in the table for people; sweep.csv has all."""
FIGURES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")

Figure = Callable[["SweepRun"], float]


@dataclass(frozen=True)
class SweepRun:
    """A run of the grid with what became of it."""

    point: dict[str, Any]
    """The varied options' values, by key."""
    outcome: Outcome

    @property
    def run(self) -> ComparedRun:
        """What it came to; for a finished one alone."""
        assert self.outcome.run is not None  # noqa: S101
        return self.outcome.run

    @property
    def is_finished(self) -> bool:
        """Whether it came to something."""
        return self.outcome.run is not None


@dataclass(frozen=True)
class Mean:
    """Of a figure over the seeds, each the mean of its own runs; the deviation is the sample's, 0 of one seed."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Setting:
    """The runs that differ by their seeds, and pairs of digits, alone."""

    values: dict[str, Any]
    """By key, what they have in common of what is varied."""
    made: list[SweepRun]
    rank: int = 0
    """From 1; settings that are equally good have the same."""

    @property
    def finished(self) -> list[SweepRun]:
        """Those that came to something."""
        return [made for made in self.made if made.is_finished]

    def mean(self, figure: Figure) -> Mean:
        """Of the finished runs; there must be one."""
        by_seed: dict[Any, list[float]] = defaultdict(list)
        for made in self.finished:
            by_seed[made.point.get(SEED)].append(figure(made))
        means = [statistics.fmean(values) for values in by_seed.values()]
        return Mean(statistics.fmean(means), statistics.stdev(means) if len(means) > 1 else 0.0)


def loss(made: SweepRun) -> float:
    """The kept epoch's, on validation images, or on training images where there are none."""
    return made.run.kept.figure("loss")


def error(made: SweepRun) -> float:
    """The kept epoch's share of images classified wrongly, as for ``loss``."""
    return 1 - made.run.kept.figure("accuracy")


def test_error(made: SweepRun) -> float:
    """The share of test images classified wrongly, of a run that was judged on them."""
    assert made.outcome.test is not None  # noqa: S101
    errors, images = made.outcome.test
    return errors / images


@dataclass(frozen=True)
class Results:
    """A grid, and an outcome for each of its runs, by their names."""

    grid: Grid
    outcomes: dict[str, Outcome]

    @cached_property
    def settings(self) -> list[Setting]:
        """The best first: by their loss, or by their errors where losses do not compare, as they are of several kinds.

        The test images have no say in it. Settings with runs that did not finish come after those without.
        """
        groups: dict[str, Setting] = {}
        for point in self.grid.points():
            values = {key: point[key] for key in self.grid.settings}
            setting = groups.setdefault(grids.name(values), Setting(values, []))
            setting.made.append(SweepRun(point, self.outcomes[grids.name(point)]))
        ranked: list[Setting] = []
        for setting in sorted(groups.values(), key=self._order):
            is_tied = bool(ranked) and self._order(ranked[-1]) == self._order(setting)
            ranked.append(replace(setting, rank=ranked[-1].rank if is_tied else len(ranked) + 1))
        return ranked

    def _order(self, setting: Setting) -> tuple[int, float]:
        """The better setting's is smaller."""
        missing = len(setting.made) - len(setting.finished)
        return missing, setting.mean(self.criterion).mean if setting.finished else 0.0

    def label(self, setting: Setting) -> str:
        """What is the setting's own, for a legend or a title, with its rank where there are several."""
        values = {key: value for key, value in setting.values.items() if len(self.grid.varied[key]) > 1}
        own = ", ".join(f"{grids.short(key)} {grids.text(value)}" for key, value in values.items())
        return f"{setting.rank}: {own}" if own else ""

    @property
    def criterion(self) -> Figure:
        """The figure that settings are ranked by."""
        return error if "model.loss" in self.grid.settings else loss

    @property
    def criterion_name(self) -> str:
        """In words."""
        return f"{self.images} {'errors' if self.criterion is error else 'loss'}"

    @cached_property
    def finished(self) -> list[SweepRun]:
        """All runs that came to something, setting by setting."""
        return [made for setting in self.settings for made in setting.finished]

    @property
    def best(self) -> SweepRun | None:
        """The best run of the best setting."""
        first = self.settings[0].finished
        return min(first, key=self.criterion) if first else None

    @property
    def images(self) -> str:
        """What the figures are of."""
        return images_of([made.run for made in self.finished])

    @property
    def notes(self) -> list[str]:
        """Why the settings may not compare, or only with care; what all have runs of, seeds and pairs, is no reason."""
        shared = {key: self.grid.base.value(key) for key in self.grid.varied if key not in self.grid.settings}
        firsts = [setting.finished[0].run for setting in self.settings if setting.finished]
        return (
            Comparison([replace(run, config=run.config.with_values(shared)) for run in firsts]).notes if firsts else []
        )

    def write_csv(self, path: Path) -> None:
        """A row for each run, those of the best setting first; its rank is its setting's."""
        tested = ["test_images", "test_errors"] if self.grid.has_all_pairs else []
        columns = ["rank", "run", *self.grid.varied, "status", "epochs", "kept_epoch", *FIGURES, "validation_errors"]
        text = io.StringIO()
        writer = csv.DictWriter(text, [*columns, *tested, "seconds", "message"], "", "ignore", lineterminator="\n")
        writer.writeheader()
        for setting in self.settings:
            for made in setting.made:
                outcome = made.outcome
                row = outcome.run.summary() if outcome.run else {}
                row |= {
                    "rank": setting.rank,
                    "run": outcome.name,
                    "status": outcome.status.value,
                    "message": outcome.message,
                }
                row |= {key: grids.text(value) for key, value in made.point.items()}
                if outcome.test:
                    row["test_errors"], row["test_images"] = outcome.test
                writer.writerow(row)
        write_text(path, text.getvalue())

    def table(self) -> str:
        """The settings for people, the best first."""
        rows = [self._head(), *map(self._row, self.settings[:MOST_ROWS])]
        more = len(self.settings) - MOST_ROWS
        return "\n".join([aligned(rows), *([f"... and {more:,} more settings"] if more > 0 else [])])

    def _head(self) -> list[str]:
        tested = ["test errors"] if self.grid.has_all_pairs else []
        return ["rank", *map(grids.short, self.grid.settings), "runs", f"{self.images} loss", "errors", *tested, ""]

    def _row(self, setting: Setting) -> list[str]:
        values = [grids.text(value) for value in setting.values.values()]
        figures = [(loss, "{:.6f}"), (error, "{:.3%}"), *([(test_error, "{:.3%}")] if self.grid.has_all_pairs else [])]
        cells = [_cell(setting.mean(figure), shape) if setting.finished else "" for figure, shape in figures]
        others = [made.outcome.status.value for made in setting.made if not made.is_finished]
        counts = ", ".join(f"{others.count(status)} {status}" for status in dict.fromkeys(others))
        return [str(setting.rank), *values, str(len(setting.finished)), *cells, counts]


def _cell(found: Mean, shape: str) -> str:
    """A mean with its deviation, where there is one."""
    mean, deviation = shape.format(found.mean), shape.format(found.deviation)
    return mean if found.deviation == 0 else f"{mean} ± {deviation}"


def pair_errors(setting: Setting) -> dict[tuple[int, int], float]:
    """The mean share of test errors over the seeds, by the pair of digits, of those that finished."""
    shares: dict[tuple[int, int], list[float]] = defaultdict(list)
    for made in setting.finished:
        shares[tuple(made.point[DIGITS])].append(test_error(made))
    return {pair: statistics.fmean(values) for pair, values in shares.items()}
