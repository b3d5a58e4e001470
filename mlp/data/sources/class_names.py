"""classes.csv in a data folder: the name of each label, if its images were imported from folders with names."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

from mlp.system.errors import InputError
from mlp.system.files import StrPath, read_small, write_text

NAME = "classes.csv"
HEADER = ["label", "name"]
MAX_BYTES = 1 << 20
"""256 names of 255 bytes, in quotes, take a tenth."""


def write(directory: StrPath, names: Mapping[int, str]) -> None:
    """Write the names by label. Raises UnicodeEncodeError if one is not Unicode text."""
    text = io.StringIO()
    # Lines end in CRLF (RFC 4180): if they ended in LF, Python would write a name with a CR without quotes.
    csv.writer(text).writerows([HEADER, *names.items()])
    write_text(Path(directory, NAME), text.getvalue())


def read(directory: StrPath, warn: Callable[[str], object]) -> dict[int, str]:
    """The names by label; none if the folder has no such file. ``warn`` gets a message if it cannot be read."""
    path = Path(directory, NAME)
    try:
        return _parsed(read_small(path, MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        warn(f"{path}: {error.strerror}: the classes' names are unknown")
    except (ValueError, csv.Error) as error:
        warn(f"{path}: {error}: the classes' names are unknown: import the pictures again")
    except InputError as error:
        warn(f"{error}: the classes' names are unknown")
    return {}


def _parsed(content: bytes) -> dict[int, str]:
    """The names by label. Raises ValueError or csv.Error if the content is not as ``write`` writes it."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    if header != HEADER:
        raise ValueError(f"its first line must be {','.join(HEADER)}")
    return {int(label): name for label, name in rows}
