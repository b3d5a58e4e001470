"""A folder in MNIST's layout: four IDX files, images and labels for training and for test."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class ImagesAndLabels:
    """images: (N, rows, columns) bytes. labels: (N,) bytes, 0..9. N is at least 1. Files by kind."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    files: dict[Kind, Path]

    def among(self, digits: Sequence[int]) -> NDArray[np.bool_]:
        """Which images are of these digits, (N,); InputError where there is none of one of them."""
        for digit in digits:
            if digit not in self.labels:
                held = ", ".join(map(str, np.unique(self.labels)))
                raise InputError(f"{self.files['labels']}: no digit {digit} in it: it holds {held}")
        return np.isin(self.labels, digits)

    def sha256(self) -> dict[str, str]:
        """The SHA-256 of each file as it lies on the disk, by the file's name."""
        return {path.name: sha256(path) for path in self.files.values()}


def open_part(directory: Path, part: Part) -> ImagesAndLabels:
    """The images and labels of one part; raw files are mapped. Files of the other part are not opened.

    InputError, naming the file and the cure, where a file is missing, there twice, damaged, of another
    kind than its name says, or does not match its partner.
    """
    files: dict[Kind, Path] = {kind: find(directory, part, kind) for kind in AXES}
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
        raise InputError(f"{files['labels']}: label {labels[at]} at index {at}: labels must be 0 to 9")
    return ImagesAndLabels(images, labels, files)


def find(directory: Path, part: Part, kind: Kind) -> Path:
    """The path of one of the four files, under whichever of its spellings it has."""
    if not directory.is_dir():
        raise InputError(
            f"{directory}: no such folder: it must hold four IDX files, images and labels for training and test"
        )
    spellings = file_names(part, kind)
    found = [directory / name for name in spellings if os.path.lexists(directory / name)]
    if not found:
        raise InputError(f"{directory}: no {part} {kind}: put one of {', '.join(spellings)} there")
    if len(found) > 1:
        raise InputError(f"{found[0]} and {found[1].name} are two spellings of one file: remove one of them")
    return found[0]


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
    array = idx.read(path)
    if array.dtype != np.uint8 or array.ndim != AXES[kind]:
        raise InputError(
            f"{path}: holds {array.ndim} axes of {array.dtype.name}, "
            f"{kind} must have {AXES[kind]} of uint8: is it the right file under this name?"
        )
    return array
