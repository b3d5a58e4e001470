"""The options in words, generated from the schema: config.yaml, and the tables of docs/config.md."""

import json
import textwrap
from typing import Any

from mlp.config import SECTIONS, Config

HEAD = """\
# Every option with its default, its unit and what it does. An option that is left out has its default.
# Paths are relative to this file; ~ is the home folder. To change an option for one run: --set training.epochs=3
"""
COMMENT, WIDTH = 30, 120
"""The column where a comment begins, and the maximum length of a line."""

Schema = dict[str, Any]
"""An option in JSON Schema."""


def config_yaml() -> str:
    """A config file with every option at its default, and a comment that says what it does."""
    lines = [HEAD.rstrip()]
    options: dict[str, Schema] = {}
    for line in Config().to_yaml().splitlines():
        name, _, value = line.strip().partition(":")
        if not value:  # a section's first line
            options = SECTIONS[name].model_json_schema()["properties"]
            lines += ["", line]
        else:
            lines += commented(line, comment(options[name]))
    return "\n".join(lines) + "\n"


def tables() -> str:
    """A Markdown table of the options of each section."""
    lines: list[str] = []
    for name, section in SECTIONS.items():
        schema = section.model_json_schema()
        lines += [
            f"### {name}",
            "",
            schema["description"],
            "",
            "| key | default | values | meaning |",
            "| --- " * 4 + "|",
        ]
        lines += [
            f"| `{name}.{key}` | `{plain(option['default'])}` | {values(option)} | {option['description']} |"
            for key, option in schema["properties"].items()
        ]
        lines.append("")
    return "\n".join(lines)


def commented(line: str, text: str) -> list[str]:
    """A line with a comment, which continues below it if it is long."""
    first, *more = textwrap.wrap(text, WIDTH - COMMENT - len("# "), break_on_hyphens=False)
    return [f"{line:{COMMENT - 1}} # {first}", *(f"{'':{COMMENT}}#   {rest}" for rest in more)]


def comment(option: Schema) -> str:
    """What an option does, after its range or its other values."""
    about = str(option["description"])
    if option.get("type") == "number":
        return f"{bounds(option)}: {about}"
    choices = [*option.get("enum", ()), *option.get("examples", ())]
    others = ", ".join(choice for choice in choices if choice != option["default"])
    return f"or {others}: {about}" if others else about


def values(option: Schema) -> str:
    """The values that an option may have."""
    if "anyOf" in option:
        return ", or ".join(map(values, option["anyOf"]))
    if "const" in option:
        return f"`{option['const']}`"
    if "enum" in option:
        return " or ".join(f"`{value}`" for value in option["enum"])
    if "examples" in option:
        return "such as " + ", ".join(f"`{value}`" for value in option["examples"])
    if option["type"] == "array":
        count = f" of at most {option['maxItems']}" if "maxItems" in option else ""
        return f"list{count}, each a {values(option['items'])}"
    words = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "null": "`null`"}
    return ", ".join(filter(None, [words.get(option["type"], option.get("format", "text")), bounds(option)]))


def bounds(option: Schema) -> str:
    """The range of a number in words."""
    if "minimum" in option and "maximum" in option:
        return f"{number(option['minimum'])} to {number(option['maximum'])}"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return ", ".join(f"{word} {number(option[bound])}" for bound, word in words.items() if bound in option)


def plain(value: Any) -> str:
    """A value as in a config file."""
    return value if isinstance(value, str) else json.dumps(value)


def number(value: float) -> str:
    """A number as text for people: 1,000,000, and 2^128 instead of 39 digits."""
    exponent = int(value).bit_length() - 1
    return f"2^{exponent}" if exponent > 63 and value == 1 << exponent else f"{value:,}"
