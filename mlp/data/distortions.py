"""Small affine distortions of images, a rotation and a shift each: new examples of a digit that are still that digit.

Source: Patrice Simard, Dave Steinkraus and John Platt, "Best practices for convolutional neural networks applied to
visual document analysis", 2003, section 2, "expanding data sets through elastic distortions".
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pixels = NDArray[np.float32]

PIXELS = 1 << 15
"""Moved at a time: arrays of so many stay in the cache, and in memory that the process has already."""


def distort(images: NDArray[np.uint8], degrees: Floats, shifts: Floats) -> NDArray[np.uint8]:
    """Each image rotated about its centre, then shifted, as bytes again: (n, rows, columns), a new array.

    degrees: (n,), counterclockwise as one sees the image, its first row on top. shifts: (n, 2), in pixels down and
    to the right. What comes from outside is 0. Values between pixels are interpolated bilinearly, so that whole
    pixels are moved as they are. An image's result does not depend on the others.
    """
    moved = np.empty(images.shape, np.uint8)
    few = max(1, PIXELS // max(1, images[:1].size))
    for start in range(0, len(images), few):
        part = slice(start, start + few)
        moved[part] = _interpolate(images[part], *_origins(images.shape, degrees[part], shifts[part]))
    return moved


def _origins(shape: tuple[int, ...], degrees: Floats, shifts: Floats) -> tuple[Pixels, Pixels]:
    """Row and column that each pixel comes from, (n, rows, columns) each.

    A pixel at (down, right) of the shifted centre comes from the place that the rotation, undone, takes it to:

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
    """(n, rows) and (n, columns) to (n, rows, columns): in single precision, which is twice as fast."""
    return np.add(a.astype(np.float32)[:, :, None], b.astype(np.float32)[:, None, :])


def _interpolate(images: NDArray[np.uint8], row: Pixels, column: Pixels) -> NDArray[np.uint8]:
    """The images' values between pixels, each from the four around it; ``row`` and ``column`` are used up."""
    count, rows, columns = images.shape
    framed = np.zeros((count, rows + 2, columns + 2), np.float32)  # in a frame of the 0 that is outside
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
        # On the last row or column of the frame the next one is not there, and its weight is 0.
        return framed.reshape(-1)[offset:].take(corner, mode="clip")

    upper = _between(pixels(0), pixels(1), column)
    lower = _between(pixels(below), pixels(below + 1), column)
    values = _between(upper, lower, row)
    values += 0.5  # the cast cuts off
    return values.astype(np.uint8)


def _between(a: Pixels, b: Pixels, part: Pixels) -> Pixels:
    """A part of the way from a to b, in b's place."""
    b -= a
    b *= part
    b += a
    return b
