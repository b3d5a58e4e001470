"""Promises of mlp.data.sources.keras_file, by import_images.py: an archive keeps its bytes, or is refused."""

import zipfile

import numpy as np
import pytest

from tests.conftest import parts_of

X = np.random.default_rng(0).integers(0, 256, (12, 3, 5), np.uint8)
ARRAYS = {"x_train": X, "y_train": np.arange(12) % 3, "x_test": X[:3], "y_test": np.arange(3)}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("column", [slice(None), np.newaxis])
def test_keras_files_keep_their_bytes(save, column, imported, tmp_path):
    save(
        tmp_path / "a.npz",
        **{name: a[:, column] if name[0] == "y" and column is None else a for name, a in ARRAYS.items()},
    )
    assert imported(tmp_path / "a.npz")[0] == 0
    for (images, labels), part in zip(parts_of(tmp_path / "out"), ("train", "test"), strict=True):
        np.testing.assert_array_equal(images, ARRAYS[f"x_{part}"])
        np.testing.assert_array_equal(labels, ARRAYS[f"y_{part}"])


ARCHIVES = {
    "float": ({"x_train": X / 255}, "x_train: float64, must be uint8 from 0 to 255: multiply by 255"),
    "colour": ({"x_test": X[..., np.newaxis]}, "x_test: shape (12, 3, 5, 1), colours are not supported"),
    "label": ({"y_test": np.array([0, 1, 256])}, "y_test: the label at index 2 is 256"),
    "lengths": ({"y_train": np.arange(5)}, "y_train: 5 for 12 x_train"),
    "objects": ({"y_train": np.array([None] * 12)}, "y_train cannot be read (Object arrays cannot be loaded"),
    "shapes": ({"x_test": X[:3, :2]}, "training and test images differ, 3 by 5 and 2 by 5 pixels"),
    "labels": ({"y_test": np.zeros(3, int)}, "label 1 has training images, but no test image"),
    "one label": ({"y_train": np.full(12, 4)}, "every training image has the label 4: two labels are needed"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_arrays_of_another_kind_are_refused(kind, imported, tmp_path):
    changed, message = ARCHIVES[kind]
    np.savez(tmp_path / "a.npz", **ARRAYS | changed)
    code, _, error = imported(tmp_path / "a.npz")
    assert code == 2
    assert error.startswith(f"error: {tmp_path / 'a.npz'}: {message}")
    assert not (tmp_path / "out").exists()


def lacking(path):
    np.savez(path, x_train=X)


def forged(path):
    """Its header promises 2^60 images."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in ARRAYS.items():
            with archive.open(f"{name}.npy", "w") as file:
                shape = (1 << 60, *array.shape[1:]) if name == "x_train" else array.shape
                header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                file.write(array.tobytes())


def cut(path):
    np.savez(path, **ARRAYS)
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lacking, "no array y_train, but x_train: x_train, y_train, x_test and y_test are needed"),
        (forged, "x_train cannot be read"),
        (cut, "not an archive of arrays"),
        (lambda path: path.write_text("text"), "not an archive of arrays (not a ZIP archive)"),
    ],
)
def test_a_damaged_or_incomplete_archive_is_refused(make, message, imported, tmp_path):
    make(tmp_path / "a.npz")
    code, _, error = imported(tmp_path / "a.npz")
    assert code == 2
    assert error.startswith(f"error: {tmp_path / 'a.npz'}: {message}")


def test_an_array_larger_than_the_free_memory_is_refused(imported, tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", **ARRAYS | {"x_train": np.zeros((1000, 3, 5), np.uint8)})
    monkeypatch.setattr("mlp.system.memory.free", lambda: 10_000)
    assert "x_train takes 15,128 bytes, and 10,000 are free" in imported(tmp_path / "a.npz")[2]
