"""Gates made in a test: of two functions, or of random formulas; and random graphs of them.

Their classes have no name or no instances to check: they do not count among the gates to check.
"""

from string import ascii_uppercase

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from mlp.gates import Add, Elementwise, Gate, Matmul, Max, Sigmoid
from mlp.graph import ComputationalGraph
from mlp.losses import CrossEntropyLoss, EuclideanLoss

LARGEST, SMALLEST = 50, 1e-3
"""Values stay below the one, so that nothing overflows; what is divided or compared differs by the other."""


def is_bool(A):
    return np.asarray(A).dtype == bool


def away(*pairs):
    """Whether all these arrays differ in every element: rounding then changes no comparison."""
    return all(np.all(np.abs(np.subtract(A, B)) > SMALLEST) for A, B in pairs)


FLOATS = {
    "A + B": lambda A, B: A + B,
    "A - B": lambda A, B: A - B,
    "A * B": lambda A, B: A * B,
    "A / B": lambda A, B: A / B,
    "1 / A": lambda A: 1 / A,
    "1 - A": lambda A: 1 - A,
    "A * 0.5": lambda A: A * 0.5,
    "-A": lambda A: -A,
    "+A": lambda A: +A,
    "A**2": lambda A: A**2,
    "A**1": lambda A: A**1,
    "A**3": lambda A: A**3,
    "A**-1": lambda A: A**-1.0,
    "A**0.5": lambda A: np.abs(A) ** 0.5,
    "1.5**A": lambda A: 1.5**A,
    "square": lambda A: np.square(A),
    "exp": lambda A: np.exp(-np.abs(A)),
    "log1p": lambda A: np.log1p(np.abs(A)),
    "tanh": lambda A: np.tanh(A),
    "sin": lambda A: np.sin(A),
    "sqrt": lambda A: np.sqrt(np.abs(A)),
    "logaddexp": lambda A, B: np.logaddexp(A, B),
    "maximum": lambda A, B: np.maximum(A, B),
    "minimum": lambda A, B: np.minimum(A, B),
    "maximum 0.25": lambda A: np.maximum(A, 0.25),
    "minimum 0.25": lambda A: np.minimum(0.25, A),
    "clip": lambda A: np.clip(A, -0.5, 0.5),
    "where, of numbers": lambda A, B: np.where(A, A, B),
    "sign": lambda A: np.sign(A),
}
"""Elementwise functions of floats."""

CHANGES = {
    "T": lambda A: A.T,
    "transpose": lambda A: np.transpose(A),
    "flat": lambda A: A.reshape(-1),
    "flat, by np": lambda A: np.reshape(A, (A.size,)),
    "column": lambda A: A[..., np.newaxis],
    "row": lambda A: A[None, :],
    "turned and flat": lambda A: A.T.reshape(A.shape),
    "copies": lambda A: np.broadcast_to(A, (2, *A.shape)),
    "zeros": lambda A: np.zeros_like(A),
    "ones": lambda A: np.ones_like(A),
    "sum": lambda A: A.sum(),
    "sum of squares": lambda A: np.sum(A**2),
    "sum, axis 0": lambda A: A.sum(axis=0),
    "sum, axis 1": lambda A: np.sum(A, axis=1),
    "sum, axis -1": lambda A: np.sum(A, -1, keepdims=True),
    "sum, axes": lambda A: A.sum(axis=(0, 1), keepdims=True),
    "sum of squares, axis 0": lambda A: (A**2).sum(0),
    "mean": lambda A: A.mean(),
    "mean, axis 0": lambda A: np.mean(A, axis=0, keepdims=True),
    "max": lambda A: A.max(),
    "max, axis 0": lambda A: np.max(A, axis=0),
    "min, axis -1": lambda A: np.min(A, axis=-1, keepdims=True),
    "reduce": lambda A: np.add.reduce(A),
    "logaddexp.reduce": lambda A: np.logaddexp.reduce(A, axis=-1),
    "A @ B": lambda A, B: A @ B,
    "A' B": lambda A, B: A.T @ B,
    "A B'": lambda A, B: A @ B.T,
    "dot": lambda A, B: np.dot(A, B),
    "outer": lambda A, B: np.outer(A, B),
}
"""Functions of floats that are not elementwise."""

