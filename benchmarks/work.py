"""The training work, the same for every contender: images, initial weights and the order of the batches."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.config import Config
from mlp.data.dataset import Dataset
from mlp.gates import Array
from mlp.network import MLP, outputs_for
from mlp.training import from_config
from mlp.training.random_streams import Stream, generator

MAX_STEPS = 60_000
"""The steps of a contender that are measured, if that is at least one epoch: at batch 1 an epoch has 12,665."""
FULL_RATE_BATCH = 32
"""The batch size from which on the config's learning rate is used as it is."""


@dataclass(frozen=True)
class WorkRow:
    """The columns that say which work was measured. network: its sizes, such as 784-32-1."""

    network: str
    activation: str
    batch_size: int
    loss: str
    learning_rate: float

    @property
    def work(self) -> str:
        """A short name of the work."""
        return f"{self.network}, {self.activation}, {self.loss.replace('_', '-')}, batch {self.batch_size}"


@dataclass(frozen=True)
class Work:
    """A ``plain`` config and the images to train on."""

    config: Config
    images: Dataset

    @property
    def batch_size(self) -> int:
        """Images per step."""
        return min(self.config.training.batch_size, len(self.images))

    @property
    def steps(self) -> int:
        """Steps per epoch, including the short last batch."""
        return math.ceil(len(self.images) / self.batch_size)

    @property
    def learning_rate(self) -> float:
        """The config's learning rate."""
        return self.config.training.learning_rate

    @property
    def loss(self) -> str:
        """The config's loss."""
        return self.config.model.loss

    @property
    def row(self) -> dict[str, Any]:
        """The fields of a ``WorkRow``."""
        model, training = self.config.model, self.config.training
        sizes = [self.images.inputs, *model.hidden_sizes, outputs_for(len(self.images.digits))]
        network = "-".join(map(str, sizes))
        found = WorkRow(network, model.activation, training.batch_size, model.loss, training.learning_rate)
        return asdict(found)

    def epochs(self, most: int) -> int:
        """How many epochs to measure: at most these, fewer if there are many steps in each."""
        return max(1, min(most, MAX_STEPS // self.steps))

    def network(self) -> MLP:
        """The untrained network; all contenders start from its weights."""
        return from_config.network(self.config, self.images.inputs)

    def weights(self) -> dict[str, Array]:
        """A copy of the initial weights W1, b1, W2, ..."""
        return dict(self.network().parameters)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The order of the images in an epoch, counted from 1; the same as the trainer's for up to 64 MB of images."""
        return generator(self.config.training.seed, Stream.SHUFFLE, epoch).permutation(len(self.images))

    @cached_property
    def arrays(self) -> tuple[Array, Array]:
        """All images in 0..1, (n, inputs), and all targets, (n, k), in float32, for the other contenders."""
        return self.images.arrays("float32")


PLAIN = {
    "model.loss": "euclidean",
    "training.precision": "float32",
    "training.threads": 1,
    "training.optimizer": "sgd",
    "training.schedule": "constant",
    "training.patience": None,
    "training.class_weight": None,
    "training.momentum": 0.0,
    "training.weight_decay": 0.0,
}


def plain(config: Config) -> Config:
    """The config with the settings that all contenders share: float32, one thread, plain SGD; the Euclidean loss."""
    return config.with_values(PLAIN)


def sized(config: Config, batch_size: int, hidden_size: int, epochs: int, loss: str = "euclidean") -> Config:
    """The config with this batch size, one hidden layer, this loss and all training images, for this many epochs.

    In batches below ``FULL_RATE_BATCH`` the learning rate is smaller in proportion: with large steps on few images
    training is chaotic, the rounding of each library grows to a different loss, and losses could not be compared.
    """
    return config.with_values(
        {
            "data.validation_fraction": 0.0,
            "model.hidden_sizes": (hidden_size,),
            "model.loss": loss,
            "training.batch_size": batch_size,
            "training.epochs": epochs,
            "training.learning_rate": config.training.learning_rate * min(1.0, batch_size / FULL_RATE_BATCH),
        }
    )


def ten_digits(config: Config, folder: Path, epochs: int) -> Iterator[Config]:
    """The configs of networks for all labels in a folder, such as the whole of MNIST: large batches, and small ones."""
    data = {"data.directory": folder, "data.digits": "all", "data.limit_per_digit": None}
    whole = from_config.resolved(config.with_values(data))
    # The second rate becomes 0.5 in batches of 10.
    for activation, rate, size in (("relu", 0.1, (128, 128, "cross_entropy")), ("sigmoid", 1.6, (10, 30, "euclidean"))):
        base = whole.with_values({"model.activation": activation, "training.learning_rate": rate})
        batch_size, hidden_size, loss = size
        yield sized(base, batch_size, hidden_size, epochs, loss)
