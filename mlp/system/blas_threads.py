"""How many threads BLAS uses for matrix products, and which BLAS it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Event, Lock, Thread
from typing import Any

import numpy as np  # noqa: F401 - the library must be loaded before its threads can be limited
import threadpoolctl

FIELDS = ("internal_api", "version", "architecture", "num_threads")


@contextmanager
def threads(count: int) -> Iterator[list[dict[str, Any]]]:
    """Within this block every BLAS loaded before the first call, NumPy's included, uses ``count`` threads.

    Gives each library's name, version and number of threads. Raises RuntimeError, as Python does, if the system has
    not enough threads left. The number holds for the whole process: if several threads are in such blocks at once, the
    latest to enter sets it, and the last to leave restores the earlier number, also if KeyboardInterrupt ends a block.
    """
    with _making_limits:
        limits = _limits()
    mine = object()
    try:
        limits.enter(mine, count)
        yield [{field: library.get(field) for field in FIELDS} for library in limits.blas.info()]
    finally:
        try:
            limits.leave(mine)
        except BaseException:
            limits.leave(mine)  # it was interrupted half done
            raise


class _Limits:
    """The numbers of threads that the open blocks set; blocks may end in any order."""

    def __init__(self) -> None:
        self.blas = threadpoolctl.ThreadpoolController().select(user_api="blas")
        self._lock = Lock()
        self._counts: dict[object, int] = {}
        self._before: list[int] | None = None
        """Each library's number when no block was open."""
        self._max_checked = 1
        """The largest number of threads that the system is known to have left."""

    def enter(self, mine: object, count: int) -> None:
        with self._lock, _in_control():
            if count > self._max_checked:
                _check_room(count)
                self._max_checked = count
            if self._before is None:
                self._before = [library.num_threads for library in self.blas.lib_controllers]
            self._counts[mine] = count
            self.blas.limit(limits=count)

    def leave(self, mine: object) -> None:
        with self._lock, _in_control():
            self._counts.pop(mine, None)
            if self._counts:
                self.blas.limit(limits=next(reversed(self._counts.values())))
            elif self._before is not None:
                for library, count in zip(self.blas.lib_controllers, self._before, strict=True):
                    library.set_num_threads(count)
                self._before = None


@contextmanager
def _in_control() -> Iterator[None]:
    """Within this block only this thread sets OpenBLAS's number of threads; after it any other may.

    From threadpoolctl 3.8 on, only the first thread to set the number may set it again; others are silently ignored.
    """
    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", lambda force: None)
    clear(force=True)
    try:
        yield
    finally:
        clear(force=True)


def _check_room(count: int) -> None:
    """Raises RuntimeError if ``count`` threads cannot be started: OpenBLAS would wait for them forever."""
    ended = Event()
    try:
        for _ in range(count - 1):  # this thread is the first
            Thread(target=ended.wait, daemon=True).start()
    finally:
        ended.set()


_making_limits = Lock()


@cache
def _limits() -> _Limits:
    """The process's only _Limits: finding the libraries takes longer than some steps of training."""
    return _Limits()
