"""Every operation: a forward pass and, directly under it, the backward pass.

A gate's pass does not compute: it names the calls that do, NumPy's functions but for a few, output first:

    yield dA, np.multiply, dC, B          means  dA = dC * B, written into dA

The graph collects these calls once, drops those whose output nobody wants (it is None then), and
runs what is left as often as it likes: a gate's passes are gone through once for each shape.

Symbols: capital letters are arrays, scalars being arrays of shape (). dA is the derivative of the
graph's output with respect to A and has A's shape. A pass overwrites nothing but its own outputs, and
dA's calls never read dB, so that the graph may drop the one and keep the other.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from inspect import signature
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]
Wanted = Array | None
"""Where to write a gradient; None when nobody wants it."""
Call = tuple[Any, ...]
"""(output, function, *arguments), to be run as ``function(*arguments, out=output)``."""


class Gate(ABC):
    """One operation: its equation in the docstring, and the two passes.

    ``forward(C, A, B)`` yields the calls that write the output C from the inputs;
    ``backward(dC, C, A, B, dA, dB)`` those that write each input's gradient from the output's.
    """

    name: ClassVar[str]
    symbol: str
    """What stands in its circle in a drawing."""
    checked_on: ClassVar[Sequence[tuple[Shape, ...]]]
    """Shapes of the inputs, one after another, for the check of the gate's gradients."""
    positive: ClassVar[bool] = False
    """Whether the gradient check shall draw inputs above 0 only."""
    indices: ClassVar[frozenset[int]] = frozenset()
    """Which inputs are class indices, whole numbers from 0: between two of them there is nothing, so no gradient."""
    forward: Callable[..., Iterator[Call]]
    backward: Callable[..., Iterator[Call]]

    @classmethod
    @cache
    def symbols(cls) -> tuple[str, ...]:
        """Of the output and of each input, as the passes name them."""
        return tuple(signature(cls.forward).parameters)[1:]

    @classmethod
    def arity(cls) -> int:
        """How many inputs it takes."""
        return len(cls.symbols()) - 1

    def named(self, templates: Sequence[str], output: str, inputs: Sequence[str]) -> list[str]:
        """Equations in the gate's symbols with the names of its output and inputs in their places."""
        return [template.format(**self.naming(output, inputs)) for template in templates]

    def naming(self, output: str, inputs: Sequence[str]) -> dict[str, str]:
        """By the gate's symbols and their gradients, the names of its output and inputs and theirs: dA, say, is dx."""
        names = dict(zip(self.symbols(), [output, *inputs], strict=True))
        return names | {f"d{symbol}": f"d{name}" for symbol, name in names.items()}

    @classmethod
    def checked(cls) -> Iterable["Gate"]:
        """The gates of this kind to check: one, where nothing distinguishes two."""
        return [cls()]

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def output_shape(self, *shapes: Shape) -> Shape:
        """The output's shape for inputs of these shapes; ValueError where they do not fit."""

    @abstractmethod
    def code(self, *inputs: Array) -> tuple[str, ...]:
        """The same equations as Python for people: the output, then each input's gradient.

        Templates in the symbols of ``forward`` and their gradients, such as ``{dC} * {B}``; for these very inputs.
        An elementwise gate's gradients are in its output's shape; a class index has none, its text is empty.
        """


class Elementwise(Gate):
    """A gate that works element by element, its inputs broadcast to one shape as NumPy does it.

    Its backward pass writes dA in C's shape; the graph sums it back to A's.
    """

    def output_shape(self, *shapes: Shape) -> Shape:
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"{self.name}: shapes {in_words(shapes)} do not broadcast") from None


ONE_INPUT: list[tuple[Shape, ...]] = [((),), ((3, 4),)]
TWO_INPUTS: list[tuple[Shape, ...]] = [((), ()), ((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3))]
"""For elementwise gates: scalars, arrays, and every way to broadcast."""


class Add(Elementwise):
    """C = A + B, elementwise; dA = dC, dB = dC: it hands its gradient on to each input."""

    name = "add"
    symbol = "+"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.add, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.positive, dC
        yield dB, np.positive, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A} + {B}", "{dC}", "{dC}"


class Subtract(Elementwise):
    """C = A - B, elementwise; dA = dC, dB = -dC."""

    name = "subtract"
    symbol = "−"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.subtract, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.positive, dC
        yield dB, np.negative, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A} - {B}", "{dC}", "-{dC}"


