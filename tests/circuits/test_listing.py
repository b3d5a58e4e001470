"""Promises of mlp.circuits.listing: code as in the lecture notes, a program that computes the graph's numbers."""

import re
import subprocess
import sys

import numpy as np
import pytest

from mlp.circuits.expression import FUNCTIONS, parse
from mlp.circuits.listing import staged
from mlp.circuits.source_text import parse_values
from mlp.gates import Add, Multiply, Negate, Sum
from mlp.graph import ComputationalGraph
from mlp.network import MLP
from tests.made_gates import Made, Softplus


def listing(text, *values):
    circuit = parse(text, parse_values(values))
    circuit.run()
    return staged(circuit.graph, circuit.output)


def code_lines(text):
    """The lines without comments, blank ones left out."""
    return [line.partition("#")[0].rstrip() for line in text.splitlines() if line.partition("#")[0].strip()]


def test_sum_times_is_the_code_of_the_notes():
    assert code_lines(listing("q = x + y; f = q * z", "x=-2", "y=5", "z=-4")) == [
        "import numpy as np",
        "x = -2.0",
        "y = 5.0",
        "z = -4.0",
        "q = x + y",
        "f = q * z",
        "df = 1.0",
        "dq = df * z",
        "dz = df * q",
        "dx = dq",
        "dy = dq",
    ]


def test_each_backward_line_names_its_forward_line_in_reverse_order():
    text = listing("q = x + y; f = q * z", "x=-2", "y=5", "z=-4")
    assert re.findall(r"^([a-z]+) = .* # \((\d)\)$", text, re.MULTILINE) == [("q", "1"), ("f", "2")]
    undone = re.findall(r"^d([a-z]) \+?= .* # back through \((\d)\) (.*)$", text, re.MULTILINE)
    assert undone == [
        ("q", "2", "f = q * z"),
        ("z", "2", "f = q * z"),
        ("x", "1", "q = x + y"),
        ("y", "1", "q = x + y"),
    ]


def test_a_value_that_fans_out_is_added_up_and_a_comment_says_so():
    lines = listing("a = x * x; b = exp(x); f = a + b", "x=3").splitlines()
    assert [line.split("  ")[0] for line in lines if line.startswith("dx")] == [
        "dx = db * b",
        "dx += da * x",
        "dx += da * x",
    ]
    added = [line for line in lines if "+=" in line.partition("#")[0]]
    assert all(line.endswith("; += because x is used in (1) and (2)") for line in added)
    assert "+= because x is used in (1) twice" in listing("x * x", "x=3")


@pytest.mark.parametrize(
    ("text", "upstream", "what"),
    [("2 * x", 1, "f"), ("2 * x", 3, "df * f"), ("[1, 2] * x", 1, "sum(f)"), ("[1, 2] * x", [1, 3], "sum(df * f)")],
)
def test_it_names_the_differentiated_scalar(text, upstream, what):
    circuit = parse(text, {"x": 1})
    circuit.run(upstream)
    heading = f"# backward: dNAME is the derivative of {what} with respect to NAME"
    assert heading in staged(circuit.graph, circuit.output).splitlines()


