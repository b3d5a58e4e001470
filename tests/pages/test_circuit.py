"""Promises of mlp.circuits.steps and mlp.pages.circuit: the steps are those on paper, with the graph's numbers."""

import json
import math
import re
from html import unescape

import numpy as np
import pytest

from mlp.circuits import listing
from mlp.circuits.drawing import drawn, picture
from mlp.circuits.examples import EXAMPLES
from mlp.circuits.expression import parse
from mlp.circuits.listing import lines, staged
from mlp.circuits.notation import rows_of
from mlp.circuits.source_text import parse_values
from mlp.circuits.steps import steps
from mlp.graph import ComputationalGraph
from mlp.pages import circuit as circuit_page


def run(text, *values, upstream=1.0, stages=False):
    circuit = parse(text, parse_values(values), stages=stages)
    circuit.run(upstream)
    return circuit


def example(name, **options):
    return run(EXAMPLES[name].expression, *(f"{k}={v}" for k, v in EXAMPLES[name].values.items()), **options)


def steps_of(circuit):
    return list(steps(circuit, lines(circuit.graph, circuit.output)))


def sums_of(circuit):
    """Each node's gradient after each line of the listing that adds to it."""
    sums = {}
    for line in lines(circuit.graph, circuit.output):
        if line.kind == "backward":
            part = circuit.graph.contribution(line.node, line.position)
            found = sums.setdefault(line.node.inputs[line.position], [])
            found.append(found[-1] + part if found else part)
    return sums


def step_titled(circuit, title):
    """The one step with this title."""
    (found,) = [step for step in steps_of(circuit) if step.title == title]
    return found


def last_shown(circuit):
    """Each number of the drawing as the last step leaves it."""
    return {place: lines for step in steps_of(circuit) for place, lines in step.shows.items()}


def test_the_first_circuit_as_one_works_it_out_on_paper():
    found = steps_of(example("sum-times"))
    assert [(step.title, step.rule, step.equation, step.numbers) for step in found[1:]] == [
        ("Forward: q", "add: C = A + B", "q = x + y", "q = (-2) + 5 = 3"),
        ("Forward: f", "multiply: C = A * B", "f = q * z", "f = 3 * (-4) = -12"),
        ("Backward begins at f", "", "df = 1", ""),
        ("Backward: from f to q", "multiply: C = A * B, dA = dC * B", "dq = df * z", "dq = 1 * (-4) = -4"),
        ("Backward: from f to z", "multiply: C = A * B, dB = dC * A", "dz = df * q", "dz = 1 * 3 = 3"),
        ("Backward: from q to x", "add: C = A + B, dA = dC", "dx = dq", "dx = -4"),
        ("Backward: from q to y", "add: C = A + B, dB = dC", "dy = dq", "dy = -4"),
    ]
    assert found[0].shows == {"value-0": ["-2"], "value-1": ["5"], "value-3": ["-4"]}
    assert [dict(step.shows) for step in found[3:6]] == [
        {"gradient-4": ["1"]},
        {"gradient-2": ["-4"]},
        {"gradient-3": ["3"]},
    ]
    assert (found[4].reads, found[4].marks) == (["gradient-4", "value-3"], ["gate-4", "lead-2", "wire-4-0"])
    assert found[4].about.endswith("it swaps its inputs.")


def test_where_values_fan_out_the_parts_are_added_one_by_one():
    """For x and y of the notes' staged expression; the derivatives of its parts by hand."""
    x, y = 3.0, -4.0
    sigx, sigy = 1 / (1 + math.exp(-x)), 1 / (1 + math.exp(-y))
    num, den = x + sigy, sigx + (x + y) ** 2
    by_square, by_sigmoid, by_sum = -num / den**2 * 2 * (x + y), -num / den**2 * sigx * (1 - sigx), 1 / den
    circuit = example("staged")
    found = sums_of(circuit)
    parts = np.cumsum([by_square, by_sigmoid, by_sum])
    np.testing.assert_allclose(found[circuit.node("x")], parts, rtol=1e-13)
    np.testing.assert_allclose(found[circuit.node("y")], np.cumsum([by_square, sigy * (1 - sigy) / den]), rtol=1e-13)
    lines = [step.numbers.splitlines()[-1] for step in steps_of(circuit) if step.title.endswith("to x")]
    assert lines == ["dx = 1.583", "dx = 1.583 + (-0.03576) = 1.547", "dx = 1.547 + 0.5121 = 2.06"]
    signs = [step.equation for step in steps_of(circuit) if step.title.endswith("to x")]
    assert signs == ["dx = dxpy", "dx += (1 - sigx) * sigx * dsigx", "dx += dnum"]


