"""Rows of text as a table."""

from collections.abc import Callable, Sequence


def padded(rows: Sequence[Sequence[str]], justify: Callable[[str, int], str] = str.ljust) -> list[list[str]]:
    """The rows with every cell of a column as wide as its widest."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [[justify(cell, width) for cell, width in zip(row, widths, strict=True)] for row in rows]


def aligned(rows: Sequence[Sequence[str]], justify: Callable[[str, int], str] = str.ljust) -> str:
    """The rows in columns two spaces apart."""
    return "\n".join("  ".join(row).rstrip() for row in padded(rows, justify))


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows as a table in Markdown, aligned for who reads it as it stands."""
    head, *body = padded([header, *rows])
    lines = [head, ["-" * len(cell) for cell in head], *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
