"""Numbers and arrays as text, read by Python's own grammar and never run."""

import ast
import math
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.errors import InputError
from mlp.gates import Array
from mlp.source_text import Text, put_in_quotes, rejoined

LONGEST_VALUE = 100_000
"""Characters of a value."""


def parse_value(name: str, text: str) -> Array:
    """The value in NAME=VALUE or after an option: a number, or nested lists of numbers of one shape."""
    source = Text.of(text, f"the value of {name}")
    statements = source.parse(LONGEST_VALUE)
    if len(statements) != 1 or not isinstance(statements[0], ast.Expr):
        raise source.error(0, "must be a number, or lists of numbers in brackets")
    return np.asarray(literal(source, statements[0].value), float)


def parse_values(arguments: Sequence[str]) -> dict[str, Array]:
    """The values in arguments NAME=VALUE."""
    values: dict[str, Array] = {}
    for argument, was_split in rejoined(arguments, _has_whole_value):
        if was_split:
            raise InputError(f"{argument}: {put_in_quotes(argument)}")
        name, equals, text = argument.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())  # as Python's parser does with the expression's names
        if not equals or not name.isidentifier():
            raise InputError(f"{argument}: must be NAME=VALUE, as in x=-2: what has blanks in it must be in quotes")
        if name in values:
            raise InputError(f"{argument}: {name} has a value already")
        values[name] = parse_value(name, text)
    return values


def _has_whole_value(argument: str) -> bool:
    try:
        parse_value(*argument.split("=", 1))
    except InputError:
        return False
    return True


def literal(source: Text, tree: ast.expr, depth: int = 0) -> Any:
    """A number, with its sign, or nested lists of one shape; InputError for anything else."""
    if isinstance(tree, ast.List):
        if depth == 8:
            raise source.error(source.start(tree), "an array has at most 8 dimensions")
        items = [literal(source, item, depth + 1) for item in tree.elts]
        if not items:
            raise source.error(source.start(tree), "an array must not be empty")
        if len({np.shape(item) for item in items}) > 1:
            raise source.error(source.start(tree), "the items of an array must have one shape")
        return items
    if is_number(tree):
        return number(source, tree)
    raise source.error(source.start(tree), "must be a number, or lists of numbers in brackets")


def is_number(tree: ast.expr) -> bool:
    """Whether it is a number, with or without a minus."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        tree = tree.operand
    return isinstance(tree, ast.Constant) and type(tree.value) in (int, float)


def number(source: Text, tree: ast.expr) -> float:
    """The number, an int where it is written as one; InputError where a float64 cannot hold it."""
    if isinstance(tree, ast.UnaryOp):
        return -number(source, tree.operand)
    value: float = tree.value  # type: ignore[attr-defined]
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        raise source.error(source.start(tree), "the number is too large: the largest is about 1.8e308")
    return value if abs(value) < 2**53 else float(value)
