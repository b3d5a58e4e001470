"""history.csv: one row per epoch, appended as epochs end, and read back exactly."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from mlp.system.errors import InputError
from mlp.system.files import StrPath, append, open_regular, read_small, replacing
from mlp.training.progress import Epoch

NAME = "history.csv"
COLUMNS = [column.name for column in fields(Epoch)]
HEADER = ",".join(COLUMNS) + "\n"
MAX_EPOCHS = 1_000_000
"""Each takes about a hundred bytes in memory, and as many in history.csv."""
MAX_HISTORY_BYTES = 1 << 28
"""MAX_EPOCHS epochs take two thirds of it."""
MAX_VALUE = 1e100
"""A run diverges long before. Sums of such numbers stay finite, and axes can show them."""
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?")
"""As Python writes a finite number that is not negative."""

numbers = attrgetter(*COLUMNS)
"""The numbers of an epoch, in the order of the columns."""


class Lost(InputError):
    """history.csv no longer has the epochs that a checkpoint refers to."""


@dataclass(frozen=True)
class Beginning:
    """The first rows of a history.csv, identified by their SHA-256."""

    rows: int
    size: int
    """In bytes, with the header."""
    sha256: str


class History:
    """history.csv of a running run: written whole once; after that, only new rows are appended.

    So a run of n epochs writes n rows. If the file is replaced or removed meanwhile, it is written whole again.
    """

    def __init__(self, path: StrPath):
        self._path = Path(path)
        self._facts: os.stat_result | None = None
        """The file's, after the last write."""
        self._rows = 0
        self._begun, self._begun_rows, self._begun_size = hashlib.sha256(HEADER.encode()), 0, len(HEADER)

    def __repr__(self) -> str:
        return f"History({self._path}, {self._rows:,} epochs)"

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Bring the file up to these epochs: those of the last call, and any new ones."""
        if self._facts is not None and len(epochs) == self._rows:
            return
        if self._facts is not None:
            self._facts = append(self._path, _text(epochs[self._rows :]), self._facts)
        if self._facts is None:
            with replacing(self._path) as file:
                file.write(HEADER.encode() + _text(epochs))
                file.flush()
                self._facts = os.fstat(file.fileno())
        self._rows = len(epochs)

    def beginning(self, epochs: Sequence[Epoch], rows: int) -> Beginning:
        """Identify the first ``rows``, which must be at least as many as in the last call."""
        text = _text(epochs[self._begun_rows : rows])
        self._begun.update(text)
        self._begun_rows, self._begun_size = rows, self._begun_size + len(text)
        return Beginning(rows, self._begun_size, self._begun.hexdigest())


def _text(epochs: Sequence[Epoch]) -> bytes:
    """One line per epoch, with numbers that read back exactly."""
    lines = (",".join("" if value is None else str(value) for value in numbers(epoch)) for epoch in epochs)
    return "".join(f"{line}\n" for line in lines).encode()


def check_room(epochs: int) -> None:
    """Raises InputError if there are more epochs than a run can keep."""
    if epochs > MAX_EPOCHS:
        raise InputError(f"training.epochs: {epochs:,} epochs: a run can keep {MAX_EPOCHS:,}: use fewer of them")


def read_history(directory: StrPath) -> list[Epoch]:
    """The epochs of a run. Raises InputError, naming the line, if history.csv is not as a run writes it."""
    path = Path(directory, NAME)
    try:
        content = read_small(path, MAX_HISTORY_BYTES, links=False)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file: put back the one that the run wrote, or train the run again") from None
    epochs = list(_rows(path, content))
    if not epochs:
        raise _not_written(path, 2, "there is no epoch in it")
    return epochs


def read_beginning(directory: StrPath, known: Beginning, has_validation: bool) -> list[Epoch]:
    """The first epochs of a run, with validation numbers or without. Raises Lost if they are no longer there."""
    path = Path(directory, NAME)
    try:
        with open_regular(path, links=False) as file:
            content = file.read(min(max(0, known.size), MAX_HISTORY_BYTES))
        if hashlib.sha256(content).hexdigest() != known.sha256:
            raise Lost(f"{path}: its first {known.rows:,} epochs are not those that the run wrote: put the file back")
        epochs = list(_rows(path, content))
    except FileNotFoundError:
        raise Lost(f"{path}: no such file, and the first {known.rows:,} epochs are in it: put it back") from None
    except Lost:
        raise
    except InputError as error:
        raise Lost(*error.args) from None
    if len(epochs) != known.rows or any((row.validation_loss is not None) != has_validation for row in epochs):
        raise Lost(f"{path}: its first {known.rows:,} epochs are not those of the checkpoint: train the run again")
    return epochs


def _rows(path: Path, content: bytes) -> Iterator[Epoch]:
    if content.count(b"\n") > MAX_EPOCHS + 1:
        raise _not_written(path, MAX_EPOCHS + 2, f"more than {MAX_EPOCHS:,} epochs")
    try:
        header, *lines = content.decode("ascii").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise _not_written(path, 1, f"byte {error.start} is not ASCII") from None
    if f"{header}\n" != HEADER:
        raise _not_written(path, 1, f"must be {HEADER.strip()}")
    has_validation = None
    for number, line in enumerate(lines, 2):
        try:
            row = _epoch(line.split(","))
            if row.epoch != number - 1:
                raise ValueError(f"epoch must be {number - 1}, not {row.epoch}")
            if has_validation not in (None, row.validation_loss is not None):
                raise ValueError("validation_loss must be there in every epoch or in none")
        except ValueError as error:
            raise _not_written(path, number, str(error)) from None
        has_validation = row.validation_loss is not None
        yield row


def can_miss(column: str) -> bool:
    """Whether this column is empty in a run without validation images."""
    return column.startswith("validation_")


def max_value(column: str) -> float:
    """The largest number that this column can hold."""
    return 1 if column.endswith("_accuracy") else MAX_VALUE


def _epoch(cells: list[str]) -> Epoch:
    """The epoch with these cells. Raises ValueError if no run writes them."""
    if len(cells) != len(COLUMNS):
        raise ValueError(f"must have {len(COLUMNS)} columns, not {len(cells)}")
    values: dict[str, Any] = {}
    for name, cell in zip(COLUMNS, cells, strict=True):
        if can_miss(name) and not cell:
            values[name] = None
            continue
        try:
            values[name] = int(cell) if name == "epoch" else float(cell)
        except ValueError:
            raise ValueError(f"{name} must be a number, not {cell or 'nothing'}") from None
        if not (0 <= values[name] <= max_value(name) and NUMBER.fullmatch(cell)):
            raise ValueError(f"{name} must be from 0 to {max_value(name):g}, not {cell}")
    if (values["validation_loss"] is None) != (values["validation_accuracy"] is None):
        raise ValueError("validation_loss and validation_accuracy must both be there or neither")
    return Epoch(**values)


def _not_written(path: Path, line: int, what: str) -> InputError:
    return InputError(
        f"{path}:{line}: {what}: not as the run wrote it: put back the file that it wrote, or train the run again"
    )
