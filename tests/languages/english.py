"""English that is left in a text for another language."""

import re

WORDS = re.compile(r"[A-Za-z]{3,}( [A-Za-z]{3,})+")


def english_left(text, *values):
    """Runs of English words in a text, apart from these values and from commands."""
    for value in sorted(map(str, values), key=len, reverse=True):
        text = text.replace(value, "")
    lines = [line for line in text.splitlines() if "python scripts/" not in line]
    return [found[0] for line in lines for found in WORDS.finditer(line)]
