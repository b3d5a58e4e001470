"""Numbers and arrays as text for people: rounded; a large array by its shape.

``listing.number`` writes them as Python code instead, which reads back to the same numbers.
"""

import numpy as np

from mlp.gates import Array

MAX_SHOWN_LENGTH = 4
"""A drawing or an equation shows the numbers of an array with up to this many rows and columns."""


def rounded(number: float, digits: int = 4) -> str:
    """A number with this many significant digits; whole numbers below a million in full."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e6 else f"{number:.{digits}g}"


def is_shown_by_shape(array: Array) -> bool:
    """Whether an array is too large for a drawing or an equation to show its numbers."""
    return array.ndim > 2 or max(array.shape, default=0) > MAX_SHOWN_LENGTH


def rows_of(array: Array) -> list[str]:
    """A number, the rows of a small array, or the shape of a larger one: a line each, for a drawing."""
    if not array.ndim or is_shown_by_shape(array):
        return [written(array)]
    return [f"[{'  '.join(rounded(number, digits=3) for number in row)}]" for row in np.atleast_2d(array).tolist()]


def written(array: Array) -> str:
    """A number, a small array in brackets, or the shape of a larger one: on one line, for an equation."""
    return str(array.shape) if is_shown_by_shape(array) else in_full(array)


def in_full(array: Array, digits: int = 4) -> str:
    """A number, or an array in brackets, whatever its size, on one line."""
    if not array.ndim:
        return rounded(array.item(), digits)
    return f"[{', '.join(in_full(part, digits) for part in array)}]"
