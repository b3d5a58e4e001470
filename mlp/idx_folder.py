"""A folder in MNIST's layout: four IDX files, images and labels for training and for test."""

import math
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mlp import idx
from mlp.errors import InputError
from mlp.files import sha256

Part = Literal["training", "test"]
Kind = Literal["images", "labels"]

PREFIX: dict[Part, str] = {"training": "train", "test": "t10k"}
AXES: dict[Kind, int] = {"images": 3, "labels": 1}
MOST_PIXELS = 1 << 22
"""Of an image. Each of the default network's weights is one of 32 for a pixel: half a gigabyte at this size."""


@dataclass(frozen=True)
class ImagesAndLabels:
    """images: (N, rows, columns) bytes. labels: (N,) bytes, 0..9. N is at least 1. Files by kind."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    files: dict[Kind, Path]
    copies: Mapping[Kind, Sequence[Path]] = field(default_factory=dict)
    """What else in the folder holds the same bytes once unpacked."""

    def among(self, digits: Sequence[int]) -> NDArray[np.bool_]:
        """Which images are of these digits, (N,). Raises InputError if one of them is missing."""
        for digit in digits:
            if digit not in self.labels:
                held = ", ".join(map(str, np.unique(self.labels)))
                raise InputError(f"{self.files['labels']}: no digit {digit} in it: it holds {held}")
        return np.isin(self.labels, digits)

    def sha256(self, recorded: Collection[str] = ()) -> dict[str, str]:
        """The SHA-256 of each file as it lies on the disk, by the file's name.

        Of several copies it is that of the one whose SHA-256 is among the recorded ones, if there is one: a run goes on
        after its .gz file was unpacked beside it.
        """
        return dict(self._digest(kind, recorded) for kind in self.files)

    def _digest(self, kind: Kind, recorded: Collection[str]) -> tuple[str, str]:
        first = self.files[kind].name, sha256(self.files[kind])
        others = ((path.name, sha256(path)) for path in self.copies.get(kind, ()))
        return next((digest for digest in chain([first], others) if digest[1] in recorded), first)


def open_part(directory: Path, part: Part) -> ImagesAndLabels:
    """The images and labels of one part; raw files are mapped. Files of the other part are not opened.

    Raises InputError, naming the file and the cure, if a file is missing, there twice with different bytes, damaged, of
    another kind than its name says, or does not match its partner.
    """
    found: dict[Kind, list[Path]] = {kind: find(directory, part, kind) for kind in AXES}
    files = {kind: paths[0] for kind, paths in found.items()}
    images, labels = (_read_bytes(files[kind], kind) for kind in AXES)
    if len(images) != len(labels):
        raise InputError(
            f"{files['labels']}: {len(labels):,} labels, but {files['images'].name} has {len(images):,} images: "
            "the two files must be of one set"
        )
    if images.size == 0:
        raise InputError(f"{files['images']}: no image in it, its shape is {images.shape}: put images there")
    if labels.max() > 9:
        at = int(np.argmax(labels > 9))
        raise InputError(
            f"{files['labels']}: label {labels[at]} at index {at}: labels must be 0 to 9 (EMNIST's letters, and its "
            "images, which lie transposed, are not supported yet)"
        )
    return ImagesAndLabels(images, labels, files, {kind: paths[1:] for kind, paths in found.items()})


def find(directory: Path, part: Part, kind: Kind) -> list[Path]:
    """The copies of one of the four files, under any of its spellings; first the one to read, which is raw if one is.

    A folder that bears a file's name is looked into for that file: Kaggle's archive has them so. Raises InputError if
    there is none, or two copies do not hold the same bytes once unpacked.
    """
    if not directory.is_dir():
        what = "not a folder" if os.path.lexists(directory) else "no such folder"
        raise InputError(f"{directory}: {what}: it must hold four IDX files, images and labels for training and test")
    spellings = file_names(part, kind)
    found: list[Path] = []
    for path in (directory / name for name in spellings):
        inside = [path / name for name in spellings] if path.is_dir() else [path]
        found += filter(_is_there, inside)
    if not found:
        cure = _advice(directory, part, kind) or f"put one of {', '.join(spellings)} there"
        raise InputError(f"{directory}: no {part} {kind}: {cure}")
    return found if len(found) == 1 else _same(directory, found)


def _is_there(path: Path) -> bool:
    """Whether there is a file, or a link to one that may be gone. A folder that may not be searched is an error."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return not path.is_dir()


