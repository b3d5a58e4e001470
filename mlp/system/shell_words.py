"""Arguments that a shell split at blanks: joined again, or explained in a message."""

import shlex
from collections.abc import Callable, Iterator, Sequence


def rejoined(words: Sequence[str], is_whole: Callable[[str], bool]) -> Iterator[tuple[str, bool]]:
    """Arguments NAME=VALUE, each with whether a shell had split it at blanks of its value.

    Words without ``=`` are joined to the NAME=VALUE before them, if ``is_whole`` accepts the result.
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
    """The message for an argument that a shell split; ``flag`` is the option before it, if any."""
    quoted = shlex.quote(argument) if set(argument) & set('"$`\\!') else f'"{argument}"'
    return f"a shell splits at blanks: if this is one value, put it in quotes: {flag}{quoted}"
