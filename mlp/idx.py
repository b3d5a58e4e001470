"""The IDX file format, used by MNIST: reads and writes it, raw or gzipped.

A raw file is a header and the elements, big-endian, last axis fastest:

    0   0   type   d   length of axis 1 (4 bytes) ... length of axis d (4 bytes)   elements

Source: Yann LeCun, "The MNIST database of handwritten digits", section "the IDX file format". A file's first bytes, not
its name, tell whether it is gzipped: some browsers unpack a download and keep its name.
"""

import codecs
import gzip
import json
import math
import os
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from io import FileIO
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlp.system import memory
from mlp.system.errors import DataChanged, Error, InputError
from mlp.system.files import MAX_DEFLATE_RATIO, StrPath, open_regular, replacing

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
"""Element types by the code in the header's third byte."""

MAX_BYTES_IN_MEMORY = 64_000_000
"""A larger raw array stays in its file."""
CHUNK_BYTES = 1 << 20
"""About this much is read at a time."""
MAX_BEST_PACKED_BYTES = 1 << 26
"""Up to this size, more than MNIST's, an array is packed with gzip's best and slowest level, about 4 MB/s."""
GZIP = 16 + zlib.MAX_WBITS
"""zlib's window bits for gzip data; it verifies their checksums."""
GZIP_START = b"\x1f\x8b"
"""A gzip file's first bytes; an IDX file begins with two zeros."""
ARCHIVES = {b"PK\x03\x04": "a zip archive", b"BZh": "bzip2 data", b"\xfd7zXZ": "xz data", b"7z\xbc\xaf": "a 7z archive"}
"""Other kinds of packed files, by their first bytes."""


class _Malformed(Error):
    """The message says what was found in a file and what was expected."""


MAX_AXES = 32
"""NumPy 1 allows 32 axes; the format would allow 255."""


def read(path: StrPath) -> NDArray[Any]:
    """The array in an IDX file: read-only, big-endian, in memory.

    Raises InputError, naming the file, what was found and what was expected, if the file is missing or is not exactly
    one IDX array.
    """
    with _opened(path) as stored:
        return _whole(stored)


def rows(path: StrPath) -> "NDArray[Any] | Rows":
    """Like ``read``, but a raw array of more than ``MAX_BYTES_IN_MEMORY`` stays in its file and is read by rows."""
    with _opened(path) as stored:
        is_raw = stored.file is stored.stream
        return Rows(stored) if is_raw and stored.size > MAX_BYTES_IN_MEMORY else _whole(stored)


