"""Every operation: a forward pass and, directly under it, the backward pass, in plain NumPy.

The passes are functions of numbers or arrays: ``Multiply().forward(3.0, -4.0)`` is -12.0. ``trace`` runs them once
for each shape and records their formulas. From these come the calls that train a network (``plan``) and the listings
that people read.

Symbols: capital letters are arrays; a scalar is an array of shape (). dA is the derivative of the graph's output with
respect to A and has A's shape.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, reduce
from inspect import Parameter, getattr_static, signature
from itertools import chain
from string import ascii_uppercase
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]
Value = Any
"""What the passes take and return: a number, an array, or an array without numbers that records (``trace.Traced``)."""
Gradients = tuple[Value, ...]
"""The gradient of each input; None for a class index."""


MAX_INPUTS = 100
"""The most inputs of a gate that takes any number: each one makes its formula one step deeper."""
ONE_INPUT: list[tuple[Shape, ...]] = [((),), ((3, 4),)]
TWO_INPUTS: list[tuple[Shape, ...]] = [((), ()), ((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3))]
"""For elementwise gates: scalars, arrays, and each kind of broadcasting."""
MANY_INPUTS = [*TWO_INPUTS, ((3, 4), (3, 4), ()), ((4,), (3, 1), (3, 4), (1, 4))]


class Gate:
    """One operation: its equation in the docstring, and the two passes.

    ``forward(A, B)`` returns the output C. ``backward(dC, C, A, B)`` returns the tuple (dA, dB): from the gradient of
    the output, the output and the inputs, the gradient of each input in the input's shape. An input whose default is
    None may be left out. The passes may branch on shapes, but not on values, and they never change an array in place.
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
    forward: Callable[..., Value]
    backward: Callable[..., Gradients]

    def symbols(self, count: int) -> tuple[str, ...]:
        """The names of the output and of each of ``count`` inputs in the passes, such as C, A and B."""
        output, named, *_ = self._parameters()
        more = chain(ascii_uppercase[3:], (f"A{k}" for k in range(1, count)))
        others = (name for name in more if name not in (output, *named))
        return output, *(name for name, _ in zip(chain(named, others), range(count), strict=False))

    def check_count(self, count: int | str, name: str | None = None, what: str = "input") -> None:
        """Raises ValueError if the gate does not take this number of inputs.

        In the message ``name`` is the gate's name, ``what`` an input's.
        """
        _, named, least, is_open = self._parameters()
        most = MAX_INPUTS if is_open else len(named)
        if count not in range(least, most + 1):
            takes = f"{least} to {most}" if most > least else str(least)
            raise ValueError(f"{name or self.name} takes {takes} {what}{'s' * (takes != '1')}, not {count}")

    def checked_backward(self, dC: Value, C: Value, *inputs: Value) -> list[Value]:
        """What ``backward`` returns, each gradient summed back to its input's shape.

        Raises ValueError if it returns anything but a tuple of gradients of the right shapes.
        """
        shape = np.shape(C)
        if isinstance(self, Elementwise) and shape != (together := np.broadcast_shapes(*map(np.shape, inputs))):
            raise ValueError(f"{self}: forward returns shape {shape}: an elementwise gate returns {together} here")
        found = self.backward(dC, C, *inputs)
        names = [f"d{symbol}" for symbol in self.symbols(len(inputs))[1:]]
        if not isinstance(found, tuple) or len(found) != len(inputs):
            what = "an array" if hasattr(found, "shape") else f"a {type(found).__name__}"
            what = f"a tuple of {len(found)}" if isinstance(found, tuple) else what
            wanted = f"({', '.join(names)}{',' * (len(names) == 1)})"
            raise ValueError(f"{self}: backward returns {what}: it must return the tuple {wanted}")
        gradients: list[Value] = []
        for position, (name, gradient, A) in enumerate(zip(names, found, inputs, strict=True)):
            wanted = f"an array of shape {shape if isinstance(self, Elementwise) else np.shape(A)}"
            wanted = "None" if position in self.indices else wanted
            returned = "None" if gradient is None else f"an array of shape {np.shape(gradient)}"
            if returned != wanted:
                raise ValueError(f"{self}: backward returns {returned} for {name}: it must return {wanted}")
            gradients.append(None if gradient is None else unbroadcast(gradient, np.shape(A)))
        return gradients

    @classmethod
    @cache
    def _parameters(cls) -> tuple[str, tuple[str, ...], int, bool]:
        """The symbols of the output and of the inputs, how many inputs it needs, and whether it takes more than these.

        All follow from the parameters of the passes.
        """
        forward, backward = (  # as methods of an object, whether they are static, or class methods, or neither
            list(signature(getattr_static(cls, name).__get__(0, cls)).parameters.values())
            for name in ("forward", "backward")
        )
        one_each = [one for one in forward if one.kind is not Parameter.VAR_POSITIONAL]
        named = tuple(one.name for one in one_each)
        needed = sum(one.default is Parameter.empty for one in one_each)
        is_open = any(one.kind is Parameter.VAR_POSITIONAL for one in backward)
        if not is_open and len(backward) != 2 + len(forward):
            takes, right = ", ".join(map(str, backward)), ", ".join(["dC", "C", *map(str, forward)])
            raise ValueError(f"{cls.__name__}: backward takes ({takes}): it must take ({right})")
        output = [one.name for one in backward[1:2]] or ["C"]
        return output[0], named, needed, len(named) < len(forward)

    @classmethod
    def check_instances(cls) -> Iterable["Gate"]:
        """The gates of this class that the gradient check runs: one, unless the class has parameters."""
        return [cls()]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Elementwise(Gate):
    """A gate that works element by element; its inputs are broadcast to one shape as in NumPy.

    ``backward`` returns dA in C's shape. ``checked_backward`` sums it back to A's shape.
    """

    check_shapes = ONE_INPUT


