"""The name that a user meant: a known one with nearly the same spelling, or ours for another tool's name."""

import difflib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

MIN_SIMILARITY = 0.84
"""Difflib's ratio of a name and a misspelling of it. Two different names, export and report, have 0.83."""
TABLES = Path(__file__).parent.parent / "other_names.yaml"


@cache
def table(name: str) -> dict[str, str]:
    """A table of other_names.yaml."""
    import yaml  # slow to import, and only messages need it

    tables: dict[str, dict[str, str]] = yaml.safe_load(TABLES.read_text(encoding="utf-8"))
    return tables[name]


def ours(name: str, table_name: str) -> str | None:
    """Our name for another tool's name, by a table of other_names.yaml."""
    plain = _plain(name)
    return next((ours for ours, names in table(table_name).items() if plain in map(_plain, names.split())), None)


def near(name: str, known: Iterable[str], min_similarity: float = MIN_SIMILARITY) -> str | None:
    """The known name that has the same letters in another order, or nearly the same spelling."""
    wrong, names = _plain(name), {_plain(each): each for each in known}
    anagrams = [each for each in names if sorted(each) == sorted(wrong)]
    nearest = difflib.get_close_matches(wrong, names, n=1, cutoff=min_similarity)
    return next((names[each] for each in [*anagrams, *nearest]), None)


def same(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs only in case, hyphens and underscores: cross_entropy for cross-entropy."""
    return next((each for each in known if _plain(each) == _plain(name)), None)


def _plain(name: str) -> str:
    """A name without case and separators: batch_size, batch-size and batchSize are the same."""
    return re.sub(r"[-_. ]", "", name).casefold()
