"""Promises of mlp.training.active_inputs: without the inputs that are always 0, a network learns the same."""

import numpy as np
import pytest

from mlp.config import Training
from mlp.network import LOSSES, MLP
from mlp.sgd import SGD
from mlp.training.active_inputs import Learner

OPTIONS = [{}, {"weight_decay": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "weight_decay": 0.1}]
ACTIVE = np.array([0, 2, 3, 6])


def whole_network(sizes=(7, 5, 1), loss="euclidean"):
    return MLP(sizes, precision="float64", generator=np.random.default_rng(0), loss=loss)


def examples(step):
    """Twelve examples; their inputs 1, 4 and 5 are 0."""
    random = np.random.default_rng(step)
    X = np.zeros((12, 7))
    X[:, ACTIVE] = random.uniform(size=(12, 4))
    return X, random.integers(0, 2, (12, 1)).astype(float)


def learn(learner, steps):
    learner.load()
    for step in steps:
        X, Y = examples(step)
        learner.network.loss(X[:, ACTIVE], Y)
        learner.network.backward()
        learner.step()
    learner.store()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", [(7, 1), (7, 5, 1), (7, 4, 3, 1)])
def test_it_learns_what_the_whole_network_would(sizes, loss, options):
    plain, whole = (whole_network(sizes, loss) for _ in range(2))
    optimizer = SGD(plain.parameter_block, plain.gradient_block, learning_rate=0.5, **options)
    for step in range(20):
        plain.loss(*examples(step))
        plain.backward()
        optimizer.step()
    learner = Learner(whole, ACTIVE, Training(learning_rate=0.5, **options))
    learn(learner, range(20))
    np.testing.assert_allclose(whole.parameter_block, plain.parameter_block, rtol=1e-12, atol=1e-15)
    if "momentum" in options:  # without it V is not used
        np.testing.assert_allclose(learner.velocity, optimizer.V, rtol=1e-11, atol=1e-15)


def test_without_decay_the_weights_of_idle_inputs_stay_as_they_are():
    whole, untrained = whole_network(), whole_network()
    learn(Learner(whole, ACTIVE, Training(momentum=0.9)), range(3))
    for row in range(7):
        same = np.array_equal(whole.parameters["W1"][row], untrained.parameters["W1"][row])
        assert same == (row not in ACTIVE)


@pytest.mark.parametrize("options", OPTIONS)
def test_it_goes_on_from_the_weights_and_the_velocity_of_the_whole(options):
    options = Training(learning_rate=0.5, **options)
    one, first, second = (Learner(whole_network(), ACTIVE, options) for _ in range(3))
    learn(one, range(6))
    learn(first, range(3))
    second.whole.parameter_block[...], second.velocity[...] = first.whole.parameter_block, first.velocity
    learn(second, range(3, 6))
    assert second.whole.parameter_block.tobytes() == one.whole.parameter_block.tobytes()
    assert second.velocity.tobytes() == one.velocity.tobytes()


def test_what_was_not_stepped_is_not_stored_over_what_was_changed_since():
    learner = Learner(whole_network(), ACTIVE, Training())
    learn(learner, range(1))
    learner.whole.parameter_block[...] = 1
    learner.store()
    assert np.all(learner.whole.parameter_block == 1)
