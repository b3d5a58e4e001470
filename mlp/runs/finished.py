"""Finished runs: found and read back, whole or not at all, and opened with their data."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import numpy as np

from mlp import config as configuration
from mlp.config import Config, naming
from mlp.data import baselines
from mlp.data.dataset import Dataset
from mlp.data.idx_folder import Part
from mlp.evaluation import Evaluation, evaluate
from mlp.network import MLP
from mlp.runs import history, model
from mlp.runs.directory import CONFIG, CURVE
from mlp.runs.manifest import FINISHED, MANIFEST, FinishedManifest, read_finished_manifest, read_manifest
from mlp.runs.model import read_network
from mlp.system.errors import InputError
from mlp.system.files import StrPath, check_same, identity
from mlp.training import from_config

Split = Literal["test", "validation", "training"]


@dataclass(frozen=True)
class FinishedRun:
    """A finished run: its config, its best network, and its manifest."""

    directory: Path
    config: Config = field(repr=False)
    network: MLP
    manifest: FinishedManifest = field(repr=False)
    identity: tuple[int, int] = field(repr=False)
    """The directory's, as in ``files.identity``."""

    @property
    def image_shape(self) -> tuple[int, int]:
        """Rows and columns of an image."""
        return self.manifest.image_shape

    @property
    def name(self) -> str:
        """The name of the directory, even if it was given as ``.`` or by a link."""
        return self.directory.resolve().name

    def file(self, name: str) -> Path:
        """The path to write a file of this name to. Raises InputError if another directory has taken the name."""
        check_same(self.directory, self.identity)
        return self.directory / name

    def images(self, part: Part) -> Dataset:
        """The run's digits in one part of its data; the training part includes the validation images.

        Raises InputError as ``dataset.load`` does, if the images have another shape than the run's, or if the training
        files have changed since the run began.
        """
        images = from_config.images(self.config, part)
        if images.image_shape != self.image_shape:
            raise InputError(
                f"{images.source.files['images']}: images of {images.image_shape} pixels, but {self.directory} was "
                f"trained on {self.image_shape}: data.directory must hold images of the run's shape"
            )
        if part == "training":
            recorded = self.manifest.training_files
            files = images.source.sha256(recorded.values())
            from_config.check_same_files(self.config, files, recorded, self.directory)
        return images

    def evaluate(self, images: Dataset) -> Evaluation:
        """The network's predictions for these images. Raises InputError if its weights make the loss overflow."""
        with np.errstate(over="ignore", invalid="ignore"):  # it shows in the loss
            evaluation = evaluate(self.network, images)
        if not math.isfinite(evaluation.loss):
            path = self.directory / model.NAME
            raise InputError(f"{path}: weights so large that the loss is {evaluation.loss}: train the run again")
        return evaluation

    def judge(self, split: Split = "test") -> tuple[Dataset, Evaluation, dict[str, dict[str, Any]]]:
        """All training images, the evaluation on a split, and each baseline's results on that split, by name.

        Raises InputError as ``images`` does, if there is no split of that name, or if the split is empty because the
        run held out no validation images.
        """
        if split not in get_args(Split):
            raise InputError(f"split: must be {' or '.join(map(repr, get_args(Split)))}, not {split!r:.60}")
        training = self.images("training")
        rest, held_out = from_config.split(self.config, training)
        images = self.images("test") if split == "test" else held_out if split == "validation" else rest
        if len(images) == 0:
            raise InputError(f"{self.directory}: it held out no validation images (data.validation_fraction is 0)")
        return training, self.evaluate(images), compare(training, images)

    def summary(self, split: Split = "test") -> tuple[Evaluation, dict[str, Any]]:
        """The evaluation on a split, and all results, ready for JSON. Raises InputError as ``judge`` does."""
        _, evaluation, rules = self.judge(split)
        files = evaluation.images.source.sha256()
        facts = {"split": split, "weights_sha256": self.manifest.weights_sha256, "files": files}
        return evaluation, facts | evaluation.summary() | {"baselines": rules}


def compare(training: Dataset, images: Dataset) -> dict[str, dict[str, Any]]:
    """The results on these images of each baseline, learned from the training images, by its name."""
    rules = {}
    for rule in baselines.learn(training):
        errors = rule.errors(images)
        rules[rule.name] = rule.facts | {"errors": errors, "accuracy": (len(images) - errors) / len(images)}
    return rules


T = TypeVar("T")


def newest(output: StrPath, warn: Callable[[str], object]) -> Path:
    """The directory of the run in the output directory that finished last.

    Warns of damaged manifests, and of runs that are marked as finished but lack a file. Raises InputError if no run
    there is finished.
    """
    output, ended = Path(output), list[tuple[datetime, Path]]()
    for directory in output.iterdir() if output.is_dir() else ():
        try:
            (directory / MANIFEST).lstat()
            if read_manifest(directory).status == FINISHED:
                ended.append((_end(directory), directory))
        except (FileNotFoundError, NotADirectoryError):  # not the directory of a run
            continue
        except InputError as error:
            warn(str(error))
        except OSError as error:
            warn(f"{directory}: {error.strerror}: skipped")
    if not ended:
        with naming("output.directory"):
            raise InputError(f"{output}: no finished run in it: train one, or name a run")
    return max(ended)[1]


def _end(directory: Path) -> datetime:
    """When a finished run ended. Raises InputError if its manifest does not say when, or the run lacks a file."""
    manifest = read_finished_manifest(directory)
    for name in (CONFIG, model.NAME):
        if not (directory / name).is_file():
            raise InputError(f"{directory}: not a whole run, it has no {name}: remove it")
    try:
        ended = datetime.fromisoformat(manifest.ended or "")
    except ValueError:
        what = configuration.display_value(manifest.ended)
        raise InputError(f"{directory / MANIFEST}: ended must be a date and a time, not {what}") from None
    return ended if ended.tzinfo else ended.replace(tzinfo=UTC)


def read_run(directory: StrPath) -> FinishedRun:
    """A finished run. Raises InputError if it is not finished, or a file of it is missing or damaged."""
    return read_consistently(directory, lambda run: run)


def read_consistently(directory: StrPath, use: Callable[[FinishedRun], T]) -> T:
    """Read a finished run and return ``use(run)``, which may read more files. Raises InputError as ``read_run`` does.

    If another process resumes the run meanwhile, both are repeated, so the result never mixes two states.
    """
    directory = Path(directory)
    while True:
        manifest = read_finished_manifest(directory)
        try:
            known, config = identity(directory), read_config(directory)
            run = FinishedRun(directory, config, read_network(directory, config, manifest), manifest, known)
            result = use(run)
        except InputError:
            if read_finished_manifest(directory) == manifest:
                raise
        else:
            if read_finished_manifest(directory) == manifest:
                return result


def find_whole(directory: StrPath) -> FinishedRun | None:
    """The finished run in a directory, with every file that a run writes; None if there is no such run."""
    try:
        run = read_run(directory)
    except InputError:
        return None
    return run if all((run.directory / name).is_file() for name in (history.NAME, CURVE)) else None


def read_config(directory: StrPath) -> Config:
    """The config of a run. Raises InputError if it is missing or damaged."""
    path = Path(directory, CONFIG)
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such file: without it the run cannot be read")
    return configuration.load(path, links=False)
