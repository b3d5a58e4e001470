"""Promises of mlp.trace: the record of a pass is its formula, and what cannot be recorded raises and says so."""

import gc
import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from weakref import ref

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlp.gates import Add, Elementwise, Gate, Max, Multiply, Power, Sigmoid, Sum
from mlp.graph import ComputationalGraph
from mlp.trace import FUNCTIONS, Formulas, evaluate, parts, trace
from tests.made_gates import CHANGES, FLOATS, Made, MadeElementwise, random_array, random_gate

DOUBLE = np.dtype(float)
M, N, V, S = (2, 3), (3, 2), (3,), ()


class Scale(Elementwise):
    """C = k A, with k in ``factor``: the classes below keep it in different places."""

    def forward(self, A):
        return A * self.factor

    def backward(self, dC, C, A):
        return (dC * self.factor,)


def traced(function, *shapes):
    """The formula of a forward pass, and the array of each input."""
    arrays = [np.linspace(-1.3, 1.7, math.prod(shape)).reshape(shape) for shape in shapes]
    backward = lambda dC, C, *inputs: tuple(map(np.zeros_like, inputs))  # noqa: E731
    formula = trace(Made(function, backward), shapes, DOUBLE)
    return formula, arrays


def assert_recorded(function, *shapes):
    """What is recorded computes what NumPy does, in the same shape."""
    formula, arrays = traced(function, *shapes)
    found, right = evaluate(formula.value, dict(zip(formula.inputs, arrays, strict=True))), function(*arrays)
    assert np.shape(found) == formula.value.shape == np.shape(right)
    np.testing.assert_allclose(found, right, rtol=1e-15, atol=0)  # A**2 is np.power in the record


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda A: np.sum(A, axis=0), [M]),
        (lambda A: np.sum(A, 1, keepdims=True), [M]),
        (lambda A: np.sum(A, axis=(0, 2)), [(2, 3, 4)]),
        (lambda A: np.sum(A, axis=-1), [(2, 3, 4)]),
        (lambda A: A.sum((0, 1), keepdims=True), [M]),
        (lambda A: A.sum(), [S]),
        (lambda A: np.arctanh(A / 4), [M]),  # infinite at 1
        (lambda A: (A > 0).sum(), [M]),
        (lambda A: (A > 0).sum(), [S]),
        (lambda A: (A > 0).mean(axis=1), [M]),
        (lambda A: np.max(A, axis=1, keepdims=True), [M]),
        (lambda A: A.max(), [M]),
        (lambda A: A.max(0), [M]),
        (lambda A: np.min(A, -1), [M]),
        (lambda A: A.min(axis=0, keepdims=True), [M]),
        (lambda A: np.mean(A, axis=(0, 1)), [M]),
        (lambda A: A.mean(), [V]),
        (lambda A: np.add.reduce(A), [M]),
        (lambda A: np.multiply.reduce(A > -2) + np.multiply.reduce(A > -3), [V]),
        (lambda A: ~np.logical_or.reduce(A), [V]),
        (lambda A: np.logaddexp.reduce(A, axis=1, keepdims=True), [M]),
        (lambda A: np.multiply.reduce(A, axis=None), [M]),
        (lambda A: ~np.logical_and.reduce(A > 0, axis=1), [M]),
        (lambda A: (A > 0).max(axis=0) & (A > 0).min(axis=0), [M]),
        (lambda A: np.reshape(A, (3, 2)), [M]),
        (lambda A: np.reshape(A, -1), [M]),
        (lambda A: A.reshape(3, -1), [M]),
        (lambda A: A.reshape((6,)), [M]),
        (lambda A: A.reshape(2, 3), [M]),
        (lambda A: A.T, [M]),
        (lambda A: np.transpose(A), [(2, 3, 4)]),
        (lambda A: A.transpose(), [V]),
        (lambda A: A[:, np.newaxis], [V]),
        (lambda A: A[None], [V]),
        (lambda A: A[..., None, :], [M]),
        (lambda A: A[np.newaxis, np.newaxis], [S]),
        (lambda A, B: np.dot(A, B), [M, N]),
        (lambda A, B: A @ B, [V, N]),
        (lambda A, B: A @ B, [M, V]),
        (lambda A, B: A @ B, [V, V]),
        (lambda A, B: (A > 0) @ B, [M, N]),
        (lambda A, B: np.outer(A, B), [V, V]),
        (lambda A, B: np.outer(A, B), [V, (2,)]),
        (lambda A, B: np.where(A > B, A, B), [M, V]),
        (lambda A: np.where(A, 1.0, A), [M]),
        (lambda A: np.where(A > 0, 1, 0), [M]),
        (lambda A: np.clip(A, 0, 1), [M]),
        (lambda A: np.clip(A, a_min=-0.5, a_max=0.5), [M]),
        (lambda A: np.broadcast_to(A, (2, 3)), [V]),
        (lambda A: np.broadcast_to(A, 3), [S]),
        (lambda A: np.zeros_like(A), [M]),
        (lambda A: np.ones_like(A), [M]),
        (lambda A: np.shape(A)[0] * np.ndim(A) * np.size(A) * A, [M]),
        (lambda A: (A > 0) + (A < 1), [M]),
        (lambda A: (A > 0) * (A < 1), [M]),
        (lambda A: (A > 0) * (A < 1) * A, [M]),
        (lambda A: 1 - (A > 0), [M]),
        (lambda A: (A > 0) + True, [M]),
        (lambda A: 1 / ((A > 0) + 1), [M]),
        (lambda A: (A > 0) ** 2, [M]),
        (lambda A: ~(A > 0) | (A == 0) ^ (A != 1), [M]),
        (lambda A: np.logical_or(A > 1, np.isnan(A)), [M]),
        (lambda A: np.sign(A) * np.floor(A) // 2 % 3, [M]),
        (lambda A: np.hypot(A, 2) + np.arctan2(A, -1), [M]),
        (lambda A: np.float32(0.5) * A + np.int64(2), [M]),
        (lambda A: sum([A, 2 * A, 3 * A]), [M]),
    ],
)
def test_what_is_recorded_computes_the_same_as_numpy(function, shapes):
    assert_recorded(function, *shapes)


