"""The losses, which are gates too. Each is a sum over examples: the division by n is a separate gate.

Symbols: n examples, C classes. P (n, k) probabilities, Z (n, k) logits (P = sigmoid(Z)), Y (n, k) targets 0 or 1, with
one column or one per class. S (n, C) scores, one row per example, y (n,) the index of each row's right class; a single
example is S (C,) and y (). w (n,), or () for a single example, are weights of the examples, and may be left out: each
example's loss is multiplied by its weight, and dw is the loss of each example times dE.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp.gates import (
    Array,
    Gate,
    Gradients,
    Shape,
    Sigmoid,
    Value,
    below_largest,
    normalized,
    over_classes,
    written_as,
)


class TargetLoss(Gate):
    """A loss of outputs and targets, which have the same shape."""

    check_shapes = (((), ()), ((5, 1), (5, 1)), ((4, 3), (4, 3), (4,)), ((5,), (5,), (5,)))


class EuclideanLoss(TargetLoss):
    """E = 1/2 sum w (P - Y)^2 over all elements, a scalar; dP = w (P - Y) dE, dY = w (Y - P) dE.

    P and Y must have the same shape.
    """

    name, symbol = "euclidean loss", "½Σ(p−y)²"

    def forward(self, P: Value, Y: Value, w: Value = None) -> Value:
        check_same_shape(self, P, Y, w)
        return 0.5 * np.sum(weighted((P - Y) ** 2, w))

    def backward(self, dE: Value, E: Value, P: Value, Y: Value, w: Value = None) -> Gradients:
        gradients = weighted(P - Y, w) * dE, weighted(Y - P, w) * dE
        return gradients if w is None else (*gradients, 0.5 * of_examples((P - Y) ** 2) * dE)


class CrossEntropyLoss(TargetLoss):
    """E = -sum w (Y log P + (1 - Y) log(1 - P)) with P = sigmoid(Z), a scalar; dZ = w (P - Y) dE, dY = -w Z dE.

    Computed from the logit Z as E = sum w (max(Z, 0) - Z Y + log(1 + exp(-|Z|))), where nothing overflows and
    log(0) cannot occur. In dZ the sigmoid's own factor P (1 - P) cancels: a network that is confident and wrong
    still learns. Z and Y must have the same shape.
    """

    name, symbol = "cross-entropy loss", "H"

    def losses(self, Z: Value, Y: Value) -> Value:
        """The loss of each element."""
        # The first difference is 0 for a confident right answer: the small number added to it loses no digits.
        return np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z)))

    def forward(self, Z: Value, Y: Value, w: Value = None) -> Value:
        check_same_shape(self, Z, Y, w)
        return np.sum(weighted(self.losses(Z, Y), w))

    def backward(self, dE: Value, E: Value, Z: Value, Y: Value, w: Value = None) -> Gradients:
        gradients = weighted(Sigmoid().forward(Z) - Y, w) * dE, weighted(-Z, w) * dE
        return gradients if w is None else (*gradients, of_examples(self.losses(Z, Y)) * dE)


class ClassLoss(Gate):
    """A loss of scores S (n, C) and class indices y (n,), or of one example's S (C,) and y ().

    v_j is the derivative of an example's loss with respect to the score of a wrong class j, so ds_j = w v_j dE. The
    right class has minus their sum, ds_y = -sum_j ds_j. A step lowers the wrong scores and raises the right one.
    """

    check_shapes = (((3,), ()), ((4, 3), (4,)), ((3,), (), ()), ((4, 3), (4,), (4,)))
    indices = frozenset({1})

    losses: Callable[..., Value]
    """From S and y the loss of each example, (n, 1), or () for one example."""
    derivatives: Callable[..., Value]
    """From S and y the derivative of each example's loss with respect to its scores, in the shape of S."""

    def forward(self, S: Value, y: Value, w: Value = None) -> Value:
        check_scores(self, S, y, w)
        return np.sum(weighted(self.losses(S, y), w))

    def backward(self, dE: Value, E: Value, S: Value, y: Value, w: Value = None) -> Gradients:
        gradients = weighted(self.derivatives(S, y), w) * dE, None
        return gradients if w is None else (*gradients, of_examples(self.losses(S, y)) * dE)


