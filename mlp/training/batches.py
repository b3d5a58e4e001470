"""The training images in shuffled batches of bytes, some at a time; memory does not grow with the number of images."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.data.dataset import Dataset
from mlp.network import decide, outputs_for

Bytes = NDArray[np.uint8]

MAX_COPIED_BYTES = 64_000_000
"""Pixels of a training set that is copied into memory; a larger one stays where it is."""
POOL_BYTES = 8_000_000
"""Pixels of a larger set that are shuffled together."""
MIN_POOL_BATCHES = 4
"""Per pool: a pool of one batch would have the same images in every epoch."""
RUN_BYTES = 512_000
"""A pool is made of runs of neighbouring images, because random access to a file is slow."""


class BatchLoader:
    """The batches of each epoch: every image of a data set once, in a fresh order.

    A set with at most ``MAX_COPIED_BYTES`` of pixels, not counting those that are 0 in every image, is copied without
    these, and each epoch is a permutation of it. A larger set keeps all pixels and is shuffled in two steps: runs of
    neighbours in a random order fill a pool, which is permuted; then follows the next pool.
    """

    active: NDArray[np.intp]
    """The indices of the pixels in each row, ascending: all, or those that are nonzero in some image."""

    def __init__(self, images: Dataset, batch_size: int):
        self._images, self.batch_size = images, min(batch_size, len(images))
        # Classes get the type of predictions: to compare two types, NumPy would convert each block.
        self._class_type = decide(np.empty((0, outputs_for(len(images.digits))))).dtype
        self.active = active_pixels(images, at_most=MAX_COPIED_BYTES // len(images))
        self._copy: tuple[Bytes, Bytes] | None = None
        if len(self.active) * len(images) <= MAX_COPIED_BYTES:
            rows = np.empty((len(images), len(self.active)), np.uint8)
            for positions in images.blocks():
                rows[positions] = images.pixels(positions).take(self.active, axis=1)
            self._copy = rows, images.targets

    def __repr__(self) -> str:
        return f"BatchLoader({len(self._images):,} images in batches of {self.batch_size:,})"

    def blocks(
        self, random: Generator, done: int, most: Callable[[int], int], memory: Callable[[int], Bytes]
    ) -> Iterator[tuple[Bytes, NDArray[Any]]]:
        """An epoch's batches after the first ``done``, in blocks of batches of one size n, at most ``most(n)`` in each.

        A block is pixels 0..255, (steps, n, active pixels), and classes, (steps n,). The pixels are the first rows of
        ``memory(n)``.
        """
        for rows, all_targets, order in self._pools(random, done * self.batch_size):
            for positions, n in in_blocks(order, self.batch_size, most):
                pixels = memory(n)[: len(positions) // n]
                gather(rows, positions, pixels)
                yield pixels, all_targets.take(positions).astype(self._class_type)

    def _pools(self, random: Generator, done: int) -> Iterator[tuple[Bytes, NDArray[np.uint8], NDArray[np.intp]]]:
        """Pixels, targets and their order, one pool at a time, without the first ``done`` images."""
        images, inputs = len(self._images), self._images.inputs
        if self._copy is not None:
            yield *self._copy, random.permutation(images)[done:]
            return
        run = max(1, RUN_BYTES // inputs)
        whole, offset = images // run, random.integers(images)  # other runs in each epoch
        starts = offset + run * np.append(random.permutation(whole), whole)  # the short run, if any, last
        # A multiple of the batch size, so that only the last batch is short.
        pool = self.batch_size * max(MIN_POOL_BATCHES, self._batches_in(POOL_BYTES))
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
        """The number of batches with at most this many pixels, at least one."""
        return max(1, pixels // (self.batch_size * self._images.inputs))


def in_blocks(
    order: NDArray[np.intp], batch_size: int, most: Callable[[int], int]
) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Consecutive pieces of an order: the positions of at most ``most(n)`` batches of one size n, and n."""
    while len(order):
        n = min(batch_size, len(order))
        count = n * min(most(n), len(order) // n)
        yield order[:count], n
        order = order[count:]


def gather(rows: NDArray[Any], positions: NDArray[np.intp], out: NDArray[Any]) -> None:
    """Copy the rows at these positions into ``out``, (steps, n, inputs)."""
    # The default mode fills a copy of the output first; "clip" does not, and no position is out of range.
    rows.take(positions, axis=0, out=out.reshape(len(positions), -1), mode="clip")


def active_pixels(images: Dataset, at_most: int) -> NDArray[np.intp]:
    """The pixels that are nonzero in some image; all pixels if there are more than ``at_most`` of these, or none."""
    active = np.zeros(images.inputs, bool)
    for positions in images.blocks():
        active |= images.pixels(positions).any(axis=0)
        if np.count_nonzero(active) > at_most:
            break
    else:
        if active.any():
            return np.flatnonzero(active)
    return np.arange(images.inputs)
