"""English that is left in texts in another language."""

import re

from tests.languages.catalogue import catalogue

WORD = r"\b(?!nan\b|inf\b)[A-Za-z][a-z]+(?:'[a-z]+)?"
ENGLISH = re.compile(rf"{WORD} (?:[A-Za-z] )*{WORD}\b")
"""Two words in a row; between them there may be words of one letter. A name such as dW is none."""


def in_english(seen, *names):
    """Those of the texts that are in English; ``names`` are what stays, as "softmax loss".

    That are texts with two or more English words in a row, and the catalogue's English texts, however short.
    """
    english = {text for text in catalogue("en").values() if isinstance(text, str) and text not in names}
    kept = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "$^")
    return [text for text in dict.fromkeys(seen) if text in english or ENGLISH.search(kept.sub("·", text))]


def english_left(printed, *names):
    """The lines of what a command printed that are in English, apart from commands."""
    lines = [line for line in printed.splitlines() if "python scripts/" not in line]
    return in_english(lines, *map(str, names))
