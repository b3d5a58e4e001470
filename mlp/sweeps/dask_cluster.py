"""A Dask cluster as a sweep's workers: joblib's backend for it, without its waiting for what will never come.

Of a task that Dask gives up on, because its workers died, could not read it, or because the scheduler is gone, joblib
hears nothing and waits for ever; and for one whose worker hangs. Here each such task ends, too, with an outcome.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

import joblib
from distributed import Client, KilledWorker, Security
from joblib._dask import DaskDistributedBackend

from mlp.sweeps.executor import parallel
from mlp.sweeps.worker import Outcome, Status, Task, Workers, watched
from mlp.system import signals
from mlp.system.command_line import quiet
from mlp.system.errors import InputError
from mlp.system.printable import printable

CONNECTING = 10
"""Seconds within which a scheduler must answer, and the first worker of its cluster be there."""
GRACE = 5
"""Seconds that workers have to stop in: one that hangs, or is cut off, is not waited for."""
LOOKS = 0.2
"""Seconds from one look at that to the next."""


@contextmanager
def cluster(address: str, warn: Callable[[str], object]) -> Iterator[Workers]:
    """The workers of the cluster whose scheduler has this address. Raises InputError if none answers there.

    For TLS the certificates are those of Dask's own settings.
    """
    security = Security()
    if address.startswith("tls:") and security.get_connection_args("client").get("ssl_context") is None:
        raise InputError(f"--scheduler {address}: Dask's settings name no certificates: docs/sweeps.md shows how to")
    try:
        with signals.immediate():
            client = Client(address, timeout=CONNECTING, set_as_default=False, security=security)
    except OSError as error:
        raise InputError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from None
    backend = Backend(client=client, wait_for_workers_timeout=CONNECTING)
    unfit: set[str] = set()

    def do(tasks: Iterable[Task]) -> Iterator[Outcome]:
        if unfit and (fit := set(client.nthreads()) - unfit):
            # The others may have it where there is none of these any more: nothing is to be waited for in vain.
            backend.submit_kwargs = {"workers": sorted(fit), "allow_other_workers": True}
        try:
            for outcome in parallel(tasks):
                if outcome.status == Status.UNFIT:
                    unfit.add(outcome.worker)
                yield outcome
        except TimeoutError:
            raise InputError(f"--scheduler {address}: the cluster has no worker: start some there") from None
        if client.status != "running":
            raise InputError(
                f"--scheduler {address}: the scheduler is gone: what is done stays done; start it, and give the same "
                "command again"
            )

    abandon, tell_of_none = _abandoning(backend), _telling_of_no_worker(client, address, warn)
    with (
        quiet(logging.getLogger("distributed.client"), logging.CRITICAL),  # ``do`` reports that a scheduler is gone
        client,
        joblib.parallel_config(backend=backend),
        watched(LOOKS, abandon),
        watched(CONNECTING, tell_of_none),
    ):
        for worker, threads in client.nthreads().items():
            if threads > 1:
                warn(f"worker {worker} has {threads} threads, of which one works at a time: start more with one each")
        yield do


def _abandoning(backend: "Backend") -> Callable[[], bool]:
    """For ``watched``: a while after a signal was heard, wait no longer for what is under way."""
    last_unheard = time.monotonic()

    def abandon() -> bool:
        nonlocal last_unheard
        if not signals.heard():
            last_unheard = time.monotonic()
        is_late = time.monotonic() - last_unheard > GRACE
        if is_late:
            backend.abandon()
        return is_late

    return abandon


def _telling_of_no_worker(client: Client, address: str, warn: Callable[[str], object]) -> Callable[[], bool]:
    """For ``watched``: warn where all workers are gone, which is not an end, as others may join."""
    had_some = bool(client.nthreads())

    def tell() -> bool:
        nonlocal had_some
        try:
            count = len(client.nthreads()) if client.status == "running" else None
        except OSError:  # the scheduler does not answer: that is told where it is noticed
            count = None
        had_some = had_some or bool(count)
        is_reported = had_some and count == 0
        if is_reported:
            warn(f"--scheduler {address}: the cluster has no worker any more: one that joins it goes on")
        return is_reported

    return tell


class Backend(DaskDistributedBackend):  # type: ignore[misc]  # joblib has no types
    """Gives joblib a list of one outcome for each task, whatever becomes of it; to be used with batches of one."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._under_way: dict[str, Callable[[list[Outcome]], object]] = {}
        """By the task's name, who waits for its outcome."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """The workers there are, but at least 2: what one alone is to do joblib would do in this process."""
        workers: int = super().effective_n_jobs(n_jobs)
        return max(2, workers)

    def submit(self, func: Any, callback: Callable[[list[Outcome]], object]) -> Any:
        """Have the batch done; the callback gets what ``retrieve_result_callback`` is given."""
        ((_, (task,), _),) = func.items
        self._under_way[task.name] = callback

        def ended(out: object) -> None:
            try:
                found = super(Backend, self).retrieve_result_callback(out)
            except Exception as error:
                found = error
            self._end(found[0] if isinstance(found, list) else _outcome(task, found))

        future = super().submit(func, ended)
        future.add_done_callback(lambda done: ended(done.exception()) if done.exception() else None)
        return future

    def retrieve_result_callback(self, out: list[Outcome]) -> list[Outcome]:
        """The outcomes: what went wrong is among them."""
        return out

    def abandon(self) -> None:
        """Wait no longer for the tasks that are under way: as far as this sweep goes they are interrupted."""
        for name in list(self._under_way):
            self._end(Outcome(name, Status.INTERRUPTED))

    def _end(self, outcome: Outcome) -> None:
        """Tell who waits for it, if nobody has yet."""
        if callback := self._under_way.pop(outcome.name, None):
            callback([outcome])


def _outcome(task: Task, error: object) -> Outcome:
    """Of a task that ended in an error of Dask's."""
    if isinstance(error, KilledWorker):
        workers = error.allowed_failures + 1
        return Outcome(
            task.name, Status.FAILED, f"{workers} workers died while they were at it, perhaps for want of memory"
        )
    if isinstance(error, CancelledError):
        return Outcome(task.name, Status.UNFIT, "the cluster's scheduler is gone")
    why = printable(f"a worker cannot read what it is to do ({error}): install this project there")
    return Outcome(task.name, Status.UNFIT, why)
