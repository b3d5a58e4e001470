"""What a config says: its images, their split and the network to start from, the same wherever they are needed."""

from collections.abc import Mapping
from pathlib import Path

from numpy.typing import DTypeLike

from mlp import dataset
from mlp.config import Config
from mlp.dataset import Dataset
from mlp.errors import InputError
from mlp.network import MLP
from mlp.randomness import Stream, generator


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


def network(config: Config, inputs: int, precision: DTypeLike | None = None) -> MLP:
    """The untrained network for images of so many pixels, in the config's precision or another."""
    return MLP(
        sizes(config, inputs),
        precision=precision or config.training.precision,
        generator=generator(config.training.seed, Stream.WEIGHTS),
        loss=config.model.loss,
    )
