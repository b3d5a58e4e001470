"""Keras's .npz files of images: x_train, y_train, x_test and y_test."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data.array_images import Bytes, checked
from mlp.data.idx_folder import Part
from mlp.system import memory
from mlp.system.errors import InputError
from mlp.system.files import StrPath, open_regular

ARRAYS: dict[Part, tuple[str, str]] = {"training": ("x_train", "y_train"), "test": ("x_test", "y_test")}


def read(path: StrPath) -> dict[Part, tuple[Bytes, Bytes]]:
    """The images (n, rows, columns) and labels (n,) of both parts. No code in the file is run.

    Raises InputError, naming file and array, if the file is damaged, lacks an array, or has one of another kind;
    OSError if the system cannot read it.
    """
    with open_regular(path) as file:
        try:
            if file.read(2) != b"PK":
                raise ValueError("not a ZIP archive")
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
        except Exception as error:  # zipfile raises many kinds for damaged data
            raise _unreadable(path, "not an archive of arrays", error) from error
        for name in (name for names in ARRAYS.values() for name in names):
            if name not in archive.files:
                held = ", ".join(archive.files) or "none"
                raise InputError(f"{path}: no array {name}, but {held}: x_train, y_train, x_test and y_test are needed")
        arrays = {name: _array(archive, name, path) for names in ARRAYS.values() for name in names}
    try:
        return {part: checked(arrays[x], arrays[y], (x, y)) for part, (x, y) in ARRAYS.items()}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _array(archive: Any, name: str, path: StrPath) -> NDArray[Any]:
    """An array of an archive. Raises InputError if it cannot be read, or is larger than the free memory."""
    try:
        size, free = archive.zip.getinfo(f"{name}.npy").file_size, memory.free()
        if free is not None and size > free:
            raise InputError(f"{path}: {name} takes {size:,} bytes, and {free:,} are free: take fewer images")
        array: NDArray[Any] = archive[name]
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds for damaged data
        raise _unreadable(path, f"{name} cannot be read", error) from error
    return array


def _unreadable(path: StrPath, what: str, error: Exception) -> Exception:
    """The error to raise: the system's own, or that the file is damaged."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return InputError(f"{path}: {what} ({error}): write it again, by np.savez with arrays of numbers")
