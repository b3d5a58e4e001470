"""Ink as MNIST has its digits: scaled, and placed by its centre of mass.

The MNIST page says of its images (LeCun, Cortes and Burges): normalized to fit in a 20 by 20 pixel box, keeping the
aspect ratio, with grey levels by antialiasing, and centred in 28 by 28 by the centre of mass. In its files the larger
extent of each digit is 20, the centre of mass is in a pixel's reach of row and column 14, 13.5 to 14.5, the darkest
pixel is 254 or 255: so the scaled box is moved by whole pixels. An image of MNIST comes back as it was.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.ink.paper import Blank, Floats

BOX = 20 / 28
"""Fraction of an image's side into which the larger extent is scaled."""
FAINT = 0.2
"""Fraction of the darkest ink: fainter ink, such as the outskirts of a blur, is no part of the extent. By this 5 of
10,000 MNIST digits become smaller."""
TIE = 1e-9
"""Pixels: a centre of mass so near to the border between two pixels is on it, but for rounding, and stays."""


@dataclass(frozen=True)
class Prepared:
    """A drawing on its way to the network. All are ink, 0 for paper to 1 for the darkest, in float64."""

    ink: Floats
    """(rows, columns) of the drawing"""
    box: tuple[int, int, int, int]
    """The rows and columns of the ink that is not faint: top, bottom, left, right, the ends not included."""
    scaled: Floats
    """Of the shape asked for: the box scaled, about the middle"""
    image: Floats
    """Of the shape asked for: the same with its centre of mass in the middle"""


def prepare(ink: Floats, shape: tuple[int, int] = (28, 28)) -> Prepared:
    """Scale and place ink (rows, columns), 0 to 1, as MNIST does. Raises Blank if there is none."""
    if not ink.any():
        raise Blank("nothing is drawn on it")
    drawn = ink > FAINT * ink.max()
    (top, bottom), (left, right) = (extent(drawn.any(axis=axis)) for axis in (1, 0))
    height, width = extent_of(shape)
    step = max((bottom - top) / height, (right - left) / width)
    rows, columns = ((end - start) / step for start, end in ((top, bottom), (left, right)))
    margins = [int((side - length) // 2) for side, length in zip(shape, (rows, columns), strict=True)]
    down = area_weights(ink.shape[0], top - margins[0] * step, step, shape[0])
    across = area_weights(ink.shape[1], left - margins[1] * step, step, shape[1])
    scaled = down @ ink @ across.T
    scaled /= scaled.max()
    moves = [centring(scaled.sum(axis=1 - axis), margins[axis], length) for axis, length in ((0, rows), (1, columns))]
    return Prepared(ink, (top, bottom, left, right), scaled, moved(scaled, *moves))


def extent_of(shape: tuple[int, int]) -> tuple[int, int]:
    """The rows and columns into which the larger extent is scaled, of an image of this shape."""
    rows, columns = shape
    return round(BOX * rows), round(BOX * columns)


def extent(drawn: NDArray[np.bool_]) -> tuple[int, int]:
    """Where the True of a row begin, and end (not included)."""
    places = np.flatnonzero(drawn)
    return int(places[0]), int(places[-1]) + 1


def area_weights(n: int, start: float, step: float, count: int) -> Floats:
    """The shares (count, n) by which n pixels of length 1 cover others of length ``step``, the first at ``start``.

    Averaging by areas: it antialiases, and changes nothing where the step is 1 and the start whole.
    """
    edges = start + step * np.arange(count + 1)
    pixels = np.arange(n)
    covered = np.minimum(edges[1:, np.newaxis], pixels + 1) - np.maximum(edges[:-1, np.newaxis], pixels)
    return np.asarray(covered.clip(min=0) / step)


def averaged(grey: NDArray[Any], factor: int) -> NDArray[Any]:
    """A picture (rows, columns) of 1/factor of its size: averages over squares, cut off at its ends, in float64."""
    if factor == 1:
        return grey
    ends = [np.arange(factor, side + factor, factor).clip(max=side) for side in grey.shape]
    starts, lengths = zip(*((end - np.diff(end, prepend=0), np.diff(end, prepend=0)) for end in ends), strict=True)
    bands = [grey[start:end].sum(axis=0, dtype=np.float64) for start, end in zip(starts[0], ends[0], strict=True)]
    return np.asarray(np.add.reduceat(np.stack(bands), starts[1], axis=1) / np.outer(*lengths))


def centring(mass: Floats, margin: int, length: float) -> int:
    """How far to move (n,) masses for their centre to come to n/2, the ``length`` behind the margin staying inside."""
    n = len(mass)
    centre = mass @ np.arange(n) / mass.sum()
    move = int(np.ceil(n / 2 - 0.5 - centre - TIE))
    return int(np.clip(move, -margin, n - margin - np.ceil(length)))


def moved(image: Floats, down: int, right: int) -> Floats:
    """The image moved by whole pixels; what comes in is paper."""
    rows, columns = image.shape
    there = np.zeros_like(image)
    there[max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)] = image[
        max(0, -down) : rows - max(0, down), max(0, -right) : columns - max(0, right)
    ]
    return there