@pytest.mark.parametrize("name", [*FLOATS, *CHANGES])
def test_the_functions_of_random_formulas_are_recorded(name):
    """At least for one of these shapes: so that random formulas have them all."""
    function = (FLOATS | CHANGES)[name]
    found = 0
    for shapes in ((M, M), (M, N), (V, V)):
        try:
            assert_recorded(function, *shapes[: function.__code__.co_argcount])
            found += 1
        except (ValueError, IndexError, TypeError):
            continue
    assert found


def test_every_function_in_the_list_is_tried_here():
    tried = {np.shape, np.ndim, np.size, np.sum, np.max, np.min, np.mean, np.reshape, np.transpose, np.dot, np.outer}
    assert set(FUNCTIONS) == tried | {np.where, np.clip, np.broadcast_to, np.zeros_like, np.ones_like}


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(data=st.data())
def test_random_formulas_compute_what_the_passes_compute(data):
    inputs = [random_array(data.draw, "float64") for _ in range(data.draw(st.integers(1, 3)))]
    gate = random_gate(data.draw, inputs)
    C = np.asarray(gate.forward(*inputs), float)
    dC = np.linspace(-1, 2, C.size).reshape(C.shape)
    formula = trace(gate, tuple(A.shape for A in inputs), DOUBLE)
    values = dict(zip((*formula.inputs, formula.output, formula.upstream), (*inputs, C, dC), strict=True))
    np.testing.assert_allclose(evaluate(formula.value, values), C, rtol=1e-12, atol=1e-13)
    for term, dA, A in zip(formula.gradients, gate.checked_backward(dC, C, *inputs), inputs, strict=True):
        assert term.shape == A.shape
        np.testing.assert_allclose(evaluate(term, values), dA, rtol=1e-12, atol=1e-13)


class Branching(Gate):
    """A gate that branches on all that is known of an array without its numbers."""

    def __init__(self):
        self.name = "branching"

    def forward(self, A):
        known = (A.shape, A.ndim, A.size, len(A), np.shape(A), np.ndim(A), np.size(A))
        assert known == ((2, 3), 2, 6, 2, (2, 3), 2, 6)
        return A if A.dtype == np.float32 else -A

    def backward(self, dC, C, A):
        return (dC if A.dtype == np.float32 else -dC,)


