"""Files that are written whole or not at all, and small ones that are read whole."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mlp.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write into, which takes the place of ``path`` when the block ends without an error.

    Until then the bytes are in ``path`` + ``.tmp`` beside it; they are on the disk before the rename, so
    that neither a crash nor a full disk leaves a torn file under the final name.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary), temporary):
            error.filename = str(path)  # a full disk does not say where, and nobody asked for the temporary file
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all, with the line endings that it has on every system."""
    with replacing(path) as file:
        file.write(text.encode())


def read_small(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most so many; InputError for anything else that is there.

    FileNotFoundError where nothing is: what that means, the caller knows.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path}: not a regular file: put the file itself there")
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path}: larger than {most:,} bytes: it cannot be the right file")
    return content


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
