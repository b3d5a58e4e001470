"""Promises of mlp.gradient_check: mistakes are found and named, and right gradients pass at any size."""

import numpy as np
import pytest

from mlp import gradient_check
from mlp.gates import Matmul, Max, Relu, Sigmoid
from mlp.gradient_check import (
    DIRECTIONS,
    TOLERANCE,
    all_gates,
    check_directions,
    check_elements,
    check_gate,
    random_direction,
)
from mlp.graph import ComputationalGraph
from mlp.losses import Operation
from mlp.network import MLP
from mlp.plan import Plan
from mlp.training.gradient_precheck import check_network


def rng(seed=0):
    return np.random.default_rng(seed)


def network_and_examples(*sizes, seed=0):
    random = rng(seed)
    net = MLP(sizes, precision="float32", generator=random)
    return net, random.random((4, sizes[0])), np.array([[0.0], [1], [0], [1]])


@pytest.mark.parametrize("sizes", [(9, 1), (784, 32, 1), (784, 300, 100, 1), (20, *[8] * 8, 1)])
def test_a_right_network_passes(sizes):
    """The last has eight sigmoid layers: gradients too small to resolve are no mistakes."""
    net, X, Y = network_and_examples(*sizes)
    before = net.parameter_block.copy()
    checks = check_network(net, X, Y, rng())
    assert [check.name for check in checks] == list(net.parameters)
    assert all(check.passed for check in checks), checks
    np.testing.assert_array_equal(net.parameter_block, before)


@pytest.mark.parametrize("share", [0.9999, 1.0001])
def test_a_wrong_gate_is_found_along_directions_and_then_named_by_index(share, monkeypatch):
    right = Sigmoid.backward

    def wrong(self, dP, P, Z):
        (dZ,) = right(self, dP, P, Z)
        return (dZ * share,)

    monkeypatch.setattr(Sigmoid, "backward", wrong)
    net, X, Y = network_and_examples(784, 32, 1)
    for check in check_network(net, X, Y, rng()):
        assert not check.passed
        assert check.where.startswith("[")
        assert f"{check.name}{check.where}: numeric {check.numeric:.10g}" in str(check)


def _with_error(dB, row, column, by, out=None):
    out = np.empty_like(dB) if out is None else out
    out[...] = dB
    out[row, column] += by
    return out


def _refuse(*_):
    raise AssertionError("it is only computed")


with_error = Operation(_with_error, lambda dB, row, column, by: dB, _refuse, _refuse)


@pytest.mark.parametrize("wrong_by", [1e-3, np.nan])
@pytest.mark.parametrize(
    ("sizes", "row", "column"), [((9, 4, 1), 7, 2), ((784, 300, 1), 0, 0), ((784, 300, 1), 489, 299)]
)
def test_one_wrong_element_is_found_and_named_however_large_the_array(sizes, row, column, wrong_by, monkeypatch):
    right = Matmul.backward

    def wrong(self, dC, C, A, B):
        dA, dB = right(self, dC, C, A, B)
        return dA, with_error(dB, row=row, column=column, by=wrong_by) if B.shape == sizes[:2] else dB

    monkeypatch.setattr(Matmul, "backward", wrong)
    net, X, Y = network_and_examples(*sizes)
    W1, *others = check_network(net, X, Y, rng())
    assert (W1.passed, W1.where) == (False, f"[{row}, {column}]")
    assert W1.analytic - W1.numeric == pytest.approx(wrong_by, rel=1e-4, nan_ok=True)
    assert all(check.passed for check in others)


def test_a_gradient_that_is_not_finite_fails():
    graph = ComputationalGraph()
    x = graph.leaf("x", [1.0, 2.0])
    graph.apply(Sigmoid(), x)
    graph.forward()
    checks = [*check_elements(graph, ["x"], np.nan), *check_directions(graph, ["x"], DIRECTIONS, rng(), np.nan)]
    assert [check.passed for check in checks] == [False, False]


def test_the_number_of_passes_along_directions_does_not_grow_with_the_network(monkeypatch):
    passes = []
    forward = Plan.forward
    monkeypatch.setattr(Plan, "forward", lambda *arguments: passes.append(1) or forward(*arguments))
    counts = []
    for sizes in ((9, 2, 1), (400, 300, 1)):
        passes.clear()
        assert all(check.passed for check in check_network(*network_and_examples(*sizes), rng()))
        counts.append(len(passes))
    assert counts[0] == counts[1]


