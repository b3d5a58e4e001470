"""Promises of templates/stepping/steps.js: steps are those on paper, with the numbers and the chain rule's parts."""

import json
import math
import re
from dataclasses import dataclass

import numpy as np
import pytest

from mlp.circuits.drawing.part import number_within
from mlp.circuits.drawing.picture import drawn
from mlp.circuits.examples import EXAMPLES
from mlp.circuits.expression import parse
from mlp.circuits.listing import lines
from mlp.circuits.local_gradient import local_gradients
from mlp.circuits.notation import rows_of, written
from mlp.circuits.source_text import parse_values
from mlp.pages.circuit import circuit_facts, render_circuits
from mlp.pages.javascript import Script
from tests.browser.circuit_pages import write_page
from tests.browser.conftest import watched

STEPS = """JSON.stringify(circuits.map((circuit) => {
    circuit.compute();
    const { name, steps, graph, of, drawing, listing: { spans } } = circuit;
    const isJacobianSmall = ({ kind, node }) => kind === "backward" && node.shape.length < 2 && globalThis.jacobian;
    return [name, steps.map((step, k) => ({
        says: SAYS[step.kind]({ ...step, of, output: graph.output }),
        marked: marked(step),
        known: Object.fromEntries(known(graph, steps.slice(0, k + 1))),
        target: step.target?.name,
        total: step.total === undefined ? null : Array.from(flat(step.total)),
        gradient: Array.from(flat(step.target?.gradient ?? 0)),
        jacobian: isJacobianSmall(step) ? written(jacobian(step.node, step.position)) : "",
        line: spans[step.line].textContent.trim(),
    })), [...drawing.parts.keys()]];
}))"""
"""What each circuit of a page says and shows in each step, and the ids in its drawing."""


@dataclass(frozen=True)
class Case:
    """A circuit whose steps a test reads."""

    text: str
    values: tuple[str, ...]
    stages: bool = False
    upstream: float | tuple[float, ...] = 1.0

    def run(self):
        circuit = parse(self.text, parse_values(self.values), stages=self.stages)
        circuit.run(self.upstream)
        return circuit


def example(name, *, stages=False):
    return Case(EXAMPLES[name].expression, tuple(EXAMPLES[name].arguments()), stages)


OF_EXAMPLES = {name: example(name) for name in EXAMPLES} | {"sigmoid-stages": example("sigmoid-neuron", stages=True)}
OF_EXAMPLES |= {f"{name} by stages": example(name, stages=True) for name in ("staged", "xor-network")}
"""Each example, and by stages those that have gates with stages."""

COMPUTED = [
    # Expression, values, a step, its equation with numbers, and its note.
    ("x - (-2)", ["x=3"], "Forward: f", "f = 3 - (-2) = 5", ""),
    ("2 / x", ["x=-4"], "Backward: from f to x", "dx = 1 * (-0.125) = -0.125", ""),
    ("exp(x)", ["x=-1"], "Forward: f", "f = np.exp(-1) = 0.3679", ""),
    ("x ** 3", ["x=-2"], "Backward: from f to x", "dx = 1 * 12 = 12", ""),
    ("max(x, y)", ["x=2", "y=2"], "Backward: from f to y", "dy = 1 * 0 = 0",
     "A tie: all of the gradient goes to the first input, nothing to this one."),
    ("max(x, y)", ["x=2", "y=2"], "Backward: from f to x", "dx = 1 * 1 = 1",
     "A tie: all of the gradient goes to the first input."),
    ("max(x, y, z)", ["x=1", "y=2", "z=2"], "Backward: from f to y", "dy = 1 * 1 = 1",
     "A tie: all of the gradient goes to the first of the largest inputs."),
    ("max(x, y, z)", ["x=1", "y=2", "z=2"], "Backward: from f to z", "dz = 1 * 0 = 0",
     "A tie: all of the gradient goes to the first of the largest inputs, nothing to this one."),
    ("max(x, y, z)", ["x=1", "y=2", "z=2"], "Backward: from f to x", "dx = 1 * 0 = 0", ""),
    ("max(X, y)", ["X=[1, 2]", "y=0"], "Backward: from f to X", "dX = [1, 1] * [1, 1] = [1, 1]", ""),
    ("add(x, y, -3)", ["x=1", "y=-2"], "Forward: f", "f = 1 + (-2) + (-3) = -4", ""),
    ("sqrt(x)", ["x=4"], "Backward: from f to x", "dx = 1 * 0.25 = 0.25", ""),
    ("tanh(x)", ["x=0"], "Backward: from f to x", "dx = 1 * 1 = 1", ""),
    ("sigmoid(x)", ["x=8"], "Forward: f", "f = 1 / (1 + np.exp(-8)) = 0.9997", ""),
    ("sigmoid(x)", ["x=-800"], "Forward: f",  # not 1 / (1 + np.exp(800)), which is 0
     "f = 1 / (1 + np.exp(-np.maximum((-800), -708))) = 3.308e-308", ""),
    ("sigmoid(x)", ["x=-709.5"], "Forward: f",
     "f = 1 / (1 + np.exp(-np.maximum((-709.5), -708))) = 3.308e-308", ""),
    ("softmax_loss(s, 0)", ["s=[20, 0]"], "Backward: from f to s",
     "ds = 1 * [-2.061e-09, 2.061e-09] = [-2.061e-09, 2.061e-09]",
     "0 is a class index: no gradient goes to it."),
    ("softmax_loss(s, y)", ["s=[0, 0]", "y=1"], "Backward: from f to s",
     "ds = 1 * [0.5, -0.5] = [0.5, -0.5]", "y is a class index: no gradient goes to it."),
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
     "ds = 1 * [-1, 1] = [-1, 1]",
     "y is a class index: no gradient goes to it."),
    ("q = x + 1; f = x * 2", ["x=1"], "No gradient reaches q", "",
     "f does not depend on q: its derivative is 0."),
    ("-x", ["x=3"], "Forward: f", "f = -3", ""),
]  # fmt: skip

