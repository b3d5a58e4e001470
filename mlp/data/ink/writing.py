"""The digit on a picture of any kind: its paper, light, lines, dust and surroundings left out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.ink import marks, paper, ruled_lines
from mlp.data.ink.paper import Blank, Floats
from mlp.data.preparation import Prepared, averaged, prepare

MAX_SIDE = 512
"""Pixels: larger pictures are made smaller first."""
SAME = 1 / 255
"""Ink that differs by less is the same: one step of a byte."""


@dataclass(frozen=True)
class Writing:
    """What is written on a picture."""

    levels: Floats
    """(rows, columns): the picture's brightness, once it was made smaller."""
    prepared: Prepared
    """Its ink, of the same shape, and the image for the network."""
    digits: int
    """Separate digits; a network that knows single ones cannot read several."""


def read(grey: NDArray[Any], shape: tuple[int, int]) -> Writing:
    """What is written on a picture of brightness (rows, columns), prepared as an image of this shape.

    Brightness may be on any scale, the writing dark on light or light on dark. An image that is prepared already, such
    as one of MNIST, comes back as it was. Raises Blank if nothing is written on it.
    """
    levels = reduced(grey)
    if not np.ptp(levels):
        raise Blank("nothing is drawn on it: it has the same brightness everywhere")
    if levels.shape == shape:
        for ink in (levels - levels.min(), levels.max() - levels):
            prepared = prepare(ink / ink.max(), shape)
            if np.abs(prepared.image - prepared.ink).max() < SAME:
                return Writing(levels, prepared, 1)
    ink, digits = find(levels)
    return Writing(levels, prepare(ink, shape), digits)


def find(levels: Floats) -> tuple[Floats, int]:
    """The ink of the digit on a picture (rows, columns), from 0 for paper to 1; and the number of separate digits.

    Raises Blank if there is none.
    """
    return marks.digits_in(ruled_lines.without_lines(paper.ink_on(levels - min(levels.min(), 0))))


def reduced(grey: NDArray[Any]) -> Floats:
    """The picture averaged over squares, so that no side is longer than MAX_SIDE, in float64."""
    return averaged(grey, -(-max(grey.shape) // MAX_SIDE)).astype(np.float64)
