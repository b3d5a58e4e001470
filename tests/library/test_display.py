"""Promises of mlp.library.display: what a notebook shows of circuits, graphs and networks."""

import base64
import re
from html import escape, unescape

import numpy as np
import pytest

import mlp
from mlp.circuits.expression import FUNCTIONS
from mlp.graph import ComputationalGraph
from mlp.library.display import MAX_NODES
from mlp.pages import circuit as circuit_page
from tests.made_gates import MadeElementwise

SYMBOLS = ["x", "y", "z", "q", "f", "+", "×"]
VALUES, GRADIENTS = ["-2", "5", "3", "-4", "-12"], ["-4", "-4", "-4", "3", "1"]
"""Of q = x + y; f = q z at -2, 5, -4."""


def texts(html):
    """The texts of the only picture in the HTML, in the order of the alphabet."""
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', html)
    return sorted(re.findall(r"<text[^>]*>([^<]*)</text>", base64.b64decode(data).decode()))


@pytest.fixture
def graph():
    graph = ComputationalGraph()
    x, y, z = graph.leaf("x", -2), graph.leaf("y", 5), graph.leaf("z", -4)
    graph.apply(mlp.gates.Multiply(), graph.apply(mlp.gates.Add(), x, y, name="q"), z, name="f")
    return graph


def test_a_circuit_is_its_page_in_a_frame_and_a_picture_where_frames_are_removed():
    text = "q = x + y; f = q * z"
    circuit = mlp.circuit(text, x=-2, y=5, z=-4)
    html = circuit._repr_html_()
    (framed,) = re.findall(r'<iframe srcdoc="([^"]*)"', html)
    assert unescape(framed) == circuit_page.page(circuit, text, in_notebook=True)
    picture = re.sub(r"<iframe.*?</iframe>", "", html, flags=re.DOTALL)
    caption = "green, above a wire: its value; red, below: the derivative of f with respect to it"
    assert texts(picture) == sorted([*SYMBOLS, *VALUES, *GRADIENTS, caption])
    assert not re.search(r"<(script|style)| id=| on\w+=|(src|href)=.http", picture)


def test_a_graph_shows_names_and_gates_and_after_its_passes_their_numbers(graph):
    assert texts(graph._repr_html_()) == sorted(SYMBOLS)
    graph.forward()
    assert texts(graph._repr_html_()) == sorted([*SYMBOLS, *VALUES, "green, above a wire: its value"])
    graph.backward()
    shown = texts(graph._repr_html_())
    assert [text for text in shown if "green" not in text] == sorted([*SYMBOLS, *VALUES, *GRADIENTS])
    assert all(node.name in graph._repr_html_() for node in graph.nodes)


def test_of_a_pass_that_needed_only_some_nodes_these_have_numbers(graph):
    graph.forward(graph.node("q"))
    assert sorted(set(texts(graph._repr_html_())) - set(SYMBOLS)) == ["-2", "3", "5", "green, above a wire: its value"]


def test_a_circuit_whose_latest_pass_was_another_shows_what_there_is():
    circuit = mlp.circuit("q = x + y; f = q * z", x=-2, y=5, z=-4)
    circuit.node("q").forward()
    assert "<iframe" not in circuit._repr_html_()
    assert {"3", "f"} <= set(texts(circuit._repr_html_()))
    assert str(circuit) == repr(circuit) == "Circuit('q = x + y; f = q * z', 5 nodes, f)"
    circuit.run()
    assert "<iframe" in circuit._repr_html_()
    aside = mlp.circuit("a = x * 2; f = x + 1", x=1)
    aside.output.forward()  # without a, which f does not need
    aside.output.backward()
    assert str(aside) == repr(aside)
    assert "<img" in aside._repr_html_()


def test_a_large_array_is_shown_by_its_shape():
    graph = ComputationalGraph()
    (graph.leaf("X", np.ones((500, 784))) @ graph.leaf("W", np.ones((784, 32)))).forward()
    html = graph._repr_html_()
    assert {"(500, 784)", "(784, 32)", "(500, 32)"} <= set(texts(html))
    assert len(html) < 20_000


def test_a_network_shows_its_layers_their_shapes_and_the_number_of_parameters():
    network = mlp.MLP([784, 32, 10], loss="cross_entropy", activation="tanh")
    shown = texts(network._repr_html_())
    assert {"W1", "(784, 32)", "b1", "(32,)", "tanh", "(n, 32)", "W2", "(32, 10)", "(n, 10)", "L", "scalar"} <= set(
        shown
    )
    name = "MLP(784-32-10, tanh, cross_entropy, float32, 25,450 parameters)"
    assert any(text.startswith(name) for text in shown)
    assert not network.graph.has_run


@pytest.mark.parametrize("length", [0, MAX_NODES, MAX_NODES + 1])
def test_a_graph_that_is_too_large_to_draw_says_so(length):
    graph = ComputationalGraph()
    for k in range(length):
        graph.leaf(f"x{k}", k)
    html = graph._repr_html_()
    assert ("<img" in html) == (length == MAX_NODES)
    assert ("too large" in html) == (length > MAX_NODES)
    assert f"ComputationalGraph({length} nodes" in html


def test_what_cannot_be_drawn_says_why_and_text_stays_text():
    letter = "\N{LINEAR A SIGN AB001}"  # no font for Chinese has it either
    html = mlp.circuit(f"{letter} * 2", {letter: 1})._repr_html_()
    assert f"the font of drawings, DejaVu Sans, has no {letter}: choose another name" in html
    graph = ComputationalGraph()
    graph.leaf("<b>", 1)
    assert "<b>" not in graph._repr_html_()
    assert "&lt;b&gt;" in graph._repr_html_()


def test_a_circuit_that_no_page_can_compute_is_a_picture_and_says_why(monkeypatch):
    gate = MadeElementwise(np.spacing)
    gate.symbol = "?"
    monkeypatch.setitem(FUNCTIONS, "spacing", gate)
    html = mlp.circuit("spacing(x)", x=2)._repr_html_()
    assert "<iframe" not in html
    assert "x" in texts(html)
    assert "the made gate: a page has no JavaScript for np.spacing" in html


def test_a_run_shows_its_figures_and_its_curve_a_lone_model_what_it_is(digits_run):
    run = mlp.load(digits_run)
    best = min(run.history, key=lambda row: row.validation_loss)
    cells = dict(re.findall(r"<th[^>]*>(.*?)</th><td[^>]*>(.*?)</td>", run._repr_html_()))
    assert cells == {
        "run": str(digits_run),
        "network": "MLP(784-32-1, sigmoid, euclidean, float32, 25,153 parameters)",
        "epochs": f"3, best epoch {best.epoch}",
        "best epoch": escape(str(best)),
    }
    assert {"training", "validation"} <= set(texts(run._repr_html_()))
    assert run._repr_svg_().count("<svg") == 1
    alone = mlp.load(digits_run / "model.npz")
    assert (alone._repr_html_(), alone._repr_svg_()) == (f"<pre>{alone}</pre>", None)
