"""Checkpoints: everything needed to resume a run, in one file that is whole or absent.

The checkpoint before the newest is kept. If the newest is damaged, the run resumes from the previous one and ends in
the same bytes.
"""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from mlp import config as configuration
from mlp.config import Config
from mlp.gates import Array
from mlp.network import parameter_count
from mlp.optimizers import OPTIMIZERS
from mlp.runs import history, npz
from mlp.runs.history import Beginning, History
from mlp.runs.manifest import MAX_MANIFEST_BYTES, BegunManifest, first_problem
from mlp.runs.npz import Damaged
from mlp.system.errors import InputError
from mlp.system.files import StrPath, open_regular, remove, rename, replacing
from mlp.training import from_config
from mlp.training.progress import Epoch, Progress, TrainerState

NEWEST, PREVIOUS = "checkpoint.npz", "checkpoint.previous.npz"
MAX_ROWS = 1000
"""A checkpoint holds the last rows of the history: with all rows, a run of n epochs would write n^2 of them. Earlier
rows are read from history.csv, and checked by their SHA-256."""
MAX_METADATA_CHARACTERS = configuration.MAX_CONFIG_BYTES + MAX_MANIFEST_BYTES
MAX_COUNT = 1 << 53
"""For steps and all other counts."""


@dataclass(frozen=True)
class _Metadata:
    """Everything that is not an array, as JSON."""

    config: str
    facts: dict[str, Any]
    progress: Progress
    beginning: Beginning | None = None
    """The earlier epochs, which are in history.csv and not in the history array."""


@cache
def _metadata() -> TypeAdapter[_Metadata]:
    """Made when a checkpoint is read; most runs read none."""
    return TypeAdapter(_Metadata)


@dataclass(frozen=True)
class Checkpoint:
    """A run's config and manifest, and the state of its training."""

    config: Config = field(repr=False)
    facts: dict[str, Any] = field(repr=False)
    """A copy of the manifest, with the SHA-256 of the data files."""
    state: TrainerState
    path: Path


def save(checkpoint: Checkpoint, written: History | None = None) -> None:
    """Write a checkpoint to its path; the existing one becomes the previous one.

    ``written`` is history.csv, which must have all epochs already; without it the checkpoint holds the whole history.
    """
    state, epochs = checkpoint.state, checkpoint.state.progress.history
    earlier = max(0, len(epochs) - MAX_ROWS) if written else 0
    beginning = written.beginning(epochs, earlier) if written and earlier else None
    metadata = _Metadata(checkpoint.config.to_yaml(), checkpoint.facts, replace(state.progress, history=[]), beginning)
    rows = [history.numbers(row) for row in epochs[earlier:]]
    arrays = {
        **state.blocks,
        "history": np.array(rows, np.float64).reshape(-1, len(history.COLUMNS)),  # None becomes nan
        "rest": np.array(json.dumps(asdict(metadata))),
    }
    with replacing(checkpoint.path, checkpoint.path.with_name(PREVIOUS)) as file:
        npz.write_sealed(file, arrays)


def exists(directory: StrPath) -> bool:
    """Whether there is a checkpoint, even a damaged one."""
    return any(os.path.lexists(Path(directory, name)) for name in (NEWEST, PREVIOUS))


def reinstate(checkpoint: Checkpoint, directory: StrPath) -> None:
    """Put a previous checkpoint in place of the damaged newest one, which must never become the previous one."""
    if checkpoint.path == Path(directory, PREVIOUS):
        rename(checkpoint.path, Path(directory, NEWEST))


def discard(directory: StrPath) -> None:
    """Remove the directory's checkpoints."""
    for name in (NEWEST, PREVIOUS):
        remove(Path(directory, name))


def newest(directory: StrPath, warn: Callable[[str], object]) -> Checkpoint | None:
    """The newest checkpoint in the directory; if it is damaged the previous one, with a warning.

    None if there never was one. Raises InputError if none is whole, or if history.csv lost epochs that they need.
    """
    directory = Path(directory)
    paths = [directory / name for name in (NEWEST, PREVIOUS)]
    problems: list[str] = []
    lost: history.Lost | None = None
    for path in paths:
        try:
            found = read_checkpoint(path)
        except FileNotFoundError:
            problems.append(f"{path}: no such file")
        except Damaged as error:
            problems.append(f"{path}: damaged: {error}")
        except history.Lost as error:
            problems.append(str(error))
            lost = lost or error
        else:
            for problem in problems:
                warn(f"{problem}: resuming from {path.name}, the checkpoint before it")
            return found
    if lost is not None:
        raise lost
    if not exists(directory):
        return None
    advice = f"nothing is left to resume from: train a new run in another directory, with {directory / 'config.yaml'}"
    raise InputError(*problems, advice)


