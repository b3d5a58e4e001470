"""What a config says: its images, their split and the network to start from, the same wherever they are needed."""

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
    """The config's digits in the training files, of each at most the limit. InputError as in ``dataset.load``."""
    data = config.data
    return dataset.load(data.directory, "training", data.digits, data.limit_per_digit)


def changed_files(found: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    """The names of the files, images and labels, whose SHA-256 is not the one recorded of a run under any spelling."""
    return [name for name, known in zip(found, recorded.values(), strict=True) if found[name] != known]


def check_same_files(config: Config, found: Mapping[str, str], recorded: Mapping[str, str], run: Path) -> None:
    """InputError, naming them, where training files have other bytes than those recorded of the run."""
    if names := changed_files(found, recorded):
        raise InputError(
            f"{config.data.directory}: {' and '.join(names)} are not those that {run} was trained on (its "
            "manifest.json has their SHA-256): put those back in data.directory, or train a new run on these"
        )


def split(config: Config, images: Dataset) -> tuple[Dataset, Dataset]:
    """The training images cut into those to learn from and those held out."""
    return images.split(config.data.validation_fraction, generator(config.training.seed, Stream.SPLIT))


def sizes(config: Config, inputs: int) -> list[int]:
    """The sizes of the network for images of so many pixels: its inputs, its hidden layers' units, its outputs."""
    return [inputs, *config.model.hidden_sizes, 1]


NEEDED = 6
"""Times the size of a network's weights that training keeps: gradients, velocity, the best, and copies to be saved."""


def check_memory(config: Config, inputs: int) -> None:
    """InputError if there is less memory than training a network for images of so many pixels takes."""
    count, free = parameter_count(sizes(config, inputs)), memory.free()
    needed = NEEDED * count * np.dtype(config.training.precision).itemsize
    if free is not None and needed > free:
        raise InputError(
            f"model.hidden_sizes: {count:,} weights, for which training takes {needed:,} bytes of memory, more than "
            f"the {free:,} that there are: use fewer units, or smaller images"
        )


def network(config: Config, inputs: int, precision: DTypeLike | None = None) -> MLP:
    """The untrained network for images of so many pixels, in the config's precision or another.

    Raises InputError if there is not the memory to train it.
    """
    check_memory(config, inputs)
    return MLP(
        sizes(config, inputs),
        precision=precision or config.training.precision,
        generator=generator(config.training.seed, Stream.WEIGHTS),
        loss=config.model.loss,
    )
