"""A run that version 0.1.0 made is read, evaluated, reported, resumed and repeated.

It lies in version_0_1_0/ with its data: two epochs of a network 16-3-1 on images of 4 by 4 pixels. Its bytes are that
version's, but for loss_curve.png, which has fewer colours here. Its absolute paths are replaced in the copies.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mlp.runs import checkpoint, history
from mlp.runs.finished import find_whole
from mlp.runs.manifest import read_manifest
from tests.conftest import run_here

STORED = Path(__file__).parent / "version_0_1_0"
MAX_BYTES = 100_000
CODE = "the code: 0.1.0 (SHA-256 d5fe958f89f4...) then, "


@pytest.fixture
def run(tmp_path):
    """A copy of the run, its config.yaml with the new place of the data, as a user would write it."""
    shutil.copytree(STORED, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "run" / "config.yaml"
    path.write_text(path.read_text().replace("/srv/mnist", str(tmp_path)))
    return tmp_path / "run"


def test_it_is_small():
    assert sum(path.stat().st_size for path in STORED.rglob("*")) < MAX_BYTES


def test_each_of_its_files_is_read(run):
    found = find_whole(run)
    assert "scale" not in (run / "config.yaml").read_text()
    assert found.config.data.scale == 255
    with np.load(run / "model.npz") as model:
        assert found.network.sizes == (16, 3, 1)
        for name, array in found.network.parameters.items():
            np.testing.assert_array_equal(array, model[name])
    assert found.manifest.versions["mlp"] == "0.1.0"
    assert [row.epoch for row in history.read_history(run)] == [1, 2]
    for name, epochs in ((checkpoint.NEWEST, 2), (checkpoint.PREVIOUS, 1)):
        assert len(checkpoint.read_checkpoint(run / name).state.progress.history) == epochs


def test_it_is_evaluated_and_reported(run):
    evaluated = run_here("scripts/evaluate.py", run, "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    summary = json.loads(evaluated.stdout)
    assert (summary["n"], summary["digits"], sum(map(sum, summary["confusion"]))) == (20, [0, 1], 20)
    reported = run_here("scripts/report.py", run)
    assert (reported.returncode, reported.stdout) == (0, f"report: {run / 'report.html'}\n")
    assert "0.1.0" in (run / "report.html").read_text()


@pytest.mark.parametrize("newest", ["whole", "damaged"])
def test_it_is_resumed(newest, run):
    if newest == "damaged":
        (run / checkpoint.NEWEST).write_bytes(b"")
    before = (run / "history.csv").read_text()
    place = f"data.directory={run.parent / 'data'}"  # the checkpoint's config has the old one
    done = run_here("train.py", "--resume", run, "--set", "training.epochs=4", place)
    assert done.returncode == 0, done.stderr
    assert f"warning: changed since the run began, so its last bits may differ: {CODE}" in done.stderr
    assert (run / "history.csv").read_text().startswith(before) == (newest == "whole")  # else epoch 2 is trained again
    assert [row.epoch for row in history.read_history(run)] == [1, 2, 3, 4]
    found = read_manifest(run)
    assert (found.status, found.resumed[0].changed[0].startswith(CODE)) == ("finished", True)
    assert find_whole(run).config.training.epochs == 4


def test_it_is_repeated_and_the_code_is_named_as_another(run):
    """The same bytes come out on a machine, with a NumPy and a BLAS, like those that the run was made with."""
    done = run_here("scripts/replay.py", run)
    if done.returncode == 0:
        assert done.stdout.startswith(f"identical: {run} repeated gives the same model.npz")
        assert f"\nalthough different: {CODE}" in done.stdout
    else:
        assert (done.returncode, done.stdout) == (1, "")
        assert f"error: {run}: not identical: {CODE}" in done.stderr
