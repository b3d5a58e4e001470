"""Promises of mlp.idx_folder: the four files under any of their names, and no folder that is not in order."""

import gzip
import hashlib
import shutil

import numpy as np
import pytest
from conftest import ROOT

from mlp import idx, idx_folder
from mlp.errors import InputError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_each_spelling_is_found(folder, joint, ending):
    for name in (IMAGES, LABELS):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / (name.replace("-idx", f"{joint}idx") + ending)).write_bytes(
            gzip.compress(content) if ending else content
        )
    part = idx_folder.open_part(folder, "training")
    assert part.images.shape == (40, 4, 4)
    np.testing.assert_array_equal(part.images[:, 0, 0], 28 * part.labels)


def test_two_spellings_of_one_file_are_refused_by_both_names(folder):
    shutil.copy(folder / IMAGES, folder / "train-images.idx3-ubyte")
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte and train-images\.idx3-ubyte are two spellings"):
        idx_folder.open_part(folder, "training")


def test_the_sha256_is_that_of_the_file_on_the_disk(folder):
    part = idx_folder.open_part(folder, "test")
    name = "t10k-labels-idx1-ubyte"
    assert part.sha256()[name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def write(folder, name, array):
    idx.write(folder / name, array)


BAD = {
    "no folder": (lambda folder: shutil.rmtree(folder), "no such folder"),
    "no images": (lambda folder: (folder / IMAGES).unlink(), "no training images: put one of train-images"),
    "no labels": (lambda folder: (folder / LABELS).unlink(), "no training labels"),
    "a link to nowhere": (
        lambda folder: ((folder / IMAGES).unlink(), (folder / IMAGES).symlink_to("nowhere")),
        "No such file",
    ),
    "counts that differ": (lambda folder: write(folder, LABELS, np.zeros(39, np.uint8)), "39 labels, but .* 40 images"),
    "labels as images": (lambda folder: shutil.copy(folder / LABELS, folder / IMAGES), "1 axes of uint8, images must"),
    "images as labels": (lambda folder: shutil.copy(folder / IMAGES, folder / LABELS), "3 axes of uint8, labels must"),
    "images of floats": (lambda folder: write(folder, IMAGES, np.zeros((40, 4, 4), np.float32)), "3 axes of float32"),
    "no image at all": (
        lambda folder: (
            write(folder, IMAGES, np.zeros((0, 4, 4), np.uint8)),
            write(folder, LABELS, np.zeros(0, np.uint8)),
        ),
        "no image in it",
    ),
    "images of no pixels": (lambda folder: write(folder, IMAGES, np.zeros((40, 0, 4), np.uint8)), "no image in it"),
    "a label above 9": (
        lambda folder: write(folder, LABELS, np.array([0] * 38 + [10, 11], np.uint8)),
        "label 10 at index 38: labels must be 0 to 9",
    ),
}


@pytest.mark.parametrize(("damage", "message"), BAD.values(), ids=BAD)
def test_a_folder_that_is_not_in_order_is_refused(damage, message, folder):
    damage(folder)
    with pytest.raises(InputError, match=message) as error:
        idx_folder.open_part(folder, "training")
    assert str(folder) in str(error.value)


def test_the_bundled_digits_are_the_files_that_their_readme_describes():
    readme = (ROOT / "data" / "README.md").read_text()
    for part in ("training", "test"):
        for name, sha256 in idx_folder.open_part(ROOT / "data", part).sha256().items():
            assert f"{name}` | `{sha256}" in readme


def test_the_bundled_digits_are_all_of_mnist_once():
    """Counts from the MNIST labels as published: 5,923 and 6,742 to train on, 980 and 1,135 to test on."""
    training, test = (idx_folder.open_part(ROOT / "data", part) for part in ("training", "test"))
    assert np.bincount(training.labels).tolist() == [5923, 6742]
    assert np.bincount(test.labels).tolist() == [980, 1135]
    everything = np.concatenate([training.images, test.images]).reshape(-1, 784)
    assert len(np.unique(everything, axis=0)) == len(everything)
    assert np.count_nonzero(training.images.reshape(-1, 784).max(axis=0) == 0) == 167
