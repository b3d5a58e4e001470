"""Promises of mlp.pages.image_passes, beside those of tests/browser: what it makes serves networks of any size."""

from itertools import product

import numpy as np

from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.pages.image_passes import image_passes
from mlp.pages.javascript import Script


def test_its_gates_serve_networks_and_batches_of_any_size():
    """Also hidden layers of one unit, and a batch of one image."""
    outputs, script = 3, Script(explained=True)
    image_passes(outputs, script)
    made = script.source(), dict(script.explanations)
    for loss, activation, hidden, rows in product(LOSSES, ACTIVATIONS, ([], [1, 9]), (1, 3)):
        network = MLP([7, *hidden, outputs], loss=loss, activation=activation, precision="float64")
        network.loss(np.zeros((rows, 7)), np.eye(rows, outputs))
        network.backward()
        script.nodes(network.graph)
    assert (script.source(), script.explanations) == made
