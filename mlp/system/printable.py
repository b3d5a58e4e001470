"""Text from elsewhere, such as a file's name, made safe to show on a terminal, in a page or in a picture."""

from collections.abc import Iterable


def printable(text: str) -> str:
    r"""The text in one line, with an escape for each character that is not printable.

    Such characters control a terminal, end a line, or hide or reorder text. The escapes are Python's, \n, \x1b or
    \u202e; a byte that is not UTF-8 becomes \xe9.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def printable_lines(text: str) -> str:
    """The text with each of its lines made printable."""
    return "\n".join(map(printable, text.split("\n")))


def listed(items: Iterable[object]) -> str:
    """The items as people list them: 0, 1 and 2."""
    *most, last = map(str, items)
    return f"{', '.join(most)} and {last}" if most else last


def quoted(text: str) -> str:
    r"""The text as one word of a shell command; if not all of it is printable, as $'...', which bash and zsh read.

    There each byte of other characters is a \ and three octal digits, as in the output of GNU ls.
    """
    import shlex  # slow to import, and this module is imported before signals are noted

    if text.isprintable():
        return shlex.quote(text)
    return f"$'{''.join(map(_octal, text))}'"


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":  # Python's stand-in for a byte that is not UTF-8
        return f"\\x{ord(character) & 0xFF:02x}"
    return character.encode("unicode_escape").decode()


def _octal(character: str) -> str:
    if character.isprintable():
        return f"\\{character}" if character in "'\\" else character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
