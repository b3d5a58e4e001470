"""Promises of mlp.training.gradient_precheck: a network is checked in whole, or, if it is too large, in part."""

import numpy as np
import pytest

from mlp.config import Training
from mlp.data import dataset
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.training.factors import Scaled, Terms
from mlp.training.gradient_precheck import affordable_part, check_network, check_steps, random_subnetwork
from tests.conftest import write_folder


def rng():
    return np.random.default_rng(0)


def network(*sizes, **options):
    return MLP(sizes, precision="float64", generator=rng(), **options)


def examples(inputs):
    return rng().random((4, inputs)), np.array([[0.0], [1], [0], [1]])


def test_a_network_too_large_for_the_time_is_checked_in_part(monkeypatch):
    monkeypatch.setattr("mlp.training.gradient_precheck.MAX_WORK", 3000)
    net = network(9, 200, 3, 80, 1)
    part = affordable_part(net, rng())
    assert all(check.passed for check in check_network(part, *examples(9), rng()))
    inputs, *hidden, outputs = part.sizes
    assert (inputs, outputs, hidden[1]) == (9, 1, 3)
    assert 20 < hidden[0] < 100
    assert 20 < hidden[2] <= 80
    small = affordable_part(network(9, 5, 1), rng())
    assert small.sizes == (9, 5, 1)


def test_a_random_subnetwork_has_the_weights_of_its_units():
    net = network(5, 40, 7, 1)
    thin = random_subnetwork(net, 10, rng())
    assert thin.sizes == (5, 10, 7, 1)
    columns = {tuple(column) for column in net.parameters["W1"].T}
    kept = [tuple(column) for column in thin.parameters["W1"].T]
    assert len(set(kept)) == 10
    assert set(kept) <= columns
    positions = [np.flatnonzero((column == net.parameters["W1"].T).all(axis=1))[0] for column in kept]
    np.testing.assert_array_equal(thin.parameters["W2"], net.parameters["W2"][positions])
    np.testing.assert_array_equal(thin.parameters["W3"], net.parameters["W3"])


@pytest.mark.parametrize("loss", LOSSES)
def test_a_subnetwork_of_all_units_keeps_the_loss(loss):
    net = network(5, 4, 1, loss=loss)
    assert random_subnetwork(net, 4, rng()).loss(*examples(5)) == net.loss(*examples(5))


def of_three_classes():
    return rng().random((6, 9)), np.eye(3)[[0, 1, 2, 2, 1, 0]]


@pytest.mark.parametrize("weights", [None, (0.5, 2.0, 3.0)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_network_of_any_activation_loss_and_weights_passes_and_a_mistake_in_it_does_not(
    loss, activation, weights, monkeypatch
):
    net = network(9, 20, 7, 3, loss=loss, activation=activation, class_weights=weights)
    assert all(check.passed for check in check_network(net, *of_three_classes(), rng()))
    kind = type(ACTIVATIONS[activation])
    right = kind.backward
    monkeypatch.setattr(kind, "backward", lambda self, dC, C, A: (right(self, dC, C, A)[0] * 1.001,))
    wrong = network(9, 20, 7, 3, loss=loss, activation=activation, class_weights=weights)
    assert not all(check.passed for check in check_network(wrong, *of_three_classes(), rng()))


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam", "learning_rate": 0.01}], ids=str)
@pytest.mark.parametrize("weights", [None, (0.5, 2.0, 3.0)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_plan_that_trains_passes_and_a_mistake_in_it_or_in_a_gate_does_not(
    loss, activation, weights, options, tmp_path, monkeypatch
):
    images = dataset.load(write_folder(tmp_path / "made", [0, 1, 2] * 4, [0, 1]), "training", (0, 1, 2))

    def checks():
        net = network(16, 20, 7, 3, loss=loss, activation=activation, class_weights=weights)
        return check_steps(net, images, Training(**options), rng())

    assert {check.name for check in checks()} == {"W1", "b1", "W2", "b2", "W3", "b3"}
    assert all(check.passed for check in checks())
    kind = type(ACTIVATIONS[activation])
    right, placed = kind.backward, Terms.placed
    with monkeypatch.context() as patch:
        patch.setattr(kind, "backward", lambda self, dC, C, A: (right(self, dC, C, A)[0] * 1.001,))
        assert not all(check.passed for check in checks())
    wrong = 1.001
    monkeypatch.setattr(
        Terms, "placed", lambda self, one, uses: placed(self, Scaled(wrong * one.factor, one.term), uses)
    )
    assert not all(check.passed for check in checks())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("place", ["Z1", "Z2", "Z4", "Z5", "E", "L"])
def test_a_mistake_in_any_gate_is_found(place, loss, tmp_path, monkeypatch):
    """The first input's gradient: of the mean, too, though training knows n as a number."""
    images = dataset.load(write_folder(tmp_path / "made", [0, 1, 2] * 4, [0, 1]), "training", (0, 1, 2))
    net = network(16, 7, 3, loss=loss)
    node = net.graph.node(place)
    right = type(node.gate).backward

    def wrong(gate, *arguments):
        first, *others = right(gate, *arguments)
        return first * 1.001, *others

    monkeypatch.setattr(type(node.gate), "backward", wrong)
    assert not all(check.passed for check in check_steps(network(16, 7, 3, loss=loss), images, Training(), rng()))


def test_units_of_relu_at_their_kink_pass():
    """Of an empty image every unit is exactly at its kink while the biases are 0."""
    net = network(9, 200, 3, activation="relu", loss="cross_entropy")
    X, Y = of_three_classes()
    X[:3] = 0
    assert all(check.passed for check in check_network(net, X, Y, rng()))


def test_a_network_that_is_sure_of_all_examples_and_right_passes():
    """P of the rows of class 1 is rounded to 1, and so their gradient to 0. That of class 0, exp(-45), is not."""
    net = network(1, 1, loss="cross_entropy")
    net.parameters["W1"][...] = 45
    X, Y = np.array([[1.0], [1.01], [-1.01], [-1.02]]), np.array([[1.0], [1], [0], [0]])
    assert all(check.passed for check in check_network(net, X, Y, rng()))


def test_a_part_of_a_network_has_its_outputs_and_its_options():
    net = network(5, 40, 4, loss="cross_entropy", activation="tanh", class_weights=(1, 2, 3, 4))
    part = random_subnetwork(net, 10, rng())
    assert (part.sizes, part.loss_name, part.activation_name) == ((5, 10, 4), "cross_entropy", "tanh")
    assert part.class_weights == (1, 2, 3, 4)
