"""Every operation: a forward pass and, directly under it, the backward pass.

A gate's pass does not compute, it names the NumPy calls that do, output first:

    yield dA, np.multiply, dC, B          means  dA = dC * B, written into dA

The graph collects these calls once, drops those whose output nobody wants (it is None then), and
runs what is left as often as it likes: after the first pass no code of a gate runs again.

Symbols: capital letters are arrays, scalars being arrays of shape (). dA is the derivative of the
graph's output with respect to A and has A's shape. A pass overwrites nothing but its own outputs, and
dA's calls never read dB, so that the graph may drop the one and keep the other.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
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
    checked_on: ClassVar[Sequence[tuple[Shape, ...]]]
    """Shapes of the inputs, one after another, for the check of the gate's gradients."""
    forward: Callable[..., Iterator[Call]]
    backward: Callable[..., Iterator[Call]]

    @abstractmethod
    def output_shape(self, *shapes: Shape) -> Shape:
        """The output's shape for inputs of these shapes; ValueError where they do not fit."""


class Elementwise(Gate):
    """A gate that works element by element, its inputs broadcast to one shape as NumPy does it.

    Its backward pass writes dA in C's shape; the graph sums it back to A's.
    """

    def output_shape(self, *shapes: Shape) -> Shape:
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"{self.name}: shapes {_and(shapes)} do not broadcast") from None


ONE_INPUT: list[tuple[Shape, ...]] = [((),), ((3, 4),)]
TWO_INPUTS: list[tuple[Shape, ...]] = [((), ()), ((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3))]
"""For elementwise gates: scalars, arrays, and every way to broadcast."""


class Add(Elementwise):
    """C = A + B, elementwise; dA = dC, dB = dC: it hands its gradient on to each input."""

    name = "add"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.add, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.positive, dC
        yield dB, np.positive, dC


class Multiply(Elementwise):
    """C = A B, elementwise; dA = dC B, dB = dC A: it swaps its inputs."""

    name = "multiply"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.multiply, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.multiply, dC, B
        yield dB, np.multiply, dC, A


class Divide(Elementwise):
    """C = A / B, elementwise; dA = dC / B, dB = -dC C / B."""

    name = "divide"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.divide, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.divide, dC, B

        yield dB, np.multiply, dC, C
        yield dB, np.divide, dB, B
        yield dB, np.negative, dB


class Max(Elementwise):
    """C = max(A, B), elementwise; it routes its gradient to the larger input.

    dA = dC where A >= B, else 0; dB = dC where A < B, else 0: at a tie all goes to the first input.
    """

    name = "max"
    checked_on = TWO_INPUTS

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        yield C, np.maximum, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        yield dA, np.greater_equal, A, B  # 1 where A is taken, else 0
        yield dA, np.multiply, dA, dC

        yield dB, np.less, A, B
        yield dB, np.multiply, dB, dC


class Sigmoid(Elementwise):
    """P = 1 / (1 + exp(-Z)), elementwise; dZ = P (1 - P) dP, from the output alone.

    |Z| is held to 87 in float32 and to 708 in float64, the largest whole numbers at which neither exp(Z)
    nor its reciprocal leaves the normal numbers: no Z overflows, and P stays above 0.
    """

    name = "sigmoid"
    checked_on = ONE_INPUT

    def forward(self, P: Array, Z: Array) -> Iterator[Call]:
        largest = P.dtype.type(math.floor(-math.log(np.finfo(P.dtype).tiny)))
        one = P.dtype.type(1)
        yield P, np.negative, Z
        yield P, np.minimum, P, largest
        yield P, np.maximum, P, -largest
        yield P, np.exp, P
        yield P, np.add, P, one
        yield P, np.reciprocal, P

    def backward(self, dP: Array, P: Array, Z: Array, dZ: Wanted) -> Iterator[Call]:
        one = P.dtype.type(1)
        yield dZ, np.subtract, one, P
        yield dZ, np.multiply, dZ, P
        yield dZ, np.multiply, dZ, dP


class Matmul(Gate):
    """C = A B, with A (n, k), B (k, m), C (n, m); dA = dC B', dB = A' dC.

    As in NumPy a vector A (k,) stands for one row and a vector B (k,) for one column.
    """

    name = "matmul"
    checked_on = (((3, 4), (4, 2)), ((4,), (4, 2)), ((3, 4), (4,)), ((4,), (4,)))

    def output_shape(self, *shapes: Shape) -> Shape:
        A, B = shapes
        if not (1 <= len(A) <= 2 and 1 <= len(B) <= 2):
            raise ValueError(f"matmul: shapes {_and(shapes)}: each must be a vector or a matrix")
        if A[-1] != B[0]:
            raise ValueError(f"matmul: shapes {_and(shapes)} do not fit: {A[-1]} columns meet {B[0]} rows")
        return A[:-1] + B[1:]

    def forward(self, C: Array, A: Array, B: Array) -> Iterator[Call]:
        A, B = np.atleast_2d(A), _column(B)
        yield C.reshape(len(A), B.shape[1]), np.matmul, A, B

    def backward(self, dC: Array, C: Array, A: Array, B: Array, dA: Wanted, dB: Wanted) -> Iterator[Call]:
        A, B = np.atleast_2d(A), _column(B)
        dC = dC.reshape(len(A), B.shape[1])
        yield _as(A, dA), np.matmul, dC, B.T
        yield _as(B, dB), np.matmul, A.T, dC


class EuclideanLoss(Gate):
    """E = 1/2 sum (P - Y)^2 over all elements, a scalar; dP = (P - Y) dE, dY = (Y - P) dE.

    P and Y must have one shape: a (4, 1) minus a (4,) would be a (4, 4).
    """

    name = "euclidean loss"
    checked_on = (((), ()), ((5, 1), (5, 1)))

    def output_shape(self, *shapes: Shape) -> Shape:
        P, Y = shapes
        if P != Y:
            raise ValueError(f"euclidean loss: shapes {_and(shapes)} differ")
        return ()

    def forward(self, E: Array, P: Array, Y: Array) -> Iterator[Call]:
        D, half, all_axes = np.empty_like(P), P.dtype.type(0.5), None
        yield D, np.subtract, P, Y
        yield D, np.square, D
        yield E, np.add.reduce, D, all_axes
        yield E, np.multiply, E, half

    def backward(self, dE: Array, E: Array, P: Array, Y: Array, dP: Wanted, dY: Wanted) -> Iterator[Call]:
        yield dP, np.subtract, P, Y
        yield dP, np.multiply, dP, dE

        yield dY, np.subtract, Y, P
        yield dY, np.multiply, dY, dE


def all_gates(family: type[Gate] = Gate) -> list[type[Gate]]:
    """Every gate there is: each subclass that has a name."""
    gates = [family] if hasattr(family, "name") else []
    for kind in family.__subclasses__():
        gates += all_gates(kind)
    return gates


def _column(B: Array) -> Array:
    """A view of B in which a vector is a matrix of one column."""
    return B[:, np.newaxis] if B.ndim == 1 else B


def _as(matrix: Array, gradient: Wanted) -> Wanted:
    """A view of the gradient in the matrix's shape; an unwanted gradient stays None."""
    return None if gradient is None else gradient.reshape(matrix.shape)


def _and(shapes: tuple[Shape, ...]) -> str:
    return " and ".join(map(str, shapes))
