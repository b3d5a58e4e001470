"""How good a classifier is: its accuracy with an interval, the confusion matrix, and figures derived from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist, fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlp.data.dataset import Dataset
from mlp.gates import Array
from mlp.network import MLP, by_class, decide, shown_outputs

CONFIDENCE = 0.95
"""Confidence level of the accuracy's interval."""


@dataclass(frozen=True)
class Evaluation:
    """A network's predictions for a data set. All arrays have a row for each image, in the order of the files."""

    images: Dataset
    P: Array
    """(n, k), as ``MLP.predict`` returns it: the probability of the second of two classes, else of each class."""
    loss: float
    """The network's loss, the mean over all images."""

    def __repr__(self) -> str:
        return f"Evaluation(n={len(self.images):,}, errors={len(self.mistakes):,}, accuracy={self.accuracy:.2%})"

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(n, classes): the probability of each class."""
        return by_class(self.P)

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """(n,): the predicted class of each image."""
        return decide(self.P).astype(np.intp)

    @property
    def accuracy(self) -> float:
        """The fraction of images that are classified correctly."""
        return (len(self.images) - len(self.mistakes)) / len(self.images)

    @property
    def mistakes(self) -> NDArray[np.intp]:
        """The positions of the misclassified images."""
        return np.flatnonzero(self.predicted != self.images.targets)

    @property
    def most_confident_mistakes(self) -> NDArray[np.intp]:
        """The positions of the misclassified images, the most confident predictions first."""
        wrong = self.mistakes
        return wrong[np.argsort(-self.probabilities[wrong, self.predicted[wrong]], kind="stable")]

    def most_confident_first(self, target: int) -> NDArray[np.intp]:
        """The positions of the images of this class, the one with the highest probability of its class first."""
        own = np.flatnonzero(self.images.targets == target)
        return own[np.argsort(-self.probabilities[own, target], kind="stable")]

    def shown_output(self, position: int) -> tuple[int, float]:
        """The class whose probability is shown for an image, and that probability.

        With a single output it is the second class, whatever is predicted; else the predicted class.
        """
        (shown,) = shown_outputs(self.P[position], [int(self.predicted[position])]).items()
        return shown

    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes) counts: rows are true classes, columns predicted ones, in the order of the labels."""
        classes = len(self.images.digits)
        cells = classes * self.images.targets.astype(np.int64) + self.predicted
        return np.bincount(cells, minlength=classes**2).reshape(classes, classes)

    def figures(self) -> dict[str, list[float | None]]:
        """Precision, recall, F1 and the area under the ROC curve of each class against the others.

        A ratio with denominator 0 is None.
        """
        confusion = self.confusion()
        of_class, predicted, right = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
        targets = self.images.targets
        return {
            "precision": list(map(_ratio, right, predicted)),
            "recall": list(map(_ratio, right, of_class)),
            "f1": list(map(_ratio, 2 * right, predicted + of_class)),
            "roc_auc": [roc_auc(targets == k, column) for k, column in enumerate(self.probabilities.T)],
        }

    def summary(self) -> dict[str, Any]:
        """Every figure, ready for JSON.

        For two classes precision, recall, f1 and roc_auc are those of the second, the positive class. For more, each is
        a list with one entry per class, and ``macro`` has the means over the classes, None if one of them is None.
        """
        n, errors, figures = len(self.images), len(self.mistakes), self.figures()
        digits, targets, predicted = self.images.digits, self.images.targets, self.predicted
        is_binary = self.P.shape[1] == 1
        return {
            "digits": list(digits),
            "n": n,
            "errors": errors,
            "accuracy": self.accuracy,
            "accuracy_interval": list(wilson_interval(n - errors, n)),
            "confusion": self.confusion().tolist(),
            **({name: values[1] for name, values in figures.items()} if is_binary else figures),
            **({} if is_binary else {"macro": {name: _mean(values) for name, values in figures.items()}}),
            "loss": self.loss,
            "mistakes": [
                {
                    "index": int(self.images.indices[position]),
                    "digit": digits[targets[position]],
                    "predicted": digits[predicted[position]],
                    "probability": self.shown_output(position)[1],
                }
                for position in self.mistakes
            ],
        }


def evaluate(network: MLP, images: Dataset, after_block: Callable[[], object] = lambda: None) -> Evaluation:
    """Run the network on every image, block by block; ``after_block`` is called after each block."""
    P = np.empty((len(images), network.sizes[-1]), network.precision)
    loss_sum = 0.0
    for rows in images.blocks():
        batch = network.batch(len(rows))
        images.fetch(rows, batch)
        loss_sum += batch.loss() * len(rows)
        P[rows] = batch.P
        after_block()
    return Evaluation(images, P, loss_sum / len(images))


def only_prediction(confusion: ArrayLike) -> int | None:
    """The class that every image is predicted as; None if there are several. confusion: (classes, classes) counts."""
    predicted = np.flatnonzero(np.sum(confusion, axis=0))
    return int(predicted[0]) if len(predicted) == 1 else None


def wilson_interval(successes: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval for a fraction of successes (Wilson 1927); it is valid near 0 and 1, too."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def roc_auc(targets: NDArray[Any], scores: NDArray[Any]) -> float | None:
    """The area under the ROC curve: how often a positive scores above a negative, ties counting half.

    Computed from ranks, as the Mann-Whitney U statistic. None if a class is missing.
    """
    positives = int(np.count_nonzero(targets))
    negatives = len(targets) - positives
    if positives == 0 or negatives == 0:
        return None
    _, value_of, count = np.unique(scores, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(count)
    mean_rank = last_rank - (count - 1) / 2
    rank_sum = mean_rank[value_of.reshape(-1)][targets == 1].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def _ratio(numerator: int, denominator: int) -> float | None:
    return float(numerator / denominator) if denominator else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None
