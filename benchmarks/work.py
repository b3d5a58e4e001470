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

    def network(self, loss: str) -> MLP:
        """The untrained network; all contenders start from its weights."""
        model = self.config.model.model_copy(update={"loss": loss})
        return from_config.network(self.config.model_copy(update={"model": model}), self.images.inputs)

    def weights(self) -> dict[str, Array]:
        """A copy of the initial weights W1, b1, W2, ..."""
        return dict(self.network("euclidean").parameters)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The order of the images in an epoch, counted from 1; the same as the trainer's for up to 64 MB of images."""
        return generator(self.config.training.seed, Stream.SHUFFLE, epoch).permutation(len(self.images))

    @cached_property
    def arrays(self) -> tuple[Array, Array]:
        """All images in 0..1, (n, inputs), and all targets, (n, 1), in float32, for the other contenders."""
        return self.images.arrays("float32")


def plain(config: Config) -> Config:
    """The config with the settings that all contenders share: float32, one thread, plain SGD on the Euclidean loss."""
    training = {"precision": "float32", "threads": 1, "momentum": 0.0, "weight_decay": 0.0}
    return config.model_copy(
        update={
            "model": config.model.model_copy(update={"loss": "euclidean"}),
            "training": config.training.model_copy(update=training),
        }
    )


def sized(config: Config, batch_size: int, hidden_size: int, epochs: int) -> Config:
    """The config with this batch size, one hidden layer and all training images, for this many epochs."""
    return config.model_copy(
        update={
            "data": config.data.model_copy(update={"validation_fraction": 0.0}),
            "model": config.model.model_copy(update={"hidden_sizes": (hidden_size,)}),
            "training": config.training.model_copy(update={"batch_size": batch_size, "epochs": epochs}),
        }
    )
