"""Files that are written whole or not at all, safe reading, and folders that are locked to one process."""

import errno
import hashlib
import math
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from time import monotonic, sleep, time, time_ns
from typing import BinaryIO, NamedTuple, Self

from mlp.system.errors import InputError, InUse, Unsupported

StrPath = str | os.PathLike[str]
"""A path as a user gives it."""
LOCK_WAIT = 0.5
"""Seconds: a process that was killed while it started another one keeps its locks until that one has begun."""
NO_LOCKS = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""The errors of file systems that cannot lock a folder, such as NFS, which gives EBADF."""


@contextmanager
def replacing(path: StrPath, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A binary file to write to, which replaces ``path`` when the block ends without an error.

    Until then the bytes are in a new file beside it, ``NAME.RANDOM.tmp``: two processes that write the same file do
    not disturb each other, and no existing file or link is written to. The bytes are on the disk before the rename,
    and the rename before the end of the block, so that neither a crash nor a full disk leaves a torn file under the
    final name. With ``previous`` the old file is kept under that name.
    """
    path = Path(path)
    temporary = _temporary(path)
    remove_leftovers(path.parent, {final_name(temporary.name)}, HOUR)
    try:
        with open(temporary, "x+b") as file:  # O_CREAT and O_EXCL follow no link (open(2))
            yield file
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and os.path.lexists(path):
            _rename(path, previous)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):  # the first error is reported; the file is removed later, as a leftover
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary), temporary, str(path.parent)):
            error.filename = str(path)  # a full disk does not say where, and users know no temporary file
        raise


HOUR = 3600
"""Seconds after which a temporary file counts as the leftover of a killed process: a write takes less."""
MAX_NAME_BYTES = 255
"""On most file systems."""
TEMPORARY = re.compile(r"(.+?)(\.[0-9a-f]{16})?\.tmp", re.DOTALL)
"""A temporary file's name; its first group is the final name. Earlier versions had no random part."""


def _temporary(path: Path) -> Path:
    ending = f".{os.urandom(8).hex()}.tmp"
    name = path.name
    while len(os.fsencode(name + ending)) > MAX_NAME_BYTES:
        name = name[:-1]
    return path.with_name(name + ending)


def remove_leftovers(folder: Path, names: Collection[str | None], age: float = 0) -> None:
    """Remove the temporary files of these names that killed processes left, if older than ``age`` seconds.

    A name without a random part is from an earlier version, or a user's own file. It is removed only if ``age`` is 0,
    as in the directory of a run.
    """
    with suppress(OSError), os.scandir(folder) as entries:  # there may be no such folder
        for entry in entries:
            match = TEMPORARY.fullmatch(entry.name)
            if match is None or match[1] not in names or (age and match[2] is None):
                continue
            with suppress(OSError):  # another process was quicker, or it is a folder
                if not age or time() - entry.stat(follow_symlinks=False).st_mtime > age:
                    Path(entry.path).unlink()


def final_name(name: str) -> str | None:
    """The final name of a temporary file; None if this is not a temporary file's name."""
    match = TEMPORARY.fullmatch(name)
    return match[1] if match else None


def _sync_folder(folder: Path) -> None:
    """Put a rename within the folder on the disk; a file's own fsync does not (fsync(2))."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(path: Path, name: Path) -> None:
    """Rename a file within its folder, replacing a file of that name, and put that on the disk."""
    _rename(path, name)
    _sync_folder(name.parent)


def _rename(path: Path, name: Path) -> None:
    try:
        os.replace(path, name)
    except OSError as error:
        error.filename = str(name)  # the obstacle, not the file to be renamed
        raise


def remove(path: Path) -> None:
    """Remove a file, if it exists, and put that on the disk."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, and put them on the disk. Raises FileExistsError if it exists."""
    if not folder.parent.exists():
        with suppress(FileExistsError):  # another process made it first
            make_folder(folder.parent)
    folder.mkdir()
    try:
        _sync_folder(folder.parent)
    except OSError as error:
        error.filename = str(folder)
        raise


