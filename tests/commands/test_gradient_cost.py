"""Promises of mlp.commands.gradient_cost: what is counted as the cost of a gradient, whatever the clock says."""

import itertools

import numpy as np
import pytest

from mlp.commands import gradient_cost
from mlp.commands.gradient_cost import measure, narrower_networks
from mlp.network import MLP
from mlp.plan import Plan

X = np.random.default_rng(1).normal(size=(5, 3))
Y = np.array([[0.0], [1.0], [1.0], [0.0], [1.0]])


@pytest.fixture
def network():
    """Of 3 * 4 + 4 + 4 * 2 + 2 + 2 * 1 + 1 = 29 parameters in 6 arrays."""
    return MLP([3, 4, 2, 1], precision="float64", generator=np.random.default_rng(0))


@pytest.fixture
def passes(monkeypatch):
    """The passes that are made: the node that was changed before a forward pass, "forward" or "backward"."""
    made = []
    forward, backward = Plan.forward, Plan.backward

    def counted_forward(self, changed=None):
        made.append(changed.name if changed else "forward")
        return forward(self, changed)

    def counted_backward(self, upstream):
        made.append("backward")
        backward(self, upstream)

    monkeypatch.setattr(Plan, "forward", counted_forward)
    monkeypatch.setattr(Plan, "backward", counted_backward)
    return made


def test_numeric_is_two_forward_passes_for_each_parameter_and_analytic_one_of_each(network, passes, monkeypatch):
    monkeypatch.setattr(gradient_cost, "MAX_REPEATS", 1)
    before = network.parameter_block.copy()
    cost = measure(network, X, Y, seconds=1e9)
    assert (cost.sizes, cost.parameters, cost.measured) == ((3, 4, 2, 1), 29, 29)
    sizes = {"W1": 12, "b1": 4, "W2": 8, "b2": 2, "W3": 2, "b3": 1}
    once_more = 1  # puts the values behind an array right again
    assert {name: passes.count(name) for name in sizes} == {name: 2 * n + once_more for name, n in sizes.items()}
    assert passes[-2:] == ["forward", "backward"]
    np.testing.assert_array_equal(network.parameter_block, before)


def test_without_time_one_parameter_of_each_array_is_measured_and_the_rest_extrapolated(network, monkeypatch):
    """With a clock that goes on by a second whenever one looks at it, each call takes a second."""
    monkeypatch.setattr(gradient_cost, "perf_counter", itertools.count().__next__)
    cost = measure(network, X, Y, seconds=0)
    assert cost.measured == 6
    assert (cost.analytic, cost.numeric, cost.ratio) == (1, 29, 29)


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        ([], [[]]),
        ([1], [[1]]),
        ([3], [[1], [3]]),
        ([7], [[1], [7]]),
        ([32], [[1], [4], [16], [32]]),
        ([8, 3], [[1, 1], [4, 3], [8, 3]]),
    ],
)
def test_networks_grow_to_the_one_that_is_given(hidden, expected):
    network = MLP([5, *hidden, 1], precision="float64", generator=np.random.default_rng(0), activation="tanh")
    networks = list(narrower_networks(network, np.random.default_rng(0)))
    assert [list(one.sizes[1:-1]) for one in networks] == expected
    assert networks[-1] is network
    for one in networks:
        assert (one.activation_name, one.precision) == ("tanh", np.float64)
        assert set(one.parameters["W1"].flat) <= set(network.parameters["W1"].flat)
