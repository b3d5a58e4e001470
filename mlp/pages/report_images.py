"""The test images in a report: every mistake, and of each digit those of which the network is surest, and least."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mlp.evaluation import Evaluation
from mlp.pages import frame

CERTAIN = 8
"""Test images of each digit of which the network is most certain, and least."""
MOST_MISTAKES = 200
"""Mistakes that are shown; of more, the surest."""
MOST_PIXELS = MOST_MISTAKES * 28 * 28
"""Of the mistakes together: of images larger than MNIST's there are fewer."""
SIDE = 84
"""Pixels of an image in the page, its longer side: larger ones are made smaller."""


@dataclass(frozen=True)
class ReportImage:
    """A test image on the page."""

    address: str
    digit: int
    predicted: int
    probability: float
    """Of the second digit."""
    index: int


def mistakes(evaluation: Evaluation) -> list[ReportImage]:
    """Those of which the network was surest first."""
    rows, columns = evaluation.images.image_shape
    most = max(CERTAIN, min(MOST_MISTAKES, MOST_PIXELS // (min(rows, SIDE) * min(columns, SIDE))))
    return _shown(evaluation, evaluation.most_confident_mistakes[:most])


def most_and_least_certain(evaluation: Evaluation) -> list[tuple[int, list[ReportImage], list[ReportImage]]]:
    """Of each digit the images with the highest and with the lowest probability of being it."""
    orders = [evaluation.most_confident_first(target) for target in (0, 1)]
    return [
        (digit, _shown(evaluation, order[:CERTAIN]), _shown(evaluation, order[::-1][:CERTAIN]))
        for digit, order in zip(evaluation.images.digits, orders, strict=True)
    ]


def _shown(evaluation: Evaluation, positions: Iterable[int]) -> list[ReportImage]:
    images = evaluation.images
    return [
        ReportImage(
            frame.data_uri(255 - images.pixels(np.array([position])).reshape(images.image_shape), within=SIDE),
            int(images.labels[position]),
            images.digits[int(evaluation.predicted[position])],
            float(evaluation.probabilities[position]),
            int(images.indices[position]),
        )
        for position in positions
    ]
