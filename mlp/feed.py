"""The training images as the steps read them: bytes, shuffled, from memory that does not grow with their number."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.dataset import Dataset

COPIED = 64_000_000
"""Bytes of pixels up to which a training set is copied."""
POOL = 8_000_000
"""Bytes of pixels of a larger one that are shuffled together."""
RUN = 512_000
"""Bytes of neighbouring images that such a pool is made of: a file is slow to read here and there."""
GATHERED = 300_000
"""Bytes of pixels that are gathered at a time, for some batches: the fewer the calls, the less is waited for memory."""


class Feed:
    """The batches of each epoch: every image of a data set once, in a fresh order.

    A set whose pixels, without those that are 0 in every image, come to at most ``COPIED`` bytes is copied, and an
    epoch is a permutation of it. Of a larger one nothing is left out, and it is shuffled in two steps, as cards are:
    runs of neighbours in a random order make a pool, which is permuted, and after it the next one.
    """

    active: NDArray[np.intp]
    """The pixels that the rows have: all, or those that are not 0 in every image. Ascending."""

    def __init__(self, images: Dataset, batch_size: int):
        self._batch_size = batch_size
        self.active = active_pixels(images, at_most=COPIED // len(images))
        self._is_copy = len(self.active) * len(images) <= COPIED
        self._images = images.copy_of(self.active) if self._is_copy else images
        self._gathered = np.empty((self._batches_in(GATHERED) * batch_size, len(self.active)), np.uint8)

    def batches(self, random: Generator, done: int = 0) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
        """An epoch's batches but for so many that are done: pixels 0..255, (n, active pixels), and targets, (n, 1).

        The next batch may write over these arrays.
        """
        size, at_a_time = self._batch_size, len(self._gathered)
        for pool in self._pools(random):
            for start in range(done * size, len(pool), at_a_time):
                positions = pool[start : start + at_a_time]
                pixels = self._images.pixels(positions, out=self._gathered[: len(positions)])
                targets = self._images.targets_of(positions).astype(bool)[:, np.newaxis]
                for first in range(0, len(positions), size):
                    yield pixels[first : first + size], targets[first : first + size]
            self._images.release()
            done = max(0, done - math.ceil(len(pool) / size))

    def _pools(self, random: Generator) -> Iterator[NDArray[np.intp]]:
        """The positions of all images, in the order in which they come, a pool at a time."""
        images = len(self._images)
        if self._is_copy:
            yield random.permutation(images)
            return
        run = self._batch_size * self._batches_in(RUN)  # whole batches, so that no pool but the last has a short one
        whole = images // run
        starts = run * np.append(random.permutation(whole), whole)  # the short one, if there is one, last
        per_pool = max(1, POOL // (run * self._images.inputs))
        for first in range(0, len(starts), per_pool):
            positions = (starts[first : first + per_pool, np.newaxis] + np.arange(run)).reshape(-1)
            yield random.permutation(positions[positions < images])

    def _batches_in(self, pixels: int) -> int:
        """How many batches so many bytes hold, at least one."""
        return max(1, pixels // (self._batch_size * self._images.inputs))


def active_pixels(images: Dataset, at_most: int) -> NDArray[np.intp]:
    """The pixels that are not 0 in every image; all, where these are more than so many, or none."""
    active = np.zeros(images.inputs, bool)
    for positions in images.blocks():
        active |= images.pixels(positions).any(axis=0)
        if np.count_nonzero(active) > at_most:
            break
    else:
        if active.any():
            return np.flatnonzero(active)
    return np.arange(images.inputs)
