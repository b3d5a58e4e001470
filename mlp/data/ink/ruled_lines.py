"""The lines of ruled and squared paper taken away from the ink.

A ruled line is thin, nearly level, and reaches from one edge of the picture to the other. The ink is sheared until such
lines lie along its rows; there each row of a line is filled in from the rows above and below it, so that a stroke that
crosses the line stays whole.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.ink.paper import Floats

MAX_TILT = 5
"""Degrees."""
COVERED = 0.9
"""Fraction of a row, as far as it lies within the picture, that a line covers."""
WITHIN = 0.3
"""Fraction of the picture's width that a row has at least within the picture, once it is sheared."""
THICKNESS = 0.05
"""Fraction of the picture's height: a line is not thicker."""
MIN_LINES = 3
"""Lines that must be there if ink touches all four edges: a picture cut to its digit may have one stroke along each."""
CROSSING = 1.5
"""Ink that is this many times as dark as the line is a stroke that crosses it."""
MIN_REST = 0.35
"""Fraction of the darkest ink that must be left: else what was found was the digit."""


def without_lines(ink: Floats) -> Floats:
    """Ink (rows, columns) without ruled lines, level and upright ones."""
    rest, count = _without_level_lines(ink, MIN_LINES)
    rest, _ = _without_level_lines(rest.T, 1 if count >= MIN_LINES else MIN_LINES)  # ruled paper may have a margin
    return rest.T


def _without_level_lines(ink: Floats, min_lines: int) -> tuple[Floats, int]:
    """The ink without level lines, and how many there were. ``min_lines``: as MIN_LINES."""
    if not (ink[:, 0].any() and ink[:, -1].any()):
        return ink, 0
    shifts = _levelling(ink)
    level_ink, within = _sheared(ink, shifts), _sheared(np.ones_like(ink), shifts).sum(axis=1)
    darkness = _darkness_of_lines(level_ink, within.astype(int), is_tilted=bool(shifts.any()))
    lines = _lines(darkness > 0, max(1, round(THICKNESS * len(ink))) + 2 * bool(shifts.any()))
    if not lines or (len(lines) < min_lines and ink[0].any() and ink[-1].any()):
        return ink, 0
    filled = _filled(level_ink, darkness, lines)
    rest = filled[np.arange(len(ink))[:, np.newaxis] + shifts, np.arange(ink.shape[1])]
    return (rest, len(lines)) if rest.max() >= MIN_REST * ink.max() else (ink, 0)


def _filled(ink: Floats, darkness: Floats, lines: list[tuple[int, int]]) -> Floats:
    """The ink with each line, and its blurred edge of a row, as the rows above and below it would have it.

    Ink that is darker than the line by far is a stroke, and loses no more than the line's own darkness.
    """
    filled = ink.copy()
    for first, last in lines:
        start, end = max(first - 1, 0), min(last + 1, len(ink))
        above = ink[start - 1] if start > 0 else ink[min(end, len(ink) - 1)]
        below = ink[end] if end < len(ink) else above
        share = (np.arange(1, end - start + 1) / (end - start + 1))[:, np.newaxis]
        line, own = ink[start:end], darkness[start:end, np.newaxis]
        across = np.minimum(line, (1 - share) * above + share * below)
        is_stroke = line > CROSSING * darkness[first:last].max()
        filled[start:end] = np.where(is_stroke, np.maximum(across, line - own), across)
    return filled


def _levelling(ink: Floats) -> NDArray[np.intp]:
    """By how much each column is to move down for lines to be level: where the sums of the rows differ most."""
    columns = ink.shape[1]
    most = int(np.tan(np.radians(MAX_TILT)) * columns)

    def contrast(drop: int) -> tuple[float, int]:
        return (float(np.square(_sheared(ink, _shifts(drop, columns)).sum(axis=1)).sum()), -abs(drop))

    return _shifts(max(range(-most, most + 1), key=contrast), columns)


def _shifts(drop: int, columns: int) -> NDArray[np.intp]:
    """Shifts of the columns, at least 0, of a shear by which the last one moves by ``drop`` against the first."""
    shifts = np.round(drop * np.arange(columns) / columns).astype(np.intp)
    return np.asarray(shifts - shifts.min())


def _sheared(ink: Floats, shifts: NDArray[np.intp]) -> Floats:
    """Each column moved down by its shift, in more rows."""
    rows, columns = ink.shape
    sheared = np.zeros((rows + shifts.max(), columns))
    sheared[np.arange(rows)[:, np.newaxis] + shifts, np.arange(columns)] = ink
    return sheared


def _darkness_of_lines(ink: Floats, within: NDArray[Any], *, is_tilted: bool) -> Floats:
    """For each row the lower quartile of its ink if a line covers it, else 0. ``within``: its pixels in the picture.

    The quartile, as a stroke along the line may be darker.
    """
    if is_tilted:  # steps of a pixel: a line lies in two rows by turns
        padded = np.pad(ink, ((1, 1), (0, 0)))
        ink = np.maximum(np.maximum(padded[:-2], padded[2:]), ink)
    darkest_first = -np.sort(-ink, axis=1)
    rows = np.arange(len(ink))
    last_covered = np.maximum(np.ceil(COVERED * within).astype(int) - 1, 0)
    is_line = (within >= WITHIN * ink.shape[1]) & (darkest_first[rows, last_covered] > 0)
    return np.where(is_line, darkest_first[rows, 3 * within // 4], 0.0)


def _lines(is_line: NDArray[np.bool_], thickness: int) -> list[tuple[int, int]]:
    """Rows of each line, first and end, of those that are no thicker than this."""
    steps = np.flatnonzero(np.diff(np.pad(is_line, 1).astype(int)))
    return [(int(start), int(end)) for start, end in steps.reshape(-1, 2) if end - start <= thickness]
