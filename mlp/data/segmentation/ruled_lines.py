"""Removal of the lines of ruled and squared paper.

A ruled line is thin, nearly level, and runs from one edge of the picture to the other. The ink is sheared until such
lines lie along its rows. Each row of a line is then interpolated between the rows above and below the line, so that a
stroke that crosses it stays whole.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.segmentation.filters import Floats

MAX_TILT_DEGREES = 5
MIN_COVERED = 0.9
"""A line covers at least this fraction of the row's pixels that lie in the picture."""
MIN_INSIDE = 0.3
"""At least this fraction of a row must lie in the picture after the shear."""
MAX_THICKNESS = 0.05
"""As a fraction of the picture's height."""
MIN_LINES = 3
"""If ink touches all four edges, fewer lines are strokes: a picture cropped to its digit may have one on each side."""
STROKE = 1.5
"""Ink on a line belongs to a crossing stroke if it is this many times as dark as the line."""
MIN_REST = 0.35
"""Fraction of the darkest ink that must remain. If less remains, the "lines" were the digit, and are kept."""


def remove_lines(ink: Floats) -> Floats:
    """Ink (rows, columns) without ruled lines, horizontal and vertical."""
    rest, count = _remove_level_lines(ink, MIN_LINES)
    rest, _ = _remove_level_lines(rest.T, 1 if count >= MIN_LINES else MIN_LINES)  # ruled paper may have one margin
    return rest.T


def _remove_level_lines(ink: Floats, min_lines: int) -> tuple[Floats, int]:
    """The ink without horizontal lines, and their number. ``min_lines``: see MIN_LINES."""
    if not (ink[:, 0].any() and ink[:, -1].any()):
        return ink, 0
    shifts = _levelling_shifts(ink)
    is_tilted = bool(shifts.any())
    level_ink, inside = _sheared(ink, shifts), _sheared(np.ones_like(ink), shifts).sum(axis=1)
    darkness = _darkness_of_lines(level_ink, inside.astype(int), is_tilted=is_tilted)
    lines = _lines(darkness > 0, max(1, round(MAX_THICKNESS * len(ink))) + 2 * is_tilted)
    if not lines or (len(lines) < min_lines and ink[0].any() and ink[-1].any()):
        return ink, 0
    filled = _interpolated(level_ink, darkness, lines)
    rest = filled[np.arange(len(ink))[:, np.newaxis] + shifts, np.arange(ink.shape[1])]
    return (rest, len(lines)) if rest.max() >= MIN_REST * ink.max() else (ink, 0)


def _interpolated(ink: Floats, darkness: Floats, lines: list[tuple[int, int]]) -> Floats:
    """The ink, each line and a row of blurred edge on either side interpolated between the rows above and below.

    A pixel much darker than the line belongs to a stroke: at most the darkness of the line is subtracted from it.
    """
    filled = ink.copy()
    for first, last in lines:
        start, end = max(first - 1, 0), min(last + 1, len(ink))
        above = ink[start - 1] if start > 0 else ink[min(end, len(ink) - 1)]
        below = ink[end] if end < len(ink) else above
        share = (np.arange(1, end - start + 1) / (end - start + 1))[:, np.newaxis]
        line = ink[start:end]
        between = np.minimum(line, (1 - share) * above + share * below)
        is_stroke = line > STROKE * darkness[first:last].max()
        filled[start:end] = np.where(is_stroke, np.maximum(between, line - darkness[start:end, np.newaxis]), between)
    return filled


def _levelling_shifts(ink: Floats) -> NDArray[np.intp]:
    """How far each column moves down to make lines level: the shear that makes the row sums differ most."""
    columns = ink.shape[1]
    max_drop = int(np.tan(np.radians(MAX_TILT_DEGREES)) * columns)

    def contrast(drop: int) -> tuple[float, int]:
        return (float(np.square(_sheared(ink, _shifts(drop, columns)).sum(axis=1)).sum()), -abs(drop))

    return _shifts(max(range(-max_drop, max_drop + 1), key=contrast), columns)


def _shifts(drop: int, columns: int) -> NDArray[np.intp]:
    """The columns' shifts, at least 0, of a shear that moves the last one down by ``drop`` relative to the first."""
    shifts = np.round(drop * np.arange(columns) / columns).astype(np.intp)
    return np.asarray(shifts - shifts.min())


def _sheared(ink: Floats, shifts: NDArray[np.intp]) -> Floats:
    """Each column moved down by its shift; the result has more rows."""
    rows, columns = ink.shape
    sheared = np.zeros((rows + shifts.max(), columns))
    sheared[np.arange(rows)[:, np.newaxis] + shifts, np.arange(columns)] = ink
    return sheared


def _darkness_of_lines(ink: Floats, inside: NDArray[Any], *, is_tilted: bool) -> Floats:
    """For each row the darkness of the line that covers it, or 0. ``inside``: the row's pixels inside the picture.

    The darkness is the lower quartile of the row's ink, as a stroke along the line may be darker.
    """
    if is_tilted:  # shifts are whole pixels, so a tilted line alternates between two rows
        padded = np.pad(ink, ((1, 1), (0, 0)))
        ink = np.maximum(np.maximum(padded[:-2], padded[2:]), ink)
    darkest_first = -np.sort(-ink, axis=1)
    rows = np.arange(len(ink))
    last_covered = np.maximum(np.ceil(MIN_COVERED * inside).astype(int) - 1, 0)
    is_line = (inside >= MIN_INSIDE * ink.shape[1]) & (darkest_first[rows, last_covered] > 0)
    return np.where(is_line, darkest_first[rows, 3 * inside // 4], 0.0)


def _lines(is_line: NDArray[np.bool_], max_thickness: int) -> list[tuple[int, int]]:
    """First row and end row (exclusive) of each run of line rows that is not too thick."""
    steps = np.flatnonzero(np.diff(np.pad(is_line, 1).astype(int)))
    return [(int(start), int(end)) for start, end in steps.reshape(-1, 2) if end - start <= max_thickness]