@pytest.mark.parametrize(("precision", "right"), [("float32", 1), ("float64", -1)])
def test_a_pass_may_branch_on_shapes_and_types(precision, right):
    graph = ComputationalGraph(precision)
    a = graph.leaf("a", np.ones((2, 3)))
    f = graph.apply(Branching(), a)
    assert np.all(f.forward() == right)
    f.backward()
    assert np.all(a.gradient == right)


def assigned(A):
    A[0] = 1
    return A


def added(A):
    A += 1
    return A


VALUES, CONSTANT, IN_PLACE, CURE = (
    "needs the numbers of an array, but it is run once for all of them. Branch on shapes only; in place of if write",
    "that is no input of the gate: its numbers would stay as they are now. Make it an input",
    "assigns in place",
    "cannot be recorded: write it with operators, @, comparisons",
)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda A: math.exp(A), VALUES),
        (lambda A: A if A[None].sum() > 0 else -A, VALUES),
        (lambda A: A if A.sum() else -A, VALUES),
        (lambda A: A if 3 in A else -A, VALUES),
        (lambda A: A if (A > 0).sum() == 3 else -A, VALUES),
        (lambda A: float(A) * A, VALUES),
        (lambda A: int(A) * A, VALUES),
        (lambda A: complex(A) * A, VALUES),
        (lambda A: [0, 1][A] * A, VALUES),
        (lambda A: sum(A), VALUES),
        (lambda A: max(*A), VALUES),
        (lambda A: np.array(A), VALUES),
        (lambda A: np.asarray(A), VALUES),
        (lambda A: np.array([A, A]), VALUES),
        (lambda A: np.vectorize(math.exp)(A), VALUES),
        (lambda A: np.sum([A, A]), VALUES),
        (lambda A: math.floor(A), VALUES),
        (lambda A: np.linalg.norm(A), f"np.linalg.norm {CURE}"),
        (lambda A: np.sort(A), f"np.sort {CURE}"),
        (lambda A: np.concatenate([A, A]), f"np.concatenate {CURE}"),
        (lambda A: np.einsum("ij,ij->i", A, A), f"np.einsum {CURE}"),
        (lambda A: np.prod(A), f"np.prod {CURE}"),
        (lambda A: np.any(A > 0), f"np.any {CURE}"),
        (lambda A: np.full_like(A, 2), f"np.full_like {CURE}"),
        (lambda A: np.copy(A), f"np.copy {CURE}"),
        (lambda A: np.allclose(A, A), f"np.allclose {CURE}"),
        (lambda A: A.cumsum(), f".cumsum {CURE}"),
        (lambda A: A.astype(int), f".astype {CURE}"),
        (lambda A: A.dot(A.T), f".dot {CURE}"),
        (lambda A: A.copy(), f".copy {CURE}"),
        (lambda A: A.ravel(), f".ravel {CURE}"),
        (lambda A: A.flat, f".flat {CURE}"),
        (lambda A: A[0], "an index other than np.newaxis, : and ... cannot be recorded"),
        (lambda A: A[1:], "an index other than np.newaxis, : and ... cannot be recorded"),
        (lambda A: A[A > 0], "an index other than np.newaxis, : and ... cannot be recorded"),
        (lambda A: A[:, [0, 1]], "an index other than np.newaxis, : and ... cannot be recorded"),
        (assigned, f"{IN_PLACE}: return a new array, as by np.where"),
        (added, f"{IN_PLACE}: write A = A + B in place of A += B"),
        (lambda A: np.add(A, 1, out=A), IN_PLACE),
        (lambda A: np.add(A, 1, out=np.empty(M)), IN_PLACE),
        (lambda A: A * np.ones(3), f"computes with an array {CONSTANT}"),
        (lambda A: np.ones(3) * A, f"computes with an array {CONSTANT}"),
        (lambda A: A + np.array(2.0), f"computes with an array {CONSTANT}"),
        (lambda A: np.array(2.0) + A, f"computes with an array {CONSTANT}"),
        (lambda A: A - [1, 2, 3], f"computes with a list {CONSTANT}"),
        (lambda A: (1, 2, 3) - A, f"computes with a tuple {CONSTANT}"),
        (lambda A: np.ones((2, 2)) @ A, f"computes with an array {CONSTANT}"),
        (lambda A: np.dot(np.ones((2, 2)), A), f"computes with an array {CONSTANT}"),
        (lambda A: np.where(np.array([True, False, True]), A, 0), f"computes with an array {CONSTANT}"),
        (lambda A: A * np.random.default_rng(0).random(3), f"computes with an array {CONSTANT}"),
        (lambda A: A * None, "computes with None, which is neither an array nor a real number"),
        (lambda A: A * "2", "computes with '2', which is neither an array nor a real number"),
        (lambda A: A * 1j, "computes with 1j, which is neither an array nor a real number"),
        (lambda A: A * np.complex128(1j), "computes with 1j, which is neither an array nor a real number"),
        (lambda A: A * Fraction(1, 2), "which is neither an array nor a real number"),
        (lambda A: A * Decimal(1), "which is neither an array nor a real number"),
        (lambda A: np.clip(A, 0, None), "computes with None, which is neither an array nor a real number"),
        (lambda A: np.modf(A)[0], f"np.modf of floats {CURE}"),
        (lambda A: divmod(A, 2), f"np.divmod of floats and floats {CURE}"),
        (lambda A: np.frexp(A), f"np.frexp of floats {CURE}"),
        (lambda A: -(A > 0), f"np.negative of bools {CURE}"),
        (lambda A: (A > 0) - (A > 1), f"np.subtract of bools and bools {CURE}"),
        (lambda A: ~A, f"np.invert of floats {CURE}"),
        (lambda A: (A > 0) << 1, "np.left_shift of bools and floats cannot be recorded: write it with"),
        (
            lambda A: np.signbit(A) // np.signbit(A),
            "np.floor_divide of bools and bools cannot be recorded: write it with",
        ),
        (lambda A: np.exp(A > 0), "np.exp of bools cannot be recorded: write it with"),
        (lambda A: np.add.accumulate(A), f"np.add.accumulate {CURE}"),
        (lambda A: np.multiply.outer(A, A), f"np.multiply.outer {CURE}"),
        (lambda A: np.add.at(A, 0, 1), f"np.add.at {CURE}"),
        (lambda A: np.add.reduce(A, dtype=float), f"np.add.reduce {CURE}"),
        (lambda A: np.add(A, 1, where=A > 0), f"np.add with where= {CURE}"),
        (lambda A: np.exp(A, dtype=float), f"np.exp with dtype= {CURE}"),
        (lambda A: np.add(A, 1, casting="unsafe"), f"np.add with casting= {CURE}"),
        (lambda A: np.sum(A, dtype=float), f"np.sum with dtype= {CURE}"),
        (lambda A: np.max(A, initial=0), f"np.max with initial= {CURE}"),
        (lambda A: np.reshape(A, (3, 2), order="F"), f"np.reshape with order= {CURE}"),
        (lambda A: np.transpose(A, (1, 0)), f"np.transpose of these arguments {CURE}"),
        (lambda A: np.where(A > 0), f"np.where of these arguments {CURE}"),
        (lambda A: A.sum(dtype=float), "np.sum with dtype= cannot be recorded: write it with"),
        (
            lambda A: A.transpose(1, 0),
            "transpose.* positional argument.* if an array of the pass cannot do this, write it with",
        ),
        (
            lambda A: A.reshape(3, 2, order="F"),
            "argument 'order'; if an array of the pass cannot do this, write it with",
        ),
        (lambda A: (A > 0) @ (A > 0).T, "np.matmul of bools and bools cannot be recorded: write it with"),
        (lambda A: round(A), "__round__.* write it with"),
        (lambda A: {A: 1}[A], "unhashable.* write it with"),
        (lambda A: A.reshape(4), "cannot reshape array of size 6 into shape"),
        (lambda A: A.sum(axis=2), "axis 2 is out of bounds"),
        (lambda A: A.sum(axis=(0, 0)), "duplicate value"),
        (lambda A: np.broadcast_to(A, (4, 3)), r"\(4,3\)"),
        (lambda A: A[:, :, :], "too many indices"),
        (lambda A: A @ A, r"shapes \(2, 3\) and \(2, 3\) do not fit: 3 columns meet 2 rows"),
        (lambda A: A @ 2, "each must be a vector or a matrix"),
        (lambda A: np.outer(A, A), "each must be a vector"),
        (lambda A: A + A.T, r"shapes \(2, 3\) and \(3, 2\) do not broadcast"),
        (lambda A: 3.0, r"forward returns 3.0: it must return one array, computed from the inputs"),
        (lambda A: np.float64(3), "forward returns .*3.0.*: it must return one array"),
        (lambda A: None, "forward returns None: it must return one array"),
        (lambda A: [A], "forward returns a list: it must return one array"),
        (lambda A: (A, A), "forward returns a tuple: it must return one array"),
        (lambda A: np.ones(M), "forward returns a ndarray: it must return one array"),
    ],
)
def test_what_cannot_be_recorded_is_named_with_the_gate_and_a_cure(function, message):
    pattern = message if ".*" in message or "\\" in message else re.escape(message)
    with pytest.raises(ValueError, match=rf"^made: .*{pattern}"):
        traced(function, M)


