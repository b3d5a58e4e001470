"""Promises of mlp.finished_runs: a run is read back as it was written, or refused."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from mlp.runs import history
from mlp.system.errors import Diverged, InputError
from mlp.system.files import sha256
from mlp.training.progress import Epoch
from tests.conftest import FILES, finished_run


def test_a_finished_run_is_read_back(settings):
    directory, network = finished_run(settings)
    run = finished_runs.read(directory)
    assert (run.config, run.image_shape, run.training_files) == (settings, (2, 2), FILES)
    np.testing.assert_array_equal(run.network.parameter_block, network.parameter_block)


def with_config(directory, text):
    """The model with this text for its config, and the manifest to match."""
    with np.load(directory / "model.npz") as model:
        np.savez(directory / "model.npz", **(dict(model) | {"config": np.array(text)}))
    rewrite(directory, weights_sha256=sha256(directory / "model.npz"))


def test_a_run_older_than_a_key_is_read_with_the_keys_default(settings):
    directory, network = finished_run(settings)
    facts = json.loads(settings.to_json_without_paths())
    del facts["model"]["loss"]
    with_config(directory, json.dumps(facts, separators=(",", ":")))
    text = (directory / "config.yaml").read_text()
    (directory / "config.yaml").write_text(text.replace("  loss: euclidean\n", ""))
    run = finished_runs.read(directory)
    assert run.network.loss_name == "euclidean"
    np.testing.assert_array_equal(run.network.parameter_block, network.parameter_block)
    (directory / "config.yaml").write_text(text.replace("euclidean", "cross_entropy"))
    with pytest.raises(InputError, match=r"model\.npz: not the model of the config beside it: train the run again"):
        finished_runs.read(directory)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": {"loss": "hinge"}}', '{"surprise": 1}'])
def test_a_model_whose_config_is_none_is_refused(settings, text):
    directory, _ = finished_run(settings)
    with_config(directory, text)
    with pytest.raises(InputError, match=r"model\.npz: not the model of a run: train the run again"):
        finished_runs.read(directory)


def test_a_run_is_read_back_with_its_loss(settings):
    model = settings.model.model_copy(update={"loss": "cross_entropy"})
    directory, _ = finished_run(settings.model_copy(update={"model": model}))
    assert finished_runs.read(directory).network.loss_name == "cross_entropy"


def test_the_newest_finished_run_is_the_one_that_ended_last(settings):
    with pytest.raises(InputError, match=r"no finished run in it: .* \(output\.directory: by default outputs"):
        finished_runs.newest(settings.output.directory, pytest.fail)
    names = [settings.output.directory / name for name in ("zeta", "alpha", "beta")]
    first, _, last = (finished_run(settings, name)[0] for name in names)
    with pytest.raises(Diverged), run_directory.new(settings, None, pytest.fail):
        raise Diverged("it did")
    assert finished_runs.newest(settings.output.directory, pytest.fail) == last
    manifest = finished_runs.read_manifest(first)
    assert manifest.ended < finished_runs.read_manifest(last).ended


def test_a_run_that_did_not_finish_is_refused(settings):
    with pytest.raises(Diverged), run_directory.new(settings, None, pytest.fail) as run:  # noqa: PT012
        run.begin()
        raise Diverged("it did")
    with pytest.raises(InputError, match="not a finished run, its status is diverged"):
        finished_runs.read(run.directory)


def rewrite(directory, **facts):
    """The manifest with these facts in place of its own."""
    manifest = json.loads((directory / "manifest.json").read_text()) | facts
    (directory / "manifest.json").write_text(json.dumps(manifest))


def flip(path):
    """One bit of the file, in its middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "no model": (lambda d: (d / "model.npz").unlink(), "model.npz: no such file"),
    "half a model": (lambda d: (d / "model.npz").write_bytes((d / "model.npz").read_bytes()[:400]), "npz: damaged"),
    "one bit of the model": (lambda d: flip(d / "model.npz"), "model.npz: damaged"),
    "a pipe for a model": (
        lambda d: ((d / "model.npz").unlink(), os.mkfifo(d / "model.npz")),
        "npz: not a regular file",
    ),
    "no manifest": (lambda d: (d / "manifest.json").unlink(), "is not the directory of a run"),
    "half a manifest": (lambda d: (d / "manifest.json").write_text('{"status":'), "not the manifest of a run"),
    "a deep manifest": (lambda d: (d / "manifest.json").write_text("[" * 100_000), "not the manifest of a run"),
    "a pipe for a manifest": (
        lambda d: ((d / "manifest.json").unlink(), os.mkfifo(d / "manifest.json")),
        "not a regular file",
    ),
    "another manifest": (lambda d: (d / "manifest.json").write_text("[]"), "not the manifest of a run"),
    "a manifest without shape": (
        lambda d: (d / "manifest.json").write_text(json.dumps({"status": "finished", "ended": "x"})),
        "not a finished run",
    ),
    "an impossible shape": (lambda d: rewrite(d, image_shape=[0, 0]), "not the manifest of a run"),
    "a shape of text": (lambda d: rewrite(d, image_shape="ab"), "not the manifest of a run"),
    "another shape": (lambda d: rewrite(d, image_shape=[3, 3]), r"not the weights of images of \(3, 3\) pixels"),
    "another end": (lambda d: rewrite(d, ended=5), "not the manifest of a run"),
    "another config": (
        lambda d: (d / "config.yaml").write_text("model:\n  hidden_sizes: [3]\ntraining:\n  seed: 1\n"),
        "not the model of the config beside it",
    ),
    "no config": (lambda d: (d / "config.yaml").unlink(), "without it the run cannot be read"),
    "a wrong config": (lambda d: (d / "config.yaml").write_text("x: 1"), "x: unknown section"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_run_is_refused_by_name(settings, damage, message):
    directory, _ = finished_run(settings)
    damage(directory)
    with pytest.raises(InputError, match=message) as error:
        finished_runs.read(directory)
    assert str(directory) in str(error.value)


def test_what_is_no_run_is_left_out_with_a_warning(settings):
    directory, _ = finished_run(settings)
    other = settings.output.directory / "other"
    other.mkdir()
    (other / "manifest.json").write_text('{"name": "webapp"}')
    warnings = []
    assert finished_runs.newest(settings.output.directory, warnings.append) == directory
    (warning,) = warnings
    assert warning.startswith(f"{other / 'manifest.json'}: not the manifest of a run")


NOT_WHOLE = {
    "a word alone": ({"status": "finished"}, ""),
    "no date": ({"ended": "zzzz"}, 'manifest.json: ended must be a date and a time, not "zzzz"'),
    "no end": ({"ended": None}, "manifest.json: ended must be a date and a time, not null"),
    "no model": ("model.npz", "not a whole run, it has no model.npz: remove it"),
    "no config": ("config.yaml", "not a whole run, it has no config.yaml: remove it"),
}


@pytest.mark.parametrize(("damage", "message"), NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_what_only_says_that_it_is_finished_is_passed_over_with_a_warning(damage, message, settings, injected):
    directory, _ = finished_run(settings)
    other, _ = finished_run(settings, directory.with_name("zz"))
    path = other / "manifest.json"
    if isinstance(damage, str):
        (other / damage).unlink()
    elif "status" in damage:
        path.write_text(json.dumps(damage))
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    warnings = []
    assert finished_runs.newest(settings.output.directory, warnings.append) == directory
    (warning,) = warnings
    assert warning.startswith(str(other))
    assert message in warning
    injected("what only says that it is a finished run")


def test_dates_with_and_without_a_zone_are_compared(settings):
    first, last = (finished_run(settings, settings.output.directory / name)[0] for name in ("b", "a"))
    for directory, ended in ((first, "2026-01-01T12:00:00"), (last, "2026-01-01T13:30:00+01:00")):
        path = directory / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"ended": ended}))
    assert finished_runs.newest(settings.output.directory, pytest.fail) == last


