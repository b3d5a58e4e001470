"""Kaggle's CSV files of images: in each line a label, then the pixels of a square image, row by row."""

import gzip
import math
import re
import zlib
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from typing import BinaryIO, cast

import numpy as np

from mlp.data.array_images import Bytes, checked
from mlp.idx import GZIP_START
from mlp.system import memory
from mlp.system.errors import InputError
from mlp.system.files import StrPath, open_regular

BLOCK_CHARACTERS = 1 << 22
"""About this much is parsed at a time: 2,000 lines of MNIST."""
MAX_LINE_CHARACTERS = 1 << 25
"""Twice what an image of four million pixels takes."""
BYTE = re.compile(r"\s*\+?0*(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\s*")
SHOWN_CHARACTERS = 20


def read(path: StrPath, advance: Callable[[int], object]) -> tuple[Bytes, Bytes]:
    """The images (n, side, side) and labels (n,) of a CSV file, which may be gzipped and have a header.

    ``advance`` is called with the number of images of each block. Raises InputError, naming the line, if a line has
    another number of columns than the first, or anything but whole numbers from 0 to 255, or if the number of pixels is
    not a square; also if there is no image, too little memory, or damaged gzip data. Raises OSError if the system
    cannot read the file.
    """
    with open_regular(path) as file:
        is_packed = file.read(len(GZIP_START)) == GZIP_START
        file.seek(0)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if is_packed else file
        try:
            with TextIOWrapper(stream, "utf-8-sig", errors="replace") as text:
                rows = _rows(path, text, advance)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{path}: damaged gzip data ({error}): put an intact copy in its place") from None
    try:
        return checked(rows[:, 1:], rows[:, 0])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _rows(path: StrPath, text: TextIOWrapper, advance: Callable[[int], object]) -> Bytes:
    """All lines as one array (n, 1 + pixels)."""
    blocks: list[Bytes] = []
    number, columns, size, free = 1, 0, 0, memory.free()
    for lines in _line_blocks(text):
        if not columns:
            first = next((place for place, line in enumerate(lines) if line.strip()), 0)
            columns, has_header = _first_line(f"{path}: line {first + 1}", lines[first])
            if has_header:
                lines[first] = ""
        rows = _parsed(path, lines, number, columns)
        number += len(lines)
        size += rows.nbytes
        if free is not None and 2 * size > free:  # twice: the blocks, then an array of them
            raise InputError(f"{path}: line {number}: the images take more than the free memory: take fewer lines")
        blocks.append(rows)
        advance(len(rows))
    if not sum(map(len, blocks)):
        raise InputError(f"{path}: no image in it: each line must be a label and the pixels of an image")
    return np.concatenate(blocks)


def _line_blocks(text: TextIOWrapper) -> Iterator[list[str]]:
    lines: list[str] = []
    size = 0
    while line := text.readline(MAX_LINE_CHARACTERS):
        lines.append(line)
        size += len(line)
        if size > BLOCK_CHARACTERS:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def _first_line(where: str, line: str) -> tuple[int, bool]:
    """The number of columns, and whether the line is a header. Raises InputError if it cannot be label and pixels."""
    cells = line.split(",")
    has_header = not _is_number(cells[0])
    if "pixel" in cells[0].lower():
        what = f"its first column is {cells[0].strip()}, must be the label: Kaggle's test.csv has no labels"
        raise InputError(f"{where}: {what}: leave it out, and a part of the training images is held out")
    pixels = len(cells) - 1
    if not pixels or math.isqrt(pixels) ** 2 != pixels:
        what = f"{pixels:,} pixels after the label are no square image"
        raise InputError(f"{where}: {what}: put the label first, then the pixels row by row, with commas between")
    return len(cells), has_header


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parsed(path: StrPath, lines: list[str], number: int, columns: int) -> Bytes:
    """The lines, of which the first has this number, as an array (n, columns); blank lines are left out."""
    filled = [line for line in lines if not line.isspace() and line]
    if not filled:
        return np.empty((0, columns), np.uint8)
    try:
        rows: Bytes = np.loadtxt(filled, np.uint8, comments=None, delimiter=",", ndmin=2)
        problem = f"{rows.shape[1]} columns"
    except ValueError as error:
        problem = str(error)
    else:
        if rows.shape[1] == columns:
            return rows
    for line_number, line in enumerate(lines, number):
        _check_line(f"{path}: line {line_number}", line, columns)
    raise InputError(f"{path}: lines {number} to {number + len(lines) - 1}: {problem}: write whole numbers")


def _check_line(where: str, line: str, columns: int) -> None:
    """Raises InputError if a line is not this many numbers from 0 to 255. NumPy counts lines from another one."""
    if not line.strip():
        return
    cells = line.rstrip("\r\n").split(",")
    if len(cells) != columns:
        raise InputError(f"{where}: {len(cells):,} columns, the first line has {columns:,}: complete or remove it")
    for column, cell in enumerate(cells, 1):
        if not BYTE.fullmatch(cell):
            shown = cell if len(cell) <= SHOWN_CHARACTERS else f"{cell[:SHOWN_CHARACTERS]}..."
            what = f"column {column} is {shown!r}, must be a whole number from 0 to 255"
            raise InputError(f"{where}: {what}: correct or remove the line")
