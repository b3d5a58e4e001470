"""Rows of text as a table."""

import unicodedata
from collections.abc import Callable, Sequence

from mlp.system.printable import printable


def width(text: str) -> int:
    """Columns that a text takes on a terminal: two for a full-width character, none for a combining one."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1
        for c in text
    )


def justified(text: str, columns: int, justify: Callable[[str, int], str] = str.ljust) -> str:
    """The text with blanks, so that it takes this many columns of a terminal.

    ``justify`` is a method of str, such as str.rjust.
    """
    return justify(text, columns - width(text) + len(text))


def padded(rows: Sequence[Sequence[str]], justify: Callable[[str, int], str] = str.ljust) -> list[list[str]]:
    """The rows, each cell printable and ``justified`` to the widest of its column."""
    rows = [list(map(printable, row)) for row in rows]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [[justified(cell, full, justify) for cell, full in zip(row, widths, strict=True)] for row in rows]


def aligned(rows: Sequence[Sequence[str]], justify: Callable[[str, int], str] = str.ljust) -> str:
    """The rows in columns two spaces apart."""
    return "\n".join("  ".join(row).rstrip() for row in padded(rows, justify))


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows as a table in Markdown, aligned so that its source is easy to read."""
    head, *body = padded([header, *rows])
    lines = [head, ["-" * width(cell) for cell in head], *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
