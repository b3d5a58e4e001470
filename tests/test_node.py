"""Promises of mlp.node: expressions of nodes are nodes, and nodes run their graph."""

import copy
import math
import operator
import pickle

import numpy as np
import pytest

from mlp.gates import Add, Multiply, Power
from mlp.graph import ComputationalGraph
from mlp.losses import SVMLoss
from mlp.node import ancestors, backward_order


def leaves(**values):
    graph = ComputationalGraph()
    return [graph.leaf(name, value) for name, value in values.items()]


def test_sum_times_of_the_lecture_notes():
    x, y, z = leaves(x=-2, y=5, z=-4)
    q = x + y
    f = q * z
    assert f.forward() == -12
    f.backward()
    assert (q.value, f.value) == (3, -12)
    assert [float(node.gradient) for node in (x, y, z, q, f)] == [-4, -4, 3, -4, 1]


BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]
ARRAYS = [
    2,
    2.5,
    np.float32(0.5),
    np.int64(3),
    True,
    [1.0, 2, 4],
    np.array([1.0, 2, 4]),
    np.array(2.0),
    np.full((2, 1), 3.0),
]


@pytest.mark.parametrize("other", ARRAYS, ids=repr)
@pytest.mark.parametrize("function", BINARY)
def test_numbers_and_arrays_stand_on_either_side(function, other):
    A = np.array([0.5, 3, 7])
    (x,) = leaves(x=A)
    for value, right in (
        (function(x, other), function(A, np.asarray(other, float))),
        (function(other, x), function(np.asarray(other, float), A)),
    ):
        np.testing.assert_array_equal(value.forward(), right)
        value.backward()
        assert x.gradient.shape == A.shape


def test_gradients_of_operators():
    x, y = leaves(x=3.0, y=4.0)
    for expression, right in (
        (x + y, (1, 1)),
        (x - y, (1, -1)),
        (x * y, (4, 3)),
        (x / y, (0.25, -3 / 16)),
        (2 - x * y, (-4, -3)),
        (2 / x + 0 * y, (-2 / 9, 0)),
        (x**2 + -y, (6, -1)),
        (x**-1 * y**0.5, (-2 / 9, 1 / 12)),
        (x * x + x * y, (10, 3)),
    ):
        expression.forward()
        expression.backward()
        assert (float(x.gradient), float(y.gradient)) == pytest.approx(right, rel=1e-15)


def test_matrix_products_on_either_side():
    W = np.arange(6.0).reshape(2, 3)
    (x,) = leaves(x=[1.0, 2, 3])
    left = W @ x
    assert left.forward().tolist() == [8, 26]
    left.backward([1, 10])
    assert x.gradient.tolist() == [30, 41, 52]
    right = x @ W.T
    assert right.forward().tolist() == [8, 26]
    squares = x @ x
    assert squares.forward() == 14
    squares.backward()
    assert x.gradient.tolist() == [2, 4, 6]
    assert (W.tolist() @ x).forward().tolist() == [8, 26]


def test_constants_are_shared_and_have_no_gradient():
    (x,) = leaves(x=[1.0, 2.0])
    first, second = 2 * x, x / 2.0
    assert first.inputs[0] is second.inputs[1]
    assert (x * [1, 2]).inputs[1] is (x - np.array([1.0, 2.0])).inputs[1]
    two = first.inputs[0]
    assert (two.name, two.constant, two.needs_gradient) == ("2.0", True, False)
    first.forward()
    first.backward()
    with pytest.raises(ValueError, match=r"2\.0 has no gradient"):
        print(two.gradient)


def test_a_constant_keeps_its_numbers():
    """Its array is a copy: otherwise all constants of these numbers would change with it."""
    (x,) = leaves(x=[1.0, 1.0])
    w = np.array([1.0, 2.0])
    first = x * w
    w[0] = 9
    assert first.forward().tolist() == [1, 2]
    assert (x * np.array([1.0, 2.0])).forward().tolist() == [1, 2]


def test_empty_arrays_of_other_shapes_are_other_constants():
    graph = ComputationalGraph()
    x = graph.leaf("x", 2.0)
    shapes = [(0,), (0, 2), (0, 3)]
    assert [(x * np.zeros(shape)).forward().shape for shape in shapes] == shapes


