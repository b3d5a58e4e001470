"""The digit on a picture of any kind: its paper, light, lines, dust and surroundings left out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import marks, paper, ruled_lines
from mlp.paper import Floats
from mlp.preparation import averaged

MAX_SIDE = 512
"""Pixels: larger pictures are made smaller first."""


@dataclass(frozen=True)
class Writing:
    """What is written on a picture. Both arrays are of the picture's shape once it was made smaller."""

    levels: Floats
    """(rows, columns): brightness."""
    ink: Floats
    """(rows, columns): 0 for paper to 1 for the darkest ink."""
    digits: int
    """Separate digits; a network that knows single ones cannot read several."""


def find(grey: NDArray[Any]) -> Writing:
    """What is written on a picture of brightness (rows, columns), on any scale, dark on light or light on dark.

    Raises Blank if there is nothing.
    """
    levels = reduced(grey)
    ink, digits = marks.digits_in(ruled_lines.without_lines(paper.ink_on(levels - min(levels.min(), 0))))
    return Writing(levels, ink, digits)


def reduced(grey: NDArray[Any]) -> Floats:
    """The picture averaged over squares, so that no side is longer than MAX_SIDE, in float64."""
    return averaged(grey, -(-max(grey.shape) // MAX_SIDE)).astype(np.float64)
