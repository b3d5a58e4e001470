"""All texts of a language."""

import tomllib
from functools import cache

from tests.conftest import ROOT


@cache
def catalogue(language):
    """The texts in the file of a language, by key; a text with forms is a mapping."""
    sections = tomllib.loads((ROOT / "mlp" / "languages" / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{name}": text for section, texts in sections.items() for name, text in texts.items()}