def test_the_backward_pass_is_recorded_too():
    with pytest.raises(ValueError, match=r"^made: a pass needs the numbers of an array"):
        trace(Made(lambda A: A, lambda dC, C, A: (dC if A.sum() > 0 else -dC,)), (M,), DOUBLE)
    with pytest.raises(ValueError, match=r"^made: a pass computes with an array that is no input"):
        trace(Made(lambda A: A, lambda dC, C, A: (np.ones(M),)), (M,), DOUBLE)


def test_equal_expressions_are_one_term():
    formula = trace(Made(lambda A: (A + 1) * (1 + A) * (A + 1), lambda dC, C, A: (dC * (A + 1),)), (M,), DOUBLE)
    terms = list(parts(formula.value, *formula.gradients))
    assert [term.function for term in terms].count(np.add) == 2  # A + 1 and 1 + A
    assert len(terms) == len(set(terms))
    one = traced(lambda A: A.sum(-1) + A.sum(axis=1) + A.sum((1,)), M)[0].value
    assert [term.function for term in parts(one)].count(np.add.reduce) == 1
    one = traced(lambda A: A.sum((0, 2)) + A.sum((2, 0)) + A.sum((-1, 0)), (2, 3, 4))[0].value
    assert [term.function for term in parts(one)].count(np.add.reduce) == 1


