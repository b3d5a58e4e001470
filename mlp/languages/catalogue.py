"""The texts in each language, by key.

A text has places for values, as "{count} errors" has. If its form depends on a number, the text is a table with the
forms ``one`` and ``other``: ``one`` is for a ``count`` of 1. Chinese needs no such forms. Texts of pages are HTML.
In English "a {digit}" becomes "an 8". templates/language.js does all this for pages.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = "en", "zh"
"""Each language's code, which is the name of its file. The first one is the default."""
Text = str | Mapping[str, str]
"""A text, or its forms."""
Say = Callable[..., str]
"""``say`` in one language: a key and values give the text."""
ARTICLE = re.compile(r"\b([Aa])(?= \{(\w+)\})")
AN = re.compile(r"8\d*|11|18")
"""The numbers whose names begin with a vowel."""


@cache
def catalogue(language: str) -> dict[str, Text]:
    """All texts of a language; a key is the section and the name, as "circuit.inputs"."""
    sections = tomllib.loads((files("mlp.languages") / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{name}": text for section, texts in sections.items() for name, text in texts.items()}


def say(key: str, language: str = "en", **values: Any) -> str:
    """The text with these values in its places. Raises KeyError if there is no such text, or a value is missing."""
    return form(catalogue(language)[key], values).format(**values)


def form(text: Text, values: Mapping[str, Any]) -> str:
    """The text, or its form for the value ``count``, with the articles that go with the values."""
    chosen = text if isinstance(text, str) else text["one" if str(values["count"]) == "1" else "other"]
    return ARTICLE.sub(lambda a: f"{a[1]}n" if AN.fullmatch(str(values[a[2]])) else a[1], chosen)
