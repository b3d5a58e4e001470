"""Promises of data.scale: whatever pixels are divided by in training, every way to use the run divides them by, too."""

import json

import numpy as np
import pytest

import mlp
from mlp import idx
from mlp.config import of_mapping
from mlp.training import from_config
from mlp.training.gradient_precheck import check_before_training
from mlp.training.loop import Trainer
from tests.conftest import run_here, train_on_digits, write_folder

SCALE = 100
FEW = 50
"""Images in a file."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on the bundled digits whose inputs go from 0 to 2.55."""
    return train_on_digits(tmp_path_factory.mktemp("scale") / "run", f"data.scale={SCALE}", "training.epochs=1")


@pytest.fixture(scope="module")
def by_hand(run, test_digits):
    """The probabilities of the test images, (n,), from the model's arrays alone."""
    with np.load(run / "model.npz") as model:
        W1, b1, W2, b2 = (model[name].astype(float) for name in ("W1", "b1", "W2", "b2"))
        assert json.loads(model["config"].item())["data"]["scale"] == SCALE
    hidden = 1 / (1 + np.exp(-(test_digits.pixels() / SCALE @ W1 + b1)))
    return (1 / (1 + np.exp(-(hidden @ W2 + b2))))[:, 0]


def test_each_way_to_predict_divides_the_pixels_as_training_did(run, by_hand, test_digits, tmp_path):
    loaded, images = mlp.load(run), test_digits.pixels().reshape(-1, 28, 28)
    found = {"an array": loaded.predict(images)[:, 0], "model.npz alone": mlp.load(run / "model.npz").predict(images)}
    for name, P in found.items():
        np.testing.assert_allclose(np.reshape(P, -1), by_hand, rtol=0, atol=1e-5, err_msg=name)
    idx.write(tmp_path / "few", images[:FEW])
    answers = json.loads(run_here("scripts/predict.py", "--run", run, tmp_path / "few", "--as-is", "--json").stdout)
    P = [each["probability"] if each["digit"] else 1 - each["probability"] for each in answers]
    np.testing.assert_allclose(P, by_hand[:FEW], rtol=0, atol=1e-5)
    # Prepared, a darkest pixel of 254 becomes 255.
    np.testing.assert_allclose(loaded.predict(tmp_path / "few")[:, 0], by_hand[:FEW], rtol=0, atol=1e-3)


def test_it_is_evaluated_on_the_same_inputs_and_the_baselines_stay(run, by_hand, test_digits, digits_run):
    loaded = mlp.load(run)
    of_split = loaded.evaluate()
    assert of_split["errors"] == np.count_nonzero((by_hand > 0.5) != test_digits.targets)
    assert of_split["loss"] == pytest.approx(np.mean((by_hand - test_digits.targets) ** 2) / 2, rel=1e-4)
    of_arrays = loaded.evaluate(images=(test_digits.pixels(), test_digits.labels))
    assert of_arrays["loss"] == of_split["loss"]
    assert of_split["baselines"] == of_arrays["baselines"] == mlp.load(digits_run).evaluate()["baselines"]


@pytest.mark.parametrize("options", [[], ["--from-bytes"]])
def test_the_onnx_model_says_what_it_takes_or_divides_bytes_itself(run, options, by_hand, test_digits):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: the extra onnx has it")
    from onnx.reference import ReferenceEvaluator

    done = run_here("scripts/export_onnx.py", run, *options)
    assert done.returncode == 0, done.stderr
    assert ("uint8, 0..255" if options else "pixels in 0..2.55") in done.stdout
    model, pixels = onnx.load(run / "model.onnx"), test_digits.pixels()
    (given,) = model.graph.input
    X = pixels if options else (pixels / SCALE).astype(np.float32)
    with np.errstate(over="ignore"):
        (P,) = ReferenceEvaluator(model).run(None, {given.name: X})
    np.testing.assert_allclose(P[:, 0], by_hand, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [1, 17.5, 1e-3, 600])
def test_training_on_pixels_is_training_on_the_numbers_that_they_become(tmp_path, scale):
    """The estimator takes these numbers as they are: its steps never see a byte."""
    pytest.importorskip("sklearn")
    from mlp.estimator import MLPClassifier

    folder = write_folder(tmp_path / "made", [0, 1] * 40, [0, 1])
    options = {"epochs": 3, "batch_size": 8, "learning_rate": 0.1, "momentum": 0.5}
    data = {"directory": folder, "scale": scale, "validation_fraction": 0}
    settings = of_mapping(
        {"data": data, "model": {"hidden_sizes": [5]}, "training": options | {"precision": "float64"}}
    )
    images = from_config.training_images(settings)
    training_set, held_out = from_config.split(settings, images)
    trainer = Trainer(from_config.network(settings, images.inputs), training_set, held_out, settings.training)
    for _ in range(3):
        trainer.run_epoch()
    trainer.state()  # which stores the weights in the network
    classifier = MLPClassifier(hidden_sizes=(5,), random_state=0, **options)
    classifier.fit(images.pixels() / scale, images.labels)
    np.testing.assert_allclose(trainer.network.parameter_block, classifier.network_.parameter_block, rtol=1e-9)


def test_no_warning_of_numpy_about_the_sigmoids_of_huge_inputs_reaches_the_user(tmp_path):
    """It would name a line of this project. pytest makes an error of it."""
    settings = of_mapping({"data": {"directory": write_folder(tmp_path / "made", [0, 1] * 4, [0, 1]), "scale": 1e-3}})
    images, checked = from_config.training_images(settings), {}
    network = from_config.network(settings, images.inputs)
    check_before_training(network, images, settings.training, lambda **facts: checked.update(facts))
    assert checked["gradient_check"]["largest_error"] < checked["gradient_check"]["tolerance"]


@pytest.mark.parametrize(("scale", "is_named"), [(1, True), (1e6, True), (255, False), (200, False)])
def test_a_run_that_learns_nothing_from_badly_scaled_pixels_names_the_scale(tmp_path, scale, is_named):
    folder = write_folder(tmp_path / "made", [0, 1] * 40, [0, 1])
    data = {"directory": folder, "scale": scale}
    with pytest.raises(mlp.Diverged) as refused:
        mlp.train({"data": data, "training": {"epochs": 1, "learning_rate": 1e-9}}, output=tmp_path / "run")
    assert refused.value.report["try"][0].startswith("data.scale=") == is_named
    assert ("try data.scale=" in str(refused.value)) == is_named
