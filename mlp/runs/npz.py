"""NPZ files: named arrays, written to the same bytes each time and read without trusting the content.

A sealed file ends in the SHA-256 of everything before it, in the comment at the end of the ZIP archive. So NumPy and
every ZIP program can read it, and damage is found before anything is parsed. But a forged file can have a correct
SHA-256, too. So the parser accepts only what ``write_arrays``, or ``np.savez`` of NumPy 1.26 or 2, writes: uncompressed
entries one after the other, then a directory that lists exactly these. Each entry is an array of float32, float64 or
text, in C order, of at most two axes, with as many bytes as its shape needs. Both byte orders are read.
"""

import hashlib
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from mlp.gates import Array
from mlp.system.errors import Error

PREFIX = b"sha256 "
DIGITS = 2 * hashlib.sha256().digest_size
CHUNK = 1 << 20

LOCAL, DIRECTORY, END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
"""A ZIP archive's records: before an entry, of an entry in the directory, and the last one (PKWARE's APPNOTE, 4.3)."""
END_64, LOCATOR = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
"""The records before the last one if the directory begins beyond ``MAX_32_BIT``."""
MAX_32_BIT = (1 << 31) - 1
"""Larger numbers are stored in eight bytes behind the entry's name, and IN_EIGHT_BYTES takes their place."""
IN_EIGHT_BYTES = (1 << 32) - 1
VERSION_OF_EIGHT_BYTES = 45
"""Of the ZIP format."""
MAX_OFFSET = 1 << 62
"""No file is that long, and systems refuse to seek much further."""
MAX_ENTRIES = 256
"""The deepest network that a config allows, 101 layers, needs 203."""
MAX_DIRECTORY_BYTES = 1 << 16
"""The directory, and everything after it."""
ENTRY_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{0,63}\.npy")

MAGIC = b"\x93NUMPY\1\0"
"""Of NumPy's format 1.0; the length of the header follows, in two bytes."""
MAX_HEADER_BYTES = 1024
"""Usually it has 118."""
HEADER = re.compile(
    rb"\{'descr': '(?P<type>[<>](?:f4|f8|U[1-9][0-9]{0,7}))', 'fortran_order': False, "
    rb"'shape': \((?P<shape>|SIDE,|SIDE, SIDE)\), \} *\n".replace(b"SIDE", rb"(?:0|[1-9][0-9]{0,11})")
)


class Damaged(Error):
    """A file is not as it was written; the message says how it differs."""


def write_arrays(file: BinaryIO, arrays: Mapping[str, Array], comment: bytes = b"") -> None:
    """Write the arrays as ``np.savez`` does. The bytes depend only on the arrays: every entry is dated 1980.

    ``np.savez`` itself is not used: before NumPy 2 it leaves the archive open when the disk is full.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(_Wide(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
        archive.comment = comment


class _Wide(zipfile.ZipInfo):
    """An entry with the same bytes in every Python: 3.11.3 and older keep its sizes in four bytes as well."""

    def FileHeader(self, zip64: bool | None = None) -> bytes:  # noqa: N802
        self.create_version = self.extract_version = VERSION_OF_EIGHT_BYTES
        head = bytearray(super().FileHeader(zip64))
        struct.pack_into("<2L", head, LOCAL.size - 12, IN_EIGHT_BYTES, IN_EIGHT_BYTES)
        return bytes(head)


def write_sealed(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """Like ``write_arrays``, with the SHA-256 of everything before at the end; the file must be readable, too."""
    write_arrays(file, arrays, comment=PREFIX + b"0" * DIGITS)
    size = file.seek(0, os.SEEK_END)
    digest = _digest(file, size - DIGITS)
    file.seek(size - DIGITS)
    file.write(digest)


def read_sealed(file: BinaryIO) -> dict[str, Array]:
    """The arrays of a sealed file, read like ``read_arrays``. Raises Damaged if a single bit has changed."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - END.size - len(PREFIX) - DIGITS))
    tail = file.read()
    if not (tail.startswith(b"PK\5\6") and tail[END.size :].startswith(PREFIX)):
        raise Damaged("cut off, or never whole")
    if _digest(file, size - DIGITS) != tail[-DIGITS:]:
        raise Damaged("its content does not match the SHA-256 at its end")
    return read_arrays(file, comment=tail[END.size :])


