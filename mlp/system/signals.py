"""SIGINT, SIGTERM and SIGHUP stop a command where nothing is left half done.

A signal is noted when it arrives. Within ``immediate`` it also raises Interrupted at once, for work that leaves
nothing behind. Elsewhere, and within ``deferred``, it waits until ``check`` is called.

A second SIGINT, or one after a SIGTERM, acts at once. If the process ends with the command, it exits. If it continues,
as a notebook does, KeyboardInterrupt ends only the command. After a command the earlier handlers are back.

This module imports little, because signals are noted only once it is imported.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread, local
from typing import Any

from mlp.system.errors import Interrupted

KINDS = {
    getattr(signal, name): kind
    for name, kind in {"SIGHUP": "hung up", "SIGTERM": "terminated", "SIGINT": "interrupted"}.items()
    if hasattr(signal, name)  # Windows has no SIGHUP
}
"""The word in messages for a command that the signal ended. SIGHUP comes when the terminal is closed."""
NUMBERS = tuple(KINDS)
"""In the order in which their handlers are restored: SIGINT last, as its handler may raise at once."""


class _ThreadState(local):
    """The state of one thread; only the main thread gets signals."""

    raises = False
    """Whether a signal raises at once, as within ``immediate``."""
    listens = False


_thread = _ThreadState()
_heard: int | None = None
_owns_process = False
"""Whether the process ends with the command."""


def start() -> None:
    """Note signals from here to the end of the process, which ends with the command.

    During one long call, such as a large matrix product, Python runs no handler. So that a second SIGINT works even
    then, the system writes each signal's number into a pipe, and a thread reads the pipe.
    """
    global _owns_process
    _owns_process = True
    _listen()
    # Standard streams that were closed at the start lead to the null device. Otherwise the pipe would take the place
    # of one, also in this process's children.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if not hasattr(os, "set_blocking"):  # Windows before Python 3.12: a second SIGINT acts when the call ends
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    with suppress(RuntimeError):  # no thread is left: a second SIGINT acts when the call ends
        Thread(target=_watch, args=(reading,), daemon=True).start()


@contextmanager
def listening() -> Iterator[None]:
    """Note signals within this block, in which a command runs.

    At its end the earlier handlers are back; but if ``start`` was called, signals are ignored from then on: the work is
    done, and a signal during Python's shutdown would change the exit code. Only the main thread gets signals.
    """
    global _heard
    heard_before, listened_before = _heard, _thread.listens
    handlers = {} if _owns_process else _listen()
    try:
        yield
    finally:
        try:
            ignore()
        finally:  # also if a second SIGINT interrupted ``ignore``
            if handlers:
                _heard, _thread.listens = heard_before, listened_before
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _listen() -> dict[int, Any]:
    """Begin to note signals. Returns the earlier handlers by number; none if this is not the main thread.

    An ignored SIGINT is noted, too: a shell ignores it for a command in the background, but it may be sent on purpose.
    An ignored SIGHUP stays ignored: nohup(1) does that so that the command outlives its terminal. A handler that was
    not set by Python stays, as Python could not restore it.
    """
    found: dict[int, Any] = {number: signal.getsignal(number) for number in NUMBERS}
    handlers = {number: handler for number, handler in found.items() if handler is not None}
    if hasattr(signal, "SIGHUP") and handlers.get(signal.SIGHUP) == signal.SIG_IGN:
        del handlers[signal.SIGHUP]
    try:
        for number in handlers:
            signal.signal(number, _note)
    except ValueError:  # this is not the main thread
        return {}
    _thread.listens = True
    return handlers


def ignore() -> None:
    """Ignore signals until the command ends: its work is done."""
    if _thread.listens:
        for number in NUMBERS:
            if signal.getsignal(number) is _note:
                signal.signal(number, signal.SIG_IGN)


def owns_process() -> bool:
    """Whether the process ends with the command."""
    return _owns_process


def heard() -> bool:
    """Whether a signal was noted."""
    return _heard is not None


def deliver(number: int) -> bool:
    """Note a signal as if it had arrived, for the next ``check``. False if one was noted before."""
    global _heard
    if _heard is not None:
        return False
    _heard = number
    return True


def clear() -> None:
    """Forget the signal that was noted."""
    global _heard
    _heard = None


def check() -> None:
    """Raises Interrupted if a signal was noted."""
    if _heard is not None:
        raise Interrupted(_heard)


class SignalMode:
    """A block within which signals raise at once, or wait. It may be entered again."""

    def __init__(self, raises: bool):
        self._raises = raises
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_thread.raises)
        _thread.raises = self._raises
        if self._raises and _heard is not None:  # it came before the block
            self.__exit__()
            raise Interrupted(_heard)

    def __exit__(self, *_: object) -> None:
        _thread.raises = self._before.pop()


def immediate() -> SignalMode:
    """Within this block a signal raises Interrupted at once; one that came before raises at the beginning."""
    return SignalMode(True)


def deferred() -> SignalMode:
    """Within this block signals wait for the next ``check``."""
    return SignalMode(False)


def _note(number: int, frame: object) -> None:
    global _heard
    if _heard is not None:
        if number == signal.SIGINT and _owns_process:
            os._exit(128 + number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        return
    _heard = number
    if _thread.raises:
        raise Interrupted(number)


def _watch(reading: int) -> None:
    heard = 0
    while number := os.read(reading, 1):
        heard += 1
        if heard > 1 and number[0] == signal.SIGINT:
            os._exit(128 + signal.SIGINT)
