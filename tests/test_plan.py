"""Promises of mlp.plan: bound calls compute the gates' equations, even if some are dropped or not copied.

The oracle is the interpreter, which runs the gates' passes as they are written.
"""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from mlp.gates import Add, Exponential, Identity, Matmul, Multiply, Power, Sigmoid, Subtract
from mlp.graph import ComputationalGraph
from mlp.interpreter import run_backward, run_forward
from mlp.losses import CrossEntropyLoss, EuclideanLoss
from mlp.network import MLP
from mlp.node import ancestors
from tests.made_gates import CHANGES, FLOATS, LOGIC, Made, MadeElementwise, is_safe, random_graphs

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


def test_only_an_unchanged_upstream_gradient_is_passed_on():
    """A gate whose backward pass returns dA = B and dB = 2 dC."""
    graph = ComputationalGraph()
    x, y = leaf(graph, "x", 0), leaf(graph, "y", 1)
    graph.forward(graph.apply(Made(lambda A, B: A * B, lambda dC, C, A, B: (B, dC + dC)), x, y, name="f"))
    graph.backward()
    np.testing.assert_array_equal(graph.gradient("x"), graph.value("y"))
    np.testing.assert_array_equal(graph.gradient("y"), np.full(SHAPE, 2.0))
    np.testing.assert_array_equal(graph.gradient("f"), np.ones(SHAPE))
    assert graph.gradient("x") is not graph.value("y")


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


TOLERANCE = {"float32": 2e-3, "float64": 1e-9}
"""For values up to 50 that went through sums, roots and differences."""
RANDOM = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


def assert_close(found, right, precision="float64", gate=None):
    tolerance = TOLERANCE[precision]
    np.testing.assert_allclose(found, right, rtol=tolerance, atol=tolerance, err_msg=str(gate))


def assert_equals_interpreter(graph, output, leaves):
    """Run both passes, the second twice, and compare every value and gradient."""
    precision = graph.precision.name
    values = run_forward(output, leaves)
    graph.forward(output)
    upstream = np.linspace(0.5, 1.5, values[output].size, dtype=precision).reshape(values[output].shape)
    gradients = run_backward(output, values, upstream)
    found = []
    for _ in range(2):
        graph.backward(upstream)
        found.append({node: graph.gradient(node.name).copy() for node in values if graph.has_gradient(node)})
    for node, value in values.items():
        assert_close(graph.value(node.name), value, precision, node.gate)
        assert graph.value(node.name).dtype == precision
    for node, gradient in found[0].items():
        assert_close(gradient, gradients[node], precision, node.gate)
        assert gradient.dtype == precision
        np.testing.assert_array_equal(found[1][node], gradient)
    return found[0]


@RANDOM
@given(case=random_graphs())
def test_random_graphs_compute_what_the_interpreter_computes(case):
    """Also after leaves were changed in place, and gradients land in the arrays given for them."""
    graph, output, leaves = case
    for _ in range(2):
        gradients = assert_equals_interpreter(graph, output, leaves)
        for leaf_node, (_, given_array) in graph._given.items():
            if given_array is not None and leaf_node in gradients:
                np.testing.assert_array_equal(given_array, gradients[leaf_node])
        for array in leaves.values():
            array *= 1.0001


@RANDOM
@given(case=random_graphs("float32"))
def test_random_graphs_in_float32_stay_there(case):
    assert_equals_interpreter(*case)


@RANDOM
@given(case=random_graphs())
def test_what_follows_a_changed_node_is_what_a_full_pass_computes(case):
    graph, output, _ = case
    nodes = ancestors(output)
    graph.forward(output)
    plan = graph.latest_plan
    for changed in nodes:
        before = graph.value(changed.name).copy()
        graph.value(changed.name)[...] *= 1.0001
        right = {}
        for node in nodes:
            if node.gate is None or node is changed:
                right[node] = graph.value(node.name).copy()
            else:
                right[node] = np.asarray(node.gate.forward(*(right[source] for source in node.inputs)), float)
        plan.forward(changed)
        for node in nodes:
            assert_close(graph.value(node.name), right[node], gate=node.gate)
        graph.value(changed.name)[...] = before
        plan.forward(changed)


def numbers(shape, precision, seed=0):
    return np.random.default_rng(seed).uniform(0.25, 2, shape).astype(precision)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (3,), (2, 3), (400, 400)])
