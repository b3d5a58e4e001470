"""Promises of mlp.files: a file is written whole or not at all."""

import pytest

from mlp.files import replacing, write_text


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
