"""Every public class has a repr of one line, which describes the object."""

import pkgutil
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import isclass
from typing import get_origin

import numpy as np
import pytest

import mlp
from mlp import MLP
from mlp.config import Config, Training
from mlp.data import dataset, image_files, novelty, picture, svd
from mlp.data.dataset import Dataset
from mlp.data.picture import Picture
from mlp.evaluation import Evaluation
from mlp.gates import Multiply, Power
from mlp.graph import ComputationalGraph
from mlp.losses import SVMLoss
from mlp.optimizers import SGD
from mlp.runs import finished
from mlp.runs.checkpoint import Checkpoint
from mlp.runs.directory import Run
from mlp.training.loop import Trainer
from tests.conftest import finished_run, write_folder

LEFT_OUT = {
    "mlp.__main__": "importing it is running it",
    "mlp.commands": "a command returns an exit code",
    "mlp.estimator": "scikit-learn makes the estimator's repr, and takes seconds to import",
    "mlp.library.interruptible": "a thread that mlp.train hides from its caller",
    "mlp.system": "what stands between a command and the operating system: no user gets an object of it",
}
"""Modules and folders whose classes may have any repr, and why."""


def public_classes():
    for module in pkgutil.walk_packages(mlp.__path__, "mlp."):
        if not module.name.startswith(tuple(LEFT_OUT)):
            for name, found in vars(import_module(module.name)).items():
                if isclass(found) and found.__module__ == module.name and not name.startswith("_"):
                    yield found


def is_written(method):
    """Whether a method stands in the source of its class's module."""
    return method.__code__.co_filename == import_module(method.__module__).__file__


def test_no_public_class_has_the_repr_of_a_plain_object():
    classes = list(public_classes())
    assert {mlp.MLP, mlp.Circuit, Multiply, Trainer} <= set(classes)
    assert [found for found in classes if found.__repr__ is object.__repr__] == []


def test_no_dataclass_shows_the_numbers_of_an_array():
    """The repr that Python makes for a dataclass shows every field, except those that say repr=False."""
    made = [found for found in public_classes() if is_dataclass(found) and not is_written(found.__repr__)]
    assert Picture in made
    assert Dataset not in made
    shown = [
        (found, each) for found in made for each in fields(found) if each.repr and get_origin(each.type) != Callable
    ]
    assert [(found, each.name) for found, each in shown if "ndarray" in str(each.type)] == []


def graph():
    graph = ComputationalGraph()
    x, y, z = graph.leaf("x", -2), graph.leaf("y", 5), graph.leaf("z", -4)
    q = graph.apply(mlp.gates.Add(), x, y, name="q")
    graph.apply(Multiply(), q, z, name="f")
    return graph


def sgd():
    network = MLP([2, 3, 1])
    return SGD(network.parameter_block, network.gradient_block, learning_rate=0.1, momentum=0.9)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (graph, "ComputationalGraph(5 nodes: x, y, z, q, f)"),
        (lambda: MLP([784, 32, 1]), "MLP(784-32-1, sigmoid, euclidean, float32, 25,153 parameters)"),
        (lambda: MLP([784, 1], precision="float64"), "MLP(784-1, euclidean, float64, 785 parameters)"),
        (lambda: MLP([4, 3, 1]).batch(32), "BatchBuffers(32 examples of 4 inputs)"),
        (sgd, "SGD(learning_rate=0.1, momentum=0.9, weight_decay=0, 13 parameters, 0 steps)"),
        (lambda: [Multiply(), Power(2), SVMLoss()], "[Multiply(), Power(2), SVMLoss()]"),
        (lambda: mlp.circuit("(x + y) * z", x=-2, y=5, z=-4), "Circuit('(x + y) * z', 5 nodes, f = -12)"),
    ],
)
def test_a_repr_says_what_it_is(make, text):
    assert repr(make()) == text


def test_images_and_an_evaluation_say_how_many_and_how_good(tmp_path):
    images = dataset.load(write_folder(tmp_path / "four", [7, 0, 7, 0], [0, 7]), "training", (0, 7))
    rows, columns = images.image_shape
    assert repr(images) == f"Dataset(4 images {rows} x {columns} of 0, 7)"
    assert repr(Evaluation(images, np.ones((4, 1)), 0.5)) == "Evaluation(n=4, errors=2, accuracy=50.00%)"


@pytest.fixture
def images(tmp_path):
    """120 images of 4 by 4 pixels."""
    return dataset.load(write_folder(tmp_path / "made", [0, 7] * 60, [0, 7]), "training", (0, 7))


def test_the_data_and_what_is_learned_from_them_say_how_much_they_are(images, tmp_path):
    assert repr(images.source) == f"ImagesAndLabels(120 images 4 x 4 of {tmp_path / 'made'})"
    assert repr(svd.project(images, center=True)) == "Projection(2 directions of 16 pixels, centred)"
    assert repr(novelty.NoveltyDetector.of(images)).startswith("NoveltyDetector(image_shape=(4, 4), threshold=")
    image = image_files.GreyImage(tmp_path, None, np.eye(30))
    assert repr(image) == f"GreyImage(file={tmp_path!r}, index=None)"
    (sample,) = picture.samples([image], (28, 28), [], pictures=1)
    box = sample.picture.prepared.box
    assert repr(sample.picture) == f"Picture(prepared=Prepared(box={box}), digit_count=1)"
    assert repr(sample).startswith(f"Sample(file={tmp_path!r}, index=None, name={str(tmp_path)!r}, digit_count=1, ")


def test_a_training_says_how_far_it_is(images, settings, tmp_path):
    trainer = Trainer(MLP([16, 3, 1]), images, images.first_of_each(0), Training(epochs=3))
    trainer.run_epoch()
    progress = "Progress(epochs=1, best_epoch=1, steps=0)"
    assert repr(trainer) == f"Trainer({trainer.network}, 120 images, {progress})"
    assert repr(trainer.loader) == "BatchLoader(120 images in batches of 32)"
    assert repr(trainer.plans[32]).endswith(" steps on 32 examples)")
    assert repr(trainer.parameters) == "OrderedParameters(55, 55 without those of idle inputs)"
    saved = Checkpoint(settings, {"code_sha256": "0" * 64}, trainer.state(), tmp_path)
    assert repr(saved) == f"Checkpoint(state=TrainerState(progress={progress}), path={tmp_path!r})"


def test_a_run_says_where_it_is(settings):
    directory, network = finished_run(settings)
    assert repr(Run(directory, settings)) == f"Run(directory={directory!r})"
    assert repr(finished.read_run(directory)) == f"FinishedRun(directory={directory!r}, network={network})"


def test_a_config_shows_what_is_not_as_by_default():
    assert repr(Config()) == "Config()"
    other = Config.model_validate({"data": {"digits": [3, 8]}, "training": {"epochs": 5}})
    assert repr(other) == "Config(data=Data(digits=(3, 8)), training=Training(epochs=5))"