def _same(directory: Path, copies: Sequence[Path]) -> list[Path]:
    """The copies, raw ones first: these can be mapped. Raises InputError, naming two, if they are not the same."""
    first = copies[0]
    for other in copies[1:]:
        both = f"{first} and {other.relative_to(directory)} are two spellings of one file"
        try:
            is_same = idx.is_same(first, other)
        except InputError as error:
            raise InputError(f"{both}, and one cannot be read: remove it, or mend it:\n{error}") from None
        if not is_same:
            raise InputError(f"{both}, and hold different bytes: remove one of them")
    return sorted(copies, key=idx.is_packed)


NEARBY = 10_000
"""Files in and below a folder that are looked at for advice."""
DEPTH = 2
"""Folders below it: torchvision makes MNIST/raw."""
ADVICE = {
    r"{like}.*\.(part|partial|crdownload|download|tmp)$": "{path} is a download that was broken off: fetch it again",
    r"{like}.*emnist|emnist.*{like}": "rename {path} to {usual}, if it is that file (EMNIST's images lie transposed, "
    "which is not supported yet)",
    r"{like}": "rename {path} to {usual}, if it is that file",
    r"\.(zip|tar|tgz|tar\.gz|7z|rar)$": "unpack {path}, and put {usual} there",
    r"\.(npz|npy|csv|csv\.gz|pkl|pkl\.gz|mat|parquet|pt|arff)$": "{path} is not in the IDX format: put {usual} there "
    "(scripts/download_mnist.py fetches MNIST)",
}
"""By what a file is called that is there instead, {like} being a part of the missing name: the cure."""
LIKE: dict[Part, str] = {"training": "train", "test": "(t10k|test)"}


def _advice(directory: Path, part: Part, kind: Kind) -> str:
    """The cure, if something in the folder or below it may be the missing file, or become it; else nothing."""
    files = list(islice(_files_below(directory), NEARBY))
    spellings = file_names(part, kind)
    for path in files:
        if path.name in spellings:
            holder = path.parent.parent if path.parent.name in spellings else path.parent
            return f"name the folder {holder}, which has them"
    like = f"{LIKE[part]}.*{kind}.*(idx|ubyte)"
    for pattern, advice in ADVICE.items():
        for path in files:
            if re.search(pattern.replace("{like}", like), path.name, re.IGNORECASE):
                usual = spellings[0] + (".gz" if path.suffix == ".gz" else "")
                return advice.format(path=path.relative_to(directory), usual=usual)
    return ""


def _files_below(directory: Path) -> Iterator[Path]:
    """The files in a folder and in those below it, as far as they can be listed; macOS adds hidden ones to archives."""
    for folder, folders, names in os.walk(directory):
        depth = len(Path(folder).relative_to(directory).parts)
        folders[:] = sorted(name for name in folders if depth < DEPTH and not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def new_files(directory: Path, ending: str = "") -> dict[tuple[Part, Kind], Path]:
    """The paths of four files to be written there; InputError where one of them is, under any of its spellings."""
    paths: dict[tuple[Part, Kind], Path] = {}
    for part in get_args(Part):
        for kind in AXES:
            spellings = [directory / name for name in file_names(part, kind)]
            for path in filter(os.path.lexists, spellings):
                raise InputError(f"{path}: exists already, nothing was written: name another folder")
            paths[part, kind] = spellings[0].with_name(spellings[0].name + ending)
    return paths


def file_names(part: Part, kind: Kind) -> list[str]:
    """The spellings of one of the four files, the usual one first."""
    stems = [f"{PREFIX[part]}-{kind}{joint}idx{AXES[kind]}-ubyte" for joint in "-."]
    return [stem + ending for stem in stems for ending in ("", ".gz")]


def _read_bytes(path: Path, kind: Kind) -> NDArray[Any]:
    """The array in a file of this kind; InputError, before its elements are read, if it has no such array."""
    dtype, shape = idx.header(path)
    if dtype != np.uint8 or len(shape) != AXES[kind]:
        raise InputError(
            f"{path}: holds {len(shape)} axes of {dtype.name}, "
            f"{kind} must have {AXES[kind]} of uint8: is it the right file under this name?"
        )
    if math.prod(shape[1:]) > MOST_PIXELS:
        rows, columns = shape[1:]
        raise InputError(
            f"{path}: images of {rows:,} by {columns:,} pixels: at most {MOST_PIXELS:,} pixels can be learned from: "
            "scale them down"
        )
    return idx.read(path)
