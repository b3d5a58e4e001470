"""Novelty detection: whether an image is unlike all training images.

A network assigns every image to one of its classes. The distance to the nearest training image says whether
the network was trained on anything like it. Images are compared by their local contrast: the mean of a small square
around each pixel minus the mean of a larger one. So a stroke may lie a pixel beside another, and a filled shape differs
from an outline. The contrast is scaled to length 1, as ink may be dark or faint. The distance is then 0 for equal
images, the square root of 2 for unrelated ones, and at most 2. Large images are first reduced to about the size of
MNIST's, whose strokes the squares fit.

The more digits a network knows, the fewer images are novel: of MNIST's test images of the other digits, 92 % after
training on 0 and 1, 27 % after training on 0 to 4, 2 % after training on 0 to 8. More training images change little.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlp.data.dataset import Dataset
from mlp.data.preparation import averaged
from mlp.data.segmentation.filters import box_mean
from mlp.gates import Array

CENTRE, SURROUND = 3, 11
"""Pixels, odd: the sides of the two squares. For 2,000 zeros and ones, 80 to 98 % of each of the digits 2 to 9 in
MNIST's test files are novel, and 0.7 % of its zeros and ones; with the small square alone, 81 to 97 % and 1.2 %."""
FITTED_SIDE = 28
"""Pixels of an image's longer side that the squares fit: images twice as large are reduced by 2."""
QUANTILE = 0.993
"""Fraction of the training images that have another training image within the threshold."""
MAX_PER_DIGIT = 1000
"""The first training images of each digit to compare with: as many as a report's page can hold."""
MAX_IMAGES = 2 * MAX_PER_DIGIT
"""Of all digits together: each is compared with each other to know the threshold."""
MIN_IMAGES = 100
"""Training images needed to know the threshold."""


def features(pixels: Array, image_shape: tuple[int, int]) -> NDArray[np.float32]:
    """The local contrast of images (n, rows * columns), scaled to length 1: (n, d), d pixels of a reduced image.

    Zeros for an empty image.
    """
    images = averaged(pixels.reshape(-1, *image_shape), reduction(image_shape)).astype(np.float32)
    contrast = _local_mean(images, CENTRE) - _local_mean(images, SURROUND)
    flat = contrast.reshape(len(pixels), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    np.divide(flat, length, out=flat, where=length > 0)
    return flat


def reduction(image_shape: tuple[int, int]) -> int:
    """The factor by which images are reduced: 1 if they are less than twice MNIST's size."""
    return max(1, max(image_shape) // FITTED_SIDE)


def _local_mean(images: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """The mean of the square of this side around each pixel. Beyond the edge pixels are 0."""
    around = side // 2
    return box_mean(np.pad(images, ((0, 0), (around, around), (around, around))), side)


def nearest_distances(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """The distances (n,) to the nearest of m feature vectors, from the cosines (n, m) between them."""
    return np.asarray(np.sqrt((2 - 2 * cosines.max(axis=1)).clip(min=0)))


def threshold(unit: NDArray[np.float32]) -> float | None:
    """The distance within which nearly all of these feature vectors (n, d) have another; None if they are too few."""
    if len(unit) < MIN_IMAGES:
        return None
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)  # no image is its own neighbour
    return float(np.quantile(nearest_distances(cosines), QUANTILE))


@dataclass(frozen=True)
class NoveltyDetector:
    """The training images that others are compared with, and the threshold of the distance."""

    image_shape: tuple[int, int]
    features: NDArray[np.float32] = field(repr=False)
    threshold: float

    @classmethod
    def of(cls, training: Dataset) -> "NoveltyDetector | None":
        """From the first images of each digit; None if they are too few."""
        images = training.first_of_each(max(1, MAX_IMAGES // len(training.digits)))
        unit = np.concatenate([features(images.pixels(rows), images.image_shape) for rows in images.blocks()])
        limit = threshold(unit)
        return None if limit is None else cls(images.image_shape, unit, limit)

    def are_novel(self, X: Array) -> NDArray[np.bool_]:
        """Whether each image of X (n, rows * columns), on any scale, is farther than the threshold from all: (n,)."""
        return np.asarray(nearest_distances(features(X, self.image_shape) @ self.features.T) > self.threshold)
