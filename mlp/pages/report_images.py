"""The test images in a report: the misclassified ones, and the most and least confident predictions of each digit."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mlp.evaluation import Evaluation
from mlp.network import shown_outputs
from mlp.pages import frame

CONFIDENT, ALL_CONFIDENT = 6, 30
"""Images of each digit with the highest probability, and as many with the lowest; and of all digits together."""
MAX_MISTAKES = 200
"""Misclassified images on the page: those with the most confident predictions."""
MAX_MISTAKE_PIXELS = MAX_MISTAKES * 28 * 28
"""In all misclassified images together; fewer are shown if they are larger than MNIST's."""
AT_ONCE = 12
"""Misclassified images that are shown at once; the others are folded."""
MAX_PAIRS, MAX_OF_PAIR = 12, 5
"""Pairs of true and predicted digit, the most frequent ones, and images of each."""
MAX_SIDE_PIXELS = 84
"""The longer side of an image on the page; larger images are scaled down."""


@dataclass(frozen=True)
class ReportImage:
    """A test image on the page."""

    address: str
    digit: int
    predicted: int
    probabilities: dict[int, float]
    """By digit: of the second one if the network has a single output, else of the predicted and of the true one."""
    probability: float
    """Of the image's own digit."""
    index: int


@dataclass(frozen=True)
class Pair:
    """The misclassified images of one digit that are predicted as the same other one."""

    digit: int
    predicted: int
    count: int
    images: list[ReportImage]
    """Some of them, the most confident predictions first."""


def mistakes(evaluation: Evaluation) -> list[ReportImage]:
    """The misclassified images, the most confident predictions first."""
    return _images(evaluation, evaluation.most_confident_mistakes[: _most_mistakes(evaluation)])


def _most_mistakes(evaluation: Evaluation) -> int:
    """How many misclassified images have room on the page."""
    rows, columns = evaluation.images.image_shape
    pixels = min(rows, MAX_SIDE_PIXELS) * min(columns, MAX_SIDE_PIXELS)
    return max(CONFIDENT, min(MAX_MISTAKES, MAX_MISTAKE_PIXELS // pixels))


def mistakes_by_pair(evaluation: Evaluation) -> tuple[int, list[Pair]]:
    """The number of different pairs of true and wrongly predicted digit, and the most frequent ones, in order."""
    counts = evaluation.confusion()
    np.fill_diagonal(counts, 0)
    frequent = np.argsort(-counts, axis=None, kind="stable")[: min(MAX_PAIRS, np.count_nonzero(counts))]
    most = min(MAX_OF_PAIR, max(1, _most_mistakes(evaluation) // MAX_PAIRS))
    digits, order = evaluation.images.digits, evaluation.most_confident_mistakes
    targets, predicted = evaluation.images.targets_of(order), evaluation.predicted[order]
    pairs = []
    for true, wrong in zip(*np.unravel_index(frequent, counts.shape), strict=True):
        own = order[(targets == true) & (predicted == wrong)]
        shown = _images(evaluation, own[:most])
        pairs.append(Pair(digits[true], digits[wrong], len(own), shown))
    return int(np.count_nonzero(counts)), pairs


def most_and_least_confident(evaluation: Evaluation) -> list[tuple[int, list[ReportImage], list[ReportImage]]]:
    """Each digit, its images with the highest probability of that digit, and those with the lowest."""
    digits = evaluation.images.digits
    orders = [evaluation.most_confident_first(target) for target in range(len(digits))]
    most = max(1, min(CONFIDENT, ALL_CONFIDENT // len(digits)))
    return [
        (digit, _images(evaluation, order[:most]), _images(evaluation, order[::-1][:most]))
        for digit, order in zip(digits, orders, strict=True)
    ]


def _images(evaluation: Evaluation, positions: Iterable[int]) -> list[ReportImage]:
    images = evaluation.images
    return [
        ReportImage(
            frame.data_uri(
                255 - images.pixels(np.array([position])).reshape(images.image_shape), within=MAX_SIDE_PIXELS
            ),
            int(images.labels[position]),
            images.digits[int(evaluation.predicted[position])],
            _probabilities(evaluation, position),
            float(evaluation.probabilities[position, images.targets[position]]),
            int(images.indices[position]),
        )
        for position in positions
    ]


def _probabilities(evaluation: Evaluation, position: int) -> dict[int, float]:
    """Those of a ``ReportImage``."""
    classes = int(evaluation.predicted[position]), int(evaluation.images.targets_of(np.array([position]))[0])
    return {evaluation.images.digits[k]: p for k, p in shown_outputs(evaluation.P[position], classes).items()}
