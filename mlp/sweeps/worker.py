"""What a worker does: one run of a sweep, in its directory, with what the worker needs looked at first.

A worker is a process of this machine, or of a machine that sees the same folders under the same paths. It goes on for
as long as the sweep's token lies in the sweep's folder: a sweep stops its workers by taking it away.
"""

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Literal

import numpy as np
from pydantic import BaseModel, ValidationError

from mlp import run as one_run
from mlp.config import Config
from mlp.data.idx_folder import AXES, file_names
from mlp.runs import comparison, manifest, provenance
from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from mlp.runs.comparison import ComparedRun
from mlp.system import blas_threads, signals
from mlp.system.errors import CommandError, Diverged, InputError, Interrupted, InUse, message_lines
from mlp.system.files import make_folder, read_small, sha256
from mlp.system.printable import printable, printable_lines
from mlp.training import divergence, from_config

TOKEN = "sweep.running"  # noqa: S105 - no password, a file
"""The file in a sweep's folder that says which sweep is at work there."""
LOOKS = 0.2
"""Seconds from one look at the token to the next."""
CODE_SHA256 = provenance.code_sha256()
"""Of the code that this process runs: it was read just now, whatever becomes of the files later."""

_turn = Lock()
"""A worker's threads take turns: NumPy, BLAS and matplotlib have one setting for a whole process."""
_is_orphan = Event()
"""Whether this process is a child of the sweep's that has outlived it."""


class Status(StrEnum):
    """How a task ended."""

    FINISHED = "finished"
    DIVERGED = divergence.DIVERGED
    LEARNED_NOTHING = divergence.LEARNED_NOTHING
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The sweep was stopped: the run is saved as far as it came."""
    UNFIT = "unfit"
    """The worker could not do it, and another may."""


DONE = {Status.FINISHED, Status.DIVERGED, Status.LEARNED_NOTHING}
"""How a task ended that is not tried again."""


@dataclass(frozen=True)
class Surroundings:
    """What all tasks of a sweep need, and every worker must find."""

    folder: Path
    """The sweep's, absolute; each run has a folder of its own in it."""
    token: str
    files: dict[Path, str]
    """The SHA-256 of each data file, by its absolute path."""
    is_tested: bool
    """Whether a finished run is judged on the test images, too."""
    code: str
    numpy: str
    process: int
    """The sweep's: its children end when it does."""


@dataclass(frozen=True)
class Task:
    """A run to be made, or to be gone on with."""

    name: str
    config: Config
    surroundings: Surroundings

    @property
    def directory(self) -> Path:
        """The run's own."""
        return self.surroundings.folder / self.name


@dataclass(frozen=True)
class Outcome:
    """What became of a task."""

    name: str
    status: Status
    message: str = ""
    """What went wrong, in printable lines."""
    warnings: tuple[str, ...] = ()
    run: ComparedRun | None = None
    """What a finished run came to."""
    test: tuple[int, int] | None = None
    """Errors and images, of test."""
    is_new: bool = True
    """Whether something was left to do."""
    worker: str = ""
    """The address of one that was not fit, in a cluster."""


Workers = Callable[[Iterable[Task]], Iterator[Outcome]]
"""Does tasks and gives their outcomes as they come."""


class _Unfit(Exception):
    """Why this worker cannot do it."""


def surroundings(folder: Path, token: str, files: dict[Path, str], *, is_tested: bool) -> Surroundings:
    """What the workers must find, with the code and the NumPy of this process."""
    return Surroundings(folder, token, files, is_tested, CODE_SHA256, np.__version__, os.getpid())


def work(task: Task) -> Outcome:
    """Do the task, or what is left of it; whatever goes wrong is told by the outcome."""
    warnings: list[str] = []
    if os.getppid() == task.surroundings.process:
        _end_with_parent()
    with _turn, _stopped_with(task.surroundings), blas_threads.threads(1):
        try:
            check(task.surroundings)
            return _made(task, warnings)
        except _Unfit as error:
            name = worker()
            who = f"worker {name} on {socket.gethostname()}" if name else "a process of this machine"
            return Outcome(task.name, Status.UNFIT, printable(f"{who}: {error}"), worker=name)
        except Interrupted:
            status, message = Status.INTERRUPTED, ""
        except (CommandError, OSError, MemoryError) as error:
            status, message = Status.FAILED, "\n".join(map(printable, message_lines(error)))
        except Exception as error:  # a mistake of the program's costs one run, not the sweep
            *_, place = traceback.extract_tb(error.__traceback__)
            what = "".join(traceback.format_exception_only(error)).strip()
            status, message = Status.FAILED, printable_lines(f"{what} ({place.filename}:{place.lineno})")
    return Outcome(task.name, status, message, tuple(warnings))


