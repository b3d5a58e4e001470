"""Promises of mlp.graph: gradients add up, passes repeat, size does not matter, unneeded gradients are not computed."""

import copy
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp import graph as graphs
from mlp.gates import Add, Divide, Gate, Matmul, Max, Multiply, Sigmoid
from mlp.gradient_check import check_elements
from mlp.graph import MAX_PLANS, ComputationalGraph
from tests.made_gates import Made, MadeElementwise


def circuit(**leaves):
    """A graph with these leaves, and the leaves."""
    graph = ComputationalGraph()
    return graph, *(graph.leaf(name, value) for name, value in leaves.items())


def test_sum_times():
    """(x + y) z of the lecture notes."""
    graph, x, y, z = circuit(x=-2, y=5, z=-4)
    f = graph.apply(Multiply(), graph.apply(Add(), x, y, name="q"), z, name="f")
    assert graph.forward() == -12
    graph.backward()
    assert {name: float(graph.value(name)) for name in "qf"} == {"q": 3, "f": -12}
    assert {name: float(graph.gradient(name)) for name in "xyzqf"} == {"x": -4, "y": -4, "z": 3, "q": -4, "f": 1}
    assert graph.nodes[-1] is f


def test_max_gate():
    """2 (x y + max(z, w)) of the lecture notes."""
    graph, x, y, z, w, two = circuit(x=3, y=-4, z=2, w=-1, two=2)
    xy = graph.apply(Multiply(), x, y, name="xy")
    graph.apply(Multiply(), graph.apply(Add(), xy, graph.apply(Max(), z, w, name="max")), two)
    assert graph.forward() == -20
    graph.backward()
    gradients = {name: float(graph.gradient(name)) for name in ("x", "y", "z", "w", "xy", "max")}
    assert gradients == {"x": -8, "y": 6, "z": 2, "w": 0, "xy": 2, "max": 2}


def test_staged():
    """(x + s(y)) / (s(x) + (x + y)^2) of the lecture notes, in which x and y fan out."""
    graph, x, y = circuit(x=3, y=-4)
    total = graph.apply(Add(), x, y)
    numerator = graph.apply(Add(), x, graph.apply(Sigmoid(), y))
    denominator = graph.apply(Add(), graph.apply(Sigmoid(), x), graph.apply(Multiply(), total, total))
    graph.apply(Divide(), numerator, denominator)
    assert graph.forward() == pytest.approx(1.5456448841066441, rel=1e-15)
    for _ in range(2):  # a second backward gives the same
        graph.backward()
        assert graph.gradient("x") == pytest.approx(2.0595697955721652, rel=1e-14)
        assert graph.gradient("y") == pytest.approx(1.5922327514838093, rel=1e-14)


def test_forty_doublings():
    graph, y = circuit(y=1)
    node = y
    for _ in range(40):
        node = graph.apply(Add(), node, node)
    assert graph.forward() == 2**40
    graph.backward()
    assert graph.gradient("y") == 2**40


def test_a_chain_of_twenty_thousand_gates():
    graph, node, one = circuit(y=0, one=1)
    for _ in range(20_000):
        node = graph.apply(Add(), node, one)
    assert graph.forward() == 20_000
    graph.backward()
    assert (graph.gradient("y"), graph.gradient("one")) == (1, 20_000)


def test_one_array_broadcast_into_two_inputs_of_one_gate():
    """C = A B + D with A and B the same (3,) and D (2, 3): the gradient is 2 x, twice for the two rows."""
    graph, x, D = circuit(x=[1.0, 2.0, 3.0], D=np.zeros((2, 3)))
    gate = MadeElementwise(lambda A, B, D: A * B + D, lambda dC, C, A, B, D: (dC * B, dC * A, dC))
    graph.apply(gate, x, x, D)
    graph.forward()
    graph.backward()
    assert graph.gradient("x").tolist() == [4, 8, 12]


def test_inputs_without_number_add_up():
    """The n-ary add and max gates of the lecture notes, also with one input more than once."""
    graph, x, y, z = circuit(x=1.0, y=[2.0, 5.0], z=4.0)
    total = graph.apply(Add(), x, y, z, x)
    graph.apply(Multiply(), total, graph.apply(Max(), y, z, x, z))
    assert graph.forward().tolist() == [32, 55]
    graph.backward()
    assert graph.gradient("y").tolist() == [4, 5 + 11]
    assert (graph.gradient("x"), graph.gradient("z")) == (2 * (4 + 5), 4 + 5 + 8)