def read_checkpoint(path: StrPath) -> Checkpoint:
    """A checkpoint, exactly as it was written.

    Raises FileNotFoundError if the file does not exist; Damaged if a bit has changed, or if no run writes such content
    (a file from a stranger can have a correct SHA-256); ``history.Lost`` if history.csv beside it no longer has the
    epochs that it refers to. Needs as much memory as the file, and about a hundred bytes for each epoch.
    """
    path = Path(path)
    try:
        with open_regular(path, links=False) as file:
            arrays = npz.read_sealed(file)
        metadata = _metadata().validate_json(npz.text(arrays, "rest", MAX_METADATA_CHARACTERS), strict=True)
        if len(metadata.config.encode()) > configuration.MAX_CONFIG_BYTES:
            raise ValueError(f"its config has more than {configuration.MAX_CONFIG_BYTES:,} bytes")
        config = configuration.parse(metadata.config, path)
        blocks = block_names(config)
        if missing := {*blocks, "history"} - arrays.keys():
            raise ValueError(f"it has no {min(missing)}")
        facts = BegunManifest.model_validate(metadata.facts)
        _check_blocks({name: arrays[name] for name in blocks}, config, facts.image_shape)
        begun = metadata.beginning.rows if metadata.beginning else 0
        epochs = _epochs(arrays["history"], begun, config)
        steps = math.ceil(facts.images.get("training", 0) / config.training.batch_size)
        _check_progress(metadata.progress, begun + len(epochs), steps, facts.images.get("training", 0))
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise Damaged(error.strerror) from error
    except ValidationError as error:
        raise Damaged(f"not a checkpoint ({first_problem(error)})") from error
    except (InputError, ValueError) as error:
        raise Damaged(f"not a checkpoint ({error})") from error
    has_validation = config.data.validation_fraction > 0
    beginning = metadata.beginning
    earlier = history.read_beginning(path.parent, beginning, has_validation) if beginning else []
    metadata.progress.history = earlier + epochs
    parameters, *of_optimizer, best = blocks
    optimizer = {name: arrays[name] for name in of_optimizer}
    state = TrainerState(metadata.progress, arrays[parameters], optimizer, arrays[best])
    return Checkpoint(config, metadata.facts, state, path)


def block_names(config: Config) -> tuple[str, ...]:
    """The blocks in a checkpoint: the parameters, what the optimizer keeps from step to step, and the best weights."""
    return "parameters", *OPTIMIZERS[config.training.optimizer].state_names, "best"


def _check_blocks(blocks: Mapping[str, Array], config: Config, image_shape: Sequence[int]) -> None:
    """Raises ValueError if a block does not fit the config's network for images of this shape."""
    count = parameter_count(from_config.sizes(config, math.prod(image_shape)))
    expected = (np.dtype(config.training.precision), (count,))
    for name, block in blocks.items():
        if (block.dtype, block.shape) != expected or not np.isfinite(block).all():
            raise ValueError(f"its {name} do not fit its config")
        if name in OPTIMIZERS[config.training.optimizer].squares and block.min() < 0:
            raise ValueError(f"its {name} has a number below 0")


def _epochs(rows: Array, begun: int, config: Config) -> list[Epoch]:
    """The epochs in the history array; the first of them follows epoch ``begun``.

    Without validation images NaN stands for None. Raises ValueError if a run of this config cannot have these rows.
    """
    columns, last = history.COLUMNS, config.training.epochs
    if rows.dtype != np.float64 or rows.shape[1:] != (len(columns),) or not 0 <= begun <= last - len(rows):
        raise ValueError("its history does not fit its config")
    if not np.array_equal(rows[:, 0], np.arange(begun + 1, begun + len(rows) + 1)):
        raise ValueError("its epochs are not in order")
    is_missing = np.array([history.can_miss(name) and not config.data.validation_fraction for name in columns])
    largest = np.array([history.max_value(name) for name in columns])
    missing = np.isnan(rows)
    if (missing != is_missing).any() or not (missing | ((rows >= 0) & (rows <= largest))).all():
        raise ValueError("its history has a number that is out of range")
    values = rows.astype(object)
    values[missing] = None
    return [Epoch(int(epoch), *others) for epoch, *others in values.tolist()]


def _check_progress(progress: Progress, epochs: int, steps: int, images: int) -> None:
    """Raises ValueError if a number is out of range, given the epochs so far, and the steps and images of an epoch."""
    numbers = _numbers(asdict(replace(progress, history=[])))
    if not all(0 <= number <= (history.MAX_VALUE if isinstance(number, float) else MAX_COUNT) for number in numbers):
        raise ValueError("its progress has a number that is out of range")
    if progress.best_epoch not in (range(1, epochs + 1) if epochs else [0]):
        raise ValueError("its best epoch is not one of its epochs")
    if epochs and progress.untrained_loss is None:
        raise ValueError("it has epochs, but no loss before them")
    if progress.above_since is not None and not 1 <= progress.above_since[0] <= epochs:
        raise ValueError("its loss rose in an epoch that it does not have")
    if progress.current.steps > steps or progress.current.errors > images:
        raise ValueError("its current epoch has more steps or errors than its images allow")


def _numbers(value: Any) -> Iterator[float]:
    """The numbers in nested values."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _numbers(inner)
    elif value is not None:
        yield value
