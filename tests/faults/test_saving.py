"""What a run that is stopped at a certain step has saved, and what its messages say."""

import json
import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from mlp.runs import checkpoint, provenance
from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from mlp.runs.manifest import read_manifest
from mlp.system import blas_threads, files
from mlp.system.errors import Interrupted
from mlp.training import divergence
from mlp.training.progress import EpochSums
from tests.faults.fault_helpers import ADAM, at_step, one_message, outcome, project, train

NOT_BEFORE_THE_END = {"model.npz", "loss_curve.png", "divergence.json", "live.html"}
"""Own files that a run without a live view does not write as it trains."""
STEPS = 3
"""An epoch has 24 training images, 8 a batch."""


interrupt = partial(os.kill, os.getpid(), signal.SIGINT)


def out_of_memory():
    raise MemoryError("no 3 TiB")


@pytest.fixture
def stopped(tmp_path, capsys):
    """A run stopped at its seventh step of nine; its last checkpoint is from the sixth or a later step."""

    def stop(happens=interrupt, code=130, **options):
        config = project(tmp_path, **options)
        with pytest.MonkeyPatch.context() as monkeypatch:
            at_step(monkeypatch, 7, happens)
            assert train(monkeypatch, "--config", config, "--output", tmp_path / "run") == code
        return tmp_path / "run"

    yield stop
    capsys.readouterr()


def place(run):
    """Epoch and step of the newest checkpoint."""
    progress = checkpoint.read_checkpoint(run / checkpoint.NEWEST).state.progress
    return len(progress.history), progress.current.steps


def rows(run):
    return len((run / "history.csv").read_text().splitlines()) - 1


@pytest.mark.parametrize(
    ("options", "at"),
    [({}, (2, 1)), (ADAM | {"learning_rate": 0.1}, (2, 1)), (ADAM | {"digits": (0, 1, 7)}, (1, 3))],
    ids=["SGD", "Adam", "Adam, three classes"],
)
def test_a_signal_saves_the_current_step_completely(stopped, monkeypatch, tmp_path, options, at):
    run = stopped(checkpoint_every="9 epochs", **options)
    assert (place(run), rows(run)) == (at, at[0])
    assert json.loads((run / "manifest.json").read_text())["status"] == "interrupted"
    assert train(monkeypatch, "--resume", run) == 0
    assert train(monkeypatch, "--config", tmp_path / "config.yaml", "--output", tmp_path / "whole") == 0
    assert outcome(run) == outcome(tmp_path / "whole")


def test_any_other_stop_leaves_the_last_checkpoint_and_says_how_to_resume(stopped, capsys):
    run = stopped(out_of_memory, 2)
    assert (place(run), rows(run)) == ((2, 0), 2)
    message = one_message(capsys.readouterr().err)
    assert message.startswith("error: not enough memory: no 3 TiB: resume with: python ")
    assert message.endswith(f"--resume {run}")


@pytest.mark.parametrize(
    ("checkpoint_every", "places"),
    [("1 epoch", [0, 3, 6, 9]), ("2 epochs", [0, 6, 9]), ("4 steps", [0, 4, 8, 9]), ("7 steps", [0, 7, 9])],
)
def test_it_saves_as_often_as_asked_and_at_the_beginning_and_the_end(checkpoint_every, places, tmp_path, monkeypatch):
    save, saved = run_directory.Run.save, []

    def note(run, state):
        saved.append(STEPS * len(state.progress.history) + state.progress.current.steps)
        save(run, state)

    monkeypatch.setattr(run_directory.Run, "save", note)
    config = project(tmp_path, checkpoint_every=checkpoint_every)
    assert train(monkeypatch, "--config", config, "--output", tmp_path / "run") == 0
    assert saved == places


def test_the_whole_state_is_restored(stopped):
    saved = checkpoint.read_checkpoint(stopped() / checkpoint.NEWEST)
    progress = saved.state.progress
    progress.above_since, progress.untrained_loss, progress.best_epoch = (1, 2), 0.1 + 0.2, 1
    progress.current = EpochSums(1, 0.1, 2, 1 / 3, 4.5, 1)
    velocity = {"velocity": saved.state.optimizer["velocity"] * 3}
    changed = replace(saved, state=replace(saved.state, best=saved.state.best + 1, optimizer=velocity))
    checkpoint.save(changed)
    back = checkpoint.read_checkpoint(saved.path)
    assert (back.config, back.facts, back.state.progress) == (changed.config, changed.facts, progress)
    assert back.state.blocks.keys() == {"parameters", "velocity", "best"}
    for name, block in changed.state.blocks.items():
        assert back.state.blocks[name].tobytes() == block.tobytes()