@pytest.mark.parametrize("name", FLOATS)
def test_elementwise_functions_give_the_same_bits_as_numpy(name, shape, precision):
    function = FLOATS[name]
    arrays = [numbers(shape, precision, seed) for seed in range(function.__code__.co_argcount)]
    graph = ComputationalGraph(precision)
    leaves = [graph.leaf(f"x{k}", array) for k, array in enumerate(arrays)]
    value = graph.forward(graph.apply(MadeElementwise(function), *leaves))
    assert value.dtype == precision
    right = function(*map(np.atleast_1d, arrays)).reshape(shape)  # NumPy 1 computes with scalars in float64
    np.testing.assert_array_equal(value, right)


@pytest.mark.parametrize(
    "shapes", [[(2, 3), (2, 3)], [(2, 3), (3, 2)], [(3,), (3,)], [(3, 3), (3, 3)], [(1, 1), (1, 1)]]
)
@pytest.mark.parametrize("name", CHANGES)
def test_other_functions_give_what_numpy_gives(name, shapes):
    """A sum over rows is a product with ones, a sum of squares is a product: the order of the sum is another."""
    function = CHANGES[name]
    arrays = [numbers(shape, "float64", seed) for seed, shape in enumerate(shapes[: function.__code__.co_argcount])]
    try:
        function(*arrays)
    except (ValueError, IndexError):  # shapes that do not fit
        return
    if is_safe(name, arrays):
        assert_forward(function, arrays)


@pytest.mark.parametrize("name", LOGIC)
def test_bools_give_what_numpy_gives(name):
    function = LOGIC[name]
    arrays = [numbers((3, 3), "float64", seed) for seed in range(function.__code__.co_argcount)]

    def compared(*arrays):
        return function(*(array > 1 for array in arrays))

    assert_forward(compared, arrays)


@pytest.mark.parametrize("shape", [(5,), ()])
@pytest.mark.parametrize("reduction", [np.logical_or, np.logical_and, np.add, np.multiply, np.maximum], ids=str)
@pytest.mark.parametrize("low", [-math.inf, 0, math.inf])
def test_reduced_bools_are_bools_or_numbers_as_in_numpy(reduction, low, shape):
    assert_forward(lambda x: reduction.reduce(x > low) + reduction.reduce(x != low), [numbers(shape, "float64")])


@pytest.mark.parametrize("shape", [(5,), ()])
@pytest.mark.parametrize("reduction", [np.logical_or, np.logical_and], ids=str)
def test_numbers_reduced_to_a_bool_are_one(reduction, shape):
    assert_forward(lambda A: reduction.reduce(A) + reduction.reduce(-A), [numbers(shape, "float64")])


def test_minus_zero_is_another_number_than_zero():
    def signs(A):
        plus, minus = np.copysign(A, 0.0), np.copysign(A, -0.0)
        return plus * plus - minus * minus * minus

    assert_forward(signs, [numbers((5,), "float64", 0)])


def test_one_through_false_is_infinite():
    """NumPy's reciprocal of a bool is a whole number."""
    graph = ComputationalGraph()
    f = graph.apply(Made(lambda A: 1 / (A > 0), lambda dC, C, A: (dC,)), graph.leaf("A", [-1.0, 1.0]))
    with np.errstate(divide="ignore"):
        assert f.forward().tolist() == [np.inf, 1]


def assert_forward(function, arrays):
    """In a graph, also after the arrays were changed, and where the gradient needs the result too."""

    def kept(inputs):
        total = np.sum(function(*inputs))
        return tuple(A * total for A in inputs)

    for backward in (lambda dC, C, *inputs: tuple(map(np.zeros_like, inputs)), lambda dC, C, *inputs: kept(inputs)):
        graph = ComputationalGraph()
        own = [array.copy() for array in arrays]
        f = graph.apply(Made(function, backward), *(graph.leaf(f"x{k}", array) for k, array in enumerate(own)))
        for _ in range(2):
            np.testing.assert_allclose(f.forward(), right := function(*own), rtol=1e-12)
            assert f.value.shape == np.shape(right)
            f.backward()
            for array in own:
                array *= 1.5


class Squared(MadeElementwise):
    """C = A^2 with dA = 2 A dC: the product 2 A is of numbers that change."""

    def __init__(self):
        super().__init__(lambda A: A**2, lambda dC, C, A: (2 * A * dC,))


def test_a_gradient_follows_its_inputs_in_a_loop():
    """``2 * A`` was once computed when the calls were bound, and the gradient stayed 6."""
    w = np.array(0.0)
    graph = ComputationalGraph()
    node = graph.leaf("w", w)
    loss = graph.apply(Squared(), node)
    gradients = []
    for w[...] in (3.0, 2.4, 1.8):
        loss.forward()
        loss.backward()
        gradients.append(float(node.gradient))
    assert gradients == [6, 4.8, 3.6]


