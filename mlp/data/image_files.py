"""The images of files and folders, as brightness: pictures and IDX files."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import idx
from mlp.data.file_kinds import HEAD_BYTES, NOT_READ, READ, READABLE, kind_of, may_be_idx
from mlp.data.picture_decoder import check_limits, decode
from mlp.system.errors import InputError
from mlp.system.files import StrPath, open_regular

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".heic", ".heif", ".avif", ".jxl")
"""In a folder, a file with such a name must be a picture; other files are skipped if they are not pictures."""
MAX_BRIGHTNESS = 1e30
"""Sums of smaller pixels are finite, in float32 too."""


@dataclass(frozen=True)
class GreyImage:
    """An image and where it is from: a file, and the index if the file has several images."""

    file: Path
    index: int | None
    grey: NDArray[Any] = field(repr=False)
    """(rows, columns), brightness on any scale."""

    @property
    def name(self) -> str:
        """The file, with the index."""
        return str(self.file) if self.index is None else f"{self.file}[{self.index}]"

    def check_brightness(self, low: float = -MAX_BRIGHTNESS, high: float = MAX_BRIGHTNESS) -> None:
        """Raises InputError if a pixel is not a number in this range."""
        wrong = ~((self.grey >= low) & (self.grey <= high))  # NaN is in no range
        if wrong.any():
            row, column = (int(place[0]) for place in np.nonzero(wrong))
            value = self.grey[row, column]
            raise InputError(f"row {row}, column {column} is {value}, must be a number from {low:g} to {high:g}")


def files_of(path: StrPath) -> list[Path]:
    """The file itself; for a folder the pictures in it, sorted by name, without hidden files and subfolders.

    Raises InputError if a folder has no picture, OSError if it cannot be listed.
    """
    path = Path(path)
    if not path.is_dir():
        return [path]
    visible = sorted(file for file in path.iterdir() if not file.name.startswith(".") and not file.is_dir())
    pictures = [file for file in visible if is_picture(file)]
    if not pictures:
        raise InputError(f"{path}: a folder without pictures: name image files, or a folder with some in it")
    return pictures


def is_picture(file: StrPath) -> bool:
    """Whether a file in a folder must be a picture, by its name or by its first bytes."""
    if Path(file).suffix.lower() in ENDINGS:
        return True
    try:
        with open_regular(file) as opened:
            return kind_of(opened.read(HEAD_BYTES), READ) is not None
    except (InputError, OSError):  # it is not named like a picture either
        return False


def read_each(
    files: Iterable[StrPath], failures: list[str], warn: Callable[[str], object], *, transpose: bool = False
) -> Iterator[GreyImage]:
    """All images of these files, as ``read`` reads them; ``failures`` gets a message for each file that fails."""
    for file in files:
        try:
            yield from read(file, warn, transpose=transpose)
        except (InputError, OSError, MemoryError) as error:
            failures.append(describe(error, file))


def describe(error: Exception, path: StrPath) -> str:
    """An error in one line that names the file."""
    if isinstance(error, InputError):
        return " ".join(error.args)
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}"
    return f"{path}: not enough memory: scale it down"


def read(path: StrPath, warn: Callable[[str], object], *, transpose: bool = False) -> Iterator[GreyImage]:
    """The image of a picture file, the first frame if it has several, or all images of an IDX file.

    ``transpose`` is for IDX files whose images lie transposed. ``warn`` gets a message if the file is damaged but can
    be read. Raises InputError if the file is missing, of another kind or too damaged, OSError if the system cannot read
    it.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            head = file.read(HEAD_BYTES)
            file.seek(0)
            if kind := kind_of(head, READ):
                yield GreyImage(path, None, decode(file, kind, path, warn))
                return
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: name an image file, {READABLE}") from None
    if other := kind_of(head, NOT_READ):
        raise InputError(f"{path}: {other}, which cannot be read: save it as PNG or JPEG")
    if not may_be_idx(head):
        what = "not an image" if head else "an empty file"
        raise InputError(f"{path}: {what}: it must be {READABLE}: save it as PNG or JPEG")
    images = idx.rows(path)
    if len(images.shape) != 3 or 0 in images.shape:
        raise InputError(f"{path}: no images in it: its array has shape {images.shape}, it must be (n, rows, columns)")
    rows, columns = images.shape[1:]
    check_limits(path, rows, columns, rows * columns * (images.dtype.itemsize + 3))  # 3: comparisons of each pixel
    for index, grey in enumerate(images):
        yield GreyImage(path, index, grey.T if transpose else grey)