class Multiply(Elementwise):
    """C = A B, elementwise; dA = dC B, dB = dC A: it swaps its inputs."""

    name = "multiply"
    symbol = "×"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.multiply, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.multiply, dC, B
        yield dB, np.multiply, dC, A

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A} * {B}", "{dC} * {B}", "{dC} * {A}"


class Divide(Elementwise):
    """C = A / B, elementwise; dA = dC / B, dB = -dC C / B."""

    name = "divide"
    symbol = "÷"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.divide, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.divide, dC, B

        yield dB, np.multiply, dC, C
        yield dB, np.divide, dB, B
        yield dB, np.negative, dB

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A} / {B}", "{dC} / {B}", "-{dC} * {C} / {B}"


class Identity(Elementwise):
    """C = A: a second name for a value; dA = dC."""

    name = "identity"
    symbol = "="
    checked_on = ONE_INPUT

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.positive, A

    def backward(self, dC: Array, C: Array, A: Array, dA: Wanted) -> Iterator[Call]:
        yield dA, np.positive, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A}", "{dC}"


class Negate(Elementwise):
    """C = -A, elementwise; dA = -dC."""

    name = "negate"
    symbol = "−x"
    checked_on = ONE_INPUT

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.negative, A

    def backward(self, dC: Array, C: Array, A: Array, dA: Wanted) -> Iterator[Call]:
        yield dA, np.negative, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "-{A}", "-{dC}"


SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Power(Elementwise):
    """C = A^k, elementwise, k a constant number; dA = dC k A^(k - 1), infinite at A = 0 for 0 < k < 1."""

    name = "power"
    checked_on = ONE_INPUT
    positive = True

    def __init__(self, exponent: float):
        self.exponent = exponent
        whole = exponent == int(exponent) and abs(exponent) < 1000
        self.symbol = f"x{int(exponent)}".translate(SUPERSCRIPTS) if whole else f"x^{exponent:g}"

    def __str__(self) -> str:
        return f"{self.name} {self.exponent}"

    @classmethod
    def checked(cls) -> Iterable[Gate]:
        return [cls(exponent) for exponent in (-1.5, -1, 0, 0.5, 1, 2, 3)]

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.power, A, self.exponent

    def backward(self, dC: Array, C: Array, A: Array, dA: Wanted) -> Iterator[Call]:
        if self.exponent == 0:
            yield dA, np.multiply, dC, 0.0  # at A = 0 too, where A^(k - 1) is infinite
        else:
            yield dA, np.power, A, self.exponent - 1
            yield dA, np.multiply, dA, self.exponent
            yield dA, np.multiply, dA, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        k = self.exponent
        simple: dict[float, str] = {0: "0", 1: "1", 2: "2 * {A}"}
        slope = simple.get(k, f"{k!r} * {{A}} ** {k - 1!r}")
        return f"{{A}} ** {k!r}", f"{{dC}} * {slope}"


class Exponential(Elementwise):
    """C = exp(A), elementwise; dA = dC C, from the output alone."""

    name = "exp"
    symbol = "exp"
    checked_on = ONE_INPUT

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.exp, A

    def backward(self, dC: Array, C: Array, A: Array, dA: Wanted) -> Iterator[Call]:
        yield dA, np.multiply, dC, C

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "np.exp({A})", "{dC} * {C}"


class Logarithm(Elementwise):
    """C = log(A), the natural logarithm, elementwise; dA = dC / A."""

    name = "log"
    symbol = "log"
    checked_on = ONE_INPUT
    positive = True

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.log, A

    def backward(self, dC: Array, C: Array, A: Array, dA: Wanted) -> Iterator[Call]:
        yield dA, np.divide, dC, A

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "np.log({A})", "{dC} / {A}"


class Max(Elementwise):
    """C = max(A, B), elementwise; it routes its gradient to the larger input.

    dA = dC where A >= B, else 0; dB = dC where A < B, else 0: at a tie all goes to the first input.
    """

    name = "max"
    symbol = "max"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.maximum, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.greater_equal, A, B  # 1 where A is taken, else 0
        yield dA, np.multiply, dA, dC

        yield dB, np.less, A, B
        yield dB, np.multiply, dB, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "np.maximum({A}, {B})", "{dC} * ({A} >= {B})", "{dC} * ({A} < {B})"


SMALL = 1 << 17
"""Elements of an array up to which a constant may have as large a one: beside a number NumPy's minimum is slow."""


