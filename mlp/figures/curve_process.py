"""A run's loss curve, drawn by a second process that imports matplotlib while the run trains.

The import takes as long as training on the bundled digits. A thread would not help: an import holds Python's lock.
"""

import atexit
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from io import FileIO
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mlp.system import signals
from mlp.system.files import StrPath, replacing

if TYPE_CHECKING:  # the process does not need the modules behind it
    from mlp.training.progress import Epoch

Draw = Callable[[StrPath, Sequence["Epoch"], int, str], None]
"""Writes the loss curve: see ``curves.loss_curve``."""
CODE = "import sys; sys.path[:] = sys.argv[1:]; from mlp.figures import curve_process; curve_process.serve()"
PNG_END = b"IEND\xaeB`\x82"
MAX_SECONDS, MAX_END_SECONDS = 60, 1
"""How long to wait for the curve; and for the process's end, if no curve is needed."""


@contextmanager
def started(threads: int, language: str = "en") -> Iterator[Draw]:
    """The process, which ends with this block; gives the function that draws, with labels in this language.

    The curve is drawn in this process if it may not use more cores than ``threads``, which compute, or if the second
    process cannot be started, fails or is killed.
    """
    with signals.deferred():
        process = _start() if _cores() > threads else None
    try:
        yield partial(draw_here, language=language) if process is None else partial(_draw, process, language)
    finally:
        if process is not None and process.returncode is None:
            with signals.deferred():
                _communicate(process, b"", MAX_END_SECONDS)


def draw_here(path: StrPath, history: Sequence["Epoch"], best_epoch: int, loss: str, language: str = "en") -> None:
    """Draw the curve in this process."""
    # Imported late: it is slow, and a run that fails does not need it. Signals are deferred: an import that is broken
    # off leaves half-made objects that complain when they are deleted.
    from mlp.figures import curves

    curves.loss_curve(path, history, best_epoch, loss, language)


def _cores() -> int:
    """How many cores this process may use. Not every system can limit them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start() -> Popen[bytes] | None:
    """A process with the modules and the warnings of this one; None if the system refuses it.

    Signals of the terminal, or for this process's group, do not reach it, because its session is another one.
    """
    warnings = [f"-W{option}" for option in sys.warnoptions]
    command = [sys.executable, *warnings, "-c", CODE, *sys.path]
    try:
        return Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True)  # noqa: S603
    except OSError:
        return None


def _draw(
    process: Popen[bytes], language: str, path: StrPath, history: Sequence["Epoch"], best_epoch: int, loss: str
) -> None:
    """Have the process draw the curve, and write it to the file."""
    options = {"best_epoch": best_epoch, "loss": loss, "language": language}
    request = {"history": list(map(asdict, history))} | options
    png, printed = _communicate(process, json.dumps(request).encode(), MAX_SECONDS)
    # The exit code is lost, and 0 here, if this process was started with SIGCHLD ignored.
    if process.returncode or not png.endswith(PNG_END):
        draw_here(path, history, best_epoch, loss, language)
    else:
        sys.stderr.write(printed.decode(errors="replace"))  # a warning of matplotlib
        with replacing(path) as file:
            file.write(png)


def _communicate(process: Popen[bytes], request: bytes, seconds: float) -> tuple[bytes, bytes]:
    """Send the request and wait for the end of the process, or kill it; returns its stdout and stderr."""
    try:
        return process.communicate(request, seconds)
    except TimeoutExpired:
        process.kill()
        return process.communicate()


def serve() -> None:
    """What the process does: read the request from stdin, and write the PNG to stdout.

    It ends at once, also while it imports, if stdin ends without a request: the run has failed, or was killed.
    """
    gc.disable()
    atexit.register(gc.freeze)  # otherwise Python searches all objects for cycles at its end
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unlike a kill, it leaves no lock of matplotlib's behind
    requests: list[Any] = []

    def read() -> None:
        requests.append(FileIO(0, closefd=False).read())  # sys.stdin has a lock, which would stop Python's end
        if not requests[0]:
            signal.raise_signal(signal.SIGTERM)

    reader = Thread(target=read, daemon=True)
    reader.start()
    from mlp.figures import curves, style

    reader.join()
    request = json.loads(requests[0])
    history: Any = [SimpleNamespace(**row) for row in request.pop("history")]
    style.write(curves.loss_figure(history, **request), sys.stdout.buffer, "png")