LOCAL = [
    # Expression, values, an input, and the gate's derivative with respect to it, by hand.
    ("x ** 3", ["x=-2"], "x", "∂f/∂x = 3 * x ** 2 = 12"),
    ("sigmoid(x)", ["x=0"], "x", "∂f/∂x = (1 - f) * f = 0.25"),
    ("max(x, y)", ["x=2", "y=2"], "x", "∂f/∂x = (x >= y) = 1"),
    ("max(x, y)", ["x=2", "y=2"], "y", "∂f/∂y = (x < y) = 0"),
    ("x / y", ["x=6", "y=-2"], "x", "∂f/∂x = 1 / y = -0.5"),
    ("x / y", ["x=6", "y=-2"], "y", "∂f/∂y = -f / y = -1.5"),
    ("x - y", ["x=1", "y=2"], "y", "∂f/∂y = -1"),
    ("x * 3", ["x=2"], "x", "∂f/∂x = 3"),
    ("W @ x", ["W=[[1, 2], [3, 4]]", "x=[5, -6]"], "W", "x = [5, -6]"),
    ("W @ x", ["W=[[1, 2], [3, 4]]", "x=[5, -6]"], "x", "W.T = [[1, 3], [2, 4]]"),
    ("sum(x)", ["x=[1, 2, 3]"], "x", "∂f/∂x = 1"),
    # With p = (1/4, 3/4): p_i (1 - p_i) on the diagonal, else -p_i p_j.
    ("softmax(x)", [f"x=[0, {math.log(3)}]"], "x",
     "∂f/∂x = [[0.1875, -0.1875], [-0.1875, 0.1875]], the Jacobian: a row for each output"),
    ("softmax(x)", ["x=[[0, 0], [0, 0]]"], "x",
     "∂f/∂x = [[0.25, -0.25, 0, 0], [-0.25, 0.25, 0, 0], [0, 0, 0.25, -0.25], [0, 0, -0.25, 0.25]], "
     "the Jacobian: a row for each output"),
    ("X * b", ["X=[[1, 2], [3, 4]]", "b=[5, 6]"], "b", "∂f/∂b = X = [[1, 2], [3, 4]]"),
    ("X + b", ["X=[[1, 2], [3, 4]]", "b=[5, 6]"], "b", "∂f/∂b = 1"),
    ("softmax_loss(s, y)", ["s=[0, 0]", "y=1"], "s", "∂f/∂s = softmax(s) - onehot(y) = [0.5, -0.5]"),
]  # fmt: skip

FIRST, STAGED, SOFTMAX_LOSS = example("sum-times"), example("staged"), example("softmax-loss")
SQUARE = Case("x * x", ("x=3",))
UPSTREAM = Case("x * [1, 2]", ("x=1",), upstream=(5, -7))
INDEX = Case("L = svm_loss(s, y) * 2", ("s=[1, 2]", "y=0"))
CLIPPED = Case("sigmoid(x)", ("x=-800",))
COPY = Case("q = sum(x); f = q", ("x=2",))
CASES = dict.fromkeys(
    [*OF_EXAMPLES.values(), SQUARE, UPSTREAM, INDEX, CLIPPED, COPY]
    + [Case(text, tuple(values)) for text, values, *_ in [*COMPUTED, *LOCAL]]
)
each_example = pytest.mark.parametrize("case", OF_EXAMPLES.values(), ids=OF_EXAMPLES)


