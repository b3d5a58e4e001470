"""The training work, the same for every contender: images, initial weights and the order of the batches."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlp.config import Config
from mlp.data.dataset import Dataset
from mlp.gates import Array
from mlp.network import MLP
from mlp.training import from_config
from mlp.training.random_streams import Stream, generator


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
    """The config with this batch size, one hidden layer, this loss and all training images, for this many epochs."""
    return config.with_values(
        {
            "data.validation_fraction": 0.0,
            "model.hidden_sizes": (hidden_size,),
            "model.loss": loss,
            "training.batch_size": batch_size,
            "training.epochs": epochs,
        }
    )
