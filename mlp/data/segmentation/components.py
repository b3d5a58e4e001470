"""Connected components of the ink: which are the digit, other digits, or neither, such as dust and a table's edge.

The digit is the heaviest component that does not touch the edge of the picture, with the components near it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlp.data.segmentation.filters import Floats, window_extreme

Mask = NDArray[np.bool_]

DARK = 0.35
"""Fraction of the darkest ink. Darker ink forms the components; fainter ink belongs to the component it touches."""
FAINT = 0.1
"""Fraction of the darkest ink. Fainter ink is ignored when the darkest ink of the digit is measured."""
MIN_DARKEST = 0.2
"""The digit's darkest ink, as a fraction of the darkest ink on the picture, is at least this."""
MIN_LENGTH = 0.1
"""Length of a digit, as a fraction of the picture's shorter side."""
MIN_INSIDE_WEIGHT = 0.3
"""The heaviest component inside the picture is the digit if its weight is at least this fraction of the heaviest one
that touches the edge."""
NEAR = 0.15
"""A component at most this far from the digit, as a fraction of the digit's length, belongs to it."""
MIN_PART_WEIGHT = 0.1
"""Fraction of the digit's weight. A component near only lighter parts does not belong to the digit."""
MIN_OTHER_LENGTH, MIN_OTHER_WEIGHT = 0.5, 0.1
"""Fractions of the digit's length and weight: a component that has both, and is not near, is another digit."""
EDGE_WIDTH = 1 / 60
"""Fraction of the picture's longer side: faint ink at most this far from the digit belongs to it."""


@dataclass(frozen=True)
class Components:
    """Connected components. All arrays but ``labels`` are (n,), one element a component."""

    labels: NDArray[np.intp]
    """(rows, columns): the component of each pixel, 0 to n - 1; n if it belongs to none."""
    weight: Floats
    """Sum of the ink."""
    length: NDArray[np.int64]
    """Pixels: the longer side of the bounding box."""
    at_edge: Mask
    """Whether it touches an edge of the picture."""
    at_corner: Mask
    """Whether it contains a corner of the picture, as the edge of a table does."""

    def __repr__(self) -> str:
        return f"Components({len(self.weight):,} of them)"

    @classmethod
    def of(cls, ink: Floats, mask: Mask) -> "Components":
        """The components of a mask with at least one pixel."""
        labels, count = connected_components(mask)
        which = labels[mask]
        sides, at_edge = [], np.zeros(count, bool)
        for places, side in zip(np.nonzero(mask), mask.shape, strict=True):
            first, last = np.full(count, side), np.full(count, -1)
            np.minimum.at(first, which, places)
            np.maximum.at(last, which, places)
            sides.append(last - first + 1)
            at_edge |= (first == 0) | (last == side - 1)
        at_corner = np.zeros(count + 1, bool)
        at_corner[labels[[0, 0, -1, -1], [0, -1, 0, -1]]] = True
        weight = np.bincount(which, ink[mask], count).astype(np.float64)
        return cls(labels, weight, np.maximum(*sides), at_edge, at_corner[:-1])

    def pixels(self, chosen: Mask) -> Mask:
        """The pixels (rows, columns) of the chosen components."""
        return np.asarray(np.append(chosen, False)[self.labels])

    def touching(self, pixels: Mask, distance: int = 1) -> Mask:
        """Which components have a pixel at most this far from these pixels, diagonally too."""
        found = np.zeros(len(self.weight) + 1, bool)
        found[self.labels[window_extreme(np.maximum, pixels, 2 * distance + 1)]] = True
        return found[:-1]


def extract_digits(ink: Floats) -> tuple[Floats, int]:
    """The ink (rows, columns) of the digit, 0 to 1, or of all digits if there are several; and their number."""
    ink = _relative_to_digit(ink / ink.max())
    mask = ink > DARK
    components = Components.of(ink, mask)
    main = _main_component(components, MIN_LENGTH * min(ink.shape))
    length, weight = components.length[main], components.weight[main]
    near = max(1, round(NEAR * length))
    digit = _with_near_parts(components, main, near)
    others = ~digit & ~components.at_edge
    others &= (components.length >= MIN_OTHER_LENGTH * length) & (components.weight >= MIN_OTHER_WEIGHT * weight)
    at_edge = components.pixels(components.at_edge & ~digit)
    others &= ~components.touching(at_edge, near)  # this is the grain of a table
    kept = components.pixels(digit | others)
    found = np.where(kept | _faint_parts(ink, mask, kept, length), ink, 0.0)
    return found / found.max(), 1 + int(np.count_nonzero(others))


def _relative_to_digit(ink: Floats) -> Floats:
    """The ink relative to the darkest ink of the heaviest long component inside: dust may be darker than a pencil."""
    components = Components.of(ink, ink > FAINT)
    is_inside = (components.length >= MIN_LENGTH * min(ink.shape)) & ~components.at_edge
    if not is_inside.any():
        return ink
    darkest = ink[components.labels == np.where(is_inside, components.weight, 0).argmax()].max()
    return np.minimum(ink / darkest, 1) if darkest >= MIN_DARKEST else ink


def _faint_parts(ink: Floats, mask: Mask, kept: Mask, max_length: int) -> Mask:
    """The faint ink that belongs to the components kept: their blurred edges, and faint parts that touch them."""
    faint = (ink > 0) & ~mask
    if not faint.any():
        return faint
    edges = window_extreme(np.maximum, kept, 2 * max(2, round(EDGE_WIDTH * max(ink.shape))) + 1)
    parts = Components.of(ink, faint)
    # A part that is longer than the digit, or touches the edge of the picture, is left over from a shadow or a line.
    return faint & (edges | parts.pixels(parts.touching(kept) & ~parts.at_edge & (parts.length <= max_length)))


def _main_component(components: Components, min_length: float) -> int:
    """The index of the digit's heaviest component."""
    is_long = components.length >= min_length
    inside = np.where(is_long & ~components.at_edge, components.weight, 0)
    at_edge = np.where(components.at_edge & ~components.at_corner, components.weight, 0)
    if inside.max() > MIN_INSIDE_WEIGHT * at_edge.max():
        return int(inside.argmax())
    no_corner = np.where(is_long & ~components.at_corner, components.weight, 0)
    return int((no_corner if no_corner.any() else components.weight).argmax())


def _with_near_parts(components: Components, main: int, distance: int) -> Mask:
    """The main component, and all that are near it or near a heavy part already added."""
    digit = np.zeros(len(components.weight), bool)
    digit[main] = True
    is_heavy = components.weight >= MIN_PART_WEIGHT * components.weight[main]
    while True:
        near = components.touching(components.pixels(digit & is_heavy), distance)
        grown = digit | (near & ~components.at_corner)
        if (grown == digit).all():
            return digit
        digit = grown


def connected_components(mask: Mask) -> tuple[NDArray[np.intp], int]:
    """The component of each pixel of the mask, from 0, and the number n of components. Other pixels get n.

    Pixels that share a side or a corner are connected. Union-find: each pixel has a root, at first itself; the roots of
    two connected pixels are joined to the earlier one, until each component has one root.
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
