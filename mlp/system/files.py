"""Files that are written whole or not at all, small ones that are read whole, and folders that one process has."""

import errno
import hashlib
import math
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from time import monotonic, sleep, time
from typing import BinaryIO

from mlp.system.errors import InputError, InUse, Unsupported

LOCK_WAIT = 0.5
"""Seconds: a process that is killed while it starts another one has its locks until that one has begun."""
NO_LOCKS = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""What a file system says that cannot lock a folder; NFS, for one, says EBADF."""


@contextmanager
def replacing(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A binary file to write into, which takes the place of ``path`` when the block ends without an error.

    Until then the bytes are in a new file beside it, ``NAME.RANDOM.tmp``: two processes that write the same file do
    not meet, and nothing that is there already is written to, a link that somebody has put there least of all. The
    bytes are on the disk before the rename, and the rename is before the block's end, so that neither a crash nor a
    full disk leaves a torn file under the final name. With ``previous`` the old file is kept under that name.
    """
    temporary = _temporary(path)
    remove_leftovers(path.parent, {leftover_of(temporary.name)}, HOUR)
    try:
        with open(temporary, "x+b") as file:  # O_CREAT and O_EXCL, which follow no link (open(2))
            yield file
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and os.path.lexists(path):
            _rename(path, previous)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):  # what went wrong is said already, and the file is removed later, as a leftover
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary), temporary, str(path.parent)):
            error.filename = str(path)  # a full disk does not say where, and nobody asked for the temporary file
        raise


HOUR = 3600
"""Seconds after which a temporary file is taken for the leftover of a process that was killed: a write takes some."""
LONGEST_NAME = 255
"""Bytes of a file's name, on most file systems."""
TEMPORARY = re.compile(r"(.+?)(\.[0-9a-f]{16})?\.tmp", re.DOTALL)
"""The name of a temporary file, and in it the name of the file to be; earlier versions had no random part."""


def _temporary(path: Path) -> Path:
    ending = f".{os.urandom(8).hex()}.tmp"
    name = path.name
    while len(os.fsencode(name + ending)) > LONGEST_NAME:
        name = name[:-1]
    return path.with_name(name + ending)


def remove_leftovers(folder: Path, names: Collection[str | None], age: float = 0) -> None:
    """Remove what processes that were killed while they wrote files of these names left, older than so many seconds.

    A name without a random part is one of an earlier version's, or of somebody's own file: it counts only where any age
    will do, as in the directory of a run.
    """
    with suppress(OSError), os.scandir(folder) as entries:  # a folder that is not there has none
        for entry in entries:
            match = TEMPORARY.fullmatch(entry.name)
            if match is None or match[1] not in names or (age and match[2] is None):
                continue
            with suppress(OSError):  # another process was quicker, or it is a folder
                if not age or time() - entry.stat(follow_symlinks=False).st_mtime > age:
                    Path(entry.path).unlink()


def leftover_of(name: str) -> str | None:
    """The name of the file that a temporary file was to become; None for another file's name."""
    match = TEMPORARY.fullmatch(name)
    return match[1] if match else None


def _sync_folder(folder: Path) -> None:
    """See to it that a rename within the folder is on the disk (fsync(2): a file's own fsync does not)."""
    if not hasattr(os, "O_DIRECTORY"):  # on Windows, which opens no folder and has nothing of this kind
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(path: Path, name: Path) -> None:
    """Give a file another name in its folder, in place of what has that name, for good."""
    _rename(path, name)
    _sync_folder(name.parent)


def _rename(path: Path, name: Path) -> None:
    try:
        os.replace(path, name)
    except OSError as error:
        error.filename = str(name)  # what is in the way, rather than what was to be renamed
        raise


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


def append(path: Path, content: bytes, known: os.stat_result) -> os.stat_result | None:
    """Add bytes to a file that is as this process left it, and see to it that they are on the disk; its facts then.

    None, and nothing is added, if the file is gone or another one: ``known`` are its facts. A disk that fails leaves
    it as it was; only a kill or a crash in the midst of this may leave the beginning of what was to be added.
    """
    flags = sum(getattr(os, name, 0) for name in ("O_APPEND", "O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"))
    try:
        descriptor = os.open(path, os.O_WRONLY | flags)  # a pipe is not waited for
    except OSError:
        return None
    try:
        facts = os.fstat(descriptor)
        if (facts.st_dev, facts.st_ino, facts.st_size) != (known.st_dev, known.st_ino, known.st_size):
            return None
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError as error:
            with suppress(OSError):  # who goes on writes the file anew
                os.ftruncate(descriptor, known.st_size)
            error.filename = str(path)
            raise
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def is_forbidden(error: OSError) -> bool:
    """Whether the place is read-only or another user's: nothing is wrong with what was to be written."""
    return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


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


