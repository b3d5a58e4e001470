"""Promises of mlp.circuits.formula_text: Python that computes the formula, the rules of a page, the notes' notation."""

import ast

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlp.circuits.formula_text import Code, Mathematics, Rule, plain, plain_if_equal
from mlp.gates import Gate, Sigmoid, written_as
from mlp.gradient_check import all_gates
from mlp.losses import CrossEntropyLoss, SoftmaxLoss, onehot, softmax
from mlp.trace import Formulas, evaluate
from tests.made_gates import Made


def formula_of(gate, *shapes):
    return Formulas(np.dtype(float)).of(gate, *shapes)


class Typed(Gate):
    """A gate whose forward pass is a Python text in A and B."""

    def __init__(self, source):
        self.name, self.source = "typed", source

    def forward(self, A, B):
        names = {"np": np, "softmax": softmax, "onehot": onehot, "A": A, "B": B}
        return eval(self.source, names)  # noqa: S307  this test's own text

    def backward(self, dC, C, A, B):
        return A * 0, B * 0


def traced(source, shape=(2, 2)):
    return formula_of(Typed(source), shape, shape)


def code(source, shape=(2, 2)):
    formula = traced(source, shape)
    return Code({}).write(formula.value)


NUMBERS = ["2", "0.5", "(-3)"]


@st.composite
def sources(draw, depth=3):
    """A Python text with every operation in parentheses."""
    if depth == 0:
        return draw(st.sampled_from(["A", "B"]))

    def part():
        return draw(sources(depth - draw(st.integers(1, depth))))

    def other():
        return draw(st.sampled_from(NUMBERS)) if draw(st.booleans()) else part()

    def condition():
        compared = [f"({part()} {draw(st.sampled_from(['<', '<=', '>', '>=', '==', '!=']))} {other()})" for _ in "ab"]
        return draw(st.sampled_from([compared[0], f"({compared[0]} {draw(st.sampled_from('&|^'))} {compared[1]})"]))

    kind = draw(st.sampled_from(["operator", "operator", "left", "power", "negative", "call", "T", "where", "bool"]))
    operator = draw(st.sampled_from("+-*/@"))
    return {
        "operator": lambda: f"({part()} {operator} {part() if operator == '@' else other()})",
        "left": lambda: f"({draw(st.sampled_from(NUMBERS))} {draw(st.sampled_from('+-*/'))} {part()})",
        "power": lambda: f"({part()} ** {draw(st.sampled_from(['(-2)', '3', '0.5']))})",
        "negative": lambda: f"(-{part()})",
        "call": lambda: f"np.{draw(st.sampled_from(['exp', 'tanh', 'abs']))}({part()})",
        "T": lambda: f"({part()}).T",
        "where": lambda: f"np.where({condition()}, {part()}, {other()})",
        "bool": lambda: f"({part()} * {condition()})",
    }[kind]()


def without_parentheses(text):
    """The text without one of its pairs of parentheses, for each pair that is not that of a call."""
    opened = []
    for end, character in enumerate(text):
        if character == "(":
            opened.append(end)
        elif character == ")":
            start = opened.pop()
            if not (start and (text[start - 1].isalnum() or text[start - 1] == "_")):
                yield text[:start] + text[start + 1 : end] + text[end + 1 :]


def tree(text):
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return None


@given(sources())
@example("(-(-A))")
def test_code_is_the_formula_with_no_more_parentheses_than_python_needs(source):
    written = code(source)
    assert tree(written) == tree(source.replace("np.absolute", "np.abs"))
    for shorter in without_parentheses(written):
        assert "--" in shorter or tree(shorter) != tree(written)  # -(-A) is easier to read than --A


