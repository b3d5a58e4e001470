"""Arrays of images that a run was trained on, kept as IDX files, where the run finds them again."""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import idx
from mlp.data import array_images, idx_folder
from mlp.system.errors import InputError
from mlp.system.files import StrPath, exclusive, make_folder, remove_leftovers

PREFIX, DIGITS = "images-", 16
"""A folder's name: the prefix, and the first hexadecimal digits of the content's SHA-256."""
WRITE_SECONDS = 60
"""How long to wait for another run that writes the same arrays."""


def keep(images: tuple[Any, Any], folder: StrPath, warn: Callable[[str], object]) -> Path:
    """Write images and labels as training files, and return their folder, which lies within this one.

    Its name depends on their content only. Raises InputError as ``array_images.checked_pair`` does.
    """
    pixels, labels = map(np.ascontiguousarray, array_images.checked_pair(images))
    digest = hashlib.sha256(repr(pixels.shape).encode())
    for array in (pixels, labels):
        digest.update(array.data)
    target = Path(folder) / f"{PREFIX}{digest.hexdigest()[:DIGITS]}"
    if not target.exists():
        with suppress(FileExistsError):  # another run was quicker
            make_folder(target)
    with exclusive(target, warn, wait=WRITE_SECONDS):  # else two runs could replace files that the other one has read
        for kind, array in zip(idx_folder.AXES, (pixels, labels), strict=True):
            path = target / idx_folder.file_names("training", kind)[0]
            remove_leftovers(target, {path.name})
            if not _holds(path, array):
                idx.write(path, array)
    return target


def _holds(path: Path, array: NDArray[np.uint8]) -> bool:
    """Whether the file holds this array."""
    try:
        return np.array_equal(idx.read(path), array)
    except InputError:
        return False


def is_kept(folder: StrPath) -> bool:
    """Whether a folder's name is one that ``keep`` gives."""
    return re.fullmatch(f"{PREFIX}[0-9a-f]{{{DIGITS}}}", Path(folder).name) is not None


def check_there(folder: StrPath) -> None:
    """Raises InputError if it is a folder of ``keep`` that does not exist any more."""
    if is_kept(folder) and not Path(folder).exists():
        raise InputError(f"{folder}: the arrays that the run is trained on are gone: give images=(X, y) again")
