"""Enlarge a data set: copies of real images, each rotated and shifted a little.

    python scripts/grow_data.py data outputs/grown --images 1000000

It is for trying out training at size. The test images stay as they are.
"""

import math
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from mlp import idx
from mlp.data.distortions import distort
from mlp.data.idx_folder import ImagesAndLabels, Kind, Part, new_files, open_part
from mlp.system import command_line, signals
from mlp.system.errors import InputError
from mlp.system.files import sha256
from mlp.system.progress import Bar
from mlp.training.random_streams import Stream, generator

DEGREES, PIXELS = 10, 2
"""The farthest that an image is rotated, either way, and shifted, in each direction."""

BLOCK = 1 << 22
"""Pixels made at a time: some thousand digits, a few MB."""

MOST_IMAGES = 2**32 - 1
"""As many as an IDX header can count."""

Indices = NDArray[np.int64]


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    training, test = (open_part(options.source, part) for part in get_args(Part))
    grown_from, kept = (
        np.flatnonzero(part.among(options.digits or np.unique(part.labels).tolist())) for part in (training, test)
    )
    paths = new_files(options.target)
    size = sum(
        count * (math.prod(part.images.shape[1:]) + 1)
        for count, part in ((options.images, training), (len(kept), test))
    )
    check_room(options.target, size)
    is_new = not options.target.exists()
    options.target.mkdir(parents=True, exist_ok=True)
    try:
        write_training(paths, training, grown_from, options.images, options.seed)
        idx.write(paths["test", "images"], test.take(kept))
        idx.write(paths["test", "labels"], test.labels[kept])
        hashes = {path.name: sha256(path) for path in paths.values()}
    except BaseException:
        with suppress(OSError):  # what went wrong is said already
            for path in paths.values():  # of a set that is not whole nothing stays: the command can be given again
                path.unlink(missing_ok=True)
            if is_new:
                options.target.rmdir()
        raise
    print(f"training: {options.images:,} images from {len(grown_from):,}\ntest: {len(kept):,} images as they are")
    for name, digits in hashes.items():
        print(f"{digits}  {name}")


def parse(arguments: Sequence[str]) -> Namespace:
    parser = command_line.Parser(description="Grow an IDX folder to any size by small rotations and shifts.")
    parser.add_argument("source", type=command_line.path, metavar="SOURCE", help="a folder of four IDX files")
    parser.add_argument(
        "target", type=command_line.path, metavar="TARGET", help="the folder to write, which has none of them yet"
    )
    parser.add_argument("--images", type=images, required=True, metavar="N", help="training images to write")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of their order and moves (default: 0)")
    parser.add_argument(
        "--digits", type=command_line.digit, nargs="+", metavar="DIGIT", help="leave out others (default: all)"
    )
    return parser.parse_args(arguments)


def check_room(target: Path, size: int) -> None:
    """InputError where the file system that the target is or will be on has fewer bytes left."""
    there = next(folder for folder in (target, *target.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if size > free:
        raise InputError(
            f"{target}: {size:,} bytes are needed, {free:,} are free: make room, or ask for fewer --images"
        )


def write_training(
    paths: dict[tuple[Part, Kind], Path], source: ImagesAndLabels, chosen: Indices, count: int, seed: int
) -> None:
    """Grow the chosen images of the source to so many; on a terminal a bar tells how far it is."""
    shape = (count, *source.images.shape[1:])
    with Bar(total=count, unit=" images", leave=False, disable=not sys.stderr.isatty()) as bar:

        def told() -> Iterator[NDArray[np.uint8]]:
            for block in grown(source, chosen, count, seed):
                yield block
                bar.update(len(block))
                signals.check()

        idx.write_blocks(paths["training", "images"], shape, np.uint8, told())
    labels = (source.labels[order] for order in orders(chosen, count, seed))
    idx.write_blocks(paths["training", "labels"], (count,), np.uint8, labels)


def grown(source: ImagesAndLabels, chosen: Indices, count: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """So many moved copies of the chosen images, in blocks, (n, rows, columns) each.

    Whatever the blocks and the count, the copy at one place is the same: its numbers are drawn in its turn.
    """
    random = generator(seed, Stream.DISTORTION)
    most = np.array([DEGREES, PIXELS, PIXELS])
    length = max(1, BLOCK // math.prod(source.images.shape[1:]))
    for order in orders(chosen, count, seed):
        for start in range(0, len(order), length):
            block = source.take(order[start : start + length])
            moves = random.uniform(-most, most, (len(block), 3))
            yield distort(block, moves[:, 0], moves[:, 1:])


def orders(chosen: Indices, count: int, seed: int) -> Iterator[Indices]:
    """Which image each copy is of: round by round all the chosen ones, in a new order, until they are so many."""
    for number, start in enumerate(range(0, count, len(chosen))):
        yield generator(seed, Stream.ORDER, number).permutation(chosen)[: count - start]


def images(text: str) -> int:
    return command_line.integer_at_least(text, 1, MOST_IMAGES)


def seed(text: str) -> int:
    return command_line.integer_at_least(text, 0)
