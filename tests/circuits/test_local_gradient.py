"""Promises of mlp.circuits.local_gradient: upstream times local is what a gate's backward pass returns."""

import numpy as np
import pytest

from mlp.circuits.formula_text import Rule
from mlp.circuits.local_gradient import Jacobian, local_gradient, local_gradients
from mlp.gates import (
    Add,
    Cosine,
    Divide,
    Elementwise,
    Exponential,
    Matmul,
    Multiply,
    Negate,
    Sigmoid,
    Softmax,
    Subtract,
    Sum,
    Tanh,
    unbroadcast,
)
from mlp.gradient_check import all_gates
from mlp.graph import ComputationalGraph
from mlp.losses import ClassLoss, TargetLoss
from mlp.trace import evaluate, parts, trace


def traced(gate, shapes):
    """The formula, numbers for its symbols, and what the gate's own backward pass returns for them."""
    formula, random = trace(gate, shapes, np.dtype(float)), np.random.default_rng(7)
    signs = [1 if gate.positive else random.choice([-1, 1], shape) for shape in shapes]
    inputs = [
        random.integers(shapes[0][-1], size=shape) if k in gate.indices else sign * random.uniform(0.5, 2, shape)
        for k, (shape, sign) in enumerate(zip(shapes, signs, strict=True))
    ]
    C = np.asarray(gate.forward(*inputs))
    dC = random.uniform(0.5, 2, C.shape)
    values = dict(zip(formula.symbols, [*inputs, C, dC], strict=True))
    return formula, values, gate.checked_backward(dC, C, *inputs)


def locals_of(gate, shapes):
    """For each input that has a gradient: the local gradient, the upstream gradient, what arrives, and all symbols."""
    formula, values, gradients = traced(gate, shapes)
    for term, gradient in zip(formula.gradients, gradients, strict=True):
        if term is not None:
            factor = local_gradient(gate, formula, term)
            if factor is not None:
                assert formula.upstream not in parts(factor)
                factor = evaluate(factor, values)
            yield factor, values[formula.upstream], gradient, values[formula.output]


PRODUCTS = [gate for gate in all_gates() if isinstance(gate, Elementwise | TargetLoss | ClassLoss | Sum)]


@pytest.mark.parametrize("gate", PRODUCTS, ids=str)
def test_upstream_times_local_summed_over_copies_is_the_gradient(gate):
    for shapes in gate.check_shapes:
        for local, upstream, gradient, C in locals_of(gate, shapes):
            sent = np.asarray(local * upstream)
            if isinstance(gate, Elementwise):  # one for each element of C, however often an input was copied
                sent = unbroadcast(np.broadcast_to(sent, C.shape), gradient.shape)
            np.testing.assert_allclose(np.broadcast_to(sent, gradient.shape), gradient, rtol=1e-12, atol=1e-15)


def test_of_a_matrix_product_it_is_the_other_matrix():
    """As in dA = dC B' and dB = A' dC; of vectors as their outer product."""
    (left, dC, dA, _), (right, _, dB, _) = locals_of(Matmul(), ((3, 4), (4, 2)))
    np.testing.assert_allclose(dC @ left, dA, rtol=1e-12)
    np.testing.assert_allclose(right @ dC, dB, rtol=1e-12)
    (left, dC, dA, _), (right, _, dB, _) = locals_of(Matmul(), ((4,), (4, 2)))
    np.testing.assert_allclose(dC @ left, dA, rtol=1e-12)
    np.testing.assert_allclose(np.outer(right, dC), dB, rtol=1e-12)
    (left, dC, dA, _), (right, _, dB, _) = locals_of(Matmul(), ((3, 4), (4,)))
    np.testing.assert_allclose(np.outer(dC, left), dA, rtol=1e-12)
    np.testing.assert_allclose(right @ dC, dB, rtol=1e-12)
    for local, dC, gradient, _ in locals_of(Matmul(), ((4,), (4,))):
        np.testing.assert_allclose(dC * local, gradient, rtol=1e-12)


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (Add(), ["1", "1"]),
        (Subtract(), ["1", "-1"]),
        (Multiply(), ["B", "A"]),
        (Divide(), ["1 / B", "-C / B"]),
        (Negate(), ["-1"]),
        (Exponential(), ["C"]),
        (Cosine(), ["-np.sin(A)"]),
        (Tanh(), ["1 - C ** 2"]),
        (Sigmoid(), ["(1 - P) * P"]),
        (Sum(), ["1"]),
    ],
    ids=str,
)
def test_it_is_written_without_products_by_1(gate, expected):
    formula = trace(gate, gate.check_shapes[0], np.dtype(float))
    assert [Rule({}).write(local_gradient(gate, formula, term)) for term in formula.gradients] == expected


@pytest.mark.parametrize("shapes", Softmax.check_shapes, ids=str)
def test_the_softmax_has_none_as_its_derivative_is_a_jacobian(shapes):
    assert [local for local, *_ in locals_of(Softmax(), shapes)] == [None]


def numeric_jacobian(gate, inputs, position, h=1e-6):
    """From the forward pass of the gate alone: a row for each element of its output, a column for each of the input."""
    columns = []
    for index in np.ndindex(np.shape(inputs[position])):
        both = []
        for step in (h, -h):
            moved = [np.array(A, float) if k == position else A for k, A in enumerate(inputs)]
            moved[position][index] += step
            both.append(np.ravel(gate.forward(*moved)))
        columns.append((both[0] - both[1]) / (2 * h))
    return np.transpose(columns)


@pytest.mark.parametrize("gate", all_gates(), ids=str)
def test_in_numbers_it_is_the_gates_own_numeric_derivative(gate):
    for shapes in gate.check_shapes:
        formula, values, _ = traced(gate, shapes)
        graph = ComputationalGraph()
        leaves = [graph.leaf(f"x{k}", values[symbol]) for k, symbol in enumerate(formula.inputs)]
        node = graph.apply(gate, *leaves)
        inputs = [values[symbol] for symbol in formula.inputs]
        C = graph.forward(node)
        found = local_gradients(graph, node)
        assert list(found) == list(range(len(shapes)))
        for position, local in found.items():
            if position in gate.indices:
                assert local is None
                continue
            J = numeric_jacobian(gate, inputs, position)
            if isinstance(local, Jacobian):
                assert (local.rows, local.columns) == J.shape
            else:
                assert local.shape == C.shape == shapes[position]
                np.testing.assert_allclose(np.diag(local.ravel()), J, rtol=1e-6, atol=1e-8)
