"""Files that are written whole or not at all, small ones that are read whole, and folders that one process has."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

from mlp.errors import InputError, InUse, Unsupported

LOCK_WAIT = 0.5
"""Seconds: a process that is killed while it starts another one has its locks until that one has begun."""
NO_LOCKS = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""What a file system says that cannot lock a folder; NFS, for one, says EBADF."""


@contextmanager
def replacing(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A binary file to write into, which takes the place of ``path`` when the block ends without an error.

    Until then the bytes are in ``path`` + ``.tmp`` beside it. They are on the disk before the rename, and the
    rename is before the block's end, so that neither a crash nor a full disk leaves a torn file under the
    final name. With ``previous`` the old file is kept under that name.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):  # what went wrong is said already, and the next write takes the same name
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary), temporary, str(path.parent)):
            error.filename = str(path)  # a full disk does not say where, and nobody asked for the temporary file
        raise


def _sync_folder(folder: Path) -> None:
    """See to it that a rename within the folder is on the disk (fsync(2): a file's own fsync does not)."""
    if not hasattr(os, "O_DIRECTORY"):  # on Windows, which opens no folder and has nothing of this kind
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(path: Path, name: Path) -> None:
    """Give a file another name in its folder, in place of what has that name, for good."""
    try:
        os.replace(path, name)
    except OSError as error:
        error.filename = str(name)  # what is in the way, rather than what was to be renamed
        raise
    _sync_folder(name.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there, for good."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in, for good; FileExistsError where it is there."""
    if not folder.parent.exists():
        with suppress(FileExistsError):  # another process makes it, too
            make_folder(folder.parent)
    folder.mkdir()
    try:
        _sync_folder(folder.parent)
    except OSError as error:
        error.filename = str(folder)
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all, with the line endings that it has on every system."""
    with replacing(path) as file:
        file.write(text.encode())


def home_expanded(text: str) -> str:
    """A path as text, a ``~`` or ``~user`` at its beginning replaced by that home folder.

    Raises InputError if the system knows no such home folder.
    """
    expanded = os.path.expanduser(text)  # noqa: PTH111 - a Path has lost the ./ of ./~, a folder of that name
    if text.startswith("~") and expanded == text:
        home = text.partition("/")[0]
        raise InputError(f"{text}: {home} is no home folder here: write the whole path, or ./{text} if it is a name")
    return expanded


def read_small(path: Path, most: int) -> bytes:
    """The bytes of a regular file of at most so many; InputError for anything else that is there.

    FileNotFoundError where nothing is: what that means, the caller knows.
    """
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path}: larger than {most:,} bytes: it cannot be the right file")
    return content


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open for reading; InputError for a folder, a pipe or a device, which could block for ever."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path}: not a regular file: put the file itself there")
    return open(path, "rb")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(folder: Path, warn: Callable[[str], object], *, wait: float = LOCK_WAIT) -> Iterator[None]:
    """Have a folder to oneself. Raises InUse if another process has it, and keeps it for so many seconds.

    The lock is the system's (flock(2)) and on the folder itself: it leaves no file behind, and ends with the
    process however that ends. On a file system that has no locks there is a warning instead; on a system that has none,
    Unsupported is raised.
    """
    check_has_locks(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, wait)
    except BlockingIOError:
        os.close(descriptor)
        raise InUse(f"{folder}: another run is at work in it: wait for its end, or name another directory") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(descriptor)
            raise
        warn(f"{folder}: its file system has no locks ({error.strerror}): see to it that no other run works in it")
    try:
        yield
    finally:
        os.close(descriptor)


def check_has_locks(folder: Path) -> None:
    """Raises Unsupported if this system cannot lock a folder: before one is made, which would be left behind."""
    with suppress(ImportError):  # without it, on Windows, all that needs no lock still works
        import fcntl  # noqa: F401

        if hasattr(os, "O_DIRECTORY"):
            return
    raise Unsupported(f"{folder}: a run locks its folder, which this system cannot do")


def _lock(descriptor: int, wait: float) -> None:
    """Take the lock of an open folder. Raises BlockingIOError if it is not free within so many seconds."""
    import fcntl

    end = monotonic() + wait
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= end:
                raise
            sleep(0.01)
