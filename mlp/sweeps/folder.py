"""A sweep's folder: a run's directory for each of its tasks, what was asked, and the token its workers look for."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mlp import config as configuration
from mlp.config import Config
from mlp.data.idx_folder import Part, open_part
from mlp.sweeps import grid as grids
from mlp.sweeps.grid import DIGITS, Grid
from mlp.sweeps.worker import TOKEN, Task, surroundings, watched
from mlp.system import signals
from mlp.system.errors import InputError, InUse
from mlp.system.files import (
    check_has_locks,
    exclusive,
    leftover_of,
    make_folder,
    read_small,
    remove,
    remove_leftovers,
    write_text,
)

SWEEP = "sweep.json"
"""What was asked, by which the folder is known for a sweep's."""
LARGEST_SWEEP = 1 << 24
"""Bytes; one of a hundred thousand values has two million."""
LOOKS = 0.1
"""Seconds from one look for a signal to the next."""


class SweepRequest(BaseModel):
    """What sweep.json holds."""

    config: Config
    vary: dict[str, list[Any]]
    files: dict[str, str]
    """The SHA-256 of each data file, by its name."""


def usual(grid: Grid) -> Path:
    """Where a sweep is made that no place is named for: what it varies is in the folder's name."""
    return grid.base.output.directory / "-".join(["sweep", *map(grids.short, grid.varied)])


@contextmanager
def opened(grid: Grid, folder: Path, warn: Callable[[str], object]) -> Iterator[list[Task]]:
    """Have the folder, and give the grid's tasks; until the block ends, or a signal is heard, workers may do them.

    InputError where the data have not what the grid asks for, the folder holds something else, or a sweep of another
    config or other data; InUse where another process is at work in it.
    """
    check_has_locks(folder)
    folder = Path(os.path.abspath(folder))
    files = data_files(grid)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: not a folder: name another --output")
    if not folder.exists():
        is_usual = folder.parent == grid.base.output.directory
        with (
            suppress(FileExistsError),  # by another sweep just now: the lock tells which is to have it
            configuration.naming("output.directory", applies=is_usual),
        ):
            make_folder(folder)
    with exclusive(folder, warn):
        _check_same_sweep(folder, grid, files)
        asked = SweepRequest(
            config=grid.base, vary=grid.varied, files={path.name: digest for path, digest in files.items()}
        )
        remove_leftovers(folder, {SWEEP, TOKEN})
        write_text(folder / SWEEP, json.dumps(asked.model_dump(mode="json"), indent=2) + "\n")
        token = uuid.uuid4().hex
        needed = surroundings(folder, token, files, is_tested=grid.has_all_pairs)
        tasks = [Task(name, config, needed) for name, config in grid.configs().items()]
        _tell_of_others_at_work(tasks, warn)
        write_text(folder / TOKEN, token)
        with _withdrawn_on_a_signal(folder / TOKEN):
            yield tasks


def data_files(grid: Grid) -> dict[Path, str]:
    """The SHA-256 of each data file that the runs will read; InputError where a digit of the grid is not in it."""
    parts: list[Part] = ["training"]
    if grid.has_all_pairs or grid.base.output.report or "output.report" in grid.varied:
        parts.append("test")
    digits = {digit for pair in grid.varied.get(DIGITS, [grid.base.data.digits]) for digit in pair}
    files: dict[Path, str] = {}
    for part in parts:
        with configuration.naming("data.directory"):
            source = open_part(grid.base.data.directory, part)
        try:
            source.indices_of(sorted(digits))
        except InputError as error:
            raise InputError(f"{error}: name a folder with all of them by --set data.directory=DIR") from None
        files |= zip(source.files.values(), source.sha256().values(), strict=True)
    return files


def _check_same_sweep(folder: Path, grid: Grid, files: dict[Path, str]) -> None:
    """InputError where the folder holds anything but a sweep of the same config and data."""
    try:
        before = SweepRequest.model_validate_json(read_small(folder / SWEEP, LARGEST_SWEEP, links=False))
    except FileNotFoundError:
        if left := sorted(path.name for path in folder.iterdir() if leftover_of(path.name) != SWEEP):
            raise InputError(f"{folder}: not empty ({left[0]}), and no sweep's folder: name another --output") from None
        return
    except ValidationError:
        raise InputError(f"{folder / SWEEP}: not what a sweep writes: remove it, or name another --output") from None
    if before.vary.keys() != grid.varied.keys():
        raise InputError(f"{folder}: holds a sweep of {', '.join(before.vary)}: name another --output")
    options = configuration.differing([before.config, grid.base])
    differences = [
        f"{key} was {configuration.display_value(then)}, not {configuration.display_value(now)}"
        for key, (then, now) in options.items()
        if key not in grid.varied
    ]
    if differences:
        raise InputError(f"{folder}: holds a sweep of another config: name another --output:", *differences)
    changed = [path for path, digest in files.items() if before.files.get(path.name, digest) != digest]
    if changed:
        raise InputError(f"{folder}: holds a sweep that had other bytes in {changed[0]}: name another --output")


def _tell_of_others_at_work(tasks: list[Task], warn: Callable[[str], object]) -> None:
    """Warn of each run that a worker of a sweep before this one is still at work in, and that will be waited for."""
    for task in tasks:
        try:
            with exclusive(task.directory, lambda _: None, wait=0):
                pass
        except InUse:
            warn(f"{task.directory}: another process is at work in it: its end is waited for")
        except OSError:  # it is not there yet, or is no folder, which costs its own run alone
            continue


@contextmanager
def _withdrawn_on_a_signal(token: Path) -> Iterator[None]:
    """Remove the token when a signal is heard, or else when the block ends."""

    def withdraw() -> bool:
        if signals.heard():
            with suppress(OSError):  # it is tried again at the end
                remove(token)
        return signals.heard()

    try:
        with watched(LOOKS, withdraw):
            yield
    finally:
        remove(token)
