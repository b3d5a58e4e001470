"""Promises of mlp.training.arrays.judging: what the loss of a network on examples is."""

import numpy as np
import pytest

from mlp.network import MLP
from mlp.training.arrays.examples import Examples
from mlp.training.arrays.judging import evaluate
from mlp.training.random_streams import Stream, generator
from tests.made_points import three_blobs


def test_the_loss_on_examples_is_their_weighted_mean_and_the_outputs_are_the_network_s():
    X, y = three_blobs(1500)  # more than one block
    w = np.random.default_rng(0).random(1500)
    network = MLP([2, 3, 3], precision="float64", generator=generator(0, Stream.WEIGHTS), class_weights=[1, 2, 3])
    loss, P = evaluate(network, Examples(X, y, w))
    assert loss == pytest.approx(network.loss(X, np.eye(3)[y], w), rel=1e-12)
    np.testing.assert_allclose(P, network.predict(X), rtol=1e-12)
