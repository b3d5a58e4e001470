"""Promises of mlp.runs: a directory of its own for each run, and in it what happened."""

import csv
import json
import signal
import threading

import numpy as np
import pytest

from mlp.runs import directory as run_directory
from mlp.runs.finished import read_manifest
from mlp.system.errors import Diverged, InputError, Interrupted
from mlp.training.progress import Epoch
from tests.conftest import finished_run


def test_runs_are_numbered_and_never_share_a_directory(settings):
    (settings.output.directory / "0041").mkdir(parents=True)
    (settings.output.directory / "notes").mkdir()
    found, threads = [], []

    def begin():
        with run_directory.new(settings, None, pytest.fail) as run:
            found.append(run.directory.name)

    for _ in range(8):
        threads.append(threading.Thread(target=begin))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"{number:04d}" for number in range(42, 50)]


def test_a_named_directory_must_be_absent_or_empty(settings, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "absent/deep"):
        with run_directory.new(settings, tmp_path / name, pytest.fail) as run:
            run.begin()
        before = (tmp_path / name / "manifest.json").read_bytes()
        with (
            pytest.raises(InputError, match="not an empty directory: a run never writes over another"),
            run_directory.new(settings, tmp_path / name, pytest.fail),
        ):
            pytest.fail("it began")
        assert (tmp_path / name / "manifest.json").read_bytes() == before


def test_a_directory_is_one_runs_at_a_time(settings, tmp_path):
    with run_directory.new(settings, tmp_path / "one", pytest.fail):
        with (
            pytest.raises(InputError, match="one: another run is using it: wait for its end, or name another"),
            run_directory.new(settings, tmp_path / "one", pytest.fail),
        ):
            pytest.fail("it began")
        assert list((tmp_path / "one").iterdir()) == []


def test_the_model_loads_without_pickle_and_its_bytes_depend_on_its_content_alone(settings, tmp_path):
    contents = set()
    for name in ("a", "b"):
        directory, network = finished_run(settings, tmp_path / name)
        contents.add((directory / "model.npz").read_bytes())
    assert len(contents) == 1
    with np.load(directory / "model.npz", allow_pickle=False) as model:
        assert set(model.files) == {"W1", "b1", "W2", "b2", "config"}
        assert model["W1"].shape == (4, 3)
        np.testing.assert_array_equal(model["W1"], network.parameters["W1"])
        assert json.loads(model["config"].item())["model"] == {"hidden_sizes": [3], "loss": "euclidean"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Interrupted(signal.SIGINT), "interrupted"),
        (Interrupted(signal.SIGTERM), "interrupted"),
        (OSError, "failed"),
        (MemoryError, "failed"),
        (Diverged("so"), "diverged"),
    ],
)
def test_the_manifest_says_how_a_run_ended(settings, error, status):
    kind = error if isinstance(error, type) else type(error)
    with pytest.raises(kind), run_directory.new(settings, None, pytest.fail) as run:  # noqa: PT012 - the block is what is tested
        run.begin()
        assert read_manifest(run.directory).status == "running"
        raise error
    assert read_manifest(run.directory).status == status


def test_history_reads_back_exactly(settings):
    rows = [Epoch(1, 0.1, None, 1 / 3, None, 1e-3, 2.0, 0.5), Epoch(2, 1e-30, 0.25, 1.0, 0.125, 1e-3, 2.0, 0.5)]
    with run_directory.new(settings, None, pytest.fail) as run:
        run.write_history(rows)
    header, *lines = csv.reader((run.directory / "history.csv").read_text().splitlines())
    columns = "epoch train_loss validation_loss train_accuracy validation_accuracy learning_rate gradient_norm seconds"
    assert header == columns.split()
    read = [Epoch(int(line[0]), *(float(text) if text else None for text in line[1:])) for line in lines]
    assert read == rows
