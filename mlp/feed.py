"""The training images as the steps read them: bytes, shuffled, from memory that does not grow with their number."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.dataset import Dataset

COPIED = 64_000_000
"""Bytes of pixels up to which a training set is copied."""
POOL = 16_000_000
"""Bytes of pixels of a larger one that are in memory at a time."""
RUN = 128_000
"""Bytes of neighbouring images that are read at a time: a file is slow to read here and there."""
GATHERED = 300_000
"""Bytes of pixels that are gathered at a time, for some batches: the fewer the calls, the less is waited for memory."""


class Feed:
    """The batches of each epoch: every image of a data set once, in a fresh order.

    A set whose pixels, without those that are 0 in every image, come to at most ``COPIED`` bytes is copied, and an
    epoch is a permutation of it. Of a larger one nothing is left out, and it is shuffled in two steps, as cards are:
    runs of neighbours in a random order fill a pool, which is then permuted, and after it the next one.
    """

    active: NDArray[np.intp]
    """The pixels that the rows have: all, or those that are not 0 in every image. Ascending."""

    def __init__(self, images: Dataset, batch_size: int):
        self._images, self._batch_size = images, batch_size
        self.active = active_pixels(images, at_most=COPIED // len(images))
        self._is_copy = len(self.active) * len(images) <= COPIED
        self._rows = np.empty((len(images) if self._is_copy else self._pool_size, len(self.active)), np.uint8)
        self._targets = np.empty((len(self._rows), 1), bool)
        batches = max(1, GATHERED // (batch_size * len(self.active)))
        self._gathered = np.empty((batches * batch_size, len(self.active)), np.uint8)
        if self._is_copy:
            self._targets[:, 0] = images.targets
            for positions in images.blocks():
                self._rows[positions] = images.pixels(positions).take(self.active, axis=1)

    def batches(self, random: Generator, done: int = 0) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
        """An epoch's batches but for so many that are done: pixels 0..255, (n, active pixels), and targets, (n, 1).

        The next batch may write over these arrays.
        """
        size = self._batch_size
        for runs in self._pools(random):
            order = random.permutation(sum(map(len, runs)))
            steps = math.ceil(len(order) / size)
            if done < steps:
                self._load(runs)
                for start in range(done * size, len(order), len(self._gathered)):
                    rows = order[start : start + len(self._gathered)]
                    # Any other mode would write into a copy of the output first.
                    pixels = self._rows.take(rows, axis=0, out=self._gathered[: len(rows)], mode="clip")
                    targets = self._targets.take(rows, axis=0)
                    for first in range(0, len(rows), size):
                        yield pixels[first : first + size], targets[first : first + size]
            done = max(0, done - steps)

    def _pools(self, random: Generator) -> Iterator[list[range]]:
        """The runs of positions that each pool is filled with."""
        images = len(self._images)
        if self._is_copy:
            yield [range(images)]
            return
        length, per_pool = self._run_length, self._pool_size // self._run_length
        whole = images // length
        starts = [*(length * random.permutation(whole)).tolist(), whole * length]  # the short one last
        runs = [run for start in starts if (run := range(start, min(start + length, images)))]
        for first in range(0, len(runs), per_pool):
            yield runs[first : first + per_pool]

    def _load(self, runs: list[range]) -> None:
        """Fill the pool."""
        if self._is_copy:
            return
        row = 0
        for run in runs:
            positions = slice(run.start, run.stop)
            self._rows[row : row + len(run)] = self._images.pixels(positions)
            self._targets[row : row + len(run), 0] = self._images.targets_of(positions)
            row += len(run)

    @property
    def _run_length(self) -> int:
        """Images in a run: whole batches, so that no pool but the last has a short one."""
        return self._batch_size * max(1, RUN // (self._images.inputs * self._batch_size))

    @property
    def _pool_size(self) -> int:
        """Images in a pool: whole runs."""
        return self._run_length * max(1, POOL // (self._images.inputs * self._run_length))


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
