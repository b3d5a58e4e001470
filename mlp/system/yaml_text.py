"""YAML text as plain values, each with its line and column, so that messages can point at it.

The values are a subset of YAML 1.2's core schema, without the surprises of YAML 1.1: decimal numbers (1e-3 is
a number, 010 is ten), and true, false, null, .inf and .nan in lower case. Everything else, such as yes, is text.
Anchors, aliases, tags, a key given twice and deep nesting are errors: no config needs them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

Path = tuple[str | int, ...]
Place = tuple[int, int]
"""Line and column, counted from 1."""

MAX_DEPTH = 8
"""Levels of nesting; a config has three."""

CONSTANTS = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
    ".inf": float("inf"),
    ".nan": float("nan"),
}
INTEGER = re.compile(r"[-+]?[0-9]+")
MAX_INTEGER_DIGITS = 100
"""A longer whole number stays text, which is an error for every numeric option."""
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass
class Document:
    """The value of a text: mappings are dict, sequences are tuple, and an empty text is None.

    key_places and value_places give the place of each key and value, by its path from the root. problems are the
    errors, as (place, message); what is wrong is left out of the value.
    """

    value: Any = None
    key_places: dict[Path, Place] = field(default_factory=dict)
    value_places: dict[Path, Place] = field(default_factory=dict)
    problems: list[tuple[Place, str]] = field(default_factory=list)


def parse(text: str) -> Document:
    """Read YAML text. Raises nothing: errors are in the document's problems."""
    document = Document()
    try:
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        document.problems.append((place, ", ".join(filter(None, (error.context, error.problem)))))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        if 0xDC80 <= error.character <= 0xDCFF:  # Python's stand-in for such a byte in an argument
            what = f"byte {error.character & 0xFF:02X} is not UTF-8"
        else:
            what = f"character U+{error.character:04X} is not allowed"
        document.problems.append((place, what))
    except (ValueError, OverflowError):  # from Python itself, by way of PyYAML
        document.problems.append(((1, 1), "there is an impossible character or number in it"))
    else:
        document.value = None if node is None else _value(document, node, ())
    return document


def _value(document: Document, node: yaml.Node, path: Path) -> Any:
    document.value_places[path] = _place(node)
    if isinstance(node, yaml.MappingNode):
        return dict(_items(document, node, path))
    if isinstance(node, yaml.SequenceNode):
        return tuple(_value(document, item, (*path, index)) for index, item in enumerate(node.value))
    scalar = cast(yaml.ScalarNode, node)
    return _plain(scalar.value) if scalar.style is None else scalar.value


def _items(document: Document, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            document.problems.append((_place(key), "a key must be a word"))
            continue
        inner = (*path, key.value)
        if inner in document.key_places:
            line, _ = document.key_places[inner]
            document.problems.append((_place(key), f"{dotted(inner)}: given twice, first in line {line}"))
            continue
        document.key_places[inner] = _place(key)
        yield key.value, _value(document, value, inner)


def dotted(path: Path) -> str:
    """A path as a config key: section.key, with [index] within a list."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _plain(text: str) -> Any:
    """The value of a scalar without quotes."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        return int(text) if len(text) <= MAX_INTEGER_DIGITS else text
    return float(text) if NUMBER.fullmatch(text) else text


class _Loader(yaml.SafeLoader):
    """Composes nodes without guessing types, and refuses what no config needs."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML declares it so
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not allowed", problem_mark=event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem="tags are not allowed", problem_mark=event.start_mark)
        if self.depth == MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node