def test_it_runs_as_a_program(tmp_path):
    text = listing("f = sum(sigmoid(W @ x) ** 2)", "W=[[0.1, 0.5], [-0.3, 0.8]]", "x=[0.2, 0.4]")
    (tmp_path / "listing.py").write_text(text + "\nprint(dW.shape, dx.shape)\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-I", tmp_path / "listing.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "(2, 2) (2,)\n"


@pytest.mark.parametrize(
    "gate",
    [
        Sum(),
        Made(lambda A: A * 1, lambda dC, C, A: (np.broadcast_to(dC, A.shape),)),
        Made(lambda A: A.reshape(1), lambda dC, C, A: ((dC * 1).reshape(A.shape),)),
        Made(lambda A: np.maximum(A, -1), lambda dC, C, A: (np.where(A > -1, dC, 0),)),
    ],
    ids=["sum", "broadcast", "reshaped", "where"],
)
def test_a_scalar_gradient_is_not_changed_through_another_name(gate):
    """+= changes an array of shape () in place, and with it all gradients that are the same array."""
    graph = ComputationalGraph()
    y = graph.leaf("y", 3.0)
    a = graph.apply(Negate(), y, name="a")
    f = graph.apply(gate, graph.apply(Add(), a, y, name="b"), name="f")
    f.forward()
    f.backward()
    scope = {}
    exec(staged(graph, f), scope)
    assert (scope["dy"], scope["da"], scope["db"]) == (0, 1, 1)


def test_gradients_of_one_array_along_two_paths_do_not_share_memory():
    """Both are dz itself: += on one must not change the other."""
    scope = {}
    exec(listing("z = u + v; f = sum(z * u)", "u=[1, 2]", "v=[3, 4]"), scope)
    np.testing.assert_array_equal(scope["du"], [5, 8])
    np.testing.assert_array_equal(scope["dv"], [1, 2])
    np.testing.assert_array_equal(scope["dz"], [1, 2])


@pytest.mark.parametrize(
    ("gradient", "line"),
    [
        (lambda dC, A, B: dC, "dx = dh.copy()"),
        (lambda dC, A, B: dC.T, "dx = dh.T.copy()"),
        (lambda dC, A, B: B, "dx = y.copy()"),
        (lambda dC, A, B: np.reshape(dC.T, (2, 2)), "dx = dh.T.copy()"),
        (lambda dC, A, B: np.broadcast_to(np.sum(dC, axis=0), (2, 2)),
         "dx = np.broadcast_to(np.sum(dh, axis=0), (2, 2)).copy()"),
        (lambda dC, A, B: np.broadcast_to(np.sum(dC), (2, 2)), "dx = np.full((2, 2), np.sum(dh))"),
        (lambda dC, A, B: dC + B, "dx = dh + y"),
    ],
)  # fmt: skip
def test_a_gradient_that_something_is_added_to_is_an_array_of_its_own(gradient, line):
    graph = ComputationalGraph()
    x, y = graph.leaf("x", [[1, 2], [3, 4]]), graph.leaf("y", [[5, 6], [7, 8]])
    squares = graph.apply(Negate(), x, name="s")
    handed = Made(lambda A, B: A @ B, lambda dC, C, A, B: (gradient(dC, A, B), B * 0))
    h = graph.apply(handed, x, y, name="h")
    f = graph.apply(Multiply(), squares + h, y, name="f")
    f.forward()
    f.backward([[1, 2], [3, 4]])
    text = staged(graph, f)
    assert line in code_lines(text)
    scope = {}
    exec(text, scope)
    for name in ("x", "h", "s", "f"):
        np.testing.assert_array_equal(scope[f"d{name}"], graph.gradient(name))
    np.testing.assert_array_equal(scope["y"], y.value)


def test_a_gate_of_ones_own_is_listed():
    graph = ComputationalGraph()
    f = graph.apply(Softplus(), graph.leaf("x", 2.0), name="f")
    f.forward()
    f.backward()
    lines = code_lines(staged(graph, f))
    assert lines[2:] == ["f = np.log1p(np.exp(x))", "df = 1.0", "dx = df / (1 + np.exp(-x))"]


@pytest.mark.parametrize(
    ("text", "values", "line"),
    [
        ("X + b", ("X=[[1, 2], [3, 4]]", "b=[5, 6]"), "db = np.sum(df, axis=0)"),
        ("X * c", ("X=[[1, 2], [3, 4]]", "c=[[5], [6]]"), "dc = np.sum(df * X, axis=1, keepdims=True)"),
        ("X - s", ("X=[[1, 2], [3, 4]]", "s=1"), "ds = np.sum(-df)"),
        ("u + v", ("u=[1, 2]", "v=[3, 4]"), "du = df"),  # nothing is added to it: no copy
        ("T + X", ("T=[[[1, 2]], [[3, 4]]]", "X=[[1, 2]]"), "dX = np.sum(df, axis=0)"),
        ("T + X", ("T=[[[1, 2], [3, 4]]]", "X=[[1, 2]]"), "dX = np.sum(df, axis=(0, 1)).reshape(1, 2)"),
        ("x ** -2", ("x=3",), "dx = df * -2 * x ** -3"),
        ("x - (-2)", ("x=3",), "f = x - (-2)"),
        ("max(2, 3)", (), "f = np.maximum(2.0, 3.0)"),  # floats, or NumPy would compute with integers
        ("max(2, 3) ** -1", (), "f = t1 ** -1"),
        ("max(x, 2, y)", ("x=1", "y=3"), "f = np.maximum(np.maximum(x, 2), y)"),
        ("max(x, 2, 3)", ("x=1",), "f = np.maximum(np.maximum(x, 2.0), 3.0)"),
        ("max(x, y, z)", ("x=1", "y=2", "z=3"), "dy = df * ((x < y) & (y >= z))"),
        ("add(x, y, -2)", ("x=1", "y=2"), "f = x + y + (-2)"),
        ("sqrt(x)", ("x=4",), "dx = df / (2 * f)"),
        ("sin(x)", ("x=4",), "dx = np.cos(x) * df"),
        ("cos(x)", ("x=4",), "dx = -np.sin(x) * df"),
        ("abs(x)", ("x=-4",), "dx = df * np.sign(x)"),
        ("tanh(x)", ("x=4",), "dx = (1 - f ** 2) * df"),
        ("relu(x)", ("x=4",), "dx = df * (x > 0)"),
        ("softmax(s)", ("s=[1, 2, 3]",), "f = np.exp(s) / np.sum(np.exp(s))"),
        ("softmax(s)", ("s=[1, 2, 3]",), "ds = f * (df - np.sum(df * f))"),
        ("softmax(s)", ("s=[1000, 2]",), "f = np.exp(s - np.max(s)) / np.sum(np.exp(s - np.max(s)))"),
        ("softmax(s)", ("s=[[1, 2]]",), "f = np.exp(s) / np.sum(np.exp(s), axis=1, keepdims=True)"),
        ("softmax_loss(s, 0)", ("s=[1, 2, 3]",), "f = np.log(np.sum(np.exp(s))) - s[0]"),
        ("softmax_loss(s, 0, w)", ("s=[1, 2, 3]", "w=2"), "f = w * (np.log(np.sum(np.exp(s))) - s[0])"),
        ("softmax_loss(s, 0, w)", ("s=[1, 2, 3]", "w=2"), "dw = (np.log(np.sum(np.exp(s))) - s[0]) * df"),
        ("softmax_loss(s, 0)", ("s=[1, 2, 3]",), "ds = (np.exp(s) / np.sum(np.exp(s)) - (np.arange(3) == 0)) * df"),
        (f"max(x, {10**30})", ("x=3",), "f = np.maximum(x, 1e+30)"),
    ],
)
def test_lines(text, values, line):
    lines = code_lines(listing(text, *values))
    assert line in lines
    exec("\n".join(lines), {})


def test_a_class_index_is_a_whole_number_and_the_losses_are_the_lines_of_the_notes():
    text = listing("L = svm_loss(s, y)", "s=[3.2, 5.1, -1.7]", "y=0")
    assert "y = 0" in code_lines(text)
    assert "L = np.sum(np.maximum(s - s[y] + 1, 0) * (1 - (np.arange(3) == y)))" in code_lines(text)
    text = listing("softmax_loss(s, [0, 2])", "s=[[3.2, 5.1, -1.7], [1, 2, 3]]")
    assert (
        "f = np.sum(np.log(np.sum(np.exp(s), axis=1, keepdims=True)) - s[np.arange(2), np.array([0, 2])][:, None])"
        in code_lines(text)
    )


@pytest.mark.parametrize("loss", ["softmax_loss", "svm_loss"])
def test_weighted_losses_run_as_they_are_listed(loss):
    values = {"s": [[3.2, 5.1, -1.7], [1, 2, 2.5]], "y": [0, 2], "w": [2, 0.5]}
    circuit = parse(f"L = {loss}(s, y, w)", values)
    circuit.run()
    scope = {}
    exec(staged(circuit.graph, circuit.output), scope)
    gate, examples = FUNCTIONS[loss], zip(*(np.array(values[name]) for name in "sy"), strict=True)
    single = [gate.forward(*example) for example in examples]
    np.testing.assert_allclose(scope["L"], np.dot(values["w"], single), rtol=1e-12)
    np.testing.assert_allclose(scope["dw"], single, rtol=1e-12)
    np.testing.assert_allclose(scope["ds"], circuit.graph.gradient("s"), rtol=1e-12)
    assert np.shape(scope["dw"]) == (2,)


@pytest.mark.parametrize("loss", ["softmax_loss", "svm_loss"])
@pytest.mark.parametrize("scores", [[50, 0, 1], [1, 1e-16, 0], [-700, 700, 0], [[50, 0, 1], [0, 0.5, 40]]])
def test_the_losses_keep_their_digits_if_the_right_score_is_by_far_the_largest(loss, scores):
    circuit = parse(f"{loss}(s, y)", {"s": scores, "y": 0 if np.ndim(scores) == 1 else [0, 2]})
    circuit.run()
    scope = {}
    exec(staged(circuit.graph, circuit.output), scope)
    np.testing.assert_allclose(scope["f"], circuit.graph.value("f"), rtol=1e-12)
    np.testing.assert_allclose(scope["ds"], circuit.graph.gradient("s"), rtol=1e-12)


def test_a_sigmoid_of_a_huge_number_equals_the_gates_and_does_not_overflow():
    for text in ("log(sigmoid(x))", "sigmoid(x)"):
        circuit = parse(text, {"x": [-1e4, 2.0]})
        circuit.run()
        scope = {}
        exec(staged(circuit.graph, circuit.output), scope)
        np.testing.assert_array_equal(scope["f"], circuit.graph.value("f"))
        np.testing.assert_allclose(scope["dx"], circuit.graph.gradient("x"), rtol=1e-14)


def test_a_node_without_a_gradient_is_not_counted_as_a_use():
    lines = listing("q = x + 1; r = x * 2; s = x * 3; f = q + s", "x=1").splitlines()
    assert [line for line in lines if line.endswith("+= because x is used in (1) and (3)")]
    assert "dr = 0.0" in code_lines("\n".join(lines))


def test_numbers_in_operators_of_nodes_are_listed():
    graph = ComputationalGraph()
    x = graph.leaf("x", 2.0)
    power = graph.apply(Made(lambda A, B: A**B, lambda dC, C, A, B: (dC * B * C / A, 0 * dC)), graph.as_node(-3), x)
    f = 1 - power * -2
    f.forward()
    f.backward()
    text = staged(graph, f)
    assert code_lines(text)[2:5] == ["z1 = (-3.0) ** x", "z2 = z1 * (-2.0)", "z3 = 1.0 - z2"]
    scope = {}
    exec(text, scope)
    assert scope["z3"] == f.value == 19


def test_the_gates_with_the_most_inputs_are_listed():
    for function, value in (("max", 100), ("add", 5050)):
        scope = {}
        exec(listing(f"{function}({', '.join(f'x * {k}' for k in range(1, 101))})", "x=1"), scope)
        assert scope["f"] == value
        assert scope["dx"] == value


def test_very_many_uses_are_only_counted():
    text = listing(" + ".join(["x"] * 30), "x=1")
    assert "+= because x is used in 29 lines" in text


def test_long_arrays_have_one_line_per_row():
    W = np.arange(50).reshape(5, 10) / 7
    text = listing("f = sum(W)", f"W={W.tolist()}")
    assert max(map(len, text.splitlines())) < 250
    scope = {}
    exec(text, scope)
    np.testing.assert_array_equal(scope["W"], W)


@pytest.mark.parametrize("loss", ["euclidean", "cross_entropy"])
@pytest.mark.parametrize("hidden", [[], [3], [3, 2]])
@pytest.mark.parametrize(
    ("outputs", "options"),
    [(1, {}), (3, {}), (3, {"activation": "relu", "class_weights": (1, 2, 3)}), (1, {"class_weights": (1, 2)})],
    ids=str,
)
def test_it_works_on_the_network(loss, hidden, outputs, options):
    random = np.random.default_rng(0)
    network = MLP([4, *hidden, outputs], precision="float64", generator=random, loss=loss, **options)
    classes = np.array([0, 1, 1, 0, 1])
    network.loss(random.random((5, 4)), classes[:, np.newaxis] if outputs == 1 else np.eye(3)[classes])
    network.backward()
    scope = {}
    exec(staged(network.graph, network.graph.nodes[-1]), scope)
    for name, gradient in network.gradients.items():
        np.testing.assert_allclose(scope[f"d{name}"], gradient, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(scope["P"], network.probabilities, rtol=1e-14)
    np.testing.assert_allclose(scope["L"], network.graph.value("L"), rtol=1e-12)
    assert "dX" not in scope


def test_a_chain_of_two_thousand_gates_is_listed():
    graph = ComputationalGraph()
    node = graph.leaf("x", 1.0)
    for _ in range(2_000):
        node = graph.apply(Negate(), node)
    graph.forward()
    graph.backward()
    assert len(staged(graph, node).splitlines()) > 4_000
