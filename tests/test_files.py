"""Promises of mlp.files: a file is written whole or not at all."""

import pytest

from mlp.errors import InputError
from mlp.files import read_small, replacing, write_text


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
