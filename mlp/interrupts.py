"""SIGINT and SIGTERM: heard from a command's first line on, and acted on where nothing is left half done.

A signal is noted when it arrives. Between ``at_once`` and its end it also raises Interrupted there and then, which
suits work that leaves nothing behind; elsewhere, and within ``held``, it waits until ``check`` is called. A second
SIGINT, or one after a SIGTERM, ends the process on the spot.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from mlp.errors import Interrupted

NUMBERS = (signal.SIGINT, signal.SIGTERM)

_heard: int | None = None
_at_once = False


def listen() -> None:
    """Note signals from here on.

    SIGINT also where it was ignored, as it is in what a shell starts in the background: whoever sends it means it.
    """
    for number in NUMBERS:
        signal.signal(number, _note)


def ignore() -> None:
    """Hear nothing more: the work is done, and Python's own end would let a signal end it otherwise."""
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def forget() -> None:
    """As if nothing had been heard yet."""
    global _heard
    _heard = None


def check() -> None:
    """Interrupted where a signal was heard."""
    if _heard is not None:
        raise Interrupted(_heard)


@contextmanager
def at_once() -> Iterator[None]:
    """Raise within this block wherever a signal arrives; at its beginning for one that came before."""
    with _acting(True):
        check()
        yield


@contextmanager
def held() -> Iterator[None]:
    """Within this block signals wait for the next ``check``."""
    with _acting(False):
        yield


@contextmanager
def _acting(at_once: bool) -> Iterator[None]:
    global _at_once
    before, _at_once = _at_once, at_once
    try:
        yield
    finally:
        _at_once = before


def _note(number: int, frame: object) -> None:
    global _heard
    if _heard is not None:
        if number == signal.SIGINT:
            os._exit(128 + number)
        return
    _heard = number
    if _at_once:
        raise Interrupted(number)