@pytest.mark.parametrize("part", ["write_model", "loss_curve"])
def test_a_run_that_a_signal_stops_at_the_end_is_not_finished_and_resume_makes_the_rest(part, tmp_path, capsys):
    config, run = project(tmp_path), tmp_path / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        if part == "write_model":
            monkeypatch.setattr(run_directory.Run, part, lambda *_: interrupt())
        else:
            monkeypatch.setattr(files, "write_text", partial(stop_at_the_curve, files.write_text))
        assert train(monkeypatch, "--config", config, "--output", run) == 130
    assert f"--resume {run}" in one_message(capsys.readouterr().err, "interrupted")
    assert json.loads((run / "manifest.json").read_text())["status"] == "interrupted"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, "--resume", run) == 0
    assert outcome(run)


def stop_at_the_curve(write_text, path, text):
    if path.name == "loss_curve.png":
        interrupt()
    write_text(path, text)


def test_it_is_not_finished_before_all_its_files_exist(tmp_path, monkeypatch):
    seen = []
    config, run = project(tmp_path), tmp_path / "run"
    finish = run_directory.Run.finish

    def look(self, **facts):
        seen.append({path.name for path in run.iterdir()})
        finish(self, **facts)

    monkeypatch.setattr(run_directory.Run, "finish", look)
    assert train(monkeypatch, "--config", config, "--output", run) == 0
    assert seen == [
        {"config.yaml", "manifest.json", "history.csv", "loss_curve.png", "model.npz"}
        | {checkpoint.NEWEST, checkpoint.PREVIOUS}
    ]


def test_a_finished_run_with_more_epochs_is_read_back_with_them(tmp_path, monkeypatch):
    config, run = project(tmp_path), tmp_path / "run"
    assert train(monkeypatch, "--config", config, "--output", run) == 0
    assert train(monkeypatch, "--resume", run, "--set", "training.epochs=5") == 0
    assert finished_runs.read_run(run).config.training.epochs == 5
    (sitting,) = read_manifest(run).resumed
    assert sitting.changed == []


def test_another_environment_causes_a_warning_and_is_recorded(stopped, monkeypatch, capsys):
    run, facts = stopped(), provenance.environment
    capsys.readouterr()
    monkeypatch.setattr(provenance, "environment", lambda blas: facts(blas) | {"machine": "pdp11"})
    assert train(monkeypatch, "--resume", run) == 0
    warning = one_message(capsys.readouterr().err, "warning")
    assert warning.startswith("warning: changed since the run began, so its last bits may differ: the machine: ")
    (sitting,) = read_manifest(run).resumed
    assert sitting.changed[0].endswith("then, pdp11 now")


def test_a_run_that_was_resumed_very_often_can_still_be_read(stopped, monkeypatch):
    """Its manifest lists only the last resumes; otherwise it would grow beyond the size limit for reading."""
    run = stopped()
    saved = checkpoint.read_checkpoint(run / checkpoint.NEWEST)
    facts = saved.facts | {"resumed": [{"at": str(k), "changed": ["x" * 500]} for k in range(3000)]}
    monkeypatch.setattr(checkpoint, "newest", lambda *_: replace(saved, facts=facts))
    assert train(monkeypatch, "--resume", run) == 0
    resumed = read_manifest(run).resumed
    assert (len(resumed), resumed[0].at) == (1000, "2001")


def test_a_run_that_was_killed_at_its_start_starts_again(tmp_path, monkeypatch, capsys):
    config, run = project(tmp_path), tmp_path / "run"
    assert train(monkeypatch, "--config", config, "--output", run) == 0
    for path in run.iterdir():
        if path.name not in ("config.yaml", "manifest.json"):
            path.unlink()
    for name in ("config.yaml.tmp", "manifest.json.tmp", "checkpoint.npz.tmp"):
        (run / name).write_text("torn")
    assert train(monkeypatch, "--resume", run, "--config", config, "--set", "training.seed=1") == 2
    assert "no checkpoint in it, but config.yaml, manifest.json: " in capsys.readouterr().err
    assert train(monkeypatch, "--resume", run, "--config", config) == 0
    assert outcome(run)


def test_a_folder_with_a_users_own_config_is_left_alone(tmp_path, monkeypatch, capsys):
    config = project(tmp_path / "mine")
    before = config.read_bytes()
    (config.parent / "made").rename(tmp_path / "made")
    options = ("--set", f"data.directory={tmp_path / 'made'}")
    assert train(monkeypatch, "--resume", config.parent, "--config", config, *options) == 2
    assert "no checkpoint in it, but config.yaml" in one_message(capsys.readouterr().err)
    assert config.read_bytes() == before


def test_a_directory_that_another_run_uses_is_left_alone(stopped, monkeypatch, capsys):
    run = stopped()
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with files.exclusive(run, pytest.fail):
        assert train(monkeypatch, "--resume", run) == 2
    assert "another run is using it" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_other_labels_are_other_data(stopped, monkeypatch, capsys):
    run = stopped()
    path = run.parent / "made" / "train-labels-idx1-ubyte"
    content = bytearray(path.read_bytes())
    content[8], content[9] = content[9], content[8]
    path.write_bytes(content)
    assert train(monkeypatch, "--resume", run) == 2
    assert "train-labels-idx1-ubyte differ from those" in capsys.readouterr().err


