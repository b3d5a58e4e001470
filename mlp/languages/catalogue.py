"""The texts in each language, by key.

A text has places for values, as "{count} errors" has. If its form depends on a number, the text is a table with the
forms ``one`` and ``other``: ``one`` is for a ``count`` of 1. Chinese needs no such forms. Texts of pages are HTML.
In English "a {digit}" becomes "an 8". templates/language.js does all this for pages.
"""

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LANGUAGES = "en", "zh"
"""Each language's code, which is the name of its file. The first one is the default."""
Text = str | Mapping[str, str]
"""A text, or its forms."""
Say = Callable[..., str]
"""``say`` in one language: a key and values give the text."""
ARTICLE = re.compile(r"\b([Aa])(?= \{(\w+)\})")
AN = re.compile(r"8\d*|11|18")
"""The numbers whose names begin with a vowel."""


def texts(keys: Collection[str], language: str) -> dict[str, Text]:
    """The texts of those keys that have one, in the order of the file."""
    names = {key.partition(".")[0] for key in keys}
    sections = (section(language, name) for name in _unparsed(language) if name in names)
    return {key: text for one in sections for key, text in one.items() if key in keys}


@cache
def section(language: str, name: str) -> dict[str, Text]:
    """The texts of one section; a key is the section and the name, as "circuit.inputs".

    A command needs few sections, and parsing all of them would delay its start.
    """
    import tomllib  # not needed for --help or --json

    return {f"{name}.{each}": text for each, text in tomllib.loads(_unparsed(language)[name]).items()}


@cache
def _unparsed(language: str) -> dict[str, str]:
    """Each section as it stands in the file, without its header."""
    _, *parts = re.split(r"^\[(\w+)\]$", (FOLDER / f"{language}.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def text_of(key: str, language: str = "en") -> Text:
    """The text, or its forms. Raises KeyError if there is no such text."""
    return section(language, key.partition(".")[0])[key]


def say(key: str, language: str = "en", **values: Any) -> str:
    """The text with these values in its places. Raises KeyError if there is no such text, or a value is missing."""
    return form(text_of(key, language), values).format(**values)


def form(text: Text, values: Mapping[str, Any]) -> str:
    """The text, or its form for the value ``count``, with the articles that go with the values."""
    chosen = text if isinstance(text, str) else text["one" if str(values["count"]) == "1" else "other"]
    return ARTICLE.sub(lambda a: f"{a[1]}n" if AN.fullmatch(str(values[a[2]])) else a[1], chosen)
