"""Random expressions: graph, listing, interpreter, complex steps through NumPy and PyTorch agree."""

import functools
from dataclasses import dataclass
from random import Random

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlp.circuits.expression import parse
from mlp.circuits.listing import staged
from mlp.circuits.local_gradient import Jacobian, local_gradients
from mlp.interpreter import run_backward, run_forward

SHAPES = {"a": (), "b": (), "u": (3,), "v": (3,), "X": (2, 3), "Y": (2, 3), "c": (2, 1), "W": (3, 3)}
NARROWER = {(): [()], (3,): [(), (3,)], (2, 3): [(), (3,), (2, 3), (2, 1)], (2, 1): [(), (2, 1)], (3, 3): [(3, 3)]}
PRODUCTS = {
    (): [("u", (3,)), ("v", (3,))],
    (3,): [((3, 3), "u"), ("v", (3, 3)), ((3,), "W")],
    (2, 3): [((2, 3), "W"), ("X", (3, 3))],
}
LARGEST = 1e4
"""A bound on all values: beyond it the test would measure rounding, not gradients."""


@dataclass(frozen=True)
class Case:
    text: str
    values: dict


def case(seed):
    """One to three statements; later ones can use the names of earlier ones."""
    random, numbers = Random(seed), np.random.default_rng(seed)
    scope = dict(SHAPES)
    statements = []
    for name in random.choice([[], ["p"], ["p", "q"]]):
        shape = random.choice(list(NARROWER))
        statements.append(f"{name} = {term(random, shape, dict(scope), 2)}")
        scope[name] = shape
    statements.append(term(random, random.choice(list(NARROWER)), scope, 3))
    text = "; ".join(statements)
    tree = compile(text.replace("; ", "\n"), "", "exec")
    return Case(text, {name: numbers.uniform(-2, 2, SHAPES[name]) for name in sorted(SHAPES) if name in tree.co_names})


def term(random, shape, scope, depth):
    """An expression of this shape over the names in scope."""
    names = [name for name, of in scope.items() if of == shape]
    kind = random.choice(["name"] if depth == 0 else KINDS)
    if kind == "name" or (kind == "@" and shape not in PRODUCTS) or (kind in SCALARS and shape != ()):
        return random.choice(names)
    if kind == "constant":
        number = random.choice(["2", "0.5", "-3", "1.25"])
        return number if shape == () else f"({random.choice(names)} + {number})"
    if kind in ("+", "-", "*", "max", "add"):
        count = random.randint(2, 4) if kind in ("max", "add") else 2
        others = [random.choice(NARROWER[shape]) for _ in range(count - 1)]
        sides = [term(random, side, scope, depth - 1) for side in (shape, *others)]
        random.shuffle(sides)
        return f"{kind}({', '.join(sides)})" if kind in ("max", "add") else f"({sides[0]} {kind} {sides[1]})"
    if kind == "@":
        sides = random.choice(PRODUCTS[shape])
        left, right = (term(random, side, scope, depth - 1) if isinstance(side, tuple) else side for side in sides)
        return f"({left} @ {right})"
    if kind in ("sum", "losses"):
        inner = random.choice([(3,), (2, 3)])
        scores = term(random, inner, scope, depth - 1)
        if kind == "sum":
            return f"sum({scores})"
        classes = random.choices(range(3), k=2)
        loss = random.choice(["softmax_loss", "svm_loss"])
        return f"{loss}({scores}, {classes[0] if inner == (3,) else classes})"
    inner = term(random, shape, scope, depth - 1)
    return {
        "negate": f"(-{inner})",
        "square": f"{inner} ** 2" if inner.isidentifier() else f"({inner}) ** 2",
        "cube": f"({inner}) ** 3",
        "root": f"sigmoid({inner}) ** 0.5",
        "quotient": f"({inner} / ({inner} ** 2 + 1.5))" if inner.isidentifier() else f"({inner}) / 3",
        "reciprocal": f"(exp({inner}) + 1) ** -1",
        "log": f"log(({inner}) ** 2 + 0.5)",
        "sqrt": f"sqrt(({inner}) ** 2 + 0.5)",
    }.get(kind, f"{kind}({inner})")


