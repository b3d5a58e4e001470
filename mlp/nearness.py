"""How near an image is to the training images, and how near is near enough to be one of their kind.

A network of two classes takes everything for one of them. Whether it has seen anything like it is told by the distance
to the nearest training image. Images are compared blurred, as a stroke may lie a pixel beside another, and scaled to
length 1, as their ink may be thick or thin: the distance is 0 between images of one direction, and the square root of 2
where no ink of one is near ink of the other. It tells another digit or a scribble, not a blob: a solid disc is as near
to bold zeros as they are to each other.
"""

import numpy as np
from numpy.typing import NDArray

from mlp.gates import Array

BLUR = 3
"""Pixels, an odd number: the side of the square over which each is summed. Of the digits 2 to 9 in MNIST's test files
81 to 97 % are beyond the reach of 2,000 zeros and ones, 65 to 93 % without the blur; of its zeros and ones 1.2 %."""
WITHIN_REACH = 0.99
"""The share of the training images that have another within the reach."""
FEWEST = 100
"""Images of which one can say that."""


def directions(pixels: Array, image_shape: tuple[int, int]) -> NDArray[np.float32]:
    """Images (n, rows * columns), blurred and of length 1, of the same shape; of an image without ink, zeros."""
    rows, columns = image_shape
    around = BLUR // 2
    padded = np.pad(pixels.reshape(-1, rows, columns).astype(np.float32), ((0, 0), (around, around), (around, around)))
    blurred = np.zeros((len(pixels), rows, columns), np.float32)
    for down in range(BLUR):
        for right in range(BLUR):
            blurred += padded[:, down : down + rows, right : right + columns]
    flat = blurred.reshape(len(pixels), -1)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    np.divide(flat, length, out=flat, where=length > 0)
    return flat


def nearest_other(unit: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each direction (n, d) the distance to the nearest of the others, (n,); at least two."""
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    return np.asarray(np.sqrt((2 - 2 * cosines.max(axis=1)).clip(min=0)))


def reach(pixels: Array, image_shape: tuple[int, int]) -> float | None:
    """The distance within which nearly all of these images (n, rows * columns) have another; None of too few images."""
    if len(pixels) < FEWEST:
        return None
    return float(np.quantile(nearest_other(directions(pixels, image_shape)), WITHIN_REACH))