def test_a_contribution_is_one_path_s_gradient():
    graph, x, y = circuit(x=[1.0, 2.0], y=3.0)
    f = graph.apply(Add(), graph.apply(Multiply(), x, y, name="p"), y)
    graph.forward()
    graph.backward()
    assert graph.gradient("y") == 5
    assert [float(graph.contribution(graph.node("p"), 1)), float(graph.contribution(f, 1))] == [3, 2]
    with pytest.raises(ValueError, match="no gradient flows back through"):
        graph.contribution(x, 0)


def test_a_shape_that_a_gate_refuses_leaves_the_graph_usable():
    graph, x = circuit(x=[1.0, 2.0])
    wrong = graph.apply(Made(lambda A: A.cumsum()), x)
    right = graph.apply(Add(), x, x)
    with pytest.raises(ValueError, match=r"made: .cumsum cannot be recorded"):
        graph.forward(wrong)
    assert graph.forward(right).tolist() == [2, 4]


def test_the_upstream_gradient_weighs_the_outputs():
    graph, A, B = circuit(A=[[1.0, 2], [3, 4]], B=[10.0, 20])
    graph.apply(Multiply(), A, B)
    graph.forward()
    graph.backward([[1, 0], [0, 2]])
    assert graph.gradient("A").tolist() == [[10, 0], [0, 40]]
    assert graph.gradient("B").tolist() == [1, 8]


SHAPES = st.sampled_from([(), (1,), (3,), (2, 3), (2, 1), (1, 3)])


