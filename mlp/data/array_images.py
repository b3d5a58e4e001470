"""Images and labels that are arrays already: checked, and brought into the shapes of an IDX folder."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.idx_folder import MAX_IMAGE_PIXELS, MAX_LABEL
from mlp.system.errors import InputError

Bytes = NDArray[np.uint8]
FAINT = 16
"""If no pixel of many images is above this, they have another scale: 0 and 1, or the 0..16 of scikit-learn's digits."""


def checked(images: Any, labels: Any, names: tuple[str, str] = ("images", "labels")) -> tuple[Bytes, Bytes]:
    """The images as uint8 (n, rows, columns), without a copy, and their labels as uint8 (n,).

    images: uint8 (n, rows, columns), or (n, pixels), which become square, or 1 by pixels if their number is not a
    square; 0 is paper, 255 is ink. labels: integers from 0 to 255, (n,) or (n, 1).
    names: what messages call the two.

    Raises InputError, naming the problem and the cure, if they are anything else, or if there is no image.
    """
    checked_images = checked_pixels(images, names[0])
    checked_labels = _labels(_array(labels, names[1]), names[1])
    if len(checked_images) != len(checked_labels):
        counts = f"{names[1]}: {len(checked_labels):,} for {len(checked_images):,} {names[0]}"
        raise InputError(f"{counts}: give one label for each image")
    return checked_images, checked_labels


def checked_pair(pair: Any) -> tuple[Bytes, Bytes]:
    """Like ``checked``, of a tuple or list (images, labels). Raises InputError for any other, too, and without ink."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError("images: must be a pair of arrays, the images and their labels: write images=(X, y)")
    images, labels = checked(*pair)
    check_ink(images)
    return images, labels


def checked_pixels(images: Any, name: str = "images") -> Bytes:
    """Only the images, as ``checked`` does."""
    return _images(_array(images, name), name)


def check_ink(images: Bytes) -> None:
    """Raises InputError if no pixel of all the images is above ``FAINT``: a network would hardly learn from them."""
    if 0 < (high := images.max()) <= FAINT:
        what = f"images: no pixel is above {high}, but ink is 255"
        raise InputError(f"{what}: {_scaled_up(high)}, round and convert with .astype('uint8')")


def _array(values: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:
        raise InputError(f"{name}: not an array: its rows must be of one length") from None


def _images(images: NDArray[Any], name: str) -> Bytes:
    if 0 in images.shape:
        raise InputError(f"{name}: shape {images.shape}, no image in it: give at least one")
    if images.dtype != np.uint8:
        raise InputError(f"{name}: {images.dtype}, must be uint8 from 0 to 255: {_as_bytes(images)}")
    if images.ndim == 4:
        cure = "take [..., 0]" if images.shape[3] == 1 else "make them grey with .mean(axis=3).round().astype('uint8')"
        raise InputError(f"{name}: shape {images.shape}, colours are not supported: {cure}")
    if images.ndim not in (2, 3):
        cure = "write images[None] for a single one" if images.ndim == 1 else "reshape them"
        raise InputError(f"{name}: shape {images.shape}, must be (n, rows, columns) or (n, pixels): {cure}")
    pixels = math.prod(images.shape[1:])
    if pixels > MAX_IMAGE_PIXELS:
        what = f"{pixels:,} pixels in an image, at most {MAX_IMAGE_PIXELS:,} are supported"
        raise InputError(f"{name}: {what}: scale them down")
    if images.ndim == 3:
        return images
    side = math.isqrt(pixels)
    return images.reshape(-1, *((side, side) if side * side == pixels else (1, pixels)))


def _as_bytes(images: NDArray[Any]) -> str:
    """The cure for images of another type, by their range."""
    if images.dtype.kind not in "biuf":
        return "convert them with .astype('uint8')"
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return "replace what is NaN or infinite in them"
    if low >= 0 and high <= FAINT:
        return f"{_scaled_up(high)}, round and convert with .astype('uint8')"
    if low >= 0 and high <= 255:
        return f"{'round and ' if images.dtype.kind == 'f' else ''}convert with .astype('uint8')"
    return f"scale them, which go from {low:g} to {high:g}, to 0..255, round and convert with .astype('uint8')"


def _scaled_up(high: float) -> str:
    """The cure for images whose ink is not 255; ``high`` is their darkest pixel."""
    return "multiply by 255" if high <= 1 else f"multiply by 255 / {high:g}, if {high:g} is ink"


def _labels(labels: NDArray[Any], name: str) -> Bytes:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        cure = "of one-hot rows take .argmax(axis=1)" if labels.ndim == 2 else "reshape them"
        raise InputError(f"{name}: shape {labels.shape}, must be (n,) or (n, 1): {cure}")
    if labels.dtype.kind not in "iu":
        kind = "text" if labels.dtype.kind in "OUST" else labels.dtype
        cure = "convert with .astype('uint8') if they are whole numbers, otherwise number the classes"
        raise InputError(f"{name}: {kind}, must be integers from 0 to {MAX_LABEL}: {cure}")
    wrong = np.flatnonzero((labels < 0) | (labels > MAX_LABEL))
    if len(wrong):
        what = f"the label at index {wrong[0]} is {labels[wrong[0]]}, must be an integer from 0 to {MAX_LABEL}"
        raise InputError(f"{name}: {what}: number the classes from 0")
    return labels.astype(np.uint8)
