"""Every operation: a forward pass and, directly under it, the backward pass.

A pass does not compute. It lists the calls that do, nearly all of them NumPy functions, output first:

    yield dA, np.multiply, dC, B          means  dA = dC * B, written into dA

A plan collects these calls once per shape, drops the calls whose output is not needed (None), and runs the
others in every pass.

Symbols: capital letters are arrays; a scalar is an array of shape (). dA is the derivative of the
graph's output with respect to A and has A's shape. A pass writes only to its own outputs, and
dA's calls never read dB, so that a plan can drop the calls for one gradient and keep those for the other.
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
Output = Array | None
"""Where to write a gradient; None if it is not needed."""
Call = tuple[Any, ...]
"""(output, function, *arguments), run as ``function(*arguments, out=output)``."""


class Gate(ABC):
    """One operation: its equation in the docstring, and the two passes.

    ``forward(C, A, B)`` yields the calls that write the output C from the inputs;
    ``backward(dC, C, A, B, dA, dB)`` yields the calls that write each input's gradient from the output's.
    """

    name: ClassVar[str]
    symbol: str
    """The text in the gate's circle in a drawing."""
    check_shapes: ClassVar[Sequence[tuple[Shape, ...]]]
    """The gradient check runs the gate once for each entry; an entry has a shape for each input."""
    positive: ClassVar[bool] = False
    """Whether the gradient check draws positive inputs only."""
    indices: ClassVar[frozenset[int]] = frozenset()
    """The positions of inputs that are class indices: whole numbers from 0, which have no gradient."""
    forward: Callable[..., Iterator[Call]]
    backward: Callable[..., Iterator[Call]]

    @classmethod
    @cache
    def symbols(cls) -> tuple[str, ...]:
        """The names of the output and of each input in the passes."""
        return tuple(signature(cls.forward).parameters)[1:]

    @classmethod
    def arity(cls) -> int:
        """How many inputs it takes."""
        return len(cls.symbols()) - 1

    def substitution(self, output: str, inputs: Sequence[str]) -> dict[str, str]:
        """The name for each of the gate's symbols and gradients, such as x for A and dx for dA."""
        names = dict(zip(self.symbols(), [output, *inputs], strict=True))
        return names | {f"d{symbol}": f"d{name}" for symbol, name in names.items()}

    @classmethod
    def check_instances(cls) -> Iterable["Gate"]:
        """The gates of this class that the gradient check runs: one, unless the class has parameters."""
        return [cls()]

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def output_shape(self, *shapes: Shape) -> Shape:
        """The output's shape for inputs of these shapes. Raises ValueError if they do not fit."""

    @abstractmethod
    def code(self, *inputs: Array) -> tuple[str, ...]:
        """The same equations as Python code for people: the output, then each input's gradient.

        They are templates in the symbols of ``forward`` and their gradients, such as ``{dC} * {B}``, and may depend on
        the shapes and numbers of the inputs. An elementwise gate's gradients have the output's shape. A class index
        has no gradient: its text is empty.
        """


class Elementwise(Gate):
    """A gate that works element by element; its inputs are broadcast to one shape as in NumPy.

    Its backward pass writes dA in C's shape; the plan sums it back to A's shape.
    """

    def output_shape(self, *shapes: Shape) -> Shape:
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"{self.name}: shapes {join_shapes(shapes)} do not broadcast") from None


ONE_INPUT: list[tuple[Shape, ...]] = [((),), ((3, 4),)]
TWO_INPUTS: list[tuple[Shape, ...]] = [((), ()), ((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3))]
"""For elementwise gates: scalars, arrays, and each kind of broadcasting."""


class Add(Elementwise):
    """C = A + B, elementwise; dA = dC, dB = dC: it hands its gradient on to each input."""

    name = "add"
    symbol = "+"
    check_shapes = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.add, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Output, dB: Output) -> Iterator[Call]:
        yield dA, np.positive, dC
        yield dB, np.positive, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A} + {B}", "{dC}", "{dC}"


