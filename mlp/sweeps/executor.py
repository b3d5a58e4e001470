"""Gives a sweep's tasks to workers: to joblib's processes on this machine, or to those of ``dask_cluster``.

If a process is killed, its task is repeated; if a worker is unfit, another does the task. If anything else goes wrong,
the task has failed, and the others continue.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

import joblib
from joblib.externals.loky import BrokenProcessPool, get_reusable_executor

from mlp.figures.fonts import cache as font_cache
from mlp.runs.manifest import RUNNING, read_manifest
from mlp.sweeps.worker import Outcome, Status, Task, Workers, work
from mlp.system import signals
from mlp.system.errors import InputError

IDLE_SECONDS = 20
"""A process without work ends after this time."""
MAX_DEATHS = 3
"""A task fails if its process is killed this often while no other task is running."""
NONE_BEGAN = f"worker processes ended {MAX_DEATHS} times before any of them began a run"
KILLED = f"its process was killed {MAX_DEATHS} times while no other run was active: perhaps it needs more memory"


@contextmanager
def local(jobs: int | None, tasks: int) -> Iterator[Workers]:
    """``jobs`` processes of this machine, by default one per core, at most one per task; each has one BLAS thread."""
    count = min(jobs or joblib.cpu_count(), tasks)
    font_cache.provide()  # the processes inherit it; they are killed at the end, and would leave folders of their own
    try:
        with joblib.parallel_config("loky", n_jobs=count, inner_max_num_threads=1, idle_worker_timeout=IDLE_SECONDS):
            yield _parallel
    finally:
        if count > 1:  # joblib starts no process for one
            # Otherwise joblib would wait forever, at the end of this process, if an idle worker was killed before.
            get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def _parallel(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """The tasks' outcomes as they come; each process gets one task at a time. Needs joblib's configuration."""
    do = joblib.Parallel(return_as="generator_unordered", batch_size=1)
    resource_tracker.ensure_running()  # joblib would start it later, which unblocks the signals
    # Worker processes inherit the blocked signals: a terminal or timeout(1) sends its signal to them too, but only the
    # sweep must hear it, which then stops them by the token.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals.NUMBERS)
    try:
        found: Iterator[Outcome] = do(joblib.delayed(work)(task) for task in until_stopped(tasks))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return found


def until_stopped(tasks: Iterable[Task]) -> Iterator[Task]:
    """The tasks, until a signal is heard."""
    for task in tasks:
        if signals.heard():
            return
        yield task


def outcomes(tasks: Iterable[Task], workers: Workers, warn: Callable[[str], object]) -> Iterator[Outcome]:
    """One outcome for each task, as they come; none is UNFIT.

    If a worker is unfit, a warning says so, and its task is tried again as long as other workers finish tasks. If a
    process is killed, the tasks that were running are repeated at the end, one at a time, to find out which of them
    kills it. A signal ends the outcomes early; running tasks are then INTERRUPTED.
    """
    missing = {task.name: task for task in tasks}
    suspects: set[str] = set()
    deaths: Counter[str] = Counter()
    warned: set[str] = set()
    fruitless = 0
    while missing and not signals.heard():
        given = [task for task in missing.values() if task.name not in suspects] or [next(iter(missing.values()))]
        before, reasons = len(missing), dict.fromkeys(missing, "no worker finished it")
        try:
            for outcome in workers(given):
                if outcome.status != Status.UNFIT:
                    del missing[outcome.name]
                    yield outcome
                    continue
                reasons[outcome.name] = outcome.message
                if outcome.message not in warned:
                    warned.add(outcome.message)
                    warn(outcome.message)
        except BrokenProcessPool:
            if signals.heard():
                return
            warn("a worker process was killed: another resumes its run")
            if len(given) > 1:
                begun = [task.name for task in given if task.name in missing and _was_running(task)]
                suspects.update(begun)
                fruitless = 0 if begun or len(missing) < before else fruitless + 1
                if fruitless == MAX_DEATHS:
                    yield from (Outcome(name, Status.FAILED, NONE_BEGAN) for name in missing)
                    return
                continue
            (alone,) = given
            deaths[alone.name] += 1
            if deaths[alone.name] == MAX_DEATHS and alone.name in missing:
                del missing[alone.name]
                yield Outcome(alone.name, Status.FAILED, KILLED)
        else:
            if len(missing) == before:
                yield from (Outcome(name, Status.FAILED, reasons[name]) for name in missing)
                return


def _was_running(task: Task) -> bool:
    """Whether the task's run began, and neither ended nor was stopped."""
    if not task.directory.exists():
        return False
    try:
        return read_manifest(task.directory).status == RUNNING
    except InputError:
        return True
