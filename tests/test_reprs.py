"""Whatever a user holds says what it is, in one line."""

import pkgutil
from importlib import import_module
from inspect import isclass

import numpy as np
import pytest

import mlp
from mlp import MLP
from mlp.data import dataset
from mlp.evaluation import Evaluation
from mlp.gates import Multiply, Power
from mlp.graph import ComputationalGraph
from mlp.losses import SVMLoss
from mlp.optimizers import SGD
from tests.conftest import write_folder

INNER = ("mlp.training", "mlp.runs", "mlp.sweeps", "mlp.system", "mlp.commands")
"""The machinery of a run: no user gets an object of it."""
FOREIGN = ("mlp.estimator",)
"""scikit-learn makes the estimator's repr, and takes seconds to import."""


def public_classes():
    for module in pkgutil.walk_packages(mlp.__path__, "mlp."):
        if not module.name.startswith((*INNER, *FOREIGN)) and module.name != "mlp.__main__":
            for name, found in vars(import_module(module.name)).items():
                if isclass(found) and found.__module__ == module.name and not name.startswith("_"):
                    yield found


def test_no_public_class_has_the_repr_of_a_plain_object():
    classes = list(public_classes())
    assert {mlp.MLP, mlp.Circuit, Multiply} <= set(classes)
    assert [found for found in classes if found.__repr__ is object.__repr__] == []


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