def test_a_damaged_newest_checkpoint_is_replaced_at_once(stopped, monkeypatch):
    """It must never become the previous one: during the first save there would be no whole checkpoint."""
    run = stopped()
    (run / checkpoint.NEWEST).write_bytes(b"damaged")

    def stop(run_, state):
        assert checkpoint.read_checkpoint(run / checkpoint.NEWEST)
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(run_directory.Run, "save", stop)
    assert train(monkeypatch, "--resume", run) == 143
    assert not (run / checkpoint.PREVIOUS).exists()


def test_divergence_is_reported_in_json_and_leaves_no_weights(tmp_path, monkeypatch):
    config, run = project(tmp_path, learning_rate=1000, weight_decay=1000, batch_size=2), tmp_path / "run"
    assert train(monkeypatch, "--config", config, "--output", run) == 3
    report = json.loads((run / "divergence.json").read_text(), parse_constant=pytest.fail)
    assert set(report["last_finite"]) == {"epoch", "step", "loss", "gradient_norm", "parameter_norms"}
    assert {path.name for path in run.iterdir()} == {"config.yaml", "manifest.json", "history.csv", "divergence.json"}


def test_good_epochs_are_kept_and_a_run_that_recovers_has_no_divergence_report(tmp_path, monkeypatch):
    config, run = project(tmp_path, epochs=5, learning_rate=0.1), tmp_path / "run"
    with pytest.MonkeyPatch.context() as patched:
        everything_is_above = partial(patched.setattr, divergence, "is_above", lambda *_: True)
        at_step(patched, 10, everything_is_above)  # the first step of epoch 4
        assert train(patched, "--config", config, "--output", run) == 3
    assert place(run) == (3, 0)
    assert json.loads((run / "divergence.json").read_text())["epoch"] == 4
    assert train(monkeypatch, "--resume", run) == 0
    assert not (run / "divergence.json").exists()
    assert (run / "loss_curve.png").exists()


def test_a_run_stopped_just_before_divergence_diverges_when_resumed(tmp_path, monkeypatch, capsys):
    """It is stopped after its last step, without validation: only the check for divergence is left."""
    options = {"epochs": 1, "learning_rate": 1000, "checkpoint_every": "1 step"}
    config, run = project(tmp_path, **options), tmp_path / "run"
    config.write_text(config.read_text().replace("validation_fraction: 0.2", "validation_fraction: 0"))
    assert train(monkeypatch, "--config", config, "--output", tmp_path / "whole") == 3
    with pytest.MonkeyPatch.context() as patched:
        at_step(patched, 4, interrupt)  # the last of four steps, for 30 images
        assert train(patched, "--config", config, "--output", run) == 130
    assert train(monkeypatch, "--resume", run) == 3
    reports = [(path / "divergence.json").read_text() for path in (run, tmp_path / "whole")]
    assert reports[0] == reports[1]


def test_a_signal_after_the_end_stops_nothing(tmp_path, monkeypatch):
    """While the command ends, when all files of the run exist."""
    threads = blas_threads.threads

    @contextmanager
    def signal_behind(count):
        with threads(count) as libraries:
            yield libraries
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(blas_threads, "threads", signal_behind)
    assert train(monkeypatch, "--config", project(tmp_path), "--output", tmp_path / "run") == 0


@pytest.mark.parametrize("name", sorted(run_directory.OWN - NOT_BEFORE_THE_END))
@pytest.mark.parametrize("touched", ["deleted", "written to", "a folder"])
def test_a_run_whose_files_are_changed_meanwhile_ends_whole_or_says_what_is_wrong(
    name, touched, tmp_path, monkeypatch, capsys, injected
):
    config, run = project(tmp_path), tmp_path / "run"
    assert train(monkeypatch, "--config", config, "--output", tmp_path / "undisturbed") == 0

    def touch():
        if touched == "written to":
            (run / name).write_text("something else")
            return
        (run / name).unlink()
        if touched == "a folder":
            (run / name).mkdir()

    at_step(monkeypatch, 7, touch)
    code = train(monkeypatch, "--config", config, "--output", run)
    said = capsys.readouterr().err
    injected("files of a run, touched meanwhile")
    if touched == "a folder":
        assert code == 2
        assert str(run) in one_message(said)
        return
    assert code == 0, said
    assert outcome(run) == outcome(tmp_path / "undisturbed")
    assert finished_runs.read_run(run).config.training.epochs == 3
    assert sorted(path.name for path in run.iterdir()) == sorted(p.name for p in (tmp_path / "undisturbed").iterdir())