@pytest.mark.parametrize("stages", [False, True])
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_last_step_leaves_the_graphs_numbers_which_are_the_numeric_ones(name, stages):
    circuit = example(name, stages=stages)
    shown, numeric = last_shown(circuit), circuit.numeric()
    for node in drawn(circuit.graph):
        assert shown[f"value-{node.index}"] == rows_of(circuit.graph.value(node.name))
        gradient = circuit.gradient(node)
        assert (f"gradient-{node.index}" in shown) == (gradient is not None and not node.constant)
        if node not in numeric or gradient.ndim > 2 or max(gradient.shape, default=0) > 4:
            continue
        numbers = [float(word) for line in shown[f"gradient-{node.index}"] for word in re.findall(r"[-+.e\d]+", line)]
        np.testing.assert_allclose(numbers, numeric[node].gradient.ravel(), rtol=6e-3, atol=1e-9)


@pytest.mark.parametrize("stages", [False, True])
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_parts_of_a_gradient_make_all_of_it_to_the_last_bit(name, stages):
    circuit = example(name, stages=stages)
    back = [step.shows for step in steps_of(circuit) if step.title.startswith("Backward: from")]
    for node, totals in sums_of(circuit).items():
        np.testing.assert_array_equal(totals[-1], circuit.graph.gradient(node.name))
        shown = [shows[f"gradient-{node.index}"] for shows in back if f"gradient-{node.index}" in shows]
        assert shown == list(map(rows_of, totals))


@pytest.fixture(scope="module")
def facts():
    """What the gallery shows of each example, by its name."""
    return {found["name"]: found for found in circuit_page.gallery()}


def test_a_step_is_a_line_of_the_listing_and_no_line_is_left_out(facts):
    for name in EXAMPLES:
        circuit = example(name)
        text = staged(circuit.graph, circuit.output)
        lines = facts[name]["listing"]
        assert "\n".join(lines) == text
        found = steps_of(circuit)
        assert lines[found[0].line] == "# values"
        computing = [k for k, line in enumerate(lines) if k > lines.index("# forward") and line and line[0] != "#"]
        assert [step.line for step in found[1:]] == computing
        for step in found[1:]:
            assert lines[step.line].startswith(step.equation.partition("=")[0].rstrip("+ "))


