"""A worker does a task, whatever it finds, and reports the outcome; on forty images of 4 by 4."""

import hashlib
import json
import os
import threading
import time
from dataclasses import replace

import pytest

from mlp import config
from mlp import run as one_run
from mlp.sweeps import worker
from mlp.sweeps.worker import TOKEN, Outcome, Status, Task
from mlp.system import files, signals
from mlp.training.active_inputs import OrderedParameters
from tests.conftest import run_here


@pytest.fixture
def settings(tmp_path, folder):
    path = tmp_path / "config.yaml"
    path.write_text(
        f"data: {{directory: {folder}}}\nmodel: {{hidden_sizes: [3]}}\ntraining: {{epochs: 4, batch_size: 8}}"
    )
    return config.load(path)


@pytest.fixture
def task(tmp_path, settings, folder):
    """A run of an active sweep."""
    files = sorted(folder.glob("train-*"))
    hashes = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / TOKEN).write_text("ours")
    needed = worker.requirements(tmp_path / "sweep", "ours", hashes, is_tested=True)
    return Task("seed=0", settings, needed)


def finding(task, **others):
    return replace(task, requirements=replace(task.requirements, **others))


def model(directory):
    return (directory / "model.npz").read_bytes()


@pytest.fixture
def alone(tmp_path, task):
    """The model that train.py trains with the same config."""
    done = run_here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "alone")
    assert done.returncode == 0, done.stderr
    return model(tmp_path / "alone")


def test_a_run_has_the_model_of_train_py_and_is_not_trained_twice(task, alone, capsys):
    outcome = worker.work(task)
    assert (outcome.status, outcome.is_new, outcome.warnings) == (Status.FINISHED, True, ())
    assert model(task.directory) == alone
    assert len(outcome.result.history) == 4
    errors, images = outcome.test
    assert images == 8  # of ten, two are sevens
    assert 0 <= errors <= images
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in task.directory.iterdir()}
    again = worker.work(task)
    assert again == replace(outcome, is_new=False)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in task.directory.iterdir()} == before
    assert capsys.readouterr() == ("", "")


def withdraw_at(monkeypatch, task, count):
    """Remove the sweep's token at a step, and wait until the worker notices."""
    count_steps, taken = OrderedParameters.count_steps, []

    def then(parameters, steps):
        count_steps(parameters, steps)
        taken.append(steps)
        if len(taken) == count:
            (task.requirements.folder / TOKEN).unlink()
            for _ in range(1000):
                if signals.heard():
                    return
                time.sleep(0.01)

    monkeypatch.setattr("mlp.training.step.MAX_STEPS", 1)
    monkeypatch.setattr(OrderedParameters, "count_steps", then)


def test_stopping_a_sweep_stops_its_workers_and_loses_nothing(task, alone, monkeypatch):
    with monkeypatch.context() as patched:
        withdraw_at(patched, task, 6)
        assert worker.work(task).status == Status.INTERRUPTED
    assert json.loads((task.directory / "manifest.json").read_text())["status"] == "interrupted"
    assert not signals.heard()  # the worker can take other tasks
    (task.requirements.folder / TOKEN).write_text("the next sweep's")
    assert worker.work(task).status == Status.INTERRUPTED  # this sweep stays stopped
    steps = []
    count = OrderedParameters.count_steps
    monkeypatch.setattr(OrderedParameters, "count_steps", lambda one, more: steps.append(more) or count(one, more))
    outcome = worker.work(finding(task, token="the next sweep's"))  # noqa: S106
    assert (outcome.status, model(task.directory)) == (Status.FINISHED, alone)
    assert sum(steps) == 4 * 4 - 6  # of 27 training images in batches of 8


def test_a_run_fails_if_its_data_change_and_resumes_when_they_are_restored(task, alone, folder, monkeypatch):
    path = folder / "train-labels-idx1-ubyte"
    content, count = path.read_bytes(), OrderedParameters.count_steps

    def change(parameters, steps):
        path.write_bytes(content[:-1] + b"\7")
        count(parameters, steps)

    with monkeypatch.context() as patched:
        patched.setattr(OrderedParameters, "count_steps", change)
        outcome = worker.work(task)
    assert outcome.status == Status.FAILED
    assert outcome.message.startswith(f"{path}: changed while it was in use, it holds other bytes now: put it back")
    path.write_bytes(content)
    assert (worker.work(task).status, model(task.directory)) == (Status.FINISHED, alone)


def test_a_later_run_of_a_worker_has_the_bytes_of_a_first_run(task, alone, tmp_path, monkeypatch):
    """A worker keeps its data and their hashes from one run to the next."""
    monkeypatch.setattr(files, "TIME_RESOLUTION", 0)
    settings = task.config.with_values({"training.seed": 1, "data.transpose": True, "training.epochs": 9})
    assert worker.work(replace(task, name="seed=1", config=settings)).status == Status.FINISHED
    assert worker.work(task).status == Status.FINISHED
    assert model(task.directory) == alone
    written = [(run / "config.yaml").read_bytes() for run in (task.directory, tmp_path / "alone")]
    assert written[0] == written[1]


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_worker_notices_data_that_change_between_two_runs(name, task, folder, monkeypatch):
    monkeypatch.setattr(files, "TIME_RESOLUTION", 0)
    path = folder / name
    content = path.read_bytes()
    task = finding(task, files=task.requirements.files | {path: hashlib.sha256(content).hexdigest()})
    assert worker.work(replace(task, name="first")).status == Status.FINISHED
    times = path.stat()
    path.write_bytes(content[:-1] + b"x")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    outcome = worker.work(task)
    assert outcome.status == Status.UNFIT
    assert f"{path} differs from the file at the sweep's beginning" in outcome.message


