"""Promises of mlp.plan: bound calls compute the gates' equations, even if some are dropped or not copied."""

import numpy as np
import pytest

from mlp.gates import Add, Exponential, Identity, Multiply, Power, Subtract
from mlp.graph import ComputationalGraph

SHAPE = (3, 4)


def leaf(graph, name, seed, gradient=None):
    return graph.leaf(name, np.random.default_rng(seed).uniform(1, 2, SHAPE), gradient=gradient)


def test_a_gradient_that_a_gate_passes_on_is_not_copied():
    graph = ComputationalGraph()
    x, y = leaf(graph, "x", 0), leaf(graph, "y", 1)
    f = graph.apply(Add(), graph.apply(Identity(), x, name="i"), y, name="f")
    graph.forward(f)
    graph.backward(np.full(SHAPE, 3.0))
    assert all(graph.gradient(name) is graph.gradient("f") for name in ("x", "y", "i"))
    np.testing.assert_array_equal(graph.gradient("x"), np.full(SHAPE, 3.0))


def test_it_is_an_array_of_its_own_if_something_is_added_to_it():
    graph = ComputationalGraph()
    x, y = leaf(graph, "x", 0), leaf(graph, "y", 1)
    graph.forward(graph.apply(Add(), graph.apply(Add(), x, y, name="s"), graph.apply(Add(), x, x), name="f"))
    for _ in range(2):  # the second pass begins with the first one's gradients
        graph.backward()
        for name, times in (("x", 3), ("y", 1), ("s", 1), ("f", 1)):
            np.testing.assert_array_equal(graph.gradient(name), np.full(SHAPE, times), err_msg=name)


def test_it_is_written_into_the_array_given_for_it():
    graph = ComputationalGraph()
    given = np.zeros(SHAPE)
    x, y = leaf(graph, "x", 0, given), leaf(graph, "y", 1)
    graph.forward(graph.apply(Subtract(), x, y))
    graph.backward()
    np.testing.assert_array_equal(given, np.ones(SHAPE))
    assert graph.gradient("x") is given


def test_only_an_unchanged_upstream_gradient_is_passed_on(monkeypatch):
    """A gate whose backward pass writes dA = B and dB = 2 dC, in two calls."""

    def odd(self, dC, C, A, B, dA, dB):
        yield dA, np.positive, B
        yield dB, np.positive, dC
        yield dB, np.add, dB, dC

    monkeypatch.setattr(Multiply, "backward", odd)
    graph = ComputationalGraph()
    x, y = leaf(graph, "x", 0), leaf(graph, "y", 1)
    graph.forward(graph.apply(Multiply(), x, y, name="f"))
    graph.backward()
    np.testing.assert_array_equal(graph.gradient("x"), graph.value("y"))
    np.testing.assert_array_equal(graph.gradient("y"), np.full(SHAPE, 2.0))
    np.testing.assert_array_equal(graph.gradient("f"), np.ones(SHAPE))


@pytest.mark.parametrize(
    "shapes", [((3, 4), (4,)), ((3, 4), (1, 4)), ((3, 4), (3, 1)), ((3, 4), ()), ((1,), ()), ((), ())]
)
def test_sums_over_what_was_broadcast(shapes):
    """The gradient of A in A + B is the upstream gradient, summed over the axes that A was copied along."""
    upstream = np.random.default_rng(2).standard_normal(np.broadcast_shapes(*shapes))
    for first, second in (shapes, shapes[::-1]):
        graph = ComputationalGraph()
        a, b = graph.leaf("a", np.ones(first)), graph.leaf("b", np.ones(second))
        graph.forward(graph.apply(Add(), a, b))
        graph.backward(upstream)
        for name, shape in (("a", first), ("b", second)):
            padded = (1,) * (upstream.ndim - len(shape)) + shape
            axes = tuple(axis for axis, length in enumerate(padded) if length != upstream.shape[axis])
            expected = upstream.sum(axis=axes, keepdims=True).reshape(shape)
            np.testing.assert_allclose(graph.gradient(name), expected, rtol=1e-14)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (5,), (2, 3)])
def test_calls_compute_in_the_graph_s_precision(precision, shape):
    """A number in a gate does not raise the precision: same bits as in NumPy with a Python number."""
    A = np.random.default_rng(0).uniform(1, 2, shape).astype(precision)
    graph = ComputationalGraph(precision)
    a = graph.leaf("a", A)
    graph.forward(graph.apply(Power(2.5), graph.apply(Exponential(), a)))
    with np.errstate(all="raise"):
        expected = np.power(np.exp(A), np.asarray(2.5, precision))
    np.testing.assert_array_equal(graph.value("z2"), expected)
    graph.backward()
    assert graph.gradient("a").dtype == precision


def test_a_gradient_s_array_must_be_in_c_order():
    graph = ComputationalGraph()
    with pytest.raises(ValueError, match="the gradient's array for a is not in C order"):
        graph.leaf("a", np.ones(SHAPE), gradient=np.ones(SHAPE[::-1]).T)


def test_one_value_used_twice_in_one_gate_gets_both_gradients():
    graph = ComputationalGraph()
    x = leaf(graph, "x", 0)
    graph.forward(graph.apply(Multiply(), x, x))
    graph.backward()
    np.testing.assert_allclose(graph.gradient("x"), 2 * graph.value("x"), rtol=1e-15)


def test_gradients_of_an_earlier_pass_are_not_those_of_the_latest():
    graph = ComputationalGraph()
    x = leaf(graph, "x", 0)
    graph.forward(graph.apply(Exponential(), x))
    graph.backward()
    graph.forward()
    assert not graph.has_gradient(x)
    with pytest.raises(ValueError, match="no backward pass yet"):
        graph.gradient("x")


@pytest.mark.parametrize("n", [2, 4])
def test_a_gradient_is_summed_along_the_first_of_three_axes(n):
    graph = ComputationalGraph()
    graph.apply(Add(), graph.leaf("A", np.zeros((n, 2, 3))), graph.leaf("b", np.zeros((2, 3))))
    graph.forward()
    upstream = np.arange(6.0 * n).reshape(n, 2, 3)
    graph.backward(upstream)
    np.testing.assert_array_equal(graph.gradient("b"), upstream.sum(axis=0))