BOOLS = {
    "A > B": lambda A, B: A > B,
    "A >= 0": lambda A: A >= 0,
    "0.5 < A": lambda A: np.less(0.5, A),
    "A != B": lambda A, B: A != B,
}
LOGIC = {
    "~A": lambda A: ~A,
    "A & B": lambda A, B: A & B,
    "or": lambda A, B: np.logical_or(A, B),
    "A + B": lambda A, B: A + B,
    "A * B": lambda A, B: A * B,
    "A | True": lambda A: A | True,
    "1 - A": lambda A: 1 - A,
    "A * 2.0": lambda A: A * 2.0,
    "A**1": lambda A: A**1,
    "sum": lambda A: np.sum(A),
    "sum of squares": lambda A: np.sum(A**2),
    "sum, axis 0": lambda A: A.sum(axis=0),
    "mean": lambda A: A.mean(),
    "flat": lambda A: A.reshape(-1),
    "T": lambda A: A.T,
}
"""Functions of bools."""

WHERE = {
    "where": lambda A, B, C: np.where(A, B, C),
    "where A, 0": lambda A, B: np.where(A, B, 0),
    "where 1, 0": lambda A: np.where(A, 1.0, 0.0),
    "A * B": lambda A, B: A * B,
    "B - A": lambda A, B: B - A,
}
"""Functions of a bool and floats."""


def is_safe(name, arguments):
    """Whether rounding does not change the result much."""
    if name in ("A / B", "A**-1", "1 / A"):
        return np.all(np.abs(arguments[-1]) > 0.1)
    if name in ("sign", "A**0.5", "sqrt", "A >= 0"):
        return away((arguments[0], 0.0))
    if name == "0.5 < A":
        return away((arguments[0], 0.5))
    if name in ("A @ B", "A' B", "A B'", "dot", "outer"):  # NumPy has more products than are recorded
        return all(np.ndim(A) == 1 if name == "outer" else 1 <= np.ndim(A) <= 2 for A in arguments)
    return name not in ("A > B", "A != B") or away(arguments)


class Program:
    """A formula as a list of steps: each a function of what is there already."""

    def __init__(self, steps=()):
        self.steps = list(steps)
        """The name of a function, the function, and which values it takes."""

    def run(self, values):
        """The values and the results of all steps; fails the example if a result would depend on rounding."""
        values = list(values)
        for name, function, places in self.steps:
            arguments = [values[place] for place in places]
            if isinstance(arguments[0], np.ndarray | np.generic):
                assume(is_safe(name, arguments))
                with np.errstate(over="ignore"):
                    result = function(*arguments)
                assume(np.all(np.isfinite(result)) and np.all(np.abs(result) < LARGEST))
            else:
                result = function(*arguments)
            values.append(result)
        return values

    def __repr__(self):
        return "; ".join(f"{name} of {', '.join(map(str, places))}" for name, _, places in self.steps)


def grow(draw, program, values, count):
    """Add this many steps to a program, of values that fit; the values after them."""
    values = list(values)
    for _ in range(count):
        kind = draw(st.sampled_from([FLOATS, FLOATS, CHANGES, BOOLS, LOGIC, WHERE]))
        name = draw(st.sampled_from(sorted(kind)))
        function = kind[name]
        places = []
        for position in range(function.__code__.co_argcount):
            takes_bool = kind is LOGIC or (kind is WHERE and position == 0)
            fit = [place for place, value in enumerate(values) if is_bool(value) == takes_bool]
            if not fit:
                break
            places.append(draw(st.sampled_from(fit)))
        else:
            arguments = [values[place] for place in places]
            try:
                if not is_safe(name, arguments):
                    continue
                with np.errstate(over="ignore"):
                    result = np.asarray(function(*arguments))
            except (ValueError, IndexError, TypeError):  # shapes that do not fit
                continue
            if (
                result.ndim <= 3
                and result.size <= 64
                and np.all(np.isfinite(result))
                and np.all(np.abs(result) < LARGEST)
            ):
                program.steps.append((name, function, tuple(places)))
                values.append(result)
    return values


def fitted(A, like):
    """A, summed or copied to the shape of another array."""
    if np.shape(A) == np.shape(like):
        return A
    return np.broadcast_to(np.sum(A), np.shape(like))


class Made(Gate):
    """A gate of two functions; without the second its gradient is the output's."""

    def __init__(self, forward, backward=lambda dC, C, *inputs: (dC,) * len(inputs)):
        self.name, self.function, self.derivative = "made", forward, backward

    def forward(self, A, *others):
        return self.function(A, *others)

    def backward(self, dC, C, A, *others):
        return self.derivative(dC, C, A, *others)


class MadeElementwise(Made, Elementwise):
    """The same with gradients in the output's shape."""


class Softplus(Elementwise):
    """C = log(1 + exp(A)), elementwise; dA = dC / (1 + exp(-A))."""

    name = symbol = "softplus"

    def forward(self, A):
        return np.log1p(np.exp(A))

    def backward(self, dC, C, A):
        return (dC / (1 + np.exp(-A)),)

    @classmethod
    def check_instances(cls):
        return []


