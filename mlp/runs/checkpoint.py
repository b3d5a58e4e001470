"""Checkpoints: all that a run needs to go on, in one file that is whole or is not there.

A checkpoint is written beside the one before it, which is kept until the next: if the newest should be damaged, the
previous one goes on, and the run ends in the same bytes.
"""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from mlp import config as configuration
from mlp.config import Config
from mlp.network import parameter_count
from mlp.runs import history, manifest, npz
from mlp.runs.history import Beginning, History
from mlp.runs.npz import Array, Damaged
from mlp.system.errors import InputError
from mlp.system.files import open_regular, remove, rename, replacing
from mlp.training import from_config
from mlp.training.progress import Epoch, EpochSums, Progress, TrainerState

NEWEST, PREVIOUS = "checkpoint.npz", "checkpoint.previous.npz"
BLOCKS = ("parameters", "velocity", "best")
KEPT = 1000
"""Epochs whose rows a checkpoint holds, the last ones: with all of them a run of n epochs would write n^2 rows. Those
before them are read from history.csv, where they are known by their SHA-256."""
LONGEST_REST = configuration.MAX_CONFIG_BYTES + manifest.LARGEST
"""Characters."""
MOST = 1 << 53
"""Steps, or whatever else is counted."""


@dataclass(frozen=True)
class _Metadata:
    """What is no array; the history is one."""

    config: str
    facts: dict[str, Any]
    progress: Progress
    beginning: Beginning | None = None
    """Of the history: the epochs before those that the array has."""


REST: TypeAdapter[_Metadata] = TypeAdapter(_Metadata)


@dataclass(frozen=True)
class Checkpoint:
    """What a run is, and how far it has come."""

    config: Config
    facts: dict[str, Any]
    """Of the manifest, the data files' SHA-256 among them."""
    state: TrainerState
    path: Path
    """Its file."""


def save(checkpoint: Checkpoint, written: History | None = None) -> None:
    """Write a checkpoint in its place; the one that was there is kept as the previous one.

    ``written`` is the history as it lies in history.csv by now; without it the checkpoint holds all of it.
    """
    state, epochs = checkpoint.state, checkpoint.state.progress.history
    earlier = max(0, len(epochs) - KEPT) if written else 0
    beginning = written.beginning(epochs, earlier) if written and earlier else None
    rest = _Metadata(checkpoint.config.to_yaml(), checkpoint.facts, replace(state.progress, history=[]), beginning)
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

    None if there never was one. Raises InputError if none is whole, or if history.csv lost epochs that they need.
    """
    paths = [directory / name for name in (NEWEST, PREVIOUS)]
    problems: list[str] = []
    lost: history.Lost | None = None
    for path in paths:
        try:
            found = read(path)
        except FileNotFoundError:
            problems.append(f"{path}: no such file")
        except Damaged as error:
            problems.append(f"{path}: damaged: {error}")
        except history.Lost as error:
            problems.append(str(error))
            lost = lost or error
        else:
            for problem in problems:
                warn(f"{problem}: going on from {path.name}, the checkpoint before it")
            return found
    if lost is not None:
        raise lost
    if not exists(directory):
        return None
    advice = f"nothing is left to go on from: train a new run in another directory, with {directory / 'config.yaml'}"
    raise InputError(*problems, advice)


def read(path: Path) -> Checkpoint:
    """A checkpoint as it was written.

    Raises FileNotFoundError if there is none; Damaged if a bit changed, or if no run writes such a file, even with the
    right SHA-256, as a checkpoint may come from a stranger; and ``history.Lost`` if history.csv beside it no longer has
    the epochs that it refers to. Memory: the file's bytes, and some hundred more for each epoch.
    """
    try:
        with open_regular(path, links=False) as file:
            arrays = npz.read_sealed(file)
        rest = REST.validate_json(npz.text(arrays, "rest", LONGEST_REST), strict=True)
        if len(rest.config.encode()) > configuration.MAX_CONFIG_BYTES:
            raise ValueError(f"its config has more than {configuration.MAX_CONFIG_BYTES:,} bytes")
        config = configuration.parse(rest.config, path)
        if missing := {*BLOCKS, "history"} - arrays.keys():
            raise ValueError(f"it has no {min(missing)}")
        facts = manifest.check_begun(rest.facts)
        _check_blocks(arrays, config, facts.image_shape)
        begun = rest.beginning.rows if rest.beginning else 0
        epochs = _epochs(arrays["history"], begun, config)
        _check(rest.progress, begun + len(epochs))
        _check_pass(rest.progress.current, facts.images.get("training", 0), config.training.batch_size)
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise Damaged(error.strerror) from error
    except ValidationError as error:
        raise Damaged(f"not a checkpoint ({manifest.first_problem(error)})") from error
    except (InputError, ValueError) as error:
        raise Damaged(f"not a checkpoint ({error})") from error
    has_validation = config.data.validation_fraction > 0
    earlier = history.read_beginning(path.parent, rest.beginning, has_validation) if rest.beginning else []
    rest.progress.history = earlier + epochs
    return Checkpoint(config, rest.facts, TrainerState(rest.progress, *(arrays[name] for name in BLOCKS)), path)


def _check_blocks(arrays: Mapping[str, Array], config: Config, image_shape: Sequence[int]) -> None:
    """Raises ValueError if a block does not fit the config's network for images of this shape."""
    count = parameter_count(from_config.sizes(config, math.prod(image_shape)))
    expected = (np.dtype(config.training.precision), (count,))
    for name in BLOCKS:
        block = arrays[name]
        if (block.dtype, block.shape) != expected or not np.isfinite(block).all():
            raise ValueError(f"its {name} are not those of its config")


