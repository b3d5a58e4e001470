"""joblib's Dask backend, without its waiting for what will never come.

Of a task that Dask gives up on, because its workers died, could not read it, or because the scheduler is gone, joblib
hears nothing and waits for ever. Here each such task ends, too, with an outcome.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

from distributed import KilledWorker
from joblib._dask import DaskDistributedBackend

from mlp.sweeps.work import Outcome, Status, Task


class Backend(DaskDistributedBackend):  # type: ignore[misc]  # joblib has no types
    """Gives joblib a list of one outcome for each task, whatever becomes of it; to be used with batches of one."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """The workers there are, but at least 2: what one alone is to do joblib would do in this process."""
        workers: int = super().effective_n_jobs(n_jobs)
        return max(2, workers)

    def submit(self, func: Any, callback: Callable[[list[Outcome]], object]) -> Any:
        """Have the batch done; the callback gets what ``retrieve_result_callback`` is given."""
        ((_, (task,), _),) = func.items

        def ended(out: object) -> None:
            try:
                found = super(Backend, self).retrieve_result_callback(out)
            except Exception as error:
                found = error
            callback(found if isinstance(found, list) else [_outcome(task, found)])

        future = super().submit(func, ended)
        future.add_done_callback(lambda done: ended(done.exception()) if done.exception() else None)
        return future

    def retrieve_result_callback(self, out: list[Outcome]) -> list[Outcome]:
        """The outcomes: what went wrong is among them."""
        return out


def _outcome(task: Task, error: object) -> Outcome:
    """Of a task that ended in an error of Dask's."""
    if isinstance(error, KilledWorker):
        workers = error.allowed_failures + 1
        return Outcome(
            task.name, Status.FAILED, f"{workers} workers died while they were at it, perhaps for want of memory"
        )
    if isinstance(error, CancelledError):
        return Outcome(task.name, Status.UNFIT, "the cluster's scheduler is gone")
    return Outcome(
        task.name, Status.UNFIT, f"a worker cannot read what it is to do ({error}): install this project there"
    )
