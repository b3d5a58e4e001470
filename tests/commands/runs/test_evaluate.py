"""Promises of scripts/evaluate.py."""

import json
import shutil
from hashlib import sha256

import numpy as np
import pytest

from mlp import idx
from mlp.data import idx_folder
from tests.conftest import ROOT, run_here, write_folder

KEYS = {
    *("n", "errors", "accuracy", "accuracy_interval", "confusion", "precision", "recall", "f1", "roc_auc", "loss"),
    *("mistakes", "baselines", "digits", "split", "files", "weights_sha256"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder of made-up images, a config and a run on its digits 1 and 7."""
    root = tmp_path_factory.mktemp("whole")
    write_folder(root / "made", [0, 1, 7, 1] * 10, [0, 1, 7, 1, 0] * 2)
    config = root / "config.yaml"
    config.write_text("data: {directory: made, digits: [1, 7]}\nmodel: {hidden_sizes: [4]}\ntraining: {epochs: 3}\n")
    assert run_here("train.py", "--config", config).returncode == 0
    return root


@pytest.fixture
def trained(whole, folder, tmp_path):
    """The run, to be changed; so are its data and its config."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    run = tmp_path / "outputs" / "0001"
    (run / "config.yaml").write_text((run / "config.yaml").read_text().replace(str(whole), str(tmp_path)))
    return run


def test_the_default_run_makes_at_most_three_errors_on_the_test_digits(here, tmp_path):
    assert here("train.py", "--config", "config.yaml", "--output", tmp_path / "run").returncode == 0
    done = here("scripts/evaluate.py", tmp_path / "run")
    summary = json.loads((tmp_path / "run" / "evaluation-test.json").read_text())
    assert (summary["n"], len(summary["mistakes"])) == (2115, summary["errors"])
    assert summary["errors"] <= 3
    assert done.stdout.startswith(f"test errors: {summary['errors']} in 2,115 images, by ")
    assert "99.05%   errors: 20      1 where the pixel in row 15, column 14 is above 34" in done.stdout
    files = idx_folder.open_part(ROOT / "data", "test").sha256()
    assert summary["files"] == files
    assert summary["weights_sha256"] == sha256((tmp_path / "run" / "model.npz").read_bytes()).hexdigest()


def test_the_files_and_the_json(here, trained):
    done = here("scripts/evaluate.py", trained, "--json")
    assert done.stdout == (trained / "evaluation-test.json").read_text()
    summary = json.loads(done.stdout)
    assert summary.keys() == KEYS
    assert (summary["digits"], summary["n"], sum(map(sum, summary["confusion"]))) == ([1, 7], 6, 6)
    for mistake in summary["mistakes"]:
        assert mistake.keys() == {"index", "digit", "predicted", "probability"}
        assert (mistake["predicted"] == 7) == (mistake["probability"] >= 0.5)
    assert (trained / "confusion.png").exists()
    assert (trained / "mistakes.png").exists()


def test_the_limit_on_training_images_is_none_on_test_images(here, folder, tmp_path):
    (tmp_path / "config.yaml").write_text("data: {directory: made, limit_per_digit: 2}\ntraining: {epochs: 1}\n")
    here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run")
    for split, images in (("test", 8), ("training", 2), ("validation", 2)):
        done = here("scripts/evaluate.py", tmp_path / "run", "--split", split, "--json")
        assert json.loads(done.stdout)["n"] == images


def test_the_newest_finished_run_is_the_default(here, trained, tmp_path):
    done = here("scripts/evaluate.py", "--config", tmp_path / "config.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith(str(trained))


@pytest.mark.parametrize(("split", "images"), [("validation", 3), ("training", 27)])
def test_the_images_of_the_run_itself_can_be_judged(here, trained, split, images):
    done = here("scripts/evaluate.py", trained, "--split", split, "--json")
    assert json.loads(done.stdout)["n"] == images
    assert (trained / f"evaluation-{split}.json").exists()
    assert not (trained / "confusion.png").exists()


def write_other_shape(folder):
    idx.write(folder / "t10k-images-idx3-ubyte", np.zeros((10, 2, 8), np.uint8))


REFUSED = {
    "test images of another shape": (write_other_shape, "images of (2, 8) pixels, but"),
    "other training files": (
        lambda folder: write_folder(folder, [1, 7] * 20, [1, 7], seed=9),
        "put the old files back in data.directory, or train a new run on these",
    ),
    "no test files": (lambda folder: (folder / "t10k-images-idx3-ubyte").unlink(), "no test images"),
    "no data": (lambda folder: shutil.rmtree(folder), "no such folder"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_belong_to_the_run_is_refused(here, trained, folder, change, message):
    change(folder)
    done = here("scripts/evaluate.py", trained)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(trained.glob("evaluation*"))


def test_a_run_and_a_config_are_one_too_many(here, trained):
    done = here("scripts/evaluate.py", trained, "--config", "config.yaml")
    assert done.returncode == 2
    assert "give one of them" in done.stderr


def test_a_run_that_is_none_is_refused(here, tmp_path):
    done = here("scripts/evaluate.py", tmp_path / "nothing")
    assert done.returncode == 2
    assert "is not the directory of a run" in done.stderr


def test_no_validation_images_is_an_error_not_an_empty_figure(here, folder, tmp_path):
    (tmp_path / "config.yaml").write_text("data: {directory: made, validation_fraction: 0}\ntraining: {epochs: 1}\n")
    here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run")
    done = here("scripts/evaluate.py", tmp_path / "run", "--split", "validation")
    assert done.returncode == 2
    assert "it held out no validation images" in done.stderr
