"""Finished runs: found again and read back, whole or not at all."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from mlp import config as configuration
from mlp.config import Config, naming
from mlp.data import dataset
from mlp.data.dataset import Dataset
from mlp.evaluation import Evaluation, evaluate
from mlp.gates import Array
from mlp.network import MLP, parameter_shapes
from mlp.runs import manifest as manifests
from mlp.runs import npz
from mlp.runs.directory import FINISHED
from mlp.runs.manifest import FinishedManifest, Manifest
from mlp.system.errors import InputError
from mlp.system.files import check_same, identity, open_regular, read_small, sha256
from mlp.training import from_config


@dataclass(frozen=True)
class FinishedRun:
    """What a finished run left: its config, its best network, and what it was trained on."""

    directory: Path
    config: Config
    network: MLP
    manifest: FinishedManifest
    identity: tuple[int, int]
    """Of the directory, as ``files.identity`` has it."""

    @property
    def image_shape(self) -> tuple[int, int]:
        """Rows and columns of an image."""
        return self.manifest.image_shape

    @property
    def training_files(self) -> dict[str, str]:
        """The SHA-256 of each file, by its name."""
        return self.manifest.training_files

    @property
    def weights_sha256(self) -> str:
        """Of model.npz."""
        return self.manifest.weights_sha256

    @property
    def name(self) -> str:
        """The directory's own, also of one that was given as ``.`` or by a link."""
        return self.directory.resolve().name

    def file(self, name: str) -> Path:
        """Where a file of this name is to be written. Raises InputError if another directory has taken the name."""
        check_same(self.directory, self.identity)
        return self.directory / name

    def test_images(self) -> Dataset:
        """The test images of the run's digits; InputError as in ``dataset.load``, and for another shape."""
        data = self.config.data
        return self.same_shape(dataset.load(data.directory, "test", data.digits))

    def training_images(self) -> Dataset:
        """The images that the run was trained on, those it held out among them.

        Raises InputError as ``dataset.load`` does, and if the files have other bytes than they had for the run.
        """
        images = self.same_shape(from_config.training_images(self.config))
        files = images.source.sha256(self.training_files.values())
        from_config.check_same_files(self.config, files, self.training_files, self.directory)
        return images

    def evaluate(self, images: Dataset) -> Evaluation:
        """The network's answers on these images; InputError where its weights are so large that they are no numbers."""
        with np.errstate(over="ignore", invalid="ignore"):  # it shows in the loss
            evaluation = evaluate(self.network, images)
        if not math.isfinite(evaluation.loss):
            path = self.directory / "model.npz"
            raise InputError(f"{path}: weights so large that the loss is {evaluation.loss}: train the run again")
        return evaluation

    def same_shape(self, images: Dataset) -> Dataset:
        """The images, if they are of the run's shape; else InputError."""
        if images.image_shape != self.image_shape:
            raise InputError(
                f"{images.source.files['images']}: images of {images.image_shape} pixels, but {self.directory} was "
                f"trained on {self.image_shape}: data.directory must hold images of the run's shape"
            )
        return images


T = TypeVar("T")
MADE = ("history.csv", "loss_curve.png")
"""What a finished run has, and is not needed to read it back."""


def newest(output: Path, warn: Callable[[str], object]) -> Path:
    """The directory of the whole run that finished last under the output directory of a config.

    ``warn`` is given what is wrong with a manifest that is none, or that says of a part of a run that it is finished.
    Raises InputError if no run there is finished.
    """
    ended = []
    for directory in output.iterdir() if output.is_dir() else ():
        try:
            (directory / "manifest.json").lstat()
            if read_manifest(directory).status == FINISHED:
                ended.append((_end(directory), directory))
        except (FileNotFoundError, NotADirectoryError):  # it is not the directory of a run
            continue
        except InputError as error:
            warn(str(error))
        except OSError as error:
            warn(f"{directory}: {error.strerror}: not looked at")
    if not ended:
        with naming("output.directory"):
            raise InputError(f"{output}: no finished run in it: train one, or name a run")
    return max(ended)[1]