@st.composite
def random_graphs(draw):
    """A graph of scalars and arrays that broadcast, every leaf in use, values and divisors held near 1."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    graph = ComputationalGraph()
    nodes = [graph.leaf(f"x{k}", random.uniform(0.5, 1.5, draw(SHAPES))) for k in range(draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(1, 12))):
        gate = draw(st.sampled_from([Add, Multiply, Divide, Max, Sigmoid]))
        inputs = [draw(st.sampled_from(nodes)) for _ in gate.check_shapes[0]]
        nodes.append(graph.apply(Sigmoid(), graph.apply(gate(), *inputs)))
    output = nodes[0]
    for node in nodes[1:]:
        output = graph.apply(Add(), output, node)
    return graph


@given(graph=random_graphs())
def test_gradients_of_random_graphs_are_the_numeric_ones(graph):
    graph.forward()
    leaves = [node.name for node in graph.nodes if node.gate is None]
    for check in check_elements(graph, leaves):
        assert check.error < 1e-6, check


def test_gradients_that_are_not_needed_are_not_computed():
    """The backward pass of a matrix product has two products; only the one for the input that needs it is run."""
    graph = ComputationalGraph()
    graph.apply(Matmul(), graph.input("X"), graph.leaf("W", np.ones((3, 2))))
    graph.forward(X=np.ones((4, 3)))
    graph.backward()
    ((product, (*_, written)),) = [(call.func, call.args) for call in graph.latest_plan.backward_calls]
    assert product is np.dot
    assert written.shape == (3, 2)
    assert np.shares_memory(written, graph.gradient("W"))
    with pytest.raises(ValueError, match="X has no gradient: it does not need one"):
        graph.gradient("X")


def test_inputs_of_changing_shape_give_each_their_own_result():
    graph = ComputationalGraph()
    graph.apply(Matmul(), graph.input("X", needs_gradient=True), graph.leaf("w", [1.0, 2.0]))
    for n in (3, 1, 3, *range(1, 20)):  # more shapes than a graph keeps memory for
        X = np.arange(2.0 * n).reshape(n, 2)
        np.testing.assert_array_equal(graph.forward(X=X), X @ [1, 2])
        graph.backward()
        np.testing.assert_array_equal(graph.gradient("w"), X.sum(axis=0))
        np.testing.assert_array_equal(graph.gradient("X"), np.tile([1, 2], (n, 1)))


def test_a_leafs_array_is_not_copied_and_its_gradient_is_written_into_the_given_array():
    w, dw = np.array([1.0, 2.0]), np.zeros(2)
    graph = ComputationalGraph()
    graph.apply(Multiply(), graph.leaf("w", w, gradient=dw), graph.leaf("x", [3.0, 4.0]))
    graph.forward()
    w[:] = [5, 6]
    assert graph.latest_plan.forward().tolist() == [15, 24]
    assert graph.latest_plan.forward(graph.node("w")).tolist() == [15, 24]
    graph.backward()
    assert dw.tolist() == [3, 4]


def test_an_output_in_the_middle_needs_only_what_leads_to_it():
    graph, x, y = circuit(x=2, y=3)
    square = graph.apply(Multiply(), x, x)
    graph.apply(Multiply(), square, graph.input("never given"))
    assert graph.forward(square) == 4
    graph.backward()
    assert graph.gradient("x") == 4
    assert y.gate is None


def test_inputs_that_need_no_gradient_are_left_alone():
    graph = ComputationalGraph()
    X = graph.input("X")
    squares = graph.apply(Multiply(), X, X)  # which needs no gradient, as X needs none
    graph.apply(Multiply(), squares, graph.leaf("w", 3.0))
    assert graph.forward(X=2.0) == 12
    graph.backward()
    assert graph.gradient("w") == 4
    graph.forward(squares, X=2.0)
    graph.backward()  # no gradient is needed at all


def test_nodes_without_a_name_are_numbered_from_one():
    graph, x = circuit(x=2)
    graph.leaf("z2", 1)
    assert [graph.apply(Add(), x, x).name for _ in range(3)] == ["z1", "z3", "z4"]


def test_memory_is_kept_for_a_few_shapes_only():
    graph = ComputationalGraph()
    graph.apply(Sigmoid(), graph.input("X"))
    for n in range(1, 50):
        graph.forward(X=np.zeros(n))
    assert len(graph._plans) == MAX_PLANS


def test_memory_is_kept_for_large_shapes_one_at_a_time(monkeypatch):
    monkeypatch.setattr(graphs, "MAX_PLAN_BYTES", 100_000)
    graph = ComputationalGraph()
    w = graph.leaf("w", np.ones(1000))  # not the graph's memory
    graph.apply(Multiply(), graph.input("X"), w)
    for n, kept in ((1, 1), (2, 2), (20, 1), (30, 1), (1, 1), (2, 2)):
        graph.forward(X=np.zeros((n, 1000)))
        graph.backward()
        assert len(graph._plans) == kept
        np.testing.assert_array_equal(graph.gradient("w"), np.zeros(1000))


def test_a_plan_run_by_itself_leaves_the_latest_pass_as_it_was():
    graph, x = circuit(x=2.0)
    square = graph.apply(Multiply(), x, x, name="square")
    X = graph.input("X")
    other = graph.apply(Multiply(), square, X, name="other")
    graph.forward(other, square, X=1.0)
    plan = graph.plan(other, X=())
    plan.values[X][...] = 5
    assert plan.forward() == 20
    assert (graph.value("X"), graph.value("other")) == (1, 4)
    graph.backward()
    assert graph.gradient("x") == 4
    assert graph.forward(plan) == 20
    assert (graph.value("X"), graph.value("other")) == (5, 20)


def test_a_leaf_can_be_the_output():
    graph, _ = circuit(x=2)
    assert graph.forward() == 2
    graph.backward()
    assert graph.gradient("x") == 1


def test_misuse_is_refused():
    graph, x = circuit(x=1)
    other, y = circuit(y=1)
    f = graph.apply(Multiply(), x, graph.input("X"), name="f")
    for action, message in (
        (lambda: graph.leaf("x", 2), "already has a node x"),
        (lambda: graph.apply(Add(), x, y), "a node of another graph"),
        (lambda: graph.backward(), "no forward pass yet"),
        (lambda: graph.forward(), "f needs a value for the input X"),
        (lambda: graph.forward(Y=1), "no node Y"),
        (lambda: graph.forward(X=1, x=1), "x is not an input of f"),
        (lambda: graph.forward(x, X=1), "X is not an input of x"),
        (
            lambda: graph.leaf("w", [1.0], gradient=np.zeros(2)),
            r"array for w is float64 \(2,\), it must be float64 \(1,\)",
        ),
        (
            lambda: graph.leaf("w", [1.0], gradient=np.zeros(1, "float32")),
            r"is float32 \(1,\), it must be float64 \(1,\)",
        ),
        (lambda: ComputationalGraph().forward(), "the graph is empty"),
        (lambda: ComputationalGraph("float16"), "must be float32 or float64"),
    ):
        with pytest.raises(ValueError, match=message):
            action()
    assert graph.forward(f, X=3) == 3
    for action, message in (
        (lambda: graph.gradient("x"), "no backward pass yet"),
        (lambda: graph.apply(Add(), x), "add takes 2 to 100 inputs, not 1"),
        (lambda: graph.apply(Multiply(), x), "multiply takes 2 inputs, not 1"),
        (lambda: graph.apply(Multiply(), x, x, x), "multiply takes 2 inputs, not 3"),
        (lambda: graph.forward(x) and graph.value("f"), "did not need f"),
    ):
        with pytest.raises(ValueError, match=message):
            action()
    assert isinstance(f.gate, Gate)
    assert other.nodes == [y]


def test_nodes_beside_the_output_are_computed_and_get_no_gradient():
    graph = ComputationalGraph()
    x = graph.leaf("x", 3)
    q = graph.apply(Multiply(), x, x, name="q")
    f = graph.apply(Add(), x, x, name="f")
    assert graph.forward(f, q) == 6
    graph.backward()
    assert (graph.value("q"), graph.gradient("x")) == (9, 2)
    assert graph.has_gradient(x)
    assert not graph.has_gradient(q)


def test_after_a_failed_pass_there_is_no_backward_pass():
    graph = ComputationalGraph()
    graph.apply(Multiply(), graph.input("x"), graph.leaf("y", [1.0, 2.0]), name="f")
    graph.forward(x=3)
    with pytest.raises(ValueError, match="do not broadcast"):
        graph.forward(x=[1, 2, 3])
    with pytest.raises(ValueError, match="there was no forward pass"):
        graph.backward()


def test_a_gates_value_can_be_changed_and_the_gates_after_it_run():
    graph = ComputationalGraph()
    x = graph.leaf("x", 3)
    q = graph.apply(Multiply(), x, x, name="q")
    graph.apply(Add(), q, x, name="f")
    graph.forward()
    plan = graph.latest_plan
    graph.value("q")[...] = 10
    assert plan.forward(q) == 13
    graph.value("f")[...] = 7
    assert plan.forward(graph.node("f")) == 7  # nothing follows the output
    assert plan.forward() == 12


COPIES = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "deepcopy": copy.deepcopy, "copy": copy.copy}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_computes_the_same_and_is_independent(how):
    """Arrays in the plans' memory are views of each other, which plain copies would not be."""
    graph, x, w = circuit(x=[[1.0, 2.0], [3.0, 4.0]], w=[5.0, 6.0])
    graph.apply(Multiply(), graph.apply(Matmul(), x, w), graph.apply(Matmul(), x, w), name="f")
    value = graph.forward().copy()
    graph.backward()
    other = COPIES[how](graph)
    with pytest.raises(ValueError, match="no forward pass yet"):
        other.value("f")
    np.testing.assert_array_equal(other.forward(), value)
    other.backward()
    np.testing.assert_array_equal(other.gradient("w"), graph.gradient("w"))
    assert other.apply(Add(), other.nodes[-1], other.nodes[-1]).name == "z3"
    assert len(graph.nodes) == len(other.nodes) - 1
    other.value("x")[...] = 0
    assert np.all(other.latest_plan.forward() == 0)
    np.testing.assert_array_equal(graph.latest_plan.forward(), value)


@pytest.mark.parametrize("how", COPIES)
def test_a_long_chain_is_copied(how):
    """Longer than Python's recursion limit."""
    graph, node = circuit(x=1.0)
    for _ in range(sys.getrecursionlimit() + 500):
        node = graph.apply(Add(), node, node) if len(graph.nodes) < 5 else graph.apply(Sigmoid(), node)
    assert COPIES[how](graph).forward() == graph.forward()
