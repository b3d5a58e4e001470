"""The digits in two dimensions: X = U S V', and the coordinates U S of the first singular directions.

X (n, pixels) holds a byte 0..255 a pixel, one image a row, as in the lecture notes; it is never formed. V comes from
the eigenvectors of X' X (pixels, pixels), and U S = X V. Of small images X' X is summed over blocks of rows in one
pass: its entries are whole numbers below 2^53 and so exact in float64 (before centring). Of large ones nothing square
is formed: the iteration needs only products, with X' X or, where there are fewer images than pixels, with X X', whose
eigenvectors are U, and these are products of U or V with X, a block of rows at a time. Squaring costs the small end: a
singular value of 1e-5 of the first is exact to 1e-6, one below 1e-8 of it is rounding and no more.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlp.data.dataset import Dataset
from mlp.system.errors import InputError

Floats = NDArray[np.float64]

MOST_SQUARED = 2000
"""Pixels of an image up to which X' X is formed, which takes pixels^2 products an image, the iteration 1,000 pixels."""
EXACT_ROWS = 2**24 // 255**2
"""Rows whose products of bytes add up to whole numbers that float32 holds: there the product takes half the time."""
EXTRA_DIRECTIONS = 6
"""Directions beyond those asked for that the iteration carries along: the more, the fewer its rounds."""
BASIS = 1 << 28
"""Bytes that the iteration keeps. Up to 4,096 images, or pixels, that is room for all directions that there are."""
RESIDUAL = 1e-13
"""Of G V - V (V' G V), relative to the largest eigenvalue, where the iteration ends."""
OWN_RESIDUAL = 1e-8
"""And relative to the direction's own eigenvalue, which may be far smaller; for its singular value half of that."""
ROUNDING = 1e-15
"""Relative to the largest eigenvalue again: what rounding leaves, and no rule can ask for less."""


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
        return _times(images, self.directions) - self.mean @ self.directions

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
    square = _formed(images, components, center) if pixels <= MOST_SQUARED else _by_products(images, center)
    if square.energy <= 0:
        what = "are all alike" if center and square.mean.any() else "have nothing in them"
        raise InputError(f"{images.source.files['images']}: the {len(images)} images chosen {what}")
    eigenvalues, vectors = leading_eigenvectors(square.times, square.size, min(components, square.size))
    missing = components - len(eigenvalues)  # of fewer images than directions
    eigenvalues, vectors = np.pad(eigenvalues, (0, missing)), np.pad(vectors, ((0, 0), (0, missing)))
    V = square.directions(vectors)
    V *= np.sign(V[np.abs(V).argmax(axis=0), np.arange(components)])
    return Projection(V, np.sqrt(eigenvalues.clip(min=0)), square.energy, square.mean, center)


@dataclass(frozen=True)
class _Square:
    """X' X or X X', or a part of it with the same eigenvalues but for zeros; X less its mean if that is asked for."""

    times: Callable[[Floats], Floats]
    """Its product with (size, k)."""
    size: int
    directions: Callable[[Floats], Floats]
    """V (pixels, k) for its eigenvectors (size, k), of which those of eigenvalue 0 may be zeros."""
    energy: float
    """Its trace."""
    mean: Floats
    """(pixels,), zeros where X is not centred."""


def _formed(images: Dataset, components: int, center: bool) -> _Square:
    """X' X of the pixels that are not 0 in every image, and of others where these are fewer than the components."""
    pixels = images.inputs
    active, gram, total = _second_moments(images)
    if len(active) < components:  # the directions that are left are those of pixels without ink
        active = np.concatenate([active, np.setdiff1d(np.arange(pixels), active)])
        gram, total = (np.pad(sums, (0, pixels - len(sums))) for sums in (gram, total))
    mean = np.zeros(pixels)
    if center:
        mean[active] = total / len(images)
        gram -= np.outer(total, mean[active])

    def directions(vectors: Floats) -> Floats:
        V = np.zeros((pixels, vectors.shape[1]))
        V[active] = vectors
        return V

    return _Square(gram.__matmul__, len(active), directions, float(np.trace(gram)), mean)


