"""Promises of mlp.training.active_inputs: without the inputs that are always 0, a network learns the same."""

import numpy as np
import pytest

from mlp.config import Training
from mlp.network import LOSSES, MLP
from mlp.optimizers import OPTIMIZERS
from mlp.training.active_inputs import OrderedParameters
from mlp.training.step import StepPlan

OPTIONS = [
    {},
    {"weight_decay": 0.1},
    {"momentum": 0.9},
    {"momentum": 0.9, "weight_decay": 0.1},
    {"optimizer": "adam"},
    {"optimizer": "adam", "weight_decay": 0.1},
]
ACTIVE = np.array([0, 2, 3, 6])


def whole_network(sizes=(7, 5, 1), loss="euclidean"):
    return MLP(sizes, precision="float64", generator=np.random.default_rng(0), loss=loss)


def examples(step):
    """Twelve examples; their inputs 1, 4 and 5 are 0."""
    random = np.random.default_rng(step)
    X = np.zeros((12, 7))
    X[:, ACTIVE] = random.uniform(size=(12, 4))
    return X, random.integers(0, 2, (12, 1)).astype(float)


def learn(parameters, steps):
    parameters.load()
    plan = StepPlan(parameters, 1, 12, np.float64)
    for step in steps:
        X, Y = examples(step)
        plan.rows[0] = X[:, ACTIVE]
        plan.set_classes(Y[:, 0])
        plan.run(1)
        parameters.count_steps(1)
    parameters.store()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", [(7, 1), (7, 5, 1), (7, 4, 3, 1)])
def test_it_learns_what_the_whole_network_would(sizes, loss, options):
    plain, whole = (whole_network(sizes, loss) for _ in range(2))
    rates = {name: value for name, value in options.items() if name != "optimizer"}
    kind = OPTIMIZERS[options.get("optimizer", "sgd")]
    optimizer = kind(plain.parameter_block, plain.gradient_block, learning_rate=0.5, **rates)
    for step in range(20):
        plain.loss(*examples(step))
        plain.backward()
        optimizer.step()
    parameters = OrderedParameters(whole, ACTIVE, Training(learning_rate=0.5, **options))
    learn(parameters, range(20))
    np.testing.assert_allclose(whole.parameter_block, plain.parameter_block, rtol=1e-12, atol=1e-15)
    for name, block in optimizer.state.items():
        if name != "velocity" or "momentum" in options:  # without momentum V is not used
            np.testing.assert_allclose(parameters.state[name], block, rtol=1e-11, atol=1e-15)


def test_without_decay_the_weights_of_idle_inputs_stay_as_they_are():
    whole, untrained = whole_network(), whole_network()
    learn(OrderedParameters(whole, ACTIVE, Training(momentum=0.9)), range(3))
    for row in range(7):
        same = np.array_equal(whole.parameters["W1"][row], untrained.parameters["W1"][row])
        assert same == (row not in ACTIVE)


@pytest.mark.parametrize("options", OPTIONS)
def test_it_goes_on_from_the_weights_and_the_velocity_of_the_whole(options):
    options = Training(learning_rate=0.5, **options)
    one, first, second = (OrderedParameters(whole_network(), ACTIVE, options) for _ in range(3))
    learn(one, range(6))
    learn(first, range(3))
    second.network.parameter_block[...] = first.network.parameter_block
    for name, block in second.state.items():
        block[...] = first.state[name]
    second.optimizer.steps = first.optimizer.steps
    learn(second, range(3, 6))
    assert second.network.parameter_block.tobytes() == one.network.parameter_block.tobytes()
    for name, block in second.state.items():
        assert block.tobytes() == one.state[name].tobytes()


def test_what_was_not_stepped_is_not_stored_over_what_was_changed_since():
    parameters = OrderedParameters(whole_network(), ACTIVE, Training())
    learn(parameters, range(1))
    parameters.network.parameter_block[...] = 1
    parameters.store()
    assert np.all(parameters.network.parameter_block == 1)


def test_a_batch_computes_with_a_view_of_the_parameters_and_one_optimizer_steps_all():
    parameters = OrderedParameters(whole_network(), ACTIVE, Training(momentum=0.9))
    batch = parameters.batch(12)
    W1 = batch.plan.values[parameters.network.graph.node("W1")]
    assert W1.shape == (len(ACTIVE), 5)
    assert np.shares_memory(W1, parameters.optimizer.A)
    assert parameters.optimizer.A.size == parameters.network.parameter_block.size
    np.testing.assert_array_equal(W1, parameters.network.parameters["W1"][ACTIVE])