class Add(Elementwise):
    """C = A + B, elementwise, of two or more inputs; dA = dC, dB = dC: it hands its gradient on to each input."""

    name, symbol = "add", "+"
    check_shapes = MANY_INPUTS

    def forward(self, A: Value, B: Value, *others: Value) -> Value:
        return sum(others, A + B)

    def backward(self, dC: Value, C: Value, *inputs: Value) -> Gradients:
        return (dC,) * len(inputs)


class Subtract(Elementwise):
    """C = A - B, elementwise; dA = dC, dB = -dC."""

    name, symbol = "subtract", "−"
    check_shapes = TWO_INPUTS

    def forward(self, A: Value, B: Value) -> Value:
        return A - B

    def backward(self, dC: Value, C: Value, A: Value, B: Value) -> Gradients:
        return dC, -dC


class Multiply(Elementwise):
    """C = A B, elementwise; dA = dC B, dB = dC A: it swaps its inputs."""

    name, symbol = "multiply", "×"
    check_shapes = TWO_INPUTS

    def forward(self, A: Value, B: Value) -> Value:
        return A * B

    def backward(self, dC: Value, C: Value, A: Value, B: Value) -> Gradients:
        return dC * B, dC * A


class Divide(Elementwise):
    """C = A / B, elementwise; dA = dC / B, dB = -dC C / B."""

    name, symbol = "divide", "÷"
    check_shapes = TWO_INPUTS

    def forward(self, A: Value, B: Value) -> Value:
        return A / B

    def backward(self, dC: Value, C: Value, A: Value, B: Value) -> Gradients:
        return dC / B, -dC * C / B


class Identity(Elementwise):
    """C = A: a second name for a value; dA = dC."""

    name, symbol = "identity", "="

    def forward(self, A: Value) -> Value:
        return A

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (dC,)


class Negate(Elementwise):
    """C = -A, elementwise; dA = -dC."""

    name, symbol = "negate", "−x"

    def forward(self, A: Value) -> Value:
        return -A

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (-dC,)


SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Power(Elementwise):
    """C = A^k, elementwise, k a constant number; dA = dC k A^(k - 1), infinite at A = 0 for 0 < k < 1."""

    name = "power"
    positive = True

    def __init__(self, exponent: float):
        self.exponent = exponent
        whole = exponent == int(exponent) and abs(exponent) < 1000
        self.symbol = f"x{int(exponent)}".translate(SUPERSCRIPTS) if whole else f"x^{exponent:g}"

    def __str__(self) -> str:
        return f"{self.name} {self.exponent}"

    def __repr__(self) -> str:
        return f"Power({self.exponent})"

    @classmethod
    def check_instances(cls) -> Iterable[Gate]:
        return [cls(exponent) for exponent in (-1.5, -1, 0, 0.5, 1, 2, 3)]

    def forward(self, A: Value) -> Value:
        return np.power(A, self.exponent)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        k = self.exponent
        if k in (0, 1):
            return (dC * k,)  # at A = 0 too, where A^(k - 1) may be infinite
        return (dC * k * (A if k == 2 else np.power(A, k - 1)),)


