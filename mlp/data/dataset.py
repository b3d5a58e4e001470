"""The images of some labels in an IDX folder: selected, split, and scaled as the network gets them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from mlp.config import naming
from mlp.data.idx_folder import MAX_LABEL, ImagesAndLabels, Part, open_part, read_labels
from mlp.gates import Array
from mlp.network import BatchBuffers, block_length, outputs_for, write_targets
from mlp.system.errors import InputError
from mlp.system.files import StrPath

WHITE = 255.0
"""The largest pixel."""

Positions = NDArray[np.intp] | slice


@dataclass(frozen=True)
class Dataset:
    """Images of two or more labels: indices into the images of the files.

    The images stay bytes, in the file if it is large, until they are requested.
    """

    source: ImagesAndLabels
    digits: tuple[int, ...]
    """The label of each class: of the digits 0 and 1, class 1 is the positive one."""
    indices: NDArray[np.int64]
    """Positions of the selected images in the files, ascending."""
    scale: float = WHITE
    """The network's inputs X are the pixels divided by this."""

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        rows, columns = self.image_shape
        return f"Dataset({len(self):,} images {rows} x {columns} of {', '.join(map(str, self.digits))})"

    @property
    def image_shape(self) -> tuple[int, int]:
        """Rows and columns of an image."""
        return self.source.image_shape

    @property
    def largest_input(self) -> float:
        """What the largest pixel becomes in X."""
        return WHITE / self.scale

    @property
    def inputs(self) -> int:
        """Number of pixels of an image, the length of a row of X."""
        rows, columns = self.image_shape
        return rows * columns

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The label of each image, (n,)."""
        return self.source.labels[self.indices]

    @property
    def targets(self) -> NDArray[np.uint8]:
        """The class of each image, (n,): the position of its label in ``digits``."""
        return self.targets_of(slice(None))

    def targets_of(self, positions: Positions) -> NDArray[np.uint8]:
        """The class of each image at these positions of this data set, (n,)."""
        class_of = np.zeros(MAX_LABEL + 1, np.uint8)
        class_of[list(self.digits)] = np.arange(len(self.digits))
        return class_of[self.source.labels[self.indices[positions]]]

    def pixels(self, positions: Positions = slice(None), out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """The pixels 0..255 (n, inputs) of the images at these positions of this data set, in ``out`` if given."""
        images = None if out is None else out.reshape(-1, *self.image_shape)
        return self.source.take(self.indices[positions], images).reshape(-1, self.inputs)

    def take_pixels(self, positions: Positions, pixels: slice) -> NDArray[np.uint8]:
        """Only these pixels (n, k) of the images at these positions, which reads less of large images."""
        is_all = len(range(self.inputs)[pixels]) == self.inputs
        return self.pixels(positions) if is_all else self.source.take_pixels(self.indices[positions], pixels)

    def fetch(self, positions: Positions, batch: BatchBuffers) -> None:
        """Fill a network's memory with the images at these positions, scaled, and their classes."""
        divide(self.pixels(positions), self.scale, batch.X)
        batch.set_classes(self.targets_of(positions))

    def blocks(self) -> Iterator[NDArray[np.intp]]:
        """The positions of all images, in blocks small enough for memory."""
        length = block_length(self.inputs)
        for start in range(0, len(self), length):
            yield np.arange(start, min(start + length, len(self)))

    def arrays(self, precision: DTypeLike) -> tuple[Array, Array]:
        """All images and targets at once: X (n, inputs), scaled, and Y (n, 1) or, of more than two labels, one-hot."""
        shapes = ((len(self), count) for count in (self.inputs, outputs_for(len(self.digits))))
        X, Y = (np.empty(shape, precision) for shape in shapes)
        divide(self.pixels(), self.scale, X)
        write_targets(self.targets, Y)
        return X, Y

    def first_of_each(self, count: int) -> "Dataset":
        """At most the first ``count`` images of each digit, in the order of the files."""
        labels = self.labels
        chosen = [np.flatnonzero(labels == digit)[:count] for digit in self.digits]
        return replace(self, indices=self.indices[np.sort(np.concatenate(chosen))])

    def split(self, fraction: float, random: Generator) -> tuple["Dataset", "Dataset"]:
        """Hold out a fraction of each digit: (the rest, the held-out images), both in the order of the files.

        They are chosen by ``choose_held_out``. Raises InputError if no image of a digit is left to train on.
        """
        targets = self.targets
        held_out = choose_held_out(targets, fraction, random)
        if wholly := without_rest(targets, held_out):
            digit, count = self.digits[wholly[0]], np.count_nonzero(targets == wholly[0])
            raise InputError(
                f"data.validation_fraction {fraction} leaves none of {count} images of digit {digit} "
                "for training: use a smaller one, 0 for none, or more images"
            )
        return replace(self, indices=self.indices[~held_out]), replace(self, indices=self.indices[held_out])


