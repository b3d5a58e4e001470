"""Promises of mlp.pages.javascript, kept in a browser: a page computes both passes of any graph as NumPy does."""

import json
import re
from itertools import product

import numpy as np
import pytest

from mlp.circuits.expression import parse
from mlp.gates import Elementwise
from mlp.gradient_check import all_gates
from mlp.graph import ComputationalGraph
from mlp.interpreter import run_backward, run_forward
from mlp.pages.javascript import ELEMENTWISE, Script
from mlp.system.errors import InputError
from mlp.trace import Formulas, trace
from tests.browser.conftest import page_of
from tests.circuits.test_random_expressions import LARGEST, agree, case
from tests.made_gates import Made, MadeElementwise

FLOAT64 = np.dtype("float64")

# Numbers go there and back as text: one by one, those of a thousand graphs would take a second.
BOTH_PASSES = """(circuits) => JSON.stringify(JSON.parse(circuits).map(({ nodes, output, leaves, upstream }) => {
    const graph = new Graph(nodes, output);
    for (const leaf of graph.leaves) leaf.value = arrayOf(leaf.shape, leaves[leaf.id]);
    graph.upstream = arrayOf(graph.output.shape, upstream);
    graph.run();
    const numbers = (A) => Array.from(flat(A));
    return graph.nodes.map((node) => [numbers(node.value), node.isReached ? numbers(node.gradient) : null]);
}))"""
FORWARD = """(calls) => JSON.parse(calls).map(([name, inputs]) => {
    const value = GATES[name].forward(...inputs.map(([shape, numbers]) => arrayOf(shape, numbers)));
    if (typeof value === "boolean") throw new Error("a value is no number");
    return Array.from(flat(value));
})"""
NUMBERS = [-2.5, -1, -0.5, 0, 0.3, 1, 2]


class Page:
    """Both passes of graphs, run in one page."""

    def __init__(self, visit, folder):
        self.visit, self.folder = visit, folder
        self.script = Script()
        self.circuits, self.expected = [], []

    def add(self, graph, output, upstream, what, gradients):
        """A graph after its forward pass; ``gradients``, by node, are those to expect. ``what`` describes it."""
        values = graph.latest_plan.values
        numbers = {node: value.reshape(-1).tolist() for node, value in values.items()}
        self.circuits.append(
            {
                "nodes": self.script.nodes(graph),
                "output": list(values).index(output),
                "leaves": [numbers[node] if node.gate is None else None for node in values],
                "upstream": np.asarray(upstream).reshape(-1).tolist(),
            }
        )
        arrays = [(value.reshape(-1), gradients.get(node)) for node, value in values.items()]
        self.expected.append((what, arrays))

    def agrees(self):
        """All values and gradients are the expected ones; where no gradient is expected, the page has none."""
        page = self.visit(page_of(self.folder, *self.script.array_scripts, self.script, "passes/graph.js"))
        found = json.loads(page.evaluate(BOTH_PASSES, json.dumps(self.circuits)))
        for arrays, (what, expected) in zip(found, self.expected, strict=True):
            for (value, gradient), (right_value, right_gradient) in zip(arrays, expected, strict=True):
                agree(value, right_value, 1e-12)
                assert (gradient is None) == (right_gradient is None), what
                if gradient is not None:
                    agree(gradient, right_gradient.reshape(-1), 1e-12)


@pytest.fixture
def in_page(visit, tmp_path):
    return Page(visit, tmp_path)


def test_a_thousand_random_expressions_have_the_librarys_values_and_gradients(in_page, monkeypatch):
    shared = Formulas(FLOAT64)  # each gate is traced once, not in each graph
    monkeypatch.setattr("mlp.graph.Formulas", lambda precision: shared)
    seed = 0
    while len(in_page.circuits) < 1000:
        one, seed = case(seed), seed + 1
        circuit = parse(one.text, one.values)
        graph = circuit.graph
        with np.errstate(all="ignore"):  # what overflows is left out below
            shape = graph.forward(circuit.output, *graph.nodes).shape
        if max(np.abs(value).max() for value in graph.latest_plan.values.values()) < LARGEST:
            upstream = np.random.default_rng(seed).uniform(0.5, 1.5, shape)
            graph.backward(upstream)
            in_page.add(graph, circuit.output, upstream, one.text, graph.latest_plan.gradients)
    in_page.agrees()