def step_calls(loss):
    """A plan of the default network, after both passes."""
    network = MLP([784, 32, 1], loss=loss, generator=np.random.default_rng(0))
    batch = network.batch(64)
    batch.X[...], batch.Y[...] = 0.5, 1
    batch.loss()
    batch.backward()
    return batch.plan


def functions(calls):
    return [call.func for call in calls]


@pytest.mark.parametrize(("loss", "forward", "backward"), [("euclidean", 18, 13), ("cross_entropy", 24, 11)])
def test_the_default_network_makes_no_more_calls_than_these(loss, forward, backward):
    plan = step_calls(loss)
    assert (len(plan.forward_calls), len(plan.backward_calls)) == (forward, backward)


def test_what_both_passes_need_is_computed_once():
    """P - Y of the Euclidean loss; the sigmoid in the cross-entropy's gradient is P itself; one gate's own."""
    assert functions(step_calls("euclidean").forward_calls).count(np.subtract) == 1
    assert functions(step_calls("euclidean").backward_calls).count(np.subtract) == 2  # 1 - P of two sigmoids
    assert np.exp not in functions(step_calls("cross_entropy").backward_calls)
    graph = ComputationalGraph()
    gate = MadeElementwise(lambda A: np.exp(np.sin(A)), lambda dC, C, A: (dC * np.exp(np.sin(A)) * np.sin(A),))
    graph.apply(gate, leaf(graph, "x", 0)).forward()
    graph.backward()
    calls = functions(graph.latest_plan.forward_calls + graph.latest_plan.backward_calls)
    assert sorted(calls, key=str) == sorted([np.sin, np.exp, np.multiply, np.multiply], key=str)


def test_what_one_gate_still_needs_is_not_written_over_by_another():
    """Both compute exp(sin(A)); the first needs it for its gradient, after the second has used it once."""
    graph = ComputationalGraph()
    x = graph.leaf("x", [0.5, 1.5])
    first = MadeElementwise(lambda A: np.exp(np.sin(A)) * 2, lambda dC, C, A: (dC * np.exp(np.sin(A)),))
    second = MadeElementwise(lambda A: A * 2 * (np.exp(np.sin(A)) + 1), lambda dC, C, A: (dC,))
    graph.apply(Add(), graph.apply(first, x), graph.apply(second, x)).forward()
    graph.backward()
    np.testing.assert_allclose(x.gradient, np.exp(np.sin([0.5, 1.5])) + 1, rtol=1e-15)


def test_a_sigmoid_that_is_not_in_the_plan_is_computed_for_the_gradient():
    graph = ComputationalGraph()
    z, y = graph.leaf("z", [0.0, 1.0]), graph.leaf("y", [1.0, 0.0])
    E = graph.apply(CrossEntropyLoss(), z, y)
    P = graph.apply(Sigmoid(), z, name="P")
    for others, count in (((), 1), ((P,), 0)):
        graph.forward(E, *others)
        graph.backward()
        assert functions(graph.latest_plan.backward_calls).count(np.exp) == count
        np.testing.assert_allclose(graph.gradient("z"), [-0.5, 1 / (1 + np.exp(-1))], rtol=1e-15)


def test_results_that_nobody_needs_are_not_computed():
    graph = ComputationalGraph()
    y = graph.leaf("y", np.ones((5, 1)), needs_gradient=False)
    graph.apply(EuclideanLoss(), graph.leaf("p", np.zeros((5, 1))), y).forward()
    graph.backward()
    assert functions(graph.latest_plan.backward_calls) == [np.multiply]  # (Y - P) dE is left out
    graph = ComputationalGraph()
    x = graph.leaf("x", np.ones(3), needs_gradient=False)
    graph.apply(Exponential(), graph.apply(Exponential(), x)).forward()
    graph.backward()
    assert graph.latest_plan.backward_calls == []


def test_what_one_gate_needs_again_is_not_written_over_by_another_gate():
    """Both compute A - B: the first one needs it in its backward pass too, the second one only once."""
    A, B = np.random.default_rng(0).uniform(0.5, 2, (2, 3, 4))
    graph = ComputationalGraph()
    a, b = graph.leaf("a", A), graph.leaf("b", B)
    first = graph.apply(EuclideanLoss(), a, b)
    second = graph.apply(Made(lambda A, B: np.sum(np.exp(A - B)), lambda dC, C, A, B: (A * dC, B * dC)), a, b)
    graph.forward(graph.apply(Add(), first, second))
    graph.backward()
    np.testing.assert_allclose(a.gradient, A - B + A, rtol=1e-15)
    np.testing.assert_allclose(b.gradient, B - A + B, rtol=1e-15)


