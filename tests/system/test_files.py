"""Promises of mlp.system.files: a file is written whole or not at all, and a folder is locked to one process."""

import errno
import fcntl
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlp.system import files
from mlp.system.errors import InputError, InUse
from mlp.system.files import exclusive, make_folder, read_small, remove, rename, replacing, write_text
from tests.conftest import ROOT
from tests.faults.fault_helpers import bounded


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old é\n")
    with pytest.raises(RuntimeError), replacing(path) as file:  # noqa: PT012 - the block is what is tested
        file.write(b"half of the n")
        raise RuntimeError
    assert path.read_bytes() == "old é\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_finished_write_takes_the_place_of_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("old", "new"):
        write_text(path, text)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_of_the_system_says_where(tmp_path):
    with pytest.raises(OSError, match="No space left") as error, replacing(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert error.value.filename == str(tmp_path / "a")


def test_only_small_regular_files_are_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_small(path, 5) == b"12345"
    for other, most, message in ((path, 4, "larger than 4 bytes"), (tmp_path, 9, "not a regular file")):
        with pytest.raises(InputError, match=message):
            read_small(other, most)
    with pytest.raises(FileNotFoundError):
        read_small(tmp_path / "b", 5)


@pytest.fixture
def calls(monkeypatch):
    """The module's calls of the system, in order: those that protect against a power cut."""
    made = []

    class System:
        def __getattr__(self, name):
            return getattr(os, name)

        def fsync(self, descriptor):
            made.append("fsync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "fsync file")
            os.fsync(descriptor)

        def replace(self, source, target):
            made.append(f"rename to {target.name}")
            os.replace(source, target)

    monkeypatch.setattr(files, "os", System())
    return made


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path, calls):
    path, previous = tmp_path / "a", tmp_path / "b"
    for text in (b"old", b"new"):
        with replacing(path, previous) as file:
            file.write(text)
    once = ["fsync file", "rename to a", "fsync folder"]
    assert calls == [*once, "fsync file", "rename to b", "rename to a", "fsync folder"]
    assert (path.read_bytes(), previous.read_bytes()) == (b"new", b"old")


def test_a_rename_and_a_removal_are_on_the_disk_too(tmp_path, calls):
    make_folder(tmp_path / "x" / "y")
    assert calls == ["fsync folder", "fsync folder"]
    write_text(tmp_path / "x" / "y" / "a", "")
    calls.clear()
    rename(tmp_path / "x" / "y" / "a", tmp_path / "x" / "y" / "b")
    remove(tmp_path / "x" / "y" / "b")
    assert calls == ["rename to b", "fsync folder", "fsync folder"]
    assert list((tmp_path / "x" / "y").iterdir()) == []


def test_a_folder_is_locked_until_the_end(tmp_path):
    with exclusive(tmp_path, pytest.fail):
        with pytest.raises(InputError, match="another run is using it"), exclusive(tmp_path, pytest.fail):
            pytest.fail("two had it")
        assert list(tmp_path.iterdir()) == []
    with exclusive(tmp_path, pytest.fail):
        pass


def test_a_process_that_was_killed_while_it_started_another_keeps_a_folder_only_until_that_one_has_begun(tmp_path):
    """Until then the new process has every file open that the old one had, the lock included."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.1)"], pass_fds=[descriptor]):
        os.close(descriptor)
        with pytest.raises(InUse), exclusive(tmp_path, pytest.fail, wait=0):
            pytest.fail("two had it")
        with exclusive(tmp_path, pytest.fail):
            pass


def test_a_folder_is_free_at_the_end_although_a_forked_process_still_has_it_open(tmp_path, monkeypatch):
    opened, system_open = [], os.open
    monkeypatch.setattr(os, "open", lambda *arguments: opened.append(system_open(*arguments)) or opened[-1])
    with exclusive(tmp_path, pytest.fail):
        copy = os.dup(opened[0])  # as fork(2) does
    with exclusive(tmp_path, pytest.fail, wait=0):
        os.close(copy)


@pytest.mark.parametrize("number", [errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_there_is_a_warning(number, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    warnings = []
    with exclusive(tmp_path, warnings.append):
        pass
    (warning,) = warnings
    assert warning.startswith(f"{tmp_path}: its file system has no locks (")


def test_a_lock_that_fails_otherwise_is_an_error(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(OSError, match="Input/output error"), exclusive(tmp_path, pytest.fail):
        pytest.fail("it had it")


def test_a_small_file_is_read_in_memory_of_its_own_size():
    """Whatever the limit is; a file whose size the system does not know is read whole, too."""
    with bounded():
        assert read_small(ROOT / "LICENSE", 1 << 40) == (ROOT / "LICENSE").read_bytes()
    if Path("/proc/version").exists():
        assert read_small(Path("/proc/version"), 1 << 20) == Path("/proc/version").read_bytes()
        with pytest.raises(InputError, match="larger than 3 bytes"):
            read_small(Path("/proc/version"), 3)


def test_a_file_is_hashed_again_when_it_was_changed_and_only_then(tmp_path, monkeypatch):
    path, hashed, digest = tmp_path / "data", [], hashlib.file_digest
    monkeypatch.setattr(files, "TIME_RESOLUTION", 0)
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: hashed.append(1) or digest(*given))
    for count, content in enumerate((b"one", b"two"), 1):
        path.write_bytes(content)
        assert {files.sha256(path) for _ in range(3)} == {hashlib.sha256(content).hexdigest()}
        assert len(hashed) == count


def test_a_file_that_may_change_without_a_new_stamp_is_always_hashed(tmp_path, monkeypatch):
    """Two writes within one step of the file system's clock."""
    path = tmp_path / "data"
    path.write_bytes(b"one")
    stamp = files.Stamp.of(path.stat())
    monkeypatch.setattr(files.Stamp, "of", lambda facts: stamp)
    for content in (b"one", b"two"):
        path.write_bytes(content)
        assert files.sha256(path) == hashlib.sha256(content).hexdigest()