def test_every_gate_has_both_its_passes_for_each_kind_of_shapes(in_page):
    """With random upstream gradients; the gradients to expect come from the gate's own backward pass."""
    random = np.random.default_rng(4)
    for gate in all_gates():
        for shapes in gate.check_shapes:
            graph = ComputationalGraph()
            leaves = [graph.leaf(f"x{k}", drawn(gate, k, shapes, random)) for k in range(len(shapes))]
            output = graph.apply(gate, *leaves)
            upstream = random.uniform(-1, 1, graph.forward().shape)
            gradients = run_backward(output, run_forward(output), upstream)
            for k in gate.indices:
                del gradients[leaves[k]]
            in_page.add(graph, output, upstream, f"{gate} {shapes}", gradients)
    in_page.agrees()


def drawn(gate, position, shapes, random):
    """Numbers that the gate takes as its input at this position."""
    if position in gate.indices:
        return random.integers(shapes[0][-1], size=shapes[position])
    signs = 1 if gate.positive else random.choice([-1, 1], shapes[position])
    return signs * random.uniform(0.5, 2, shapes[position])


class Calls:
    """Gates' forward passes, called in one page with numbers and arrays."""

    def __init__(self, visit, folder):
        self.visit, self.folder = visit, folder
        self.script = Script()
        self.calls, self.expected, self.names = [], [], {}

    def add(self, function, *inputs):
        """``function`` as a gate, run on these inputs in the page and by NumPy."""
        arrays = [np.asarray(A, float) for A in inputs]
        key = (function, tuple(A.shape for A in arrays))
        if key not in self.names:
            gate = Made(function, lambda dC, C, *inputs: inputs)  # some gradient of the right shape
            self.names[key] = self.script.gate(gate, trace(gate, key[1], FLOAT64))
        self.calls.append([self.names[key], [[A.shape, A.reshape(-1).tolist()] for A in arrays]])
        with np.errstate(all="ignore"):  # inf and nan are expected of the page, too
            self.expected.append(np.asarray(function(*arrays), float).reshape(-1))

    def agree(self):
        page = self.visit(page_of(self.folder, *self.script.array_scripts, self.script))
        in_page = page.evaluate(FORWARD, json.dumps(self.calls))
        for (name, inputs), found, expected in zip(self.calls, in_page, self.expected, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15, err_msg=f"{name} of {inputs}")


@pytest.fixture
def calls(visit, tmp_path):
    return Calls(visit, tmp_path)


def test_each_elementwise_function_computes_what_numpys_does(calls):
    """Of numbers, arrays, and both; also where the result is infinite or not a number."""
    for function in ELEMENTWISE:
        count = 3 if function is np.where else function.nin
        for numbers in product(NUMBERS, repeat=count):
            if count < 3 or numbers[1:] == (-1, 2):
                calls.add(function, *numbers)
        calls.add(function, *np.meshgrid(*[NUMBERS] * count))
        if count > 1:
            calls.add(function, NUMBERS, *[0.5] * (count - 1))
            calls.add(function, *[0.3] * (count - 1), np.reshape(NUMBERS, (7, 1)))
    calls.agree()


REDUCTIONS = (np.sum, np.max, np.min, np.mean, np.multiply.reduce, np.logical_or.reduce, np.logical_and.reduce)


def test_reductions_along_any_axes_are_numpys(calls):
    A = np.random.default_rng(5).integers(-1, 4, (2, 3, 4)) / 4
    for function, axis, keepdims in product(REDUCTIONS, (None, 0, 1, -1, (0, 2), (1, 2), (0, 1, 2)), (False, True)):
        calls.add(lambda A, _f=function, _o={"axis": axis, "keepdims": keepdims}: _f(A, **_o), A)
    calls.add(lambda A: np.sum(A > 0) + np.max(A), NUMBERS)
    calls.add(lambda A: np.logical_or.reduce(A, axis=1), np.reshape(NUMBERS, (7, 1)))
    calls.add(lambda A: np.sum(A, axis=0), np.ones((0, 3)))
    calls.agree()


POWERS_AND_SIGNS = [
    lambda A: -(A**2),
    lambda A: (-A) ** 3,
    lambda A: (-2.0) ** np.floor(A),
    lambda A: -(2.0**-A) - -A,
    lambda A: (A - 3) ** -1 - np.negative(-A),
    lambda A: (A**2) ** 2 - A ** (A**2),
    lambda A: A - (A - (A - 2)) - -3.0,
    lambda A: A / (3 / (A + 4)) / 2,
    lambda A: np.reciprocal(A + 4) ** 2,
    lambda A: ((A < 0) == (A < 1)) + A * (A >= 0.3),
    lambda A: A < 1,
    lambda A: (A < 1) & ~(A < 0) | (A > 1) ^ (A > -1),
    lambda A: np.where(A > 0, -A, 2) * (A != 0.3),
]


