"""The losses, which are gates too. Each is a sum over examples: the division by n is a separate gate.

Symbols: n examples, C classes. P (n, 1) probabilities, Z (n, 1) logits (P = sigmoid(Z)), Y (n, 1) targets 0 or 1,
S (n, C) scores, one row per example, y (n,) the index of each row's right class; a single example is S (C,) and y ().
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp.gates import Array, Gate, Gradients, Shape, Sigmoid, Value, written_as


class EuclideanLoss(Gate):
    """E = 1/2 sum (P - Y)^2 over all elements, a scalar; dP = (P - Y) dE, dY = (Y - P) dE.

    P and Y must have the same shape.
    """

    name, symbol = "euclidean loss", "½Σ(p−y)²"
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

    name, symbol = "cross-entropy loss", "H"
    check_shapes = (((), ()), ((5, 1), (5, 1)))

    def forward(self, Z: Value, Y: Value) -> Value:
        check_same_shape(self, Z, Y)
        # The first difference is 0 for a confident right answer: the small number added to it loses no digits.
        return np.sum(np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z))))

    def backward(self, dE: Value, E: Value, Z: Value, Y: Value) -> Gradients:
        return (Sigmoid().forward(Z) - Y) * dE, -Z * dE


class ClassLoss(Gate):
    """A loss of scores S (n, C) and class indices y (n,), or of one example's S (C,) and y ().

    v_j is the derivative of E with respect to the score of a wrong class j, so ds_j = v_j dE. The right class has minus
    their sum, ds_y = -sum_j v_j dE. A step lowers the wrong scores and raises the right one.
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

    name, symbol = "softmax loss", "softmax"

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

    name, symbol = "svm loss", "hinge"

    def forward(self, S: Value, y: Value) -> Value:
        return np.sum(np.maximum(self.margins(S, y) + 1, 0) * (1 - onehot(y, classes=S.shape[-1])))

    def backward(self, dE: Value, E: Value, S: Value, y: Value) -> Gradients:
        # V is also true for the right class: 1 minus the sum is minus the number of the others.
        V = self.margins(S, y) + 1 > 0
        return (V - np.sum(V, **over_classes(S)) * onehot(y, classes=S.shape[-1])) * dE, None


def over_classes(S: Value) -> dict[str, Any]:
    """The options of a sum over the classes of each example, so that it can be subtracted from S."""
    return {"axis": 1, "keepdims": True} if S.ndim == 2 else {}


def check_same_shape(gate: Gate, P: Value, Y: Value) -> None:
    """Raises ValueError if the shapes differ: (4, 1) and (4,) would broadcast to (4, 4)."""
    if np.shape(P) != np.shape(Y):
        raise ValueError(f"{gate.name}: shapes {np.shape(P)} and {np.shape(Y)} differ")


@dataclass(frozen=True, eq=False)
class Operation:
    """A function of our own that a formula records under its name, as it does NumPy's functions."""

    compute: Callable[..., Array]
    """The function; its last parameter is ``out``, as in NumPy."""
    shape: Callable[..., Shape]
    """The result's shape, from the shapes of the arguments and the options."""
    text: Callable[..., str]
    """How people write it, from the same as ``shape``, such as ``onehot({0})``: {0} is the first argument."""
    code: Callable[..., str]
    """The same as Python that needs only NumPy, such as ``(np.arange(3) == {0})``."""
    dtype: type = float

    def __call__(self, *arguments: Value, **options: Any) -> Value:
        for argument in arguments:
            if (recorder := getattr(argument, "recorder", None)) is not None:
                return recorder.record(self, *arguments, **options)
        return self.compute(*arguments, **options)


def check_class_indices(y: Array, classes: int) -> None:
    """Raises ValueError if y holds anything but whole numbers from 0 to classes - 1."""
    wrong = y[(y != np.floor(y)) | (y < 0) | (y >= classes)]
    if wrong.size:
        raise ValueError(
            f"{wrong[0]:.17g} is not the index of a class: it must be a whole number from 0 to {classes - 1}"
        )


def _onehot(y: Array, classes: int, out: Array | None = None) -> Value:
    check_class_indices(y := np.asarray(y), classes)
    return np.equal(np.arange(classes), y[..., np.newaxis], out=out)


onehot = Operation(
    _onehot,
    shape=lambda y, classes: (*y, classes),
    text=lambda y, classes: "onehot({0})",
    code=lambda y, classes: f"(np.arange({classes}) == {{0}}{'[:, None]' if y else ''})",
    dtype=bool,
)
"""True at the right class, else False: y (n,) or () to (n, C) or (C,). Raises as ``check_class_indices``."""


def _right_score(S: Array, y: Array, out: Array | None = None) -> Value:
    check_class_indices(y := np.asarray(y), np.shape(S)[-1])
    scores = np.take_along_axis(S, y[..., np.newaxis].astype(int), axis=-1)
    return np.positive(scores if y.ndim else scores[0], out=out)


def _right_score_code(S: Shape, y: Shape) -> str:
    return f"{{0}}[np.arange({S[0]}), {{1}}][:, None]" if y else "{0}[{1}]"


right_score = Operation(_right_score, lambda S, y: (*y, 1) if y else (), _right_score_code, _right_score_code)
"""s_y, the right class's score: (n, 1) or (). Raises as ``check_class_indices``."""

softmax = Operation(
    lambda S: np.exp(S) / np.sum(np.exp(S), **over_classes(S)),
    shape=lambda S: S,
    text=lambda S: "softmax({0})",
    code=lambda S: f"np.exp({{0}}) / np.sum(np.exp({{0}}){', axis=1, keepdims=True' if len(S) == 2 else ''})",
)
"""p_j = exp(s_j) / sum_k exp(s_k) for each example."""
