"""The second note: the sigmoid neuron, patterns in the backward flow, staged code, scaling."""

from math import exp

import pytest


def test_its_commands_show_its_numbers(note):
    note.shows_its_numbers()


def test_the_gates_of_the_sigmoid_by_themselves(note):
    wanted = {"reciprocal": -1 / 2**2, "add-constant": 1, "exp": exp(-1), "scale": -1}
    for gate, gradient in wanted.items():
        assert note.nodes(f"--example {gate}")["x"]["gradient"] == pytest.approx(gradient, rel=1e-15)


def test_the_neuron_with_one_sigmoid_gate(note):
    """The note has 0.40 and 0.60 for dx, from a rounded 0.20."""
    nodes = note.nodes("--example sigmoid-neuron")
    assert nodes["f"]["value"] == 0.7310585786300049
    gradients = [round(nodes[name]["gradient"], 8) for name in ("w0", "w1", "w2", "x0", "x1")]
    assert gradients == [-0.19661193, -0.39322387, 0.19661193, 0.39322387, -0.58983580]
    assert nodes["f"]["local"] == [pytest.approx(0.19661193, abs=1e-8)]


def test_the_stages_of_the_sigmoid(note):
    """The note has -0.73 for the sigmoid of 1, -0.195 for exp(-1) times -0.53, and each next gate's local gradient."""
    *_, dot, negative, power, one_more, f = note.nodes("--example sigmoid-neuron --stages").values()
    stages = [dot, negative, power, one_more, f]
    assert [node["gate"] for node in stages] == ["add", "multiply", "exp", "add", "divide"]
    assert [node["code"] for node in stages[1:]] == ["t4 * (-1)", "np.exp(t5)", "t6 + 1", "1 / t7"]
    rounded = [(round(node["value"], 2), round(node["gradient"], 2)) for node in stages]
    assert rounded == [(1, 0.20), (-1, -0.20), (0.37, -0.53), (1.37, -0.53), (0.73, 1)]
    assert negative["gradient"] == pytest.approx(-0.19661193324148188, rel=1e-15)
    local = [node["local"] for node in stages[1:]]
    assert local == [[-1], [power["value"]], [1], [pytest.approx(-1 / one_more["value"] ** 2, rel=1e-15)]]


def test_add_distributes_max_routes_multiply_switches(note):
    nodes = note.nodes("--example max-gate")
    by_gate = {node["gate"]: node for node in nodes.values() if node["gate"]}
    assert (nodes["f"]["value"], nodes["f"]["gradient"]) == (-20, 1)
    assert (nodes["t1"]["value"], nodes["t1"]["gradient"]) == (-12, 2)
    assert (by_gate["max"]["value"], by_gate["max"]["gradient"]) == (2, 2)
    assert [nodes[name]["gradient"] for name in "xyzw"] == [-8, 6, 2, 0]


def test_the_contributions_of_two_paths_add_up(note):
    """By hand: dy1 = 2 y1 = 12 and dy2 = 10, so dx = 3 * 12 - 1 * 10."""
    nodes = note.nodes("--example paths")
    assert [nodes[name]["gradient"] for name in ("y1", "y2", "x", "w1", "w2")] == [12, 10, 26, 24, 20]


def test_staged_code_computes_what_the_note_prints(note):
    nodes = note.nodes("--example staged")
    assert nodes["f"]["value"] == pytest.approx(1.5456448841066441, rel=1e-15)
    assert nodes["x"]["gradient"] == pytest.approx(2.0595697955721652, rel=1e-15)
    assert nodes["y"]["gradient"] == pytest.approx(1.5922327514838093, rel=1e-15)
    listing = {}
    exec(note.printed("staged code, with"), listing)  # noqa: S102 - it is Python that runs as it stands
    assert [listing[name] for name in ("f", "dx", "dy")] == [
        nodes["f"]["value"],
        *(pytest.approx(nodes[name]["gradient"], rel=1e-14) for name in "xy"),
    ]


def test_an_input_a_thousand_times_as_large_makes_its_weights_gradient_as_large(note):
    both = note.nodes("--example data-scaling")
    assert both["v"]["gradient"] == 1000 * both["w"]["gradient"] == 2000
    scaled, unscaled = (note.nodes(f'"f = w * x" w=0.5 x={x}') for x in (2, 2000))
    assert unscaled["w"]["gradient"] == 1000 * scaled["w"]["gradient"] == 2000
    assert unscaled["x"]["gradient"] == scaled["x"]["gradient"] == 0.5
