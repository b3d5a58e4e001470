"""What a worker does: one run of a sweep, in the run's directory, after checking what the run needs.

A worker is a process on this machine, or on another that sees the same folders under the same paths. It works as long
as the sweep's token is in the sweep's folder: a sweep stops its workers by removing the token.
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
from mlp.system.errors import Diverged, Error, InputError, Interrupted, InUse, message_lines
from mlp.system.files import make_folder, read_small, sha256
from mlp.system.printable import printable, printable_lines
from mlp.training import divergence, from_config

TOKEN = "sweep.running"  # noqa: S105 - no password, a file
"""The file in a sweep's folder that says which sweep is at work there."""
LOOK_SECONDS = 0.2
"""How often a worker looks for the token."""
CODE_SHA256 = provenance.code_sha256()
"""The hash of the code that this process runs, computed at import, because the files may change later."""

_turn = Lock()
"""A worker's threads take turns: settings of NumPy, BLAS and matplotlib apply to the whole process."""
_is_orphan = Event()
"""Set when the sweep that started this process has ended."""


class Status(StrEnum):
    """How a task ended."""

    FINISHED = "finished"
    DIVERGED = divergence.DIVERGED
    LEARNED_NOTHING = divergence.LEARNED_NOTHING
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The sweep was stopped; the run is saved up to there."""
    UNFIT = "unfit"
    """This worker cannot do it; another may."""


DONE = {Status.FINISHED, Status.DIVERGED, Status.LEARNED_NOTHING}
"""A task that ended like this is not tried again."""


@dataclass(frozen=True)
class Requirements:
    """What every worker of a sweep must have."""

    folder: Path
    """The sweep's folder, absolute; each run has its own folder in it."""
    token: str
    files: dict[Path, str]
    """The SHA-256 of each data file, by its absolute path."""
    is_tested: bool
    """Whether finished runs are also evaluated on the test images."""
    code: str
    numpy: str
    process: int
    """The sweep's process; its children end when it does."""


@dataclass(frozen=True)
class Task:
    """A run to begin or to resume."""

    name: str
    config: Config
    requirements: Requirements

    @property
    def directory(self) -> Path:
        """The run's directory."""
        return self.requirements.folder / self.name


@dataclass(frozen=True)
class Outcome:
    """How a task ended."""

    name: str
    status: Status
    message: str = ""
    """What went wrong, in printable lines."""
    warnings: tuple[str, ...] = ()
    result: ComparedRun | None = None
    """The result of a finished run."""
    test: tuple[int, int] | None = None
    """Test errors and number of test images."""
    is_new: bool = True
    """False if the run had already ended."""
    worker: str = ""
    """In a cluster, the address of an unfit worker."""


Workers = Callable[[Iterable[Task]], Iterator[Outcome]]
"""Does tasks and yields their outcomes as they come."""


class _Unfit(Error):
    """Why this worker cannot do a task."""


def requirements(folder: Path, token: str, files: dict[Path, str], *, is_tested: bool) -> Requirements:
    """The requirements of a sweep, with the code and the NumPy version of this process."""
    return Requirements(folder, token, files, is_tested, CODE_SHA256, np.__version__, os.getpid())


def work(task: Task) -> Outcome:
    """Do the task, or what is left of it. Raises nothing: the outcome says what went wrong."""
    warnings: list[str] = []
    if os.getppid() == task.requirements.process:
        _end_with_parent()
    with _turn, _stopped_with(task.requirements), blas_threads.threads(1):
        try:
            check(task.requirements)
            return _run_to_end(task, warnings)
        except _Unfit as error:
            name = cluster_address()
            who = f"worker {name} on {socket.gethostname()}" if name else "a process of this machine"
            return Outcome(task.name, Status.UNFIT, printable(f"{who}: {error}"), worker=name)
        except Interrupted:
            status, message = Status.INTERRUPTED, ""
        except (Error, OSError, MemoryError) as error:
            status, message = Status.FAILED, "\n".join(map(printable, message_lines(error)))
        except Exception as error:  # a bug costs one run, not the sweep
            *_, place = traceback.extract_tb(error.__traceback__)
            what = "".join(traceback.format_exception_only(error)).strip()
            status, message = Status.FAILED, printable_lines(f"{what} ({place.filename}:{place.lineno})")
    return Outcome(task.name, status, message, tuple(warnings))


@cache
def _end_with_parent() -> None:
    """End this process, with its run saved, when its parent ends; otherwise it would wait for tasks forever."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        _is_orphan.set()
        with _turn:
            os._exit(0)

    Thread(target=look, daemon=True).start()


def cluster_address() -> str:
    """The address of this worker in a cluster; empty outside a cluster."""
    if "distributed" in sys.modules:
        from distributed import get_worker

        try:
            return str(get_worker().address)
        except ValueError:  # not in a cluster
            pass
    return ""


def check(needed: Requirements) -> None:
    """Raises _Unfit if this worker does not see the sweep's files, or may compute other results."""
    if needed.code != CODE_SHA256:
        raise _Unfit(
            "it runs another version of this project: install the sweep's version there, and restart the worker"
        )
    if np.__version__ != needed.numpy:
        raise _Unfit(f"it has NumPy {np.__version__}, the sweep has {needed.numpy}: install that there")
    if not needed.folder.is_dir():
        raise _Unfit(f"it cannot see {needed.folder}: the folder must be there under the same path on every machine")
    if not _is_at_work(needed):
        signals.check()
        raise Interrupted(signal.SIGINT)
    _check_files(needed)


