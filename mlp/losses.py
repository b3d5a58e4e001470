"""The losses, which are gates too. Each is a sum over examples: the division by n is a separate gate.

Symbols: n examples, C classes. P (n, 1) probabilities, Z (n, 1) logits (P = sigmoid(Z)), Y (n, 1) targets 0 or 1,
S (n, C) scores, one row per example, y (n,) the index of each row's right class; a single example is S (C,) and y ().
"""

from typing import Any

import numpy as np

from mlp.gates import Array, Gate, Gradients, Operation, Shape, Sigmoid, Value, written_as


class EuclideanLoss(Gate):
    """E = 1/2 sum (P - Y)^2 over all elements, a scalar; dP = (P - Y) dE, dY = (Y - P) dE.

    P and Y must have the same shape.
    """

    name = "euclidean loss"
    symbol = "½Σ(p−y)²"
    check_shapes = (((), ()), ((5, 1), (5, 1)))

    def forward(self, P: Value, Y: Value) -> Value:
        check_same_shape(self, P, Y)
        return 0.5 * np.sum((P - Y) ** 2)

    def backward(self, dE: Value, E: Value, P: Value, Y: Value) -> Gradients:
        return (P - Y) * dE, (Y - P) * dE


class CrossEntropyLoss(Gate):
    """E = -sum (Y log P + (1 - Y) log(1 - P)) with P = sigmoid(Z), a scalar; dZ = (P - Y) dE, dY = -Z dE.

    Computed from the logit Z as E = sum (max(Z, 0) - Z Y + log(1 + exp(-|Z|))), where nothing overflows and
    log(0) cannot occur. In dZ the sigmoid's own factor P (1 - P) cancels: a network that is confident and wrong
    still learns. Z and Y must have the same shape.
    """

    name = "cross-entropy loss"
    symbol = "H"
    check_shapes = (((), ()), ((5, 1), (5, 1)))

    def forward(self, Z: Value, Y: Value) -> Value:
        check_same_shape(self, Z, Y)
        # The first difference is 0 for a confident right answer: the small number added to it loses no digits.
        return np.sum(np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z))))

    def backward(self, dE: Value, E: Value, Z: Value, Y: Value) -> Gradients:
        return (Sigmoid().forward(Z) - Y) * dE, -Z * dE


class ClassLoss(Gate):
    """A loss of scores S (n, C) and class indices y (n,), or of one example's S (C,) and y ().

    The gradient of each wrong class j is v_j, and that of the right class is minus their sum: ds_j = v_j dE,
    ds_y = -sum_j v_j dE. A step against the gradient lowers the wrong scores and raises the right one.
    """

    check_shapes = (((3,), ()), ((4, 3), (4,)))
    indices = frozenset({1})

    def margins(self, S: Value, y: Value) -> Value:
        """S - s_y: how far each score is above the right class's. Raises ValueError if the shapes do not fit."""
        scores, classes = np.shape(S), np.shape(y)
        if not (1 <= len(scores) <= 2 and scores[-1] and classes == scores[:-1]):
            raise ValueError(
                f"{self.name}: shapes {scores} and {classes} do not fit: scores (classes,) need one class index, "
                "scores (n, classes) need n indices, (n,)"
            )
        return S - right_score(S, y)


class SoftmaxLoss(ClassLoss):
    """E = sum over examples of -log p_y with p_j = exp(s_j) / sum_k exp(s_k); dS = (p - 1[j = y]) dE: v_j = p_j.

    Computed as log sum_k exp(s_k - s_y), by logaddexp: nothing overflows, and no digits are lost if the right
    score is by far the largest.
    """

    name = "softmax loss"
    symbol = "softmax"

    def forward(self, S: Value, y: Value) -> Value:
        return np.sum(np.logaddexp.reduce(self.margins(S, y), axis=-1))

    def backward(self, dE: Value, E: Value, S: Value, y: Value) -> Gradients:
        D = self.margins(S, y)
        log_p = D - np.logaddexp.reduce(D, **over_classes(S))
        right = onehot(y, classes=S.shape[-1])
        error = np.where(right, np.expm1(log_p), np.exp(log_p))  # expm1: no cancellation in p - 1
        return written_as(lambda: softmax(S) - right, error) * dE, None