@pytest.mark.parametrize(
    ("text", "values", "title", "numbers", "note"),
    [
        ("x - (-2)", ["x=3"], "Forward: f", "f = 3 - (-2) = 5", ""),
        ("2 / x", ["x=-4"], "Backward: from f to x", "dx = -1 * (-0.5) / (-4) = -0.125", ""),
        ("exp(x)", ["x=-1"], "Forward: f", "f = np.exp(-1) = 0.3679", ""),
        ("x ** 3", ["x=-2"], "Backward: from f to x", "dx = 1 * 3 * (-2) ** 2 = 12", ""),
        ("max(x, y)", ["x=2", "y=2"], "Backward: from f to y", "dy = 1 * (2 < 2) = 0",
         "A tie: all of the gradient goes to the first input, nothing to this one."),
        ("max(x, y)", ["x=2", "y=2"], "Backward: from f to x", "dx = 1 * (2 >= 2) = 1",
         "A tie: all of the gradient goes to the first input."),
        ("max(x, y, z)", ["x=1", "y=2", "z=2"], "Backward: from f to y", "dy = 1 * ((1 < 2) & (2 >= 2)) = 1",
         "A tie: all of the gradient goes to the first of the largest inputs."),
        ("max(x, y, z)", ["x=1", "y=2", "z=2"], "Backward: from f to z", "dz = 1 * ((1 < 2) & (2 < 2)) = 0",
         "A tie: all of the gradient goes to the first of the largest inputs, nothing to this one."),
        ("max(x, y, z)", ["x=1", "y=2", "z=2"], "Backward: from f to x", "dx = 1 * ((1 >= 2) & (1 >= 2)) = 0", ""),
        ("max(X, y)", ["X=[1, 2]", "y=0"], "Backward: from f to X", "dX = [1, 1] * ([1, 2] >= 0) = [1, 1]", ""),
        ("add(x, y, -3)", ["x=1", "y=-2"], "Forward: f", "f = 1 + (-2) + (-3) = -4", ""),
        ("sqrt(x)", ["x=4"], "Backward: from f to x", "dx = 1 / (2 * 2) = 0.25", ""),
        ("tanh(x)", ["x=0"], "Backward: from f to x", "dx = (1 - 0 ** 2) * 1 = 1", ""),
        ("sigmoid(x)", ["x=8"], "Forward: f", "f = 1 / (1 + np.exp(-8)) = 0.9997", ""),
        ("sigmoid(x)", ["x=-800"], "Forward: f",  # not 1 / (1 + np.exp(800)), which is 0
         "f = 1 / (1 + np.exp(-np.maximum((-800), -708))) = 3.308e-308", ""),
        ("sigmoid(x)", ["x=-709.5"], "Forward: f",
         "f = 1 / (1 + np.exp(-np.maximum((-709.5), -708))) = 3.308e-308", ""),
        ("softmax_loss(s, 0)", ["s=[20, 0]"], "Backward: from f to s",
         "ds = (softmax([20, 0]) - onehot(0)) * 1 = [-2.061e-09, 2.061e-09]",
         "0 is a class index: no gradient goes to it."),
        ("softmax_loss(s, y)", ["s=[0, 0]", "y=1"], "Backward: from f to s",
         "ds = (softmax([0, 0]) - onehot(1)) * 1 = [0.5, -0.5]", "y is a class index: no gradient goes to it."),
        ("X + b", ["X=[[1, 2], [3, 4]]", "b=[5, 6]"], "Backward: from f to b",
         "db = np.sum([[1, 1], [1, 1]], axis=0) = [2, 2]",
         "b was copied to the shape of f: its gradient is the sum over the copies."),
        ("q = X * b; f = q + b", ["X=[1, 2]", "b=3"], "Backward: from q to b",
         "db += np.sum([1, 1] * [1, 2]) = 3\ndb = 2 + 3 = 5",
         "b fans out: the gradients from all its uses are added up. "
         "b was copied to the shape of q: its gradient is the sum over the copies."),
        ("W @ x", ["W=[[1, 2], [3, 4]]", "x=[5, -6]"], "Backward: from f to W",
         "dW = np.outer([1, 1], [5, -6]) = [[5, -6], [5, -6]]", ""),
        ("sum(x)", ["x=[1, 2, 3]"], "Backward: from f to x", "dx = np.full((3,), 1) = [1, 1, 1]", ""),
        ("W @ x", [f"W={[[1] * 5] * 2}", "x=[1, 1, 1, 1, 1]"], "Forward: f", "f = (2, 5) @ (5,) = [5, 5]", ""),
        ("svm_loss(s, y)", ["s=[1, 2]", "y=0"], "Backward: from f to s",
         "ds = (([1, 2] - [1, 2][0] + 1 > 0) - np.sum([1, 2] - [1, 2][0] + 1 > 0) * onehot(0)) * 1 = [-1, 1]",
         "y is a class index: no gradient goes to it."),
        ("q = x + 1; f = x * 2", ["x=1"], "No gradient reaches q", "",
         "f does not depend on q: its derivative is 0."),
    ],
)  # fmt: skip
def test_numbers_and_notes(text, values, title, numbers, note):
    step = step_titled(run(text, *values), title)
    assert (step.numbers, step.note) == (numbers, note)


def test_a_rule_is_in_the_plain_form_with_our_operations_by_their_names():
    step = step_titled(example("softmax-loss"), "Backward: from L to s")
    assert step.rule == "softmax loss: E = np.log(np.sum(np.exp(S))) - S[y], dS = (softmax(S) - onehot(y)) * dE"
    assert step.equation == "ds = (softmax(s) - onehot(y)) * dL"
    assert step.reads == ["gradient-2", "value-0", "value-1"]
    assert step_titled(run("sigmoid(x)", "x=-800"), "Forward: f").rule == "sigmoid: P = 1 / (1 + np.exp(-Z))"


def test_a_value_that_is_twice_an_input_has_two_steps_and_two_wires():
    back = [step for step in steps_of(run("x * x", "x=3")) if step.title == "Backward: from f to x"]
    assert [step.marks for step in back] == [["gate-1", "lead-0", "wire-1-0"], ["gate-1", "lead-0", "wire-1-1"]]
    assert [step.shows for step in back] == [{"gradient-0": ["3"]}, {"gradient-0": ["6"]}]


