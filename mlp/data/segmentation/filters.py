"""Image filters: blur, mean and extremes over a square, grey opening and closing."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def blur(levels: Floats) -> Floats:
    """Each pixel averaged with its neighbours, with weights 1, 2, 1 along both axes."""
    padded = np.pad(levels, 1, mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return np.asarray((down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 16)


def box_mean(images: NDArray[Any], side: int) -> NDArray[Any]:
    """The mean of each square with this side in images of floats: (..., rows - side + 1, columns - side + 1)."""
    rows, columns = (length - side + 1 for length in images.shape[-2:])
    bands = images[..., :rows, :].copy()
    for down in range(1, side):
        bands += images[..., down : down + rows, :]
    sums = bands[..., :columns].copy()
    for right in range(1, side):
        sums += bands[..., right : right + columns]
    return np.asarray(sums / images.dtype.type(side * side))


def closing(levels: Floats, side: int) -> Floats:
    """Grey closing by a square with this odd side: fills in the dark parts that are narrower than the square."""
    around = side // 2
    padded = np.pad(levels, around, mode="edge")
    closed = window_extreme(np.minimum, window_extreme(np.maximum, padded, side), side)
    return np.asarray(closed[around:-around, around:-around])


def opening(levels: Floats, side: int) -> Floats:
    """Grey opening: the same for light parts."""
    return -closing(-levels, side)


def window_extreme(extreme: Callable[..., NDArray[Any]], array: NDArray[Any], side: int) -> NDArray[Any]:
    """np.maximum or np.minimum over the square with this odd side around each pixel. Outside, the edge is repeated."""
    array = np.pad(array, side // 2, mode="edge")
    for axis in (0, 1):
        rows, length = np.moveaxis(array, axis, 0), 1
        while 2 * length <= side:  # double the window each time
            rows, length = extreme(rows[:-length], rows[length:]), 2 * length
        rest = side - length
        array = np.moveaxis(extreme(rows[: len(rows) - rest], rows[rest:]), 0, axis)
    return array
