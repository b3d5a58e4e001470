"""Results: a row of numbers each, written as CSV and printed as a table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mlp.system.files import write_text


def write(path: Path, kind: Any, rows: Sequence[Any]) -> None:
    """The rows, instances of the dataclass ``kind``, under its fields' names; None is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, rows))
    write_text(path, text.getvalue())


def times(ratio: float | None) -> str:
    """A ratio for people."""
    return "" if ratio is None else f"{ratio:.2f}"
