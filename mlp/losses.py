"""The losses, which are gates too. Each is a sum over examples: the division by n is a separate gate.

Symbols: n examples, C classes. P (n, 1) probabilities, Z (n, 1) logits (P = sigmoid(Z)), Y (n, 1) targets 0 or 1,
S (n, C) scores, one row per example, y (n,) the index of each row's right class; a single example is S (C,) and y ().
"""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from mlp.gates import Array, Call, Gate, Output, Shape, Sigmoid, join_shapes, sigmoid_code


class EuclideanLoss(Gate):
    """E = 1/2 sum (P - Y)^2 over all elements, a scalar; dP = (P - Y) dE, dY = (Y - P) dE.

    P and Y must have the same shape.
    """

    name = "euclidean loss"
    symbol = "½Σ(p−y)²"
    check_shapes = (((), ()), ((5, 1), (5, 1)))

    def output_shape(self, *shapes: Shape) -> Shape:
        return one_shape(self, shapes)

    def forward(self, E: Array, P: Array, Y: Array) -> Iterator[Call]:
        D, twice, half = np.empty_like(P), np.empty_like(E), P.dtype.type(0.5)
        flat = D.reshape(-1)
        yield D, np.subtract, P, Y
        yield twice, np.dot, flat, flat
        yield E, np.multiply, twice, half

    def backward(self, dE: Array, E: Array, P: Array, Y: Array, dP: Output, dY: Output) -> Iterator[Call]:
        yield dP, np.subtract, P, Y
        yield dP, np.multiply, dP, dE

        yield dY, np.subtract, Y, P
        yield dY, np.multiply, dY, dE

    def code(self, *inputs: Array) -> tuple[str, ...]:
        return "0.5 * np.sum(({P} - {Y}) ** 2)", "({P} - {Y}) * {dE}", "({Y} - {P}) * {dE}"


class CrossEntropyLoss(Gate):
    """E = -sum (Y log P + (1 - Y) log(1 - P)) with P = sigmoid(Z), a scalar; dZ = (P - Y) dE, dY = -Z dE.

    Computed from the logit Z as E = sum (max(Z, 0) - Z Y + log(1 + exp(-|Z|))), where nothing overflows and
    log(0) cannot occur. In dZ the sigmoid's own factor P (1 - P) cancels: a network that is confident and wrong
    still learns. Z and Y must have the same shape.
    """

    name = "cross-entropy loss"
    symbol = "H"
    check_shapes = (((), ()), ((5, 1), (5, 1)))

    def output_shape(self, *shapes: Shape) -> Shape:
        return one_shape(self, shapes)

    def forward(self, E: Array, Z: Array, Y: Array) -> Iterator[Call]:
        D, T, zero, all_axes = np.empty_like(Z), np.empty_like(Z), Z.dtype.type(0), None
        yield D, np.maximum, Z, zero
        yield T, np.multiply, Z, Y
        yield D, np.subtract, D, T  # 0 for a confident right answer: the small T added below loses no digits
        yield T, np.absolute, Z
        yield T, np.negative, T
        yield T, np.exp, T
        yield T, np.log1p, T
        yield D, np.add, D, T
        yield E, np.add.reduce, D, all_axes

    def backward(self, dE: Array, E: Array, Z: Array, Y: Array, dZ: Output, dY: Output) -> Iterator[Call]:
        if dZ is not None:
            yield from Sigmoid().forward(dZ, Z)
        yield dZ, np.subtract, dZ, Y
        yield dZ, np.multiply, dZ, dE

        yield dY, np.negative, Z
        yield dY, np.multiply, dY, dE

    def code(self, *inputs: Array) -> tuple[str, ...]:
        forward = "np.sum(np.maximum({Z}, 0) - {Z} * {Y} + np.log1p(np.exp(-np.abs({Z}))))"
        return forward, f"({sigmoid_code(inputs[0])} - {{Y}}) * {{dE}}", "-{Z} * {dE}"


class ClassLoss(Gate):
    """A loss of scores S (n, C) and class indices y (n,), or of one example's S (C,) and y ().

    The gradient of each wrong class j is v_j, and that of the right class is minus their sum: ds_j = v_j dE,
    ds_y = -sum_j v_j dE. A step against the gradient lowers the wrong scores and raises the right one.
    A subclass computes V, which is 0 at each right class, from D = S - s_y.
    dS is the only gradient, so it is never None.
    """

    check_shapes = (((3,), ()), ((4, 3), (4,)))
    indices = frozenset({1})

    def output_shape(self, *shapes: Shape) -> Shape:
        S, y = shapes
        if not (1 <= len(S) <= 2 and S[-1] and y == S[:-1]):
            raise ValueError(
                f"{self.name}: shapes {join_shapes(shapes)} do not fit: scores (classes,) need one class index, "
                "scores (n, classes) need n indices, (n,)"
            )
        return ()

    def backward(self, dE: Array, E: Array, S: Array, y: Array, dS: Array, dy: None) -> Iterator[Call]:
        T, total, last_axis = np.empty_like(S), np.empty(S.shape[:-1], S.dtype), -1
        yield from self._behind(dS, T, S, y)
        yield from self._shares(dS, T)
        yield total, np.add.reduce, dS, last_axis
        yield T, np.multiply, T, total[..., np.newaxis]
        yield dS, np.subtract, dS, T
        yield dS, np.multiply, dS, dE

    @abstractmethod
    def _shares(self, V: Array, T: Array) -> Iterator[Call]:
        """Overwrite D with V; T is 1 at each right class, else 0."""

    @staticmethod
    def _behind(D: Array, T: Array, S: Array, y: Array) -> Iterator[Call]:
        """Write into D the scores minus the right class's, S - s_y, and into T 1 at each right class, else 0."""
        right, last_axis = np.empty(S.shape[:-1], S.dtype), -1
        yield T, right_class, y
        yield D, np.multiply, T, S
        yield right, np.add.reduce, D, last_axis
        yield D, np.subtract, S, right[..., np.newaxis]


