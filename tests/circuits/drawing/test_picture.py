"""Promises of mlp.circuits.drawing.picture: every number in its place and colour, and no overlap."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Circle, PathPatch

from mlp.circuits.drawing.picture import MAX_NODES, picture
from mlp.circuits.examples import EXAMPLES
from mlp.circuits.expression import parse
from mlp.circuits.notation import rounded
from mlp.circuits.source_text import parse_values
from mlp.figures.style import FONT_POINTS, GRADIENT, INK, LOCAL, VALUE
from mlp.system.errors import InputError

THIRTY = "; ".join(
    ["a0 = x + y", "b0 = x * y"]
    + [f"a{k} = sigmoid(a{k - 1}) * b{k - 1}; b{k} = max(a{k - 1}, b{k - 1}) + 0.25" for k in range(1, 8)]
    + ["f = a7 - b7"]
)
CIRCUITS = {name: (example.expression, example.arguments()) for name, example in EXAMPLES.items()}
CIRCUITS["thirty nodes"] = (THIRTY, ["x=1", "y=-2"])
CIRCUITS["twice the same input"] = ("y = x + x; f = y * y", ["x=3"])
CIRCUITS["constants alone"] = ("2 * (3 + 4) - 1 / 5", [])
CIRCUITS["constant arrays"] = ("[[1, 2], [3, 4]] @ x + [0.5, -0.5]", ["x=[1, 2]"])
CIRCUITS["long names"] = (
    "learning_rate * gradient_of_the_loss",
    ["learning_rate=0.001", "gradient_of_the_loss=-123456.789"],
)
CIRCUITS["long names of gates"] = (
    "the_sum_of_both_of_them = x + y; the_product_of_both_of_them = x * y; "
    "the_final_output_of_everything = the_sum_of_both_of_them * the_product_of_both_of_them",
    ["x=1", "y=2"],
)
CIRCUITS["a value alone"] = ("x", ["x=1"])
CIRCUITS["a value that leads nowhere"] = ("q = x + 1; f = x * 2", ["x=1"])
CIRCUITS["gates of many inputs"] = (
    "f = max(sqrt(x), abs(y), sin(z), 2) + add(cos(x), tanh(y), relu(z), x, y)",
    ["x=4", "y=-3", "z=1"],
)
CIRCUITS["arrays into gates of many inputs"] = ("add(A, B, A * B, 2)", ["A=[[1, 2], [3, 4], [5, 6]]", "B=[[1, 2.5]]"])
CIRCUITS["an array of three dimensions"] = ("sum(T * 2)", ["T=[[[1, 2]]]"])


def parsed(name, stages=False):
    text, values = CIRCUITS[name]
    return parse(text, parse_values(values), stages=stages)


BY_STAGES = [name for name in CIRCUITS if len(parsed(name, stages=True).graph.nodes) > len(parsed(name).graph.nodes)]
"""The circuits that --stages changes."""


@cache
def drawn(name, stages=False, local=False):
    """The circuit and its figure, shared by tests that call it with the same positions: none changes them."""
    circuit = parsed(name, stages)
    circuit.run()
    return circuit, picture(circuit, local=local)


@cache
def extents(name, stages=False, local=False):
    """Each text with its rectangle in pixels, one pixel smaller at each edge."""
    _, figure = drawn(name, stages, local)
    renderer = FigureCanvasAgg(figure).get_renderer()
    return [
        (text, text.get_window_extent(renderer).padded(-1)) for text in figure.axes[0].texts if text.get_text().strip()
    ]


@pytest.mark.parametrize(
    ("name", "stages", "local"),
    [
        *((name, False, local) for name in CIRCUITS for local in (False, True)),
        *((name, True, False) for name in BY_STAGES),
        ("sigmoid-neuron", True, True),
    ],
)
def test_no_text_overlaps_another_or_a_gate_or_the_edge(name, stages, local):
    _, figure = drawn(name, stages, local)
    texts = extents(name, stages, local)
    x0, y0, x1, y1 = np.array([box.extents for _, box in texts]).T[..., np.newaxis]
    overlap = (x0 <= x1.T) & (x1 >= x0.T) & (y0 <= y1.T) & (y1 >= y0.T)
    assert [(texts[i][0].get_text(), texts[j][0].get_text()) for i, j in np.argwhere(overlap) if i < j] == []
    circles = [patch.get_window_extent() for patch in figure.axes[0].patches if isinstance(patch, Circle)]
    for text, box in texts:
        within = [circle for circle in circles if circle.overlaps(box)]
        is_symbol = len(within) == 1 and within[0].containsx(box.x0) and within[0].containsx(box.x1)
        assert not within or is_symbol, text.get_text()
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1


def along(wire):
    """Points in pixels, at most three apart, along a wire as it is drawn."""
    for line in wire.get_transform().transform_path(wire.get_path()).to_polygons(closed_only=False):
        for start, end in pairwise(line):
            yield from np.linspace(start, end, 2 + int(np.hypot(*(end - start)) / 3))


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("name", CIRCUITS)
def test_no_wire_runs_through_a_text(name, local):
    _, figure = drawn(name, False, local)
    axes = figure.axes[0]
    wires = [patch for patch in axes.patches if isinstance(patch, PathPatch)] + list(axes.lines)
    points = np.array([point for wire in wires for point in along(wire)])
    symbols = [circle.get_window_extent() for circle in axes.patches if isinstance(circle, Circle)]
    for text, box in extents(name, False, local):
        if any(circle.contains(*box.get_points().mean(axis=0)) for circle in symbols):
            continue  # the wires to a gate end under its symbol
        inside = (points > box.min) & (points < box.max)
        assert not inside.all(axis=1).any(), text.get_text()


def test_values_are_green_above_the_wire_and_gradients_red_below():
    circuit, figure = drawn("max-gate")
    axes = figure.axes[0]
    for line in axes.lines:
        (left, right), (y, _) = line.get_xdata(), line.get_ydata()
        near = [t for t in axes.texts if left < t.get_position()[0] < right and abs(t.get_position()[1] - y) < 0.1]
        above, below = sorted(
            (t for t in near if t.get_color() in (VALUE, GRADIENT)), key=lambda t: t.get_position()[1]
        )
        assert (above.get_color(), below.get_color()) == (VALUE, GRADIENT)
        assert above.get_position()[1] < y < below.get_position()[1]
    pairs = {
        (rounded(float(circuit.graph.value(n.name))), rounded(float(circuit.graph.gradient(n.name))))
        for n in circuit.nodes
    }
    assert ("-20", "1") in pairs
    texts = [t.get_text() for t in axes.texts if t.get_color() == VALUE]
    assert sorted(texts) == sorted(
        value for value, _ in [("3", 0), ("-4", 0), ("2", 0), ("-1", 0), ("-12", 0), ("2", 0), ("-10", 0), ("-20", 0)]
    )


def test_local_gradients_are_blue_where_each_wire_arrives_at_its_gate():
    """The multiply gate swaps its inputs, 3 and -4; the max gate routes to 2, not to -1; the add gate has ones."""
    circuit, figure = drawn("max-gate", local=True)
    axes = figure.axes[0]
    found = {text.get_gid(): text for text in axes.texts if text.get_color() == LOCAL}
    inputs = {
        f"local-{node.index}-{k}-0": source.name for node in circuit.nodes for k, source in enumerate(node.inputs)
    }
    shown = {inputs[gid]: text.get_text() for gid, text in found.items()}
    assert shown == {"x": "-4", "y": "3", "z": "1", "w": "0", "t1": "1", "t2": "1", "t3": "2"}
    wires = {patch.get_gid(): patch for patch in axes.patches if isinstance(patch, PathPatch)}
    circles = {patch.get_gid(): patch for patch in axes.patches if isinstance(patch, Circle)}
    for gid, text in found.items():
        _, index, position, _ = gid.split("-")
        (x, y), circle = text.get_position(), circles[f"gate-{index}"]
        assert 0 < circle.center[0] - circle.radius - x < 0.3
        nearest = min(wires, key=lambda name: abs(wires[name].get_path().vertices - (x, y)).sum(axis=1).min())
        assert nearest == f"wire-{index}-{position}"
    assert "blue, where a wire arrives at a gate: the gate's local gradient" in axes.texts[-1].get_text()


def test_the_local_gradient_of_a_matrix_product_is_shown_by_its_size():
    """A Jacobian, which the caption explains; a class index has none."""
    texts = [
        text.get_text() for text in drawn("linear-softmax", local=True)[1].axes[0].texts if text.get_color() == LOCAL
    ]
    assert [text for text in texts if text.startswith("J")] == ["J (12, 8)", "J (12, 6)", "J (12, 3)", "J (1, 12)"]
    assert drawn("linear-softmax", local=True)[1].axes[0].texts[-1].get_text().endswith("J: the size of a Jacobian")


def test_gates_are_circles_labelled_with_their_symbol_and_a_constant_is_part_of_one():
    _, figure = drawn("sigmoid-neuron", stages=True)
    symbols = [t.get_text() for t in figure.axes[0].texts if t.get_color() == INK]
    assert sorted(symbols) == sorted(["w0", "x0", "w1", "x1", "w2", "×", "×", "+", "+", "×-1", "exp", "+1", "1/x"])
    assert sum(isinstance(patch, Circle) for patch in figure.axes[0].patches) == 8


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("x - 2", "−2"), ("2 - x", "2−x"), ("x / 2", "÷2"), ("2 / x", "2/x"),
        ("max(0, x)", "max 0,x"), ("max(x, 0)", "max x,0"), ("x - (-2)", "−(-2)"), ("x * -2", "×-2"),
        ("x ** 1e-7", "x^1e-07"), ("x ** 2", "x²"), ("x ** -1.5", "x^-1.5"), ("-x", "−x"), ("sum(x)", "Σ"),
        ("sqrt(x)", "√x"), ("abs(x)", "|x|"), ("sin(x)", "sin"), ("cos(x)", "cos"), ("tanh(x)", "tanh"),
        ("relu(x)", "relu"),
    ],
)  # fmt: skip
def test_symbols(text, symbol):
    circuit = parse(text, {"x": 3})
    circuit.run()
    figure = picture(circuit)
    assert [t.get_text() for t in figure.axes[0].texts if t.get_color() == INK] == ["x", symbol]


def test_the_first_input_arrives_above_the_second():
    for text in ("x - y", "y - x"):
        circuit = parse(text, {"x": 1, "y": 2})
        circuit.run()
        axes = picture(circuit).axes[0]
        heights = {t.get_text(): t.get_position()[1] for t in axes.texts}
        assert heights[text[0]] < heights[text[-1]]  # the axis points down


@pytest.mark.parametrize("function", ["max", "add"])
def test_the_wires_of_many_inputs_arrive_one_above_the_other(function):
    circuit = parse(f"{function}(x, y, 2, z)", {"x": 1, "y": 2, "z": 3})
    circuit.run()
    wires = [patch for patch in picture(circuit).axes[0].patches if str(patch.get_gid()).startswith("wire-")]
    ends = {patch.get_gid(): patch.get_path().vertices[-1][1] for patch in wires}
    heights = [ends[f"wire-{circuit.output.index}-{position}"] for position in range(4)]
    assert heights == sorted(set(heights))  # the axis points down
    assert np.diff(heights) == pytest.approx(np.diff(heights)[0])


def test_small_arrays_show_their_numbers_and_larger_ones_their_shape():
    _, figure = drawn("matrix-product")
    assert sorted(t.get_text() for t in figure.axes[0].texts if t.get_color() == VALUE) == [
        "(10, 3)",
        "(5, 10)",
        "(5, 3)",
    ]
    _, figure = drawn("vector-norm")
    assert {"[0.1  0.5]", "[-0.3  0.8]", "[0.22  0.26]"} <= {t.get_text() for t in figure.axes[0].texts}
    assert {"[0.088  0.176]", "[0.104  0.208]"} <= {
        t.get_text() for t in figure.axes[0].texts if t.get_color() == GRADIENT
    }


def test_thirty_nodes_fit_a_page_at_full_size():
    circuit, figure = drawn("thirty nodes")
    assert len(circuit.nodes) >= 30
    assert all(text.get_fontsize() >= FONT_POINTS for text in figure.axes[0].texts)
    width, height = figure.get_size_inches()
    assert width < 30
    assert height < 10


def test_a_circuit_too_large_to_look_at_is_refused():
    circuit = parse("+".join(["x"] * (MAX_NODES + 1)), {"x": 1})
    circuit.run()
    with pytest.raises(InputError, match=f"the circuit has .* nodes: up to {MAX_NODES} can be drawn"):
        picture(circuit)


def test_the_caption_explains_colours_shapes_and_class_indices():
    captions = {name: drawn(name)[1].axes[0].texts[-1].get_text() for name in ("staged", "xor-network", "svm-loss")}
    assert captions["staged"].endswith("the derivative of f with respect to it")
    assert captions["xor-network"].endswith("the derivative of L with respect to it; larger arrays: their shape")
    assert captions["svm-loss"].endswith("the derivative of L with respect to it; a class index has none")


def test_a_drawing_leaves_the_circuit_as_it_was():
    circuit, _ = drawn("staged")
    np.testing.assert_allclose(circuit.graph.gradient("x"), 2.0595697955721652)


def test_the_caption_names_the_differentiated_scalar_for_array_outputs_and_upstream_gradients():
    circuit = parse("f = x * [1, 2]", {"x": 1})
    for upstream, what in ((1.0, "sum(f)"), ([5, 7], "sum(df * f)")):
        circuit.run(upstream)
        assert picture(circuit).axes[0].texts[-1].get_text().endswith(f"the derivative of {what} with respect to it")
