"""Standard output and standard error that never fail a command: what cannot be written is dropped."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any


class TolerantFile(FileIO):
    """A file that drops what cannot be written, and keeps the first error.

    A closed pipe (``| head``) means that its reader has seen enough; a full device is worth a message at the end.
    """

    error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write bytes, or drop them. Returns how many there were."""
        try:
            return super().write(data)
        except OSError as error:
            self.error = self.error or error
            return len(data)


@contextmanager
def tolerant(name: str) -> Iterator[TolerantFile | None]:
    """Within this block sys.stdout or sys.stderr drops what cannot be written, and escapes what it cannot encode.

    If it was closed at the start, its text goes to the null device. It stays as it is if it is not the process's own,
    as in a notebook, or if it is a console of Windows, which has a special text type.
    """
    before, raw = getattr(sys, name), None
    if before is None:
        stream = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    elif before is getattr(sys, f"__{name}__") and _is_plain(before):
        with suppress(OSError):  # text that its owner wrote: the owner gets the error at the next write
            before.flush()
        raw = TolerantFile(before.fileno(), "w", closefd=False)
        stream = TextIOWrapper(
            BufferedWriter(raw),
            encoding=before.encoding,
            errors="backslashreplace",  # a path that the terminal cannot show is no reason to fail
            line_buffering=before.line_buffering or before.write_through,  # the latter under python -u
        )
    else:
        yield None
        return
    setattr(sys, name, stream)
    try:
        yield raw
    finally:
        stream.flush()
        if getattr(sys, name) is stream:
            setattr(sys, name, before)
        if before is None:
            stream.close()


def _is_plain(stream: object) -> bool:
    """Whether it writes bytes to a file descriptor; under python -u it has no buffer."""
    buffer = getattr(stream, "buffer", None)
    return isinstance(stream, TextIOWrapper) and type(getattr(buffer, "raw", buffer)) is FileIO
