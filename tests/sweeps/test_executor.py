"""Every task has an outcome, whatever becomes of the workers."""

import json
import signal
from types import SimpleNamespace

import pytest

from mlp.sweeps.worker import Outcome, Status
from mlp.system import signals

pytest.importorskip("joblib", reason="joblib is not installed: the extra sweep has it")

import joblib
from joblib.externals.loky import BrokenProcessPool

from mlp.sweeps import executor


@pytest.fixture
def tasks(tmp_path):
    return [SimpleNamespace(name=f"seed={k}", directory=tmp_path / f"seed={k}") for k in range(6)]


class Workers:
    """Gives out what its rounds have for each task, or raises it; notes what each round is asked to do."""

    def __init__(self, *rounds):
        self.rounds, self.asked = list(rounds), []

    def __call__(self, tasks):
        self.asked.append([task.name for task in tasks])
        answers = self.rounds.pop(0)
        for task in tasks:
            answer = answers.get(task.name, Status.FINISHED)
            if not isinstance(answer, Status):
                raise answer
            yield Outcome(task.name, answer, "worker a on b: blind" if answer == Status.UNFIT else "")


def made(outcomes):
    return {outcome.name: outcome.status for outcome in outcomes}


def test_what_an_unfit_worker_could_not_do_another_does_with_one_warning(tasks):
    workers = Workers({"seed=1": Status.UNFIT, "seed=4": Status.UNFIT}, {"seed=4": Status.UNFIT}, {})
    warnings = []
    assert made(executor.outcomes(tasks, workers, warnings.append)) == dict.fromkeys(
        [task.name for task in tasks], Status.FINISHED
    )
    assert workers.asked[1:] == [["seed=1", "seed=4"], ["seed=4"]]
    assert warnings == ["worker a on b: blind"]


def test_where_no_worker_is_fit_each_task_fails_with_the_reason(tasks):
    blind = {task.name: Status.UNFIT for task in tasks[1:]}
    outcomes = list(executor.outcomes(tasks, Workers(blind, blind), lambda _: None))
    assert made(outcomes) == {"seed=0": Status.FINISHED} | dict.fromkeys(blind, Status.FAILED)
    assert {outcome.message for outcome in outcomes[1:]} == {"worker a on b: blind"}


def test_a_run_that_fails_or_diverges_stops_no_other(tasks):
    answers = {"seed=0": Status.FAILED, "seed=3": Status.DIVERGED}
    found = made(executor.outcomes(tasks, Workers(answers), pytest.fail))
    assert found == dict.fromkeys([task.name for task in tasks], Status.FINISHED) | answers


def under_way(task):
    task.directory.mkdir()
    (task.directory / "manifest.json").write_text(json.dumps({"status": "running"}))


def test_a_task_that_kills_its_process_again_and_again_fails_alone(tasks):
    """Those that were under way with it are done one at a time, so that none is blamed for another."""
    for task in tasks[2:4]:
        under_way(task)
    killed = {"seed=2": BrokenProcessPool("killed")}
    workers, warnings = Workers(killed, {}, killed, killed, killed, {}), []
    outcomes = list(executor.outcomes(tasks, workers, warnings.append))
    assert made(outcomes) == dict.fromkeys([task.name for task in tasks], Status.FINISHED) | {"seed=2": Status.FAILED}
    assert workers.asked[1:] == [["seed=4", "seed=5"], ["seed=2"], ["seed=2"], ["seed=2"], ["seed=3"]]
    (failed,) = (outcome for outcome in outcomes if outcome.name == "seed=2")
    assert failed.message.startswith(
        "its process was killed 3 times while no other run was active: perhaps it needs more memory"
    )
    assert len(warnings) == 4


def test_processes_that_cannot_even_begin_are_given_up(tasks):
    """Because the code cannot be read any more, say: no task is under way, and none is tried for ever."""

    def workers(tasks):
        raise BrokenProcessPool("a task has failed to un-serialize")
        yield

    found = made(executor.outcomes(tasks, workers, lambda _: None))
    assert found == dict.fromkeys([task.name for task in tasks], Status.FAILED)


def test_tasks_of_which_nothing_is_heard_fail(tasks):
    assert set(made(executor.outcomes(tasks, lambda tasks: iter(()), pytest.fail)).values()) == {Status.FAILED}


def test_a_signal_ends_it_and_no_task_is_given_out_any_more(tasks):
    found = []
    for outcome in executor.outcomes(tasks, lambda tasks: map(finished, executor.until_stopped(tasks)), pytest.fail):
        found.append(outcome.name)
        if len(found) == 2:
            signals.deliver(signal.SIGINT)
    assert found == ["seed=0", "seed=1"]


def finished(task):
    return Outcome(task.name, Status.FINISHED)


def test_killed_processes_after_a_signal_are_no_news(tasks):
    def workers(tasks):
        yield finished(tasks[0])
        signals.deliver(signal.SIGTERM)
        raise BrokenProcessPool("by the system, as all are")

    assert [outcome.name for outcome in executor.outcomes(tasks, workers, pytest.fail)] == ["seed=0"]


def test_no_more_processes_are_started_than_there_are_runs():
    with executor.local(1000, 2):
        assert joblib.effective_n_jobs() == 2