def header(path: StrPath) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The element type and the shape of the array in an IDX file. Raises InputError if its header is wrong."""
    with _opened(path) as stored:
        return stored.dtype, stored.shape


def is_packed(path: StrPath) -> bool:
    """Whether an IDX file is gzipped. Raises InputError if its header is wrong."""
    with _opened(path) as stored:
        return stored.file is not stored.stream


def is_same(first: StrPath, second: StrPath) -> bool:
    """Whether two IDX files, gzipped or not, hold the same array; they are compared block by block.

    Raises InputError, as ``read`` does, if a header is wrong or gzip data are damaged.
    """
    return all(a == b for a, b in zip_longest(_blocks(first), _blocks(second)))


def write(path: StrPath, array: NDArray[Any]) -> None:
    """Write an array as an IDX file, gzipped if the name ends in .gz. The same array gives the same bytes.

    Raises ValueError if the format does not allow the element type or the shape.
    """
    _write(path, array.shape, array.dtype, [array])


def write_blocks(path: StrPath, shape: tuple[int, ...], dtype: DTypeLike, blocks: Iterable[NDArray[Any]]) -> None:
    """``write`` for an array too large for memory: its blocks, in order along the first axis.

    Raises ValueError also if the blocks are of another type or do not make up this shape; then nothing is written.
    """
    dtype = np.dtype(dtype)
    _write(path, shape, dtype, _checked(shape, dtype, blocks))


def _checked(shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    rows, *rest = shape
    found = 0
    for block in blocks:
        found += len(block)
        if block.dtype.newbyteorder(">") != dtype.newbyteorder(">") or list(block.shape[1:]) != rest or found > rows:
            raise ValueError(f"a block of {block.dtype} {block.shape}, up to row {found:,}, in {dtype} {shape}")
        yield block
    if found < rows:
        raise ValueError(f"the blocks end at row {found:,}, the shape is {shape}")


def _write(path: StrPath, shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[NDArray[Any]]) -> None:
    header, level = _header(shape, dtype), 9 if math.prod(shape) * dtype.itemsize <= MAX_BEST_PACKED_BYTES else 4
    with replacing(path) as file:
        packed = gzip.GzipFile("", "wb", level, file, mtime=0) if Path(path).suffix == ".gz" else nullcontext(file)
        with packed as stream:
            stream.write(header)
            for block in blocks:
                stream.write(np.ascontiguousarray(block, block.dtype.newbyteorder(">")).data)


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    codes = [code for code, known in TYPES.items() if known == dtype.newbyteorder(">")]
    if not codes:
        names = ", ".join(known.name for known in TYPES.values())
        raise ValueError(f"IDX has no element type for {dtype}; it has {names}")
    if len(shape) > MAX_AXES or max(shape, default=0) >= 2**32:
        raise ValueError(f"IDX has no room for shape {shape}")
    return bytes([0, 0, codes[0], len(shape)]) + np.array(shape, ">u4").tobytes()


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Stored(NamedTuple):
    """An open IDX file, at the end of its header."""

    path: Path
    file: BinaryIO
    stream: _Stream
    """The source of the elements: the file itself, or its unpacked gzip data."""
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    size: int
    """Bytes of all elements."""


@contextmanager
def _opened(path: StrPath) -> Iterator[_Stored]:
    """An open IDX file with its header read. Raises InputError if the file cannot hold what the header promises."""
    try:
        with open_regular(path) as file:
            is_gzip = file.read(len(GZIP_START)) == GZIP_START
            file.seek(0)
            stream = _GzipMembers(file) if is_gzip else file
            stored = _Stored(Path(path), file, stream, *_parse_header(stream.read))
            _check_size(stored)
            yield stored
    except EOFError:
        raise _not_intact(path, "truncated: the gzip data end early") from None
    except zlib.error as error:
        raise _not_intact(path, f"no intact gzip file ({error})") from error
    except _Malformed as error:
        raise _not_intact(path, str(error)) from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}: put the IDX file there") from error


def _not_intact(path: StrPath, what: str) -> InputError:
    return InputError(f"{path}: {what}: put an intact copy in its place")


def _check_size(stored: _Stored) -> None:
    """Raises _Malformed if the file cannot hold what the header promises; the size of gzip data is not known yet."""
    facts, size, promise = os.fstat(stored.file.fileno()), stored.size, _promise(stored.shape, stored.dtype)
    if stored.file is not stored.stream:
        if size > MAX_DEFLATE_RATIO * facts.st_size:
            raise _Malformed(f"{promise}, {size:,} bytes, more than {facts.st_size:,} bytes of gzip can hold")
        return
    found = facts.st_size - stored.file.tell()
    if found != size:
        raise _Malformed(f"{_off_by(found, size)}: {promise}, {size:,} bytes, but {found:,} follow")


class Rows:
    """An array (n, ...) that stays in its raw IDX file: rows are read when needed.

    The file is not mapped into memory: if a mapped file becomes shorter, a process that reads it is killed.
    """

    def __init__(self, stored: _Stored):
        self.shape, self.dtype = stored.shape, stored.dtype
        self._path, self._start, self._row_bytes = stored.path, stored.file.tell(), stored.size // len(self)
        self._file = FileIO(os.dup(stored.file.fileno()))
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Rows({self._path}, shape {self.shape}, {self.dtype})"

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self.take(np.array([index]))[0] for index in range(len(self)))

    def take(self, indices: NDArray[np.integer[Any]], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """The rows at these indices, (m,), in ``out`` if given, which must be contiguous.

        Ascending indices are read together with the rows between them, up to ``CHUNK_BYTES`` at once. Raises
        DataChanged if the file has become too short, OSError if it cannot be read.
        """
        if out is None:
            out = np.empty((len(indices), *self.shape[1:]), self.dtype)
        chunk_rows = max(1, CHUNK_BYTES // self._row_bytes)
        is_apart = (np.diff(indices) < 1) | (np.diff(indices // chunk_rows) != 0)
        starts = [0, *(np.flatnonzero(is_apart) + 1).tolist()] if len(indices) else []
        for first, end in pairwise([*starts, len(indices)]):
            chosen, target = indices[first:end], out[first:end]
            low, count = int(chosen[0]), int(chosen[-1] - chosen[0]) + 1
            if count == len(chosen):
                self._read(low, target)
            else:
                between = np.empty((count, *self.shape[1:]), self.dtype)
                self._read(low, between)
                between.take(chosen - low, axis=0, out=target, mode="clip")
        return out

    def part(self, indices: NDArray[np.integer[Any]], elements: slice) -> NDArray[Any]:
        """Only these elements of each of these flattened rows, (m, elements). Raises what ``take`` raises."""
        places = range(math.prod(self.shape[1:]))[elements]
        out = np.empty((len(indices), len(places)), self.dtype)
        for index, target in zip(indices.tolist(), out, strict=True):
            self._read(index, target, places.start * self.dtype.itemsize)
        return out

    def _read(self, row: int, target: NDArray[Any], offset: int = 0) -> None:
        """Fill the target with the bytes from this offset in this row."""
        left = target.reshape(-1).view(np.uint8).data
        try:
            self._file.seek(self._start + row * self._row_bytes + offset)
            while left:
                found = self._file.readinto(left)
                if not found:
                    raise DataChanged(self._path, "it is shorter now")
                left = left[found:]
        except OSError as error:
            error.filename = str(self._path)
            raise


def _whole(stored: _Stored) -> NDArray[Any]:
    size, stream = stored.size, stored.stream
    elements = _memory(stored)
    found = _read_into(stream, elements)
    if found < size or stream.read(1):
        follow = f"but {found:,} follow" if found < size else "but more follow"
        promise = _promise(stored.shape, stored.dtype)
        raise _Malformed(f"{_off_by(found, size)}: {promise}, {size:,} bytes, {follow}")
    array = elements.view(stored.dtype).reshape(stored.shape)
    array.flags.writeable = False
    return array


def _memory(stored: _Stored) -> NDArray[np.uint8]:
    """Memory for all elements. Raises InputError if too little is free: the system would kill the process."""
    free = memory.free()
    try:
        if free is not None and stored.size > free:
            raise MemoryError
        return np.empty(stored.size, np.uint8)
    except MemoryError:
        raise InputError(
            f"{stored.path}: {_promise(stored.shape, stored.dtype)}, {stored.size:,} bytes, more than the free "
            "memory: gunzip it: a raw file may be this large"
        ) from None


def _blocks(path: StrPath) -> Iterator[bytes]:
    """The header of an IDX file, then its elements in blocks, then one byte more if the file is too long."""
    with _opened(path) as stored:
        yield _header(stored.shape, stored.dtype)
        left = stored.size + 1
        while left and (block := stored.stream.read(min(CHUNK_BYTES, left))):
            left -= len(block)
            yield block


class _GzipMembers:
    """The unpacked members of a gzip file; nothing else is allowed between or after them.

    Python's gzip module skips zeros there, but a download that was cut off and padded has them.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._waiting = file.read(CHUNK_BYTES)
        self._member = zlib.decompressobj(GZIP) if self._waiting else None

    def read(self, size: int) -> bytes:
        """``size`` bytes, or fewer if the last member ends before. Raises EOFError if a member is cut off."""
        pieces: list[bytes] = []
        while size > 0 and self._member is not None:
            piece = self._member.decompress(self._waiting, size)
            pieces.append(piece)
            size -= len(piece)
            self._waiting = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            ended = self._member.eof
            if not self._waiting and (ended or not piece):
                self._waiting = self._file.read(CHUNK_BYTES)
                if not (self._waiting or ended):
                    raise EOFError
            if ended:
                self._member = zlib.decompressobj(GZIP) if self._waiting else None
        return b"".join(pieces)


