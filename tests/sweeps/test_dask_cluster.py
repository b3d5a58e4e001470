"""Whatever happens to a task in a cluster, it has one outcome; a stand-in for Dask's client does what a test says."""

import signal
from concurrent.futures import CancelledError, Future
from types import SimpleNamespace

import pytest

from mlp.sweeps.worker import Outcome, Status
from mlp.system import signals

pytest.importorskip("joblib", reason="joblib is not installed: the extra sweep has it")
pytest.importorskip("distributed", reason="dask.distributed is not installed: the extra sweep has it")

from distributed import KilledWorker

from mlp.sweeps import dask_cluster

TASKS = [SimpleNamespace(name=f"seed={k}") for k in range(6)]


class Client:
    """A cluster of two workers. ``submit`` records the task and its options; ``end`` sets the future's result."""

    def __init__(self, end):
        self.end, self.submitted = end, []

    def nthreads(self):
        return {"tcp://a": 1, "tcp://b": 1}

    def submit(self, function, task, **options):
        self.submitted.append((task.name, options))
        future = Future()
        self.end(future, task)
        return future


def finish(future, task):
    future.set_result(Outcome(task.name, Status.FINISHED))


def outcomes(client, unfit=()):
    return dask_cluster._outcomes(client, TASKS, set(unfit))


def test_each_worker_gets_two_tasks_and_a_new_one_when_one_ends():
    client = Client(finish)
    found = outcomes(client)
    assert next(found).name == "seed=0"
    assert len(client.submitted) == 4
    assert [outcome.name for outcome in found] == [task.name for task in TASKS[1:]]
    assert [name for name, _ in client.submitted] == [task.name for task in TASKS]


def test_unfit_workers_get_no_tasks_while_there_are_others():
    """They may take the tasks if all fit workers leave the cluster."""
    client = Client(finish)
    list(outcomes(client))
    list(outcomes(client, ["tcp://a"]))
    list(outcomes(client, ["tcp://a", "tcp://b"]))
    chosen = [(options["workers"], options["allow_other_workers"]) for _, options in client.submitted]
    assert chosen == [(None, False)] * 6 + [(["tcp://b"], True)] * 6 + [(None, False)] * 6


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KilledWorker("key", SimpleNamespace(address="tcp://x"), 3), Status.FAILED, "4 workers died"),
        (ModuleNotFoundError("No module named 'mlp'"), Status.UNFIT, "cannot read the task (No module named 'mlp')"),
        (RuntimeError("lost"), Status.UNFIT, "cannot read the task (lost): install this project there"),
    ],
)
def test_a_task_that_dask_gives_up_has_an_outcome(error, status, message):
    found = list(outcomes(Client(lambda future, task: future.set_exception(error))))
    assert {(outcome.name, outcome.status) for outcome in found} == {(task.name, status) for task in TASKS}
    assert all(message in outcome.message for outcome in found)


def test_a_lost_scheduler_ends_the_sweep():
    def cancel(future, task):
        future.cancel()

    with pytest.raises(CancelledError):
        list(outcomes(Client(cancel)))


def test_after_a_signal_no_task_is_submitted_and_none_waited_for(monkeypatch):
    monkeypatch.setattr(dask_cluster, "GRACE_SECONDS", 0.3)
    client = Client(lambda future, task: finish(future, task) if task.name == "seed=0" else None)
    found = outcomes(client)
    assert next(found).status == Status.FINISHED
    signals.deliver(signal.SIGINT)
    assert [(outcome.name, outcome.status) for outcome in found] == [
        (f"seed={k}", Status.INTERRUPTED) for k in (1, 2, 3)
    ]


def test_a_result_that_does_not_arrive_is_requested_again(monkeypatch):
    waits = []

    def be_late_once(future, task):
        finish(future, task)
        result = future.result

        def late(timeout):
            waits.append(timeout)
            if len(waits) == 1:
                raise TimeoutError
            return result()

        future.result = late

    assert len(list(outcomes(Client(be_late_once)))) == len(TASKS)
    assert waits == [dask_cluster.GRACE_SECONDS] * (len(TASKS) + 1)
