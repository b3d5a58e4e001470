"""Simple rules learned from the same training images, to compare the network with: 99.9 % alone says little."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.dataset import Dataset
from mlp.data.svd import Floats, project

Bytes = NDArray[np.uint8]
Counts = NDArray[np.int32]
Classes = NDArray[np.integer[Any] | np.bool_]

LEVELS = 256
"""The values of a pixel."""
COUNTS_AT_A_TIME = 1 << 22
"""Counts of 4 bytes that the search for the best single pixel holds at a time: each pixel has 256 for each class."""


FOR_TWO = {
    "majority_class": "rules.majority_class",
    "single_pixel": "rules.single_pixel_of_two",
    "nearest_class_mean": "rules.nearest_of_two",
    "svd_coordinate": "rules.svd_coordinate",
}
FOR_MORE = {
    "majority_class": "rules.majority_class",
    "single_pixel": "rules.single_pixel",
    "nearest_class_mean": "rules.nearest_class_mean",
    "svd_plane": "rules.svd_plane",
}
"""The keys of the texts that describe the rules, by their names: for two classes, and for more."""


@dataclass(frozen=True)
class Baseline:
    """A rule that predicts the class of each image."""

    name: str
    facts: dict[str, Any]
    """What the rule learned, by name."""
    classify: Callable[[Bytes], Classes]
    """From images (n, pixels) to the class of each, (n,)."""

    def errors(self, images: Dataset) -> int:
        """The number of misclassified images."""
        targets = images.targets
        return sum(
            int(np.count_nonzero(self.classify(images.pixels(rows)) != targets[rows])) for rows in images.blocks()
        )


def key_and_values(name: str, facts: Mapping[str, Any], classes: int) -> tuple[str, dict[str, Any]]:
    """The key of the text that describes a rule for this number of classes, and the values in the text."""
    values = {fact: f"{value:.1f}" if isinstance(value, float) else value for fact, value in facts.items()}
    return (FOR_TWO if classes == 2 else FOR_MORE)[name], values


def learn(training: Dataset) -> Iterator[Baseline]:
    """The four baselines, each fitted to the training images."""
    yield _majority(training)
    yield _single_pixel(training)
    yield _nearest_mean(training)
    # A threshold on one coordinate separates two classes only.
    yield _svd_coordinate(training) if len(training.digits) == 2 else _svd_plane(training)


def _counts(training: Dataset) -> Counts:
    """The number of images of each class, (classes,)."""
    return np.bincount(training.targets, minlength=len(training.digits)).astype(np.int32)


def _majority(training: Dataset) -> Baseline:
    """The class with the most images, the last one at a tie."""
    counts = _counts(training)
    winner = int(np.flatnonzero(counts == counts.max())[-1])
    return Baseline("majority_class", {"digit": training.digits[winner]}, lambda X: np.full(len(X), winner))


def _single_pixel(training: Dataset) -> Baseline:
    """The pixel, the threshold and two classes, one below and one above it, with the fewest training errors."""
    counts = _counts(training)
    best: tuple[int, ...] = ()
    pixels_at_a_time = max(1, COUNTS_AT_A_TIME // (LEVELS * len(counts)))
    for first in range(0, training.inputs, pixels_at_a_time):
        histograms = _histograms(training, slice(first, first + pixels_at_a_time))
        correct, above, pixel, threshold, below = best_split(counts, histograms)
        best = max(best, (correct, above, -first - pixel, -threshold, below))  # at a tie as in best_split
    _, above, pixel, threshold, below = map(abs, best)
    row, column = divmod(pixel, training.image_shape[1])
    facts = {"row": row, "column": column, "threshold": threshold, "above": training.digits[above]}
    if len(counts) > 2:  # else it is the other one
        facts["below"] = training.digits[below]
    return Baseline("single_pixel", facts, lambda X: np.where(X[:, pixel] > threshold, above, below))


def _histograms(training: Dataset, pixels: slice) -> Counts:
    """(classes, pixels, 256): the number of images of each class with each value of each pixel."""
    count = len(range(training.inputs)[pixels])
    histograms = np.zeros((len(training.digits), count, LEVELS), np.int32)
    targets = training.targets.astype(np.intp)[:, np.newaxis]
    for rows in training.blocks():
        cells = LEVELS * (count * targets[rows] + np.arange(count)) + training.take_pixels(rows, pixels)
        np.add.at(histograms.reshape(-1), cells.reshape(-1), np.int32(1))
    return histograms


def best_split(counts: Counts, histograms: Counts) -> tuple[int, ...]:
    """The correct images, the class above, the pixel, the threshold and the class below of the best split.

    counts: (classes,), of all images; histograms: (classes, pixels, 256). At a tie the last class above is taken, then
    the lowest pixel, the lowest threshold, and the first class below.
    """
    at_most = histograms.cumsum(axis=2, dtype=np.int32)[:, :, :-1]  # (classes, pixels, thresholds)
    most, second = np.zeros((2, *at_most.shape[1:]), np.int32)  # over the classes
    for below in at_most:
        np.maximum(second, np.minimum(most, below), out=second)
        np.maximum(most, below, out=most)
    best: tuple[int, ...] = (-1,)
    for above in reversed(range(len(counts))):
        correct = np.where(at_most[above] == most, second, most)  # below, those of the most frequent other class
        correct -= at_most[above]
        pixel, threshold = np.unravel_index(correct.argmax(), correct.shape)
        total = int(counts[above] + correct[pixel, threshold])
        if total > best[0]:
            best = (total, above, int(pixel), int(threshold))
    _, above, pixel, threshold = best
    others = at_most[:, pixel, threshold].copy()
    others[above] = -1
    return *best, int(others.argmax())


def _nearest_mean(training: Dataset) -> Baseline:
    """The class whose mean image is the nearest."""
    targets, sums = training.targets, np.zeros((len(training.digits), training.inputs))  # exact, as they are whole
    for rows in training.blocks():
        X = training.pixels(rows)
        for target in np.unique(targets[rows]):
            sums[target] += X[targets[rows] == target].sum(axis=0, dtype=np.int64)
    sums /= _counts(training)[:, np.newaxis]
    return Baseline("nearest_class_mean", {}, nearest(sums))


def nearest(means: Floats) -> Callable[[NDArray[Any]], Classes]:
    """From points (n, d) to the class, (n,), whose mean (classes, d) is the nearest; the first one at a tie.

    |x - m|^2 is the smallest where x m - m m / 2 is the largest.
    """
    halves = np.einsum("kd,kd->k", means, means) / 2
    return lambda X: (X @ means.T - halves).argmax(axis=1)


def _svd_coordinate(training: Dataset) -> Baseline:
    """The first centred singular coordinate and a threshold."""
    projection = project(training, components=1, center=True)
    coordinate = projection.coordinates(training)[:, 0]
    threshold, above = best_cut(coordinate, training.targets)
    facts = {"threshold": threshold, "above": training.digits[above]}
    direction, offset = projection.directions[:, 0], projection.mean @ projection.directions[:, 0]
    return Baseline("svd_coordinate", facts, lambda X: (X @ direction - offset > threshold) == bool(above))


def _svd_plane(training: Dataset) -> Baseline:
    """The class whose mean is the nearest in the plane of the first two centred singular coordinates."""
    projection = project(training, components=min(2, training.inputs), center=True)
    coordinates = projection.coordinates(training)
    means = np.stack([coordinates[training.targets == target].mean(axis=0) for target in range(len(training.digits))])
    directions, offset, rule = projection.directions, projection.mean @ projection.directions, nearest(means)
    return Baseline("svd_plane", {}, lambda X: rule(X @ directions - offset))


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
