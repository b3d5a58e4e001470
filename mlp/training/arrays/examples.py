"""Examples in arrays, each with its class and, if wanted, a weight: chosen, held out, and packed as bytes."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mlp.data.dataset import WHITE, choose_held_out, without_rest
from mlp.gates import Array
from mlp.network import block_length
from mlp.training.batches import MAX_COPIED_BYTES


@dataclass(frozen=True)
class Examples:
    """What to learn from or to judge by: a row, or an entry, for each example."""

    X: Array
    """(n, features)"""
    classes: NDArray[np.intp]
    """(n,): the position of the example's class among all classes."""
    weights: Array | None
    """(n,), of mean 1; None if no sample weights were given."""

    def __repr__(self) -> str:
        n, features = self.X.shape
        return f"Examples({n:,} of {features:,} features)"

    def __len__(self) -> int:
        return len(self.X)

    def weights_of(self, positions: NDArray[np.intp] | slice) -> Array | None:
        """The weights of the examples at these positions."""
        return None if self.weights is None else self.weights[positions]

    def with_features(self, features: NDArray[np.intp]) -> "Examples":
        """The same examples with only these features."""
        if len(features) == self.X.shape[1]:
            return self
        return replace(self, X=self.X.take(features, axis=1))  # in C order, which X[:, features] is not

    def split(self, fraction: float, random: Generator) -> tuple["Examples", "Examples"]:
        """Hold out a fraction of each class as ``Dataset.split`` does: (the rest, the held-out examples).

        Raises ValueError if no example of a class is left.
        """
        held_out = choose_held_out(self.classes, fraction, random)
        if wholly := without_rest(self.classes, held_out):
            count = np.count_nonzero(self.classes == wholly[0])
            raise ValueError(
                f"validation_fraction {fraction} leaves none of {count} examples of a class for "
                "training: use a smaller one, early_stopping=False, or more examples"
            )
        return self._part(~held_out), self._part(held_out)

    def _part(self, chosen: NDArray[np.bool_]) -> "Examples":
        weights = self.weights
        if weights is not None:
            weights = weights[chosen]
            weights /= weights.mean()
        return Examples(self.X[chosen], self.classes[chosen], weights)


def active_features(X: Array) -> NDArray[np.intp]:
    """The features that are nonzero in some example; all features if X is too large to copy, or all zeros."""
    active = np.flatnonzero(X.any(axis=0))
    return active if 0 < active.size * len(X) <= MAX_COPIED_BYTES else np.arange(X.shape[1])


def as_bytes(X: Array) -> NDArray[Any]:
    """X as pixels 0..255 if each number is exactly such a pixel divided by 255; else X itself.

    Then it takes a quarter of the memory or less, and trains as ``train.py`` does.
    """
    pixels, length = np.empty(X.shape, np.uint8), block_length(X.shape[1])
    for start in range(0, len(X), length):  # X may be large, and most often its first block decides
        rows = slice(start, start + length)
        part = X[rows]
        if part.min() < 0 or part.max() > 1:
            return X
        pixels[rows] = np.rint(part * WHITE)
        if not np.array_equal(pixels[rows].astype(X.dtype) / WHITE, part):
            return X
    return pixels
