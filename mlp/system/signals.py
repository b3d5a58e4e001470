"""SIGINT, SIGTERM and SIGHUP: heard from a command's first line on, and acted on where nothing is left half done.

A signal is noted when it arrives. Within ``immediate`` it also raises Interrupted there and then, which suits work that
leaves nothing behind; elsewhere, and within ``deferred``, it waits until ``check`` is called.

A second SIGINT, or one after a SIGTERM, acts at once. A process that is the command's own ends. In one that goes on
after the command, as a notebook's does, KeyboardInterrupt ends the command alone. After a command the handlers are
those from before it.

Imports little, as nothing is heard before it is imported.
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
"""What is said of a command that each signal ended: SIGHUP comes when its terminal is closed."""
NUMBERS = tuple(KINDS)
"""In the order in which they are given back: after SIGINT, which may raise at once, nothing is left to do."""


class _InThread(local):
    """What differs from thread to thread: the system gives signals to the main one alone."""

    at_once = False
    listens = False


_here = _InThread()
_heard: int | None = None
_owns_process = False
"""Whether the process ends with the command."""


def start() -> None:
    """Note signals from here to the end of the process, which is the command's own.

    One long call, a large product say, keeps Python from hearing. So that a second SIGINT is heard whatever is under
    way, the system writes each signal's number into a pipe as it arrives, and a thread reads them.
    """
    global _owns_process
    _owns_process = True
    _listen()
    # What was closed at the start leads nowhere: else the pipe would be taken for it, by this process's children too.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if not hasattr(os, "set_blocking"):  # on Windows before Python 3.12: it is heard when the long call ends
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    with suppress(RuntimeError):  # no thread is to be had: a second SIGINT is heard when the long call ends
        Thread(target=_watch, args=(reading,), daemon=True).start()


@contextmanager
def listening() -> Iterator[None]:
    """Note signals within this block, which a command is run in.

    After it they go to whom they went before; after ``start`` to nobody: the work is done, and Python's own end would
    let a signal end it otherwise. In a thread other than the main one no signal is heard.
    """
    global _heard
    heard_before, listened_before = _heard, _here.listens
    owners = {} if _owns_process else _listen()
    try:
        yield
    finally:
        try:
            ignore()
        finally:  # a second SIGINT may come until then
            if owners:
                _heard, _here.listens = heard_before, listened_before
            for number, owner in owners.items():
                signal.signal(number, owner)


def _listen() -> dict[int, Any]:
    """Begin to note signals; the handlers before by their numbers, none in a thread other than the main one.

    SIGINT also where it was ignored, as it is in what a shell starts in the background: whoever sends it means it. Not
    so SIGHUP, which nohup(1) has ignored so that the command outlives its terminal. A handler that is not Python's
    stays, as Python could not put it back.
    """
    owners: dict[int, Any] = {number: owner for number in NUMBERS if (owner := signal.getsignal(number)) is not None}
    if hasattr(signal, "SIGHUP") and owners.get(signal.SIGHUP) == signal.SIG_IGN:
        del owners[signal.SIGHUP]
    try:
        for number in owners:
            signal.signal(number, _note)
    except ValueError:  # Python lets the main thread alone do so
        return {}
    _here.listens = True
    return owners


def ignore() -> None:
    """Hear nothing more until the command's end: its work is done."""
    if _here.listens:
        for number in NUMBERS:
            if signal.getsignal(number) is _note:
                signal.signal(number, signal.SIG_IGN)


def heard() -> bool:
    """Whether there is something to stop for."""
    return _heard is not None


def deliver(number: int) -> bool:
    """As if this signal had arrived just now, for the next ``check``; False where one was heard before."""
    global _heard
    if _heard is not None:
        return False
    _heard = number
    return True


def clear() -> None:
    """As if nothing had been heard yet."""
    global _heard
    _heard = None


def check() -> None:
    """Interrupted where a signal was heard."""
    if _heard is not None:
        raise Interrupted(_heard)


class Acting:
    """A block within which signals raise at once, or wait; to be entered as often as one likes."""

    def __init__(self, at_once: bool):
        self._now = at_once
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_here.at_once)
        _here.at_once = self._now
        if self._now and _heard is not None:  # one that came before
            self.__exit__()
            raise Interrupted(_heard)

    def __exit__(self, *_: object) -> None:
        _here.at_once = self._before.pop()


def immediate() -> Acting:
    """Raise within this block wherever a signal arrives; at its beginning for one that came before."""
    return Acting(True)


def deferred() -> Acting:
    """Within this block signals wait for the next ``check``."""
    return Acting(False)


def _note(number: int, frame: object) -> None:
    global _heard
    if _heard is not None:
        if number == signal.SIGINT and _owns_process:
            os._exit(128 + number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        return
    _heard = number
    if _here.at_once:
        raise Interrupted(number)


def _watch(reading: int) -> None:
    heard = 0
    while number := os.read(reading, 1):
        heard += 1
        if heard > 1 and number[0] == signal.SIGINT:
            os._exit(128 + signal.SIGINT)
