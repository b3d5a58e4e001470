"""BLAS threads: how many the matrix products use, and which BLAS it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Event, Lock, Thread
from typing import Any

import numpy as np  # noqa: F401 - the library must be loaded before its threads can be limited
import threadpoolctl

FACTS = ("internal_api", "version", "architecture", "num_threads")


@contextmanager
def threads(count: int) -> Iterator[list[dict[str, Any]]]:
    """Hold every BLAS that was loaded at the first call, NumPy's at least, to so many threads.

    Gives each library's name, version and threads. Raises RuntimeError, as Python does, if the system has no room for
    so many threads. The number is that of the whole process: where several of its
    threads are in such a block at once, the latest to enter decides, and the last to leave restores what was before.
    """
    with _making:
        limits = _limits()
    mine = limits.enter(count)
    try:
        yield [{fact: library.get(fact) for fact in FACTS} for library in limits.blas.info()]
    finally:
        limits.leave(mine)


class _Limits:
    """Who holds BLAS to how many threads now; they leave in any order."""

    def __init__(self) -> None:
        self.blas = threadpoolctl.ThreadpoolController().select(user_api="blas")
        self._lock = Lock()
        self._held: dict[object, int] = {}
        self._before: Any = None
        self._most = 1
        """So many threads the system was found to have room for."""

    def enter(self, count: int) -> object:
        mine = object()
        with self._lock, _in_control():
            if count > self._most:
                _check_room(count)
                self._most = count
            limit = self.blas.limit(limits=count)
            self._before = self._before or limit  # the first one knows what was before
            self._held[mine] = count
        return mine

    def leave(self, mine: object) -> None:
        with self._lock, _in_control():
            del self._held[mine]
            if self._held:
                self.blas.limit(limits=next(reversed(self._held.values())))
            else:
                self._before.restore_original_limits()
                self._before = None


@contextmanager
def _in_control() -> Iterator[None]:
    """Let this thread set OpenBLAS's number, and any other one after it.

    From threadpoolctl 3.8 on, the first thread to set it keeps the others from doing so, without a word.
    """
    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", lambda force: None)
    clear(force=True)
    try:
        yield
    finally:
        clear(force=True)


def _check_room(count: int) -> None:
    """Raises RuntimeError if so many threads cannot be started: OpenBLAS would wait for them for ever."""
    ended = Event()
    try:
        for _ in range(count - 1):  # this one is the first
            Thread(target=ended.wait, daemon=True).start()
    finally:
        ended.set()


_making = Lock()


@cache
def _limits() -> _Limits:
    """Made once: to look for the libraries takes longer than some steps of training."""
    return _Limits()
