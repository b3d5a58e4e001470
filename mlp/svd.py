"""The digits in two dimensions: X = U S V', and the coordinates U S of the first singular directions.

X (n, pixels) holds a byte 0..255 a pixel, one image a row, as in the lecture notes. V comes from the eigenvectors of
X' X (pixels, pixels), which is summed over blocks of rows in one pass: the n-by-n matrix is never formed, nor is X. The
entries of X' X are whole numbers below 2^53 and so exact in float64 (before centring), and U S = X V. Squaring costs
the small end: a singular value of 1e-5 of the first is exact to 1e-6, one below 1e-8 of it is rounding and no more.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlp.dataset import Dataset
from mlp.errors import InputError

Floats = NDArray[np.float64]

EXACT_ROWS = 2**24 // 255**2
"""Rows whose products of bytes add up to whole numbers that float32 holds: there the product takes half the time."""
EXTRA_DIRECTIONS = 12
"""Directions beyond those asked for that the iteration carries along: the more, the fewer its rounds."""
ROUNDS = 100
"""Of the iteration, before the whole eigenvalue decomposition is done after all. The digits take about ten."""
RESIDUAL = 1e-13
"""Of G V - V (V' G V), relative to the largest eigenvalue, where the iteration ends: near what rounding leaves."""
OWN_RESIDUAL = 1e-8
"""And relative to the direction's own eigenvalue, which may be far smaller; for its singular value half of that."""


@dataclass(frozen=True)
class Projection:
    """The leading singular directions of a set of images."""

    directions: Floats
    """V (pixels, k): unit columns, each with its largest entry positive, so that signs are the same everywhere."""
    singular_values: Floats
    """Theirs, (k,), descending."""
    energy: float
    """The sum of the squares of all singular values, of which there are as many as pixels."""
    mean: Floats
    """What was taken off each image before, (pixels,): the mean image, or zeros where X was not centred."""
    centered: bool

    def coordinates(self, images: Dataset) -> Floats:
        """U S for any images of this size, (n, k)."""
        coordinates = np.empty((len(images), len(self.singular_values)))
        for positions in images.blocks():
            coordinates[positions] = images.pixels(positions).astype(np.float64) @ self.directions
        coordinates -= self.mean @ self.directions
        return coordinates

    def rebuild(self, coordinates: Floats) -> Floats:
        """The images that have these coordinates, (n, k) to (n, pixels): U S V', the mean put back."""
        rebuilt: Floats = coordinates @ self.directions.T + self.mean
        return rebuilt

    def energy_shares(self) -> Floats:
        """Each direction's share of the sum of all squared singular values."""
        return np.asarray(np.square(self.singular_values) / self.energy)


def project(images: Dataset, *, components: int = 2, center: bool = False) -> Projection:
    """The singular value decomposition of the images' bytes, as far as the leading directions.

    InputError where there are fewer pixels than directions, or nothing in the images to tell apart.
    """
    pixels = images.inputs
    if pixels < components:
        raise InputError(f"{images.source.files['images']}: images of {pixels} pixels have no {components} directions")
    active, gram, total = _second_moments(images)
    if center:
        gram -= np.outer(total, total / len(images))
    if not gram.any():
        what = "are all alike" if center and total.any() else "have nothing in them"
        raise InputError(f"{images.source.files['images']}: the {len(images)} images chosen {what}")
    if len(active) < components:  # the directions that are left are those of pixels without ink
        active = np.concatenate([active, np.setdiff1d(np.arange(pixels), active)])
        gram, total = (np.pad(sums, (0, pixels - len(sums))) for sums in (gram, total))
    eigenvalues, V, mean = np.empty(components), np.zeros((pixels, components)), np.zeros(pixels)
    eigenvalues[:], V[active] = leading_eigenvectors(gram, components)
    if center:
        mean[active] = total / len(images)
    V *= np.sign(V[np.abs(V).argmax(axis=0), np.arange(components)])
    return Projection(V, np.sqrt(eigenvalues.clip(min=0)), float(np.trace(gram)), mean, center)


def _second_moments(images: Dataset) -> tuple[NDArray[np.intp], Floats, Floats]:
    """The pixels that are not 0 in every image, ascending, and their X' X and sums: exact, in one pass."""
    active, gram, total = np.zeros(0, np.intp), np.zeros((0, 0)), np.zeros(0)
    for positions in images.blocks():
        block = images.pixels(positions)
        new = np.setdiff1d(np.flatnonzero(block.any(axis=0)), active)
        active = np.concatenate([active, new])
        gram, total = (np.pad(sums, (0, len(new))) for sums in (gram, total))
        X = block.take(active, axis=1).astype(np.float32)
        for first in range(0, len(X), EXACT_ROWS):
            part = X[first : first + EXACT_ROWS]
            gram += part.T @ part
            total += part.sum(axis=0)
    order = np.argsort(active)
    return active[order], gram[np.ix_(order, order)], total[order]


def leading_eigenvectors(G: Floats, k: int) -> tuple[Floats, Floats]:
    """The k largest eigenvalues, descending, of a symmetric G (m, m) without negative ones, and their vectors (m, k).

    Orthogonal iteration with a Rayleigh-Ritz step (Golub and Van Loan, Matrix Computations, 4th edition, 8.2.4 and
    8.3.5), from directions that are always the same; the whole decomposition where that is no faster or does not end.
    """
    width = k + EXTRA_DIRECTIONS
    if 4 * width < len(G):
        Q = np.random.default_rng(0).standard_normal((len(G), width))
        for _ in range(ROUNDS):
            Q = np.linalg.qr(Q)[0]
            GQ = G @ Q
            eigenvalues, rotation = np.linalg.eigh(Q.T @ GQ)
            V, GV = Q @ rotation[:, : -k - 1 : -1], GQ @ rotation[:, : -k - 1 : -1]
            eigenvalues = eigenvalues[: -k - 1 : -1]
            allowed = np.minimum(RESIDUAL * eigenvalues[0], OWN_RESIDUAL * eigenvalues)
            if np.all(np.abs(GV - V * eigenvalues).max(axis=0) <= allowed):
                return eigenvalues, V
            Q = GQ
    eigenvalues, V = np.linalg.eigh(G)
    return eigenvalues[: -k - 1 : -1], V[:, : -k - 1 : -1]