def _by_products(images: Dataset, center: bool) -> _Square:
    """X' X, or X X' where that is smaller, by products with X."""
    total, squares = np.zeros(images.inputs), 0.0
    for positions in images.blocks():
        X = images.pixels(positions).astype(np.float64)
        total += X.sum(axis=0)
        squares += float(np.vdot(X, X))
    mean = total / len(images) if center else np.zeros_like(total)
    energy = squares - len(images) * float(mean @ mean)

    def rows_times(V: Floats) -> Floats:
        return _times(images, V) - mean @ V

    def columns_times(U: Floats) -> Floats:
        product = _transposed_times(images, U)
        product -= np.outer(mean, U.sum(axis=0))
        return product

    if images.inputs <= len(images):
        return _Square(lambda V: columns_times(rows_times(V)), images.inputs, lambda V: V, energy, mean)
    # The columns of X' U are V S: of length 0, or all rounding, where the singular value is 0. Any will do there.
    return _Square(
        lambda U: rows_times(columns_times(U)), len(images), lambda U: np.linalg.qr(columns_times(U))[0], energy, mean
    )


def _times(images: Dataset, V: Floats) -> Floats:
    """X V, (pixels, k) to (n, k)."""
    product = np.empty((len(images), V.shape[1]))
    for positions in images.blocks():
        product[positions] = images.pixels(positions).astype(np.float64) @ V
    return product


def _transposed_times(images: Dataset, U: Floats) -> Floats:
    """X' U, (n, k) to (pixels, k)."""
    product = np.zeros((U.shape[1], images.inputs))  # this way round it takes half the time
    for positions in images.blocks():
        product += U[positions].T @ images.pixels(positions).astype(np.float64)
    return product.T


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


def leading_eigenvectors(times: Callable[[Floats], Floats], size: int, k: int) -> tuple[Floats, Floats]:
    """The k largest eigenvalues, descending, of a symmetric G without negative ones, and their vectors (size, k).

    G (size, size) is known by its products alone: ``times(Q)`` is G Q. Block Lanczos iteration, every block made
    orthogonal to all others, with a Rayleigh-Ritz step (Golub and Van Loan, Matrix Computations, 4th edition, 10.3.6
    and 8.1), from directions that are always the same. It ends at the latest with as many directions as G has, and is
    then the whole decomposition; or, of a very large G, with as many as there is room for, the best that is in them.
    """
    width = min(k + EXTRA_DIRECTIONS, size)
    most = min(size, max(2 * width, BASIS // (2 * size * np.dtype(np.float64).itemsize)))
    Q = np.eye(size) if width == size else np.random.default_rng(0).standard_normal((size, width))
    B = GB = np.empty((size, 0))
    rounds = next_look = 0
    while True:
        for _ in range(2):  # once leaves what rounding made of the part that is taken off
            Q = np.linalg.qr(Q - B @ (B.T @ Q))[0]
        B, GB = np.hstack([B, Q]), np.hstack([GB, times(Q)])
        rounds += 1
        if rounds > next_look or B.shape[1] == most:
            next_look = rounds + rounds // 10
            eigenvalues, rotation = np.linalg.eigh(B.T @ GB)
            eigenvalues, rotation = eigenvalues[: -k - 1 : -1], rotation[:, : -k - 1 : -1]
            V, GV = B @ rotation, GB @ rotation
            allowed = np.clip(OWN_RESIDUAL * eigenvalues, ROUNDING * eigenvalues[0], RESIDUAL * eigenvalues[0])
            if B.shape[1] == most or np.all(np.abs(GV - V * eigenvalues).max(axis=0) <= allowed):
                return eigenvalues, V
        Q = GB[:, -width:][:, : most - B.shape[1]]