@pytest.fixture(scope="module")
def pages(chromium, tab, gallery, tmp_path_factory):
    """The steps of each case, and the ids in its drawing: of the gallery, and of a page with all other cases."""
    with watched(chromium, tab) as visit:
        found = {OF_EXAMPLES[name]: told for name, *told in json.loads(visit(gallery).evaluate(STEPS))}
        others, script = [case for case in CASES if case not in found], Script(explained=True)
        facts = [
            circuit_facts(case.run(), f"case-{k}", case.text, script) | {"shows": "examples.staged"}
            for k, case in enumerate(others)
        ]
        path = tmp_path_factory.mktemp("steps") / "steps.html"
        path.write_text(render_circuits(facts, script), encoding="utf-8")
        for case, (_, *told) in zip(others, json.loads(visit(path).evaluate(STEPS)), strict=True):
            found[case] = told
    return found


@pytest.fixture
def steps_of(pages):
    return lambda case: pages[case][0]


def titled(steps, title):
    """The one step with this title."""
    (found,) = [step for step in steps if step["says"]["title"] == title]
    return found


def said(step, *rows):
    """These rows of a step, as far as it has them."""
    return tuple(step["says"].get(row, "") for row in rows)


def sums_of(circuit):
    """Each node's gradient after each line of the listing that adds to it."""
    sums = {}
    for line in lines(circuit.graph, circuit.output):
        if line.kind == "backward":
            part = circuit.graph.contribution(line.node, line.position)
            found = sums.setdefault(line.node.inputs[line.position], [])
            found.append(found[-1] + part if found else part)
    return sums


def test_the_first_circuit_as_one_works_it_out_on_paper(steps_of):
    found = steps_of(FIRST)
    forward = ("title", "rule", "here", "numbers")
    assert [said(step, *forward) for step in found[1:4]] == [
        ("Forward: q", "add: C = A + B", "q = x + y", "q = (-2) + 5 = 3"),
        ("Forward: f", "multiply: C = A * B", "f = q * z", "f = 3 * (-4) = -12"),
        ("Backward begins at f", "", "df = 1", ""),
    ]
    swaps, hands_on = "multiply: C = A * B", "add: C = A + B"
    assert [tuple(step["says"].values())[:7] for step in found[4:]] == [
        ("Backward: from f to q", f"{swaps}, dA = dC * B", "dq = df * z",
         "df = 1", "∂f/∂q = z = -4", "dq = 1 * (-4) = -4", ""),
        ("Backward: from f to z", f"{swaps}, dB = dC * A", "dz = df * q",
         "df = 1", "∂f/∂z = q = 3", "dz = 1 * 3 = 3", ""),
        ("Backward: from q to x", f"{hands_on}, dA = dC", "dx = dq", "dq = -4", "∂q/∂x = 1", "dx = -4 * 1 = -4", ""),
        ("Backward: from q to y", f"{hands_on}, dB = dC", "dy = dq", "dq = -4", "∂q/∂y = 1", "dy = -4 * 1 = -4", ""),
    ]  # fmt: skip
    names = ["title", "rule", "here", "upstream", "local", "product", "sum"]
    assert all(list(step["says"])[:7] == names for step in found[4:])
    assert said(found[0], "title") == ("The inputs",)
    assert said(found[3], "note") == ("The derivative of f with respect to f itself is 1.",)
    assert found[0]["known"] == {"value-0": ["-2"], "value-1": ["5"], "value-3": ["-4"]}
    assert [step["marked"]["fresh"] for step in found[3:6]] == [["gradient-4"], ["gradient-2"], ["gradient-3"]]
    assert found[5]["known"] == {
        **{"value-0": ["-2"], "value-1": ["5"], "value-2": ["3"], "value-3": ["-4"], "value-4": ["-12"]},
        **{"gradient-4": ["1"], "gradient-2": ["-4"], "gradient-3": ["3"]},
    }
    assert sorted(found[4]["marked"]["reads"]) == ["gradient-4", "value-3"]
    assert found[4]["marked"]["marks"] == ["gate-4", "lead-2", "wire-4-0"]
    assert said(found[4], "about")[0].endswith("it swaps its inputs.")


