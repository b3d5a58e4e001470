"""Every task has one outcome, whatever happens to the workers."""

import json
import os
import signal
from pathlib import Path
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


def test_without_a_home_the_processes_share_a_folder_for_matplotlib(monkeypatch):
    """They are killed at the end, and would leave folders of their own."""
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")  # so that it is restored
    monkeypatch.setenv("HOME", "/dev/null")
    with executor.local(jobs=1, tasks=1):
        folder = os.environ["MPLCONFIGDIR"]
        assert folder
        assert Path(folder).is_dir()


class Workers:
    """In each round yields the status given for each task, or raises it; records the tasks of each round."""

    def __init__(self, *rounds):
        self.rounds, self.requests = list(rounds), []

    def __call__(self, tasks):
        self.requests.append([task.name for task in tasks])
        answers = self.rounds.pop(0)
        for task in tasks:
            answer = answers.get(task.name, Status.FINISHED)
            if not isinstance(answer, Status):
                raise answer
            yield Outcome(task.name, answer, "worker a on b: blind" if answer == Status.UNFIT else "")


def statuses(outcomes):
    return {outcome.name: outcome.status for outcome in outcomes}


def test_a_task_of_an_unfit_worker_goes_to_another_with_one_warning(tasks):
    workers = Workers({"seed=1": Status.UNFIT, "seed=4": Status.UNFIT}, {"seed=4": Status.UNFIT}, {})
    warnings = []
    assert statuses(executor.outcomes(tasks, workers, warnings.append)) == dict.fromkeys(
        [task.name for task in tasks], Status.FINISHED
    )
    assert workers.requests[1:] == [["seed=1", "seed=4"], ["seed=4"]]
    assert warnings == ["worker a on b: blind"]


def test_if_no_worker_is_fit_each_task_fails_with_the_reason(tasks):
    blind = {task.name: Status.UNFIT for task in tasks[1:]}
    outcomes = list(executor.outcomes(tasks, Workers(blind, blind), lambda _: None))
    assert statuses(outcomes) == {"seed=0": Status.FINISHED} | dict.fromkeys(blind, Status.FAILED)
    assert {outcome.message for outcome in outcomes[1:]} == {"worker a on b: blind"}


def test_a_run_that_fails_or_diverges_does_not_stop_others(tasks):
    answers = {"seed=0": Status.FAILED, "seed=3": Status.DIVERGED}
    found = statuses(executor.outcomes(tasks, Workers(answers), pytest.fail))
    assert found == dict.fromkeys([task.name for task in tasks], Status.FINISHED) | answers


def under_way(task):
    task.directory.mkdir()
    (task.directory / "manifest.json").write_text(json.dumps({"status": "running"}))


def test_a_task_that_kills_its_process_again_and_again_fails_alone(tasks):
    """Tasks that were running with it are repeated one at a time, so that none is blamed for another."""
    for task in tasks[2:4]:
        under_way(task)
    killed = {"seed=2": BrokenProcessPool("killed")}
    workers, warnings = Workers(killed, {}, killed, killed, killed, {}), []
    outcomes = list(executor.outcomes(tasks, workers, warnings.append))
    assert statuses(outcomes) == dict.fromkeys([task.name for task in tasks], Status.FINISHED) | {
        "seed=2": Status.FAILED
    }
    assert workers.requests[1:] == [["seed=4", "seed=5"], ["seed=2"], ["seed=2"], ["seed=2"], ["seed=3"]]
    (failed,) = (outcome for outcome in outcomes if outcome.name == "seed=2")
    assert failed.message.startswith(
        "its process was killed 3 times while no other run was active: perhaps it needs more memory"
    )
    assert len(warnings) == 4


def test_if_no_process_can_begin_all_tasks_fail(tasks):
    """For example because the code cannot be read any more: no task is running, and none is repeated for ever."""

    def workers(tasks):
        raise BrokenProcessPool("a task has failed to un-serialize")
        yield

    found = statuses(executor.outcomes(tasks, workers, lambda _: None))
    assert found == dict.fromkeys([task.name for task in tasks], Status.FAILED)


def test_tasks_without_an_outcome_fail(tasks):
    assert set(statuses(executor.outcomes(tasks, lambda tasks: iter(()), pytest.fail)).values()) == {Status.FAILED}


def test_after_a_signal_no_task_begins(tasks):
    found = []
    for outcome in executor.outcomes(tasks, lambda tasks: map(finished, executor.until_stopped(tasks)), pytest.fail):
        found.append(outcome.name)
        if len(found) == 2:
            signals.deliver(signal.SIGINT)
    assert found == ["seed=0", "seed=1"]


def finished(task):
    return Outcome(task.name, Status.FINISHED)


def test_killed_processes_after_a_signal_are_not_reported(tasks):
    def workers(tasks):
        yield finished(tasks[0])
        signals.deliver(signal.SIGTERM)
        raise BrokenProcessPool("by the system, as all are")

    assert [outcome.name for outcome in executor.outcomes(tasks, workers, pytest.fail)] == ["seed=0"]


def test_there_are_no_more_processes_than_runs():
    with executor.local(1000, 2):
        assert joblib.effective_n_jobs() == 2
