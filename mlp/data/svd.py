"""The digits in two dimensions: X = U S V', and the coordinates U S of the first singular directions.

X (n, pixels) has one image a row, one byte 0..255 a pixel, as in the lecture notes. It is never whole in memory: it is
read in blocks of rows. V are the eigenvectors of X' X (pixels, pixels), and U S = X V.

For small images X' X is summed over the blocks in one pass. Before centring its entries are whole numbers below 2^53,
so exact in float64. For large images no square matrix is formed: the eigenvectors are found by iteration, which needs
only products with X' X, or with X X' (its eigenvectors are U) if there are fewer images than pixels.

Squaring X loses small singular values: one of 1e-5 of the largest has a relative error of 1e-6, one below 1e-8 of it is
only rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlp.data.dataset import Dataset
from mlp.system.errors import InputError

Floats = NDArray[np.float64]

MAX_GRAM_PIXELS = 2000
"""Up to this size X' X is formed, by pixels^2 products per image. The iteration takes 1,000 times pixels."""
EXACT_ROWS = 2**24 // 255**2
"""Rows whose sums of products of bytes are exact in float32, which takes half the time of float64."""
EXTRA_DIRECTIONS = 6
"""Directions that the iteration computes beyond those requested: the more, the fewer rounds it takes."""
MAX_BASIS_BYTES = 1 << 28
"""Memory of the iteration: room for all directions of up to 4,096 images or pixels."""
MAX_RESIDUAL = 1e-13
"""The iteration ends when G V - V (V' G V) is at most this, relative to the largest eigenvalue, ..."""
MAX_OWN_RESIDUAL = 1e-8
"""... and at most this, relative to the direction's own eigenvalue; the singular value's error is half of that."""
ROUNDING = 1e-15
"""Relative to the largest eigenvalue: rounding keeps the residual from becoming smaller."""


@dataclass(frozen=True)
class Projection:
    """The leading singular directions of a set of images."""

    directions: Floats
    """V (pixels, k): unit columns. The largest entry of each is positive, which fixes its sign."""
    singular_values: Floats
    """(k,), descending."""
    energy: float
    """The sum of the squares of all singular values, not only of these; the notes call it energy."""
    mean: Floats
    """(pixels,): the mean image, which was subtracted from each image; zeros if X was not centred."""
    centered: bool

    def __repr__(self) -> str:
        pixels, count = self.directions.shape
        return f"Projection({count:,} directions of {pixels:,} pixels{', centred' if self.centered else ''})"

    def coordinates(self, images: Dataset) -> Floats:
        """U S (n, k), for any images of this size."""
        return _times(images, self.directions) - self.mean @ self.directions

    def rebuild(self, coordinates: Floats) -> Floats:
        """Images from their coordinates, (n, k) to (n, pixels): U S V' plus the mean."""
        return np.asarray(coordinates @ self.directions.T + self.mean)

    def explained_variance(self) -> Floats:
        """The fraction of the energy in each direction (k,)."""
        return np.asarray(np.square(self.singular_values) / self.energy)


def project(images: Dataset, *, components: int = 2, center: bool = False) -> Projection:
    """The leading directions of the singular value decomposition of the images' bytes.

    Raises InputError if an image has fewer pixels than ``components``, or if the images do not differ.
    """
    pixels, path = images.inputs, images.source.files["images"]
    if pixels < components:
        raise InputError(f"{path}: {components} directions need images of at least {components} pixels, not {pixels}")
    gram = _summed_gram(images, components, center) if pixels <= MAX_GRAM_PIXELS else _implicit_gram(images, center)
    if gram.energy <= 0:
        what = "are all the same" if center and gram.mean.any() else "are all empty"
        raise InputError(f"{path}: the {len(images)} images chosen {what}: choose others")
    eigenvalues, vectors = leading_eigenvectors(gram.times, gram.size, min(components, gram.size))
    missing = components - len(eigenvalues)  # if there are fewer images than directions
    eigenvalues, vectors = np.pad(eigenvalues, (0, missing)), np.pad(vectors, ((0, 0), (0, missing)))
    V = gram.directions(vectors)
    V *= np.sign(V[np.abs(V).argmax(axis=0), np.arange(components)])
    return Projection(V, np.sqrt(eigenvalues.clip(min=0)), gram.energy, gram.mean, center)


