"""Progress of a run in one thread, shown by another: a notebook shows nothing of other threads than a cell's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from mlp.library.interruptible import Waiter
from mlp.system import progress
from mlp.system.progress import Report

SHOW_SECONDS = 0.1
"""How often steps are shown."""


@contextmanager
def shown(waiter: Waiter, **options: Any) -> Iterator[Report]:
    """``progress.shown``, in the waiting thread."""
    block = progress.shown(**options)
    report = _Relayed(waiter, waiter.call(block.__enter__))
    try:
        yield report
    finally:
        report.flush()
        waiter.call(block.__exit__, None, None, None)


class _Relayed(Report):
    """Counts the steps, and passes them on now and then."""

    def __init__(self, waiter: Waiter, report: Report):
        self.waiter, self.report = waiter, report
        self._count, self._due = 0, monotonic() + SHOW_SECONDS

    def advance(self, count: int) -> None:
        self._count += count
        if monotonic() >= self._due:
            self.flush()

    def say(self, line: str) -> None:
        self.flush()
        self.waiter.call(self.report.say, line)

    def flush(self) -> None:
        self.waiter.call(self.report.advance, self._count)
        self._count, self._due = 0, monotonic() + SHOW_SECONDS