def test_there_is_no_test_result_if_the_test_images_changed(task, folder, monkeypatch):
    path, count = folder / "t10k-images-idx3-ubyte", OrderedParameters.count_steps
    content = path.read_bytes()
    task = finding(task, files=task.requirements.files | {path: hashlib.sha256(content).hexdigest()})

    def change(parameters, steps):
        path.write_bytes(content[:-1] + b"x")
        count(parameters, steps)

    monkeypatch.setattr(OrderedParameters, "count_steps", change)
    outcome = worker.work(task)
    assert (outcome.status, outcome.test) == (Status.UNFIT, None)
    assert f"{path} differs from the file at the sweep's beginning" in outcome.message


UNFIT = {
    "code": ({"code": "0" * 64}, "it runs another version of this project"),
    "numpy": ({"numpy": "1.7.0"}, "the sweep has 1.7.0: install that there"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_worker_with_other_code_or_numpy_says_so(what, task):
    others, message = UNFIT[what]
    outcome = worker.work(finding(task, **others))
    assert outcome.status == Status.UNFIT
    assert outcome.message.startswith("a process of this machine: ")
    assert message in outcome.message
    assert not task.directory.exists()


def test_a_worker_that_cannot_see_a_path_says_so_by_name(task, tmp_path):
    elsewhere = tmp_path / "not mounted here"
    outcome = worker.work(finding(task, folder=elsewhere))
    assert outcome.status == Status.UNFIT
    assert f"it cannot see {elsewhere}: the folder must be there under the same path" in outcome.message
    first, *_ = task.requirements.files
    first.rename(first.with_name("aside"))
    outcome = worker.work(task)
    assert outcome.status == Status.UNFIT
    assert f"it cannot read {first} (No such file or directory): the file must be there" in outcome.message


def test_a_worker_whose_file_has_other_bytes_says_so_by_name(task):
    *_, labels = task.requirements.files
    labels.write_bytes(labels.read_bytes()[:-1] + b"\0")
    outcome = worker.work(task)
    assert outcome.status == Status.UNFIT
    assert f"{labels} differs from the file at the sweep's beginning" in outcome.message
    assert not task.directory.exists()


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ({"training.learning_rate": 1000.0, "training.momentum": 0.9}, Status.DIVERGED, "training diverged in epoch "),
        (
            {"training.learning_rate": 1e-9},
            Status.LEARNED_NOTHING,
            "training learned nothing from epoch 1, step 1 on: ",
        ),
    ],
)
def test_a_run_that_diverges_or_learns_nothing_stays_so_and_is_not_tried_again(
    task, options, status, message, monkeypatch
):
    task = replace(task, config=task.config.with_values(options))
    outcome = worker.work(task)
    assert outcome.status == status
    assert outcome.message.startswith(message)
    assert outcome.message.endswith(f"; details in {task.directory / 'divergence.json'}")
    assert outcome.is_new
    monkeypatch.setattr(one_run, "train", pytest.fail)
    assert worker.work(task) == replace(outcome, is_new=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[" * 100_000,
        '{"kind": "fine", "reason": "", "epoch": 1, "step": 1}',
        '{"reason": "", "epoch": -1, "step": 1}',
    ],
    ids=["nothing", "no report", "a deep one", "a kind of its own", "an epoch below 0"],
)
def test_a_divergence_report_not_written_by_a_run_is_named_with_the_cure(task, text):
    task = replace(task, config=task.config.with_values({"training.learning_rate": 1000.0, "training.momentum": 0.9}))
    assert worker.work(task).status == Status.DIVERGED
    path = task.directory / "divergence.json"
    path.write_text(text)
    outcome = worker.work(task)
    assert outcome.status == Status.FAILED
    assert outcome.message == f"{path}: not written by a run: remove {task.directory}, and the run is trained again"


def test_a_worker_waits_for_a_directory_locked_by_another_process(task, alone):
    task.directory.mkdir()
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(worker.work(task)))
    with files.exclusive(task.directory, pytest.fail):
        thread.start()
        time.sleep(0.5)
        assert outcomes == []
    thread.join()
    assert outcomes[0].status == Status.FINISHED
    assert model(task.directory) == alone


def test_a_run_of_another_config_in_its_place_is_kept_and_reported(task):
    assert worker.work(task).status == Status.FINISHED
    before = model(task.directory)
    outcome = worker.work(replace(task, config=task.config.with_values({"training.momentum": 0.5})))
    assert outcome.status == Status.FAILED
    assert "training.momentum is 0.5, not 0.0" in outcome.message
    assert model(task.directory) == before


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "/x/model.npz"), "/x/model.npz: No space left on device"),
        (MemoryError("no 3 TiB"), "not enough memory: no 3 TiB"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero (" + __file__),
    ],
    ids=str,
)
def test_an_error_fails_this_run_alone(error, message, task, monkeypatch):
    def fail(parameters, steps):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(OrderedParameters, "count_steps", fail)
        outcome = worker.work(task)
    assert (outcome.status, outcome.result) == (Status.FAILED, None)
    assert outcome.message.startswith(message)
    assert worker.work(task).status == Status.FINISHED  # given again


def test_threads_of_one_worker_take_turns(task, monkeypatch):
    """Settings of NumPy and BLAS are the process's: two runs at once would change each other's."""
    inside, most = [], []

    def look(task, warnings):
        inside.append(task)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return Outcome(task.name, Status.FINISHED)

    monkeypatch.setattr(worker, "_run_to_end", look)
    threads = [threading.Thread(target=worker.work, args=(task,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
