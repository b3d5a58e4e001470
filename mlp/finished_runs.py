"""Finished runs: found again and read back, whole or not at all."""

import math
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from pydantic import BaseModel, ValidationError

from mlp import config as configuration
from mlp.config import Config
from mlp.errors import InputError
from mlp.gates import Array
from mlp.network import MLP
from mlp.runs import FINISHED


class Manifest(BaseModel):
    """What is read back of a manifest; the rest is for people."""

    status: str
    ended: str | None
    image_shape: tuple[int, int] | None = None
    training_files: dict[str, str] | None = None


@dataclass(frozen=True)
class FinishedRun:
    """What a finished run left: its config, its best network, and what it was trained on."""

    directory: Path
    config: Config
    network: MLP
    image_shape: tuple[int, int]
    training_files: dict[str, str]
    """The SHA-256 of each file, by its name."""


def newest(output: Path) -> Path:
    """The directory of the run under ``output`` that finished last."""
    manifests = {path.parent: read_manifest(path.parent) for path in output.glob("*/manifest.json")}
    ended = [(manifest.ended or "", path) for path, manifest in manifests.items() if manifest.status == FINISHED]
    if not ended:
        raise InputError(f"{output}: no finished run in it: train one, or name a run")
    return max(ended)[1]


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a run; InputError where there is none."""
    path = directory / "manifest.json"
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file: {directory} is not the directory of a run") from None
    except ValidationError as error:
        what = "; ".join(detail["msg"] for detail in error.errors(include_url=False))
        raise InputError(f"{path}: not the manifest of a run ({what}): remove it, or name another run") from None


def read(directory: Path) -> FinishedRun:
    """A finished run; InputError where it is none, or a file of it is missing or damaged."""
    manifest = read_manifest(directory)
    if manifest.status != FINISHED or manifest.image_shape is None or manifest.training_files is None:
        raise InputError(f"{directory}: not a finished run, its status is {manifest.status}: name another run")
    if not (directory / "config.yaml").exists():
        raise InputError(f"{directory / 'config.yaml'}: no such file: without it the run cannot be read")
    config = configuration.load(directory / "config.yaml")
    network = MLP([math.prod(manifest.image_shape), *config.model.hidden_sizes, 1], precision=config.training.precision)
    _fill(network, directory / "model.npz", config)
    return FinishedRun(directory, config, network, manifest.image_shape, manifest.training_files)


def _fill(network: MLP, path: Path, config: Config) -> None:
    """Give the network the weights in model.npz, which must be of this config."""
    arrays = _read_arrays(path)
    saved_config = arrays.pop("config", np.array(None))
    if saved_config.tolist() != config.to_json_without_places():
        raise InputError(f"{path}: not the model of the config beside it: train the run again")
    if {name: (array.shape, array.dtype) for name, array in arrays.items()} != {
        name: (array.shape, array.dtype) for name, array in network.parameters.items()
    }:
        raise InputError(f"{path}: not the weights of the network that the config describes: train the run again")
    for name, array in arrays.items():
        network.parameters[name][...] = array
    if not np.isfinite(network.parameter_block).all():
        raise InputError(f"{path}: damaged: a weight is not finite: train the run again")


def _read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz archive."""
    try:
        with open(path, "rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: train the run again") from None
    except (BadZipFile, ValueError, KeyError, EOFError) as error:
        raise InputError(f"{path}: damaged: {error}: train the run again") from None
