"""What a config says: its images, their split and the network to start from, the same wherever they are needed."""

from numpy.typing import DTypeLike

from mlp import dataset
from mlp.config import Config
from mlp.dataset import Dataset
from mlp.network import MLP
from mlp.randomness import Stream, generator


def training_images(config: Config) -> Dataset:
    """The config's digits in the training files, of each at most the limit. InputError as in ``dataset.load``."""
    data = config.data
    return dataset.load(data.directory, "training", data.digits, data.limit_per_digit)


def split(config: Config, images: Dataset) -> tuple[Dataset, Dataset]:
    """The training images cut into those to learn from and those held out."""
    return images.split(config.data.validation_fraction, generator(config.training.seed, Stream.SPLIT))


def network(config: Config, inputs: int, precision: DTypeLike | None = None) -> MLP:
    """The untrained network for images of so many pixels, in the config's precision or another."""
    return MLP(
        [inputs, *config.model.hidden_sizes, 1],
        precision=precision or config.training.precision,
        generator=generator(config.training.seed, Stream.WEIGHTS),
        loss=config.model.loss,
    )