@cache
def _end_with_parent() -> None:
    """See to it that this process ends when its parent has, its run saved: it would wait for what never comes."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOKS)
        _is_orphan.set()
        with _turn:
            os._exit(0)

    Thread(target=look, daemon=True).start()


def worker() -> str:
    """The address of this worker in a cluster; nothing where it is in none."""
    if "distributed" in sys.modules:
        from distributed import get_worker

        try:
            return str(get_worker().address)
        except ValueError:  # it is none of a cluster
            pass
    return ""


def check(needed: Surroundings) -> None:
    """_Unfit where this worker does not see what the sweep sees, or would not compute what it computes."""
    if needed.code != CODE_SHA256:
        raise _Unfit("it runs another version of this project: install the sweep's there, and start it again")
    if np.__version__ != needed.numpy:
        raise _Unfit(f"it has NumPy {np.__version__}, the sweep has {needed.numpy}: install that there")
    if not needed.folder.is_dir():
        raise _Unfit(f"it cannot see {needed.folder}: the folder must be there under the same path on every machine")
    if not _is_wanted(needed):
        signals.check()
        raise Interrupted(signal.SIGINT)
    _check_files(needed)


def _check_files(needed: Surroundings) -> None:
    """_Unfit where a data file is not as it was at the sweep's beginning."""
    for path, digest in needed.files.items():
        try:
            found = sha256(path)
        except OSError as error:
            what = f"it cannot read {path} ({error.strerror})"
            raise _Unfit(f"{what}: the file must be there under the same path on every machine") from None
        if found != digest:
            raise _Unfit(f"{path} has other bytes there than at the sweep's beginning: put the same file there")


def _made(task: Task, warnings: list[str]) -> Outcome:
    """The task's outcome where its run comes to an end, or came to it before."""
    with suppress(FileExistsError):
        make_folder(task.directory)
    if task.directory.is_symlink():
        raise InputError(f"{task.directory}: a symbolic link: a sweep's runs are made in its own folder: remove it")
    while True:
        try:
            if _has_diverged(task):
                return _diverged(task, warnings, is_new=False)
            is_new = one_run.resume(task.directory, lambda known: task.config, warn=warnings.append, tell=False)
        except InUse:  # by a worker that was cut off from the sweep: it will see that it is to stop, or come to its end
            time.sleep(LOOKS)
            signals.check()
        except Diverged:
            return _diverged(task, warnings)
        else:
            return _finished(task, warnings, is_new)


def _finished(task: Task, warnings: list[str], is_new: bool) -> Outcome:
    run = comparison.read(task.directory, task.name)
    if names := _changed(task, run.training_files):
        raise InputError(
            f"{task.directory}: was trained on other {' and '.join(names)} than are there now: name another --output"
        )
    test = None
    if task.surroundings.is_tested:
        finished = finished_runs.read(task.directory)
        evaluation = finished.evaluate(finished.test_images())
        _check_files(task.surroundings)  # a run may take long, and only its training files are watched
        test = (len(evaluation.mistakes), len(evaluation.images))
    return Outcome(task.name, Status.FINISHED, "", tuple(warnings), run, test, is_new)


def _has_diverged(task: Task) -> bool:
    """Whether the run has come to that end already, on the same config and data."""
    try:
        recorded = finished_runs.read_manifest(task.directory)
        is_other = bool(finished_runs.read_config(task.directory).differences(task.config))
        if recorded.status != run_directory.ENDINGS[Diverged] or is_other:
            return False
    except InputError:
        return False
    return recorded.training_files is not None and not _changed(task, recorded.training_files)


def _diverged(task: Task, warnings: list[str], *, is_new: bool = True) -> Outcome:
    """The outcome of a run that diverged or learned nothing, as its report says."""
    path = task.directory / run_directory.DIVERGENCE
    try:
        report = _Report.model_validate_json(read_small(path, manifest.LARGEST, links=False))
    except ValidationError:
        raise InputError(f"{path}: not what a run writes: remove {task.directory}, and the run is made again") from None
    message = f"{divergence.headline(report.model_dump())}; {one_run.says_more(task.directory)}"
    return Outcome(task.name, Status(report.kind), printable(message), tuple(warnings), is_new=is_new)


class _Report(BaseModel):
    """What is read back of divergence.json."""

    kind: Literal["diverged", "learned nothing"] = "diverged"
    """An earlier version's has none."""
    reason: manifest.Words
    epoch: manifest.Count
    step: manifest.Count


def _changed(task: Task, recorded: dict[str, str]) -> list[str]:
    """The names of the training files that are not those recorded of a run."""
    training = {name for kind in AXES for name in file_names("training", kind)}
    files = task.surroundings.files.items()
    found = {path.name: digest for path, digest in files if path.name in training}
    return from_config.changed_files(found, recorded)


def _is_wanted(needed: Surroundings) -> bool:
    """Whether the sweep is still at work, as far as this worker can see."""
    try:
        return read_small(needed.folder / TOKEN, 1024, links=False) == needed.token.encode()
    except (OSError, InputError):
        return False


@contextmanager
def _stopped_with(needed: Surroundings) -> Iterator[None]:
    """Within this block what looks for signals hears one when the sweep is stopped."""
    stopped = False

    def stop() -> bool:
        nonlocal stopped
        is_over = _is_orphan.is_set() or not _is_wanted(needed)
        stopped = is_over and signals.deliver(signal.SIGINT)
        return is_over

    try:
        with watched(LOOKS, stop):
            yield
    finally:
        if stopped:
            signals.clear()


@contextmanager
def watched(seconds: float, act: Callable[[], bool]) -> Iterator[None]:
    """Within this block a thread calls a function every so many seconds, until it says that it has acted."""
    ended = Event()

    def look() -> None:
        while not (ended.wait(seconds) or act()):
            pass

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
