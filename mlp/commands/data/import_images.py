"""Make a data folder of your own pictures, or of Keras's or Kaggle's files.

    mlp import-images FOLDER OUT

FOLDER has a folder for each class, with its pictures in it. Each picture is prepared as ``mlp predict`` prepares it. A
part of the images is held out as test images. OUT then has the four files of a data folder, and a picture of samples.
"""

import os
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mlp.data.array_images import Bytes
from mlp.data.dataset import choose_held_out, without_rest
from mlp.data.idx_folder import Part, new_files, write_part
from mlp.data.sources import class_names, kaggle_file, keras_file, picture_folder
from mlp.system import command_line, progress
from mlp.system.command_line import check_failures, display_path, warn
from mlp.system.errors import InputError
from mlp.system.files import all_or_none
from mlp.system.text_table import aligned
from mlp.training.random_streams import Stream, generator

SIDE, MIN_SIDE, MAX_SIDE = 28, 4, 2048
"""Pixels: the sides of the prepared images. The largest is a data folder's limit."""
TEST_FRACTION = 0.2
SAMPLES = "samples.png"
KINDS = (".npz", ".csv")

Parts = dict[Part, tuple[Bytes, Bytes]]
"""Images (n, rows, columns) and labels (n,) of the training part, and of the test part if there is one yet."""


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    check_target(options)
    parts, names = read(options)
    if "test" not in parts:
        parts = held_out(*parts["training"], options, names)
    check_parts(parts, options)
    write(options.target, parts, names)
    print(table(parts, names))
    print(f"samples: {display_path(options.target / SAMPLES)}")
    print(f"next: {command_line.command('train')} --set data.directory={display_path(options.target)} data.digits=all")


def parse(arguments: Sequence[str]) -> Namespace:
    """The options. Raises InputError if they do not suit the source."""
    parser = command_line.Parser(description="Make a data folder of pictures, or of Keras's or Kaggle's files.")
    parser.add_argument(
        "source",
        type=command_line.path,
        metavar="SOURCE",
        help=f"{picture_folder.LAYOUT}; or a file: .npz as Keras has it, .csv or .csv.gz as Kaggle has it",
    )
    parser.add_argument("target", type=command_line.path, metavar="OUT", help="the folder to write: absent or empty")
    parser.add_argument("--test", type=command_line.path, metavar="SOURCE", help="the test images (default: held out)")
    parser.add_argument(
        "--test-fraction",
        type=fraction,
        metavar="F",
        help=f"hold out this fraction of each class as test images (default: {TEST_FRACTION})",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="the seed that chooses these images (default: 0)")
    parser.add_argument("--size", type=size, metavar="N", help=f"pictures become N by N pixels (default: {SIDE})")
    options = parser.parse_args(arguments)
    options.kind = kind_of(options.source)
    holds_out = "--test-fraction" if options.test_fraction is not None else "--seed" if options.seed is not None else ""
    if options.kind == ".npz" and (options.test or holds_out):
        raise InputError(f"{options.source}: has its own test images: leave out {holds_out or '--test'}")
    if options.test and holds_out:
        raise InputError(f"{holds_out}: holds out test images, --test names them: give one of the two")
    if options.kind and options.size is not None:
        raise InputError(f"{options.source}: its images are not scaled: leave out --size")
    if options.test and kind_of(options.test) != options.kind:
        raise InputError(f"--test {options.test}: must be of the same kind as {options.source}")
    return options


def kind_of(source: Path) -> str:
    """``.npz`` or ``.csv`` for a file, by its ending; empty for a folder. Raises InputError for anything else."""
    if source.is_dir():
        return ""
    name = source.name.lower().removesuffix(".gz")
    if name.endswith(KINDS) and os.path.lexists(source):
        return name[-4:]
    what = "not a folder of pictures" if os.path.lexists(source) else "no such folder or file"
    raise InputError(f"{source}: {what}: name {picture_folder.LAYOUT}, or a file that ends in .npz, .csv or .csv.gz")


