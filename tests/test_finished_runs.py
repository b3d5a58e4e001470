"""Promises of mlp.finished_runs: a run is read back as it was written, or refused."""

import json

import numpy as np
import pytest
from conftest import finished_run

from mlp import finished_runs, runs
from mlp.errors import Diverged, InputError
from mlp.network import MLP


def test_a_finished_run_is_read_back(settings):
    directory, network = finished_run(settings)
    run = finished_runs.read(directory)
    assert (run.config, run.image_shape, run.training_files) == (settings, (2, 2), {})
    np.testing.assert_array_equal(run.network.parameter_block, network.parameter_block)


def test_the_newest_finished_run_is_the_one_that_ended_last(settings):
    with pytest.raises(InputError, match="no finished run in it: train one, or name a run"):
        finished_runs.newest(settings.output.directory)
    names = [settings.output.directory / name for name in ("zeta", "alpha", "beta")]
    first, _, last = (finished_run(settings, name)[0] for name in names)
    with pytest.raises(Diverged), runs.start(settings, None):
        raise Diverged("it did")
    assert finished_runs.newest(settings.output.directory) == last
    manifest = finished_runs.read_manifest(first)
    assert manifest.ended < finished_runs.read_manifest(last).ended


def test_a_run_that_did_not_finish_is_refused(settings):
    with pytest.raises(Diverged), runs.start(settings, None) as run:
        raise Diverged("it did")
    with pytest.raises(InputError, match="not a finished run, its status is diverged"):
        finished_runs.read(run.directory)


def rewrite(directory, **arrays):
    """model.npz with these arrays in place of its own."""
    with np.load(directory / "model.npz") as model:
        content = dict(model) | arrays
    np.savez(directory / "model.npz", **content)


def save_one(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


DAMAGE = {
    "no model": (lambda d: (d / "model.npz").unlink(), "model.npz: no such file"),
    "half a model": (lambda d: (d / "model.npz").write_bytes((d / "model.npz").read_bytes()[:400]), "npz: damaged"),
    "an empty model": (lambda d: (d / "model.npz").write_bytes(b""), "model.npz: damaged"),
    "no archive": (lambda d: (d / "model.npz").write_text("hello"), "model.npz: damaged"),
    "one array for an archive": (lambda d: save_one(d / "model.npz"), "model.npz: damaged"),
    "a pickle in it": (lambda d: rewrite(d, W1=np.array([print], object)), "model.npz: damaged"),
    "text for weights": (lambda d: rewrite(d, W1=np.full((4, 3), "x")), "not the weights of the network"),
    "weights of another shape": (
        lambda d: rewrite(d, W1=np.ones((3, 4), np.float32)),
        "not the weights of the network",
    ),
    "weights of another precision": (lambda d: rewrite(d, W1=np.ones((4, 3))), "not the weights of the network"),
    "an array too many": (lambda d: rewrite(d, W3=np.ones(3)), "not the weights of the network"),
    "weights that are not finite": (lambda d: rewrite(d, b2=np.full(1, np.nan, np.float32)), "a weight is not finite"),
    "no config in it": (lambda d: rewrite(d, config=np.ones(3)), "not the model of the config beside it"),
    "no manifest": (lambda d: (d / "manifest.json").unlink(), "is not the directory of a run"),
    "half a manifest": (lambda d: (d / "manifest.json").write_text('{"status":'), "not the manifest of a run"),
    "another manifest": (lambda d: (d / "manifest.json").write_text("[]"), "not the manifest of a run"),
    "a manifest without shape": (
        lambda d: (d / "manifest.json").write_text(json.dumps({"status": "finished", "ended": "x"})),
        "not a finished run",
    ),
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


def test_weights_of_another_network_are_refused(settings):
    directory, _ = finished_run(settings)
    other = MLP([9, 3, 1])
    runs.Run(directory).write_model(other.views(other.parameter_block), settings)
    with pytest.raises(InputError, match="not the weights of the network that the config describes"):
        finished_runs.read(directory)
