"""Background removal: how much darker each pixel is than the paper.

Plain paper has one brightness, and all that differs from it is ink. In a photo the brightness of the paper varies: a
lamp stands at one side, or a hand casts a shadow. The paper is then estimated by a grey closing, which fills in all
that is narrower than a square (the bottom-hat transformation: Gonzalez and Woods, Digital Image Processing, section
9.6), and ink is measured relative to it. Outside the picture the closing repeats the edge, so the dark edge of a table
counts as paper. Ink must be stronger than the noise.
"""

import numpy as np

from mlp.data.segmentation.filters import Floats, blur, box_mean, closing, opening, window_extreme
from mlp.system.errors import InputError

# Plain paper. Ink is relative to the darkest ink.
STROKE = 0.5
"""Darker ink is part of a stroke."""
STROKE_EDGE = 1 / 25
"""Width of the blurred edge of a stroke, as a fraction of the longer side."""
SHADE = 0.05
"""Darker pixels away from strokes are shaded paper."""
MAX_SHADED = 0.005
"""Fraction of the pixels. More shaded pixels: the paper is not plain. More isolated dots: the picture is dithered."""
MAX_PLAIN_NOISE = 0.25
"""If the noise is stronger, as in a dithered picture, the paper is not plain."""

# Unevenly lit paper. The range is the difference between the lightest and the darkest pixel.
CLOSING_SIDE = 0.36
"""Side of the closing's square, as a fraction of the shorter side: wider than a stroke, narrower than a shadow."""
SPECK_SIDE = 1 / 64
"""The same for light specks: they are removed first, as the closing would extend them."""
MAX_NOISE = 0.01
"""Fraction of the range: the picture is blurred, at most MAX_BLURS times, while the noise is stronger."""
MAX_BLURS = 4
DITHER_PERIOD = 8
"""Pixels after which the pattern of an ordered dither repeats: the mean over such a square is even."""
MIN_DITHERED_SIDE = 100
"""Pixels: in a smaller picture strokes are no wider than the period."""
GRADUAL = 8
"""Ranges per shorter side: a change of brightness that is no steeper is light, not an edge."""
MIN_PAPER = 0.1
"""Fraction of the range: paper counts as at least this bright, as ink on darker paper would be mostly noise."""
MIN_INK_DEVIATIONS = 4
"""Ink is at least this many standard deviations of the noise."""
MIN_DARKEST_DEVIATIONS = 5
"""The same for the darkest ink: on evenly lit paper the noise alone reaches 4 to 5."""
MAD_TO_DEVIATION = 1.4826
"""The standard deviation of a normal distribution, divided by its median absolute deviation."""
QUARTILE_TO_DEVIATION = 1 / 0.3186
"""The same, divided by the lower quartile of the absolute values."""


def remove_background(levels: Floats) -> Floats:
    """The ink of a picture with these brightnesses (rows, columns): 0 for paper, 1 for the darkest ink.

    The ink may be dark on light or light on dark. Raises InputError if there is no ink.
    """
    if _is_dithered(levels):
        around = DITHER_PERIOD // 2
        padded = np.pad(levels, (around, around - 1), mode="symmetric")
        return _ink_on_uneven_paper(box_mean(padded, DITHER_PERIOD))
    ink = _ink_on_plain_paper(levels)
    return _ink_on_uneven_paper(levels) if ink is None else ink


def _is_dithered(levels: Floats) -> bool:
    """Whether a picture has two levels and many isolated dots: black and white that stand for grey."""
    if min(levels.shape) < MIN_DITHERED_SIDE or ((levels > levels.min()) & (levels < levels.max())).any():
        return False
    dots, (above, below), (left, right) = levels[1:-1, 1:-1], (levels[:-2], levels[2:]), (levels[:, :-2], levels[:, 2:])
    neighbours = (above[:, 1:-1], below[:, 1:-1], left[1:-1], right[1:-1])
    isolated = np.logical_and.reduce([dots != neighbour for neighbour in neighbours])
    return bool(np.count_nonzero(isolated) > MAX_SHADED * levels.size)