class SoftmaxLoss(ClassLoss):
    """E = sum over examples of -w log p_y with p_j = exp(s_j) / sum_k exp(s_k); dS = w (p - 1[j = y]) dE: v_j = p_j.

    With D = S - max S, a right score d_y and the sum T of exp(d_j) over the wrong classes, an example's loss is
    log(exp(d_y) + T) - d_y. Nothing overflows. Written with log1p and expm1, no digits are lost if the right score is
    by far the largest; neither are any in p_y - 1, which is minus the sum of the other p_j.
    """

    name, symbol = "softmax loss", "softmax"

    def losses(self, S: Value, y: Value) -> Value:
        D = below_largest(S)
        right = right_score(D, y)
        T = np.sum(np.exp(D) * wrong_classes(S, y), **over_classes(S))
        return written_as(
            lambda: np.log(np.sum(np.exp(S), **over_classes(S))) - right_score(S, y),
            np.log1p(np.expm1(right) + T) - right,
        )

    def derivatives(self, S: Value, y: Value) -> Value:
        E, right = np.exp(below_largest(S)), onehot(y, classes=S.shape[-1])
        V = E * wrong_classes(S, y) / np.sum(E, **over_classes(S))
        return written_as(lambda: softmax(S) - right, V - np.sum(V, **over_classes(S)) * right)


class SVMLoss(ClassLoss):
    """E = sum over examples and j != y of w max(0, s_j - s_y + 1): the multiclass SVM's hinge loss, margin 1.

    v_j = 1 if s_j - s_y + 1 > 0, else 0.
    """

    name, symbol = "svm loss", "hinge"

    def losses(self, S: Value, y: Value) -> Value:
        return np.sum(np.maximum(S - right_score(S, y) + 1, 0) * wrong_classes(S, y), **over_classes(S))

    def derivatives(self, S: Value, y: Value) -> Value:
        # V is also true for the right class: 1 minus the sum is minus the number of the others.
        V = S - right_score(S, y) + 1 > 0
        return V - np.sum(V, **over_classes(S)) * onehot(y, classes=S.shape[-1])


def wrong_classes(S: Value, y: Value) -> Value:
    """0 at the right class of each example, 1 at the others, in the shape of S."""
    return 1 - onehot(y, classes=S.shape[-1])


def weighted(A: Value, w: Value) -> Value:
    """Each example's row of A (n, k), or its number in A (n,) or (), times its weight; A without weights."""
    return A if w is None else (w[:, np.newaxis] if np.ndim(A) == 2 else w) * A


def of_examples(losses: Value) -> Value:
    """The loss of each example: the sum of its row of (n, k); (n,) and () are returned as they are."""
    return np.sum(losses, axis=1) if np.ndim(losses) == 2 else losses


def check_same_shape(gate: Gate, P: Value, Y: Value, w: Value) -> None:
    """Raises ValueError if shapes differ, as (4, 1) and (4,) would broadcast to (4, 4), or the weights do not fit."""
    if np.shape(P) != np.shape(Y):
        raise ValueError(f"{gate.name}: shapes {np.shape(P)} and {np.shape(Y)} differ")
    check_weights(gate, w, np.shape(P)[:1])


def check_scores(gate: Gate, S: Value, y: Value, w: Value) -> None:
    """Raises ValueError if the shapes do not fit: one class index, and one weight if any, for each row of scores."""
    scores, classes = np.shape(S), np.shape(y)
    if not (1 <= len(scores) <= 2 and scores[-1] and classes == scores[:-1]):
        raise ValueError(
            f"{gate.name}: shapes {scores} and {classes} do not fit: scores (classes,) need one class index, "
            "scores (n, classes) need n indices, (n,)"
        )
    check_weights(gate, w, classes)


def check_weights(gate: Gate, w: Value, expected: Shape) -> None:
    """Raises ValueError if there are weights, but not one for each example."""
    if w is not None and np.shape(w) != expected:
        raise ValueError(f"{gate.name}: weights of shape {np.shape(w)} do not fit: one for each example, {expected}")


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
    found = np.equal(np.arange(classes), (y := np.asarray(y))[..., np.newaxis], out=out)
    if np.count_nonzero(found) != y.size:  # an index is equal to one class, anything else to none
        check_class_indices(y, classes)
    return found


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
    indices = y.astype(int)  # faster than np.take_along_axis
    return np.positive(S[np.arange(len(S)), indices][:, np.newaxis] if y.ndim else S[indices], out=out)


right_score = Operation(
    _right_score,
    shape=lambda S, y: (*y, 1) if y else (),
    text=lambda S, y: "right_score({0}, {1})" if y else "{0}[{1}]",
    code=lambda S, y: f"{{0}}[np.arange({S[0]}), {{1}}][:, None]" if y else "{0}[{1}]",
)
"""s_y, the right class's score: (n, 1) or (). Raises as ``check_class_indices``."""

softmax = Operation(
    lambda S: normalized(np.exp(S)),
    shape=lambda S: S,
    text=lambda S: "softmax({0})",
    code=lambda S: f"np.exp({{0}}) / np.sum(np.exp({{0}}){', axis=1, keepdims=True' if len(S) == 2 else ''})",
)
"""p_j = exp(s_j) / sum_k exp(s_k) for each example."""
