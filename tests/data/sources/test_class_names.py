"""Promises of mlp.data.sources.class_names: any name is read back, and a file of another kind is a warning."""

import pytest

from mlp.data.sources import class_names

NAMES = {0: "circle", 7: 'a "b", c', 255: "\r\n日本"}


def test_names_are_read_back_and_a_folder_may_have_none(tmp_path):
    assert class_names.read(tmp_path, pytest.fail) == {}
    class_names.write(tmp_path, NAMES)
    assert class_names.read(str(tmp_path), pytest.fail) == NAMES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not enough values"),
        (b"0,circle\n1,square\n", "its first line must be label,name"),
        (b"label,name\n0,a,b\n", "too many values"),
        (b"label,name\nzero,a\n", "invalid literal"),
        (b'label,name\n0,"a\n', "unexpected end of data"),
        (b"label,name\n0,\xff\n", "can't decode byte"),
        (b"0" * (class_names.MAX_BYTES + 1), "the classes' names are unknown"),
    ],
)
def test_a_file_of_another_kind_is_a_warning_and_gives_no_names(content, message, tmp_path):
    (tmp_path / "classes.csv").write_bytes(content)
    warnings = []
    assert class_names.read(tmp_path, warnings.append) == {}
    (warning,) = warnings
    assert warning.startswith(f"{tmp_path / 'classes.csv'}: ")
    assert message in warning
    assert "the classes' names are unknown" in warning
