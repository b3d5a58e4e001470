"""What a config describes: its images, their split, and the untrained network."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from mlp.config import Config
from mlp.data import dataset
from mlp.data.dataset import Dataset
from mlp.network import MLP, parameter_count
from mlp.system import memory
from mlp.system.errors import InputError
from mlp.training.random_streams import Stream, generator


def training_images(config: Config) -> Dataset:
    """The config's digits in the training files, at most the limit of each. Raises what ``dataset.load`` raises."""
    data = config.data
    return dataset.load(data.directory, "training", data.digits, data.limit_per_digit)


def changed_files(found: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    """The names of the files whose SHA-256 is not the recorded one; each mapping has the images, then the labels."""
    return [name for name, known in zip(found, recorded.values(), strict=True) if found[name] != known]


def check_same_files(config: Config, found: Mapping[str, str], recorded: Mapping[str, str], run: Path) -> None:
    """Raises InputError, naming the files, if training files differ from those that the run recorded."""
    if names := changed_files(found, recorded):
        raise InputError(
            f"{config.data.directory}: {' and '.join(names)} differ from those that {run} was trained on "
            "(SHA-256 in its manifest.json): put the old files back in data.directory, or train a new run on these"
        )


def split(config: Config, images: Dataset) -> tuple[Dataset, Dataset]:
    """The training images in two parts: those to learn from, and those held out for validation."""
    return images.split(config.data.validation_fraction, generator(config.training.seed, Stream.SPLIT))


def sizes(config: Config, inputs: int) -> list[int]:
    """The network's sizes: the inputs, which are the pixels of an image, the units of each hidden layer, the output."""
    return [inputs, *config.model.hidden_sizes, 1]


MEMORY_FACTOR = 6
"""Training takes this many times the memory of the weights: gradients, velocity, best weights, copies for saving."""


def network(config: Config, inputs: int, precision: DTypeLike | None = None) -> MLP:
    """The untrained network, in the config's precision or another.

    Raises InputError if there is too little memory to train it.
    """
    count, free = parameter_count(sizes(config, inputs)), memory.free()
    needed = MEMORY_FACTOR * count * np.dtype(config.training.precision).itemsize
    if free is not None and needed > free:
        raise InputError(
            f"model.hidden_sizes: training {count:,} weights takes {needed:,} bytes of memory, and only {free:,} are "
            f"free: use fewer units, or smaller images"
        )
    return MLP(
        sizes(config, inputs),
        precision=precision or config.training.precision,
        generator=generator(config.training.seed, Stream.WEIGHTS),
        loss=config.model.loss,
    )
