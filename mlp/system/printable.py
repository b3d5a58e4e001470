"""Text from elsewhere, a file's name above all, as it may be shown: on a terminal, in a page, in a picture."""


def printable(text: str) -> str:
    r"""The text in one line, with an escape for each character that is not printable.

    Such characters act on a terminal, end a line, or hide or reorder text. They are written as Python does, \n, \x1b or
    \u202e, and a byte of a name that is not UTF-8 as \xe9.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def printable_lines(text: str) -> str:
    """The same of each line of the text."""
    return "\n".join(map(printable, text.split("\n")))


def quoted(text: str) -> str:
    r"""The text as one word of a command to be copied: what is not printable stands in $'...', as bash and zsh have it.

    There each byte is \ and three octal digits, which GNU's ls writes, too.
    """
    import shlex  # it takes longer than all else that errors need, which are imported before signals are heard

    if text.isprintable():
        return shlex.quote(text)
    return f"$'{''.join(map(_octal, text))}'"


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":  # what Python makes of a byte that is not UTF-8
        return f"\\x{ord(character) & 0xFF:02x}"
    return character.encode("unicode_escape").decode()


def _octal(character: str) -> str:
    if character.isprintable():
        return f"\\{character}" if character in "'\\" else character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