def test_where_values_fan_out_the_parts_are_added_one_by_one(steps_of):
    """For x and y of the notes' staged expression; the derivatives of its parts by hand."""
    x, y = 3.0, -4.0
    sigx, sigy = 1 / (1 + math.exp(-x)), 1 / (1 + math.exp(-y))
    num, den = x + sigy, sigx + (x + y) ** 2
    by_square, by_sigmoid, by_sum = -num / den**2 * 2 * (x + y), -num / den**2 * sigx * (1 - sigx), 1 / den
    steps = [step for step in steps_of(STAGED) if step["total"] is not None]
    to_x, to_y = ([step for step in steps if step["target"] == name] for name in ("x", "y"))
    parts = np.cumsum([by_square, by_sigmoid, by_sum])
    np.testing.assert_allclose([step["total"][0] for step in to_x], parts, rtol=1e-13)
    parts = np.cumsum([by_square, sigy * (1 - sigy) / den])
    np.testing.assert_allclose([step["total"][0] for step in to_y], parts, rtol=1e-13)
    assert [said(step, "here", "sum") for step in to_x] == [
        ("dx = dxpy", ""),
        ("dx += (1 - sigx) * sigx * dsigx", "dx = 1.583 + (-0.03576) = 1.547"),
        ("dx += dnum", "dx = 1.547 + 0.5121 = 2.06"),
    ]
    assert said(to_x[0], "product") == ("dx = 1.583 * 1 = 1.583",)


@each_example
def test_the_last_step_leaves_the_graphs_numbers_which_are_the_numeric_ones(steps_of, case):
    circuit, shown = case.run(), steps_of(case)[-1]["known"]
    numeric = circuit.numeric()
    for node in drawn(circuit.graph):
        assert shown[f"value-{node.index}"] == rows_of(circuit.graph.value(node.name))
        gradient = circuit.gradient(node)
        assert (f"gradient-{node.index}" in shown) == (gradient is not None and not node.constant)
        if node not in numeric or gradient.ndim > 2 or max(gradient.shape, default=0) > 4:
            continue
        numbers = [float(word) for line in shown[f"gradient-{node.index}"] for word in re.findall(r"[-+.e\d]+", line)]
        np.testing.assert_allclose(numbers, numeric[node].gradient.ravel(), rtol=6e-3, atol=1e-9)


@each_example
def test_a_gradient_grows_part_by_part_to_the_whole(steps_of, case):
    back = [step for step in steps_of(case) if step["total"] is not None]
    for node, totals in sums_of(case.run()).items():
        found = [step for step in back if step["target"] == node.name]
        for step, total in zip(found, totals, strict=True):
            np.testing.assert_allclose(step["total"], total.ravel(), rtol=1e-12, atol=1e-15)
            assert step["known"][f"gradient-{node.index}"] == rows_of(total)
        assert found[-1]["total"] == found[-1]["gradient"]  # to the last bit


@each_example
def test_a_step_is_a_line_of_the_listing_and_no_line_is_left_out(steps_of, case):
    circuit = case.run()
    first, *computing = steps_of(case)
    assert first["line"] == "# values"
    text = "\n".join(line.text for line in lines(circuit.graph, circuit.output)).partition("# forward")[2]
    expected = [line for line in text.splitlines() if line and line[0] != "#"]
    assert [step["line"] for step in computing] == [re.sub(" +# ", "  # ", line) for line in expected]
    for step in computing:
        assert step["line"].startswith(step["says"]["here"].partition("=")[0].rstrip("+ "))


@pytest.mark.parametrize(("text", "values", "title", "computed", "note"), COMPUTED)
def test_numbers_and_notes(steps_of, text, values, title, computed, note):
    step = titled(steps_of(Case(text, tuple(values))), title)
    assert "\n".join(filter(None, said(step, "numbers", "product", "sum"))) == computed
    assert said(step, "note") == (note,)


@pytest.mark.parametrize(("text", "values", "name", "local"), LOCAL)
def test_the_local_gradient_is_a_formula_and_its_number(steps_of, text, values, name, local):
    step = titled(steps_of(Case(text, tuple(values))), f"Backward: from f to {name}")
    assert said(step, "local") == (local,)


@each_example
def test_the_local_gradient_is_the_number_that_the_table_has(steps_of, case):
    """The page computes it by its own script; an array of equal numbers may stand there as one number."""
    circuit = case.run()
    for step in steps_of(case):
        if not (ends := re.fullmatch(r"Backward: from (\w+) to (\w+)", step["says"]["title"])):
            continue
        node = circuit.node(ends[1])
        for position, local in local_gradients(circuit.graph, node).items():
            if node.inputs[position].name == ends[2] and isinstance(local, np.ndarray):
                expected = {written(local)} | ({written(local.ravel()[0])} if np.ptp(local) == 0 else set())
                assert step["says"]["local"].rpartition("= ")[2] in expected


