"""Promises of mlp.data.array_images: what is taken, and what a message says to do with anything else."""

import numpy as np
import pytest

from mlp.data.array_images import check_ink, checked
from mlp.system.errors import InputError

IMAGES = np.arange(3 * 4, dtype=np.uint8).reshape(3, 2, 2)
LABELS = [7, 0, 255]


@pytest.mark.parametrize(
    ("images", "shape"),
    [(IMAGES, (3, 2, 2)), (IMAGES.reshape(3, 4), (3, 2, 2)), (IMAGES.reshape(2, 6), (2, 1, 6))],
)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "uint16", ">i4"])
def test_images_of_bytes_and_whole_labels_are_taken(images, shape, dtype):
    labels = np.array(LABELS[: len(images)], dtype)
    for given in (labels, labels[:, np.newaxis], labels.tolist()):
        pixels, classes = checked(images, given)
        assert (pixels.shape, pixels.dtype, classes.dtype) == (shape, np.uint8, np.uint8)
        np.testing.assert_array_equal(pixels.ravel(), images.ravel())
        np.testing.assert_array_equal(classes, LABELS[: len(images)])
    assert np.shares_memory(pixels, images)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES / 255, LABELS, "images: float64, must be uint8 from 0 to 255: multiply by 255, round and convert"),
        (IMAGES * 20.0, LABELS, "images: float64, must be uint8 from 0 to 255: round and convert with .astype"),
        (IMAGES * 20.0 + np.nan, LABELS, "images: float64, must be uint8 from 0 to 255: replace what is NaN"),
        (IMAGES.astype(int) * 20, LABELS, "images: int64, must be uint8 from 0 to 255: convert with .astype('uint8')"),
        (IMAGES > 5, LABELS, "images: bool, must be uint8 from 0 to 255: multiply by 255, round and convert"),
        (IMAGES / 11 * 16, LABELS, "multiply by 255 / 16, if 16 is ink, round and convert with .astype('uint8')"),
        (IMAGES - 2.0, LABELS, "scale them, which go from -2 to 9, to 0..255"),
        (IMAGES.astype(str), LABELS, "must be uint8 from 0 to 255: convert them"),
        ([[1], [1, 2]], LABELS, "images: not an array"),
        (IMAGES[..., np.newaxis], LABELS, "shape (3, 2, 2, 1), colours are not supported: take [..., 0]"),
        (IMAGES[..., [0] * 3, np.newaxis], LABELS, "images: shape (3, 2, 3, 1)"),
        (np.zeros((3, 2, 2, 3), np.uint8), LABELS, "make them grey with .mean(axis=3)"),
        (IMAGES[0, 0], LABELS, "shape (2,), must be (n, rows, columns) or (n, pixels): write images[None]"),
        (IMAGES[:0], [], "images: shape (0, 2, 2), no image in it"),
        (np.broadcast_to(np.uint8(0), (1, 1 << 12, 1 << 12)), [0], "16,777,216 pixels in an image, at most 4,194,304"),
        (IMAGES, [1, 2], "labels: 2 for 3 images: give one label for each image"),
        (IMAGES, [1, -1, 2], "labels: the label at index 1 is -1, must be an integer from 0 to 255"),
        (IMAGES, [1, 2, 256], "labels: the label at index 2 is 256"),
        (IMAGES, [1.0, 2.0, 3.0], "labels: float64, must be integers from 0 to 255: convert"),
        (IMAGES, ["1", "2", "3"], "labels: text, must be integers"),
        (IMAGES, np.eye(3, dtype=int), "labels: shape (3, 3), must be (n,) or (n, 1): of one-hot rows take .argmax"),
        (IMAGES, 5, "labels: shape (), must be (n,) or (n, 1): reshape them"),
    ],
)
def test_anything_else_is_refused_with_the_cure(images, labels, message):
    with pytest.raises(InputError) as refusal:
        checked(images, labels)
    assert message in str(refusal.value)


def test_images_on_another_scale_than_bytes_are_noticed():
    """Such as scikit-learn's digits, from 0 to 16, and masks."""
    with pytest.raises(InputError, match=r"no pixel is above 16, but ink is 255: multiply by 255 / 16, if 16 is ink"):
        check_ink(np.array([[0, 16]], np.uint8))
    with pytest.raises(InputError, match="no pixel is above 1, but ink is 255: multiply by 255, round"):
        check_ink(np.array([[0, 1]], np.uint8))
    for right in ([[0, 17]], [[0, 0]]):
        check_ink(np.array(right, np.uint8))
