"""A run as a program or a notebook uses it: its history, and its network, which predicts and is evaluated."""

import math
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import evaluation
from mlp.config import BALANCED, Config
from mlp.data import array_images, dataset, image_files
from mlp.data.picture import samples
from mlp.data.sources import class_names
from mlp.gates import Array
from mlp.library import kept_arrays
from mlp.network import MLP, block_length
from mlp.runs import finished, model
from mlp.runs.finished import FinishedRun, Split
from mlp.runs.history import read_history
from mlp.system import blas_threads
from mlp.system.errors import InputError
from mlp.system.files import StrPath, given_path
from mlp.training.progress import Epoch, kept_epoch

Images = StrPath | Iterable[StrPath] | NDArray[np.uint8]


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run, as ``mlp.train`` and ``mlp.load`` return it; or a model.npz without its run.

    Arrays of images are like those of IDX files: uint8, (n, rows, columns) or (n, pixels), 0 for paper and 255 for ink,
    transposed if ``data.transpose`` is true.
    """

    directory: Path
    """Where its files are."""
    config: Config
    history: list[Epoch]
    """A row for each epoch, with the columns of history.csv; empty for a model.npz without its run."""
    network: MLP
    """With the weights of the best epoch."""
    image_shape: tuple[int, int]
    """Rows and columns of an image."""
    _finished: FinishedRun | None

    def __repr__(self) -> str:
        if not self.history:
            return f"Run(a model.npz without its run, {self.network})"
        best = kept_epoch(self.history)
        return f"Run({self.directory}, {self.network}, best epoch {best.epoch} of {len(self.history)}: {best})"

    def _repr_html_(self) -> str:
        from mlp.library import display

        return display.html(self)

    def _repr_svg_(self) -> str | None:
        from mlp.library import display

        return display.svg(self)

    @property
    def classes(self) -> list[str]:
        """The name of each class, from classes.csv in the run's data folder; without one, its label.

        Warns if classes.csv cannot be read.
        """
        names = {} if self._finished is None else class_names.read(self.config.data.directory, warnings.warn)
        return [names.get(label, str(label)) for label in self.config.data.labels]

    def predict(self, images: Images) -> Array:
        """The probabilities of images: (n, 1), of the second of two classes, or (n, classes) for more.

        images: an array, or paths of pictures, folders of pictures and IDX files, one or several, which are prepared as
        ``predict.py`` does. Raises InputError if an array has another type or shape, or if a file cannot be read or
        has nothing drawn on it. Warns of pictures with several separate digits, and of damaged ones that can be read.
        """
        if isinstance(images, Iterator):  # such as those of Path.glob
            images = list(images)
        paths, problems = _paths(images), list[str]()
        rows = self._scaled(images) if paths is None else self._prepared(paths, problems)
        try:
            with blas_threads.threads(self.config.training.threads):
                return np.concatenate([self.network.predict(X) for X in rows])
        finally:
            for problem in problems:
                warnings.warn(problem, stacklevel=2)

    def evaluate(self, split: Split = "test", *, images: tuple[Any, Any] | None = None) -> dict[str, Any]:
        """What ``evaluate.py --json`` prints of the run's "test", "validation" or "training" images; writes no file.

        images: an array of images and one of labels, integers (n,), to use instead of a split. Raises InputError if
        the images cannot be read, are not as above, or lack one of the run's labels.
        """
        with blas_threads.threads(self.config.training.threads):
            return self._evaluate_split(split) if images is None else self._evaluate_arrays(images)

    def _evaluate_split(self, split: Split) -> dict[str, Any]:
        if self._finished is None:
            raise InputError(f"a model.npz without its run has no {split} images: give images=(X, y)")
        if split == "test" and kept_arrays.is_kept(self.config.data.directory):
            raise InputError(f"{self.directory}: trained on arrays, it has no test images: give images=(X, y)")
        try:
            return self._finished.summary(split)[1]
        except InputError as error:
            error.add_note("images that are arrays: run.evaluate(images=(X, y))")
            raise

    def _evaluate_arrays(self, images: tuple[Any, Any]) -> dict[str, Any]:
        _, labels = array_images.checked_pair(images)
        data = self.config.data
        given = dataset.of_arrays(self._upright(images[0]), labels, data.labels, data.scale)
        if self._finished is not None:
            summary = self._finished.evaluate(given).summary()
            try:
                return summary | {"baselines": finished.compare(self._finished.images("training"), given)}
            except InputError as error:
                if self.config.training.class_weight != BALANCED:  # whose weights are in the manifest only
                    alone = f"mlp.load({str(self._finished.directory / model.NAME)!r}).evaluate(images=(X, y))"
                    error.add_note(f"without the training images, and so without baselines: {alone}")
                raise
        if self.config.training.class_weight == BALANCED:
            raise InputError("the weights of the classes in its loss are in the run's manifest.json: load the run")
        return evaluation.evaluate(self.network, given).summary()

    def _upright(self, images: Any) -> NDArray[np.uint8]:
        """An array of images, (n, rows, columns), upright. Raises InputError as ``predict`` does."""
        pixels, shape = array_images.checked_pixels(images), self.image_shape
        if self.config.data.transpose:
            shape = shape[::-1]
        if np.ndim(images) == 2 and pixels[0].size == math.prod(shape):
            pixels = pixels.reshape(-1, *shape)
        if pixels.shape[1:] != shape:
            cure = "write images[None] for a single one" if np.shape(images) == shape else "resize them, or give paths"
            allowed = f"(n, {shape[0]}, {shape[1]}) or (n, {math.prod(shape)})"
            raise InputError(f"images: shape {np.shape(images)}, must be {allowed}: {cure}")
        upright = pixels.transpose(0, 2, 1) if self.config.data.transpose else pixels
        return np.ascontiguousarray(upright)

    def _scaled(self, images: Any) -> Iterator[Array]:
        """The rows of X, in blocks, of an array of images."""
        pixels = self._upright(images)
        inputs = self.network.sizes[0]
        length = block_length(inputs)
        for start in range(0, len(pixels), length):
            block = pixels[start : start + length].reshape(-1, inputs)
            X = np.empty(block.shape, self.network.precision)
            dataset.divide(block, self.config.data.scale, X)
            yield X

    def _prepared(self, paths: Sequence[StrPath], problems: list[str]) -> Iterator[Array]:
        """The rows of X, in blocks, of the images in files; ``problems`` gets messages of those that are doubtful."""
        transpose, failures = self.config.data.transpose, list[str]()
        files = (file for path in paths for file in image_files.files_of(given_path(path)))
        images = image_files.read_each(files, failures, problems.append, transpose=transpose)
        prepared = samples(images, self.image_shape, failures)
        while block := list(islice(prepared, block_length(self.network.sizes[0]))):
            problems += [f"{each.name}: several separate digits" for each in block if each.digit_count > 1]
            ink = np.stack([sample.ink.reshape(-1) for sample in block])
            yield dataset.inputs_of_ink(ink, self.config.data.scale)
        if failures:
            raise InputError(*failures)


def _paths(images: Any) -> list[StrPath] | None:
    """The paths, if these are paths."""
    if isinstance(images, str | os.PathLike):
        return [images]
    if isinstance(images, Sequence) and images and all(isinstance(image, str | os.PathLike) for image in images):
        return list(images)
    return None


def load(run: StrPath) -> Run:
    """The finished run in a directory; or the network in a model.npz by itself.

    Raises InputError if there is no such run, if it is not finished, or if a file of it is missing or damaged.
    """
    path = given_path(run).absolute()  # the working folder may change
    if path.suffix == ".npz" and not path.exists():
        raise InputError(f"{run}: no such file: name the directory of a run, or its model.npz")
    if path.is_file():
        return _without_run(path)
    return finished.read_consistently(path, _with_history)


def _with_history(run: FinishedRun) -> Run:
    return Run(run.directory, run.config, read_history(run.directory), run.network, run.image_shape, run)


def _without_run(path: Path) -> Run:
    network, config = model.read_alone(path)
    inputs = network.sizes[0]
    side = math.isqrt(inputs)
    shape = (side, side) if side * side == inputs else (1, inputs)
    return Run(path.parent, config, [], network, shape, None)
