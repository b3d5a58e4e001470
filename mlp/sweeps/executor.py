"""How a sweep's tasks are done: by joblib, on this machine's cores or, with the same code, on a cluster's workers.

A task is done again where its worker was killed, and by another worker where one is not fit for it. What is beyond
that is the task's outcome; it never stops the others.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

import joblib
from joblib.externals.loky import BrokenProcessPool, get_reusable_executor

from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from mlp.sweeps.worker import Outcome, Status, Task, Workers, work
from mlp.system import signals
from mlp.system.errors import InputError

IDLE = 20
"""Seconds after which a process without work ends."""
MOST_DEATHS = 3
"""So often a task may kill the process that does it, and nothing else, before it is given up."""
BARREN = f"worker processes ended {MOST_DEATHS} times before any of them began"
KILLED = f"its process was killed {MOST_DEATHS} times with nothing else under way, perhaps for want of memory"


@contextmanager
def local(jobs: int | None, tasks: int) -> Iterator[Workers]:
    """So many processes of this machine, or one for each core, but no more than tasks; each has one BLAS thread."""
    count = min(jobs or joblib.cpu_count(), tasks)
    try:
        with joblib.parallel_config("loky", n_jobs=count, inner_max_num_threads=1, idle_worker_timeout=IDLE):
            yield parallel
    finally:
        if count > 1:  # else there are none
            # Left to the end of this process, it would wait in vain where an idle worker was killed just before.
            get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def parallel(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """Within a configuration of joblib: the tasks' outcomes as they come, one task at a time given to a worker."""
    do = joblib.Parallel(return_as="generator_unordered", batch_size=1)
    resource_tracker.ensure_running()  # joblib would start it, which unblocks what is blocked
    # Worker processes have from their start the signals blocked that are blocked now: what a terminal or timeout(1)
    # sends to them too is for the sweep, which then stops them in its own way.
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
    """One outcome for each task, in the order in which they come; none is UNFIT.

    A task whose worker was not fit, of which there is a warning, is given out again while other workers get on. Those
    that were under way when a process was killed are done at the end, one at a time: what kills it then is the task.
    Ends early where a signal is heard, with those that were under way INTERRUPTED.
    """
    missing = {task.name: task for task in tasks}
    suspects: set[str] = set()
    deaths: Counter[str] = Counter()
    warned: set[str] = set()
    barren = 0
    while missing and not signals.heard():
        given = [task for task in missing.values() if task.name not in suspects] or [next(iter(missing.values()))]
        before, reasons = len(missing), dict.fromkeys(missing, "no worker came to its end")
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
            warn("a worker process was killed: what was under way goes on in another")
            if len(given) > 1:
                begun = [task.name for task in given if task.name in missing and _was_under_way(task)]
                suspects.update(begun)
                barren = 0 if begun or len(missing) < before else barren + 1
                if barren == MOST_DEATHS:
                    yield from (Outcome(name, Status.FAILED, BARREN) for name in missing)
                    return
                continue
            (alone,) = given
            deaths[alone.name] += 1
            if deaths[alone.name] == MOST_DEATHS and alone.name in missing:
                del missing[alone.name]
                yield Outcome(alone.name, Status.FAILED, KILLED)
        else:
            if len(missing) == before:
                yield from (Outcome(name, Status.FAILED, reasons[name]) for name in missing)
                return


def _was_under_way(task: Task) -> bool:
    """Whether the task's run was begun, and neither ended nor was stopped."""
    if not task.directory.exists():
        return False
    try:
        return finished_runs.read_manifest(task.directory).status == run_directory.RUNNING
    except InputError:
        return True
