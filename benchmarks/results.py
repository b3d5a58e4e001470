"""Results as CSV files, and numbers in printed tables."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mlp.system.files import write_text


def write(path: Path, kind: Any, rows: Sequence[Any], machine: str) -> None:
    """Write the rows, instances of the dataclass ``kind``, in columns named after its fields; None is an empty cell.

    The last column is the machine's name in every row, so that rows of several machines can stand in one file.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [*(field.name for field in fields(kind)), "machine"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) | {"machine": machine} for row in rows)
    write_text(path, text.getvalue())


def times(ratio: float | None) -> str:
    """A ratio as text for a table."""
    return "" if ratio is None else f"{ratio:.2f}"