def test_an_outer_product_of_vectors_of_one_length():
    """It is not their inner product."""
    graph = ComputationalGraph()
    A, b = graph.leaf("A", np.diag([1.0, 2, 3])), graph.leaf("b", [4.0, 5, 6])
    f = graph.apply(Matmul(), A, b)
    assert f.forward().tolist() == [4, 10, 18]
    f.backward([1, 10, 100])
    assert A.gradient.tolist() == [[4, 5, 6], [40, 50, 60], [400, 500, 600]]
    assert b.gradient.tolist() == [1, 20, 300]


def test_a_gradient_that_grows_is_not_what_another_is_computed_from():
    """The gate gives dA = T and dD = 2 T, but dA's array already holds T + dB: A and B are one node."""
    graph = ComputationalGraph()
    x, y = leaf(graph, "x", 0), leaf(graph, "y", 1)

    def backward(dC, C, A, B, D):
        T = dC * D
        return T, dC, 2 * T

    graph.apply(Made(lambda A, B, D: A + B + D, backward), x, x, y).forward()
    graph.backward()
    np.testing.assert_array_equal(graph.gradient("x"), y.value + 1)
    np.testing.assert_array_equal(graph.gradient("y"), 2 * y.value)


@pytest.mark.parametrize(
    "function",
    [
        lambda A: (2 * A) ** 2 + np.sum((2 * A) ** 2),
        lambda A: np.sum((2 * A) ** 2) + (2 * A) ** 2,
        lambda A: np.sum((2 * A) ** 2) * (2 * A),
        lambda A: np.sum((A.T) ** 2) + np.sum((A + 1) ** 2, axis=0),
    ],
)
def test_a_sum_of_squares_whose_squares_are_needed_too(function):
    """Alone it is a product of the numbers with themselves; but the squares may have taken their place."""
    A = np.random.default_rng(0).uniform(1, 2, (3, 4))
    assert_forward(function, [A])
    graph = ComputationalGraph()
    gate = Made(lambda A: np.sum((2 * A) ** 2), lambda dE, E, A: (dE * (2 * A) ** 2,))
    E = graph.apply(gate, graph.leaf("A", A))
    np.testing.assert_allclose(E.forward(), 4 * np.sum(A * A), rtol=1e-14)
    E.backward()
    np.testing.assert_allclose(graph.gradient("A"), 4 * A * A, rtol=1e-14)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda A: A.sum(axis=0), lambda A: A.sum(axis=1)),
        (lambda A: A * 2, lambda A: A * 3),
        (lambda A: A + 1, lambda A: A - 1),
        (lambda A: A.reshape(9), lambda A: A.T.reshape(9)),
        (lambda A: np.maximum(A, 1), lambda A: np.minimum(A, 1)),
    ],
)
def test_a_value_is_taken_for_another_gate_s_term_only_if_it_is_the_same(one, other):
    """The backward pass of the second gate computes ``other``, which the first gate's value is not."""
    A = np.random.default_rng(0).uniform(0.5, 2, (3, 3))
    graph = ComputationalGraph()
    a = graph.leaf("a", A)
    first = graph.apply(Made(one, lambda dC, C, A: (np.zeros_like(A),)), a)
    second = graph.apply(Made(np.sum, lambda dC, C, A: (np.broadcast_to(np.sum(dC * other(A) ** 2), (3, 3)),)), a)
    graph.forward(second, first)
    graph.backward()
    np.testing.assert_allclose(graph.gradient("a"), np.full((3, 3), np.sum(other(A) ** 2)), rtol=1e-14)


def test_a_value_that_is_changed_is_changed_for_its_own_users_only():
    """Another gate computes the same term for itself: the gradient check changes values one by one."""
    graph = ComputationalGraph()
    x, y = graph.leaf("x", 3.0), graph.leaf("y", 4.0)
    p = x * y
    used = p + 1
    q = graph.apply(Made(lambda A, B: 2 * (A * B)), x, y)
    f = used - q
    assert f.forward() == 13 - 24
    p.value[...] = 100
    assert graph.latest_plan.forward(p) == 101 - 24
    assert q.value == 24
