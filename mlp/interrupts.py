"""SIGINT and SIGTERM: heard from a command's first line on, and acted on where nothing is left half done.

A signal is noted when it arrives. Within ``at_once`` it also raises Interrupted there and then, which suits work that
leaves nothing behind; elsewhere, and within ``held``, it waits until ``check`` is called. A second SIGINT, or one after
a SIGTERM, ends the process on the spot.

Imports little, as nothing is heard before it is imported.
"""

import os
import signal

from mlp.errors import Interrupted

NUMBERS = (signal.SIGINT, signal.SIGTERM)

_heard: int | None = None
_at_once = False


def start() -> None:
    """``listen``, for a command's first line, and see to it that a second SIGINT is heard whatever is under way.

    One long call, a large product say, keeps Python from hearing. So the system writes each signal's number into a
    pipe as it arrives, and a thread reads them.
    """
    listen()
    from threading import Thread  # not before it listens

    # What was closed at the start leads nowhere: else the pipe would be taken for it, by this process's children too.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    Thread(target=_watch, args=(reading,), daemon=True).start()


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


def heard() -> bool:
    """Whether there is something to stop for."""
    return _heard is not None


def hear(number: int) -> bool:
    """As if this signal had arrived just now, for the next ``check``; False where one was heard before."""
    global _heard
    if _heard is not None:
        return False
    _heard = number
    return True


def forget() -> None:
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
        global _at_once
        self._before.append(_at_once)
        _at_once = self._now
        if _at_once and _heard is not None:  # one that came before
            self.__exit__()
            raise Interrupted(_heard)

    def __exit__(self, *_: object) -> None:
        global _at_once
        _at_once = self._before.pop()


def at_once() -> Acting:
    """Raise within this block wherever a signal arrives; at its beginning for one that came before."""
    return Acting(True)


def held() -> Acting:
    """Within this block signals wait for the next ``check``."""
    return Acting(False)


def _note(number: int, frame: object) -> None:
    global _heard
    if _heard is not None:
        if number == signal.SIGINT:
            os._exit(128 + number)
        return
    _heard = number
    if _at_once:
        raise Interrupted(number)


def _watch(reading: int) -> None:
    heard = 0
    while number := os.read(reading, 1):
        heard += 1
        if heard > 1 and number[0] == signal.SIGINT:
            os._exit(128 + signal.SIGINT)