def test_powers_signs_and_comparisons_are_bracketed_as_numpy_computes_them(calls):
    for function in POWERS_AND_SIGNS:
        for A in (*NUMBERS, NUMBERS, np.reshape(NUMBERS, (7, 1))):
            calls.add(function, A)
    calls.agree()


def test_products_and_changes_of_shape_are_numpys(calls):
    random = np.random.default_rng(6)
    m34, m42, m53, m54, v4, v3, t = (
        random.uniform(-1, 1, s) for s in [(3, 4), (4, 2), (5, 3), (5, 4), 4, 3, (2, 3, 4)]
    )
    for A, B in ((m34, m42), (v4, m42), (m34, v4), (v4, v4)):
        calls.add(lambda A, B: A @ B, A, B)
    for A in (m34, v4):
        calls.add(lambda A, B: A @ B.T, A, m54)
    calls.add(lambda A, B: A.T @ B.T, m34, m53)
    calls.add(lambda A, B: (A @ B.T) * np.sum(B.T), m34, m54)
    calls.add(np.outer, v3, v4)
    calls.add(lambda A: A.T, t)
    calls.add(lambda A: A.reshape(4, -1) + np.broadcast_to(np.sum(A), (4, 3)), m34)
    calls.add(lambda A, B: A[:, np.newaxis] * B[np.newaxis], v3, v4)
    calls.add(lambda A, B: np.broadcast_to(A + B[:, np.newaxis], (2, 3, 4)), v4, v3)
    calls.agree()


def test_what_occurs_several_times_in_a_pass_is_computed_once():
    """Also if it is a part of something else that does."""

    def function(A):
        E = np.exp(A)
        T = np.tanh(E) + E
        return T * T - np.sin(T) * E

    script = Script()
    script.gate(gate := MadeElementwise(function), trace(gate, ((2,),), FLOAT64))
    (forward,) = re.findall(r"forward: (.*)", script.source())
    assert [forward.count(f"np.{name}(") for name in ("exp", "tanh", "add", "sin")] == [1, 1, 1, 1]


class Words(Elementwise):
    """C = new np + function; its parameters have names that JavaScript, or our own script, uses."""

    name = "words"
    check_shapes = (((), (), ()), ((2,), (2,), (2,)))

    def forward(self, new, np, function):
        return new * np + function

    def backward(self, typeof, var, new, np, function):
        return typeof * np, typeof * new, typeof

    @classmethod
    def check_instances(cls):
        return []


def test_parameters_may_be_named_like_javascripts_words(in_page):
    for shapes in Words.check_shapes:
        graph = ComputationalGraph()
        leaves = [graph.leaf(f"x{k}", np.full(shape, k + 2.0)) for k, shape in enumerate(shapes)]
        output = graph.apply(Words(), *leaves)
        assert graph.forward().tolist() == np.full(shapes[0], 10.0).tolist()
        upstream = np.ones(shapes[0])
        in_page.add(graph, output, upstream, "words", run_backward(output, run_forward(output), upstream))
    in_page.agrees()


NAMES = [
    "</script><script>throw 1</script>",
    "'\"`\\",
    "<!--",
    "a_2",
    "a",
    "a",
    "a_2",
    "2nd",
    "__proto__",
    "new",
    "né\n",
]


def test_any_gates_name_is_safe_in_a_page_and_every_gate_has_a_name_of_its_own(in_page):
    graph = ComputationalGraph()
    node = graph.leaf("x", [1.0, -2.0])
    for k, name in enumerate(NAMES):
        gate = MadeElementwise(lambda A, _k=k: A + _k)
        gate.name = name
        node = graph.apply(gate, node)
    graph.forward()
    in_page.add(graph, node, np.ones(2), "names", run_backward(node, run_forward(node), np.ones(2)))
    source = in_page.script.source()
    assert "</" not in source
    assert "<!" not in source
    assert len({one.get("gate") for one in in_page.circuits[0]["nodes"]}) == 1 + len(NAMES)
    in_page.agrees()


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda A: np.nextafter(A, A), "np.nextafter"),
        (lambda A: np.fmax.reduce(A, keepdims=True) + A, "np.fmax.reduce"),
    ],
)
def test_a_function_that_pages_do_not_have_is_refused_with_its_gate(function, name):
    graph = ComputationalGraph()
    graph.apply(MadeElementwise(function), graph.leaf("x", [1.0, 2.0]))
    graph.forward()
    with pytest.raises(
        InputError, match=f"^the made gate: a page has no JavaScript for {name}: write the gate with other"
    ):
        Script().nodes(graph)