def test_long_arrays_are_constants_of_their_own():
    (x,) = leaves(x=1.0)
    sums = [x + np.zeros(100), x + np.ones(100), x + np.zeros((50, 2))]
    names = [node.inputs[1].name for node in sums]
    assert len(set(names)) == 3
    assert names[0].startswith("array (100,)")
    assert [node.forward().sum() for node in sums] == [100, 200, 100]


@pytest.mark.parametrize(
    "wrong", [None, "2", 1j, [None], object(), {}], ids=["None", "text", "complex", "list", "object", "mapping"]
)
def test_what_is_no_number_is_refused(wrong):
    (x,) = leaves(x=1.0)
    for function in BINARY:
        for arguments in ((x, wrong), (wrong, x)):
            with pytest.raises(TypeError, match="is neither a node nor real numbers"):
                function(*arguments)
    assert len(x.graph.nodes) == 1


def test_an_array_of_nodes_is_refused():
    x, y = leaves(x=1.0, y=2.0)
    with pytest.raises(TypeError, match="is neither a node nor real numbers"):
        x + np.array([x, y])


def test_an_exponent_is_a_number():
    x, y = leaves(x=3.0, y=2.0)
    assert (x ** np.float32(2)).forward() == 9
    assert isinstance((x**2).gate, Power)
    for wrong in (y, "2", np.array([1.0, 2.0]), None):
        with pytest.raises(TypeError, match=r"the exponent of \*\* must be a number, not "):
            x**wrong
    with pytest.raises(TypeError, match=r"the exponent of .* must be a number, not <x"):
        2**x


def test_nodes_of_two_graphs_do_not_mix():
    (x,), (y,) = leaves(x=1.0), leaves(y=2.0)
    for function in (*BINARY, operator.matmul):
        with pytest.raises(ValueError, match="<y> is a node of another graph"):
            function(x, y)


@pytest.mark.parametrize(
    ("function", "value", "gradient"),
    [
        (np.exp, math.exp(0.5), math.exp(0.5)),
        (np.log, math.log(0.5), 2),
        (np.sqrt, math.sqrt(0.5), 0.5 / math.sqrt(0.5)),
        (np.sin, math.sin(0.5), math.cos(0.5)),
        (np.cos, math.cos(0.5), -math.sin(0.5)),
        (np.tanh, math.tanh(0.5), 1 - math.tanh(0.5) ** 2),
        (abs, 0.5, 1),
        (lambda x: np.maximum(x, 0.25), 0.5, 1),
        (lambda x: np.power(x, 3), 0.125, 0.75),
    ],
)
def test_functions_of_numpy_are_gates(function, value, gradient):
    (x,) = leaves(x=0.5)
    f = function(x)
    assert f.forward() == pytest.approx(value, rel=1e-15)
    f.backward()
    assert x.gradient == pytest.approx(gradient, rel=1e-15)


@pytest.mark.parametrize("function", [np.floor, np.add.reduce, np.sum, lambda x: x < 2, lambda x: np.add(x, 1, out=x)])
def test_a_function_without_a_gate_is_named(function):
    (x,) = leaves(x=0.5)
    with pytest.raises(TypeError, match=r"no gate computes np\.\w+ of nodes like this: write node.apply"):
        function(x)


def test_a_gate_is_applied_to_numbers_too_but_its_class_is_none():
    (x,) = leaves(x=0.5)
    assert x.graph.apply(Add(), 2, x).forward() == x.apply(Add(), x, 2).forward() == 2.5
    with pytest.raises(TypeError, match=r"apply takes a gate, such as Add\(\), not <class"):
        x.apply(Add, x, 2)


def test_a_leaf_has_its_value_before_any_pass_and_after_a_failed_one():
    (s,) = leaves(s=[1.0, 2.0])
    y = s.graph.leaf("y", 5)
    assert (s.value.tolist(), y.value) == ([1, 2], 5)
    loss = s.apply(SVMLoss(), s, y)
    with pytest.raises(ValueError, match="5 is not the index of a class"):
        loss.forward()
    y.value = 1
    assert loss.forward() == 0


def test_a_leaf_learns_by_its_own_gradient():
    """w^2 falls: w = 3, 2.4, 1.92 by steps of 0.1 times 2 w."""
    (w,) = leaves(w=3.0)
    f = w**2
    found = []
    for _ in range(3):
        f.forward()
        f.backward()
        found.append((float(w.value), float(w.gradient)))
        w.value -= 0.1 * w.gradient
    np.testing.assert_allclose(found, [(3, 6), (2.4, 4.8), (1.92, 3.84)], rtol=1e-15)


