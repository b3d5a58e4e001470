"""In which language a command prints its results: the option --lang, or else the environment's."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping

from mlp.languages.catalogue import LANGUAGES, say

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first one that is set and not empty counts (POSIX, "Internationalization Variables")."""


def add_language(parser: ArgumentParser) -> None:
    """Add --lang to a command. Its default is a language that standard output has the characters of."""
    language = language_of(os.environ)
    if language != "en" and not _has_characters(getattr(sys.stdout, "encoding", None), language):
        language = "en"
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        default=language,
        help=f"language of the results (default: that of {', '.join(VARIABLES[:-1])} or {VARIABLES[-1]})",
    )


def language_of(environment: Mapping[str, str]) -> str:
    """The language of an environment: Chinese for zh, zh_CN.UTF-8 and the like, otherwise English."""
    locale = next(filter(None, map(environment.get, VARIABLES)), "")
    return "zh" if locale.replace("-", "_").replace(".", "_").partition("_")[0].lower() == "zh" else "en"


def _has_characters(encoding: str | None, language: str) -> bool:
    """Whether texts in a language can be written in an encoding; None stands for text that is not encoded."""
    try:
        say("page.language", language).encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