def test_a_jacobian_has_a_row_for_each_output(steps_of):
    """That of W x is W for x; for W it has x in other columns of each row."""
    steps = steps_of(Case("W @ x", ("W=[[1, 2], [3, 4]]", "x=[5, -6]")))
    assert titled(steps, "Backward: from f to x")["jacobian"] == "[[1, 2], [3, 4]]"
    assert titled(steps, "Backward: from f to W")["jacobian"] == "[[5, -6, 0, 0], [0, 0, 5, -6]]"


COUNTED = """() => {
    const { node } = chosen.steps.at(-1);
    const [backward] = node.backward;
    let calls = 0;
    node.backward = [(...given) => { calls += 1; return backward(...given); }];
    chosen.show();
    return [calls, chosen.find("dl").textContent.match(/∂.*output/)[0]];
}"""


def test_of_a_large_jacobian_only_the_shape_is_computed(visit, tmp_path):
    """Each of its rows is a backward pass; they would have millions of numbers together."""
    _, path = write_page(tmp_path, "sum(softmax(s))", [f"s={[1] * 100}"])
    page = visit(path, fragment="#step=999")
    assert page.evaluate(COUNTED) == [0, "∂t1/∂s = (100, 100), the Jacobian: a row for each output"]


def test_a_rule_is_in_the_plain_form_with_our_operations_by_their_names(steps_of):
    step = titled(steps_of(SOFTMAX_LOSS), "Backward: from L to s")
    assert said(step, "rule", "here") == (
        "softmax loss: E = np.log(np.sum(np.exp(S))) - S[y], dS = (softmax(S) - onehot(y)) * dE",
        "ds = (softmax(s) - onehot(y)) * dL",
    )
    assert step["marked"]["reads"] == ["value-0", "value-1", "gradient-2"]
    rule = "sigmoid: P = 1 / (1 + np.exp(-Z))"
    assert said(titled(steps_of(CLIPPED), "Forward: f"), "rule") == (rule,)


def test_gates_that_compute_the_same_keep_their_own_words(steps_of):
    """The sum of a scalar is the scalar, and so is a second name for it."""
    rules = [said(titled(steps_of(COPY), f"Forward: {name}"), "rule", "about") for name in "qf"]
    assert rules == [
        ("sum: C = A", "Each element gets the whole gradient."),
        ("identity: C = A", "A second name for a value: its gradient is handed on."),
    ]


def test_a_value_that_is_twice_an_input_has_two_steps_and_two_wires(steps_of):
    back = [step for step in steps_of(SQUARE) if said(step, "title") == ("Backward: from f to x",)]
    marks = [step["marked"]["marks"] for step in back]
    assert marks == [["gate-1", "lead-0", "wire-1-0"], ["gate-1", "lead-0", "wire-1-1"]]
    assert [step["known"]["gradient-0"] for step in back] == [["3"], ["6"]]


def test_the_upstream_gradient_is_where_it_begins(steps_of):
    steps = steps_of(UPSTREAM)
    start = titled(steps, "Backward begins at f")
    assert said(start, "here", "note") == ("df = [5, -7]", "The derivatives are those of sum(df * f).")
    back = titled(steps, "Backward: from f to x")
    assert said(back, "upstream", "product") == ("df = [5, -7]", "dx = np.sum([5, -7] * [1, 2]) = -9")


def test_a_class_index_and_constants_get_no_gradient(steps_of):
    circuit, shown = INDEX.run(), steps_of(INDEX)[-1]["known"]
    without = [circuit.node("y"), *(node for node in circuit.graph.nodes if node.constant)]
    assert len(without) == 2
    assert not any(f"gradient-{node.index}" in shown for node in without)


@each_example
def test_every_number_and_part_that_a_step_speaks_of_is_in_the_drawing(pages, case):
    steps, ids = pages[case]
    shown = {f"{key}-{row}" for key, rows in steps[-1]["known"].items() for row in range(len(rows))}
    assert {id for id in ids if re.match("value|gradient", id)} <= shown
    marks = {mark for step in steps for mark in step["marked"].get("marks", [])}
    within = {node: number for node in case.run().nodes if (number := number_within(node))}
    in_circles = {f"wire-{node.index}-{node.inputs.index(number)}" for node, number in within.items()}
    assert marks - set(ids) == in_circles | {
        f"lead-{number.index}" for number in within.values()
    }  # these have no wires