def test_the_upstream_gradient_is_where_it_begins():
    step = step_titled(run("x * [1, 2]", "x=1", upstream=[5, -7]), "Backward begins at f")
    assert (step.equation, step.note) == ("df = [5, -7]", "The derivatives are those of sum(df * f).")


def test_a_class_index_and_constants_get_no_gradient():
    circuit = run("L = svm_loss(s, y) * 2", "s=[1, 2]", "y=0")
    assert f"gradient-{circuit.node('y').index}" not in last_shown(circuit)
    assert not any(f"gradient-{node.index}" in last_shown(circuit) for node in circuit.graph.nodes if node.constant)


def test_a_contribution_is_refused_where_nothing_goes_back():
    graph = ComputationalGraph()
    x = graph.leaf("x", 1.0)
    graph.forward()
    with pytest.raises(ValueError, match="no gradient flows back through <x: 1>"):
        graph.contribution(x, 0)


def test_every_number_and_part_that_a_step_speaks_of_is_in_the_drawing(facts):
    for name, found in facts.items():
        ids = {id.removeprefix(f"{name}-") for id in re.findall(r' id="([^"]+)"', found["drawing"])}
        shown = {place: rows for step in found["steps"] for place, rows in step["shows"].items()}
        numbers = {f"{place}-{row}" for place, rows in shown.items() for row in range(len(rows))}
        assert {id for id in ids if re.match("value|gradient", id)} <= numbers
        assert {mark for step in found["steps"] for mark in step["marks"]} <= ids


def test_a_partial_sum_that_is_longer_than_the_whole_has_room():
    circuit = run("x * 12345.678 - x * 12345.678", "x=1")
    x = circuit.node("x")
    assert sums_of(circuit)[x] == [-12345.678, 0]
    width = picture(circuit, captioned=False).get_figwidth()
    shown = [step.shows for step in steps_of(circuit)]
    assert picture(circuit, captioned=False, shown=shown).get_figwidth() > width


def test_a_page_builds_its_listing_once_and_a_picture_none(monkeypatch, tmp_path):
    """However its builder is imported: it calls ``_backward`` once."""
    built = []
    build = listing._backward
    monkeypatch.setattr(listing, "_backward", lambda *arguments: built.append(1) or build(*arguments))
    circuit = example("staged")
    circuit_page.write(circuit, "staged", tmp_path / "page.html")
    assert len(built) == 1
    picture(circuit)
    assert len(built) == 1


HOSTILE = "</script><img src=x onerror=alert(1)>'\"&{{ 7 * 7 }}"


def test_no_text_gets_out_of_its_place(tmp_path):
    circuit = run("ñandú * π", "ñandú=2", "π=3")
    circuit_page.write(circuit, HOSTILE, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "<img" not in page
    assert HOSTILE in unescape(page)
    assert page.count("</script>") == 2
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    assert data[1]["equation"] == "f = ñandú * π"


def test_in_a_pages_data_no_sign_opens_a_tag(tmp_path):
    circuit_page.write(run("max(x, y)", "x=1", "y=2"), "max(x, y)", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1]
    assert "<" not in data
    assert any("A < B" in step["rule"] for step in json.loads(data))


def test_without_a_script_a_page_has_all_numbers_and_the_listing(tmp_path):
    circuit = example("sum-times")
    circuit_page.write(circuit, "q = x + y; f = q * z", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", page)
    assert sorted(texts) == sorted(["x", "y", "z", "q", "f", "+", "×", "-2", "5", "3", "-12", "1", "3", *["-4"] * 4])
    code = unescape("".join(re.findall(r'<span class="line">(.*?)</span>', page, re.DOTALL)))
    assert code.strip() == staged(circuit.graph, circuit.output)
    assert "<title>q = x + y; f = q * z</title>" in page  # what a tab and a bookmark are called


def test_the_gallery_has_every_example_in_its_order_and_is_quick_to_open(gallery):
    page = gallery.read_text(encoding="utf-8")
    names = re.findall(r'<section class="circuit" id="[^"]+" data-name="([^"]+)"', page)
    assert [name for name in names if name != "sigmoid-stages"] == list(EXAMPLES)
    assert names[names.index("sigmoid-neuron") + 1] == "sigmoid-stages"
    for one in EXAMPLES.values():
        assert one.expression in unescape(page)
        assert one.shows in unescape(page)
    assert "the Jacobian J of x = (x1, x2, x3, x4)" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert len(page) < 1_000_000
