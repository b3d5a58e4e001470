"""A folder of pictures, one subfolder for each class: found, checked, and prepared as the network's images."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from mlp.data import image_files
from mlp.data.array_images import Bytes
from mlp.data.dataset import WHITE
from mlp.data.idx_folder import MAX_LABEL
from mlp.data.picture import samples
from mlp.system import memory
from mlp.system.errors import InputError
from mlp.system.files import StrPath
from mlp.system.printable import listed

LAYOUT = "a folder for each class, with its pictures in it"


def classes_of(folder: StrPath) -> dict[str, list[Path]]:
    """The pictures of each class, by the name of its folder; both sorted by name, hidden ones left out.

    Raises InputError if there are fewer than two classes or more than 256, if a class has no picture or a name that is
    not Unicode, or if a picture or a folder lies where it would be left out; OSError if a folder cannot be listed.
    """
    visible = sorted(path for path in Path(folder).iterdir() if not path.name.startswith("."))
    for path in visible:
        if not path.is_dir() and image_files.is_picture(path):
            raise InputError(f"{path}: a picture outside the folders of the classes: {folder} must hold {LAYOUT}")
    found = [path for path in visible if path.is_dir()]
    if not 2 <= len(found) <= MAX_LABEL + 1:
        count = {0: "no folder", 1: "only one folder"}.get(len(found), f"{len(found):,} folders")
        raise InputError(f"{folder}: {count} in it: it must hold {LAYOUT}, for 2 to {MAX_LABEL + 1} classes")
    for path in found:
        _check_class(path)
    return {path.name: image_files.files_of(path) for path in found}


def _check_class(folder: Path) -> None:
    """Raises InputError if a class's folder has another folder in it, or a name that is not Unicode."""
    try:
        os.fsencode(folder.name).decode()
    except UnicodeDecodeError:
        raise InputError(f"{folder}: its name is not UTF-8: rename it, as it is the name of a class") from None
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if inner:
        alone = f"if {folder} holds {LAYOUT}, import it by itself, or as the test images"
        raise InputError(f"{inner[0]}: a folder within a class: move its pictures into {folder}; {alone}")


def labels_of(names: Iterable[str], folder: StrPath) -> dict[str, int]:
    """The label of each class: its name if all names are labels, otherwise its place among the sorted names.

    Raises InputError if two names are the same number.
    """
    if not are_labels(names):
        return {name: place for place, name in enumerate(sorted(names))}
    for first, second in pairwise(sorted(names, key=int)):
        if int(first) == int(second):
            raise InputError(f"{folder}: {first} and {second} are one number: make one folder of them")
    return {name: int(name) for name in names}


def are_labels(names: Iterable[str]) -> bool:
    """Whether all names of classes are numbers from 0 to 255."""
    return all(re.fullmatch("[0-9]{1,3}", name) and int(name) <= MAX_LABEL for name in names)


def check_same_classes(test: Iterable[str], training: Iterable[str], folder: StrPath) -> None:
    """Raises InputError if a folder of test pictures has other classes than the training pictures."""
    problems = (("lacks", set(training) - set(test)), ("also has", set(test) - set(training)))
    differences = [f"it {verb} {listed(sorted(names))}" for verb, names in problems if names]
    if differences:
        raise InputError(f"{folder}: its classes must be the training pictures': {' and '.join(differences)}")


def prepared(
    classes: Mapping[str, Sequence[StrPath]],
    labels: Mapping[str, int],
    shape: tuple[int, int],
    warn: Callable[[str], object],
    advance: Callable[[int], object],
    failures: list[str],
) -> tuple[Bytes, Bytes]:
    """The images (n, rows, columns) of this shape, prepared as ``predict`` prepares them, and their labels (n,).

    ``warn`` gets a message for each picture that is damaged but can be read, or that shows several drawings;
    ``failures`` for each that cannot be read, or on which nothing is drawn. ``advance`` is called with 1 for each.
    Raises InputError if there is too little memory.
    """
    _check_memory(sum(map(len, classes.values())), shape)
    images: list[Bytes] = []
    image_labels: list[int] = []
    several: list[str] = []
    for name, files in classes.items():
        pictures = image_files.read_each(_counted(files, advance), failures, warn)
        for sample in samples(pictures, shape, failures):
            if sample.digit_count > 1:
                several.append(sample.name)
            images.append(np.rint(WHITE * sample.ink).astype(np.uint8))
            image_labels.append(labels[name])
    if several:
        others = f" and {len(several) - 1:,} more" if len(several) > 1 else ""
        what = "several separate drawings became one image: cut out one, unless they belong together"
        warn(f"{several[0]}{others}: {what}")
    return np.array(images, np.uint8).reshape(-1, *shape), np.array(image_labels, np.uint8)


def _counted(files: Iterable[StrPath], advance: Callable[[int], object]) -> Iterator[StrPath]:
    for file in files:
        yield file
        advance(1)


def _check_memory(count: int, shape: tuple[int, int]) -> None:
    rows, columns = shape
    free, needed = memory.free(), 2 * count * rows * columns  # twice: a list, then an array of them
    if free is not None and needed > free:
        what = f"{count:,} images of {rows} by {columns} take {needed:,} bytes of memory, and {free:,} are free"
        raise InputError(f"{what}: choose a smaller size")