def test_a_right_gradient_takes_two_passes_for_each_element_or_direction(monkeypatch):
    network = on_a_kink(distance=0.5)
    passes, forward = [], Plan.forward
    monkeypatch.setattr(Plan, "forward", lambda *arguments: passes.append(1) or forward(*arguments))
    elements = list(check_elements(network.graph, network.parameters))
    assert len(passes) == 1 + 2 * network.parameter_block.size + len(elements)
    passes.clear()
    directions = list(check_directions(network.graph, network.parameters, DIRECTIONS, rng()))
    assert len(passes) == 1 + 2 * DIRECTIONS * len(directions) + len(directions)
    assert all(check.passed for check in [*elements, *directions])


def on_a_kink(distance):
    """A relu network after a loss, in which the sum before a unit is this far from 0."""
    random = rng()
    network = MLP([5, 4, 3], precision="float64", generator=random, loss="cross_entropy", activation="relu")
    X = random.random((4, 5))
    network.parameters["b1"][1] = distance - X[2] @ network.parameters["W1"][:, 1]
    network.loss(X, np.eye(3)[[0, 1, 2, 0]])
    network.backward()
    assert network.graph.value("Z2")[2, 1] == pytest.approx(distance, abs=1e-15)
    return network


@pytest.mark.parametrize("distance", [1e-7, -1e-7, 1e-6])
def test_a_step_across_the_kink_of_a_relu_is_no_mistake(distance, monkeypatch):
    network = on_a_kink(distance)
    for check in (
        *check_elements(network.graph, network.parameters),
        *check_directions(network.graph, network.parameters, DIRECTIONS, rng()),
    ):
        assert check.passed, check
    monkeypatch.setattr(gradient_check, "SMALLER", ())
    assert not all(check.passed for check in check_elements(network.graph, network.parameters))


@pytest.mark.parametrize("distance", [1e-7, 0.5])
def test_a_mistake_in_a_relu_is_found_however_near_its_kink_is(distance, monkeypatch):
    right = Relu.backward
    monkeypatch.setattr(Relu, "backward", lambda self, dC, C, A: (1.001 * right(self, dC, C, A)[0],))
    network = on_a_kink(distance)
    for checks in (
        check_elements(network.graph, network.parameters),
        check_directions(network.graph, network.parameters, DIRECTIONS, rng()),
    ):
        assert {check.name for check in checks if not check.passed} == {"W1", "b1"}


def test_a_leaf_in_any_order_of_memory_is_checked():
    graph = ComputationalGraph()
    graph.apply(Sigmoid(), graph.leaf("W", np.arange(6.0).reshape(2, 3).T))
    graph.forward()
    (check,) = check_elements(graph, ["W"])
    assert check.passed


def test_no_seed_puts_two_inputs_on_the_kink_of_the_max_gate(request):
    for seed in (63, 688, *range(100 if request.config.getoption("--all-trials") else 10)):
        for shapes in Max.check_shapes:
            assert all(check.passed for check in check_gate(Max(), shapes, rng(seed)))


def test_only_float64_is_checked():
    graph = ComputationalGraph("float32")
    graph.leaf("x", 1.0)
    graph.forward()
    with pytest.raises(ValueError, match="float64 only"):
        list(check_elements(graph, ["x"]))


def test_the_tolerance_and_the_directions_are_those_that_were_asked_for():
    assert (TOLERANCE, DIRECTIONS) == (1e-7, 8)
    for size in (1, 2, 1000):
        assert np.linalg.norm(random_direction(size, rng())) == pytest.approx(1, rel=1e-12)


def test_each_gradient_is_right_if_no_other_is_needed():
    """The plan leaves out what only the others need."""
    for gate in all_gates():
        for shapes in gate.check_shapes:
            for position in set(range(len(shapes))) - gate.indices:
                right, alone = (analytic(gate, shapes, needed) for needed in (range(len(shapes)), [position]))
                np.testing.assert_array_equal(right[position], alone[position], err_msg=str(gate))


def analytic(gate, shapes, needed):
    """The gradients of these positions."""
    random = rng(3)
    graph = ComputationalGraph()
    leaves = []
    for k, shape in enumerate(shapes):
        value = random.integers(shapes[0][-1], size=shape) if k in gate.indices else random.uniform(0.5, 2, shape)
        leaves.append(graph.leaf(f"x{k}", value, needs_gradient=k in needed))
    graph.apply(gate, *leaves)
    graph.backward(random.uniform(0.5, 2, graph.forward().shape))
    return {k: graph.gradient(f"x{k}").copy() for k in needed if k not in gate.indices}