def choose_held_out(targets: NDArray[Any], fraction: float, random: Generator) -> NDArray[np.bool_]:
    """Which examples of these classes (n,) to hold out, (n,): the fraction of each class, at random.

    The fraction is rounded to whole examples, at least one of each class unless it is 0.
    """
    chosen = np.zeros(len(targets), bool)
    for k in np.unique(targets) if fraction else ():
        positions = np.flatnonzero(targets == k)
        chosen[random.permutation(positions)[: max(1, round(fraction * len(positions)))]] = True
    return chosen


def without_rest(targets: NDArray[Any], held_out: NDArray[np.bool_]) -> list[int]:
    """The classes with no example left after holding out, in ascending order."""
    return sorted({*targets[held_out].tolist()} - {*targets[~held_out].tolist()})


def divide(pixels: NDArray[np.uint8], scale: float, X: Array) -> None:
    """Write pixels 0..255, divided by ``scale``, into X of the same shape."""
    X[...] = pixels  # converting first, then dividing in place, is twice as fast as dividing bytes
    np.divide(X, np.asarray(scale, X.dtype), X)  # a Python number would be converted more slowly than a row is divided


def inputs_of_ink(ink: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """X for ink from 0, paper, to 1, the largest pixel, if pixels are divided by ``scale``; by default ink."""
    return ink * (WHITE / scale)


def load(
    directory: StrPath,
    part: Part,
    digits: tuple[int, ...],
    limit_per_digit: int | None = None,
    *,
    transpose: bool = False,
    scale: float = WHITE,
) -> Dataset:
    """The images of these labels in one part of an IDX folder, at most the first ``limit_per_digit`` of each.

    ``transpose`` is for files whose images lie transposed; ``scale`` is ``Dataset.scale``. Raises InputError if the
    files are not in order or lack one of the labels. Its message names the config's keys.
    """
    with naming("data.directory"):
        source = open_part(directory, part, transpose=transpose)
    try:
        images = Dataset(source, digits, source.indices_of(digits), scale)
    except InputError as error:
        raise InputError(f"{error} (data.digits)") from None
    return images if limit_per_digit is None else images.first_of_each(limit_per_digit)


def of_arrays(images: NDArray[np.uint8], labels: NDArray[np.uint8], digits: tuple[int, ...], scale: float) -> Dataset:
    """The images of these labels in arrays, as ``array_images.checked`` returns them; ``scale`` is ``Dataset.scale``.

    Raises InputError if they lack one of the labels.
    """
    source = ImagesAndLabels(images, labels, {})
    return Dataset(source, digits, source.indices_of(digits), scale)


def labels(directory: StrPath) -> tuple[int, ...]:
    """The different labels of an IDX folder's training images, ascending. Raises InputError if there are not two."""
    with naming("data.directory"):
        path, all_labels = read_labels(directory, "training")
    found = tuple(np.unique(all_labels).tolist())
    if len(found) < 2:
        what = f"every label is {found[0]}" if found else "no label in it"
        raise InputError(f"{path}: {what}: two are needed (data.digits: all)")
    return found
