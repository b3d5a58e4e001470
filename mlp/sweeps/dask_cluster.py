"""A Dask cluster as a sweep's workers.

If a worker dies, Dask repeats its task. If Dask gives a task up, or the task does not end after a signal, it has an
outcome too: the sweep never waits forever.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from itertools import islice
from queue import Empty, SimpleQueue

from distributed import Client, Future, KilledWorker, Security

from mlp.sweeps.executor import until_stopped
from mlp.sweeps.worker import Outcome, Status, Task, Workers, polling, work
from mlp.system import signals
from mlp.system.command_line import quiet
from mlp.system.errors import InputError
from mlp.system.printable import printable

CONNECT_SECONDS = 10
"""Within this time the scheduler must answer, and its cluster must have a worker."""
GRACE_SECONDS = 5
"""After a signal, workers have this time to save their runs and stop; a result has this time to arrive."""
LOOK_SECONDS = 0.2
"""How often the sweep looks for a signal."""


@contextmanager
def cluster(address: str, warn: Callable[[str], object]) -> Iterator[Workers]:
    """The workers of the cluster whose scheduler has this address. Raises InputError if no scheduler answers.

    TLS uses the certificates that Dask's own settings name.
    """
    security = Security()
    if address.startswith("tls:") and security.get_connection_args("client").get("ssl_context") is None:
        raise InputError(
            f"--scheduler {address}: Dask's settings name no certificates: docs/sweeps.md shows how to name them"
        )
    try:
        with signals.immediate():
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, security=security)
    except OSError as error:
        raise InputError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from None
    unfit: set[str] = set()

    def warn_if_empty() -> bool:
        with suppress(OSError):  # a lost scheduler is reported below
            if client.status == "running" and not client.nthreads():
                warn(f"--scheduler {address}: the cluster has no worker any more: the sweep continues when one joins")
                return True
        return False

    def do(tasks: Iterable[Task]) -> Iterator[Outcome]:
        try:
            client.wait_for_workers(1, CONNECT_SECONDS)
            with polling(CONNECT_SECONDS, warn_if_empty):
                yield from _outcomes(client, tasks, unfit)
        except TimeoutError:
            raise InputError(f"--scheduler {address}: the cluster has no worker: start some there") from None
        except CancelledError:
            raise InputError(
                f"--scheduler {address}: the connection to the scheduler is lost: finished runs are kept; start the "
                "scheduler, and give the same command again"
            ) from None

    with quiet(logging.getLogger("distributed.client"), logging.CRITICAL), client:  # ``do`` reports a lost scheduler
        for worker, threads in client.nthreads().items():
            if threads > 1:
                warn(f"worker {worker} has {threads} threads, but does one run at a time: give each worker one thread")
        yield do


def _outcomes(client: Client, tasks: Iterable[Task], unfit: set[str]) -> Iterator[Outcome]:
    """The tasks' outcomes as they come; ``unfit`` workers get tasks only if no other worker is left.

    Raises CancelledError if the connection to the scheduler is lost.
    """
    workers = client.nthreads()
    fit = sorted(workers.keys() - unfit) if unfit else []
    waiting, running, ended = until_stopped(tasks), dict[Future, Task](), SimpleQueue[Future]()

    def submit(count: int) -> None:
        for task in islice(waiting, count):
            future = client.submit(work, task, pure=False, workers=fit or None, allow_other_workers=bool(fit))
            running[future] = task
            future.add_done_callback(ended.put)

    submit(2 * len(workers) or 1)  # so each worker has its next task when it ends one
    last_unheard = time.monotonic()
    while running:
        if not signals.heard():
            last_unheard = time.monotonic()
        elif time.monotonic() - last_unheard > GRACE_SECONDS:
            yield from (Outcome(task.name, Status.INTERRUPTED) for task in running.values())
            return
        try:
            future = ended.get(timeout=LOOK_SECONDS)
            outcome = _outcome(running[future], future)
        except Empty:
            continue
        except TimeoutError:  # the worker does not send its result: Dask may repeat the task on another
            future.add_done_callback(ended.put)
            continue
        del running[future]
        if outcome.status == Status.UNFIT:
            unfit.add(outcome.worker)
        yield outcome
        submit(1)


def _outcome(task: Task, future: Future) -> Outcome:
    """How a task ended. Raises TimeoutError if its result does not arrive."""
    try:
        outcome: Outcome = future.result(GRACE_SECONDS)
        return outcome
    except (CancelledError, TimeoutError):
        raise
    except KilledWorker as error:
        message = f"{error.allowed_failures + 1} workers died while they ran it: perhaps it needs more memory"
        return Outcome(task.name, Status.FAILED, message)
    except Exception as error:
        message = printable(f"the cluster cannot read the task ({error}): install this project there")
        return Outcome(task.name, Status.UNFIT, message)
