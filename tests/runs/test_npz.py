"""Promises of mlp.runs.npz: NumPy's format, sealed, read without running code, in no more memory than the file."""

import io
import re
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from mlp.runs import npz
from mlp.runs.npz import Damaged

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "text": np.array("héllo"), "none": np.zeros((0, 8))}


def sealed():
    file = io.BytesIO()
    npz.write_sealed(file, ARRAYS)
    return file.getvalue()


def assert_same(arrays):
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_what_is_sealed_is_read_back_and_numpy_reads_it_too():
    assert_same(npz.read_sealed(io.BytesIO(sealed())))
    with np.load(io.BytesIO(sealed()), allow_pickle=False) as arrays:
        assert_same(dict(arrays))
    assert zipfile.ZipFile(io.BytesIO(sealed())).testzip() is None
    assert sealed() == sealed()


@pytest.mark.skipif(sys.version_info < (3, 11, 4), reason="NumPy's bytes depend on Python, ours do not")
def test_the_bytes_are_those_of_numpy():
    ours, numpys = io.BytesIO(), io.BytesIO()
    npz.write_arrays(ours, ARRAYS)
    np.savez(numpys, **ARRAYS)
    assert ours.getvalue() == numpys.getvalue()


def old_python(content):
    """The archive as Python 3.11.3 and older write it: sizes are in four bytes as well, and versions are 20."""
    content = bytearray(content)
    for at in [found.start() for found in re.finditer(b"PK\3\4", content)]:
        extra = at + npz.LOCAL.size + int.from_bytes(content[at + 26 : at + 28], "little")
        size, packed = struct.unpack_from("<4x2Q", content, extra)
        struct.pack_into("<2L", content, at + 18, packed, size)
        content[at + 4] = 20
    for at in [found.start() for found in re.finditer(b"PK\1\2", content)]:
        content[at + 4] = content[at + 6] = 20
    return bytes(content)


def test_an_archive_of_an_older_python_is_read():
    file = io.BytesIO()
    npz.write_arrays(file, ARRAYS)
    old = old_python(file.getvalue())
    if sys.version_info < (3, 11, 4):
        np.savez(numpys := io.BytesIO(), **ARRAYS)
        assert old == numpys.getvalue()
    assert old != file.getvalue()
    assert_same(npz.read_arrays(io.BytesIO(old)))


def test_every_single_bit_counts():
    content = sealed()
    for at in range(len(content)):
        changed = content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]
        with pytest.raises(Damaged):
            npz.read_sealed(io.BytesIO(changed))


def test_every_cut_is_seen():
    content = sealed()
    for at in range(len(content)):
        with pytest.raises(Damaged):
            npz.read_sealed(io.BytesIO(content[:at]))


def archive(compression=zipfile.ZIP_STORED, **entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, content in entries.items():
            made.writestr(f"{name}.npy", content)
    return file


def array_of(shape, dtype="<f4"):
    """The header of an .npy file (NumPy's format 1.0) that promises an array, and a hundred bytes."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(100)


def test_a_header_made_here_is_read():
    """So it is not the way it is written that the forged ones are refused for."""
    assert npz.read_arrays(archive(a=array_of((25,))))["a"].shape == (25,)


def test_numbers_that_need_eight_bytes_are_read(monkeypatch):
    """As in an archive of more than two gigabytes; here of more than two hundred bytes."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 200)
    monkeypatch.setattr(npz, "MAX_32_BIT", 200)
    arrays = {"a": np.arange(10.0), "b": np.arange(1000.0), "c": np.arange(3.0)}
    file = io.BytesIO()
    npz.write_sealed(file, arrays)
    assert b"PK\6\6" in file.getvalue()
    found = npz.read_sealed(file)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


FORGED = {
    "a shape that is not there": lambda: archive(a=array_of((1 << 40,))),
    "a shape that overflows": lambda: archive(a=array_of((1 << 40, 1 << 40))),
    "objects": lambda: archive(a=array_of((12,), "|O")),
    "code for a type": lambda: archive(a=array_of((12,), "__import__('os').abort()")),
    "a bomb": lambda: archive(zipfile.ZIP_DEFLATED, a=array_of((1 << 26,)) + bytes(1 << 26)),
    "no array": lambda: archive(a=b"text"),
    "rows of nothing": lambda: archive(a=array_of((10**8, 0))),
    "columns before rows": lambda: archive(a=array_of((5, 5)).replace(b"False", b"True ")),
    "three axes": lambda: archive(a=array_of((5, 5, 1))),
    "nothing": io.BytesIO,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_what_is_forged_is_refused_in_little_memory(forge):
    file = forge()
    tracemalloc.start()
    with pytest.raises(Damaged):
        npz.read_arrays(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 22
