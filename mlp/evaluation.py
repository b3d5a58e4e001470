"""How good a classifier is: its accuracy with an interval, the confusion matrix, and figures derived from them."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.dataset import Dataset
from mlp.network import MLP, decide

CONFIDENCE = 0.95
"""Confidence level of the accuracy's interval."""


@dataclass(frozen=True)
class Evaluation:
    """A network's predictions for a data set. All arrays are (n,), in the order of the files."""

    images: Dataset
    probabilities: NDArray[np.floating[Any]]
    """The probability of the positive class, the second digit."""
    loss: float
    """The network's loss, the mean over all images."""

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Whether the positive class is predicted for each image."""
        return decide(self.probabilities)

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
        return wrong[np.argsort(-np.abs(self.probabilities[wrong] - 0.5), kind="stable")]

    def most_confident_first(self, target: int) -> NDArray[np.intp]:
        """The positions of the images with this target, the one with the highest probability of its class first."""
        own = np.flatnonzero(self.images.targets == target)
        probability = self.probabilities[own] if target else -self.probabilities[own]
        return own[np.argsort(-probability, kind="stable")]

    def confusion(self) -> NDArray[np.int64]:
        """(2, 2) counts: rows are true classes, columns predicted ones, in the order of the digits."""
        cells = 2 * self.images.targets.astype(np.int64) + self.predicted
        return np.bincount(cells, minlength=4).reshape(2, 2)

    def summary(self) -> dict[str, Any]:
        """Every figure, ready for JSON. A ratio with denominator 0 is None."""
        n, errors = len(self.images), len(self.mistakes)
        confusion = self.confusion()
        (_, false_positives), (false_negatives, true_positives) = confusion.tolist()
        digits, targets, predicted = self.images.digits, self.images.targets, self.predicted
        return {
            "digits": list(digits),
            "n": n,
            "errors": errors,
            "accuracy": self.accuracy,
            "accuracy_interval": list(wilson_interval(n - errors, n)),
            "confusion": confusion.tolist(),
            "precision": _ratio(true_positives, true_positives + false_positives),
            "recall": _ratio(true_positives, true_positives + false_negatives),
            "f1": _ratio(2 * true_positives, 2 * true_positives + false_positives + false_negatives),
            "roc_auc": roc_auc(targets, self.probabilities),
            "loss": self.loss,
            "mistakes": [
                {
                    "index": int(self.images.indices[position]),
                    "digit": digits[targets[position]],
                    "predicted": digits[int(predicted[position])],
                    "probability": float(self.probabilities[position]),
                }
                for position in self.mistakes
            ],
        }


def evaluate(network: MLP, images: Dataset, after_block: Callable[[], object] = lambda: None) -> Evaluation:
    """Run the network on every image, block by block; ``after_block`` is called after each block."""
    probabilities = np.empty(len(images), network.precision)
    loss_sum = 0.0
    for rows in images.blocks():
        batch = network.batch(len(rows))
        images.fetch(rows, batch.X, batch.Y)
        loss_sum += batch.loss() * len(rows)
        probabilities[rows] = batch.P[:, 0]
        after_block()
    return Evaluation(images, probabilities, loss_sum / len(images))


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
    return numerator / denominator if denominator else None
