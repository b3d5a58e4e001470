"""The time of a training step: the contenders train one epoch each in turn, round after round; medians count."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time

from benchmarks.contenders import FLOOR, PROJECT, Contender
from benchmarks.results import times
from benchmarks.work import Work, WorkRow
from mlp.system import text_table
from mlp.system.errors import InputError
from mlp.system.progress import Bar
from mlp.training.batches import MAX_COPIED_BYTES

TOLERANCES = {"first": 1e-5, "last": 1e-3}
"""The largest relative difference of losses in the first and in the last counted epoch.

In the first epoch, another order of sums in float32 makes a difference of 1e-8 to 4e-7, two swapped batches 2e-4. Over
many epochs such differences grow; the check of the last epoch finds later mistakes.
"""
RESOLUTION = 2.0**-23
"""Losses may always differ by this: scikit-learn takes the logarithm of a float32 probability, and its distance from 1
has this resolution."""
MAX_CORES = 1.1
"""One thread uses one core; the rest allows for errors of the clocks."""
MIN_CORES = 0.9
"""Below this, other programs used the core, too."""
MIN_SECONDS = 0.1
"""The cores are not checked in a shorter measurement, where other threads of the process weigh much."""


@dataclass(frozen=True)
class Row(WorkRow):
    """A row of steps.csv.

    times_floor is the time divided by the floor's, times_this_project by this project's; None for the floor. cores is
    processor time divided by time: above 1 if several threads were at work. first_loss and last_loss are the training
    losses of the first and the last counted epoch, 0 for the floor.
    """

    contender: str
    epochs: int
    steps_per_epoch: int
    microseconds: float
    fastest_microseconds: float
    times_floor: float
    times_this_project: float | None
    cores: float
    first_loss: float
    last_loss: float

    @property
    def seconds(self) -> float:
        """About the time of all measured epochs."""
        return 1e-6 * self.microseconds * self.steps_per_epoch * self.epochs

    @property
    def losses(self) -> dict[str, float]:
        """The losses that are compared."""
        return {"first": self.first_loss, "last": self.last_loss}


@dataclass
class Timing:
    """One contender's times and losses, one entry per epoch."""

    seconds: list[float]
    processor_seconds: list[float]
    losses: list[float]

    def time_epoch(self, train: Callable[[int], float], epoch: int) -> None:
        """Train an epoch and append its measurements."""
        processor, began = process_time(), perf_counter()
        loss = train(epoch)
        self.seconds.append(perf_counter() - began)
        self.processor_seconds.append(process_time() - processor)
        self.losses.append(loss)


def measure(work: Work, contenders: Sequence[Contender], epochs: int) -> list[Row]:
    """A row for each contender. An epoch before the counted ones fills caches and lets JAX compile.

    Each round starts with another contender, so that a slow moment of the machine does not always hit the same one.
    """
    if len(work.images) * work.images.inputs > MAX_COPIED_BYTES:
        raise InputError(
            f"{len(work.images):,} images are too many for the contenders to take in the same order: at most "
            f"{MAX_COPIED_BYTES // work.images.inputs:,}: set data.limit_per_digit"
        )
    trains = [contender.start(work) for contender in contenders]
    timings = [Timing([], [], []) for _ in contenders]
    label = WorkRow(**work.row).work
    for epoch in Bar(range(1, epochs + 2), label, unit=" rounds", leave=False, disable=not sys.stderr.isatty()):
        for turn in range(len(contenders)):
            k = (epoch + turn) % len(contenders)
            timings[k].time_epoch(trains[k], epoch)
    return rows(work, contenders, timings)


def rows(work: Work, contenders: Sequence[Contender], timings: Sequence[Timing]) -> list[Row]:
    """The rows of these timings."""
    medians = {c.name: median(timing.seconds[1:]) for c, timing in zip(contenders, timings, strict=True)}
    found = []
    for contender, timing in zip(contenders, timings, strict=True):
        seconds = medians[contender.name]
        found.append(
            Row(
                **work.row,
                contender=contender.name,
                epochs=len(timing.seconds) - 1,
                steps_per_epoch=work.steps,
                microseconds=1e6 * seconds / work.steps,
                fastest_microseconds=1e6 * min(timing.seconds[1:]) / work.steps,
                times_floor=seconds / medians[FLOOR],
                times_this_project=None if contender.name == FLOOR else seconds / medians[PROJECT],
                cores=sum(timing.processor_seconds[1:]) / sum(timing.seconds[1:]),
                first_loss=timing.losses[1],
                last_loss=timing.losses[-1],
            )
        )
    return found


def disagreements(found: Sequence[Row]) -> list[str]:
    """A line for each contender whose training loss differs from this project's: it did not do the same work."""
    projects = {row.work: row for row in found if row.contender == PROJECT}
    lines = []
    for row in found:
        if row.contender == FLOOR:
            continue
        project = projects[row.work]
        lines += [
            f"{row.work}: {row.contender}: the training loss of the {which} epoch is "
            f"{loss:.6g}, this project's {known:.6g}: {abs(loss / known - 1):.1e} apart, allowed: {tolerance:.0e}"
            for which, tolerance in TOLERANCES.items()
            for loss, known in [(row.losses[which], project.losses[which])]
            if not abs(loss - known) <= tolerance * known + RESOLUTION  # also true for NaN
        ]
    return lines


def not_alone(found: Sequence[Row]) -> list[str]:
    """A line for each contender that used more than one thread, if it was measured for long enough."""
    return [
        f"{row.work}: {row.contender} used {row.cores:.1f} cores, not one"
        for row in found
        if row.cores > MAX_CORES and row.seconds >= MIN_SECONDS
    ]


def busy(found: Sequence[Row]) -> list[str]:
    """A line if other programs used the core while contenders were measured for long enough."""
    rows = [row for row in found if row.cores < MIN_CORES and row.seconds >= MIN_SECONDS]
    if not rows:
        return []
    worst = min(rows, key=lambda row: row.cores)
    return [
        f"other programs used the core, too, in {len(rows)} of {len(found)} measurements: times are too long. "
        f"{worst.contender} had {worst.cores:.0%} of it for {worst.work}"
    ]


def table(found: Sequence[Row]) -> str:
    """A Markdown table."""
    header = ["network", "batch", "loss", "contender", "us a step", "times the floor", "times this project"]
    return text_table.markdown(
        [*header, "loss at the end"],
        [
            [
                row.network,
                str(row.batch_size),
                row.loss.replace("_", "-"),
                row.contender,
                f"{row.microseconds:,.1f}",
                times(row.times_floor),
                times(row.times_this_project),
                "" if row.contender == FLOOR else f"{row.last_loss:.3e}",
            ]
            for row in found
        ],
    )
