"""Prepare ink as MNIST's digits were prepared: scaled, and placed by its centre of mass.

The MNIST page says of its images (LeCun, Cortes and Burges): normalized to fit in a 20 by 20 pixel box, keeping the
aspect ratio, with grey levels by antialiasing, and centred in 28 by 28 by the centre of mass. In its files the longer
side of each digit is 20, the centre of mass lies between 13.5 and 14.5 in rows and columns, and the darkest pixel is
254 or 255: so the scaled digit was moved by whole pixels. An image of MNIST is returned unchanged.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.system.errors import InputError

Floats = NDArray[np.float64]

MAX_EXTENT = 20 / 28
"""The digit fills at most this fraction of the image's rows and columns."""
FAINT = 0.2
"""Fraction of the darkest ink. Fainter ink, such as a blurred edge, does not count when the digit is measured. This
makes 5 of 10,000 MNIST digits smaller."""
TIE = 1e-9
"""Pixels: tolerance for a centre of mass on the border between two pixels, where rounding must not decide."""


@dataclass(frozen=True)
class Prepared:
    """A drawing on its way to the network. All arrays are ink in float64, 0 for paper to 1 for the darkest."""

    ink: Floats = field(repr=False)
    """(rows, columns) of the drawing."""
    box: tuple[int, int, int, int]
    """Top, bottom, left, right of the ink that is not faint; the ends are exclusive."""
    scaled: Floats = field(repr=False)
    """The box scaled and placed in the middle of an image of the requested shape."""
    image: Floats = field(repr=False)
    """The same, moved so that the centre of mass is in the middle."""


def prepare(ink: Floats, shape: tuple[int, int] = (28, 28)) -> Prepared:
    """Scale and place ink (rows, columns), 0 to 1, as MNIST does. Raises InputError if there is no ink."""
    if not ink.any():
        raise InputError("nothing is drawn on it")
    drawn = ink > FAINT * ink.max()
    (top, bottom), (left, right) = (extent(drawn.any(axis=axis)) for axis in (1, 0))
    height, width = max_extent(shape)
    step = max((bottom - top) / height, (right - left) / width)
    rows, columns = ((end - start) / step for start, end in ((top, bottom), (left, right)))
    margins = [int((side - length) // 2) for side, length in zip(shape, (rows, columns), strict=True)]
    down = area_weights(ink.shape[0], top - margins[0] * step, step, shape[0])
    across = area_weights(ink.shape[1], left - margins[1] * step, step, shape[1])
    scaled = down @ ink @ across.T
    scaled /= scaled.max()
    moves = [centring(scaled.sum(axis=1 - axis), margins[axis], length) for axis, length in ((0, rows), (1, columns))]
    return Prepared(ink, (top, bottom, left, right), scaled, moved(scaled, *moves))


def max_extent(shape: tuple[int, int]) -> tuple[int, int]:
    """The most rows and columns that the digit fills in an image of this shape."""
    rows, columns = shape
    return round(MAX_EXTENT * rows), round(MAX_EXTENT * columns)


def extent(drawn: NDArray[np.bool_]) -> tuple[int, int]:
    """The position of the first True, and the position after the last."""
    places = np.flatnonzero(drawn)
    return int(places[0]), int(places[-1]) + 1


def area_weights(n: int, start: float, step: float, count: int) -> Floats:
    """Weights (count, n) that resample n pixels to ``count`` pixels of length ``step``, from ``start`` on.

    Each weight is the fraction of the new pixel that the old pixel covers. This antialiases, and changes nothing if the
    step is 1 and the start a whole number.
    """
    edges = start + step * np.arange(count + 1)
    pixels = np.arange(n)
    covered = np.minimum(edges[1:, np.newaxis], pixels + 1) - np.maximum(edges[:-1, np.newaxis], pixels)
    return np.asarray(covered.clip(min=0) / step)


def averaged(images: NDArray[Any], factor: int) -> NDArray[Any]:
    """Images (..., rows, columns) made smaller by this factor: the averages of squares, in float64.

    Squares are cut off at the lower and right edges. With factor 1 the images are returned as they are.
    """
    if factor == 1:
        return images
    ends = [np.arange(factor, side + factor, factor).clip(max=side) for side in images.shape[-2:]]
    starts, lengths = zip(*((end - np.diff(end, prepend=0), np.diff(end, prepend=0)) for end in ends), strict=True)
    # Rows first, band by band: in float64 the whole image would be large.
    bands = [
        images[..., start:end, :].sum(axis=-2, dtype=np.float64) for start, end in zip(starts[0], ends[0], strict=True)
    ]
    return np.asarray(np.add.reduceat(np.stack(bands, -2), starts[1], axis=-1) / np.outer(*lengths))


def centring(mass: Floats, margin: int, length: float) -> int:
    """How far to move masses (n,) to bring their centre to n/2.

    The digit, which begins behind the margin and has this length, must stay inside.
    """
    n = len(mass)
    centre = mass @ np.arange(n) / mass.sum()
    move = int(np.ceil(n / 2 - 0.5 - centre - TIE))
    return int(np.clip(move, -margin, n - margin - np.ceil(length)))


def moved(image: Floats, down: int, right: int) -> Floats:
    """The image moved by whole pixels; paper fills the gap."""
    rows, columns = image.shape
    result = np.zeros_like(image)
    result[max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)] = image[
        max(0, -down) : rows - max(0, down), max(0, -right) : columns - max(0, right)
    ]
    return result