def _parse_header(read: Callable[[int], bytes]) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """The element type, the shape, and the bytes of all elements."""
    magic = read(4)
    if not magic:
        raise _Malformed("empty, an IDX header was expected")
    if magic[:2] == GZIP_START:
        raise _Malformed("gzip data within gzip data: gunzip it once")
    if magic[:2] != b"\0\0"[: len(magic)]:
        raise _Malformed(_described(magic + read(SHOWN_BYTES)))
    if len(magic) < 4:
        raise _Malformed(f"truncated within the first four bytes, {magic.hex(' ')}")
    code, axes = magic[2:]
    if code not in TYPES:
        known = ", ".join(f"{known:02x}" for known in TYPES)
        raise _Malformed(f"element type {code:02x} is none of the IDX types {known}")
    if axes > MAX_AXES:
        raise _Malformed(f"the header says {axes} axes, at most {MAX_AXES} can be read")
    lengths = read(4 * axes)
    if len(lengths) < 4 * axes:
        raise _Malformed(f"truncated within the header of {axes} axes")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = TYPES[code]
    if math.prod(length or 1 for length in shape) * dtype.itemsize > np.iinfo(np.intp).max:
        raise _Malformed(f"{_promise(shape, dtype)}, more than any memory holds")
    return dtype, shape, math.prod(shape) * dtype.itemsize


SHOWN_BYTES = 60
"""Bytes to quote of a text that is found instead of an IDX file."""


def _described(start: bytes) -> str:
    """The message about a file that is not IDX, by its first bytes."""
    for magic, name in ARCHIVES.items():
        if start.startswith(magic):
            return f"{name}, not an IDX file: unpack it"
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)  # the last character may be cut
    except UnicodeDecodeError:
        text = "\0"
    words = " ".join(text.split())
    if not words.isprintable():
        return f"not an IDX file: it begins with {start[:4].hex(' ')}, 00 00 was expected"
    what = "a web page" if words.startswith("<") else "text"
    return f"{what}, not an IDX file: it begins with {json.dumps(words, ensure_ascii=False)}"


def _read_into(stream: _Stream, elements: NDArray[np.uint8]) -> int:
    """Fill the elements from the stream; returns the number of bytes found, fewer if the stream ends early."""
    view, found = elements.data, 0
    while found < len(view):
        chunk = stream.read(min(CHUNK_BYTES, len(view) - found))
        if not chunk:
            break
        view[found : found + len(chunk)] = chunk
        found += len(chunk)
    return found


def _off_by(found: int, size: int) -> str:
    return "truncated" if found < size else "too long"


def _promise(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"the header promises {' x '.join(map(str, shape)) or 'one'} elements of {dtype.name}"
