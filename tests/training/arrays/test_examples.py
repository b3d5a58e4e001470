"""Promises of mlp.training.arrays.examples: how examples are packed, and which are held out."""

import tracemalloc

import numpy as np
import pytest

from mlp.training.arrays.examples import as_bytes


@pytest.mark.parametrize("place", [None, 0, -1])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_features_are_kept_as_bytes_only_if_all_are_whole_255ths(precision, place):
    """Also if only the last of several blocks has another number; that takes no memory for another copy of X."""
    pixels = np.random.default_rng(0).integers(0, 256, (30_000, 40), np.uint8)
    X = pixels.astype(precision) / 255
    if place is not None:
        X[place, place] = 0.1234
    tracemalloc.start()
    kept = as_bytes(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if place is None:
        np.testing.assert_array_equal(kept, pixels, strict=True)
    else:
        assert kept is X
    assert peak < X.nbytes