cases = st.integers(0, 2**32 - 1).map(case)

SCALARS = ["sum", "losses"]
KINDS = ["name", "constant", "+", "-", "*", "max", "add", "@", *SCALARS]
KINDS += ["negate", "square", "cube", "root", "quotient", "reciprocal", "log", "sqrt"]
KINDS += ["exp", "sigmoid", "tanh", "sin", "cos", "abs", "relu"]


class Tied(Exception):
    """At a kink there is no derivative to compare with."""


def maximum(*inputs):
    return functools.reduce(larger, inputs)


def larger(a, b):
    if np.any(np.real(a) == np.real(b)):
        raise Tied
    return np.where(np.real(a) > np.real(b), a, b)


def softmax_loss(s, y):
    right = np.take_along_axis(s, np.asarray(y)[..., np.newaxis], -1)
    return np.sum(np.log(np.sum(np.exp(s), axis=-1))) - np.sum(right)


def svm_loss(s, y):
    index = np.asarray(y)[..., np.newaxis]
    margins = s - np.take_along_axis(s, index, -1) + 1
    np.put_along_axis(margins, index, 0, -1)
    return np.sum(maximum(margins, 1e-300))


NUMPY = {
    "exp": np.exp,
    "log": np.log,
    "sum": np.sum,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "abs": lambda a: maximum(a, -a),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "tanh": np.tanh,
    "relu": lambda a: maximum(a, 0),
    "max": maximum,
    "add": lambda *inputs: sum(inputs),
    "softmax_loss": softmax_loss,
    "svm_loss": svm_loss,
}


def evaluate(text, values, functions):
    """The text as Python: the test's own reading of it, on NumPy or PyTorch."""
    *statements, last = text.split("; ")
    scope = {"__builtins__": {}} | functions | values
    for statement in statements:
        exec(statement, scope)
    return eval(last, scope)


def complex_step_gradients(case, upstream):
    """The derivatives of sum(upstream * output): the imaginary part after a step of 1e-30 i, free of rounding."""
    gradients = {}
    for name, value in case.values.items():
        gradient = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            stepped = value.astype(complex)
            stepped[index] += 1e-30j
            output = evaluate(case.text, case.values | {name: stepped}, NUMPY)
            gradient[index] = np.sum(upstream * output).imag / 1e-30
        gradients[name] = gradient
    return gradients


def passes(case):
    """The circuit after both passes, with a random upstream gradient, unless the expression is out of bounds."""
    circuit = parse(case.text, case.values)
    with np.errstate(all="ignore"):
        shape = circuit.graph.forward(circuit.output, *circuit.graph.nodes).shape
    sizes = [np.abs(circuit.graph.value(node.name)).max() for node in circuit.graph.nodes]
    hypothesis.assume(max(sizes) < LARGEST)
    upstream = np.random.default_rng(1).uniform(0.5, 1.5, shape)
    circuit.run(upstream)
    return circuit, upstream


def agree(found, expected, share):
    """Equal up to a fraction of the array's largest number, or of 1, as rounding in larger values remains."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    difference, scale = np.abs(found - expected).max(), max(np.abs(expected).max(), 1.0)
    assert difference <= share * scale, (found, expected)


def gradient(circuit, name):
    """The gates' gradients; 0 for a value that the output does not depend on."""
    return circuit.gradient(circuit.node(name))


def agrees_with_the_interpreter(circuit, upstream):
    """A plain loop over the gates' own passes."""
    leaves = {node: circuit.graph.value(node.name) for node in circuit.graph.nodes if node.gate is None}
    values = run_forward(circuit.output, leaves)
    gradients = run_backward(circuit.output, values, upstream)
    for node, value in values.items():
        agree(circuit.graph.value(node.name), value, 1e-12)
        if circuit.graph.has_gradient(node):
            agree(circuit.graph.gradient(node.name), gradients[node], 1e-12)
        else:
            assert node.constant or not gradients[node].any()