def fraction(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1:
        raise ArgumentTypeError(f"must be a number between 0 and 1, not {text}")
    return number


def seed(text: str) -> int:
    return command_line.integer_at_least(text, 0)


def size(text: str) -> int:
    return command_line.integer_at_least(text, MIN_SIDE, MAX_SIDE)


def check_target(options: Namespace) -> None:
    """Raises InputError if OUT is not absent or empty, or lies within the pictures; OSError if it cannot be listed."""
    target: Path = options.target
    if os.path.lexists(target) and not target.is_dir():
        raise InputError(f"{target}: already exists, and is not a folder: name another one")
    if target.is_dir() and any(target.iterdir()):
        raise InputError(f"{target}: not empty, nothing was written: name another folder")
    for source in filter(None, (options.source, options.test)):
        if target.resolve().is_relative_to(source.resolve()):
            raise InputError(f"{target}: lies within {source}, as if it were a class: name a folder outside")


def read(options: Namespace) -> tuple[Parts, dict[int, str]]:
    """The images of all sources, and the names by label, if the classes have names."""
    named: dict[Part, Path] = {"training": options.source} | ({"test": options.test} if options.test else {})
    if options.kind == ".npz":
        return keras_file.read(options.source), {}
    if options.kind:
        with progress.shown(unit=" images") as shown:
            return {part: kaggle_file.read(path, shown.advance) for part, path in named.items()}, {}
    return read_pictures(named, (options.size or SIDE,) * 2)


def read_pictures(folders: Mapping[Part, Path], shape: tuple[int, int]) -> tuple[Parts, dict[int, str]]:
    """The prepared images of folders of pictures, and the names by label if they are not the labels themselves."""
    classes = {part: picture_folder.classes_of(folder) for part, folder in folders.items()}
    labels = picture_folder.labels_of(classes["training"], folders["training"])
    if "test" in classes:
        picture_folder.check_same_classes(classes["test"], labels, folders["test"])
    warnings: list[str] = []
    failures: list[str] = []
    total = sum(len(files) for found in classes.values() for files in found.values())
    with progress.shown(total=total, unit=" images") as shown:
        parts: Parts = {
            part: picture_folder.prepared(found, labels, shape, warnings.append, shown.advance, failures)
            for part, found in classes.items()
        }
    for warning in warnings:
        warn(warning)
    if failures:
        check_failures([*failures, "nothing was written: repair or remove these pictures, and import again"])
    return parts, {} if picture_folder.are_labels(labels) else {label: name for name, label in labels.items()}


def held_out(images: Bytes, labels: Bytes, options: Namespace, names: Mapping[int, str]) -> Parts:
    """Training and test images, in their order. Raises InputError if no image of a class is left for training."""
    share = TEST_FRACTION if options.test_fraction is None else options.test_fraction
    chosen = choose_held_out(labels, share, generator(options.seed or 0, Stream.TEST))
    for label in without_rest(labels, chosen):
        count = int(np.count_nonzero(labels == label))
        images_of = f"{count} image{'s' * (count > 1)} of class {names.get(label, label)}"
        cure = "a class needs two: add images, or name test images with --test"
        if count > 1:
            cure = f"use a smaller --test-fraction than {share:g}, or add images"
        raise InputError(f"{options.source}: {images_of}, and none is left for training: {cure}")
    return {"training": (images[~chosen], labels[~chosen]), "test": (images[chosen], labels[chosen])}


def check_parts(parts: Parts, options: Namespace) -> None:
    """Raises InputError if there is only one label, or if the parts differ in their labels or in the images' shape."""
    (images, labels), (test_images, test_labels) = parts["training"], parts["test"]
    source, test = options.source, options.test or options.source
    found, test_found = np.unique(labels), np.unique(test_labels)
    if len(found) < 2:
        raise InputError(f"{source}: every training image has the label {found[0]}: two labels are needed")
    if images.shape[1:] != test_images.shape[1:]:
        shapes = " and ".join(" by ".join(map(str, array.shape[1:])) for array in (images, test_images))
        raise InputError(f"{test}: training and test images differ, {shapes} pixels: they must be of one size")
    for label in np.setxor1d(found, test_found).tolist():
        without, having = ("test", "training") if label in found else ("training", "test")
        cure = "add some, or remove the others"
        raise InputError(f"{test}: label {label} has {having} images, but no {without} image: {cure}")


def write(target: Path, parts: Parts, names: Mapping[int, str]) -> None:
    """Write the folder, the training images last: until they are there, no run starts on it."""
    from mlp.figures.samples import class_samples  # matplotlib is slow to import

    paths = new_files(target)
    with all_or_none(target, [*paths.values(), target / class_names.NAME, target / SAMPLES]):
        class_samples(target / SAMPLES, *parts["training"], names)
        if names:
            class_names.write(target, names)
        for part in ("test", "training"):
            write_part(paths, part, *parts[part])


def table(parts: Parts, names: Mapping[int, str]) -> str:
    """The number of images of each class, as a table to print."""
    counts = {part: np.bincount(labels) for part, (_, labels) in parts.items()}
    rows = [
        [str(label), *([names[label]] if names else []), *(f"{counts[part][label]:,}" for part in ("training", "test"))]
        for label in np.unique(parts["training"][1]).tolist()
    ]
    total = ["all", *[""] * bool(names), *(f"{len(parts[part][1]):,}" for part in ("training", "test"))]
    return aligned([["label", *["class"] * bool(names), "training", "test"], *rows, total])