class Subtract(Elementwise):
    """C = A - B, elementwise; dA = dC, dB = -dC."""

    name = "subtract"
    symbol = "−"
    check_shapes = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.subtract, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Output, dB: Output) -> Iterator[Call]:
        yield dA, np.positive, dC
        yield dB, np.negative, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A} - {B}", "{dC}", "-{dC}"


class Multiply(Elementwise):
    """C = A B, elementwise; dA = dC B, dB = dC A: it swaps its inputs."""

    name = "multiply"
    symbol = "×"
    check_shapes = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.multiply, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Output, dB: Output) -> Iterator[Call]:
        yield dA, np.multiply, dC, B
        yield dB, np.multiply, dC, A

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A} * {B}", "{dC} * {B}", "{dC} * {A}"


class Divide(Elementwise):
    """C = A / B, elementwise; dA = dC / B, dB = -dC C / B."""

    name = "divide"
    symbol = "÷"
    check_shapes = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.divide, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Output, dB: Output) -> Iterator[Call]:
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
    check_shapes = ONE_INPUT

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.positive, A

    def backward(self, dC: Array, C: Array, A: Array, dA: Output) -> Iterator[Call]:
        yield dA, np.positive, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "{A}", "{dC}"


class Negate(Elementwise):
    """C = -A, elementwise; dA = -dC."""

    name = "negate"
    symbol = "−x"
    check_shapes = ONE_INPUT

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.negative, A

    def backward(self, dC: Array, C: Array, A: Array, dA: Output) -> Iterator[Call]:
        yield dA, np.negative, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "-{A}", "-{dC}"


SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Power(Elementwise):
    """C = A^k, elementwise, k a constant number; dA = dC k A^(k - 1), infinite at A = 0 for 0 < k < 1."""

    name = "power"
    check_shapes = ONE_INPUT
    positive = True

    def __init__(self, exponent: float):
        self.exponent = exponent
        whole = exponent == int(exponent) and abs(exponent) < 1000
        self.symbol = f"x{int(exponent)}".translate(SUPERSCRIPTS) if whole else f"x^{exponent:g}"

    def __str__(self) -> str:
        return f"{self.name} {self.exponent}"

    @classmethod
    def check_instances(cls) -> Iterable[Gate]:
        return [cls(exponent) for exponent in (-1.5, -1, 0, 0.5, 1, 2, 3)]

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.power, A, self.exponent

    def backward(self, dC: Array, C: Array, A: Array, dA: Output) -> Iterator[Call]:
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
    check_shapes = ONE_INPUT

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.exp, A

    def backward(self, dC: Array, C: Array, A: Array, dA: Output) -> Iterator[Call]:
        yield dA, np.multiply, dC, C

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "np.exp({A})", "{dC} * {C}"


class Logarithm(Elementwise):
    """C = log(A), the natural logarithm, elementwise; dA = dC / A."""

    name = "log"
    symbol = "log"
    check_shapes = ONE_INPUT
    positive = True

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        yield C, np.log, A

    def backward(self, dC: Array, C: Array, A: Array, dA: Output) -> Iterator[Call]:
        yield dA, np.divide, dC, A

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "np.log({A})", "{dC} / {A}"


class Max(Elementwise):
    """C = max(A, B), elementwise; it routes its gradient to the larger input.

    dA = dC where A >= B, else 0; dB = dC where A < B, else 0: at a tie all goes to the first input.
    """

    name = "max"
    symbol = "max"
    check_shapes = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.maximum, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Output, dB: Output) -> Iterator[Call]:
        yield dA, np.greater_equal, A, B  # 1 where A is taken, else 0
        yield dA, np.multiply, dA, dC

        yield dB, np.less, A, B
        yield dB, np.multiply, dB, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "np.maximum({A}, {B})", "{dC} * ({A} >= {B})", "{dC} * ({A} < {B})"


MAX_FILLED_ELEMENTS = 1 << 17
"""NumPy's minimum of an array and a number is slow: up to this size, an array is filled with the number instead."""