def agrees_with_the_chain_rule(circuit, upstream):
    """Each gradient is the sum over the value's uses of upstream times local; a use with a Jacobian has no number."""
    graph = circuit.graph
    sums = {circuit.output: [upstream]}
    for node in reversed(circuit.nodes):
        if graph.has_gradient(node):
            for k, local in local_gradients(graph, node).items():
                is_number = local is not None and not isinstance(local, Jacobian)
                product = graph.gradient(node.name) * local if is_number else None
                sums.setdefault(node.inputs[k], []).append(product)
    for node, products in sums.items():
        if all(product is not None for product in products):
            agree(circuit.gradient(node), sum(products), 1e-12)


many = settings(
    max_examples=max(250, 2 * settings.default.max_examples),
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@many
@given(cases)
def test_values_and_gradients_are_those_of_numeric_differentiation_the_listing_and_the_interpreter(case):
    circuit, upstream = passes(case)
    agrees_with_the_interpreter(circuit, upstream)
    agrees_with_the_chain_rule(circuit, upstream)
    scope = {}
    exec(staged(circuit.graph, circuit.output), scope)
    for node in circuit.nodes:
        agree(scope[node.name], circuit.graph.value(node.name), 1e-12)
        agree(scope[f"d{node.name}"], circuit.gradient(node), 1e-12)
    try:
        agree(circuit.graph.value(circuit.output.name), evaluate(case.text, case.values, NUMPY), 1e-12)
        gradients = complex_step_gradients(case, upstream)
    except Tied:
        hypothesis.reject()
    for name, expected in gradients.items():
        agree(gradient(circuit, name), expected, 1e-9)


@many
@given(cases)
def test_values_and_gradients_are_those_of_pytorch(case):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def tensor(value):
        return torch.as_tensor(value, dtype=torch.float64)

    def hinge(s, y):
        s, y = torch.atleast_2d(s), torch.atleast_1d(torch.as_tensor(y))
        margins = s - s.gather(1, y[:, None]) + 1
        return torch.clamp(margins, min=0).sum() - len(s)

    functions = {
        "exp": lambda a: torch.exp(tensor(a)),
        "log": lambda a: torch.log(tensor(a)),
        "sum": lambda a: torch.sum(tensor(a)),
        "sqrt": lambda a: torch.sqrt(tensor(a)),
        "sin": lambda a: torch.sin(tensor(a)),
        "cos": lambda a: torch.cos(tensor(a)),
        "abs": lambda a: torch.abs(tensor(a)),
        "sigmoid": lambda a: torch.sigmoid(tensor(a)),
        "tanh": lambda a: torch.tanh(tensor(a)),
        "relu": lambda a: torch.relu(tensor(a)),
        "max": lambda *inputs: functools.reduce(torch.maximum, map(tensor, inputs)),
        "add": lambda *inputs: sum(map(tensor, inputs)),
        "softmax_loss": lambda s, y: functional.cross_entropy(
            torch.atleast_2d(s), torch.atleast_1d(torch.as_tensor(y)), reduction="sum"
        ),
        "svm_loss": hinge,
    }
    circuit, upstream = passes(case)
    try:
        evaluate(case.text, case.values, NUMPY)
    except Tied:
        hypothesis.reject()
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in case.values.items()}
    output = tensor(evaluate(case.text, tensors, functions))
    agree(circuit.graph.value(circuit.output.name), output.detach().numpy(), 1e-12)
    if output.requires_grad:
        (output * tensor(upstream)).sum().backward()
    for name, leaf in tensors.items():
        expected = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        agree(gradient(circuit, name), expected, 1e-9)
