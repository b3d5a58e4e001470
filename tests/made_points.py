"""Points in the plane, made for the tests of the classifier."""

import numpy as np


def blobs(n=200, seed=0, precision="float64"):
    """Two clouds of points in the plane, separated by a line, and their classes."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    X = random.normal(size=(n, 2)) + 4 * y[:, np.newaxis] - 2
    return X.astype(precision), y


def three_blobs(n=200, seed=0, spread=1.0):
    """Three clouds of points in the plane, and the class of each point; the last class has the fewest points."""
    random = np.random.default_rng(seed)
    y = random.choice(3, n, p=[0.5, 0.35, 0.15])
    return spread * random.normal(size=(n, 2)) + np.array([[0, 4], [4, 0], [-4, -4]])[y], y