@pytest.mark.parametrize(
    ("source", "shape", "expected"),
    [
        ("np.sum(A * B)", (2, 3), "np.sum(A * B)"),
        ("np.maximum.reduce(A - B, axis=1, keepdims=True) * B", (2, 3), "np.max(A - B, axis=1, keepdims=True) * B"),
        ("np.minimum.reduce(A) + B", (2, 3), "np.min(A, axis=0) + B"),
        ("np.logaddexp.reduce(A) * B", (3,), "np.logaddexp.reduce(A) * B"),
        ("np.logaddexp.reduce(A, axis=None) * B", (2, 3), "np.logaddexp.reduce(A, axis=None) * B"),
        ("np.sum(A) / A.size * B", (2, 3), "np.sum(A) / 6 * B"),
        ("(A + B).reshape(3, 2)", (2, 3), "(A + B).reshape(3, 2)"),
        ("A[:, np.newaxis] * B", (3,), "A.reshape(3, 1) * B"),
        ("np.outer(A, B - 1)", (3,), "np.outer(A, B - 1)"),
        ("np.broadcast_to(A * B, (4, 3))", (3,), "np.broadcast_to(A * B, (4, 3))"),
        ("np.broadcast_to(A * B, (4, 3))", (), "np.full((4, 3), A * B)"),
        ("(A * B)[np.newaxis]", (), "np.full((1,), A * B)"),  # A Python number has no reshape.
        ("A * B + np.broadcast_to(np.sum(A), (2,))", (2,), "A * B + np.full((2,), np.sum(A))"),
        ("np.where(A > 0, B, -np.inf)", (2,), "np.where(A > 0, B, -np.inf)"),
        ("np.where(A > 0, 0.0, -0.0)", (2,), "np.where(A > 0, 0.0, -0.0)"),
        ("np.copysign(A, -0.0) * B", (2,), "np.copysign(A, -0.0) * B"),
        ("A * ~(B > 0)", (2,), "A * np.logical_not(B > 0)"),  # Python's ~True is -2.
        ("A * np.logical_and(A, B)", (2,), "A * np.logical_and(A, B)"),
        ("np.reciprocal(A * B)", (2,), "1 / (A * B)"),
        ("2 * softmax(A + B)", (3,), "2 * (np.exp(A + B) / np.sum(np.exp(A + B)))"),
        ("B * onehot(A + 1, classes=3)", (), "B * (np.arange(3) == (A + 1))"),
        ("np.sum(B) * onehot(A + 1, classes=3)", (2,), "np.sum(B) * (np.arange(3) == (A + 1)[:, None])"),
    ],
)
def test_code_of_what_is_no_operator(source, shape, expected):
    assert code(source, shape) == expected


@pytest.mark.parametrize("gate", all_gates(), ids=str)
def test_the_code_of_every_gate_computes_its_formula(gate):
    """With Python numbers for scalars, as in a listing."""
    random = np.random.default_rng(3)
    for shapes in gate.check_shapes:
        formula = formula_of(gate, *shapes)
        values = {term: random.uniform(0.5, 2, term.shape) for term in formula.symbols}
        values |= {
            formula.inputs[k]: random.integers(shapes[0][-1], size=shapes[k]).astype(float) for k in gate.indices
        }
        scope = {term.symbol: value if value.ndim else value.item() for term, value in values.items()}
        scope |= {formula.inputs[k].symbol: values[formula.inputs[k]].astype(int) for k in gate.indices}
        for exact in (formula.value, *filter(None, formula.gradients)):
            for term in (exact, plain(formula, exact)):
                found = eval(Code({}).write(term), {"np": np} | scope)  # noqa: S307
                assert np.shape(found) == term.shape
                np.testing.assert_allclose(found, evaluate(exact, values), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("A @ B.T", "A B'"),
        ("0.5 * np.sum((A - B) ** 2)", "1/2 sum (A - B)^2"),
        ("(1 - A) * A * B", "A (1 - A) B"),
        ("A * (B @ A)", "A (B A)"),
        ("(A @ B) * B.T", "(A B) B'"),
        ("(A @ B) @ A", "(A B) A"),
        ("-A * B / (A * B)", "-A B / (A B)"),
        ("A * -B", "A (-B)"),
        ("np.sum(A) * B", "(sum A) B"),
        ("2.0 * np.sum(A) * B", "(2 sum A) B"),
        ("np.sum(A) + B", "(sum A) + B"),
        ("np.sum(A + B, axis=0) ** 2", "(sum over rows of (A + B))^2"),
        ("np.maximum.reduce(A * B, axis=1)", "max over columns of (A B)"),
        ("np.log1p(np.exp(-np.abs(A + B)))", "log(1 + exp(-abs(A + B)))"),
        ("A ** -0.5 + np.sqrt(B)", "A^(-0.5) + sqrt(B)"),
        ("A * (A > B)", "A (A > B)"),
        ("np.maximum(A, 0) - np.minimum(1, B)", "max(A, 0) - min(1, B)"),
        ("np.where(A > 0, A, B)", "where(A > 0, A, B)"),
        ("np.broadcast_to(np.sum(A), (2, 2)) * B", "(sum A) B"),
    ],
)
def test_the_notation_of_the_notes(source, expected):
    formula = traced(source)
    assert Mathematics({}, {}).write(formula.value) == expected


