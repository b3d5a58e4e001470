"""model.npz: a run's best weights and its config, written and read back.

Its bytes depend on nothing else, so their SHA-256, which manifest.json holds, shows damage and whether a run repeats.
"""

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mlp import config as configuration
from mlp.config import Config
from mlp.gates import Array
from mlp.network import MLP, parameter_shapes
from mlp.runs import npz
from mlp.runs.manifest import MANIFEST, FinishedManifest
from mlp.system.errors import InputError
from mlp.system.files import StrPath, open_regular, replacing, sha256
from mlp.training import from_config

NAME = "model.npz"


def write_model(path: StrPath, parameters: Mapping[str, Array], config: Config) -> str:
    """Write the weights with the config they were trained with. Returns the SHA-256 of the file."""
    with replacing(path) as file:
        npz.write_arrays(file, {**parameters, "config": np.array(config.to_json_in_a_model())})
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it has readinto


def read_model(directory: StrPath, manifest: FinishedManifest) -> tuple[dict[str, Array], Config]:
    """The weights and the config they were trained with. Raises InputError if the bytes are not those of the run."""
    path = Path(directory, NAME)
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such file: train the run again")
    if sha256(path, links=False) != manifest.weights_sha256:
        raise InputError(f"{path}: damaged: not the bytes that the run wrote: train the run again")
    return _read(path, "train the run again")


def _read(path: StrPath, cure: str, *, links: bool = False) -> tuple[dict[str, Array], Config]:
    try:
        with open_regular(path, links=links) as file:
            weights = npz.read_arrays(file)
        # A key that is newer than the run gets its default.
        config = Config.model_validate_json(npz.text(weights, "config", configuration.MAX_CONFIG_BYTES))
        del weights["config"]
        return weights, config
    except (npz.Damaged, ValueError) as error:
        raise InputError(f"{path}: not the model of a run: {cure}") from error


def read_network(directory: StrPath, config: Config, manifest: FinishedManifest) -> MLP:
    """The network with a run's best weights. Raises InputError if model.npz does not fit the config or the manifest."""
    path = Path(directory, NAME)
    weights, trained_with = read_model(directory, manifest)
    if config.differences(trained_with):
        raise InputError(f"{path}: not the model of the config beside it: train the run again")
    classes = None if config.training.class_weight is None else len(config.data.labels)
    given = config.training.class_weight if isinstance(config.training.class_weight, tuple) else manifest.class_weights
    if classes != (manifest.class_weights and len(manifest.class_weights)) or given != manifest.class_weights:
        raise InputError(f"{path}: class_weights in {MANIFEST} beside it do not fit the config: train the run again")
    sizes, precision = from_config.sizes(config, math.prod(manifest.image_shape)), config.training.precision
    if {name: array.shape for name, array in weights.items()} != parameter_shapes(sizes):
        raise InputError(f"{path}: not the weights of images of {manifest.image_shape} pixels: train the run again")
    _check_numbers(path, weights, precision)
    try:
        return _network(sizes, config, weights, manifest.class_weights)
    except ValueError as error:  # a stranger's class weights
        raise InputError(f"{path.with_name(MANIFEST)}: {error}: train the run again") from None


def read_alone(path: StrPath) -> tuple[MLP, Config]:
    """The network of a model.npz without its run, and the config it was trained with.

    Balanced class weights are in the run's manifest only: the network has none. Raises InputError if the file is not
    the model of a run.
    """
    cure = "name the directory of a run, or its model.npz"
    weights, config = _read(path, cure, links=True)
    given = config.training.class_weight
    try:
        sizes = from_config.sizes(config, len(weights["W1"]))
        if {name: array.shape for name, array in weights.items()} != parameter_shapes(sizes):
            raise ValueError("its weights do not fit its config")
        network = _network(sizes, config, weights, given if isinstance(given, tuple) else None)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not the model of a run: {cure}") from error
    _check_numbers(path, weights, config.training.precision)
    return network, config


def _check_numbers(path: StrPath, weights: Mapping[str, Array], precision: str) -> None:
    if not all(array.dtype.newbyteorder("=") == precision and np.isfinite(array).all() for array in weights.values()):
        raise InputError(f"{path}: its weights are not all finite numbers of {precision}: train the run again")


def _network(
    sizes: Sequence[int], config: Config, weights: Mapping[str, Array], class_weights: Sequence[float] | None
) -> MLP:
    network = MLP(sizes, **from_config.options(config, class_weights))
    for name, array in weights.items():
        network.parameters[name][...] = array
    return network