def test_backward_belongs_to_the_latest_forward_pass():
    x, y = leaves(x=3.0, y=2.0)
    f, g = x * y, x + y
    with pytest.raises(ValueError, match="there was no forward pass yet"):
        f.backward()
    f.forward()
    g.forward()
    with pytest.raises(ValueError, match=r"latest forward pass was that of z2: run forward\(\) of z1 before its back"):
        f.backward()
    with pytest.raises(ValueError, match="no backward pass yet"):
        print(x.gradient)
    g.backward()
    assert x.gradient == 1
    f.forward()
    f.backward()
    assert x.gradient == 2
    f.backward(10)
    assert x.gradient == 20


def test_inputs_are_given_to_forward():
    graph = ComputationalGraph()
    X, w = graph.input("X", needs_gradient=True), graph.leaf("w", [1.0, 2.0])
    f = X @ w + 1
    assert f.forward(X=[3, 4]) == 12
    f.backward()
    assert X.gradient.tolist() == [1, 2]
    assert f.forward(X=np.ones((2, 2))).tolist() == [4, 4]
    with pytest.raises(ValueError, match="z2 needs a value for the input X"):
        f.forward()
    with pytest.raises(ValueError, match="w is not an input of z2"):
        f.forward(X=[3, 4], w=1)


def test_a_node_is_shown_with_what_is_known_of_it():
    x, W = leaves(x=3.0, W=np.ones((2, 2)))
    f = x * W
    assert (repr(x), repr(f)) == ("<x>", "<z1 = multiply(x, W)>")
    f.forward()
    assert (repr(x), repr(f)) == ("<x: 3>", "<z1 = multiply(x, W): array (2, 2)>")
    f.backward()
    assert repr(x) == "<x: 3, gradient 4>"
    assert repr(f) == "<z1 = multiply(x, W): array (2, 2), gradient array (2, 2)>"
    assert repr(x / 3) == "<z2 = divide(x, 3.0)>"
    assert repr([x**2]) == "[<z3 = power 2(x)>]"


COPIES = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("how", COPIES)
def test_nodes_are_copied_with_their_graph(how):
    x, y = leaves(x=3.0, y=2.0)
    f = x * y + 1
    f.forward()
    graph, x2, f2 = COPIES[how]((x.graph, x, f))
    assert (f2.graph, x2.graph) == (graph, graph)
    assert graph.nodes[f2.index] is f2
    assert (f2 + x2).forward() == 10
    f2.forward()
    f2.backward()
    assert x2.gradient == 2
    assert len(x.graph.nodes) == 5
    with pytest.raises(ValueError, match="a node of another graph"):
        f2 + x


@pytest.mark.parametrize("how", COPIES)
def test_nodes_of_a_long_chain_are_copied_with_their_graph(how):
    """Longer than Python's recursion limit."""
    (x,) = leaves(x=0.0)
    node = x
    for _ in range(5000):
        node = node + 1
    _, last = COPIES[how]((x.graph, node))
    assert last.forward() == 5000


def test_the_sum_of_a_list():
    x, y = leaves(x=3.0, y=2.0)
    assert sum([x, y, x]).forward() == 8


def test_ancestors_stand_before_what_needs_them():
    x, y = leaves(x=3.0, y=2.0)
    p = x * y
    unused = p + 1
    f = p + x
    assert ancestors(f) == [x, y, p, f]
    assert unused not in ancestors(f, p)


def test_the_order_of_the_backward_pass():
    graph = ComputationalGraph()
    s, y, c = graph.leaf("s", [1.0, 2.0]), graph.leaf("y", 0), graph.leaf("c", 2.0, needs_gradient=False)
    t = graph.apply(Add(), s, s)
    E = graph.apply(Multiply(), graph.apply(SVMLoss(), t, y, name="E"), c)
    order = [
        (node.name, [edge and (edge.source.name, edge.first) for edge in edges])
        for node, _, edges in backward_order(ancestors(E), E)
    ]
    assert order == [("z2", [("E", True), None]), ("E", [("z1", True), None]), ("z1", [("s", True), ("s", False)])]
