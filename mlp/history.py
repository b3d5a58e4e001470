"""history.csv: a row an epoch, appended as epochs end, and read back as it was written."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from mlp.errors import InputError
from mlp.files import append, read_small, replacing
from mlp.training import Epoch

NAME = "history.csv"
COLUMNS = [column.name for column in fields(Epoch)]
HEADER = ",".join(COLUMNS) + "\n"
LARGEST = 1 << 28
"""Bytes; a million epochs have two thirds of them."""

MOST = 1e100
"""Of any number: a run diverges long before. Sums of such numbers are finite, and axes reach so far."""

numbers = attrgetter(*COLUMNS)
"""An epoch's numbers, in the order of the columns."""


@dataclass(frozen=True)
class Beginning:
    """The first rows of a history.csv, by which they are known again."""

    rows: int
    size: int
    """Bytes, with the header."""
    sha256: str


class History:
    """history.csv of a run under way: written whole at first, then by the rows that are new.

    So a run of n epochs writes n rows. Where the file was exchanged or removed meanwhile it is written whole again.
    """

    def __init__(self, path: Path):
        self._path = path
        self._facts: os.stat_result | None = None
        """Of the file as it was left here."""
        self._rows = 0
        self._begun, self._begun_rows, self._begun_size = hashlib.sha256(HEADER.encode()), 0, len(HEADER)

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Bring the file up to these epochs: more than it was given before, or the same."""
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
        """Of these epochs the first so many: at least as many as when this was last asked."""
        text = _text(epochs[self._begun_rows : rows])
        self._begun.update(text)
        self._begun_rows, self._begun_size = rows, self._begun_size + len(text)
        return Beginning(rows, self._begun_size, self._begun.hexdigest())


def _text(epochs: Sequence[Epoch]) -> bytes:
    """A line each; numbers so that they read back exactly."""
    lines = (",".join("" if value is None else str(value) for value in numbers(epoch)) for epoch in epochs)
    return "".join(f"{line}\n" for line in lines).encode()


def read(directory: Path) -> list[Epoch]:
    """The epochs of a run. Raises InputError, naming the line, if history.csv is not as a run writes it."""
    path = directory / NAME
    try:
        content = read_small(path, LARGEST, links=False)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file: put back the one that the run wrote, or train the run again") from None
    epochs = list(_rows(path, content))
    if not epochs:
        raise _not_written(path, 2, "there is no epoch in it")
    return epochs


def read_beginning(directory: Path, known: Beginning) -> list[Epoch]:
    """The first epochs of a run, if they are still those. Raises InputError if not, or there is no such file."""
    path = directory / NAME
    try:
        content = read_small(path, LARGEST, links=False)[: known.size]
    except FileNotFoundError:
        content = b""
    epochs = list(_rows(path, content)) if hashlib.sha256(content).hexdigest() == known.sha256 else []
    if len(epochs) != known.rows:
        raise InputError(f"{path}: its first {known.rows:,} epochs are not those that the run wrote: put the file back")
    return epochs


def _rows(path: Path, content: bytes) -> Iterator[Epoch]:
    try:
        header, *lines = content.decode().splitlines() or [""]
    except UnicodeDecodeError as error:
        raise _not_written(path, 1, f"byte {error.start} is not UTF-8") from None
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


def _epoch(cells: list[str]) -> Epoch:
    """The row with these cells; ValueError for what no run writes."""
    if len(cells) != len(COLUMNS):
        raise ValueError(f"must have {len(COLUMNS)} columns, not {len(cells)}")
    values: dict[str, Any] = {}
    for name, cell in zip(COLUMNS, cells, strict=True):
        if name.startswith("validation_") and not cell:
            values[name] = None
            continue
        try:
            values[name] = int(cell) if name == "epoch" else float(cell)
        except ValueError:
            raise ValueError(f"{name} must be a number, not {cell or 'nothing'}") from None
        most = 1 if name.endswith("_accuracy") else MOST
        if not 0 <= values[name] <= most:
            raise ValueError(f"{name} must be from 0 to {most:g}, not {cell}")
    if (values["validation_loss"] is None) != (values["validation_accuracy"] is None):
        raise ValueError("validation_loss and validation_accuracy must both be there or neither")
    return Epoch(**values)


def _not_written(path: Path, line: int, what: str) -> InputError:
    return InputError(
        f"{path}:{line}: {what}: not as the run wrote it: put back the file that it wrote, or train the run again"
    )