class Sigmoid(Elementwise):
    """P = 1 / (1 + exp(-Z)), elementwise; dZ = P (1 - P) dP, from the output alone.

    |Z| is held to 87 in float32 and to 708 in float64, the largest whole numbers at which neither exp(Z)
    nor its reciprocal leaves the normal numbers: no Z overflows, and P stays above 0. (It reaches 1, from about 37
    on in float64, where dZ is 0. Where Z is held, dZ is P (1 - P) dP all the same.)
    """

    name = "sigmoid"
    symbol = "σ"
    checked_on = ONE_INPUT

    def forward(self, P: Array, Z: Array) -> Iterator[Call]:
        largest, one = P.dtype.type(largest_exponent(P)), P.dtype.type(1)
        if P.size <= SMALL:
            largest = np.full_like(P, largest)
        smallest = -largest
        yield P, np.negative, Z
        yield P, np.minimum, P, largest
        yield P, np.maximum, P, smallest
        yield P, np.exp, P
        yield P, np.add, P, one
        yield P, np.reciprocal, P

    def backward(self, dP: Array, P: Array, Z: Array, dZ: Wanted) -> Iterator[Call]:
        one = P.dtype.type(1)
        yield dZ, np.subtract, one, P
        yield dZ, np.multiply, dZ, P
        yield dZ, np.multiply, dZ, dP

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return sigmoid_code(*inputs), "(1 - {P}) * {P} * {dP}"


def largest_exponent(array: Array) -> int:
    """The largest whole number z for which neither exp(z) nor exp(-z) leaves the normal numbers of its precision."""
    return math.floor(-math.log(np.finfo(array.dtype).tiny))


def sigmoid_code(Z: Array) -> str:
    """The sigmoid of {Z} as Python; where exp(-Z) would overflow, Z is held as the gate holds it."""
    largest = largest_exponent(Z)
    z = "{Z}" if Z.min() >= -largest else f"np.maximum({{Z}}, -{largest})"
    return f"1 / (1 + np.exp(-{z}))"


class Matmul(Gate):
    """C = A B, with A (n, k), B (k, m), C (n, m); dA = dC B', dB = A' dC.

    As in NumPy a vector A (k,) stands for one row and a vector B (k,) for one column.
    """

    name = "matmul"
    symbol = "@"
    checked_on = (((3, 4), (4, 2)), ((4,), (4, 2)), ((3, 4), (4,)), ((4,), (4,)))

    def output_shape(self, *shapes: Shape) -> Shape:
        A, B = shapes
        if not (1 <= len(A) <= 2 and 1 <= len(B) <= 2):
            raise ValueError(f"matmul: shapes {in_words(shapes)}: each must be a vector or a matrix")
        if A[-1] != B[0]:
            raise ValueError(f"matmul: shapes {in_words(shapes)} do not fit: {A[-1]} columns meet {B[0]} rows")
        return A[:-1] + B[1:]

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        A, B = np.atleast_2d(A), _column(B)
        yield C.reshape(len(A), B.shape[1]), np.dot, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        A, B = np.atleast_2d(A), _column(B)
        dC = dC.reshape(len(A), B.shape[1])
        yield _as(A, dA), np.dot, dC, B.T
        yield _as(B, dB), np.dot, A.T, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        A, B = (array.ndim for array in inputs)
        dA = "{dC} @ {B}.T" if B == 2 else "np.outer({dC}, {B})" if A == 2 else "{dC} * {B}"
        dB = "{A}.T @ {dC}" if A == 2 else "np.outer({A}, {dC})" if B == 2 else "{dC} * {A}"
        return "{A} @ {B}", dA, dB


class Sum(Gate):
    """C = sum of A over all its elements, a scalar; dA = dC for each of them."""

    name = "sum"
    symbol = "Σ"
    checked_on = ONE_INPUT

    def output_shape(self, *shapes: Shape) -> Shape:
        return ()

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        all_axes = None
        yield C, np.add.reduce, A, all_axes

    def backward(self, dC: Array, C: Array, A: Array, dA: Wanted) -> Iterator[Call]:
        yield dA, np.positive, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        (A,) = inputs
        return "np.sum({A})", f"np.full({A.shape}, {{dC}})" if A.ndim else "{dC}"


def _column(B: Array) -> Array:
    """A view of B in which a vector is a matrix of one column."""
    return B[:, np.newaxis] if B.ndim == 1 else B


def _as(matrix: Array, gradient: Wanted) -> Wanted:
    """A view of the gradient in the matrix's shape; an unwanted gradient stays None."""
    return None if gradient is None else gradient.reshape(matrix.shape)


def in_words(shapes: tuple[Shape, ...]) -> str:
    """The shapes as words for a message."""
    return " and ".join(map(str, shapes))