def read_small(path: Path, most: int, *, links: bool = True) -> bytes:
    """The bytes of a file of at most so many. Raises InputError for a larger one, and as ``open_regular`` does.

    FileNotFoundError where nothing is: what that means, the caller knows.
    """
    with open_regular(path, links=links) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path}: larger than {most:,} bytes: it cannot be the right file")
    return content


def open_regular(path: Path, *, links: bool = True) -> BufferedReader:
    """A regular file, open for reading.

    Raises InputError for a folder, and for a pipe or a device, which could block for ever; for a file that is all but
    a hole, which costs its sender nothing and its reader much; and without ``links`` for a symbolic link: what is in
    a run's directory may come from a stranger, and shall name no other file of ours.
    """
    facts = path.stat(follow_symlinks=links)
    _check_regular(path, facts)
    # Whatever takes its place now is neither followed nor waited for. Windows knows neither of these flags.
    flags = [getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY")]
    if not links:
        flags.append(getattr(os, "O_NOFOLLOW", 0))
    descriptor = os.open(path, os.O_RDONLY | sum(flags))
    try:
        _check_regular(path, os.fstat(descriptor))
    except InputError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _check_regular(path: Path, facts: os.stat_result) -> None:
    if stat.S_ISLNK(facts.st_mode):
        raise InputError(f"{path}: a symbolic link: put the file itself there")
    if not stat.S_ISREG(facts.st_mode):
        raise InputError(f"{path}: not a regular file: put the file itself there")
    # stat(2): st_blocks counts 512 bytes, whatever a block is elsewhere. Windows does not count them.
    on_disk = 512 * getattr(facts, "st_blocks", math.inf)
    if facts.st_size > DEFLATE_LIMIT * (on_disk + UNCOUNTED):
        what = f"all but empty: of its {facts.st_size:,} bytes {on_disk:,} are on the disk"
        raise InputError(f"{path}: {what}: put an intact copy in its place")


DEFLATE_LIMIT = 1032
"""Deflate shrinks nothing by more than 1032 to 1 (zlib's technical details), nor does a file system that compresses."""
UNCOUNTED = 1 << 16
"""Bytes: small files lie where file systems do not count them, or have not been written out yet."""


def sha256(path: Path, *, links: bool = True) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits. Raises InputError as ``open_regular`` does."""
    with open_regular(path, links=links) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identity(folder: Path) -> tuple[int, int]:
    """What tells a folder from another one that is later under its name: device and inode."""
    facts = folder.stat()
    return facts.st_dev, facts.st_ino


def check_same(folder: Path, known: tuple[int, int]) -> None:
    """Raises InputError if another folder, or none, is now under the name."""
    try:
        found = identity(folder)
    except OSError:
        found = None
    if found != known:
        what = "no longer there" if found is None else "another folder than before"
        raise InputError(f"{folder}: {what}: it was moved or exchanged during the work, and nothing more is written")


@contextmanager
def exclusive(folder: Path, warn: Callable[[str], object], *, wait: float = LOCK_WAIT) -> Iterator[tuple[int, int]]:
    """Have a folder to oneself; its identity. Raises InUse if another process keeps it for so many seconds.

    The lock is the system's (flock(2)) and on the folder itself: it leaves no file behind, and ends with the
    process however that ends. On a file system that has no locks there is a warning instead; on a system that has none,
    Unsupported is raised. InputError if another folder takes this one's name meanwhile.
    """
    check_has_locks(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            _lock(descriptor, wait)
        except BlockingIOError:
            raise InUse(
                f"{folder}: another run is at work in it: wait for its end, or name another directory"
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            warn(f"{folder}: its file system has no locks ({error.strerror}): see to it that no other run works in it")
        facts = os.fstat(descriptor)
        check_same(folder, (facts.st_dev, facts.st_ino))
        yield facts.st_dev, facts.st_ino
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
