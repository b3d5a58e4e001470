"""Promises of mlp.idx: what is written is read back, and nothing but one whole IDX array is accepted."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from mlp import idx
from mlp.system.errors import DataChanged, InputError


def test_the_bytes_are_those_of_the_format(tmp_path):
    idx.write(tmp_path / "a", np.array([[1, -2, 3]], np.int16))
    expected = bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 1, 0xFF, 0xFE, 0, 3])
    assert (tmp_path / "a").read_bytes() == expected
    assert gzip.compress(expected) != expected
    (tmp_path / "b.gz").write_bytes(gzip.compress(expected))
    np.testing.assert_array_equal(idx.read(tmp_path / "b.gz"), [[1, -2, 3]])


def test_the_same_array_gives_the_same_gzip_bytes_under_any_name_and_time(tmp_path):
    idx.write(tmp_path / "a.gz", np.arange(9, dtype=np.uint8))
    idx.write(tmp_path / "b.gz", np.arange(9, dtype=np.uint8))
    first = (tmp_path / "a.gz").read_bytes()
    assert first == (tmp_path / "b.gz").read_bytes()
    assert first[4:8] == bytes(4)  # the header's time stamp


def test_a_non_contiguous_array_is_written_in_its_order(tmp_path):
    array = np.arange(12, dtype=np.int32).reshape(3, 4).T
    idx.write(tmp_path / "a", array)
    np.testing.assert_array_equal(idx.read(tmp_path / "a"), array)


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_blocks_make_the_file_that_the_whole_array_makes(name, tmp_path):
    array = np.arange(84, dtype=np.int16).reshape(7, 4, 3)
    idx.write(tmp_path / name, array)
    whole = (tmp_path / name).read_bytes()
    for dtype in (np.int16, ">i2"):
        idx.write_blocks(tmp_path / name, (7, 4, 3), dtype, iter([array[:2], array[2:2], array[2:6], array[6:]]))
        assert (tmp_path / name).read_bytes() == whole


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [np.zeros((4, 2), np.uint8)],
        [np.zeros((4, 2), np.uint8)] * 2,
        [np.zeros((5, 3), np.uint8)],
        [np.zeros(5, np.uint8)],
        [np.zeros((5, 2), np.int8)],
    ],
)
def test_blocks_that_do_not_add_up_leave_no_file(blocks, tmp_path):
    with pytest.raises(ValueError, match="block"):
        idx.write_blocks(tmp_path / "a", (5, 2), np.uint8, blocks)
    assert not list(tmp_path.iterdir())


def with_a_hole(path, size):
    """A sparse IDX file of this many bytes: all but the header takes no space on the disk."""
    with path.open("wb") as file:
        file.write(bytes([0, 0, 8, 1]) + struct.pack(">I", size))
        file.truncate(8 + size)
    return path


@pytest.fixture
def by_rows(tmp_path, monkeypatch):
    """A raw file of 1,000 rows of 12 bytes, its array, and the file as rows, 10 of them read at once."""
    monkeypatch.setattr(idx, "MAX_BYTES_IN_MEMORY", 11_999)
    monkeypatch.setattr(idx, "CHUNK_BYTES", 125)
    array = np.random.default_rng(0).integers(-(2**31), 2**31, (1000, 3)).astype(">i4")
    idx.write(tmp_path / "rows", array)
    return tmp_path / "rows", array, idx.rows(tmp_path / "rows")


def test_only_large_raw_arrays_stay_in_their_file(by_rows, tmp_path):
    path, array, rows = by_rows
    assert isinstance(rows, idx.Rows)
    assert (len(rows), rows.shape, rows.dtype) == (1000, (1000, 3), array.dtype)
    idx.write(tmp_path / "rows.gz", array)
    idx.write(tmp_path / "fewer", array[1:])
    for other in (idx.read(path), idx.rows(tmp_path / "rows.gz"), idx.rows(tmp_path / "fewer")):
        assert isinstance(other, np.ndarray)
        assert not other.flags.writeable


@pytest.mark.parametrize("how", ["all", "none", "one", "apart", "near", "backwards", "twice", "mixed", "runs"])
def test_rows_are_those_of_the_whole_array(how, by_rows):
    _, array, rows = by_rows
    random = np.random.default_rng(1)
    indices = {
        "all": np.arange(1000),
        "none": np.arange(0),
        "one": np.array([999]),
        "apart": np.arange(0, 1000, 37),
        "near": np.flatnonzero(random.random(1000) < 0.2),
        "backwards": np.arange(999, -1, -1),
        "twice": np.repeat(np.arange(0, 1000, 2), 2),
        "mixed": random.integers(0, 1000, 500),
        "runs": (np.arange(1000) + 417) % 1000,
    }[how]
    np.testing.assert_array_equal(rows.take(indices), array[indices])
    out = np.zeros((len(indices), 3), ">i4")
    assert rows.take(indices, out) is out
    np.testing.assert_array_equal(out, array[indices])
    if how == "all":
        np.testing.assert_array_equal(list(rows), array)


def test_rows_that_are_no_longer_there_are_an_error(by_rows):
    path, array, rows = by_rows
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    np.testing.assert_array_equal(rows.take(np.arange(999)), array[:999])
    with pytest.raises(DataChanged, match=r"rows: changed while it was in use, it is shorter now: give the same comm"):
        rows.take(np.array([0, 999]))


def test_a_large_raw_file_takes_no_memory(tmp_path):
    path = with_a_hole(tmp_path / "large", idx.MAX_BYTES_IN_MEMORY + 1)
    tracemalloc.start()
    assert idx.rows(path).take(np.array([0, idx.MAX_BYTES_IN_MEMORY]))[-1] == 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 << 20


def test_a_file_that_is_all_hole_is_refused(tmp_path):
    path = with_a_hole(tmp_path / "huge", (1 << 32) - 1)
    with pytest.raises(InputError, match=r"huge: almost empty: of its 4,294,967,303 bytes only [\d,]+ are on the disk"):
        idx.read(path)


@pytest.mark.parametrize("array", [np.zeros(2, np.uint16), np.zeros(2, np.int64), np.zeros(2, bool), np.array(["a"])])
def test_types_without_a_code_are_refused(array, tmp_path):
    with pytest.raises(ValueError, match="no element type"):
        idx.write(tmp_path / "a", array)
    assert not list(tmp_path.iterdir())


def test_several_gzip_members_that_join_to_one_file_are_one_file(tmp_path):
    whole = bytes([0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4])
    (tmp_path / "a.gz").write_bytes(gzip.compress(whole[:7]) + gzip.compress(whole[7:]))
    np.testing.assert_array_equal(idx.read(tmp_path / "a.gz"), [1, 2, 3, 4])


GOOD = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])
PACKED = gzip.compress(GOOD, mtime=0)  # part of a test's name, which must be the same in every worker

BAD = {
    "an empty file": ("a", b"", "empty"),
    "half a magic number": ("a", GOOD[:3], "truncated within the first four bytes, 00 00 08"),
    "a wrong magic number": ("a", b"\x01" + GOOD[1:], "begins with 01 00 08 02, 00 00 was expected"),
    "an unknown type": ("a", b"\0\0\x0a" + GOOD[3:], "element type 0a is none of"),
    "a header cut off": ("a", GOOD[:9], "truncated within the header of 2 axes"),
    "an element missing": ("a", GOOD[:-1], "truncated: .*2 x 3 elements of uint8, 6 bytes, but 5 follow"),
    "an element too many": ("a", GOOD + b"\0", "too long: .*6 bytes, but 7 follow"),
    "two files in one": ("a", GOOD + GOOD, "too long"),
    "lying dimensions": ("a", GOOD[:4] + b"\xff" * 4 + GOOD[8:], "truncated"),
    "a product that overflows": ("a", b"\0\0\x0e\x04" + b"\xff" * 16 + b"123", "more than any memory holds"),
    "an overflow beside a zero": ("a", b"\0\0\x0e\x04" + b"\xff" * 12 + bytes(4), "more than any memory holds"),
    "more axes than NumPy has": ("a", b"\0\0\x08\x21" + bytes(4 * 33), "33 axes, at most 32"),
    "a web page": (
        "a.gz",
        b"<!DOCTYPE html>\n <title>404</title>",
        'a web page, .*"<!DOCTYPE html> <title>404</title>"',
    ),
    "text": (
        "a",
        ("\ufeff" + "Nicht gefunden: 漢 " * 9).encode(),
        'text, not an IDX file: it begins with "Nicht gefunden: 漢',
    ),
    "a web page, gzipped": ("a.gz", gzip.compress(b"<html>"), "a web page"),
    "a zip archive": ("a.gz", b"PK\x03\x04" + bytes(99), "a zip archive, not an IDX file: unpack it"),
    "text of another encoding": ("a", "é".encode("latin-1") * 9, "not an IDX file: it begins with e9 e9 e9 e9"),
    "nothing under a gzip name": ("a.gz", b"", "empty"),
    "gzip twice": ("a.gz", gzip.compress(PACKED), "gzip data within gzip data: gunzip it once"),
    "a gzip file cut off": ("a.gz", PACKED[:-9], "truncated"),
    "a gzip header cut off": ("a.gz", PACKED[:5], "truncated"),
    "a checksum that is off": (
        "a.gz",
        PACKED[:-8] + bytes(4) + PACKED[-4:],
        "no intact gzip file .*incorrect data check",
    ),
    "damage within": ("a.gz", PACKED[:12] + b"\xff" + PACKED[13:], "no intact gzip file|not an IDX file"),
    "garbage behind": ("a.gz", PACKED + b"garbage", "no intact gzip file"),
    "too little in gzip": ("a.gz", gzip.compress(GOOD[:-2]), "truncated: .*6 bytes, but 4 follow"),
    "too much in gzip": ("a.gz", gzip.compress(GOOD + b"\0"), "too long: .*6 bytes, but more follow"),
    "a promise that gzip cannot keep": ("a.gz", gzip.compress(b"\0\0\x08\x01\xff\xff\xff\xff"), "gzip can hold"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD.values(), ids=BAD)
def test_what_is_no_idx_file_is_refused_by_name_and_reason(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        idx.read(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert str(error.value).endswith(": put an intact copy in its place")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "content"), [("a", PACKED), ("a.gz", GOOD)])
def test_the_first_bytes_say_whether_a_file_is_gzipped_whatever_its_name(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(idx.read(tmp_path / name), [[1, 2, 3], [4, 5, 6]])
    assert idx.is_packed(tmp_path / name) == (content is PACKED)


OTHER = {
    "another element": lambda content: content[:-1] + b"8",
    "another type": lambda content: content[:2] + b"\x09" + content[3:],
    "another shape": lambda content: content[:3] + b"\x02\0\0\0\x01" + content[4:],
}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_files_are_the_same_if_all_their_bytes_are_once_unpacked(change, tmp_path):
    whole = bytes([0, 0, 8, 1, 0, 0x20, 0, 1]) + b"7" * 0x200001  # more than is read at a time
    other = gzip.compress(change(whole), 1)
    for name, content in (("raw", whole), ("same.gz", gzip.compress(whole, 1)), ("other.gz", other)):
        (tmp_path / name).write_bytes(content)
    assert idx.is_same(tmp_path / "raw", tmp_path / "same.gz")
    assert not idx.is_same(tmp_path / "raw", tmp_path / "other.gz")
    assert not idx.is_same(tmp_path / "other.gz", tmp_path / "same.gz")


def test_files_are_compared_without_being_held_in_memory(tmp_path):
    size = 1 << 26
    content = bytes([0, 0, 8, 1]) + struct.pack(">I", size) + bytes(size)
    (tmp_path / "raw").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content, 1))
    del content
    tracemalloc.start()
    assert idx.is_same(tmp_path / "raw", tmp_path / "packed")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 24


def test_what_is_too_long_is_not_the_same(tmp_path):
    """A gzip file's end is found only by unpacking it, and a bomb is never unpacked to its end."""
    (tmp_path / "raw").write_bytes(GOOD)
    (tmp_path / "long").write_bytes(gzip.compress(GOOD + b"7"))
    assert not idx.is_same(tmp_path / "raw", tmp_path / "long")


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for path, message in ((tmp_path / "none", "No such file"), (tmp_path, "regular"), (tmp_path / "pipe", "regular")):
        with pytest.raises(InputError, match=message):
            idx.read(path)


def test_only_a_part_of_rows_is_read(tmp_path, monkeypatch):
    array = np.random.default_rng(0).integers(0, 256, (20, 5, 7), np.uint8)
    idx.write(tmp_path / "a", array)
    monkeypatch.setattr(idx, "MAX_BYTES_IN_MEMORY", 0)
    rows, read = idx.rows(tmp_path / "a"), []
    monkeypatch.setattr(idx.Rows, "_read", counted(idx.Rows._read, read))
    indices = np.array([3, 4, 19])
    np.testing.assert_array_equal(rows.part(indices, slice(30, 60)), array.reshape(20, -1)[indices, 30:60])
    assert sum(read) == 3 * 5


def counted(read, sizes):
    def then(rows, row, target, offset=0):
        sizes.append(target.nbytes)
        read(rows, row, target, offset)

    return then
