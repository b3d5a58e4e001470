"""How near an image is to the training images, and how near is near enough to be one of their kind.

A network of two classes gives every image to one of them. The distance to the nearest training image says whether it
has seen anything like it. Images are compared by their local contrast: each pixel is the mean of a small square around
it less the mean of a larger one. A stroke may then lie a pixel beside another, and a filled shape differs from an
outline. Large images are first made about as small as MNIST's, whose strokes these squares fit. They are scaled to
length 1, as ink may be dark or faint: the distance is 0 between images of one direction,
the square root of 2 between unrelated ones, and at most 2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlp.data.dataset import Dataset
from mlp.gates import Array

CENTRE, SURROUND = 3, 11
"""Pixels, odd numbers: the sides of the two squares. Of the digits 2 to 9 in MNIST's test files 80 to 98 % are beyond
the reach of 2,000 zeros and ones, of its zeros and ones 0.7 %. By the small square's mean alone: 81 to 97 %, 1.2 %."""
FITTED = 28
"""Pixels of an image's longer side for which the squares are made: twice as large ones are made half as large."""
WITHIN_REACH = 0.993
"""Fraction of the training images that have another one within the reach."""
PER_DIGIT = 1000
"""Training images of each digit, the first ones, that others are compared with: a report's page has room for them."""
FEWEST = 100
"""Images: the reach of fewer is not known."""


def directions(pixels: Array, image_shape: tuple[int, int]) -> NDArray[np.float32]:
    """The local contrast of images (n, rows * columns), of length 1: (n, d), d being their pixels once made smaller.

    Zeros for an empty image.
    """
    images = _averaged(pixels.reshape(-1, *image_shape), reduction(image_shape))
    contrast = _box_mean(images, CENTRE) - _box_mean(images, SURROUND)
    flat = contrast.reshape(len(pixels), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    np.divide(flat, length, out=flat, where=length > 0)
    return flat


def reduction(image_shape: tuple[int, int]) -> int:
    """The side of the squares of pixels that become one pixel, 1 for images of less than twice MNIST's size."""
    return max(1, max(image_shape) // FITTED)


def _averaged(images: Array, factor: int) -> NDArray[np.float32]:
    """The means over squares of this side, cut off at the ends: (n, rows, columns) of 1/factor of the size."""
    if factor == 1:
        return images.astype(np.float32)
    for axis in (1, 2):
        starts = np.arange(0, images.shape[axis], factor)
        lengths = np.diff(starts, append=images.shape[axis]).reshape(-1, *[1] * (2 - axis))
        images = np.add.reduceat(images, starts, axis, dtype=np.float32) / lengths.astype(np.float32)
    return images


def _box_mean(images: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """The mean of the square of this side around each pixel, what lies beyond the edge counting as 0."""
    rows, columns = images.shape[1:]
    around = side // 2
    padded = np.pad(images, ((0, 0), (around, around), (around, around)))
    bands = padded[:, :rows].copy()
    for down in range(1, side):
        bands += padded[:, down : down + rows]
    sums = bands[:, :, :columns].copy()
    for right in range(1, side):
        sums += bands[:, :, right : right + columns]
    return sums / np.float32(side * side)


def distances(unit: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each direction (n, d) the distance to the nearest of the others (m, d), (n,)."""
    return _distance((unit @ others.T).max(axis=1))


def reach(unit: NDArray[np.float32]) -> float | None:
    """The distance within which nearly all of these directions (n, d) have another; None for too few of them."""
    if len(unit) < FEWEST:
        return None
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)  # the nearest other one, not itself
    return float(np.quantile(_distance(cosines.max(axis=1)), WITHIN_REACH))


def _distance(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.sqrt((2 - 2 * cosines).clip(min=0)))


@dataclass(frozen=True)
class Known:
    """Training images, for others to be compared with."""

    image_shape: tuple[int, int]
    directions: NDArray[np.float32]
    reach: float

    @classmethod
    def of(cls, training: Dataset) -> "Known | None":
        """The first images of each digit; None if there are too few of them."""
        images = training.first_of_each(PER_DIGIT)
        unit = np.concatenate([directions(images.pixels(rows), images.image_shape) for rows in images.blocks()])
        distance = reach(unit)
        return None if distance is None else cls(images.image_shape, unit, distance)

    def are_unlike(self, X: Array) -> NDArray[np.bool_]:
        """Whether each image of X (n, rows * columns), on any scale, is beyond the reach of all of these, (n,)."""
        return np.asarray(distances(directions(X, self.image_shape), self.directions) > self.reach)