def test_mathematics_names_a_value_that_is_known():
    formula = traced("(A + B) * np.exp(A + B)")
    assert Mathematics({}, {"A + B": "Q"}).write(formula.value) == "Q exp(Q)"
    assert Mathematics({}, {"A": "Q"}).write(formula.value) == "(A + B) exp(A + B)"  # an input keeps its name


def test_rules_name_our_own_operations():
    formula = formula_of(SoftmaxLoss(), (3,), ())
    dS = plain(formula, formula.gradients[0])
    assert Rule({}).write(dS) == "(softmax(S) - onehot(y)) * dE"
    assert Code({}).write(dS) == "(np.exp(S) / np.sum(np.exp(S)) - (np.arange(3) == y)) * dE"


DOUBLED = Made(
    lambda A: written_as(lambda: 2 * A + 1e-20, A + A),
    lambda dC, C, A: (written_as(lambda: 1e308 * dC * 2 / 1e308, dC + dC),),
)
"""A plain form that has the same numbers up to rounding, and one that may overflow."""


def test_a_program_is_plain_only_where_the_numbers_are_the_same_and_nothing_overflows():
    formula = formula_of(DOUBLED, ())
    A, C, dC = formula.symbols

    def program(term, number):
        return Code({}).write(plain_if_equal(formula, term, {A: number, C: 2 * number, dC: number}))

    assert Code({}).write(plain(formula, formula.value)) == "2 * A + 1e-20"
    assert program(formula.value, np.array(3.0)) == "2 * A + 1e-20"
    assert program(formula.value, np.array(1e-20)) == "A + A"  # the numbers differ
    assert program(formula.gradients[0], np.array(0.5)) == "1e+308 * dC * 2 / 1e+308"
    assert program(formula.gradients[0], np.array(3.0)) == "dC + dC"  # overflows


@pytest.mark.parametrize(("number", "is_plain"), [(-709.9, False), (-800, False), (-700, True), (1e4, True)])
def test_the_sigmoid_is_plain_unless_exp_overflows(number, is_plain):
    formula = formula_of(Sigmoid(), (2,))
    value = plain_if_equal(formula, formula.value, {formula.inputs[0]: np.array([number, 2.0])})
    expected = "Z" if is_plain else "np.maximum(Z, -708)"
    assert Code({}).write(value) == f"1 / (1 + np.exp(-{expected}))"


def test_a_program_has_no_warning_even_where_it_would_not_matter():
    formula = formula_of(CrossEntropyLoss(), (), ())
    Z, Y, E, dE = formula.symbols
    for number, is_plain in ((-1000.0, False), (1000.0, True), (3.0, True)):
        values = {Z: np.array(number), Y: np.array(1.0), E: np.array(0.0), dE: np.array(1.0)}
        assert (plain_if_equal(formula, formula.gradients[0], values) is not formula.gradients[0]) == is_plain
