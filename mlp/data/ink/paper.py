"""Ink on paper: how much darker each pixel is than the paper would be there.

Plain paper has one brightness, and ink is what differs from it. In a photo the paper's brightness follows the light: a
lamp at one side, a hand's shadow. There it is estimated by a grey closing, which fills in all that is narrower than a
square (Gonzalez and Woods, Digital Image Processing, section 9.6: the bottom-hat transformation), and divided out. For
the closing a table's dark edge goes on beyond the picture, so it counts as paper. Ink must exceed the picture's noise.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHADE = 0.05
"""Fraction of the darkest ink: a difference from plain paper that is larger, and not beside a stroke, is a shade."""
SHADED = 0.005
"""Fraction of the pixels: with more shades than these paper is not plain, with more lone dots a picture is dithered."""
STROKE = 0.5
"""Fraction of the darkest ink that makes a pixel part of a stroke."""
BESIDE = 1 / 25
"""Fraction of the longer side: so near to a stroke its blurred edge may reach."""
DITHERED = 0.25
"""Noise as a fraction of the darkest ink: with more, paper is not plain. Dithered pictures have more."""

SQUARE = 0.36
"""Side of the closing's square as a fraction of the shorter side: strokes are narrower, shadows wider."""
SPECK = 1 / 64
"""The same for specks lighter than the paper, which the closing would join to lighter paper."""
GRAIN = 0.01
"""Noise as a fraction of the picture's range, above which it is blurred, MAX_BLURS times at most."""
MAX_BLURS = 4
DITHER_PERIOD = 8
"""Pixels after which the dots of an ordered dither repeat: its average over such a square is even."""
MIN_DITHERED_SIDE = 100
"""Pixels: in a smaller picture such squares are as large as strokes."""
GRADUAL = 8
"""Ranges per shorter side: brightness that changes more slowly is light, not an edge."""
DARKEST_PAPER = 0.1
"""Brightness of the darkest paper as a fraction of the picture's range: ink on darker paper would be mostly noise."""
NOISE_LIMIT = 4
"""Ink exceeds the noise's standard deviation this many times."""
STANDS_OUT = 5
"""The darkest ink exceeds it this many times. On evenly lit paper noise alone exceeds it 4 to 5 times."""
MAD_TO_DEVIATION = 1.4826
"""Standard deviation of a normal distribution, divided by its median absolute deviation."""
QUARTILE_TO_DEVIATION = 1 / 0.3186
"""The same for the lower quartile of the absolute values."""


class Blank(ValueError):
    """There is nothing on the paper."""


def ink_on(levels: Floats) -> Floats:
    """The ink on paper of these brightnesses (rows, columns), at least 0: 0 for paper to 1 for the darkest ink.

    Dark on light or light on dark. Raises Blank if there is no ink.
    """
    if _is_dithered(levels):
        return _on_lit_paper(box_mean(levels, DITHER_PERIOD))
    ink = _on_plain_paper(levels)
    return _on_lit_paper(levels) if ink is None else ink


def _is_dithered(levels: Floats) -> bool:
    """Whether a picture has two levels, and many dots that stand alone, as where black and white stand for greys."""
    if min(levels.shape) < MIN_DITHERED_SIDE or ((levels > levels.min()) & (levels < levels.max())).any():
        return False
    dots, (above, below), (left, right) = levels[1:-1, 1:-1], (levels[:-2], levels[2:]), (levels[:, :-2], levels[:, 2:])
    neighbours = (above[:, 1:-1], below[:, 1:-1], left[1:-1], right[1:-1])
    alone = np.logical_and.reduce([dots != neighbour for neighbour in neighbours])
    return bool(np.count_nonzero(alone) > SHADED * levels.size)


def _on_plain_paper(levels: Floats) -> Floats | None:
    """Ink on paper of the brightness of most of the border; None if the paper has other brightnesses, too."""
    border = np.concatenate([levels[[0, -1]].reshape(-1), levels[:, [0, -1]].reshape(-1)])
    difference = np.median(border) - levels
    if -difference.min() > difference.max():
        difference = -difference
    darkest = difference.max()
    strokes = difference > STROKE * darkest
    near_strokes = windowed(np.maximum, strokes, 2 * max(2, round(BESIDE * max(levels.shape))) + 1)
    shades = np.abs(difference[~near_strokes])
    has_corner = strokes[[0, 0, -1, -1], [0, -1, 0, -1]].any()  # as a shadow or a table's edge has
    is_shaded = np.count_nonzero(shades > SHADE * darkest) > SHADED * levels.size
    limit = NOISE_LIMIT * MAD_TO_DEVIATION * np.median(shades) if shades.size else 0.0
    if has_corner or is_shaded or limit > STROKE * darkest or noise(levels) > DITHERED * darkest:
        return None
    return np.where(difference > limit, difference / darkest, 0.0)