def append(path: Path, content: bytes, known: os.stat_result) -> os.stat_result | None:
    """Append bytes to a file, if it is still as ``known`` describes it, and put them on the disk.

    Returns its new status; or None, and appends nothing, if the file is gone or another one. If the disk fails, the
    file stays as it was; only a kill or a crash during this call can leave a part of the bytes.
    """
    flags = sum(getattr(os, name, 0) for name in ("O_APPEND", "O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"))
    try:
        descriptor = os.open(path, os.O_WRONLY | flags)  # does not wait for a pipe
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino, status.st_size) != (known.st_dev, known.st_ino, known.st_size):
            return None
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError as error:
            with suppress(OSError):  # a resumed run writes the file anew
                os.ftruncate(descriptor, known.st_size)
            error.filename = str(path)
            raise
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def all_or_none(folder: Path, files: Iterable[Path]) -> Iterator[None]:
    """Make a folder if it does not exist; the block writes these files into it.

    If the block fails or is interrupted, the files are removed, and so is the folder if it is new. Then the same
    command can be given again.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # the error above is the one to report
            for path in files:
                path.unlink(missing_ok=True)
            if is_new:
                folder.rmdir()
        raise


def is_write_protected(error: OSError) -> bool:
    """Whether a write failed because the place is read-only or another user's."""
    return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


def write_text(path: StrPath, text: str) -> None:
    """Write UTF-8 text whole or not at all; its line endings stay the same on every system."""
    with replacing(path) as file:
        file.write(text.encode())


def given_path(path: StrPath) -> Path:
    """A path that the user gave, which may begin with ``~``. Raises InputError if there can be no such path."""
    text = os.fspath(path)
    if not text:
        raise InputError("a path must not be empty")
    if not isinstance(text, str) or "\0" in text:
        raise InputError(f"{text!r}: not a path: give a str without a zero byte")
    return Path(home_expanded(text))


def home_expanded(text: str) -> str:
    """A path as text, with a ``~`` or ``~user`` at its beginning replaced by that home folder.

    Raises InputError if the system knows no such home folder.
    """
    expanded = os.path.expanduser(text)  # noqa: PTH111 - a Path loses the ./ of ./~, a folder named ~
    if text.startswith("~") and expanded == text:
        home = text.partition("/")[0]
        raise InputError(f"{text}: {home} is no home folder here: write the whole path, or ./{text} if it is a name")
    return expanded


def read_small(path: StrPath, max_bytes: int, *, links: bool = True) -> bytes:
    """The bytes of a file. Raises InputError if there are more than ``max_bytes``, and as ``open_regular`` does.

    Raises FileNotFoundError if there is no such file: only the caller knows what that means.
    """
    with open_regular(path, links=links) as file:
        size = min(os.fstat(file.fileno()).st_size, max_bytes)
        content = file.read(size + 1)  # read(n) allocates n bytes at once
        if len(content) > size:  # the file has grown, or the system does not know its size
            content += file.read(max_bytes - size)
    if len(content) > max_bytes:
        raise InputError(f"{path}: larger than {max_bytes:,} bytes: it cannot be the right file")
    return content


def open_regular(path: StrPath, *, links: bool = True) -> BufferedReader:
    """A regular file, open for reading.

    Raises InputError for a folder; for a pipe or a device, which could block forever; and for a sparse file that is
    almost all holes, which is small to send and large to read. Without ``links`` also for a symbolic link: a run's
    directory may come from a stranger, and must not lead to the user's other files.
    """
    _check_regular(path, Path(path).stat(follow_symlinks=links))
    # If a link or a pipe replaces the file now, it is neither followed nor waited for. Windows has none of these flags.
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


