"""Checkpoints: all that a run needs to go on, in one file that is whole or is not there.

A checkpoint is written beside the one before it, which is kept until the next: if the newest should be damaged, the
previous one goes on, and the run ends in the same bytes.
"""

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, PositiveInt, TypeAdapter

from mlp import config as configuration
from mlp import history, npz
from mlp.config import Config
from mlp.errors import InputError
from mlp.files import open_regular, remove, rename, replacing
from mlp.history import Beginning, History
from mlp.network import parameter_count
from mlp.npz import Damaged
from mlp.training import Epoch, Progress, State

NEWEST, PREVIOUS = "checkpoint.npz", "checkpoint.previous.npz"
BLOCKS = ("parameters", "velocity", "best")
KEPT = 1000
"""Epochs whose rows a checkpoint holds, the last ones: with all of them a run of n epochs would write n^2 rows. Those
before them are read from history.csv, where they are known by their SHA-256."""


class _Facts(BaseModel):
    """What is used of the facts."""

    training_files: dict[str, str]
    image_shape: tuple[PositiveInt, PositiveInt]
    versions: dict[str, str]
    blas: list[dict[str, Any]]
    resumed: list[Any] = []


@dataclass(frozen=True)
class _Rest:
    """What is no array; the history is one."""

    config: str
    facts: dict[str, Any]
    progress: Progress
    beginning: Beginning | None = None
    """Of the history: the epochs before those that the array has."""


REST: TypeAdapter[_Rest] = TypeAdapter(_Rest)


@dataclass(frozen=True)
class Checkpoint:
    """What a run is, and how far it has come."""

    config: Config
    facts: dict[str, Any]
    """Of the manifest, the data files' SHA-256 among them."""
    state: State
    path: Path
    """Its file."""


def save(checkpoint: Checkpoint, written: History | None = None) -> None:
    """Write a checkpoint in its place; the one that was there is kept as the previous one.

    ``written`` is the history as it lies in history.csv by now; without it the checkpoint holds all of it.
    """
    state, epochs = checkpoint.state, checkpoint.state.progress.history
    earlier = max(0, len(epochs) - KEPT) if written else 0
    beginning = written.beginning(epochs, earlier) if written and earlier else None
    rest = _Rest(checkpoint.config.to_yaml(), checkpoint.facts, replace(state.progress, history=[]), beginning)
    rows = [history.numbers(row) for row in epochs[earlier:]]
    arrays = {
        **{name: getattr(state, name) for name in BLOCKS},
        "history": np.array(rows, np.float64).reshape(-1, len(history.COLUMNS)),  # None becomes nan
        "rest": np.array(json.dumps(asdict(rest))),
    }
    with replacing(checkpoint.path, checkpoint.path.with_name(PREVIOUS)) as file:
        npz.write_sealed(file, arrays)


def exists(directory: Path) -> bool:
    """Whether there is a checkpoint, whole or not."""
    return any(os.path.lexists(directory / name) for name in (NEWEST, PREVIOUS))


def reinstate(checkpoint: Checkpoint, directory: Path) -> None:
    """Give the previous checkpoint the place of a newest one that is damaged, which must never become the previous."""
    if checkpoint.path == directory / PREVIOUS:
        rename(checkpoint.path, directory / NEWEST)


def discard(directory: Path) -> None:
    """Remove the directory's checkpoints."""
    for name in (NEWEST, PREVIOUS):
        remove(directory / name)


def newest(directory: Path, warn: Callable[[str], object]) -> Checkpoint | None:
    """The newest checkpoint in the directory, or the previous one, with a warning, where it is damaged.

    None where there never was one; InputError where there is none that is whole.
    """
    paths = [directory / name for name in (NEWEST, PREVIOUS)]
    problems = []
    for path in paths:
        try:
            found = read(path)
        except FileNotFoundError:
            problems.append(f"{path}: no such file")
        except Damaged as error:
            problems.append(f"{path}: damaged: {error}")
        else:
            for problem in problems:
                warn(f"{problem}: going on from {path.name}, the checkpoint before it")
            return found
    if not exists(directory):
        return None
    advice = f"nothing is left to go on from: train a new run in another directory, with {directory / 'config.yaml'}"
    raise InputError("\n".join([*problems, advice]))


def read(path: Path) -> Checkpoint:
    """A checkpoint as it was written; Damaged where one bit of it is another, FileNotFoundError where there is none."""
    try:
        with open_regular(path, links=False) as file:
            arrays = npz.read_sealed(file)
        rest = REST.validate_json(arrays["rest"].item())
        config = configuration.parse(rest.config, path)
        earlier = history.read_beginning(path.parent, rest.beginning) if rest.beginning else []
        rest.progress.history = earlier + [_epoch(row) for row in arrays["history"].tolist()]
        state = State(rest.progress, *(arrays[name] for name in BLOCKS))
        _check(state, config, _Facts.model_validate(rest.facts).image_shape)
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise Damaged(error.strerror) from error
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise Damaged(f"not a checkpoint ({error})") from error
    return Checkpoint(config, rest.facts, state, path)


def _check(state: State, config: Config, image_shape: Sequence[int]) -> None:
    """ValueError where the parts do not belong together."""
    count = parameter_count([math.prod(image_shape), *config.model.hidden_sizes, 1])
    expected = (np.dtype(config.training.precision), (count,))
    for name in BLOCKS:
        block = getattr(state, name)
        if (block.dtype, block.shape) != expected or not np.isfinite(block).all():
            raise ValueError(f"its {name} are not those of its config")
    progress = state.progress
    epochs = [row.epoch for row in progress.history]
    if epochs != list(range(1, len(epochs) + 1)) or progress.best_epoch not in (epochs or [0]):
        raise ValueError("its epochs are not in order")
    if progress.current.steps < 0:
        raise ValueError("its steps are fewer than none")


def _epoch(row: list[float]) -> Epoch:
    """A row of the history array: nan stands for None."""
    columns: dict[str, Any] = dict(zip(history.COLUMNS, row, strict=True))
    columns = {name: None if math.isnan(value) else value for name, value in columns.items()}
    return Epoch(**columns | {"epoch": int(row[0])})