class RandomGate(Gate):
    """A gate whose passes are random formulas; the gradient is not that of the value."""

    def __init__(self, formula, result, backward, roots, like_output):
        self.name = "random"
        self.formula, self.result, self.back, self.roots = formula, result, backward, roots
        self.like_output = like_output

    def forward(self, A, *others):
        C = self.formula.run([A, *others])[self.result]
        return np.broadcast_to(C, np.broadcast_shapes(*map(np.shape, [A, *others]))) if self.like_output else C

    def backward(self, dC, C, *inputs):
        values = self.back.run([*self.formula.run(inputs), dC, C])
        return tuple(
            fitted(values[root], C if self.like_output else A) for root, A in zip(self.roots, inputs, strict=True)
        )

    def __str__(self):
        return f"random ({self.formula} -> {self.result}; {self.back} -> {self.roots})"


class RandomElementwise(RandomGate, Elementwise):
    """The same with gradients in the output's shape."""


def random_gate(draw, inputs):
    """A gate for inputs of these values."""
    formula = Program()
    values = grow(draw, formula, inputs, draw(st.integers(0, 12)))
    result = draw(st.integers(0, len(values) - 1))
    shape = np.broadcast_shapes(*map(np.shape, inputs)) if _broadcast(inputs) else None
    like_output = shape is not None and _broadcasts_to(values[result], shape) and draw(st.booleans())
    C = np.broadcast_to(values[result], shape) if like_output else values[result]
    C = np.asarray(C, np.asarray(inputs[0]).dtype)
    dC = np.linspace(0.5, 1.5, C.size, dtype=C.dtype).reshape(C.shape)
    back = Program()
    after = grow(draw, back, [*values, dC, C], draw(st.integers(0, 12)))
    roots = tuple(draw(st.integers(0, len(after) - 1)) for _ in inputs)
    kind = RandomElementwise if like_output else RandomGate
    return kind(formula, result, back, roots, like_output)


def _broadcast(arrays):
    try:
        np.broadcast_shapes(*map(np.shape, arrays))
    except ValueError:
        return False
    return True


def _broadcasts_to(A, shape):
    return _broadcast([A, np.empty(shape)]) and np.broadcast_shapes(np.shape(A), shape) == shape


SHAPES = st.sampled_from([(), (1,), (3,), (2, 3), (2, 1), (1, 3), (3, 3), (1, 1), (2, 2, 3)])
PLAIN = [Add(), Max(), Sigmoid(), EuclideanLoss(), CrossEntropyLoss(), Matmul()]


def random_array(draw, precision):
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    shape = draw(SHAPES)
    return np.asarray(random.choice([-1, 1], shape) * random.uniform(0.25, 1.75, shape), precision)


@st.composite
def random_graphs(draw, precision="float64"):
    """A graph of random gates and some of our own, of small values; its output and the values of its leaves."""
    graph = ComputationalGraph(precision)
    values = {}
    for name in ascii_uppercase[: draw(st.integers(1, 3))]:
        array = random_array(draw, precision)
        gradient = np.full_like(array, np.nan) if draw(st.booleans()) else None
        needs = gradient is not None or draw(st.integers(0, 4)) > 0
        values[graph.leaf(name, array, gradient=gradient, needs_gradient=needs)] = array
    leaves = dict(values)
    applied = []
    for _ in range(draw(st.integers(2, 6))):
        nodes = list(values)
        inputs = [draw(st.sampled_from(nodes)) for _ in range(draw(st.integers(1, 3)))]
        kind = draw(st.integers(0, 4))
        if kind == 0:
            gate = draw(st.sampled_from(PLAIN))
            inputs = (inputs * 2)[: len(gate.check_shapes[0])]
            assume(not isinstance(gate, Matmul) or max(values[node].ndim for node in inputs) <= 2)
        elif kind == 1 and applied:  # an earlier one again, of the same inputs
            gate, inputs = draw(st.sampled_from(applied))
        else:
            gate = random_gate(draw, [values[node] for node in inputs])
        try:
            value = np.asarray(gate.forward(*(values[node] for node in inputs)), precision)
        except ValueError:  # shapes that do not fit
            continue
        if not np.all(np.isfinite(value)) or np.any(np.abs(value) > LARGEST):
            continue
        values[graph.apply(gate, *inputs)] = value
        applied.append((gate, inputs))
    output = list(values)[-1]
    assume(output.gate is not None)
    return graph, output, leaves
