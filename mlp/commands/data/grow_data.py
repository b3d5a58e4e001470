"""Enlarge a data set: copies of real images, each rotated and shifted a little.

    mlp grow-data data outputs/grown --images 1000000

This is for trying out training on many images. The test images stay as they are.
"""

import math
import shutil
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from mlp import idx
from mlp.data.idx_folder import ImagesAndLabels, Kind, Part, new_files, open_part, write_part
from mlp.data.sources.distortions import distort
from mlp.system import command_line, progress, signals
from mlp.system.errors import InputError
from mlp.system.files import all_or_none, sha256
from mlp.training.random_streams import Stream, generator

MAX_DEGREES, MAX_SHIFT_PIXELS = 10, 2
"""The largest rotation, in either direction, and the largest shift along each axis."""

BLOCK_PIXELS = 1 << 22
"""Pixels made at a time: some thousand digits, a few MB."""

MAX_IMAGES = 2**32 - 1
"""The limit of an IDX header."""

Indices = NDArray[np.intp]


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    training, test = (open_part(options.source, part) for part in get_args(Part))
    originals, kept = (part.indices_of(options.digits or np.unique(part.labels).tolist()) for part in (training, test))
    paths = new_files(options.target)
    counts = ((training, options.images), (test, len(kept)))
    check_space(options.target, sum(count * (math.prod(part.images.shape[1:]) + 1) for part, count in counts))
    with all_or_none(options.target, paths.values()):
        write_training(paths, training, originals, options.images, options.seed)
        write_part(paths, "test", test.take(kept), test.labels[kept])
        hashes = {path.name: sha256(path) for path in paths.values()}
    print(f"training: {options.images:,} images from {len(originals):,}\ntest: {len(kept):,} images as they are")
    for name, digest in hashes.items():
        print(f"{digest}  {name}")


def parse(arguments: Sequence[str]) -> Namespace:
    parser = command_line.Parser(description="Grow an IDX folder to any size by small rotations and shifts.")
    parser.add_argument("source", type=command_line.path, metavar="SOURCE", help="a folder of four IDX files")
    parser.add_argument(
        "target", type=command_line.path, metavar="TARGET", help="the folder to write; it must not have these files yet"
    )
    parser.add_argument("--images", type=image_count, required=True, metavar="N", help="training images to write")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all random numbers (default: 0)")
    parser.add_argument(
        "--digits", type=command_line.label, nargs="+", metavar="DIGIT", help="only these digits (default: all)"
    )
    return parser.parse_args(arguments)


def image_count(text: str) -> int:
    return command_line.integer_at_least(text, 1, MAX_IMAGES)


def seed(text: str) -> int:
    return command_line.integer_at_least(text, 0)


def check_space(target: Path, size: int) -> None:
    """Raises InputError if the file system of the target has fewer free bytes than this."""
    existing = next(folder for folder in (target, *target.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if size > free:
        raise InputError(
            f"{target}: {size:,} bytes are needed, {free:,} are free: make room, or ask for fewer --images"
        )


def write_training(
    paths: dict[tuple[Part, Kind], Path], source: ImagesAndLabels, originals: Indices, count: int, seed: int
) -> None:
    """Write ``count`` copies of the original images and their labels."""
    shape = (count, *source.images.shape[1:])
    with progress.shown(total=count, unit=" images") as shown:

        def blocks() -> Iterator[NDArray[np.uint8]]:
            for block in copies(source, originals, count, seed):
                yield block
                shown.advance(len(block))
                signals.check()

        idx.write_blocks(paths["training", "images"], shape, np.uint8, blocks())
    labels = (source.labels[order] for order in orders(originals, count, seed))
    idx.write_blocks(paths["training", "labels"], (count,), np.uint8, labels)


def copies(source: ImagesAndLabels, originals: Indices, count: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """``count`` rotated and shifted copies of the original images, in blocks (n, rows, columns).

    Random numbers are drawn in the order of the copies, so a copy depends neither on the block size nor on the count.
    """
    random = generator(seed, Stream.DISTORTION)
    limits = np.array([MAX_DEGREES, MAX_SHIFT_PIXELS, MAX_SHIFT_PIXELS])
    length = max(1, BLOCK_PIXELS // math.prod(source.images.shape[1:]))
    for order in orders(originals, count, seed):
        for start in range(0, len(order), length):
            block = source.take(order[start : start + length])
            moves = random.uniform(-limits, limits, (len(block), 3))
            yield distort(block, moves[:, 0], moves[:, 1:])


def orders(originals: Indices, count: int, seed: int) -> Iterator[Indices]:
    """The original of each copy: all originals round by round, each round in a new order, cut off after ``count``."""
    for number, start in enumerate(range(0, count, len(originals))):
        yield generator(seed, Stream.ORDER, number).permutation(originals)[: count - start]