def test_forty_doublings_in_one_gate_are_forty_terms():
    def doubled(A):
        for _ in range(40):
            A = A + A
        return A

    formula, arrays = traced(doubled, S)
    assert len(list(parts(formula.value))) == 41
    assert evaluate(formula.value, dict(zip(formula.inputs, arrays, strict=True))) == arrays[0] * 2**40
    graph = ComputationalGraph()
    a = graph.leaf("a", 1.0)
    f = graph.apply(MadeElementwise(doubled, lambda dC, C, A: (doubled(dC),)), a)
    assert f.forward() == 2**40
    f.backward()
    assert a.gradient == 2**40


def test_a_gate_is_traced_once_for_its_shapes_and_parameters():
    calls = []

    def forward(A):
        calls.append(A.shape)
        return A

    formulas = Formulas(DOUBLE)
    gate = Made(forward)
    first = formulas.of(gate, M)
    assert formulas.of(gate, M) is first
    assert formulas.of(gate, V) is not first
    assert calls == [M, V]
    assert formulas.of(Power(2), M) is formulas.of(Power(2), M)
    exponents = (2, 2.0, 3, 0.0, -0.0)
    assert len({formulas.of(Power(exponent), M) for exponent in exponents}) == len(exponents)
    listed = Made(forward)
    listed.parameter = [1, 2]  # has no hash
    assert formulas.of(listed, V).value.shape == V


class ScaleBySlot(Scale):
    __slots__ = ("factor",)

    def __init__(self, factor):
        self.factor = factor


@dataclass
class ScaleOfData(Scale):
    """It has no hash."""

    factor: float


@dataclass(frozen=True, slots=True)
class ScaleOfFrozenData(Scale):
    factor: float


@dataclass(unsafe_hash=True)
class ScaleThatEqualsOthers(Scale):
    factor: float = field(compare=False)