class Sqrt(Elementwise):
    """C = sqrt(A), elementwise; dA = dC / (2 C), infinite at A = 0."""

    name, symbol = "sqrt", "√x"
    positive = True

    def forward(self, A: Value) -> Value:
        return np.sqrt(A)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (dC / (2 * C),)


class Exponential(Elementwise):
    """C = exp(A), elementwise; dA = dC C, from the output alone."""

    name = symbol = "exp"

    def forward(self, A: Value) -> Value:
        return np.exp(A)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (dC * C,)


class Logarithm(Elementwise):
    """C = log(A), the natural logarithm, elementwise; dA = dC / A."""

    name = symbol = "log"
    positive = True

    def forward(self, A: Value) -> Value:
        return np.log(A)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (dC / A,)


class Sine(Elementwise):
    """C = sin(A), A in radians, elementwise; dA = cos(A) dC."""

    name = symbol = "sin"

    def forward(self, A: Value) -> Value:
        return np.sin(A)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (np.cos(A) * dC,)


class Cosine(Elementwise):
    """C = cos(A), A in radians, elementwise; dA = -sin(A) dC."""

    name = symbol = "cos"

    def forward(self, A: Value) -> Value:
        return np.cos(A)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (-np.sin(A) * dC,)


class Absolute(Elementwise):
    """C = |A|, elementwise; dA = dC where A > 0, -dC where A < 0, and 0 at A = 0."""

    name, symbol = "abs", "|x|"

    def forward(self, A: Value) -> Value:
        return np.abs(A)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (dC * np.sign(A),)


class Max(Elementwise):
    """C = max(A, B), elementwise, of two or more inputs; it routes its gradient to the largest input.

    dA = dC where A >= B, else 0; dB = dC where A < B, else 0: at a tie all goes to the first of the largest.
    """

    name = symbol = "max"
    check_shapes = MANY_INPUTS

    def forward(self, A: Value, B: Value, *others: Value) -> Value:
        return reduce(np.maximum, others, np.maximum(A, B))

    def backward(self, dC: Value, C: Value, *inputs: Value) -> Gradients:
        return tuple(dC * is_first_maximum(inputs, position) for position in range(len(inputs)))


def is_first_maximum(inputs: Sequence[Value], position: int) -> Value:
    """Where this input is larger than every input before it, and no input after it is larger."""
    A = inputs[position]
    above = [B < A for B in inputs[:position]] + [A >= B for B in inputs[position + 1 :]]
    return reduce(np.logical_and, above)


class Relu(Elementwise):
    """C = max(A, 0), elementwise; dA = dC where A > 0, else 0."""

    name = symbol = "relu"

    def forward(self, A: Value) -> Value:
        return np.maximum(A, 0)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (dC * (A > 0),)


class Tanh(Elementwise):
    """C = tanh(A), elementwise; dA = (1 - C^2) dC, from the output alone."""

    name = symbol = "tanh"

    def forward(self, A: Value) -> Value:
        return np.tanh(A)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return ((1 - C**2) * dC,)


class Sigmoid(Elementwise):
    """P = 1 / (1 + exp(-Z)), elementwise; dZ = (1 - P) P dP, from the output alone.

    Z is clipped to at least -87 in float32, -708 in float64. These are the lowest whole numbers at which exp(-Z) and
    its reciprocal are normal numbers, so nothing overflows, and P stays above 0. A large Z needs no limit: exp(-Z)
    becomes 0 without a warning, and P is 1 there, as it is from about Z = 37 on in float64. (Where Z is clipped, dZ is
    still (1 - P) P dP.)
    """

    name, symbol = "sigmoid", "σ"

    def forward(self, Z: Value) -> Value:
        return 1 / (1 + np.exp(-clipped(Z)))

    def backward(self, dP: Value, P: Value, Z: Value) -> Gradients:
        return ((1 - P) * P * dP,)


