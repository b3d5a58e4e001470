"""Promises of mlp.pages.image_passes, beside those of tests/browser: what it makes serves networks of any size."""

from itertools import product

import numpy as np
import pytest

from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.pages.image_passes import image_passes
from mlp.pages.javascript import Script


@pytest.mark.parametrize("weights", [None, (1, 2, 3)])
def test_its_gates_serve_networks_and_batches_of_any_size(weights):
    """Also hidden layers of one unit, and without class weights a batch of one image."""
    outputs, script = 3, Script(explained=True)
    image_passes(outputs, script, class_weights=weights)
    made = script.source(), dict(script.explanations)
    for loss, activation, hidden, rows in product(LOSSES, ACTIVATIONS, ([], [1, 9]), (1 if weights is None else 2, 3)):
        network = MLP(
            [7, *hidden, outputs], loss=loss, activation=activation, precision="float64", class_weights=weights
        )
        network.loss(np.zeros((rows, 7)), np.eye(rows, outputs))
        network.backward()
        script.nodes(network.graph)
    assert (script.source(), script.explanations) == made