class SoftmaxLoss(ClassLoss):
    """E = sum over examples of -log p_y with p_j = exp(s_j) / sum_k exp(s_k); dS = (p - 1[j = y]) dE: v_j = p_j.

    Computed as log sum_k exp(s_k - s_y), by logaddexp: nothing overflows, and no digits are lost if the right
    score is by far the largest.
    """

    name = "softmax loss"
    symbol = "softmax"

    def forward(self, E: Array, S: Array, y: Array) -> Iterator[Call]:
        D, T, rows = np.empty_like(S), np.empty_like(S), np.empty(S.shape[:-1], S.dtype)
        last_axis, all_axes = -1, None
        yield from self._behind(D, T, S, y)
        yield rows, np.logaddexp.reduce, D, last_axis
        yield E, np.add.reduce, rows, all_axes

    def _shares(self, V: Array, T: Array) -> Iterator[Call]:
        rows, last_axis, one = np.empty(V.shape[:-1], V.dtype), -1, V.dtype.type(1)
        yield rows, np.logaddexp.reduce, V, last_axis
        yield V, np.subtract, V, rows[..., np.newaxis]
        yield V, np.exp, V
        wrong = np.empty_like(T)
        yield wrong, np.subtract, one, T
        yield V, np.multiply, V, wrong

    def code(self, *inputs: Array) -> tuple[str, ...]:
        S, y = (array.shape for array in inputs)
        behind, T = f"{{S}} - {_right_score(S)}", _is_right(S)
        if y:
            E = f"np.sum(np.logaddexp.reduce({behind}, axis=1))"
            log_p = f"{behind} - np.logaddexp.reduce({behind}, axis=1, keepdims=True)"
        else:
            E = f"np.logaddexp.reduce({behind})"
            log_p = f"{behind} - {{E}}"
        return E, f"np.where({T}, np.expm1({log_p}), np.exp({log_p})) * {{dE}}", ""  # expm1: no cancellation in p - 1


class SVMLoss(ClassLoss):
    """E = sum over examples and j != y of max(0, s_j - s_y + 1): the multiclass SVM's hinge loss, margin 1.

    v_j = 1 if s_j - s_y + 1 > 0, else 0.
    """

    name = "svm loss"
    symbol = "hinge"

    def forward(self, E: Array, S: Array, y: Array) -> Iterator[Call]:
        D, T, all_axes = np.empty_like(S), np.empty_like(S), None
        yield from self._behind(D, T, S, y)
        yield from self._margins(D, T)
        yield E, np.add.reduce, D, all_axes

    def _shares(self, V: Array, T: Array) -> Iterator[Call]:
        zero = V.dtype.type(0)
        yield from self._margins(V, T)
        yield V, np.greater, V, zero

    @staticmethod
    def _margins(D: Array, T: Array) -> Iterator[Call]:
        """Overwrite D = S - s_y with max(0, s_j - s_y + 1), but with 0 at the right class."""
        zero, one = D.dtype.type(0), D.dtype.type(1)
        yield D, np.add, D, one
        yield D, np.subtract, D, T
        yield D, np.maximum, D, zero

    def code(self, *inputs: Array) -> tuple[str, ...]:
        S, y = (array.shape for array in inputs)
        margin, T = f"{{S}} - {_right_score(S)} + 1", _is_right(S)
        count = f"np.sum({margin} > 0, axis=1, keepdims=True)" if y else f"np.sum({margin} > 0)"
        return (
            f"np.sum(np.maximum({margin}, 0) * {_is_right(S, '!=')})",
            f"(({margin} > 0) - {count} * {T}) * {{dE}}",
            "",
        )


def _right_score(S: Shape) -> str:
    """Python code for s_y, in a shape that can be subtracted from S."""
    return "{S}[{y}]" if len(S) == 1 else f"{{S}}[np.arange({S[0]}), {{y}}][:, None]"


def _is_right(S: Shape, equals: str = "==") -> str:
    """Python code for an array of S's shape: true at each example's right class, or with != at the others."""
    return f"(np.arange({S[-1]}) {equals} {'{y}' if len(S) == 1 else '{y}[:, None]'})"


def one_shape(gate: Gate, shapes: tuple[Shape, ...]) -> Shape:
    """(), if both shapes are the same. Raises ValueError if not: (4, 1) and (4,) would broadcast to (4, 4)."""
    if shapes[0] != shapes[1]:
        raise ValueError(f"{gate.name}: shapes {join_shapes(shapes)} differ")
    return ()


def right_class(y: Array, out: Array) -> Array:
    """Write 1 at each right class, else 0: y (n,) or () into out (n, C) or (C,). Raises as ``check_class_indices``."""
    check_class_indices(y, out.shape[-1])
    return np.equal(np.arange(out.shape[-1]), y[..., np.newaxis], out=out)


def check_class_indices(y: Array, classes: int) -> None:
    """Raises ValueError if y holds anything but whole numbers from 0 to classes - 1."""
    wrong = y[(y != np.floor(y)) | (y < 0) | (y >= classes)]
    if wrong.size:
        raise ValueError(
            f"{wrong[0]:.17g} is not the index of a class: it must be a whole number from 0 to {classes - 1}"
        )
