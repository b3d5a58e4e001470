"""Promises of mlp.runs.finished: a run is read back as it was written, or refused."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from mlp.runs.manifest import read_manifest
from mlp.system.errors import Diverged, InputError
from tests.conftest import FILES, finished_run


def test_a_finished_run_is_read_back(settings):
    directory, network = finished_run(settings)
    run = finished_runs.read_run(directory)
    assert (run.config, run.image_shape, run.manifest.training_files) == (settings, (2, 2), FILES)
    np.testing.assert_array_equal(run.network.parameter_block, network.parameter_block)


def test_a_run_is_read_back_with_its_loss(settings):
    model = settings.model.model_copy(update={"loss": "cross_entropy"})
    directory, _ = finished_run(settings.model_copy(update={"model": model}))
    assert finished_runs.read_run(directory).network.loss_name == "cross_entropy"


def test_the_newest_finished_run_is_the_one_that_ended_last(settings):
    with pytest.raises(InputError, match=r"no finished run in it: .* \(output\.directory: by default outputs"):
        finished_runs.newest(settings.output.directory, pytest.fail)
    names = [settings.output.directory / name for name in ("zeta", "alpha", "beta")]
    first, _, last = (finished_run(settings, name)[0] for name in names)
    with pytest.raises(Diverged), run_directory.new(settings, None, pytest.fail):
        raise Diverged("it did")
    assert finished_runs.newest(settings.output.directory, pytest.fail) == last
    assert read_manifest(first).ended < read_manifest(last).ended


def test_a_run_that_did_not_finish_is_refused(settings):
    with pytest.raises(Diverged), run_directory.new(settings, None, pytest.fail) as run:  # noqa: PT012
        run.begin()
        raise Diverged("it did")
    with pytest.raises(InputError, match="not a finished run, its status is diverged"):
        finished_runs.read_run(run.directory)


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
        finished_runs.read_run(directory)
    assert str(directory) in str(error.value)


@pytest.mark.parametrize(
    ("given", "recorded", "message"),
    [
        ((1.0, 2.0), [1.0, 2.0], None),
        ((1.0, 2.0), [2.0, 1.0], "class_weights in manifest.json beside it do not fit the config"),
        ("balanced", [2.0, 1.0], None),
        ("balanced", [2.0], "class_weights in manifest.json beside it do not fit the config"),
        ("balanced", [1e39, 1.0], r"manifest\.json: class_weights: 1e\+39 is not a finite number above 0 in float32"),
    ],
)
def test_class_weights_that_a_run_cannot_have_had_are_refused(settings, given, recorded, message):
    directory, _ = finished_run(settings.with_values({"training.class_weight": given}))
    rewrite(directory, class_weights=recorded)
    if message is None:
        assert finished_runs.read_run(directory).network.class_weights == tuple(recorded)
        return
    with pytest.raises(InputError, match=message):
        finished_runs.read_run(directory)


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


@pytest.mark.parametrize("given", [".", "sub/..", "../linked", "../0001"])
def test_a_run_has_its_directory_s_own_name_however_it_is_given(given, settings, monkeypatch):
    """It is in the titles of pages."""
    directory, _ = finished_run(settings)
    (directory / "sub").mkdir()
    (directory.parent / "linked").symlink_to(directory)
    monkeypatch.chdir(directory)
    assert finished_runs.read_run(Path(given)).name == "0001"


def test_a_run_that_cannot_be_looked_at_is_passed_over_with_a_warning(settings, monkeypatch):
    first, _ = finished_run(settings)
    second, _ = finished_run(settings)

    def forbidden(directory):
        if directory == second:
            raise PermissionError(13, os.strerror(13), str(directory / "manifest.json"))
        return read_manifest(directory)

    monkeypatch.setattr(finished_runs, "read_manifest", forbidden)
    warnings = []
    assert finished_runs.newest(first.parent, warnings.append) == first
    assert warnings == [f"{second}: Permission denied: skipped"]
