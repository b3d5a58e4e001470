"""NPZ files: named arrays, written to the same bytes each time and read without trusting what is read.

A sealed one ends in the SHA-256 of everything before it, as the comment that a ZIP archive may end in; so NumPy and
every ZIP program can read it, and damage anywhere is known before anything is parsed.
"""

import hashlib
import os
import zipfile
from collections.abc import Mapping
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PREFIX = b"sha256 "
DIGITS = 2 * hashlib.sha256().digest_size
END_RECORD = 22
"""Bytes of a ZIP archive's end record, before its comment (PKWARE's APPNOTE, 4.3.16)."""
ENCRYPTED = 1
"""Of an entry's flags."""
CHUNK = 1 << 20


class Damaged(Exception):
    """A file is not as it was written; the text says in what."""


def write(file: BinaryIO, arrays: Mapping[str, Array], comment: bytes = b"") -> None:
    """Write the arrays as ``np.savez`` does. The bytes depend on them alone: every entry is dated 1980.

    Not by ``np.savez`` itself, which before NumPy 2 leaves the archive open when the disk is full.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
        archive.comment = comment


def write_sealed(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """As ``write``, ending in the SHA-256 of all before it; the file is open for reading, too."""
    write(file, arrays, comment=PREFIX + b"0" * DIGITS)
    size = file.seek(0, os.SEEK_END)
    digest = _digest(file, size - DIGITS)
    file.seek(size - DIGITS)
    file.write(digest)


def read_sealed(file: BinaryIO) -> dict[str, Array]:
    """The arrays of a sealed file; Damaged where one bit is not as it was written."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - END_RECORD - len(PREFIX) - DIGITS))
    tail = file.read()
    if not (tail.startswith(b"PK\5\6") and tail[END_RECORD:].startswith(PREFIX)):
        raise Damaged("cut off, or never whole")
    if _digest(file, size - DIGITS) != tail[-DIGITS:]:
        raise Damaged("its SHA-256 is not the one that it ends in")
    return read(file)


def read(file: BinaryIO) -> dict[str, Array]:
    """The arrays, read-only; no code is run, and memory bounded by the file's size. Damaged if it has none."""
    size = file.seek(0, os.SEEK_END)
    arrays = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & ENCRYPTED or entry.file_size > size:
                    raise Damaged(f"its entry {entry.filename} is not as NumPy stores arrays")
                with archive.open(entry) as stream:
                    arrays[entry.filename.removesuffix(".npy")] = _read_array(stream)
    except (ValueError, TypeError, KeyError, EOFError, OSError, NotImplementedError, zipfile.BadZipFile) as error:
        raise Damaged(f"no archive of arrays ({error})") from error
    return arrays


def _read_array(stream: IO[bytes]) -> Array:
    """An array in NumPy's format 1.0, whose header must promise what follows: NumPy makes room for what it promises."""
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("another version of NumPy's format")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError("objects, which would run code, or a shape that is none")
    content = stream.read()
    array: Array = np.ndarray(shape, dtype, content, order="F" if fortran_order else "C")
    if array.nbytes != len(content):
        raise ValueError(f"{len(content):,} bytes where {array.nbytes:,} were promised")
    return array


def _digest(file: BinaryIO, size: int) -> bytes:
    """The SHA-256 of the first so many bytes, in hexadecimal digits."""
    file.seek(0)
    digest = hashlib.sha256()
    while size > 0 and (chunk := file.read(min(CHUNK, size))):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest().encode()