def _on_lit_paper(levels: Floats) -> Floats:
    """Ink as the fraction by which it darkens the paper, whose brightness varies."""
    span, side = np.ptp(levels), _odd(SQUARE * min(levels.shape))
    for _ in range(MAX_BLURS):
        if noise(levels) > GRAIN * span:
            levels = blurred(levels)
    if _edges(opening(levels, side), span) < _edges(closing(levels, side), span):
        levels = levels.max() - levels  # what leaves fewer edges behind took away the ink: it is lighter than the paper
    paper = closing(opening(levels, _odd(SPECK * min(levels.shape))), side)
    difference = paper - levels
    on_paper = difference[difference <= difference.max() / 2]
    offset = np.median(on_paper)  # of grain, the closing finds the lightest
    # From the lighter half, as ruled lines make paper darker and grain does both.
    deviation = MAD_TO_DEVIATION * np.median(offset - on_paper[on_paper <= offset])
    if difference.max() - offset <= STANDS_OUT * deviation:
        raise Blank("nothing is drawn on it: nothing stands out from its light and its grain")
    darkening = (difference - offset) / np.maximum(paper, DARKEST_PAPER * span)
    ink = np.where(difference - offset > NOISE_LIMIT * deviation, darkening, 0.0)
    return np.asarray(ink / ink.max())


def noise(levels: Floats) -> float:
    """The standard deviation of the noise, from second differences along both axes, which light and edges have few of.

    After Immerkaer 1996, Fast Noise Variance Estimation; by the lower quartile, as lines may be everywhere.
    """
    differences = np.abs(np.diff(np.diff(levels, 2, axis=0), 2, axis=1))
    if not differences.size:
        return 0.0
    return float(np.quantile(differences, 0.25)) * QUARTILE_TO_DEVIATION / 6  # the root of (1 + 4 + 1)^2 squares


def _edges(levels: Floats, span: float) -> float:
    """The sum of all steps between neighbours that are no gradual change of light."""
    gradual = GRADUAL * span / min(levels.shape)
    steps = [np.abs(np.diff(levels, axis=axis)) for axis in (0, 1)]
    return float(sum(step[step > gradual].sum() for step in steps))


def _odd(side: float) -> int:
    return max(3, int(side) | 1)


def blurred(levels: Floats) -> Floats:
    """Each pixel averaged with its neighbours, with weights 1, 2, 1 along both axes."""
    padded = np.pad(levels, 1, mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return np.asarray((down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 16)


def box_mean(levels: Floats, side: int) -> Floats:
    """Each pixel averaged with those of a square of this even side, from side / 2 above and left of it."""
    padded = np.pad(levels, (side // 2, side - side // 2 - 1), mode="symmetric")
    return np.asarray(sliding_window_view(padded, (side, side)).mean(axis=(2, 3)))


def closing(levels: Floats, side: int) -> Floats:
    """Grey closing by a square of this odd side: dark parts that hold no such square are filled in."""
    around = side // 2
    padded = np.pad(levels, around, mode="edge")
    closed = windowed(np.minimum, windowed(np.maximum, padded, side), side)
    return np.asarray(closed[around:-around, around:-around])


def opening(levels: Floats, side: int) -> Floats:
    """Grey opening: the same for light parts."""
    return -closing(-levels, side)


def windowed(extreme: Callable[..., NDArray[Any]], array: NDArray[Any], side: int) -> NDArray[Any]:
    """np.maximum or np.minimum over the square of this odd side around each pixel, the edge going on outside."""
    array = np.pad(array, side // 2, mode="edge")
    for axis in (0, 1):
        rows, length = np.moveaxis(array, axis, 0), 1
        while 2 * length <= side:  # windows twice as long each time
            rows, length = extreme(rows[:-length], rows[length:]), 2 * length
        rest = side - length
        array = np.moveaxis(extreme(rows[: len(rows) - rest], rows[rest:]), 0, axis)
    return array
