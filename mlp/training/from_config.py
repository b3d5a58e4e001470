"""What a config describes: its images, their split, and the untrained network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.config import Config
from mlp.data import dataset
from mlp.data.dataset import Dataset
from mlp.data.idx_folder import Part
from mlp.network import MLP, outputs_for, parameter_count
from mlp.optimizers import OPTIMIZERS
from mlp.system import memory
from mlp.system.errors import InputError
from mlp.system.files import StrPath
from mlp.training.random_streams import Stream, generator


def resolved(config: Config) -> Config:
    """The config with the labels in the training files as ``data.digits`` if that is ``all``.

    Raises InputError if the labels cannot be read, or if there are more or fewer class weights than labels.
    """
    if isinstance(config.data.digits, tuple):
        return config
    labels, weights = dataset.labels(config.data.directory), config.training.class_weight
    if isinstance(weights, tuple) and len(weights) != len(labels):
        where = f"{config.data.directory} has {len(labels)} labels (data.digits: all)"
        raise InputError(f"training.class_weight: {len(weights)} entries, but {where}: give one for each")
    return config.with_values({"data.digits": labels})


def images(config: Config, part: Part) -> Dataset:
    """The config's labels in one part of its data. Raises what ``dataset.load`` raises."""
    data = resolved(config).data
    limit = data.limit_per_digit if part == "training" else None
    return dataset.load(data.directory, part, data.labels, limit, transpose=data.transpose, scale=data.scale)


def training_images(config: Config) -> Dataset:
    """The images to learn from and to validate on, at most the config's limit of each label."""
    return images(config, "training")


def changed_files(found: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    """The names of the files whose SHA-256 is not the recorded one; each mapping has the images, then the labels."""
    return [name for name, known in zip(found, recorded.values(), strict=True) if found[name] != known]


def check_same_files(config: Config, found: Mapping[str, str], recorded: Mapping[str, str], run: StrPath) -> None:
    """Raises InputError, naming the files, if training files differ from those that the run recorded."""
    if names := changed_files(found, recorded):
        raise InputError(
            f"{config.data.directory}: {' and '.join(names)} differ from those that {run} was trained on "
            "(SHA-256 in its manifest.json): put the old files back in data.directory, or train a new run on these"
        )


def split(config: Config, images: Dataset) -> tuple[Dataset, Dataset]:
    """The training images in two parts: those to learn from, and those held out for validation."""
    return images.split(config.data.validation_fraction, generator(config.training.seed, Stream.SPLIT))


def class_weights(config: Config, training_set: Dataset) -> tuple[float, ...] | None:
    """The weight of each class in the loss; balanced ones are those of the images to learn from."""
    weights = config.training.class_weight
    if not isinstance(weights, str):
        return weights
    return balanced(np.bincount(training_set.targets, minlength=len(training_set.digits)))


def balanced(counts: NDArray[Any]) -> tuple[float, ...]:
    """The balanced weight of each class, n / (classes n_class), from the number or total weight of its examples."""
    return tuple((counts.sum() / (len(counts) * counts)).tolist())


def sizes(config: Config, inputs: int) -> list[int]:
    """The network's sizes: the pixels of an image, the units of each hidden layer, the outputs."""
    return [inputs, *config.model.hidden_sizes, outputs_for(len(config.data.labels))]


def options(config: Config, class_weights: Sequence[float] | None) -> dict[str, Any]:
    """The keyword arguments of the config's network, besides the generator of its weights."""
    precision, model = config.training.precision, config.model
    return {
        "precision": precision,
        "loss": model.loss,
        "activation": model.activation,
        "class_weights": class_weights,
    }


MEMORY_FACTOR = 6
"""Training takes this many times the memory of the weights: gradients, velocity, best weights, copies for saving.
Adam takes one more, for its second moment."""


def network(config: Config, inputs: int, class_weights: Sequence[float] | None = None) -> MLP:
    """The untrained network of a config whose labels are resolved.

    Raises InputError if there is too little memory to train it.
    """
    count, free = parameter_count(sizes(config, inputs)), memory.free()
    blocks = MEMORY_FACTOR + len(OPTIMIZERS[config.training.optimizer].state_names) - 1
    needed = blocks * count * np.dtype(config.training.precision).itemsize
    if free is not None and needed > free:
        raise InputError(
            f"model.hidden_sizes: training {count:,} weights takes {needed:,} bytes of memory, and only {free:,} are "
            f"free: use fewer units, or smaller images"
        )
    weights = generator(config.training.seed, Stream.WEIGHTS)
    return MLP(sizes(config, inputs), generator=weights, **options(config, class_weights))
