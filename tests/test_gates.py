"""Promises of mlp.gates: each forward pass is its equation, each backward pass its derivative."""

import numpy as np
import pytest

from mlp.gates import Add, Divide, EuclideanLoss, Matmul, Max, Multiply, Sigmoid, all_gates
from mlp.gradient_check import check_gate
from mlp.graph import ComputationalGraph

GATES = [Add, Multiply, Divide, Max, Sigmoid, Matmul, EuclideanLoss]


def run(gate, *inputs, upstream=1.0, precision="float64"):
    """The gate's value and its inputs' gradients."""
    graph = ComputationalGraph(precision)
    leaves = [graph.leaf(name, value) for name, value in zip("AB", inputs, strict=False)]
    value = graph.forward(graph.apply(gate(), *leaves)).copy()
    graph.backward(upstream)
    return value, *(graph.gradient(leaf.name) for leaf in leaves)


def test_no_gate_is_left_out_here():
    assert set(all_gates()) == set(GATES)


def test_gates_of_two_inputs_are_checked_with_either_one_broadcast():
    for gate in (Add, Multiply, Divide, Max):
        broadcast = {k for shapes in gate.checked_on for k in (0, 1) if shapes[k] != np.broadcast_shapes(*shapes)}
        assert broadcast == {0, 1}
        assert ((), ()) in gate.checked_on


@pytest.mark.parametrize(
    ("gate", "inputs", "expected"),
    [  # by hand: the value, then the gradient of each input
        (Add, (3, -4), (-1, 1, 1)),
        (Multiply, (3, -4), (-12, -4, 3)),
        (Divide, (1, 4), (0.25, 0.25, -0.0625)),
        (Max, (2, -1), (2, 1, 0)),
        (Max, (-1, 2), (2, 0, 1)),
        (Max, (2, 2), (2, 1, 0)),  # a tie goes to the first
        (Sigmoid, (0,), (0.5, 0.25)),
        (Sigmoid, (1,), (0.7310585786300049, 0.19661193324148185)),
        (EuclideanLoss, (0.5, 1), (0.125, -0.5, 0.5)),
        (EuclideanLoss, ([[0.5], [1]], [[1], [0]]), (0.625, [[-0.5], [1]], [[0.5], [-1]])),
        (Matmul, ([[1, 2]], [[1, 0, 2], [0, 1, 3]]), ([[1, 2, 8]], [[3, 4]], [[1, 1, 1], [2, 2, 2]])),
        (Matmul, ([1, 2], [3, 4]), (11, [3, 4], [1, 2])),
        (Matmul, ([[1, 2], [3, 4]], [5, 6]), ([17, 39], [[5, 6], [5, 6]], [4, 6])),
        (Add, ([[1, 2], [3, 4]], [10, 20]), ([[11, 22], [13, 24]], [[1, 1], [1, 1]], [2, 2])),  # the bias of the notes
    ],
)
def test_value_and_gradients_by_hand(gate, inputs, expected):
    for found, wanted in zip(run(gate, *inputs), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-15)
        assert np.shape(found) == np.shape(wanted)


@pytest.mark.parametrize("gate", GATES)
def test_written_gradients_are_the_numeric_ones(gate):
    for shapes in gate.checked_on:
        for check in check_gate(gate(), shapes, np.random.default_rng(5)):
            assert check.passed, check


@pytest.mark.parametrize(
    ("gate", "position"), [(gate, position) for gate in GATES for position in range(len(gate.checked_on[0]))]
)
@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(lambda dA: (np.multiply, dA, 1.001), id="a factor"),
        pytest.param(lambda dA: (np.negative, dA), id="a sign"),
        pytest.param(lambda dA: (np.add, dA, 0.01), id="an offset"),
        pytest.param(lambda dA: (np.multiply, dA, 0), id="nothing"),
    ],
)
def test_any_mistake_in_a_backward_pass_is_found_and_no_other_gradient_blamed(gate, position, mistake, monkeypatch):
    right = gate.backward

    def wrong(self, dC, C, *others):
        yield from right(self, dC, C, *others)
        dA = others[len(others) // 2 + position]
        yield dA, *mistake(dA)

    monkeypatch.setattr(gate, "backward", wrong)
    checks = [check_gate(gate(), shapes, np.random.default_rng(5)) for shapes in gate.checked_on]
    blamed = {k for arrays in checks for k, array in enumerate(arrays) if not array.passed}
    assert blamed == {position}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_sigmoid_is_stable_and_silent_up_to_ten_thousand(precision):
    Z = np.array([-1e4, -800, -90, -30, 0, 30, 90, 800, 1e4], precision)
    with np.errstate(all="raise"):  # not even an underflow
        P, dZ = run(Sigmoid, Z, precision=precision)
    assert P.dtype == dZ.dtype == precision
    assert np.all((P > 0) & (P <= 1))
    assert np.all(np.diff(P) >= 0)
    assert np.all((dZ >= 0) & (dZ <= 0.25))
    exact = [0, 0, 8.194012623990515e-40, 9.357622968839299e-14, 0.5, 1 - 9.357622968839299e-14, 1, 1, 1]
    np.testing.assert_allclose(P, exact, rtol=4 * np.finfo(precision).eps, atol=2e-38)


def test_the_sigmoid_hands_a_nan_on():
    assert np.isnan(run(Sigmoid, [0.0, np.nan])[0]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("gate", "inputs", "message"),
    [
        (Add, (np.ones((2, 3)), np.ones(2)), r"add: shapes \(2, 3\) and \(2,\) do not broadcast"),
        (Matmul, (np.ones((2, 3)), np.ones((2, 3))), r"\(2, 3\) and \(2, 3\) do not fit: 3 columns meet 2 rows"),
        (Matmul, (np.ones((2, 3)), 1.0), "each must be a vector or a matrix"),
        (Matmul, (np.ones((2, 2, 2)), np.ones((2, 2))), "each must be a vector or a matrix"),
        (EuclideanLoss, (np.ones((4, 1)), np.ones(4)), r"shapes \(4, 1\) and \(4,\) differ"),
    ],
)
def test_shapes_that_do_not_fit_are_named(gate, inputs, message):
    with pytest.raises(ValueError, match=message):
        run(gate, *inputs)


def test_a_gate_in_float32_stays_in_float32():
    for gate in GATES:
        random = np.random.default_rng(0)
        for shapes in gate.checked_on:
            inputs = [random.uniform(1, 2, shape).astype("float32") for shape in shapes]
            assert {array.dtype for array in run(gate, *inputs, precision="float32")} == {np.dtype("float32")}
