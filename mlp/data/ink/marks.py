"""The digit among the marks on a sheet, without dust, stains and the edges of tables; and how many digits there are.

A mark is connected ink. The digit is the heaviest mark that does not touch the picture's edge, with what lies near it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlp.data.ink.paper import Floats, windowed

Mask = NDArray[np.bool_]

DARK = 0.35
"""Fraction of the darkest ink that belongs to a mark; what is fainter belongs to the mark that it touches."""
FAINTEST, PALE = 0.1, 0.2
"""Fractions of the darkest ink: what is fainter is no mark at all; a digit's darkest ink is at least so dark."""
MIN_LENGTH = 0.1
"""Fraction of the picture's shorter side: a digit is longer."""
OUTWEIGHED = 0.3
"""A mark within the picture is the digit unless it weighs less than this fraction of one that touches the edge."""
NEAR = 0.15
"""Fraction of the digit's length: a mark so near belongs to it."""
MIN_WEIGHT = 0.1
"""Fraction of the digit's weight: from a lighter part of it, other parts are not near."""
COMPARABLE, COMPARABLE_WEIGHT = 0.5, 0.1
"""Fractions of the digit's length and weight: a mark with both, and not near, is another digit."""
FAINT_EDGE = 1 / 60
"""Fraction of the picture's longer side: so near to a mark faint ink belongs to it."""


@dataclass(frozen=True)
class Marks:
    """Connected marks. All but ``labels`` are (n,), a number for each mark."""

    labels: NDArray[np.intp]
    """(rows, columns): the mark of each pixel, from 0 to n - 1; n if it belongs to no mark."""
    weight: Floats
    """Sum of its ink."""
    length: NDArray[np.int64]
    """Pixels: the longer side of its box."""
    at_edge: Mask
    """Whether it touches the picture's edge."""
    in_corner: Mask
    """Whether it has one of the picture's corners, as the edge of a table has."""

    @classmethod
    def of(cls, ink: Floats, mask: Mask) -> "Marks":
        """The marks of this mask, which has at least one pixel."""
        labels, count = connected(mask)
        which = labels[mask]
        sides, at_edge = [], np.zeros(count, bool)
        for places, side in zip(np.nonzero(mask), mask.shape, strict=True):
            first, last = np.full(count, side), np.full(count, -1)
            np.minimum.at(first, which, places)
            np.maximum.at(last, which, places)
            sides.append(last - first + 1)
            at_edge |= (first == 0) | (last == side - 1)
        in_corner = np.zeros(count + 1, bool)
        in_corner[labels[[0, 0, -1, -1], [0, -1, 0, -1]]] = True
        return cls(
            labels, np.bincount(which, ink[mask], count).astype(np.float64), np.maximum(*sides), at_edge, in_corner[:-1]
        )

    def pixels(self, marks: Mask) -> Mask:
        """The pixels (rows, columns) of these marks."""
        return np.asarray(np.append(marks, False)[self.labels])

    def near(self, marks: Mask, distance: int) -> Mask:
        """The marks that have a pixel at most this many pixels away from these marks; these are included."""
        found = np.zeros(len(marks) + 1, bool)
        found[self.labels[windowed(np.maximum, self.pixels(marks), 2 * distance + 1)]] = True
        return found[:-1]


def digits_in(ink: Floats) -> tuple[Floats, int]:
    """The ink (rows, columns) of the digit alone, 0 to 1, or of all digits if there are several; and their number."""
    ink = _scaled(ink / ink.max())
    mask = ink > DARK
    marks = Marks.of(ink, mask)
    main = _main_mark(marks, MIN_LENGTH * min(ink.shape))
    digit, length = _with_near_marks(marks, main), marks.length[main]
    is_long = marks.length >= COMPARABLE * length
    others = ~digit & ~marks.at_edge & is_long & (marks.weight >= COMPARABLE_WEIGHT * marks.weight[main])
    others &= ~marks.near(marks.at_edge & ~digit, max(1, round(NEAR * length)))  # but the grain of a table is none
    kept = marks.pixels(digit | others)
    found = np.where(kept | _faint_parts(ink, mask, kept, length), ink, 0.0)
    return found / found.max(), 1 + int(np.count_nonzero(others))


