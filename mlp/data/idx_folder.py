"""A folder in MNIST's layout: four IDX files, images and labels for training and test."""

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mlp import idx
from mlp.data import missing_files
from mlp.system.command_line import CHECKOUT, command, display_path
from mlp.system.errors import DataChanged, InputError
from mlp.system.files import Stamp, StrPath, sha256

Part = Literal["training", "test"]
Kind = Literal["images", "labels"]

PREFIX: dict[Part, str] = {"training": "train", "test": "t10k"}
LIKE: dict[Part, str] = {"training": "train", "test": "(t10k|test)"}
"""Patterns of other names for a part."""
AXES: dict[Kind, int] = {"images": 3, "labels": 1}
BUNDLED = CHECKOUT / "data"
MAX_LABEL = 255
"""A label is a byte."""
MAX_IMAGE_PIXELS = 1 << 22
"""The default network has 32 weights per pixel: half a gigabyte at this size."""


def _stamp(path: Path) -> Stamp | None:
    """None if there is no file."""
    try:
        return Stamp.of(path.stat())
    except OSError:
        return None


@dataclass(frozen=True)
class ImagesAndLabels:
    """The images and the labels of one part of a folder, and the files that they were read from."""

    images: NDArray[np.uint8] | idx.Rows
    """(N, rows, columns) bytes, in memory or in their file; N is at least 1."""
    labels: NDArray[np.uint8]
    """(N,)"""
    files: dict[Kind, Path]
    """Empty if they come from arrays."""
    copies: Mapping[Kind, Sequence[Path]] = field(default_factory=dict)
    """Other files in the folder with the same content, gzipped or not."""
    stamps: dict[Path, Stamp | None] = field(default_factory=dict)
    """Of the files and the copies, taken before they were read."""
    transpose: bool = False
    """Whether the images lie transposed in their file, as EMNIST's do: ``take`` turns them upright."""
    _digests: dict[Path, str] = field(default_factory=dict)
    """The SHA-256 of what was read, computed when it is first requested."""

    def __repr__(self) -> str:
        rows, columns = self.image_shape
        where = self.files["images"].parent if self.files else "arrays"
        return f"ImagesAndLabels({len(self.labels):,} images {rows} x {columns} of {where})"

    @property
    def image_shape(self) -> tuple[int, int]:
        """Rows and columns of an upright image."""
        rows, columns = self.images.shape[1:]
        return (columns, rows) if self.transpose else (rows, columns)

    def indices_of(self, digits: Sequence[int]) -> NDArray[np.intp]:
        """The indices of the images of these labels, ascending. Raises InputError if a label has no image."""
        for digit in digits:
            if digit not in self.labels:
                held = ", ".join(map(str, np.unique(self.labels)))
                raise InputError(f"{self.files.get('labels', 'labels')}: no digit {digit} in it: it holds {held}")
        return np.flatnonzero(np.isin(self.labels, digits))

    def take(self, indices: NDArray[np.integer[Any]], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """The images (n, rows, columns) at these indices, in the contiguous array ``out`` if given.

        Images that are not in memory are read from their file: raises DataChanged as ``check`` does.
        """
        if not self.transpose:
            return self._take(indices, out)
        upright = self._take(indices).transpose(0, 2, 1)
        if out is None:
            return np.ascontiguousarray(upright)
        out[...] = upright
        return out

    def _take(self, indices: NDArray[np.integer[Any]], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """The images as they lie in their file."""
        if isinstance(self.images, idx.Rows):
            chosen: NDArray[np.uint8] = self.images.take(indices, out)
            self.check()
            return chosen
        # All indices are in range: "clip" only avoids the copy of the output that the default mode makes.
        return self.images.take(indices, axis=0, out=out, mode="clip")

    def take_pixels(self, indices: NDArray[np.integer[Any]], pixels: slice) -> NDArray[np.uint8]:
        """Only these pixels (n, k) of the images at these indices. Raises DataChanged as ``take`` does.

        Of transposed images all pixels are read, as those of an upright row lie far apart.
        """
        if self.transpose:
            return self.take(indices).reshape(len(indices), -1)[:, pixels]
        if isinstance(self.images, idx.Rows):
            chosen: NDArray[np.uint8] = self.images.part(indices, pixels)
            self.check()
            return chosen
        return self.images.reshape(len(self.images), -1)[indices, pixels]

    def sha256(self, recorded: Collection[str] = ()) -> dict[str, str]:
        """The SHA-256 of each file on the disk, by the file's name. Raises DataChanged if it is not what was read.

        If a file has copies, the one with its SHA-256 in ``recorded`` counts: so a run can be resumed after its .gz
        file was unpacked beside it.
        """
        return dict(self._digest(kind, recorded) for kind in self.files)

    def _digest(self, kind: Kind, recorded: Collection[str]) -> tuple[str, str]:
        digests = map(self._named_digest, (self.files[kind], *self.copies.get(kind, ())))
        first = next(digests)
        return next((digest for digest in chain([first], digests) if digest[1] in recorded), first)

    def _named_digest(self, path: Path) -> tuple[str, str]:
        digest = sha256(path)
        self._check(path)  # after hashing: if the file is still unchanged, the hash is of what was read
        return path.name, self._digests.setdefault(path, digest)

    def check(self) -> None:
        """Raises DataChanged if a file that was read is gone or has other content.

        Until its SHA-256 is requested, any write to a file counts as a change.
        """
        for path in self.files.values():
            self._check(path)

    def _check(self, path: Path) -> None:
        then, now = self.stamps[path], _stamp(path)
        if now == then:
            return
        if now is None or then is None:
            raise DataChanged(path, "it is no longer there")
        if now.size != then.size:
            raise DataChanged(path, f"it had {then.size:,} bytes, it has {now.size:,} now")
        if path not in self._digests:
            raise DataChanged(path, "it was written to or replaced")
        if sha256(path) != self._digests[path]:
            raise DataChanged(path, "it holds other bytes now")
        self.stamps[path] = now  # same content: it was touched, or replaced by a copy


_in_memory: dict[Part, ImagesAndLabels] = {}
"""The parts that were read last, unless they are large: a worker of a sweep needs the same ones for each run."""


def open_part(directory: StrPath, part: Part, *, transpose: bool = False) -> ImagesAndLabels:
    """The images and labels of one part, the images as ``idx.rows`` returns them. Does not open the other part's files.

    With ``transpose`` rows and columns of each image change places. A part that is still in memory is not read again
    unless the stamp of a file has changed. Raises InputError, naming the file and the cure, if a file is missing,
    damaged or not what its name says, if two copies differ, or if images and labels do not match.
    """
    stamps: dict[Path, Stamp | None] = {}
    files: dict[Kind, Path] = {}
    copies: dict[Kind, Sequence[Path]] = {}
    for kind in AXES:
        found = find(directory, part, kind)
        files[kind], *copies[kind] = found
        stamps |= found
    held = _in_memory.get(part)  # once: another thread may open another folder meanwhile
    if held is not None and held.stamps == stamps:
        return replace(held, transpose=transpose)
    del held
    _in_memory.pop(part, None)  # before another is read: there may not be memory for both
    is_settled = all(stamp is not None and stamp.is_settled for stamp in stamps.values())
    for kind, path in files.items():
        _check_header(path, kind)
    images, labels = idx.rows(files["images"]), idx.read(files["labels"])
    if len(images) != len(labels):
        raise InputError(
            f"{files['labels']}: {len(labels):,} labels, but {files['images'].name} has {len(images):,} images: "
            "the two files must be of one set"
        )
    if 0 in images.shape:
        raise InputError(f"{files['images']}: no image in it, its shape is {images.shape}: put images there")
    opened = ImagesAndLabels(images, labels, files, copies, stamps, transpose)
    if is_settled and not isinstance(images, idx.Rows) and images.nbytes <= idx.MAX_BYTES_IN_MEMORY:
        _in_memory[part] = opened
    return opened


def read_labels(directory: StrPath, part: Part) -> tuple[Path, NDArray[np.uint8]]:
    """The file of one part's labels, and the labels (N,), without opening the images.

    Raises InputError as ``open_part`` does if the file is missing, damaged or not what its name says, or if two copies
    differ.
    """
    path = next(iter(find(directory, part, "labels")))
    _check_header(path, "labels")
    return path, idx.read(path)


def find(directory: StrPath, part: Part, kind: Kind) -> dict[Path, Stamp | None]:
    """All copies of one of the four files, under any of its names, with their stamps. The one to read is first.

    A file may also lie in a folder with its name, as in Kaggle's archive. Raises InputError if there is no file, or
    if two copies differ.
    """
    directory = Path(directory)
    if not directory.is_dir():
        what = "not a folder" if os.path.lexists(directory) else "no such folder"
        cure = f"get MNIST into data/mnist by {command('download_mnist')}"
        if (BUNDLED / file_names("training", "images")[1]).is_file():
            cure = f"name {display_path(BUNDLED)}, with the digits 0 and 1, or {cure}"
        raise InputError(f"{directory}: {what}: it must hold four IDX files: {cure}")
    spellings = file_names(part, kind)
    found: list[Path] = []
    for path in (directory / name for name in spellings):
        inside = [path / name for name in spellings] if path.is_dir() else [path]
        found += filter(_is_there, inside)
    if not found:
        cure = missing_files.cure(directory, spellings, f"{LIKE[part]}.*{kind}.*(idx|ubyte)")
        raise InputError(f"{directory}: no {part} {kind}: {cure}")
    stamps = {path: _stamp(path) for path in found}
    return stamps if len(found) == 1 else {path: stamps[path] for path in _same(directory, found)}


def _is_there(path: Path) -> bool:
    """Whether there is a file or a link, even a broken one. A folder without permission is an error."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return not path.is_dir()


def _same(directory: Path, copies: Sequence[Path]) -> list[Path]:
    """The copies, raw ones first, as these can be read by rows. Raises InputError, naming two, if they differ."""
    first = copies[0]
    for other in copies[1:]:
        both = f"{first} and {other.relative_to(directory)} are two spellings of one file"
        try:
            is_same = idx.is_same(first, other)
        except InputError as error:
            raise InputError(f"{both}, and one cannot be read: remove or replace it:", *error.args) from None
        if not is_same:
            raise InputError(f"{both}, and their content differs: remove one of them")
    return sorted(copies, key=idx.is_packed)


def new_files(directory: StrPath, ending: str = "") -> dict[tuple[Part, Kind], Path]:
    """The paths of the four files to write. Raises InputError if one of them exists, under any of its names."""
    paths: dict[tuple[Part, Kind], Path] = {}
    for part in get_args(Part):
        for kind in AXES:
            spellings = [Path(directory, name) for name in file_names(part, kind)]
            for path in filter(os.path.lexists, spellings):
                raise InputError(f"{path}: already exists, nothing was written: name another folder")
            paths[part, kind] = spellings[0].with_name(spellings[0].name + ending)
    return paths


def write_part(
    paths: Mapping[tuple[Part, Kind], StrPath], part: Part, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> None:
    """Write the two files of a part: images (n, rows, columns) and their labels (n,)."""
    idx.write(paths[part, "images"], images)
    idx.write(paths[part, "labels"], labels)


def file_names(part: Part, kind: Kind) -> list[str]:
    """The possible names of one of the four files, the usual one first."""
    stems = [f"{PREFIX[part]}-{kind}{joint}idx{AXES[kind]}-ubyte" for joint in "-."]
    return [stem + ending for stem in stems for ending in ("", ".gz")]


def _check_header(path: Path, kind: Kind) -> None:
    """Raises InputError, before the elements are read, if a file does not hold an array of this kind."""
    dtype, shape = idx.header(path)
    if dtype != np.uint8 or len(shape) != AXES[kind]:
        raise InputError(
            f"{path}: holds {len(shape)} axes of {dtype.name}, "
            f"{kind} must have {AXES[kind]} of uint8: is it the right file under this name?"
        )
    if math.prod(shape[1:]) > MAX_IMAGE_PIXELS:
        rows, columns = shape[1:]
        raise InputError(
            f"{path}: images of {rows:,} by {columns:,} pixels: at most {MAX_IMAGE_PIXELS:,} pixels are supported: "
            "scale them down"
        )