@dataclass(frozen=True)
class _Gram:
    """X' X or X X' (size, size), known by its products; without rows and columns of zeros. X may be centred."""

    times: Callable[[Floats], Floats]
    """Its product with a matrix (size, k)."""
    size: int
    directions: Callable[[Floats], Floats]
    """Turns its eigenvectors (size, k) into V (pixels, k). Eigenvectors of eigenvalue 0 may be zeros."""
    energy: float
    """Its trace, the sum of its eigenvalues."""
    mean: Floats
    """(pixels,); zeros if X is not centred."""


def _summed_gram(images: Dataset, components: int, center: bool) -> _Gram:
    """X' X of the pixels that are nonzero in some image; of all pixels if these are fewer than the components."""
    pixels = images.inputs
    active, gram, total = _second_moments(images)
    if len(active) < components:  # the other directions are those of pixels without ink
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

    return _Gram(gram.__matmul__, len(active), directions, float(np.trace(gram)), mean)


def _implicit_gram(images: Dataset, center: bool) -> _Gram:
    """X' X, or X X' if that is smaller. It is never formed: its products are computed by products with X."""
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
        return _Gram(lambda V: columns_times(rows_times(V)), images.inputs, lambda V: V, energy, mean)
    # The columns of X' U are V S. For a singular value of 0 the column is only rounding, and any direction will do.
    return _Gram(
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
    product = np.zeros((U.shape[1], images.inputs))  # transposed, as this takes half the time
    for positions in images.blocks():
        product += U[positions].T @ images.pixels(positions).astype(np.float64)
    return product.T


def _second_moments(images: Dataset) -> tuple[NDArray[np.intp], Floats, Floats]:
    """The pixels that are nonzero in some image, ascending, and their exact X' X and sums of X, in one pass."""
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
    """The k largest eigenvalues, descending, of a positive semidefinite G (size, size), and their vectors (size, k).

    G is known only by its products: ``times(Q)`` is G Q. Block Lanczos iteration with full reorthogonalization and a
    Rayleigh-Ritz step (Golub and Van Loan, Matrix Computations, 4th edition, 10.3.6 and 8.1). It always starts from the
    same directions. It ends at the latest when the basis has as many directions as G, and is then exact. A basis that
    reaches MAX_BASIS_BYTES ends it, too, with the best approximation in that basis.
    """
    width = min(k + EXTRA_DIRECTIONS, size)
    max_basis = min(size, max(2 * width, MAX_BASIS_BYTES // (2 * size * np.dtype(np.float64).itemsize)))
    Q = np.eye(size) if width == size else np.random.default_rng(0).standard_normal((size, width))
    B = GB = np.empty((size, 0))
    rounds = next_check = 0
    while True:
        for _ in range(2):  # a second time removes the rounding errors of the first
            Q = np.linalg.qr(Q - B @ (B.T @ Q))[0]
        B, GB = np.hstack([B, Q]), np.hstack([GB, times(Q)])
        rounds += 1
        if rounds > next_check or B.shape[1] == max_basis:
            next_check = rounds + rounds // 10
            eigenvalues, rotation = np.linalg.eigh(B.T @ GB)
            eigenvalues, rotation = eigenvalues[: -k - 1 : -1], rotation[:, : -k - 1 : -1]
            V, GV = B @ rotation, GB @ rotation
            allowed = np.clip(MAX_OWN_RESIDUAL * eigenvalues, ROUNDING * eigenvalues[0], MAX_RESIDUAL * eigenvalues[0])
            if B.shape[1] == max_basis or np.all(np.abs(GV - V * eigenvalues).max(axis=0) <= allowed):
                return eigenvalues, V
        Q = GB[:, -width:][:, : max_basis - B.shape[1]]