def _scaled(ink: Floats) -> Floats:
    """The ink with 1 for the darkest of the heaviest long mark within the picture: dust may be darker than a pencil."""
    marks = Marks.of(ink, ink > FAINTEST)
    is_writing = (marks.length >= MIN_LENGTH * min(ink.shape)) & ~marks.at_edge
    if not is_writing.any():
        return ink
    darkest = ink[marks.labels == np.where(is_writing, marks.weight, 0).argmax()].max()
    return np.minimum(ink / darkest, 1) if darkest >= PALE else ink


def _faint_parts(ink: Floats, mask: Mask, kept: Mask, length: int) -> Mask:
    """Ink outside the mask that belongs to the marks that are kept: their edges, and faint parts that touch them."""
    faint = (ink > 0) & ~mask
    if not faint.any():
        return faint
    around = windowed(np.maximum, kept, 2 * max(2, round(FAINT_EDGE * max(ink.shape))) + 1)
    parts = Marks.of(ink, faint)
    touching = np.zeros(len(parts.weight) + 1, bool)
    touching[parts.labels[windowed(np.maximum, kept, 3)]] = True
    # A part that is longer than the digit, or goes on to the picture's edge, is a shadow's or a line's rest.
    return faint & (around | parts.pixels(touching[:-1] & ~parts.at_edge & (parts.length <= length)))


def _main_mark(marks: Marks, min_length: float) -> int:
    long_enough = marks.length >= min_length
    inside = np.where(long_enough & ~marks.at_edge, marks.weight, 0)
    at_edge = np.where(marks.at_edge & ~marks.in_corner, marks.weight, 0)
    if inside.max() > OUTWEIGHED * at_edge.max():
        return int(inside.argmax())
    no_corner = np.where(long_enough & ~marks.in_corner, marks.weight, 0)
    return int((no_corner if no_corner.any() else marks.weight).argmax())


def _with_near_marks(marks: Marks, main: int) -> Mask:
    """The main mark, and all that is near to it or to a heavy mark that is."""
    digit = np.zeros(len(marks.weight), bool)
    digit[main] = True
    heavy = marks.weight >= MIN_WEIGHT * marks.weight[main]
    distance = max(1, round(NEAR * marks.length[main]))
    while True:
        grown = digit | (marks.near(digit & heavy, distance) & ~marks.in_corner)
        if (grown == digit).all():
            return digit
        digit = grown


def connected(mask: Mask) -> tuple[NDArray[np.intp], int]:
    """The number of its component for each pixel of the mask, from 0, and the number of components.

    Pixels that share a corner touch. Those that are not in the mask get the number behind the last. Each pixel points
    to one with which it is connected; both of a pair of neighbours are made to point to the earlier one, until all do.
    """
    places = np.arange(mask.size).reshape(mask.shape)
    down, right = (slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))
    everywhere = (slice(None), slice(None))
    pairs = []
    for rows, columns in ((down, everywhere), (everywhere, down), (down, down), (down, right)):
        first, second = (rows[0], columns[0]), (rows[1], columns[1])
        both = mask[first] & mask[second]
        pairs.append(np.stack([places[first][both], places[second][both]]))
    one, other = np.concatenate(pairs, axis=1)
    root = places.reshape(-1).copy()
    while (root[one] != root[other]).any():
        ends = root[one], root[other]
        earlier = np.minimum(*ends)
        for end in ends:
            np.minimum.at(root, end, earlier)
        while (root[root] != root).any():
            root = root[root]
    roots, numbers = np.unique(root[mask.reshape(-1)], return_inverse=True)
    labels = np.full(mask.shape, len(roots), np.intp)
    labels[mask] = numbers.reshape(-1)
    return labels, len(roots)
