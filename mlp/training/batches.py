"""The training images as the steps read them: bytes, shuffled, from memory that does not grow with their number."""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.data.dataset import Dataset

Bytes = NDArray[np.uint8]

COPIED = 64_000_000
"""Bytes of pixels up to which a training set is copied."""
POOL = 8_000_000
"""Bytes of pixels of a larger one that are shuffled together."""
LEAST_BATCHES = 4
"""In a pool, however large a batch is: it would be the same images in each epoch otherwise."""
RUN = 512_000
"""Bytes of neighbouring images that such a pool is made of: a file is slow to read here and there."""
GATHERED = 300_000
"""Bytes of pixels that are gathered at a time, for some batches: the fewer the calls, the less is waited for memory."""


class BatchLoader:
    """The batches of each epoch: every image of a data set once, in a fresh order.

    A set whose pixels, without those that are 0 in every image, come to at most ``COPIED`` bytes is copied, and an
    epoch is a permutation of it. Of a larger one nothing is left out, and it is shuffled in two steps, as cards are:
    runs of neighbours in a random order make a pool, which is permuted, and after it the next one.
    """

    active: NDArray[np.intp]
    """The pixels that the rows have: all, or those that are not 0 in every image. Ascending."""

    def __init__(self, images: Dataset, batch_size: int):
        self._images, self._batch_size = images, min(batch_size, len(images))
        self.active = active_pixels(images, at_most=COPIED // len(images))
        self._copy: tuple[Bytes, Bytes] | None = None
        if len(self.active) * len(images) <= COPIED:
            rows = np.empty((len(images), len(self.active)), np.uint8)
            for positions in images.blocks():
                rows[positions] = images.pixels(positions).take(self.active, axis=1)
            self._copy = rows, images.targets

    def batches(self, random: Generator, done: int = 0) -> Iterator[tuple[Bytes, NDArray[np.bool_]]]:
        """An epoch's batches but for so many that are done: pixels 0..255, (n, active pixels), and targets, (n, 1).

        The next batch may write over these arrays.
        """
        size = self._batch_size
        gathered = np.empty((self._batches_in(GATHERED) * size, len(self.active)), np.uint8)
        for rows, all_targets, order in self._pools(random, done * size):
            for start in range(0, len(order), len(gathered)):
                positions = order[start : start + len(gathered)]
                # The default mode would fill a copy of the output first; no position here needs to be clipped.
                pixels = rows.take(positions, axis=0, out=gathered[: len(positions)], mode="clip")
                targets = all_targets.take(positions).astype(bool)[:, np.newaxis]
                for first in range(0, len(positions), size):
                    yield pixels[first : first + size], targets[first : first + size]

    def _pools(self, random: Generator, done: int) -> Iterator[tuple[Bytes, NDArray[np.uint8], NDArray[np.intp]]]:
        """Pixels, targets and the order in which they come, a pool at a time, without so many images that are done."""
        images, inputs = len(self._images), self._images.inputs
        if self._copy is not None:
            yield *self._copy, random.permutation(images)[done:]
            return
        run = max(1, RUN // inputs)
        whole, offset = images // run, random.integers(images)  # the runs begin elsewhere in each epoch
        starts = offset + run * np.append(random.permutation(whole), whole)  # the short one, if there is one, last
        pool = self._batch_size * max(LEAST_BATCHES, self._batches_in(POOL))  # so that the last batch alone is short
        rows = np.empty((min(pool, images), inputs), np.uint8)
        for first in range(0, images, pool):
            place = np.arange(first, min(first + pool, images))
            order = random.permutation(len(place))
            if done < len(order):
                positions = (starts[place // run] + place % run) % images
                pixels = self._images.pixels(positions, out=rows[: len(place)])
                yield pixels, self._images.targets_of(positions), order[done:]
            done = max(0, done - len(order))

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
