"""The digits in two dimensions: X = U S V', and the coordinates U S of the first two singular directions.

X (n, pixels) holds a byte 0..255 a pixel, one image a row, as in the lecture notes. V comes from the
eigenvectors of X' X (pixels, pixels), which is summed over blocks of rows: the n-by-n matrix is never formed, nor
is X. The entries of X' X are whole numbers below 2^53 and so exact in float64 (before centring), and U S = X V.
Squaring costs the small end: singular values below about 1e-8 of the first are rounding and no more.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlp.dataset import Dataset
from mlp.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """The leading singular directions of a set of images."""

    directions: Floats
    """V (pixels, k): unit columns, each with its largest entry positive, so that signs are the same everywhere."""
    singular_values: Floats
    """All of them, (pixels,), descending."""
    mean: Floats
    """What was taken off each image before, (pixels,): the mean image, or zeros where X was not centred."""
    centered: bool

    def coordinates(self, images: Dataset) -> Floats:
        """U S for any images of this size, (n, k)."""
        blocks = [(images.pixels(rows) - self.mean) @ self.directions for rows in images.blocks()]
        return np.concatenate(blocks)

    def rebuild(self, coordinates: Floats) -> Floats:
        """The images that have these coordinates, (n, k) to (n, pixels): U S V', the mean put back."""
        rebuilt: Floats = coordinates @ self.directions.T + self.mean
        return rebuilt

    def energy_shares(self) -> Floats:
        """Each direction's share of the sum of all squared singular values."""
        energy = np.square(self.singular_values)
        return np.asarray(energy / energy.sum())


def project(images: Dataset, *, components: int = 2, center: bool = False) -> Projection:
    """The singular value decomposition of the images' bytes, as far as the leading directions.

    InputError where there are fewer pixels than directions, or nothing in the images to tell apart.
    """
    pixels = images.inputs
    if pixels < components:
        raise InputError(f"{images.source.files['images']}: images of {pixels} pixels have no {components} directions")
    gram, total = np.zeros((pixels, pixels)), np.zeros(pixels)
    for rows in images.blocks():
        X = images.pixels(rows).astype(np.float64)
        gram += X.T @ X
        total += X.sum(axis=0)
    mean = total / len(images) if center else np.zeros(pixels)
    gram -= len(images) * np.outer(mean, mean)
    if not gram.any():
        raise InputError(f"{images.source.files['images']}: the {len(images)} images chosen have nothing in them")
    eigenvalues, eigenvectors = np.linalg.eigh(gram)
    V = eigenvectors[:, ::-1][:, :components]
    V = V * np.sign(V[np.abs(V).argmax(axis=0), np.arange(components)])
    return Projection(V, np.sqrt(eigenvalues[::-1].clip(min=0)), mean, center)
