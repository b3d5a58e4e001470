"""classes.csv in a data folder: the name of each label, if its images were imported from folders with names."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from mlp.data.idx_folder import MAX_LABEL
from mlp.system.errors import InputError
from mlp.system.files import read_small, write_text

NAME = "classes.csv"
HEADER = ["label", "name"]
MAX_BYTES = 1 << 20
"""256 names of 255 bytes, in quotes, take a tenth."""


def write(directory: Path, names: Mapping[int, str]) -> None:
    """Write the names by label. Raises UnicodeEncodeError if one is not Unicode text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *names.items()])
    write_text(directory / NAME, text.getvalue())


def read(directory: Path) -> dict[int, str]:
    """The names by label; none if the folder has no such file. Raises InputError, naming the line, if it is damaged."""
    path = directory / NAME
    try:
        text = read_small(path, MAX_BYTES).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8: import the pictures again") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: dict[int, str] = {}
    try:
        if next(rows, None) != HEADER:
            raise ValueError(f"the header must be {','.join(HEADER)}")
        for label, name in rows:
            if not 0 <= int(label) <= MAX_LABEL or int(label) in names:
                raise ValueError(f"label {label} is given twice, or is not from 0 to {MAX_LABEL}")
            names[int(label)] = name
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}: line {max(1, rows.line_num)}: {error}: import the pictures again") from None
    return names
