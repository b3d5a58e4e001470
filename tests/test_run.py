"""Promises of mlp.run: runs of more than two classes, and options that decide how long and how fast a run learns."""

import csv
import json
import math

import numpy as np
import pytest

import mlp
from mlp import config, idx
from tests.conftest import write_folder

OPTIONS = (
    "model.hidden_sizes=[8]",
    "training.batch_size=4",
    "data.validation_fraction=0.2",
    "training.checkpoint_every=100 epochs",
)


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """Random images whose first pixel tells the label; half of them have the label 5."""
    return write_folder(tmp_path_factory.mktemp("letters") / "made", [1, 5, 8, 5] * 30, [1, 5, 8] * 4)


@pytest.fixture
def train(letters, tmp_path, here):
    """Trains with these options, into a directory of this name; returns the directory."""

    def run(name, *options, code=0):
        settings = ("--set", f"data.directory={letters}", "data.digits=all", *OPTIONS, *options)
        done = here("train.py", "--output", tmp_path / name, *settings)
        assert done.returncode == code, done.stderr
        return tmp_path / name

    return run


def rows(run):
    with open(run / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_the_runs_config_has_the_labels_and_the_network_an_output_for_each(train):
    run = train("run", "training.epochs=2")
    assert config.load(run / "config.yaml").data.digits == (1, 5, 8)
    with np.load(run / "model.npz") as saved:
        assert (saved["W2"].shape, saved["b2"].shape) == ((8, 3), (3,))
        assert json.loads(str(saved["config"]))["data"]["digits"] == [1, 5, 8]


@pytest.mark.usefixtures("replays_here")
@pytest.mark.parametrize("loss", ["euclidean", "cross_entropy"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_it_learns_the_labels(train, here, activation, loss):
    rate = 2.0 if loss == "euclidean" else 0.5
    options = (f"model.activation={activation}", f"model.loss={loss}", f"training.learning_rate={rate}")
    run = train("run", "training.epochs=20", *options)
    assert float(rows(run)[-1]["train_accuracy"]) > 0.9
    done = here("scripts/replay.py", run)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_cosine_schedule_falls_from_the_learning_rate_and_history_has_each_rate(train, here):
    run = train("run", "training.epochs=4", "training.schedule=cosine", "training.learning_rate=0.5")
    found = [float(row["learning_rate"]) for row in rows(run)]
    assert found == pytest.approx([0.5, 0.25 * (1 + math.sqrt(0.5)), 0.25, 0.25 * (1 - math.sqrt(0.5))])
    done = here("train.py", "--resume", run, "--set", "training.epochs=5")
    assert done.returncode == 2
    assert "on resume nothing may change under training.schedule: cosine" in done.stderr


@pytest.mark.usefixtures("replays_here")
@pytest.mark.usefixtures("replays_here", "nothing_drawn")
def test_patience_ends_a_run_which_is_then_finished(train, here):
    options = ("training.patience=1", "training.learning_rate=1.0")
    run, longer = train("run", "training.epochs=50", *options), train("longer", "training.epochs=60", *options)
    losses = [float(row["validation_loss"]) for row in rows(run)]
    best = losses.index(min(losses))
    assert len(losses) == best + 2 < 50
    assert json.loads((run / "manifest.json").read_text())["status"] == "finished"
    for command in (
        ["train.py", "--resume", run],
        ["scripts/evaluate.py", run],
        ["scripts/compare.py", run, longer, "--output", run / "compare.png"],
    ):
        done = here(*command)
        assert done.returncode == 0, done.stderr
    assert here("scripts/replay.py", run).returncode == 0
    more = here("train.py", "--resume", run, "--set", "training.epochs=60")
    assert more.returncode == 0, more.stderr
    assert len(rows(run)) == len(losses)
    assert (run / "model.npz").read_bytes() == (longer / "model.npz").read_bytes()


def test_the_weights_of_the_classes_are_in_the_manifest_and_in_every_loss(train):
    plain, balanced, doubled = (
        train(name, "training.epochs=1", "training.learning_rate=0.001", f"training.class_weight={value}")
        for name, value in (("plain", "null"), ("balanced", "balanced"), ("doubled", "[2, 2, 2]"))
    )
    weights = json.loads((balanced / "manifest.json").read_text())["class_weights"]
    assert weights == pytest.approx([4 / 3, 2 / 3, 4 / 3])
    assert "class_weights" not in json.loads((plain / "manifest.json").read_text())
    once, twice = (rows(run)[0] for run in (plain, doubled))
    for name in ("train_loss", "validation_loss", "gradient_norm"):
        assert float(twice[name]) == pytest.approx(2 * float(once[name]), rel=2e-2)
    assert once["train_accuracy"] == twice["train_accuracy"]


@pytest.mark.parametrize(("weights", "is_known"), [("[1, 2, 3]", True), ("balanced", False)])
def test_a_model_without_its_run_has_the_weights_of_its_config(weights, is_known, train, letters):
    run = mlp.load(train("run", "training.epochs=1", f"training.class_weight={weights}"))
    alone = mlp.load(run.directory / "model.npz")
    images = tuple(idx.read(letters / f"t10k-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    if is_known:
        assert alone.evaluate(images=images)["loss"] == run.evaluate()["loss"]
    else:
        with pytest.raises(mlp.InputError, match=r"in the run's manifest\.json: load the run"):
            alone.evaluate(images=images)


def test_a_run_with_weights_is_not_read_without_them(train, here):
    run = train("run", "training.epochs=1", "training.class_weight=balanced")
    manifest = json.loads((run / "manifest.json").read_text())
    for damaged in ({}, {"class_weights": [1.0]}, {"class_weights": [1.0, -1.0, 1.0]}):
        written = {name: value for name, value in manifest.items() if name != "class_weights"} | damaged
        (run / "manifest.json").write_text(json.dumps(written))
        done = here("scripts/evaluate.py", run)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr


def test_adam_and_sgd_learn_differently_and_each_repeats(train):
    options = ("training.epochs=2", "training.learning_rate=0.01")
    runs = [train(name, f"training.optimizer={name[:-1]}", *options) for name in ("sgd1", "sgd2", "adam1", "adam2")]
    sgd, again, adam, too = ((run / "model.npz").read_bytes() for run in runs)
    assert sgd == again != adam == too
