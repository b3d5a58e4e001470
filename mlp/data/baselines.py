"""Simple rules learned from the same training images, to compare the network with: 99.9 % alone says little."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.dataset import Dataset
from mlp.data.svd import project

Bytes = NDArray[np.uint8]

PIXELS_AT_A_TIME = 1 << 14
"""Pixels that the search for the best single pixel looks at together: each takes 2 KB."""


@dataclass(frozen=True)
class Baseline:
    """A rule that predicts the class of each image."""

    name: str
    facts: dict[str, Any]
    """What the rule learned, by name."""
    classify: Callable[[Bytes], NDArray[np.bool_]]
    """From images (n, pixels) to whether each is of class 1, (n,)."""

    def errors(self, images: Dataset) -> int:
        """The number of misclassified images."""
        targets = images.targets
        return sum(
            int(np.count_nonzero(self.classify(images.pixels(rows)) != targets[rows])) for rows in images.blocks()
        )


def learn(training: Dataset) -> Iterator[Baseline]:
    """The four baselines, each fitted to the training images."""
    yield _majority(training)
    yield _single_pixel(training)
    yield _nearest_mean(training)
    yield _svd_coordinate(training)


def _majority(training: Dataset) -> Baseline:
    zeros, ones = np.bincount(training.targets, minlength=2)
    winner = bool(ones >= zeros)
    return Baseline("majority_class", {"digit": training.digits[winner]}, lambda X: np.full(len(X), winner))


def _single_pixel(training: Dataset) -> Baseline:
    """The pixel and the threshold with the fewest training errors; the lowest ones at a tie."""
    zeros, ones = np.bincount(training.targets, minlength=2)
    best: tuple[int, ...] = ()
    for first in range(0, training.inputs, PIXELS_AT_A_TIME):
        # (pixels, 255): among images with the pixel at most the threshold, the number in class 0 minus that in class 1
        surplus = _differences(training, slice(first, first + PIXELS_AT_A_TIME)).cumsum(axis=1)[:, :-1]
        for inverted, at in enumerate((surplus.argmax(), surplus.argmin())):  # brighter is class 1, or class 0
            pixel, threshold = (int(place) for place in np.unravel_index(at, surplus.shape))
            correct = int(zeros - surplus[pixel, threshold] if inverted else ones + surplus[pixel, threshold])
            best = max(best, (correct, -inverted, -first - pixel, -threshold))
    inverted, pixel, threshold = (-place for place in best[1:])
    row, column = divmod(pixel, training.image_shape[1])
    facts = {"row": row, "column": column, "threshold": threshold, "above": training.digits[1 - inverted]}
    return Baseline("single_pixel", facts, lambda X: (X[:, pixel] > threshold) != bool(inverted))


def _differences(training: Dataset, pixels: slice) -> NDArray[np.int64]:
    """(pixels, 256): for each pixel and value, how many more images of class 0 than of class 1 have it."""
    count = len(range(training.inputs)[pixels])
    differences = np.zeros(count * 256, np.int64)
    cell_of_pixel = 256 * np.arange(count)
    signs = 1 - 2 * training.targets.astype(np.int64)[:, np.newaxis]
    for rows in training.blocks():
        cells = training.take_pixels(rows, pixels) + cell_of_pixel
        np.add.at(differences, cells.reshape(-1), np.broadcast_to(signs[rows], cells.shape).reshape(-1))
    return differences.reshape(count, 256)


def _nearest_mean(training: Dataset) -> Baseline:
    """The class whose mean image is nearer: |x - m1| < |x - m0| if and only if x (m1 - m0) > (m1 m1 - m0 m0) / 2."""
    targets, sums = training.targets, np.zeros((2, training.inputs), np.int64)
    for rows in training.blocks():
        X = training.pixels(rows)
        for target in (0, 1):
            sums[target] += X[targets[rows] == target].sum(axis=0, dtype=np.int64)
    mean = sums / np.bincount(targets, minlength=2)[:, np.newaxis]
    difference = mean[1] - mean[0]
    threshold = (mean[1] @ mean[1] - mean[0] @ mean[0]) / 2
    return Baseline("nearest_class_mean", {}, lambda X: X @ difference > threshold)


def _svd_coordinate(training: Dataset) -> Baseline:
    """The first centred singular coordinate and a threshold."""
    projection = project(training, components=1, center=True)
    coordinate = projection.coordinates(training)[:, 0]
    threshold, above = best_cut(coordinate, training.targets)
    facts = {"threshold": threshold, "above": training.digits[above]}
    direction, offset = projection.directions[:, 0], projection.mean @ projection.directions[:, 0]
    return Baseline("svd_coordinate", facts, lambda X: (X @ direction - offset > threshold) == bool(above))


def best_cut(x: NDArray[np.float64], targets: NDArray[np.uint8]) -> tuple[float, int]:
    """The threshold with the fewest errors, midway between two values of x, and the class above it.

    The lowest threshold at a tie. x: (n,), targets: (n,) of 0 and 1.
    """
    order = np.argsort(x, kind="stable")
    ordered, ones_up_to = x[order], np.cumsum(targets[order], dtype=np.int64)
    zeros_up_to = np.arange(1, len(x) + 1) - ones_up_to
    correct = zeros_up_to + ones_up_to[-1] - ones_up_to  # with class 1 above a cut after each value
    correct = np.stack([len(x) - correct, correct])[:, :-1]
    correct[:, ordered[:-1] == ordered[1:]] = 0  # no cut between equal values
    above, at = (int(i) for i in np.unravel_index(correct.argmax(), correct.shape))
    return float((ordered[at] + ordered[at + 1]) / 2), above