class SVMLoss(ClassLoss):
    """E = sum over examples and j != y of max(0, s_j - s_y + 1): the multiclass SVM's hinge loss, margin 1.

    v_j = 1 if s_j - s_y + 1 > 0, else 0.
    """

    name = "svm loss"
    symbol = "hinge"

    def forward(self, S: Value, y: Value) -> Value:
        return np.sum(np.maximum(self.margins(S, y) + 1, 0) * (1 - onehot(y, classes=S.shape[-1])))

    def backward(self, dE: Value, E: Value, S: Value, y: Value) -> Gradients:
        V = self.margins(S, y) + 1 > 0  # true for the right class too, which the sum then counts once too often
        return (V - np.sum(V, **over_classes(S)) * onehot(y, classes=S.shape[-1])) * dE, None


def over_classes(S: Value) -> dict[str, Any]:
    """The options of a sum over the classes of each example that can be subtracted from S."""
    return {"axis": 1, "keepdims": True} if S.ndim == 2 else {}


def check_same_shape(gate: Gate, P: Value, Y: Value) -> None:
    """Raises ValueError if the shapes differ: (4, 1) and (4,) would broadcast to (4, 4)."""
    if np.shape(P) != np.shape(Y):
        raise ValueError(f"{gate.name}: shapes {np.shape(P)} and {np.shape(Y)} differ")


def check_class_indices(y: Array, classes: int) -> None:
    """Raises ValueError if y holds anything but whole numbers from 0 to classes - 1."""
    wrong = y[(y != np.floor(y)) | (y < 0) | (y >= classes)]
    if wrong.size:
        raise ValueError(
            f"{wrong[0]:.17g} is not the index of a class: it must be a whole number from 0 to {classes - 1}"
        )


def _onehot(y: Value, classes: int, out: Array | None = None) -> Value:
    y = np.asarray(y)
    check_class_indices(y, classes)
    return np.equal(np.arange(classes), y[..., np.newaxis], out=out)


def _onehot_code(y: Shape, classes: int) -> str:
    return f"(np.arange({classes}) == {{0}}{'[:, None]' if y else ''})"


onehot = Operation(_onehot, lambda y, classes: (*y, classes), lambda y, classes: "onehot({0})", _onehot_code, bool)
"""True at the right class, else False: y (n,) or () to (n, C) or (C,). Raises as ``check_class_indices``."""


def _right_score(S: Value, y: Value, out: Array | None = None) -> Value:
    y = np.asarray(y)
    check_class_indices(y, np.shape(S)[-1])
    scores = np.take_along_axis(S, y[..., np.newaxis].astype(int), axis=-1)
    if out is None:
        return scores if y.ndim else scores[0]
    out[...] = scores if y.ndim else scores[0]
    return out


def _right_score_code(S: Shape, y: Shape) -> str:
    return f"{{0}}[np.arange({S[0]}), {{1}}][:, None]" if y else "{0}[{1}]"


right_score = Operation(_right_score, lambda S, y: (*y, 1) if y else (), _right_score_code, _right_score_code)
"""s_y, the right class's score: (n, 1) or (). Raises as ``check_class_indices``."""


def _softmax(S: Value) -> Value:
    return np.exp(S) / np.sum(np.exp(S), **over_classes(S))


def _softmax_code(S: Shape) -> str:
    return f"np.exp({{0}}) / np.sum(np.exp({{0}}){', axis=1, keepdims=True' if len(S) == 2 else ''})"


softmax = Operation(_softmax, lambda S: S, lambda S: "softmax({0})", _softmax_code)
"""p_j = exp(s_j) / sum_k exp(s_k) for each example."""