def clipped(Z: Value) -> Value:
    """Z, but at least minus the ``largest_exponent``."""
    return written_as(lambda: Z, np.maximum(Z, -largest_exponent(getattr(Z, "dtype", float))))


def largest_exponent(dtype: DTypeLike) -> int:
    """The largest whole number z for which exp(z) and exp(-z) are normal numbers in this precision."""
    return math.floor(-math.log(np.finfo(np.result_type(dtype, np.float16)).tiny))


class Matmul(Gate):
    """C = A B, with A (n, k), B (k, m), C (n, m); dA = dC B', dB = A' dC.

    As in NumPy, a vector A (k,) is one row and a vector B (k,) is one column.
    """

    name, symbol = "matmul", "@"
    check_shapes = (((3, 4), (4, 2)), ((4,), (4, 2)), ((3, 4), (4,)), ((4,), (4,)))

    def forward(self, A: Value, B: Value) -> Value:
        return A @ B

    def backward(self, dC: Value, C: Value, A: Value, B: Value) -> Gradients:
        if A.ndim == B.ndim == 1:
            return dC * B, dC * A
        dA = dC @ B.T if B.ndim == 2 else np.outer(dC, B)
        dB = A.T @ dC if A.ndim == 2 else np.outer(A, dC)
        return dA, dB


class Softmax(Gate):
    """P_j = exp(S_j) / sum_k exp(S_k) in each row of S (n, C), or in S (C,); dS = P (dP - sum_k dP_k P_k).

    The largest score of a row is subtracted first: then nothing overflows, and P is the same.
    """

    name, symbol = "softmax", "eˢ/Σeˢ"
    check_shapes = (((4, 3),), ((3,),))

    def forward(self, S: Value) -> Value:
        if np.ndim(S) not in (1, 2):
            raise ValueError(
                f"{self.name}: scores of shape {np.shape(S)} do not fit: they must be (classes,) or (n, classes)"
            )
        return written_as(lambda: normalized(np.exp(S)), normalized(np.exp(below_largest(S))))

    def backward(self, dP: Value, P: Value, S: Value) -> Gradients:
        return (P * (dP - np.sum(dP * P, **over_classes(P))),)


def normalized(E: Value) -> Value:
    """Each number divided by the sum over its example's classes."""
    return E / np.sum(E, **over_classes(E))


def below_largest(S: Value) -> Value:
    """The scores minus the largest score of their example: at most 0."""
    return S - np.max(S, **over_classes(S))


def over_classes(S: Value) -> dict[str, Any]:
    """The options of a sum over the classes of each example, so that it can be combined with S."""
    return {"axis": 1, "keepdims": True} if S.ndim == 2 else {}


class Sum(Gate):
    """C = sum of A over all its elements, a scalar; dA = dC for each of them."""

    name, symbol = "sum", "Σ"
    check_shapes = ONE_INPUT

    def forward(self, A: Value) -> Value:
        return np.sum(A)

    def backward(self, dC: Value, C: Value, A: Value) -> Gradients:
        return (np.broadcast_to(dC, np.shape(A)),)


def unbroadcast(gradient: Value, shape: Shape) -> Value:
    """A gradient summed along the axes that broadcasting copied an array of this shape along."""
    wide = np.shape(gradient)
    if wide == shape:
        return gradient
    if not shape:
        return np.sum(gradient)
    new_axes = len(wide) - len(shape)
    padded = (0,) * new_axes + shape
    axes = tuple(axis for axis, length in enumerate(padded) if length != wide[axis])
    return np.reshape(np.sum(gradient, axis=axes, keepdims=not new_axes), shape)


def written_as(plain: Callable[[], Value], exact: Value) -> Value:
    """Returns ``exact``, with which the passes compute: it does not overflow, and loses no digits.

    A listing prints ``plain``, the textbook's form, if that gives the same numbers for the current values (to 1e-12).
    It is a function that only tracing calls.
    """
    if (recorder := getattr(exact, "recorder", None)) is not None:
        recorder.plain[exact.term] = recorder.term(plain())
    return exact
