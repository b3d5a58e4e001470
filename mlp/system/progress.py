"""How far a command is: a bar on a terminal or in a notebook, and lines with times in a log."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from tqdm import tqdm


class Bar(tqdm):  # type: ignore[type-arg]
    """tqdm's bar without its monitor thread, which would run to the end of the process."""

    monitor_interval = 0


class Report:
    """Takes what the work says of its progress. This class shows nothing; its subclasses do."""

    def advance(self, count: int) -> None:
        """Count more units of work as done, such as steps or images."""

    def say(self, line: str) -> None:
        """A line about the work so far."""

    def beside(self) -> AbstractContextManager[object]:
        """Within this block other lines may be printed to stderr."""
        return nullcontext()


class _OnBar(Report):
    def __init__(self, bar: Any):
        self.bar = bar

    def advance(self, count: int) -> None:
        self.bar.update(count)

    def say(self, line: str) -> None:
        self.bar.write(line, file=sys.stderr)

    def beside(self) -> AbstractContextManager[object]:
        return self.bar.external_write_mode(file=sys.stderr)  # type: ignore[no-any-return]


class _OnNotebookBar(_OnBar):
    def say(self, line: str) -> None:
        self.bar.set_postfix_str(line)


class _InCell(Report):
    def say(self, line: str) -> None:  # stderr is red there, as if it were an error
        print(line, flush=True)


class _InLog(Report):
    def say(self, line: str) -> None:
        print(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {line}", file=sys.stderr, flush=True)


@contextmanager
def silent(**_: Any) -> Iterator[Report]:
    """Show nothing."""
    yield Report()


@contextmanager
def shown(**options: Any) -> Iterator[Report]:
    """Show a bar with these options of tqdm's, and each line above it; if stderr is a log, only lines with times.

    In a notebook the bar is tqdm's for notebooks, with the latest line behind it. It needs ipywidgets: without this
    package there are only lines, on stdout.
    """
    if is_in_notebook():
        if find_spec("ipywidgets") is None:
            yield _InCell()
            return
        from tqdm.notebook import tqdm as notebook_bar

        with notebook_bar(**options) as bar:
            yield _OnNotebookBar(bar)
    elif sys.stderr is None:  # as in a program without a console
        yield Report()
    elif hasattr(sys.stderr, "isatty") and sys.stderr.isatty():
        with Bar(**options, leave=False) as bar:
            yield _OnBar(bar)
    else:
        yield _InLog()


def is_in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    return "IPython" in sys.modules and hasattr(sys.modules["IPython"].get_ipython(), "kernel")
