"""A run's live view: RUN/live.html shows how far the run is. The run writes it anew, and it reloads itself.

It needs no server. Its updates take less than 2 % of the time, and the first page about a tenth of a second. If it
cannot be written, a warning says so, and the run goes on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import Any

from mlp.pages import frame
from mlp.runs.directory import LIVE, REPORT, Run
from mlp.runs.manifest import ENDINGS, FAILED, FINISHED, INTERRUPTED, RUNNING
from mlp.system.errors import Error, Interrupted, message_lines
from mlp.system.files import write_text
from mlp.system.printable import printable
from mlp.training.loop import Trainer
from mlp.training.progress import Epoch

Update = Callable[[bool], object]
"""Called after each block of steps, and with True after each epoch."""
NextSteps = Callable[[Path, str], Mapping[str, str]]
"""From a run's directory and its status: what a user can do next, as commands by the keys of the texts that say why."""
REST = 50
"""An update must wait for this many times the time that the last one took."""
SHORTEST = 1.0
"""Seconds between two updates at least: pages are not reloaded more often."""
LONG_EPOCH = 10.0
"""Seconds after which the page is also updated within an epoch."""
SILENCE = 60.0
"""Seconds. A page whose update is later than this stops reloading itself: the process may have been killed."""
RELOAD = 2.0
"""Seconds from one reload to the next."""
ROWS = 10
"""Epochs in the table."""
RECENT = 10
"""Epochs whose mean is the time of an epoch."""
FIGURES = [f"{part}_{name}" for name in ("loss", "accuracy") for part in ("train", "validation")]
"""The columns of the history that are drawn."""
MAX_GROUPS = 400
"""Of points of a curve: more than a chart on a phone has pixels across."""
DIGITS = 6
"""Significant ones of a point: more than a chart can show."""

Point = tuple[int, float]


@contextmanager
def kept(trainer: Trainer, run: Run, warn: Callable[[str], object], next_steps: NextSteps) -> Iterator[Update]:
    """Keep RUN/live.html up to date within this block, in which the run goes on; at its end the page shows the end."""
    view = LiveView(trainer, run, warn, next_steps)
    try:
        yield view.update
    except BaseException as error:
        view.end(ENDINGS.get(type(error), FAILED), error)
        raise
    view.end(FINISHED)


class LiveView:
    """RUN/live.html. A first page is written when the view is made, before the first step: it reads the templates."""

    def __init__(self, trainer: Trainer, run: Run, warn: Callable[[str], object], next_steps: NextSteps):
        self._trainer, self._run, self._warn, self._next_steps = trainer, run, warn, next_steps
        self._rest = 0.0
        """Seconds without an update after the last one."""
        self._began, self._steps_before = perf_counter(), trainer.steps
        self._write(RUNNING)
        self._rest = 0.0  # reading the templates took long, but no step waited for it

    def __repr__(self) -> str:
        return f"LiveView({self._run.directory / LIVE})"

    def update(self, ends_epoch: bool) -> None:
        """Write the page if it is due; after the last epoch it always is."""
        wait = max(self._rest, SHORTEST if ends_epoch else LONG_EPOCH)
        if perf_counter() >= self._written + wait or (ends_epoch and self._trainer.has_stopped):
            self._write(RUNNING)

    def end(self, status: str, error: BaseException | None = None) -> None:
        """Write the last page. If an error ended the run, no warning follows: the error is what matters."""
        if error is not None:
            self._warn = lambda message: None
        self._write(status, error)

    def _write(self, status: str, error: BaseException | None = None) -> None:
        began = perf_counter()
        try:
            write_text(self._run.file(LIVE), frame.render("live/live.html", **self._facts(status, error)))
        except Exception as problem:  # whatever it is: the run is worth more than its view
            reason = " ".join(_lines(problem))
            self._warn(f"{self._run.directory / LIVE}: no live view, the run goes on without it: {reason}")
            self._warn = lambda message: None
        self._written = perf_counter()
        self._rest = REST * (self._written - began)

    def _facts(self, status: str, error: BaseException | None) -> dict[str, Any]:
        trainer, run, now = self._trainer, self._run, datetime.now().astimezone()
        history, is_running = trainer.history, status == RUNNING
        return {
            "run": run,
            "trainer": trainer,
            "last": history[-1] if history else None,
            "rows": history[-ROWS:],
            "seconds": sum(row.seconds for row in history[-RECENT:]) / len(history[-RECENT:]) if history else None,
            "left": self._seconds_left() if is_running else None,
            "total_steps": trainer.options.epochs * trainer.steps_per_epoch,
            "status": status,
            "is_running": is_running,
            "problem": [] if error is None else _lines(error),
            "next_steps": self._if_killed if is_running else self._next_steps(run.directory, status),
            "report": REPORT,
            "now": now,
            "duration": duration,
            "scripted": {
                "run": printable(run.directory.resolve().name),
                "curves": {name: curve(history, name) for name in FIGURES},
                "best": trainer.progress.best_epoch,
                "updated": round(1000 * now.timestamp()),
                "reload": 1000 * RELOAD if is_running else None,
                "silence": 1000 * (SILENCE + self._rest),
            },
        }

    @cached_property
    def _if_killed(self) -> Mapping[str, str]:
        """What the user can do if the process is killed, and the page stays as it is."""
        return self._next_steps(self._run.directory, INTERRUPTED)

    def _seconds_left(self) -> float | None:
        """If the steps that are left take as long as those since the view was made; None before the first step."""
        trainer = self._trainer
        if trainer.has_stopped:
            return 0.0
        done = trainer.steps - self._steps_before
        left = trainer.options.epochs * trainer.steps_per_epoch - trainer.steps
        return left * (perf_counter() - self._began) / done if done else None


def curve(history: Sequence[Epoch], name: str) -> list[Point]:
    """A column of the history over its epochs, without missing values; accuracies in percent.

    A long curve has at most 2 MAX_GROUPS + 1 points: the lowest and the highest of each group of neighbours, so that no
    peak is lost, and the newest.
    """
    scale = 100 if name.endswith("accuracy") else 1
    points = [(row.epoch, scale * value) for row in history if (value := getattr(row, name)) is not None]
    size = -(-len(points) // MAX_GROUPS) or 1
    groups = (points[k : k + size] for k in range(0, len(points), size))
    kept = {extreme(group, key=itemgetter(1)) for group in groups for extreme in (min, max)}.union(points[-1:])
    return [(epoch, float(f"{value:.{DIGITS}g}")) for epoch, value in sorted(kept)]


def duration(seconds: float) -> str:
    """A time for people, such as 45 s, 12 min or 3 h 20 min."""
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _lines(error: BaseException) -> tuple[str, ...]:
    """What an error says."""
    if isinstance(error, Interrupted):
        return ()
    if isinstance(error, Error | OSError | MemoryError):
        return message_lines(error)
    return (f"{type(error).__name__}: {error}",)