def read_arrays(file: BinaryIO, comment: bytes = b"") -> dict[str, Array]:
    """The arrays of a file that ends in this comment. They are read-only views of the bytes read; no code is run.

    Raises Damaged for anything that ``write_arrays`` does not write, before memory is allocated for it.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        entries = _entries(file)
        names = {entry.name for entry in entries}
        if len(names) < len(entries):
            raise Damaged("not an archive of arrays (two have the same name)")
        _check_end(file, entries, size, comment)
        return {entry.name: _read_array(file, entry) for entry in entries}
    except (OSError, struct.error) as error:
        raise Damaged(f"not an archive of arrays ({error})") from error


def text(arrays: Mapping[str, Array], name: str, max_characters: int) -> str:
    """The text saved under a name. Raises Damaged if there is no text, or one of more than ``max_characters``."""
    array = arrays.get(name)
    if array is None or array.dtype.kind != "U" or array.shape != ():
        raise Damaged(f"it has no text {name}")
    if array.itemsize > 4 * max_characters:
        raise Damaged(f"its {name} has more than {max_characters:,} characters")
    try:
        found = str(array.item())
        found.encode()
    except ValueError as error:
        raise Damaged(f"its {name} is not text ({error})") from error
    return found


@dataclass(frozen=True)
class _Entry:
    """A file in the archive."""

    name: str
    """Without .npy."""
    at: int
    """The offset of its record; ``content`` is the offset of its bytes."""
    content: int
    size: int
    crc: int

    @property
    def end(self) -> int:
        return self.content + self.size


def _entries(file: BinaryIO) -> list[_Entry]:
    """The entries, from the beginning of the archive. Each begins where the one before ends, so none overlap."""
    entries: list[_Entry] = []
    at = file.seek(0)
    while (head := file.read(LOCAL.size)).startswith(b"PK\3\4"):
        _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL.unpack(head)
        name, extra = file.read(name_length), file.read(extra_length)
        if extra:
            *kind, wide_size, wide_packed = struct.unpack("<2H2Q", extra)
            if kind == [1, 16] and (packed, size) in ((IN_EIGHT_BYTES, IN_EIGHT_BYTES), (wide_packed, wide_size)):
                extra, packed, size = b"", wide_packed, wide_size
        if extra or flags or method != zipfile.ZIP_STORED or packed != size or not ENTRY_NAME.fullmatch(name):
            raise Damaged(f"its entry {len(entries) + 1} is not as NumPy stores arrays")
        if len(entries) == MAX_ENTRIES:
            raise Damaged(f"more than {MAX_ENTRIES} arrays")
        entries.append(_Entry(name.decode().removesuffix(".npy"), at, file.tell(), size, crc))
        at = file.seek(min(entries[-1].end, MAX_OFFSET))
    return entries


def _check_end(file: BinaryIO, entries: list[_Entry], size: int, comment: bytes) -> None:
    """Raises Damaged if the archive's directory, which NumPy relies on, lists other entries, or anything follows it."""
    at = entries[-1].end if entries else 0
    if not 0 <= size - at <= MAX_DIRECTORY_BYTES:
        raise Damaged("cut off, or never whole")
    file.seek(at)
    rest, place = file.read(), 0
    for entry in entries:
        expected, name = _in_directory(entry)
        _, _, _, *fields = DIRECTORY.unpack_from(rest, place)  # skipped: writer, version, date, attributes
        del fields[2:4], fields[-3:-1]
        behind = place + DIRECTORY.size
        if not rest.startswith(b"PK\1\2", place) or fields != expected or not rest.startswith(name, behind):
            raise Damaged(f"its directory does not match its {entry.name}")
        place = behind + len(name)
    if rest[place:] != _end(len(entries), at, place, comment):
        raise Damaged("its end does not fit its arrays")


def _in_directory(entry: _Entry) -> tuple[list[int], bytes]:
    """An entry's record in the directory, as it must be: its numbers, then the name and the bytes after it."""
    size, at, name = entry.size, entry.at, f"{entry.name}.npy".encode()
    wide = [size, size] * (size > MAX_32_BIT) + [at] * (at > MAX_32_BIT)
    extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size, at = (IN_EIGHT_BYTES if number > MAX_32_BIT else number for number in (size, at))
    return [0, zipfile.ZIP_STORED, entry.crc, size, size, len(name), len(extra), 0, 0, at], name + extra


def _end(count: int, at: int, size: int, comment: bytes) -> bytes:
    """The end of an archive whose directory of ``count`` entries and ``size`` bytes begins at offset ``at``."""
    wide = b""
    if at > MAX_32_BIT:
        wide = END_64.pack(b"PK\6\6", END_64.size - 12, 45, 45, 0, 0, count, count, size, at)
        wide += LOCATOR.pack(b"PK\6\7", 0, at + size, 1)
    return wide + END.pack(b"PK\5\6", 0, 0, count, count, size, min(at, IN_EIGHT_BYTES), len(comment)) + comment


def _read_array(file: BinaryIO, entry: _Entry) -> Array:
    """An array in NumPy's format 1.0. Raises Damaged if the header does not match the bytes that follow."""
    file.seek(entry.content)
    start = file.read(len(MAGIC) + 2)
    length = int.from_bytes(start[len(MAGIC) :], "little")
    if not start.startswith(MAGIC) or length > MAX_HEADER_BYTES:
        raise Damaged(f"its {entry.name} is not in NumPy's format 1.0")
    header = file.read(length)
    found = HEADER.fullmatch(header)
    if found is None:
        raise Damaged(f"its {entry.name} is not an array of numbers or text")
    dtype, shape = np.dtype(found["type"].decode()), tuple(map(int, re.findall(rb"[0-9]+", found["shape"])))
    size = entry.size - len(start) - length
    if 0 in shape[1:] or math.prod(shape) * dtype.itemsize != size:
        raise Damaged(f"its {entry.name} has {size:,} bytes, but the shape {shape}")
    content = file.read(size)
    if zlib.crc32(content, zlib.crc32(header, zlib.crc32(start))) != entry.crc:
        raise Damaged(f"its {entry.name} does not match its checksum")
    return np.ndarray(shape, dtype, content)


def _digest(file: BinaryIO, size: int) -> bytes:
    """The SHA-256 of the first ``size`` bytes, in hexadecimal digits."""
    file.seek(0)
    digest = hashlib.sha256()
    while size > 0 and (chunk := file.read(min(CHUNK, size))):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest().encode()