def _check_regular(path: StrPath, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise InputError(f"{path}: a symbolic link: put the file itself there")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: not a regular file: put the file itself there")
    # st_blocks is in units of 512 bytes, always (stat(2)). Windows does not have it.
    on_disk = 512 * getattr(status, "st_blocks", math.inf)
    if status.st_size > MAX_DEFLATE_RATIO * (on_disk + UNCOUNTED_BYTES):
        what = f"almost empty: of its {status.st_size:,} bytes only {on_disk:,} are on the disk"
        raise InputError(f"{path}: {what}: put an intact copy in its place")


MAX_DEFLATE_RATIO = 1032
"""Deflate compresses at most 1032 to 1 (zlib's technical details), and so do file systems that compress."""
UNCOUNTED_BYTES = 1 << 16
"""File systems may not count the bytes of small files, or not yet have written them."""


class Stamp(NamedTuple):
    """A file's data in the file system. They change if the file is written to or replaced."""

    device: int
    file: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Self:
        """The stamp in what stat(2) returned."""
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)

    @property
    def is_settled(self) -> bool:
        """Whether any later write would change it: two writes within the resolution of its times may not."""
        return time_ns() - max(self.modified, self.changed) > TIME_RESOLUTION


TIME_RESOLUTION = 2_000_000_000
"""Nanoseconds: the coarsest resolution of a file system's times, that of FAT."""
MAX_DIGESTS = 64
_digests: dict[Stamp, str] = {}
"""The SHA-256 of files that were hashed before, so that a worker's second run does not hash its data again."""


def sha256(path: StrPath, *, links: bool = True) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits. Raises InputError as ``open_regular`` does.

    A file is hashed again only if its stamp has changed.
    """
    with open_regular(path, links=links) as file:
        stamp = Stamp.of(os.fstat(file.fileno()))  # of the open file: NFS answers stat(2) from memory
        if (known := _digests.get(stamp)) is not None:
            return known
        is_settled = stamp.is_settled
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if is_settled:
        _digests[stamp] = digest
        for oldest in list(_digests)[:-MAX_DIGESTS]:
            _digests.pop(oldest, None)  # another thread may have removed it
    return digest


def identity(folder: Path) -> tuple[int, int]:
    """A folder's device and inode: another folder that gets its name later has others."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def check_same(folder: Path, known: tuple[int, int]) -> None:
    """Raises InputError if the folder is gone, or another one now has its name."""
    try:
        found = identity(folder)
    except OSError:
        found = None
    if found != known:
        what = "no longer there" if found is None else "another folder than before"
        raise InputError(f"{folder}: {what}: it was moved or replaced while in use, so nothing more is written")


@contextmanager
def exclusive(folder: Path, warn: Callable[[str], object], *, wait: float = LOCK_WAIT) -> Iterator[tuple[int, int]]:
    """Lock a folder to this process; gives its identity. Raises InUse if it is still locked after ``wait`` seconds.

    The lock is the system's (flock(2)) and on the folder itself: it leaves no file behind, and ends with the process,
    however that ends. Warns if the file system has no locks. Raises Unsupported if the system has none, InputError if
    another folder has taken this one's name.
    """
    check_has_locks(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            _lock(descriptor, wait)
        except BlockingIOError:
            raise InUse(f"{folder}: another run is using it: wait for its end, or name another directory") from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            warn(f"{folder}: its file system has no locks ({error.strerror}): make sure that no other run uses it")
        status = os.fstat(descriptor)
        check_same(folder, (status.st_dev, status.st_ino))
        yield status.st_dev, status.st_ino
    finally:
        _unlock(descriptor)
        os.close(descriptor)


def _unlock(descriptor: int) -> None:
    """Unlock an open folder. Closing it is not enough: a process that was forked meanwhile has it open, too."""
    import fcntl

    with suppress(OSError):  # a file system that has no locks
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def check_has_locks(folder: Path) -> None:
    """Raises Unsupported if this system cannot lock a folder. Call it before making one, which would be left behind."""
    with suppress(ImportError):  # Windows lacks it; whatever needs no lock still works
        import fcntl  # noqa: F401

        if hasattr(os, "O_DIRECTORY"):
            return
    raise Unsupported(f"{folder}: a run locks its folder, which this system cannot do")


def _lock(descriptor: int, wait: float) -> None:
    """Lock an open folder. Raises BlockingIOError if it is still locked after ``wait`` seconds."""
    import fcntl

    end = monotonic() + wait
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= end:
                raise
            sleep(0.01)
