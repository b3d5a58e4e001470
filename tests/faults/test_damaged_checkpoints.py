"""A damaged checkpoint is recognized: the previous one is used, with a warning, or nothing is changed."""

import os
import random
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mlp import run as one_run
from mlp.config import Config
from mlp.runs import checkpoint, npz
from mlp.runs import directory as run_directory
from mlp.system.errors import Interrupted
from tests.faults.fault_helpers import one_message, outcome, project, train


@cache
def stopped(folder):
    """A run stopped in the middle of its second epoch, its config, and its result if it is not stopped."""
    config = project(Path(folder), checkpoint_every="1 step")
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, "--config", config, "--output", Path(folder) / "whole") == 0
        save, saved = run_directory.Run.save, []

        def stop_at_the_seventh(run, state):
            save(run, state)
            saved.append(1)
            if len(saved) == 7:
                raise Interrupted(2)

        monkeypatch.setattr(run_directory.Run, "save", stop_at_the_seventh)
        assert train(monkeypatch, "--config", config, "--output", Path(folder) / "run") == 130
    return Path(folder) / "run", config, outcome(Path(folder) / "whole")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return str(tmp_path_factory.mktemp("stopped"))


@pytest.fixture
def run(shared, tmp_path):
    """A copy of the stopped run to damage."""
    return Path(shutil.copytree(stopped(shared)[0], tmp_path / "run"))


def truncate(path, random_):
    os.truncate(path, random_.randrange(path.stat().st_size))


def flip(path, random_):
    content = bytearray(path.read_bytes())
    content[random_.randrange(len(content))] ^= 1 << random_.randrange(8)
    path.write_bytes(content)


def zero(path, random_):
    """As a block that never reached the disk."""
    content = bytearray(path.read_bytes())
    at = random_.randrange(len(content) - 200)
    content[at : at + 200] = bytes(200)
    path.write_bytes(content)


def lengthen(path, random_):
    path.write_bytes(path.read_bytes() + random_.randbytes(random_.randrange(1, 99)))


def swap(path, random_):
    content = path.read_bytes()
    at = random_.randrange(1, len(content))
    path.write_bytes(content[at:] + content[:at])


KINDS = [flip, flip, truncate, truncate, zero, lengthen, swap]


@pytest.mark.trials(14, 140)
def test_the_previous_checkpoint_is_used(trial, run, shared, monkeypatch, capsys, injected):
    newest = run / checkpoint.NEWEST
    KINDS[trial % len(KINDS)](newest, random.Random(trial))
    assert train(monkeypatch, "--resume", run) == 0
    message = one_message(capsys.readouterr().err, "warning")
    assert f"{newest}: damaged: " in message
    assert message.endswith("resuming from checkpoint.previous.npz, the checkpoint before it")
    assert outcome(run) == stopped(shared)[2]
    assert checkpoint.read_checkpoint(run / checkpoint.PREVIOUS) is not None  # the damaged one did not replace it
    injected("damaged checkpoints: the previous one taken")


@pytest.mark.trials(7, 42)
def test_if_both_are_damaged_nothing_is_changed(trial, run, shared, monkeypatch, capsys, injected):
    for path in (run / checkpoint.NEWEST, run / checkpoint.PREVIOUS):
        KINDS[trial % len(KINDS)](path, random.Random(trial))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    arguments = ("--config", stopped(shared)[1]) if trial % 2 else ()
    assert train(monkeypatch, "--resume", run, *arguments) == 2
    message = one_message(capsys.readouterr().err)
    assert message.count("damaged: ") == 2
    assert "train a new run in another directory" in message
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    injected("damaged checkpoints: both, refused")


ODD = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
    "a hole of a terabyte": lambda path: (path.write_bytes(b""), os.truncate(path, 1 << 40)),
    "text": lambda path: path.write_text("checkpoint"),
    "another archive": lambda path: np.savez(path, parameters=np.zeros(3)),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_an_invalid_checkpoint_is_refused(change, run, shared, monkeypatch, capsys, injected):
    change(run / checkpoint.NEWEST)
    assert train(monkeypatch, "--resume", run) == 0
    assert one_message(capsys.readouterr().err, "warning")
    assert outcome(run) == stopped(shared)[2]
    injected("damaged checkpoints: the previous one taken")


def test_a_folder_in_its_place_is_not_replaced(run, monkeypatch, capsys):
    (run / checkpoint.NEWEST).unlink()
    (run / checkpoint.NEWEST).mkdir()
    assert train(monkeypatch, "--resume", run) == 2
    assert "checkpoint.npz: Is a directory" in capsys.readouterr().err
    assert checkpoint.read_checkpoint(run / checkpoint.PREVIOUS) is not None


def test_a_run_killed_between_the_two_renames_can_be_resumed(run, shared, monkeypatch, capsys):
    os.replace(run / checkpoint.NEWEST, run / (checkpoint.NEWEST + ".tmp"))
    assert train(monkeypatch, "--resume", run) == 0
    assert "checkpoint.npz: no such file: resuming from" in one_message(capsys.readouterr().err, "warning")
    assert outcome(run) == stopped(shared)[2]


def crafted(path, **changes):
    """A checkpoint with other arrays and the right SHA-256."""
    with np.load(path) as whole:
        arrays = dict(whole) | changes
    with path.open("w+b") as file:
        npz.write_sealed(file, {name: array for name, array in arrays.items() if array is not None})