class Sigmoid(Elementwise):
    """P = 1 / (1 + exp(-Z)), elementwise; dZ = P (1 - P) dP, from the output alone.

    Z is clipped to +-87 in float32 and to +-708 in float64, the largest whole numbers at which exp(Z)
    and its reciprocal are normal numbers: nothing overflows, and P stays above 0. (P rounds to 1 from about Z = 37
    in float64; dZ is 0 there. If Z is clipped, dZ is still P (1 - P) dP.)
    """

    name = "sigmoid"
    symbol = "σ"
    check_shapes = ONE_INPUT

    def forward(self, P: Array, Z: Array) -> Iterator[Call]:
        largest, one = P.dtype.type(largest_exponent(P)), P.dtype.type(1)
        if P.size <= MAX_FILLED_ELEMENTS:
            largest = np.full_like(P, largest)
        smallest = -largest
        yield P, np.negative, Z
        yield P, np.minimum, P, largest
        yield P, np.maximum, P, smallest
        yield P, np.exp, P
        yield P, np.add, P, one
        yield P, np.reciprocal, P

    def backward(self, dP: Array, P: Array, Z: Array, dZ: Output) -> Iterator[Call]:
        one = P.dtype.type(1)
        yield dZ, np.subtract, one, P
        yield dZ, np.multiply, dZ, P
        yield dZ, np.multiply, dZ, dP

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return sigmoid_code(*inputs), "(1 - {P}) * {P} * {dP}"


def largest_exponent(array: Array) -> int:
    """The largest whole number z for which exp(z) and exp(-z) are normal numbers in the array's precision."""
    return math.floor(-math.log(np.finfo(array.dtype).tiny))


def sigmoid_code(Z: Array) -> str:
    """The sigmoid of {Z} as Python; if exp(-Z) would overflow, Z is clipped as in the gate."""
    largest = largest_exponent(Z)
    z = "{Z}" if Z.min() >= -largest else f"np.maximum({{Z}}, -{largest})"
    return f"1 / (1 + np.exp(-{z}))"


class Matmul(Gate):
    """C = A B, with A (n, k), B (k, m), C (n, m); dA = dC B', dB = A' dC.

    As in NumPy, a vector A (k,) is one row and a vector B (k,) is one column.
    """

    name = "matmul"
    symbol = "@"
    check_shapes = (((3, 4), (4, 2)), ((4,), (4, 2)), ((3, 4), (4,)), ((4,), (4,)))

    def output_shape(self, *shapes: Shape) -> Shape:
        A, B = shapes
        if not (1 <= len(A) <= 2 and 1 <= len(B) <= 2):
            raise ValueError(f"matmul: shapes {join_shapes(shapes)}: each must be a vector or a matrix")
        if A[-1] != B[0]:
            raise ValueError(f"matmul: shapes {join_shapes(shapes)} do not fit: {A[-1]} columns meet {B[0]} rows")
        return A[:-1] + B[1:]

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        A, B = np.atleast_2d(A), _column(B)
        yield C.reshape(len(A), B.shape[1]), np.dot, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Output, dB: Output) -> Iterator[Call]:
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
    check_shapes = ONE_INPUT

    def output_shape(self, *shapes: Shape) -> Shape:
        return ()

    def forward(self, C: Array, A: Array) -> Iterator[Call]:
        all_axes = None
        yield C, np.add.reduce, A, all_axes

    def backward(self, dC: Array, C: Array, A: Array, dA: Output) -> Iterator[Call]:
        yield dA, np.positive, dC

    def code(self, *inputs: Array) -> tuple[str, ...]:
        (A,) = inputs
        return "np.sum({A})", f"np.full({A.shape}, {{dC}})" if A.ndim else "{dC}"


def _column(B: Array) -> Array:
    """B as a matrix; a vector becomes one column."""
    return B[:, np.newaxis] if B.ndim == 1 else B


def _as(matrix: Array, gradient: Output) -> Output:
    """A view of the gradient in the matrix's shape; None stays None."""
    return None if gradient is None else gradient.reshape(matrix.shape)


def join_shapes(shapes: tuple[Shape, ...]) -> str:
    """The shapes as text for a message."""
    return " and ".join(map(str, shapes))
