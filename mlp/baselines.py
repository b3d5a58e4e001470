"""What much simpler rules reach, learned from the same training images: a bare "99.9 %" says little without."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.dataset import Dataset
from mlp.svd import project

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Baseline:
    """A rule: which of the two classes it gives each image, (n, pixels) bytes to (n,) bool."""

    name: str
    facts: dict[str, Any]
    """The rule's numbers, by name."""
    classify: Callable[[Bytes], NDArray[np.bool_]]

    def errors(self, images: Dataset) -> int:
        """The images that the rule gets wrong."""
        targets = images.targets
        return sum(
            int(np.count_nonzero(self.classify(images.pixels(rows)) != targets[rows])) for rows in images.blocks()
        )


def learn(training: Dataset) -> Iterator[Baseline]:
    """The four baselines, each fitted to the training images."""
    counts = _pixel_counts(training)
    yield _majority(counts, training)
    yield _single_pixel(counts, training)
    yield _nearest_mean(counts)
    yield _svd_coordinate(training)


def _pixel_counts(training: Dataset) -> NDArray[np.int64]:
    """(2, pixels, 256): how many images of each class have each value in each pixel."""
    pixels = training.inputs
    counts = np.zeros(2 * pixels * 256, np.int64)
    cell_of_pixel = 256 * np.arange(pixels)
    targets = training.targets
    for rows in training.blocks():
        cells = training.pixels(rows) + cell_of_pixel + (256 * pixels) * targets[rows, np.newaxis].astype(np.int64)
        counts += np.bincount(cells.reshape(-1), minlength=counts.size)
    return counts.reshape(2, pixels, 256)


def _majority(counts: NDArray[np.int64], training: Dataset) -> Baseline:
    images_of = counts[:, 0].sum(axis=1)
    winner = bool(images_of[1] >= images_of[0])
    return Baseline("majority_class", {"digit": training.digits[winner]}, lambda X: np.full(len(X), winner))


def _single_pixel(counts: NDArray[np.int64], training: Dataset) -> Baseline:
    """The pixel and threshold that separate the training images best; at a tie the lowest."""
    up_to = counts.cumsum(axis=2)[:, :, :-1]  # (2, pixels, 255): images whose pixel is at most the threshold
    images_of = counts[:, 0].sum(axis=1)
    right = up_to[0] + images_of[1] - up_to[1]  # where brighter means class 1
    right = np.stack([right, images_of.sum() - right])
    inverted, pixel, threshold = (int(i) for i in np.unravel_index(right.argmax(), right.shape))
    row, column = divmod(pixel, training.image_shape[1])
    facts = {"row": row, "column": column, "threshold": threshold, "above": training.digits[1 - inverted]}
    return Baseline("single_pixel", facts, lambda X: (X[:, pixel] > threshold) != bool(inverted))


def _nearest_mean(counts: NDArray[np.int64]) -> Baseline:
    """The class whose mean image is nearer: |x - m1| < |x - m0| exactly where x (m1 - m0) > (m1 m1 - m0 m0) / 2."""
    mean = counts @ np.arange(256) / counts[:, :1].sum(axis=2)
    difference = mean[1] - mean[0]
    threshold = (mean[1] @ mean[1] - mean[0] @ mean[0]) / 2
    return Baseline("nearest_class_mean", {}, lambda X: X @ difference > threshold)


def _svd_coordinate(training: Dataset) -> Baseline:
    """The first centred singular coordinate, cut where the training images are separated best."""
    projection = project(training, components=1, center=True)
    coordinate = projection.coordinates(training)[:, 0]
    threshold, above = best_cut(coordinate, training.targets)
    facts = {"threshold": threshold, "above": training.digits[above]}
    direction, offset = projection.directions[:, 0], projection.mean @ projection.directions[:, 0]
    return Baseline("svd_coordinate", facts, lambda X: (X @ direction - offset > threshold) == bool(above))


def best_cut(x: NDArray[np.float64], targets: NDArray[np.uint8]) -> tuple[float, int]:
    """The threshold, midway between two values of x, with the fewest errors, and the class above it.

    The lowest such threshold at a tie. x: (n,), targets: (n,) of 0 and 1.
    """
    order = np.argsort(x, kind="stable")
    ordered, ones_up_to = x[order], np.cumsum(targets[order], dtype=np.int64)
    zeros_up_to = np.arange(1, len(x) + 1) - ones_up_to
    right = zeros_up_to + ones_up_to[-1] - ones_up_to  # with class 1 above a cut behind each value
    right = np.stack([len(x) - right, right])[:, :-1]
    right[:, ordered[:-1] == ordered[1:]] = 0  # no cut between equal values
    above, at = (int(i) for i in np.unravel_index(right.argmax(), right.shape))
    return float((ordered[at] + ordered[at + 1]) / 2), above