def _epochs(rows: Array, begun: int, config: Config) -> list[Epoch]:
    """The epochs in the history array; the first of them follows epoch ``begun``.

    Without validation images nan stands for None. Raises ValueError for rows that no run of this config has.
    """
    columns, most = history.COLUMNS, config.training.epochs
    if rows.dtype != np.float64 or rows.shape[1:] != (len(columns),) or not 0 <= begun <= most - len(rows):
        raise ValueError("its history is not that of its config")
    if not np.array_equal(rows[:, 0], np.arange(begun + 1, begun + len(rows) + 1)):
        raise ValueError("its epochs are not in order")
    is_missing = np.array([history.can_miss(name) and not config.data.validation_fraction for name in columns])
    largest = np.array([history.most(name) for name in columns])
    missing = np.isnan(rows)
    if (missing != is_missing).any() or not (missing | ((rows >= 0) & (rows <= largest))).all():
        raise ValueError("its history has a number that none can have")
    values = rows.astype(object)
    values[missing] = None
    return [Epoch(int(epoch), *others) for epoch, *others in values.tolist()]


def _check(progress: Progress, epochs: int) -> None:
    """Raises ValueError if the progress does not fit the number of epochs, or if one of its numbers is out of range."""
    numbers = _numbers(asdict(replace(progress, history=[])))
    if not all(0 <= number <= (history.MOST if isinstance(number, float) else MOST) for number in numbers):
        raise ValueError("its progress has a number that none can have")
    if progress.best_epoch not in (range(1, epochs + 1) if epochs else [0]):
        raise ValueError("its best epoch is not one of its epochs")
    if epochs and progress.untrained_loss is None:
        raise ValueError("it has epochs, but no loss before them")
    if progress.above_since is not None and not 1 <= progress.above_since[0] <= epochs:
        raise ValueError("its loss rose in an epoch that it has not")


def _check_pass(current: EpochSums, images: int, batch_size: int) -> None:
    """Raises ValueError if the current epoch has more steps or errors than a pass over so many images can have."""
    if current.steps > math.ceil(images / batch_size) or current.errors > images:
        raise ValueError("its epoch under way has more steps or errors than images allow")


def _numbers(value: Any) -> Iterator[float]:
    """The numbers in nested values."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _numbers(inner)
    elif value is not None:
        yield value
