"""Every random number of a run comes from its seed, by way of one of these streams.

Each purpose has a stream of its own, so that, say, more validation images leave the weights alone, and
the shuffle of an epoch is a function of seed and epoch alone.
"""

from enum import IntEnum

import numpy as np
from numpy.random import Generator


class Stream(IntEnum):
    """What the random numbers are for. The values are part of what a seed means: they never change."""

    WEIGHTS = 0
    SPLIT = 1
    SHUFFLE = 2
    CHECK = 3
    ORDER = 4
    DISTORTION = 5


def generator(seed: int, stream: Stream, epoch: int = 0) -> Generator:
    """A fresh generator, the same for the same arguments (NumPy's SeedSequence mixes the three)."""
    return np.random.default_rng((seed, stream, epoch))
