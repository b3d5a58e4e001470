"""Typed text, read by Python's parser and never run: numbers and arrays in it, and errors that point into it."""

import ast
import math
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp.gates import Array
from mlp.system import spelling
from mlp.system.errors import InputError
from mlp.system.printable import printable
from mlp.system.shell_words import put_in_quotes, rejoined
from mlp.system.text_table import width


@dataclass(frozen=True)
class Text:
    """Typed text, for messages that point into it."""

    text: str
    what: str
    """Its name in messages, such as "the expression"."""

    @classmethod
    def of(cls, text: str, what: str) -> "Text":
        """The text without blanks around it; every line ends in a newline character, as in Python's parser."""
        return cls(text.strip().replace("\r\n", "\n").replace("\r", "\n"), what)

    def error(self, place: int, message: str) -> InputError:
        """An error at the character with this index, with its line and a caret under the place."""
        start = self.text.rfind("\n", 0, place) + 1
        line = self.text[start:].partition("\n")[0]
        column = place - start
        number = self.text.count("\n", 0, start) + 1
        where = f"column {column + 1}" if "\n" not in self.text else f"line {number}, column {column + 1}"
        cut = max(0, column - 60)
        before, after = printable(line[cut:column]), printable(line[column : cut + 120])
        return InputError(f"{self.what}, {where}: {message}", before + after, f"{' ' * width(before)}^")

    def place(self, line: int, offset: int) -> int:
        """The character index of a parser's place: a line, counted from 1, and an offset in bytes of UTF-8."""
        text = self.text.split("\n")[line - 1]
        return self._line_start(line) + len(text.encode()[:offset].decode())

    def _line_start(self, line: int) -> int:
        return sum(len(text) + 1 for text in self.text.split("\n")[: line - 1])

    def start(self, tree: ast.AST) -> int:
        """The index of a part's first character."""
        return self.place(tree.lineno, tree.col_offset)  # type: ignore[attr-defined]

    def end(self, tree: ast.AST) -> int:
        """The index of the first character after a part."""
        return self.place(tree.end_lineno, tree.end_col_offset)  # type: ignore[attr-defined]

    def parse(self, max_characters: int) -> list[ast.stmt]:
        """Python's syntax tree. Raises InputError if the text is not Python, or too long or too deeply nested."""
        if len(self.text) > max_characters:
            raise InputError(f"{self.what} has {len(self.text):,} characters: at most {max_characters:,} are read")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # Python's warnings are errors here
                return ast.parse(self.text).body
        except SyntaxError as error:
            lines = self.text.split("\n")
            line = min(max(error.lineno or 1, 1), len(lines))
            column = min(max(error.offset or 1, 1), len(lines[line - 1]) + 1)
            place = self._line_start(line) + column - 1
            raise self.error(place, _with_cure(error.msg.partition(" - ")[0], self.text[place : place + 1])) from None
        except (MemoryError, RecursionError):
            raise self.error(
                0, "nested too deeply to be read: give parts of it names, as in q = x + y; q * z"
            ) from None
        except UnicodeEncodeError as error:
            raise self.error(error.start, "not UTF-8") from None
        except ValueError as error:
            raise InputError(f"{self.what}: {error}") from None


def _with_cure(message: str, character: str) -> str:
    """Python's message about a character, with the cure for frequent mistakes."""
    as_ascii = unicodedata.normalize("NFKC", character)  # of a full-width bracket, for example
    sign = spelling.table("signs").get(character) or as_ascii
    if sign != character and sign.isascii():
        return f"{message}: write {sign}"
    if message == "invalid decimal literal":
        return f"{message}: to multiply write *, as in 2*x"
    return message.replace("Perhaps you forgot a comma?", "Is an operator missing, as in 2*x?")


MAX_VALUE_CHARACTERS = 100_000


def parse_value(name: str, text: str) -> Array:
    """The value in NAME=VALUE or after an option: a number, or nested lists of numbers."""
    source = Text.of(text, f"the value of {name}")
    statements = source.parse(MAX_VALUE_CHARACTERS)
    if len(statements) != 1 or not isinstance(statements[0], ast.Expr):
        raise source.error(0, "must be a number, or lists of numbers in brackets")
    return np.asarray(literal(source, statements[0].value), float)


def parse_values(arguments: Sequence[str]) -> dict[str, Array]:
    """The values in arguments NAME=VALUE."""
    values: dict[str, Array] = {}
    for argument, was_split in rejoined(arguments, _has_whole_value):
        if was_split:
            raise InputError(f"{argument}: {put_in_quotes(argument)}")
        name, text = name_and_text(
            argument, f"{argument}: must be NAME=VALUE, as in x=-2: put text with blanks in quotes"
        )
        if name in values:
            raise InputError(f"{argument}: {name} already has a value")
        values[name] = parse_value(name, text)
    return values


def name_and_text(argument: str, message: str) -> tuple[str, str]:
    """The parts of NAME=TEXT. Raises InputError with this message if it is anything else."""
    name, equals, text = argument.partition("=")
    name = unicodedata.normalize("NFKC", name.strip())  # as Python's parser does with the expression's names
    if not equals or not name.isidentifier():
        raise InputError(message)
    return name, text


def _has_whole_value(argument: str) -> bool:
    try:
        parse_value(*argument.split("=", 1))
    except InputError:
        return False
    return True


def literal(source: Text, tree: ast.expr, depth: int = 0) -> Any:
    """A number with its sign, or nested lists of numbers. Raises InputError for anything else."""
    if isinstance(tree, ast.List):
        if depth == 8:
            raise source.error(source.start(tree), "an array has at most 8 dimensions")
        items = [literal(source, item, depth + 1) for item in tree.elts]
        if not items:
            raise source.error(source.start(tree), "an array must not be empty")
        if len({np.shape(item) for item in items}) > 1:
            raise source.error(source.start(tree), "the items of an array must have the same shape")
        return items
    if is_number(tree):
        return number(source, tree)
    raise source.error(source.start(tree), "must be a number, or lists of numbers in brackets")


def is_number(tree: ast.expr) -> bool:
    """Whether it is a number, with or without a minus sign."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        tree = tree.operand
    return isinstance(tree, ast.Constant) and type(tree.value) in (int, float)


def number(source: Text, tree: ast.expr) -> float:
    """The number, as an int if it is written as one. Raises InputError if a float64 cannot hold it."""
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