class ScaleByItself(Scale, float):
    factor = property(float)


@pytest.mark.parametrize("kind", [ScaleBySlot, ScaleOfData, ScaleOfFrozenData, ScaleThatEqualsOthers, ScaleByItself])
def test_gates_with_other_parameters_have_other_formulas_wherever_they_keep_them(kind):
    graph = ComputationalGraph()
    a = graph.leaf("a", 1.0)
    f = graph.apply(Add(), graph.apply(kind(2.0), a), graph.apply(kind(3.0), a))
    assert f.forward() == 5
    f.backward()
    assert a.gradient == 5


def test_a_new_plan_computes_with_the_parameters_that_a_gate_has_then():
    graph = ComputationalGraph()
    power = Power(2)
    f = graph.apply(power, a := graph.input("a", needs_gradient=True))
    assert f.forward(a=3) == 9
    power.exponent = 3
    assert f.forward(a=[3]) == [27]
    f.backward()
    assert a.gradient == [27]


def test_formulas_are_kept_for_a_limited_number_of_shapes(monkeypatch):
    monkeypatch.setattr("mlp.trace.MAX_FORMULAS", 3)
    graph = ComputationalGraph()
    total = graph.apply(Sum(), graph.input("a"))
    sizes = [*range(1, 9), 1]
    alive = [ref(graph.formulas.of(total.gate, (n,))) for n in sizes]
    gc.collect()
    assert sum(formula() is not None for formula in alive) <= 3
    assert [graph.forward(a=np.ones(n)) for n in sizes] == sizes


def test_a_formula_has_the_symbols_of_the_passes():
    formula = trace(Multiply(), (M, V), DOUBLE)
    assert [term.symbol for term in formula.inputs] == ["A", "B"]
    assert (formula.output.symbol, formula.upstream.symbol) == ("C", "dC")
    assert [term.shape for term in formula.gradients] == [M, V]
    many = trace(Max(), (V, V, V, V), DOUBLE)
    assert [term.symbol for term in many.inputs] == ["A", "B", "D", "E"]
    assert trace(Sigmoid(), (V,), DOUBLE).inputs[0].symbol == "Z"
    handed_on = trace(Add(), (V, V), DOUBLE)
    assert handed_on.gradients == (handed_on.upstream, handed_on.upstream)


def test_a_plain_form_has_the_same_numbers():
    formula = trace(Sigmoid(), (V,), DOUBLE)
    (exact, plain), *others = formula.plain.items()
    assert not others
    Z = np.array([-3.0, 0, 20])
    values = {formula.inputs[0]: Z}
    np.testing.assert_array_equal(evaluate(exact, values), evaluate(plain, values))
    assert plain is formula.inputs[0]


def test_a_pass_that_works_in_float32_gets_the_precision():
    """The sigmoid's argument is held where exp is a normal number in its precision."""
    largest = {p: trace(Sigmoid(), (V,), np.dtype(p)) for p in ("float32", "float64")}
    numbers = {p: {t.number for t in parts(f.value) if t.number is not None} for p, f in largest.items()}
    assert -87 in numbers["float32"]
    assert -708 in numbers["float64"]


def test_an_array_that_a_gate_keeps_from_an_earlier_trace_is_refused():
    """It has another shape's symbols."""
    kept = []

    def forward(A):
        kept.append(A)
        return A * kept[0].sum()

    assert traced(forward, M)[0].value.shape == M
    with pytest.raises(
        ValueError, match="the gate kept an array from an earlier trace: a pass may use only its arguments"
    ):
        traced(forward, V)


def test_a_gate_may_keep_a_result_of_its_forward_pass_for_its_backward_pass():
    class Mask(Gate):
        def __init__(self):
            self.name = "mask"

        def forward(self, A):
            self.positive = A > 0
            return A * self.positive

        def backward(self, dC, C, A):
            return (dC * self.positive,)

    graph = ComputationalGraph()
    a, gate = graph.leaf("a", [-1.0, 2.0]), Mask()
    f = graph.apply(gate, a) + graph.apply(gate, -a)
    assert f.forward().tolist() == [1, 2]
    f.backward()
    assert a.gradient.tolist() == [-1, 1]
