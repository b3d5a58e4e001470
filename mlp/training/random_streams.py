"""The random numbers of a run: all follow from its seed, with a stream for each purpose.

So more validation images, for example, do not change the initial weights, and the order of an epoch's images depends
on seed and epoch only.
"""

from enum import IntEnum

import numpy as np
from numpy.random import Generator


class Stream(IntEnum):
    """The purpose of the random numbers. These values never change: with others, a seed would give another run."""

    WEIGHTS = 0
    SPLIT = 1
    SHUFFLE = 2
    CHECK = 3
    ORDER = 4
    DISTORTION = 5
    TEST = 6


def generator(seed: int, stream: Stream, epoch: int = 0) -> Generator:
    """A fresh generator, the same for the same arguments; NumPy's SeedSequence combines the three."""
    return np.random.default_rng((seed, stream, epoch))
