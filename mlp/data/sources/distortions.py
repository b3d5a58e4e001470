"""Small affine distortions: rotate and shift an image a little, and it is a new example of the same digit.

Source: Patrice Simard, Dave Steinkraus and John Platt, "Best practices for convolutional neural networks applied to
visual document analysis", 2003, section 2, "expanding data sets through elastic distortions".
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pixels = NDArray[np.float32]

BLOCK_PIXELS = 1 << 15
"""Pixels moved at a time: arrays of this size stay in the cache."""


def distort(images: NDArray[np.uint8], degrees: Floats, shifts: Floats) -> NDArray[np.uint8]:
    """Each image rotated about its centre, then shifted: (n, rows, columns) bytes, a new array.

    degrees: (n,), counterclockwise, the first row on top. shifts: (n, 2), pixels down and to the right. Outside the
    image pixels are 0. Interpolation is bilinear, so a shift by whole pixels changes no value. An image's result does
    not depend on the other images.
    """
    moved = np.empty(images.shape, np.uint8)
    length = max(1, BLOCK_PIXELS // max(1, images[:1].size))
    for start in range(0, len(images), length):
        part = slice(start, start + length)
        moved[part] = _interpolate(images[part], *_origins(images.shape, degrees[part], shifts[part]))
    return moved


def _origins(shape: tuple[int, ...], degrees: Floats, shifts: Floats) -> tuple[Pixels, Pixels]:
    """The row and the column that each pixel comes from, (n, rows, columns) each.

    For a pixel (down, right) from the shifted centre, the inverse rotation gives

        row    = middle row    + sin right + cos down
        column = middle column + cos right - sin down
    """
    _, rows, columns = shape
    angles = np.radians(degrees)[:, None]
    cos, sin = np.cos(angles), np.sin(angles)
    middle_row, middle_column = (rows - 1) / 2, (columns - 1) / 2
    down = np.arange(rows) - middle_row - shifts[:, :1]
    right = np.arange(columns) - middle_column - shifts[:, 1:]
    return _outer_sum(middle_row + cos * down, sin * right), _outer_sum(middle_column - sin * down, cos * right)


def _outer_sum(a: Floats, b: Floats) -> Pixels:
    """(n, rows) and (n, columns) to (n, rows, columns), in float32, which is twice as fast."""
    return np.add(a.astype(np.float32)[:, :, None], b.astype(np.float32)[:, None, :])


def _interpolate(images: NDArray[np.uint8], row: Pixels, column: Pixels) -> NDArray[np.uint8]:
    """The images' values at these places, each from the four pixels around it. Overwrites ``row`` and ``column``."""
    count, rows, columns = images.shape
    framed = np.zeros((count, rows + 2, columns + 2), np.float32)  # with a frame of zeros
    framed[:, 1:-1, 1:-1] = images
    below = columns + 2
    row += 1
    column += 1
    np.clip(row, 0, rows + 1, out=row)
    np.clip(column, 0, columns + 1, out=column)
    top, left = row.astype(np.int32), column.astype(np.int32)
    row -= top.astype(np.float32)
    column -= left.astype(np.float32)
    corner = top.astype(np.intp)
    corner += np.arange(count)[:, None, None] * (rows + 2)
    corner *= below
    corner += left

    def pixels(offset: int) -> Pixels:
        # In the last row or column of the frame there is no next one; its weight is 0.
        return framed.reshape(-1)[offset:].take(corner, mode="clip")

    upper = _between(pixels(0), pixels(1), column)
    lower = _between(pixels(below), pixels(below + 1), column)
    values = _between(upper, lower, row)
    values += 0.5  # the cast truncates
    return values.astype(np.uint8)


def _between(a: Pixels, b: Pixels, weight: Pixels) -> Pixels:
    """Interpolate: a + weight (b - a), written into b."""
    b -= a
    b *= weight
    b += a
    return b