def _check_files(needed: Requirements) -> None:
    """Raises _Unfit if a data file differs from the one at the sweep's beginning."""
    for path, digest in needed.files.items():
        try:
            found = sha256(path)
        except OSError as error:
            what = f"it cannot read {path} ({error.strerror})"
            raise _Unfit(f"{what}: the file must be there under the same path on every machine") from None
        if found != digest:
            raise _Unfit(f"{path} differs from the file at the sweep's beginning: put the same file there")


def _run_to_end(task: Task, warnings: list[str]) -> Outcome:
    """Begin or resume the task's run, unless it has ended. Returns its outcome; raises what stops the run."""
    with suppress(FileExistsError):
        make_folder(task.directory)
    if task.directory.is_symlink():
        raise InputError(f"{task.directory}: a symbolic link, but the runs of a sweep lie in its own folder: remove it")
    while True:
        try:
            if _has_diverged(task):
                return _diverged(task, warnings, is_new=False)
            is_new = one_run.resume(task.directory, lambda known: task.config, one_run.Caller(warnings.append))
        except InUse:  # a worker that lost the sweep holds it: it will notice, or finish the run
            time.sleep(LOOK_SECONDS)
            signals.check()
        except Diverged:
            return _diverged(task, warnings)
        else:
            return _finished(task, warnings, is_new)


def _finished(task: Task, warnings: list[str], is_new: bool) -> Outcome:
    run = comparison.read_compared_run(task.directory, task.name)
    if names := _changed(task, run.training_files):
        raise InputError(
            f"{task.directory}: {' and '.join(names)} changed after this run was trained: name another --output"
        )
    test = None
    if task.requirements.is_tested:
        finished = finished_runs.read_run(task.directory)
        evaluation = finished.evaluate(finished.images("test"))
        _check_files(task.requirements)  # a run may take long, and it watches only its training files
        test = (len(evaluation.mistakes), len(evaluation.images))
    return Outcome(task.name, Status.FINISHED, "", tuple(warnings), run, test, is_new)


def _has_diverged(task: Task) -> bool:
    """Whether the run has already diverged or learned nothing, on the same config and data."""
    try:
        recorded = manifest.read_manifest(task.directory)
        is_other = bool(finished_runs.read_config(task.directory).differences(from_config.resolved(task.config)))
        if recorded.status != manifest.ENDINGS[Diverged] or is_other:
            return False
    except InputError:
        return False
    return recorded.training_files is not None and not _changed(task, recorded.training_files)


def _diverged(task: Task, warnings: list[str], *, is_new: bool = True) -> Outcome:
    """The outcome of a run that diverged or learned nothing, by its divergence.json."""
    path = task.directory / run_directory.DIVERGENCE
    try:
        report = _Report.model_validate_json(read_small(path, manifest.MAX_MANIFEST_BYTES, links=False))
    except ValidationError:
        raise InputError(
            f"{path}: not written by a run: remove {task.directory}, and the run is trained again"
        ) from None
    message = f"{divergence.headline(report.model_dump())}; {one_run.where_details_are(task.directory)}"
    return Outcome(task.name, Status(report.kind), printable(message), tuple(warnings), is_new=is_new)


class _Report(BaseModel):
    """The parts of divergence.json that are read back."""

    kind: Literal["diverged", "learned nothing"] = "diverged"
    """Missing in reports of an earlier version."""
    reason: manifest.Words
    epoch: manifest.Count
    step: manifest.Count


def _changed(task: Task, recorded: dict[str, str]) -> list[str]:
    """The names of the training files that differ from those that a run recorded."""
    training = {name for kind in AXES for name in file_names("training", kind)}
    files = task.requirements.files.items()
    found = {path.name: digest for path, digest in files if path.name in training}
    return from_config.changed_files(found, recorded)


def _is_at_work(needed: Requirements) -> bool:
    """Whether the sweep's token is still there."""
    try:
        return read_small(needed.folder / TOKEN, 1024, links=False) == needed.token.encode()
    except (OSError, InputError):
        return False


@contextmanager
def _stopped_with(needed: Requirements) -> Iterator[None]:
    """Within this block, deliver SIGINT when the sweep stops."""
    stopped = False

    def stop() -> bool:
        nonlocal stopped
        is_over = _is_orphan.is_set() or not _is_at_work(needed)
        stopped = is_over and signals.deliver(signal.SIGINT)
        return is_over

    try:
        with polling(LOOK_SECONDS, stop):
            yield
    finally:
        if stopped:
            signals.clear()


@contextmanager
def polling(seconds: float, act: Callable[[], bool]) -> Iterator[None]:
    """Within this block a thread calls ``act`` every ``seconds``, until ``act`` returns True."""
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