def _ink_on_plain_paper(levels: Floats) -> Floats | None:
    """The ink, if the paper has one brightness, the median of the picture's border; else None."""
    border = np.concatenate([levels[[0, -1]].reshape(-1), levels[:, [0, -1]].reshape(-1)])
    difference = np.median(border) - levels
    if -difference.min() > difference.max():
        difference = -difference
    darkest = difference.max()
    strokes = difference > STROKE * darkest
    near_strokes = window_extreme(np.maximum, strokes, 2 * max(2, round(STROKE_EDGE * max(levels.shape))) + 1)
    paper = np.abs(difference[~near_strokes])
    touches_corner = strokes[[0, 0, -1, -1], [0, -1, 0, -1]].any()  # as a shadow or the edge of a table does
    is_shaded = np.count_nonzero(paper > SHADE * darkest) > MAX_SHADED * levels.size
    limit = MIN_INK_DEVIATIONS * MAD_TO_DEVIATION * np.median(paper) if paper.size else 0.0
    if touches_corner or is_shaded or limit > STROKE * darkest or noise_deviation(levels) > MAX_PLAIN_NOISE * darkest:
        return None
    return np.where(difference > limit, difference / darkest, 0.0)


def _ink_on_uneven_paper(levels: Floats) -> Floats:
    """The ink on paper of varying brightness: the fraction by which a pixel is darker than its paper."""
    span, side = np.ptp(levels), _odd_side(CLOSING_SIDE * min(levels.shape))
    for _ in range(MAX_BLURS):
        if noise_deviation(levels) > MAX_NOISE * span:
            levels = blur(levels)
    # Opening removes light ink, closing dark ink: the one that leaves fewer edges has removed the ink.
    if _edge_strength(opening(levels, side), span) < _edge_strength(closing(levels, side), span):
        levels = levels.max() - levels  # now the ink is dark
    paper = closing(opening(levels, _odd_side(SPECK_SIDE * min(levels.shape))), side)
    difference = paper - levels
    on_paper = difference[difference <= difference.max() / 2]
    offset = np.median(on_paper)  # the closing follows the lightest pixels of the noise, not their mean
    # Only pixels lighter than the median: ruled lines make paper darker, noise makes it lighter as often as darker.
    deviation = MAD_TO_DEVIATION * np.median(offset - on_paper[on_paper <= offset])
    if difference.max() - offset <= MIN_DARKEST_DEVIATIONS * deviation:
        raise InputError("nothing is drawn on it: nothing stands out from the shading and the noise of the paper")
    darkening = (difference - offset) / np.maximum(paper, MIN_PAPER * span)
    ink = np.where(difference - offset > MIN_INK_DEVIATIONS * deviation, darkening, 0.0)
    return np.asarray(ink / ink.max())


def noise_deviation(levels: Floats) -> float:
    """The standard deviation of the noise, from second differences along both axes: light and edges hardly add to them.

    After Immerkaer 1996, Fast Noise Variance Estimation; but from the lower quartile, as there may be lines everywhere.
    """
    differences = np.abs(np.diff(np.diff(levels, 2, axis=0), 2, axis=1))
    if not differences.size:
        return 0.0
    root_of_squared_weights = 6  # of (1 + 4 + 1)^2: the weights are 1, -2, 1 along both axes
    return float(np.quantile(differences, 0.25)) * QUARTILE_TO_DEVIATION / root_of_squared_weights


def _edge_strength(levels: Floats, span: float) -> float:
    """The sum of all steps between neighbours that are too steep for a gradual change of light."""
    gradual = GRADUAL * span / min(levels.shape)
    steps = [np.abs(np.diff(levels, axis=axis)) for axis in (0, 1)]
    return float(sum(step[step > gradual].sum() for step in steps))


def _odd_side(side: float) -> int:
    return max(3, int(side) | 1)
