"""The losses, gates like any other: each a sum over examples, so that a mean is a division by n that one can see.

Symbols: n examples, C classes. P (n, 1) probabilities, Z (n, 1) logits (P = sigmoid(Z)), Y (n, 1) targets 0 or 1,
S (n, C) scores, a row an example, y (n,) the index of each row's right class; a single example is S (C,) and y ().
"""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from mlp.gates import Array, Call, Gate, Shape, Sigmoid, Wanted, both


class EuclideanLoss(Gate):
    """E = 1/2 sum (P - Y)^2 over all elements, a scalar; dP = (P - Y) dE, dY = (Y - P) dE.

    P and Y must have one shape.
    """

    name = "euclidean loss"
    symbol = "½Σ(p−y)²"
    checked_on = (((), ()), ((5, 1), (5, 1)))

    def output_shape(self, *shapes: Shape) -> Shape:
        return one_shape(self, shapes)

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

    def code(self, *shapes: Shape) -> tuple[str, ...]:
        return "0.5 * np.sum(({P} - {Y}) ** 2)", "({P} - {Y}) * {dE}", "({Y} - {P}) * {dE}"


class CrossEntropyLoss(Gate):
    """E = -sum (Y log P + (1 - Y) log(1 - P)) with P = sigmoid(Z), a scalar; dZ = (P - Y) dE, dY = -Z dE.

    Computed from the logit Z as E = sum (max(Z, 0) - Z Y + log(1 + exp(-|Z|))), in which nothing overflows and
    no logarithm meets a 0. In dZ the sigmoid's own P (1 - P) has cancelled: a network that is sure and wrong
    still learns. Z and Y must have one shape.
    """

    name = "cross-entropy loss"
    symbol = "H"
    checked_on = (((), ()), ((5, 1), (5, 1)))

    def output_shape(self, *shapes: Shape) -> Shape:
        return one_shape(self, shapes)

    def forward(self, E: Array, Z: Array, Y: Array) -> Iterator[Call]:
        D, T, zero, all_axes = np.empty_like(Z), np.empty_like(Z), Z.dtype.type(0), None
        yield D, np.maximum, Z, zero
        yield T, np.multiply, Z, Y
        yield D, np.subtract, D, T  # 0 where the network is sure and right, so that the small rest counts in full
        yield T, np.absolute, Z
        yield T, np.negative, T
        yield T, np.exp, T
        yield T, np.log1p, T
        yield D, np.add, D, T
        yield E, np.add.reduce, D, all_axes

    def backward(self, dE: Array, E: Array, Z: Array, Y: Array, dZ: Wanted, dY: Wanted) -> Iterator[Call]:
        if dZ is not None:
            yield from Sigmoid().forward(dZ, Z)
        yield dZ, np.subtract, dZ, Y
        yield dZ, np.multiply, dZ, dE

        yield dY, np.negative, Z
        yield dY, np.multiply, dY, dE

    def code(self, *shapes: Shape) -> tuple[str, ...]:
        forward = "np.sum(np.maximum({Z}, 0) - {Z} * {Y} + np.log1p(np.exp(-np.abs({Z}))))"
        return forward, "(1 / (1 + np.exp(-{Z})) - {Y}) * {dE}", "-{Z} * {dE}"


class ClassScores(Gate):
    """A loss of scores S (n, C) and class indices y (n,), or of one example's S (C,) and y ().

    dS is its only gradient, so that whoever runs its backward pass wants it.
    """

    checked_on = (((3,), ()), ((4, 3), (4,)))
    indices = frozenset({1})

    def output_shape(self, *shapes: Shape) -> Shape:
        S, y = shapes
        if not (1 <= len(S) <= 2 and S[-1] and y == S[:-1]):
            raise ValueError(
                f"{self.name}: shapes {both(shapes)} do not fit: scores (classes,) need one class index, "
                "scores (n, classes) need (n,) of them"
            )
        return ()

    def code(self, *shapes: Shape) -> tuple[str, ...]:
        S, y = shapes
        T = f"(np.arange({S[-1]}) == {'{y}[:, None]' if y else '{y}'})"
        forward, backward = self.code_with(T)
        return forward, backward, ""

    @abstractmethod
    def code_with(self, T: str) -> tuple[str, str]:
        """The texts for E and dS, given that for the array that is true at each example's right class."""


