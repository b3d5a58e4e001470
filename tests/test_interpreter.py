"""Promises of mlp.interpreter: the two passes as one reads them, and the plan's numbers."""

import numpy as np
import pytest

from mlp.gates import Add, Max, Multiply, Sigmoid
from mlp.gradient_check import all_gates
from mlp.graph import ComputationalGraph
from mlp.interpreter import run_backward, run_forward
from mlp.losses import SoftmaxLoss, SVMLoss
from mlp.network import MLP


def by_name(numbers):
    return {node.name: array.tolist() for node, array in numbers.items()}


def test_sum_times_of_the_lecture_notes():
    graph = ComputationalGraph()
    x, y, z = graph.input("x"), graph.input("y"), graph.input("z")
    f = graph.apply(Multiply(), graph.apply(Add(), x, y, name="q"), z, name="f")
    values = run_forward(f, {x: -2, y: 5, z: -4})  # whole numbers
    assert by_name(values) == {"x": -2, "y": 5, "z": -4, "q": 3, "f": -12}
    assert by_name(run_backward(f, values)) == {"x": -4, "y": -4, "z": 3, "q": -4, "f": 1}
    assert by_name(run_backward(f, values, 2))["x"] == -8


def test_gradients_add_up_where_a_value_fans_out():
    graph = ComputationalGraph()
    x = graph.input("x")
    f = graph.apply(Multiply(), graph.apply(Add(), x, x), graph.apply(Multiply(), x, x))  # 2 x^3
    values = run_forward(f, {x: 3.0})
    assert values[f] == 54
    for _ in range(2):
        assert run_backward(f, values)[x] == 54


def test_only_what_the_output_depends_on_is_run():
    graph = ComputationalGraph()
    x, other = graph.input("x"), graph.input("other")
    square = graph.apply(Multiply(), x, x)
    graph.apply(Add(), square, other)
    assert set(run_forward(square, {x: 3.0})) == {x, square}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_value_has_the_graph_s_precision(precision):
    graph = ComputationalGraph(precision)
    s, y, x = graph.input("s"), graph.input("y"), graph.input("x")
    f = graph.apply(Max(), graph.apply(SVMLoss(), s, y), graph.apply(Sigmoid(), x), x)
    values = run_forward(f, {s: [[1, 2, 3]], y: [2], x: 1})
    for array in (*values.values(), *run_backward(f, values).values()):
        assert array.dtype == precision


def test_a_class_index_gets_no_gradient():
    graph = ComputationalGraph()
    s, y = graph.input("s"), graph.input("y")
    E = graph.apply(SoftmaxLoss(), s, y)
    values = run_forward(E, {s: [0.0, np.log(3)], y: 0})
    assert run_backward(E, values)[s] == pytest.approx([-0.75, 0.75])
    assert run_backward(E, values)[y] == 0


@pytest.mark.parametrize("gate", all_gates(), ids=str)
def test_the_plan_of_every_gate_computes_the_same(gate):
    random = np.random.default_rng(0)
    for shapes in gate.check_shapes:
        graph = ComputationalGraph()
        arrays = [random.uniform(0.5, 2, shape) for shape in shapes]
        arrays = [np.floor(array) if k in gate.indices else array for k, array in enumerate(arrays)]
        leaves = {graph.leaf(f"x{k}", array): array for k, array in enumerate(arrays)}
        assert_same(graph, graph.apply(gate, *leaves), leaves, random)


def assert_same(graph, output, leaves, random):
    values = run_forward(output, leaves)
    graph.forward(output)
    upstream = random.uniform(-1, 1, values[output].shape)
    gradients = run_backward(output, values, upstream)
    graph.backward(upstream)
    compared = 0
    for node, value in values.items():
        np.testing.assert_allclose(graph.value(node.name), value, rtol=1e-12, atol=1e-15)
        if graph.has_gradient(node):
            np.testing.assert_allclose(graph.gradient(node.name), gradients[node], rtol=1e-12, atol=1e-15)
            compared += 1
    assert compared


@pytest.mark.parametrize("loss", ["euclidean", "cross_entropy"])
@pytest.mark.parametrize("hidden", [[], [3], [4, 3]], ids=str)
@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize(
    ("outputs", "options"),
    [
        (1, {}),
        (3, {}),
        (3, {"activation": "tanh"}),
        (4, {"activation": "relu", "class_weights": (1, 2, 3, 0.5)}),
        (1, {"class_weights": (4, 0.25)}),
    ],
    ids=str,
)
def test_the_plan_of_a_network_computes_the_same(hidden, loss, rows, outputs, options):
    random = np.random.default_rng(0)
    net = MLP([6, *hidden, outputs], precision="float64", loss=loss, generator=random, input_gradient=True, **options)
    X, classes = random.random((rows, 6)), random.integers(0, 2, rows)
    Y = classes[:, np.newaxis] if outputs == 1 else np.eye(outputs)[classes]
    L = net.loss(X, Y)
    net.backward()
    given = {"X": X, "Y": net.graph.value("Y"), "n": rows, **net.parameters}
    given |= {"w": np.take(options["class_weights"], classes)} if "class_weights" in options else {}
    output = net.graph.node("L")
    leaves = {node: given[node.name] for node in net.graph.nodes if node.gate is None}
    values = run_forward(output, leaves)
    assert pytest.approx(L, rel=1e-14) == values[output]
    gradients = run_backward(output, values)
    for node in values:
        if net.graph.has_gradient(node):
            np.testing.assert_allclose(net.graph.gradient(node.name), gradients[node], rtol=1e-12, atol=1e-15)
    assert all(np.any(gradient) for gradient in net.gradients.values())