HISTORY = [
    Epoch(1, 0.1 + 0.2, 1 / 3, 0.5, 1.0, 1.0, 2e-310, 0.25),
    Epoch(2, 0.0, 1e99, 1.0, 0.0, 1.0, 0.5, 0.0),
]


def with_history(settings, epochs=HISTORY):
    with run_directory.new(settings, None, pytest.fail) as run:
        run.begin()
        run.write_history(epochs)
    return run.directory


def test_a_history_is_read_back_to_the_last_bit(settings):
    assert history.read(with_history(settings)) == HISTORY
    without = [replace(row, validation_loss=None, validation_accuracy=None) for row in HISTORY]
    assert history.read(with_history(settings, without)) == without


HISTORY_DAMAGE = {
    "empty": (lambda text: "", r":1: must be epoch,train_loss,"),
    "another header": (lambda text: text.replace("train_loss", "loss"), ":1: must be epoch,train_loss,"),
    "no epochs": (lambda text: text.splitlines()[0] + "\n", ":2: there is no epoch in it"),
    "a row cut short": (lambda text: text[: text.rindex(",")], ":3: must have 8 columns, not 7"),
    "a row too many": (lambda text: text + text.splitlines()[-1], ":4: epoch must be 3, not 2"),
    "a row missing": (lambda text: text.replace("\n1,", "\n7,"), ":2: epoch must be 1, not 7"),
    "words": (
        lambda text: text.replace(",0.25", ",?"),
        r":2: seconds must be a number, not \?",
    ),
    "nothing": (lambda text: text.replace(",0.25", ","), ":2: seconds must be a number, not nothing"),
    "nan": (lambda text: text.replace(",0.25", ",nan"), ":2: seconds must be from 0 to 1e\\+100, not nan"),
    "infinity": (lambda text: text.replace("1e+99", "inf"), ":3: validation_loss must be from 0 to 1e\\+100"),
    "beyond what any run has": (lambda text: text.replace("1e+99", "1e+300"), ":3: validation_loss must be from 0 to"),
    "a negative loss": (
        lambda text: text.replace("\n2,0.0", "\n2,-0.1"),
        ":3: train_loss must be from 0 to 1e\\+100",
    ),
    "percent": (lambda text: text.replace(",0.5,1.0,", ",50,1.0,"), ":2: train_accuracy must be from 0 to 1, not 50"),
    "one of two": (lambda text: text.replace("1e+99", ""), ":3: validation_loss and validation_accuracy must both"),
    "validation now and then": (
        lambda text: text.replace("1e+99", "").replace(",1.0,0.0,1.0", ",1.0,,1.0"),
        ":3: validation_loss must be there in every epoch or in none",
    ),
    "another encoding": (lambda text: text.encode("utf-16"), ":1: byte 0 is not ASCII"),
}


