"""The test images in a report: the misclassified ones, and the most and least confident predictions of each digit."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mlp.evaluation import Evaluation
from mlp.pages import frame

CONFIDENT = 8
"""Images of each digit with the highest probability, and as many with the lowest."""
MAX_MISTAKES = 200
"""Misclassified images on the page: those with the most confident predictions."""
MAX_MISTAKE_PIXELS = MAX_MISTAKES * 28 * 28
"""In all misclassified images together; fewer are shown if they are larger than MNIST's."""
MAX_SIDE_PIXELS = 84
"""The longer side of an image on the page; larger images are scaled down."""


@dataclass(frozen=True)
class ReportImage:
    """A test image on the page."""

    address: str
    digit: int
    predicted: int
    probability: float
    """The probability of the second digit."""
    index: int


def mistakes(evaluation: Evaluation) -> list[ReportImage]:
    """The misclassified images, the most confident predictions first."""
    rows, columns = evaluation.images.image_shape
    pixels = min(rows, MAX_SIDE_PIXELS) * min(columns, MAX_SIDE_PIXELS)
    most = max(CONFIDENT, min(MAX_MISTAKES, MAX_MISTAKE_PIXELS // pixels))
    return _images(evaluation, evaluation.most_confident_mistakes[:most])


def most_and_least_confident(evaluation: Evaluation) -> list[tuple[int, list[ReportImage], list[ReportImage]]]:
    """Each digit, its images with the highest probability of that digit, and those with the lowest."""
    orders = [evaluation.most_confident_first(target) for target in (0, 1)]
    return [
        (digit, _images(evaluation, order[:CONFIDENT]), _images(evaluation, order[::-1][:CONFIDENT]))
        for digit, order in zip(evaluation.images.digits, orders, strict=True)
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
            evaluation.shown_output(position)[1],
            int(images.indices[position]),
        )
        for position in positions
    ]
