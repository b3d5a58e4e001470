"""Promises of mlp.training.block_loss: the loss of each step, whichever steps are in its block."""

import numpy as np
import pytest

from mlp.network import LOSSES, MLP
from mlp.training.block_loss import BlockLoss

STEPS, N = 13, 3


def losses_of(made, inputs):
    return BlockLoss(made, inputs).compute(STEPS)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("outputs", [1, 3, 10, 26, 40])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_s_loss_is_the_network_s_and_has_the_same_bits_at_any_place(loss, outputs, weights):
    """The steps are rotated by each number of places. The gate itself computes each loss in float64."""
    random = np.random.default_rng(outputs)
    classes = max(2, outputs)
    made = MLP([4, outputs], loss=loss, class_weights=[1] * classes if weights else None)
    shapes = made.input_shapes(N, 4)
    S = random.normal(0, 2, (STEPS, N, outputs)).astype(np.float32)
    Y = random.integers(0, classes, (STEPS, N)).astype(np.float32)
    if len(shapes["Y"]) == 2:
        Y = Y[..., np.newaxis] if outputs == 1 else np.eye(outputs, dtype=np.float32)[Y.astype(int)]
    w = random.uniform(0.5, 2, (STEPS, N)).astype(np.float32)
    inputs = [S, Y, w] if weights else [S, Y]
    found = losses_of(made, inputs)
    gate = made.loss_node.gate
    expected = [gate.forward(*(rows[step].astype(float) for rows in inputs)) / N for step in range(STEPS)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for places in range(1, STEPS):
        rotated = losses_of(made, [np.roll(rows, places, axis=0) for rows in inputs])
        assert rotated == [*found[-places:], *found[:-places]]