def _end(directory: Path) -> datetime:
    """When a finished run ended. Raises InputError if its manifest does not say so, or it is not whole."""
    manifest = read_finished_manifest(directory)
    for name in ("config.yaml", "model.npz"):
        if not (directory / name).is_file():
            raise InputError(f"{directory}: not a whole run, it has no {name}: remove it")
    try:
        ended = datetime.fromisoformat(manifest.ended or "")
    except ValueError:
        what = configuration.display_value(manifest.ended)
        raise InputError(f"{directory / 'manifest.json'}: ended must be a date and a time, not {what}") from None
    return ended if ended.tzinfo else ended.replace(tzinfo=UTC)


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a run; InputError where there is none."""
    path = directory / "manifest.json"
    try:
        return Manifest.model_validate_json(read_small(path, manifests.LARGEST, links=False))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file: {directory} is not the directory of a run") from None
    except ValidationError as error:
        what = manifests.first_problem(error)
        raise InputError(f"{path}: not the manifest of a run ({what}): remove it, or name another run") from None


def read(directory: Path) -> FinishedRun:
    """A finished run. Raises InputError if it is none, or a file of it is missing or damaged."""
    return steadily(directory, lambda run: run)


def steadily(directory: Path, made_of: Callable[[FinishedRun], T]) -> T:
    """What is made of a finished run, and of what else is in its directory; InputError as ``read`` raises it.

    It is made again if another process has gone on with the run meanwhile, so that nothing is of two states of it.
    """
    while True:
        manifest = read_finished_manifest(directory)
        try:
            made = made_of(_read(directory, manifest))
        except InputError:
            if read_finished_manifest(directory) == manifest:
                raise
        else:
            if read_finished_manifest(directory) == manifest:
                return made


def _read(directory: Path, manifest: FinishedManifest) -> FinishedRun:
    known = identity(directory)
    config = read_config(directory)
    weights, made_with = read_model(directory, manifest)
    path = directory / "model.npz"
    if config.differences(made_with):
        raise InputError(f"{path}: not the model of the config beside it: train the run again")
    sizes, precision = from_config.sizes(config, math.prod(manifest.image_shape)), config.training.precision
    if {name: array.shape for name, array in weights.items()} != parameter_shapes(sizes):
        raise InputError(f"{path}: not the weights of images of {manifest.image_shape} pixels: train the run again")
    if not all(array.dtype.newbyteorder("=") == precision and np.isfinite(array).all() for array in weights.values()):
        raise InputError(
            f"{path}: not the weights that a run keeps, finite numbers of {precision}: train the run again"
        )
    network = MLP(sizes, precision=precision, loss=config.model.loss)
    for name, array in weights.items():
        network.parameters[name][...] = array
    return FinishedRun(directory, config, network, manifest, known)


def finished_config(directory: Path) -> Config | None:
    """The config of the finished run there, with all that it made; None where there is none such."""
    try:
        run = read(directory)
    except InputError:
        return None
    return run.config if all((directory / name).is_file() for name in MADE) else None


def read_finished_manifest(directory: Path) -> FinishedManifest:
    """The manifest of a finished run; InputError where it is none."""
    manifest = read_manifest(directory)
    if manifest.status != FINISHED:
        raise InputError(f"{directory}: not a finished run, its status is {manifest.status}: name another run")
    try:
        return FinishedManifest(**manifest.model_dump())
    except ValidationError as error:
        what = manifests.first_problem(error)
        raise InputError(f"{directory}: not a finished run, though it says so ({what}): name another run") from None


def read_config(directory: Path) -> Config:
    """The config of a run; InputError where it is missing or damaged."""
    path = directory / "config.yaml"
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such file: without it the run cannot be read")
    return configuration.load(path, links=False)


def read_model(directory: Path, manifest: FinishedManifest) -> tuple[dict[str, Array], Config]:
    """The weights in model.npz and the config they were made with; InputError for other bytes than the run wrote."""
    path = directory / "model.npz"
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such file: train the run again")
    if sha256(path, links=False) != manifest.weights_sha256:
        raise InputError(f"{path}: damaged: not the bytes that the run wrote: train the run again")
    try:
        with open_regular(path, links=False) as file:
            weights = npz.read(file)
        # A key that is younger than the run has its default.
        config = Config.model_validate_json(npz.text(weights, "config", configuration.MAX_CONFIG_BYTES))
        del weights["config"]
        return weights, config
    except (npz.Damaged, ValueError) as error:
        raise InputError(f"{path}: not the model of a run: train the run again") from error
