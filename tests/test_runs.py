"""Promises of mlp.runs: a directory of its own for each run, read back as it was written, or refused."""

import csv
import json
import threading

import numpy as np
import pytest

from mlp import config, runs
from mlp.errors import Diverged, InputError
from mlp.network import MLP
from mlp.training import Epoch


@pytest.fixture
def settings(tmp_path):
    """A config whose runs go into tmp_path/outputs, for a network 4-3-1."""
    (tmp_path / "config.yaml").write_text("model:\n  hidden_sizes: [3]\n")
    return config.load(tmp_path / "config.yaml")


def finished(settings, directory=None, seed=0):
    """A run that did nothing but end well."""
    network = MLP([4, 3, 1], generator=np.random.default_rng(seed))
    with runs.start(settings, directory) as run:
        run.note(image_shape=[2, 2])
        run.write_model(network.parameters, settings)
    return run.directory, network


def test_runs_are_numbered_and_never_share_a_directory(settings):
    (settings.output.directory / "0041").mkdir(parents=True)
    (settings.output.directory / "notes").mkdir()
    found, threads = [], []
    for _ in range(8):
        threads.append(threading.Thread(target=lambda: found.append(runs.start(settings, None).directory.name)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"{number:04d}" for number in range(42, 50)]


def test_a_named_directory_must_be_absent_or_empty(settings, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "absent/deep"):
        assert runs.start(settings, tmp_path / name).directory == tmp_path / name
        before = sorted((tmp_path / name).iterdir())
        with pytest.raises(InputError, match="not empty: a run never writes over another"):
            runs.start(settings, tmp_path / name)
        assert sorted((tmp_path / name).iterdir()) == before


def test_a_finished_run_is_read_back(settings):
    directory, network = finished(settings)
    run = runs.open_finished(directory)
    assert run.config == settings
    np.testing.assert_array_equal(run.network.parameter_block, network.parameter_block)
    assert run.manifest["versions"]["numpy"] == np.__version__


def test_the_model_loads_without_pickle_and_its_bytes_depend_on_its_content_alone(settings, tmp_path):
    contents = set()
    for name in ("a", "b"):
        directory, network = finished(settings, tmp_path / name)
        contents.add((directory / "model.npz").read_bytes())
    assert len(contents) == 1
    with np.load(directory / "model.npz", allow_pickle=False) as model:
        assert set(model.files) == {"W1", "b1", "W2", "b2", "config"}
        assert model["W1"].shape == (4, 3)
        np.testing.assert_array_equal(model["W1"], network.parameters["W1"])
        assert json.loads(model["config"].item())["model"] == {"hidden_sizes": [3]}


def test_the_newest_finished_run_is_the_one_that_ended_last(settings):
    with pytest.raises(InputError, match="no finished run in it: train one, or name a run"):
        runs.newest_finished(settings.output.directory)
    first, second = finished(settings)[0], finished(settings, settings.output.directory / "named")[0]
    with pytest.raises(Diverged), runs.start(settings, None) as run:
        raise Diverged("it did")
    assert runs.read_manifest(run.directory)["status"] == "diverged"
    assert runs.newest_finished(settings.output.directory) == second
    assert first != second


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt, "interrupted"), (OSError, "failed"), (MemoryError, "failed"), (Diverged, "diverged")],
)
def test_the_manifest_says_how_a_run_ended(settings, error, status):
    with pytest.raises(error), runs.start(settings, None) as run:  # noqa: PT012 - the block is what is tested
        assert runs.read_manifest(run.directory)["status"] == "running"
        raise error
    assert runs.read_manifest(run.directory)["status"] == status
    with pytest.raises(InputError, match=f"has not finished, its status is {status}"):
        runs.open_finished(run.directory)


def test_history_reads_back_exactly(settings):
    rows = [Epoch(1, 0.1, None, 1 / 3, None, 1e-3, 2.0, 0.5), Epoch(2, 1e-30, 0.25, 1.0, 0.125, 1e-3, 2.0, 0.5)]
    run = runs.start(settings, None)
    run.write_history(rows)
    header, *lines = csv.reader((run.directory / "history.csv").read_text().splitlines())
    columns = "epoch train_loss validation_loss train_accuracy validation_accuracy learning_rate gradient_norm seconds"
    assert header == columns.split()
    read = [Epoch(int(line[0]), *(float(text) if text else None for text in line[1:])) for line in lines]
    assert read == rows


DAMAGE = {
    "no model": (lambda d: (d / "model.npz").unlink(), "model.npz: no such file"),
    "half a model": (
        lambda d: (d / "model.npz").write_bytes((d / "model.npz").read_bytes()[:400]),
        "model.npz: damaged",
    ),
    "an empty model": (lambda d: (d / "model.npz").write_bytes(b""), "model.npz: damaged"),
    "no archive": (lambda d: (d / "model.npz").write_text("hello"), "model.npz: damaged"),
    "no manifest": (lambda d: (d / "manifest.json").unlink(), "is not the directory of a run"),
    "half a manifest": (lambda d: (d / "manifest.json").write_text('{"status":'), "manifest.json: damaged"),
    "another manifest": (lambda d: (d / "manifest.json").write_text("[]"), "not the manifest of a run"),
    "another config": (
        lambda d: (d / "config.yaml").write_text("model:\n  hidden_sizes: [3]\ntraining:\n  seed: 1\n"),
        "not the model of the config beside it",
    ),
    "a wrong config": (lambda d: (d / "config.yaml").write_text("x: 1"), "x: unknown section"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_run_is_refused_by_name(settings, damage, message):
    directory, _ = finished(settings)
    damage(directory)
    with pytest.raises(InputError, match=message) as error:
        runs.open_finished(directory)
    assert str(directory) in str(error.value)


def test_weights_of_another_network_are_refused(settings):
    directory, _ = finished(settings)
    runs.Run(directory).write_model(MLP([9, 3, 1]).parameters, settings)
    with pytest.raises(InputError, match="not the weights of the network that the config describes"):
        runs.open_finished(directory)