@pytest.mark.parametrize(("damage", "message"), HISTORY_DAMAGE.values(), ids=HISTORY_DAMAGE)
def test_a_damaged_history_is_refused_with_its_line_and_the_cure(settings, damage, message):
    path = with_history(settings) / "history.csv"
    damaged = damage(path.read_text())
    path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    with pytest.raises(
        InputError, match=rf"^{path}{message}.*: put back the file that it wrote, or train the run again$"
    ):
        history.read(path.parent)


def test_a_missing_history_is_named_with_the_cure(settings):
    directory, _ = finished_run(settings)
    with pytest.raises(InputError, match=r"history\.csv: no such file: put back the one that the run wrote, or train"):
        history.read(directory)


@pytest.mark.parametrize("given", [".", "sub/..", "../linked", "../0001"])
def test_a_run_has_its_directory_s_own_name_however_it_is_given(given, settings, monkeypatch):
    """It is in the titles of pages."""
    directory, _ = finished_run(settings)
    (directory / "sub").mkdir()
    (directory.parent / "linked").symlink_to(directory)
    monkeypatch.chdir(directory)
    assert finished_runs.read(Path(given)).name == "0001"


def test_a_run_that_cannot_be_looked_at_is_passed_over_with_a_warning(settings, monkeypatch):
    first, _ = finished_run(settings)
    second, _ = finished_run(settings)
    read = finished_runs.read_manifest

    def forbidden(directory):
        if directory == second:
            raise PermissionError(13, os.strerror(13), str(directory / "manifest.json"))
        return read(directory)

    monkeypatch.setattr(finished_runs, "read_manifest", forbidden)
    warnings = []
    assert finished_runs.newest(first.parent, warnings.append) == first
    assert warnings == [f"{second}: Permission denied: not looked at"]