class SoftmaxLoss(ClassScores):
    """E = sum over examples of -log p_y with p = softmax(S), p_j = exp(s_j) / sum_k exp(s_k); dS = (p - 1[j = y]) dE.

    Computed as log sum_k exp(s_k) - s_y by logaddexp, in which nothing overflows.
    """

    name = "softmax loss"
    symbol = "softmax"

    def forward(self, E: Array, S: Array, y: Array) -> Iterator[Call]:
        rows, T, last_axis, all_axes = np.empty(S.shape[:-1], S.dtype), np.empty_like(S), -1, None
        total = np.empty_like(E)
        yield rows, np.logaddexp.reduce, S, last_axis
        yield E, np.add.reduce, rows, all_axes
        yield T, right_class, y
        yield T, np.multiply, T, S
        yield total, np.add.reduce, T, all_axes
        yield E, np.subtract, E, total

    def backward(self, dE: Array, E: Array, S: Array, y: Array, dS: Array, dy: None) -> Iterator[Call]:
        rows, T, last_axis = np.empty(S.shape[:-1], S.dtype), np.empty_like(S), -1
        yield rows, np.logaddexp.reduce, S, last_axis
        yield dS, np.subtract, S, rows[..., np.newaxis]
        yield dS, np.exp, dS
        yield T, right_class, y
        yield dS, np.subtract, dS, T
        yield dS, np.multiply, dS, dE

    def code_with(self, T: str) -> tuple[str, str]:
        return (
            f"np.sum(np.logaddexp.reduce({{S}}, axis=-1)) - np.sum({{S}} * {T})",
            f"(np.exp({{S}} - np.logaddexp.reduce({{S}}, axis=-1, keepdims=True)) - {T}) * {{dE}}",
        )


class SVMLoss(ClassScores):
    """E = sum over examples and j != y of max(0, s_j - s_y + 1): the multiclass SVM's hinge loss, margin 1.

    ds_j = dE where s_j - s_y + 1 > 0, else 0; ds_y = -dE for each such j.
    """

    name = "svm loss"
    symbol = "hinge"

    def forward(self, E: Array, S: Array, y: Array) -> Iterator[Call]:
        D, T, zero, all_axes = np.empty_like(S), np.empty_like(S), S.dtype.type(0), None
        yield from self._margins(D, T, S, y)
        yield D, np.maximum, D, zero
        yield E, np.add.reduce, D, all_axes

    def backward(self, dE: Array, E: Array, S: Array, y: Array, dS: Array, dy: None) -> Iterator[Call]:
        T, count, zero, last_axis = np.empty_like(S), np.empty(S.shape[:-1], S.dtype), S.dtype.type(0), -1
        yield from self._margins(dS, T, S, y)
        yield dS, np.greater, dS, zero
        yield count, np.add.reduce, dS, last_axis
        yield T, np.multiply, T, count[..., np.newaxis]
        yield dS, np.subtract, dS, T
        yield dS, np.multiply, dS, dE

    @staticmethod
    def _margins(D: Array, T: Array, S: Array, y: Array) -> Iterator[Call]:
        """Write s_j - s_y + 1 into D, but 0 at j = y, and into T 1 at j = y, else 0."""
        right, last_axis, one = np.empty(S.shape[:-1], S.dtype), -1, S.dtype.type(1)
        yield T, right_class, y
        yield D, np.multiply, T, S
        yield right, np.add.reduce, D, last_axis
        yield D, np.subtract, S, right[..., np.newaxis]
        yield D, np.add, D, one
        yield D, np.subtract, D, T  # s_y - s_y + 1 - 1 = 0

    def code_with(self, T: str) -> tuple[str, str]:
        margins = f"{{S}} - np.sum({{S}} * {T}, axis=-1, keepdims=True) + 1 - {T}"
        over = f"({margins} > 0)"
        return (
            f"np.sum(np.maximum({margins}, 0))",
            f"({over} - {T} * np.sum({over}, axis=-1, keepdims=True)) * {{dE}}",
        )


def one_shape(gate: Gate, shapes: tuple[Shape, ...]) -> Shape:
    """The shape of a sum over the pairs of two arrays of one shape: a (4, 1) with a (4,) would be a (4, 4)."""
    if shapes[0] != shapes[1]:
        raise ValueError(f"{gate.name}: shapes {both(shapes)} differ")
    return ()


def right_class(y: Array, out: Array) -> Array:
    """Write 1 at each example's right class, else 0: y (n,) to out (n, C), or () to (C,).

    ValueError where y holds anything but the index of a class.
    """
    classes = out.shape[-1]
    wrong = y[(y != np.floor(y)) | (y < 0) | (y >= classes)]
    if wrong.size:
        raise ValueError(f"{wrong[0]:g} is not the index of a class: it must be a whole number from 0 to {classes - 1}")
    return np.equal(np.arange(classes), y[..., np.newaxis], out=out)
