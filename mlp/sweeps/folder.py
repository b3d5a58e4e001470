"""A sweep's folder: a run's directory for each task, the request (sweep.json), and the token that workers look for."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mlp import config as configuration
from mlp.config import ALL, Config
from mlp.data.idx_folder import Part, open_part
from mlp.sweeps import grid as grids
from mlp.sweeps.grid import CLASS_WEIGHT, DIGITS, Grid
from mlp.sweeps.worker import TOKEN, Task, polling, requirements
from mlp.system import signals
from mlp.system.errors import InputError, InUse
from mlp.system.files import (
    check_has_locks,
    exclusive,
    final_name,
    make_folder,
    read_small,
    remove,
    remove_leftovers,
    write_text,
)
from mlp.training import from_config

SWEEP = "sweep.json"
"""The request; this file marks a folder as a sweep's."""
MAX_SWEEP_BYTES = 1 << 24
"""A hundred thousand values take two million."""
LOOK_SECONDS = 0.1
"""How often a thread looks for a signal."""


class SweepRequest(BaseModel):
    """The content of sweep.json."""

    config: Config
    vary: dict[str, list[Any]]
    files: dict[str, str]
    """The SHA-256 of each data file, by its name."""


def default_folder(grid: Grid) -> Path:
    """The folder of a sweep without --output, named after the varied options."""
    return grid.base.output.directory / "-".join(["sweep", *map(grids.short, grid.varied)])


@contextmanager
def opened(grid: Grid, folder: Path, warn: Callable[[str], object]) -> Iterator[list[Task]]:
    """Lock the folder and yield the grid's tasks; workers may do them until the block ends or a signal is heard.

    Raises InputError if the data lack a digit of the grid, or if the folder holds anything but a sweep of the same
    config and data; InUse if another process is at work in it.
    """
    check_has_locks(folder)
    folder = Path(os.path.abspath(folder))
    files = data_files(grid)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: not a folder: name another --output")
    if not folder.exists():
        is_default = folder.parent == grid.base.output.directory
        with (
            suppress(FileExistsError),  # another sweep has just made it: the lock decides between them
            configuration.naming("output.directory", applies=is_default),
        ):
            make_folder(folder)
    with exclusive(folder, warn):
        _check_same_sweep(folder, grid, files)
        request = SweepRequest(
            config=grid.base, vary=grid.varied, files={path.name: digest for path, digest in files.items()}
        )
        remove_leftovers(folder, {SWEEP, TOKEN})
        write_text(folder / SWEEP, json.dumps(request.model_dump(mode="json"), indent=2) + "\n")
        token = uuid.uuid4().hex
        needed = requirements(folder, token, files, is_tested=grid.has_all_pairs)
        tasks = [Task(name, config, needed) for name, config in grid.configs().items()]
        _warn_of_others(tasks, warn)
        write_text(folder / TOKEN, token)
        with _withdrawn_on_signal(folder / TOKEN):
            yield tasks


def data_files(grid: Grid) -> dict[Path, str]:
    """The SHA-256 of each data file that the runs read.

    Raises InputError if the files lack a digit of the grid, or have more or fewer labels than class weights.
    """
    parts: list[Part] = ["training"]
    if grid.has_all_pairs or grid.base.output.report or "output.report" in grid.varied:
        parts.append("test")
    chosen = grid.varied.get(DIGITS, [grid.base.data.digits])
    digits = {digit for digits in chosen if digits != ALL for digit in digits}
    files: dict[Path, str] = {}
    for part in parts:
        with configuration.naming("data.directory"):
            source = open_part(grid.base.data.directory, part)
        try:
            source.indices_of(sorted(digits))
        except InputError as error:
            raise InputError(f"{error}: name a folder with all of them by --set data.directory=DIR") from None
        files |= zip(source.files.values(), source.sha256().values(), strict=True)
    if ALL in chosen:
        for weights in grid.varied.get(CLASS_WEIGHT, [grid.base.training.class_weight]):
            from_config.resolved(grid.base.with_values({DIGITS: ALL, CLASS_WEIGHT: weights}))
    return files


def _check_same_sweep(folder: Path, grid: Grid, files: dict[Path, str]) -> None:
    """Raises InputError if the folder holds anything but a sweep of the same config and data."""
    try:
        before = SweepRequest.model_validate_json(read_small(folder / SWEEP, MAX_SWEEP_BYTES, links=False))
    except FileNotFoundError:
        if left := sorted(path.name for path in folder.iterdir() if final_name(path.name) != SWEEP):
            raise InputError(
                f"{folder}: not empty ({left[0]}), and not a sweep's folder: name another --output"
            ) from None
        return
    except ValidationError:
        raise InputError(f"{folder / SWEEP}: not written by a sweep: remove it, or name another --output") from None
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
        raise InputError(f"{folder}: holds a sweep of other data: {changed[0]} has changed: name another --output")


def _warn_of_others(tasks: list[Task], warn: Callable[[str], object]) -> None:
    """Warn of each run that a worker of an earlier sweep still holds: this sweep will wait for it."""
    for task in tasks:
        try:
            with exclusive(task.directory, lambda _: None, wait=0):
                pass
        except InUse:
            warn(f"{task.directory}: another process is at work in it: the sweep waits for it")
        except OSError:  # not there yet, or not a folder, which fails this run alone
            continue


@contextmanager
def _withdrawn_on_signal(token: Path) -> Iterator[None]:
    """Remove the token when a signal is heard, at the latest when the block ends."""

    def withdraw() -> bool:
        if signals.heard():
            with suppress(OSError):  # the end of the block tries again
                remove(token)
        return signals.heard()

    try:
        with polling(LOOK_SECONDS, withdraw):
            yield
    finally:
        remove(token)
