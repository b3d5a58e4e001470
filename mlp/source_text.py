"""Text that somebody typed, read by Python's parser, with errors that point into it."""

import ast
import shlex
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mlp import other_names
from mlp.errors import InputError
from mlp.printable import printable
from mlp.text_table import width


@dataclass(frozen=True)
class Text:
    """What was typed, for messages that point into it."""

    text: str
    what: str
    """What it is, in a message."""

    @classmethod
    def of(cls, text: str, what: str) -> "Text":
        """The text without blanks around it, its lines ended as Python's parser ends them."""
        return cls(text.strip().replace("\r\n", "\n").replace("\r", "\n"), what)

    def error(self, place: int, message: str) -> InputError:
        """The error at a character, 0 being the first, with the line and a caret under the place."""
        start = self.text.rfind("\n", 0, place) + 1
        line = self.text[start:].partition("\n")[0]
        column = place - start
        number = self.text.count("\n", 0, start) + 1
        where = f"column {column + 1}" if "\n" not in self.text else f"line {number}, column {column + 1}"
        cut = max(0, column - 60)
        before, after = printable(line[cut:column]), printable(line[column : cut + 120])
        return InputError(f"{self.what}, {where}: {message}", before + after, f"{' ' * width(before)}^")

    def place(self, line: int, offset: int) -> int:
        """The character at a place of Python's parser: a line from 1, and UTF-8 bytes into it."""
        text = self.text.split("\n")[line - 1]
        return self._line_start(line) + len(text.encode()[:offset].decode())

    def _line_start(self, line: int) -> int:
        return sum(len(text) + 1 for text in self.text.split("\n")[: line - 1])

    def start(self, tree: ast.AST) -> int:
        """The first character of a part."""
        return self.place(tree.lineno, tree.col_offset)  # type: ignore[attr-defined]

    def end(self, tree: ast.AST) -> int:
        """The first character after a part."""
        return self.place(tree.end_lineno, tree.end_col_offset)  # type: ignore[attr-defined]

    def parse(self, longest: int) -> list[ast.stmt]:
        """Python's syntax tree. Raises InputError if the text has none, or is too long or too deep to read."""
        if len(self.text) > longest:
            raise InputError(f"{self.what} has {len(self.text):,} characters, at most {longest:,} are read")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # what Python only warns of is an error, too
                return ast.parse(self.text).body
        except SyntaxError as error:
            lines = self.text.split("\n")
            line = min(max(error.lineno or 1, 1), len(lines))
            column = min(max(error.offset or 1, 1), len(lines[line - 1]) + 1)
            place = self._line_start(line) + column - 1
            raise self.error(place, _said(error.msg.partition(" - ")[0], self.text[place : place + 1])) from None
        except (MemoryError, RecursionError):
            raise self.error(
                0, "nested too deeply to be read: give parts of it names, as in q = x + y; q * z"
            ) from None
        except UnicodeEncodeError as error:
            raise self.error(error.start, "not UTF-8") from None
        except ValueError as error:
            raise InputError(f"{self.what}: {error}") from None


def _said(message: str, character: str) -> str:
    """What Python says of a mistake at a character, with the cure where people often make it."""
    sign = other_names.SIGNS.get(character) or unicodedata.normalize("NFKC", character)  # of full-width brackets, too
    if sign != character and sign.isascii():
        return f"{message}: write {sign}"
    if message == "invalid decimal literal":
        return f"{message}: to multiply write *, as in 2*x"
    return message.replace("Perhaps you forgot a comma?", "Is an operator missing, as in 2*x?")


def rejoined(words: Sequence[str], is_whole: Callable[[str], bool]) -> Iterator[tuple[str, bool]]:
    """Arguments NAME=VALUE; those that a shell split at a value's blanks are one again, and marked by True.

    What follows NAME=VALUE and has no ``=`` is taken for a part of it, if ``is_whole`` says so of all together.
    """
    start = 0
    while start < len(words):
        end = next((k for k in range(start + 1, len(words)) if "=" in words[k]), len(words))
        joined = " ".join(words[start:end])
        if end > start + 1 and "=" in words[start] and is_whole(joined):
            yield joined, True
        else:
            yield from ((word, False) for word in words[start:end])
        start = end


def put_in_quotes(argument: str, flag: str = "") -> str:
    """The message for an argument that a shell split; ``flag`` is what stands before it, if anything."""
    quoted = shlex.quote(argument) if set(argument) & set('"$`\\!') else f'"{argument}"'
    return f"a shell splits at blanks: if this is one value, put it in quotes: {flag}{quoted}"