CRAFTED = {
    "without weights": {"parameters": None},
    "of another shape": {"best": np.zeros(7, np.float32)},
    "of another precision": {name: np.zeros(55, np.float64) for name in checkpoint.block_names(Config())},
    "with a torn history": {"history": np.zeros((2, 3))},
    "with a history of text": {"history": np.array(["a"])},
    "with no rest": {"rest": None},
    "with a rest that is no text": {"rest": np.zeros(3)},
    "with a rest of other keys": {"rest": np.array('{"config": "", "facts": {}}')},
    "with a deep rest": {"rest": np.array("[" * 100_000)},
}


def test_squares_below_0_are_not_what_adam_keeps(run):
    """Their root would be nan, and the message would be about the learning rate."""
    path = run / checkpoint.NEWEST
    with np.load(path) as whole:
        rest, zeros = str(whole["rest"]).replace("optimizer: sgd", "optimizer: adam"), np.zeros_like(whole["best"])
    rest = rest.replace("momentum: 0.5", "momentum: 0.0")
    moments = {"velocity": None, "first_moment": zeros - 1, "rest": np.array(rest)}
    crafted(path, **moments, second_moment=zeros)
    assert set(checkpoint.read_checkpoint(path).state.optimizer) == {"first_moment", "second_moment"}
    crafted(path, second_moment=zeros - 1)
    with pytest.raises(npz.Damaged, match="its second_moment has a number below 0"):
        checkpoint.read_checkpoint(path)


@pytest.mark.parametrize("changes", CRAFTED.values(), ids=CRAFTED)
def test_a_forged_checkpoint_runs_no_code_and_is_refused(changes, run, tmp_path, injected):
    crafted(run / checkpoint.NEWEST, **changes)
    with pytest.raises(npz.Damaged):
        checkpoint.read_checkpoint(run / checkpoint.NEWEST)
    injected("damaged checkpoints: forged, refused")


def test_a_run_is_not_resumed_with_another_config(run, shared, monkeypatch, capsys):
    config = stopped(shared)[1]
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    for change, message in {
        "training.learning_rate=0.5": "training.learning_rate is 0.5, not 1.0",
        "training.epochs=2": "training.epochs is 2, not 3",
        "data.digits=[1, 7]": "data.digits is [1, 7], not [0, 1]",
        "training.checkpoint_every=2 steps": 'training.checkpoint_every is "2 steps", not "1 step"',
    }.items():
        for source in ((), ("--config", config)):
            assert train(monkeypatch, "--resume", run, *source, "--set", change) == 2
            assert message in one_message(capsys.readouterr().err)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_run_is_not_resumed_on_other_data(run, shared, monkeypatch, capsys):
    folder = stopped(shared)[1].parent / "made"
    other = Path(shutil.copytree(folder, run.parent / "other"))
    flip(other / "train-images-idx3-ubyte", random.Random(9))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert train(monkeypatch, "--resume", run, "--set", f"data.directory={other}") == 2
    assert "train-images-idx3-ubyte differ from those that" in one_message(capsys.readouterr().err)
    after = {path.name: path.read_bytes() for path in run.iterdir()}
    assert after == before


def test_the_same_data_may_lie_in_another_folder(run, shared, monkeypatch):
    shutil.copytree(stopped(shared)[1].parent / "made", run.parent / "moved")
    assert train(monkeypatch, "--resume", run, "--set", f"data.directory={run.parent / 'moved'}") == 0
    assert outcome(run) == stopped(shared)[2]


def test_a_finished_run_stays_as_it_is(run, monkeypatch, capsys):
    assert train(monkeypatch, "--resume", run) == 0
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.iterdir()}
    monkeypatch.setattr(one_run, "train", pytest.fail)
    assert train(monkeypatch, "--resume", run) == 0
    assert "is finished, nothing was changed" in capsys.readouterr().out
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.iterdir()} == before


def test_a_finished_run_may_get_more_epochs(run, shared, monkeypatch):
    config = stopped(shared)[1]
    assert train(monkeypatch, "--resume", run) == 0
    assert train(monkeypatch, "--resume", run, "--set", "training.epochs=5") == 0
    assert train(monkeypatch, "--config", config, "--set", "training.epochs=5", "--output", run.parent / "five") == 0
    assert outcome(run) == outcome(run.parent / "five")


def test_files_that_a_finished_run_lost_are_made_again(run, shared, monkeypatch):
    assert train(monkeypatch, "--resume", run) == 0
    for name in ("model.npz", "history.csv", "loss_curve.png"):
        (run / name).unlink()
    assert train(monkeypatch, "--resume", run) == 0
    assert outcome(run) == stopped(shared)[2]
    assert (run / "loss_curve.png").exists()


def test_a_directory_with_other_files_is_left_alone(shared, tmp_path, monkeypatch, capsys):
    (tmp_path / "thesis.tex").write_text("mine")
    assert train(monkeypatch, "--resume", tmp_path, "--config", stopped(shared)[1]) == 2
    assert "no checkpoint in it, but thesis.tex" in one_message(capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert train(monkeypatch, "--resume", tmp_path) == 2
    assert "no checkpoint in it: to start a run there, add --config FILE" in one_message(capsys.readouterr().err)
    assert train(monkeypatch, "--resume", tmp_path / "none") == 2
    assert "no such run: to start it there, add --config FILE" in one_message(capsys.readouterr().err)


def test_a_run_may_start_in_an_empty_directory(shared, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    assert train(monkeypatch, "--resume", tmp_path / "run", "--config", stopped(shared)[1]) == 0
    assert outcome(tmp_path / "run") == stopped(shared)[2]
