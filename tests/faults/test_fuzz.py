"""For any bytes: an array is read back as it was written, and a file is read whole or refused with a message."""

import gzip
from contextlib import contextmanager

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlp import config, idx
from mlp.system.errors import InputError

NATIVE = ["uint8", "int8", "int16", "int32", "float32", "float64"]

arrays = st.sampled_from(NATIVE).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
)


def test_every_type_and_shape_comes_back(tmp_path, injected):
    @given(array=arrays, ending=st.sampled_from(["", ".gz"]), big_endian=st.booleans())
    def check(array, ending, big_endian):
        path = tmp_path / f"array{ending}"
        idx.write(path, array.astype(array.dtype.newbyteorder(">")) if big_endian else array)
        back = idx.read(path)
        assert back.shape == array.shape
        assert back.dtype == array.dtype.newbyteorder(">")
        np.testing.assert_array_equal(back, array)
        assert not back.flags.writeable
        injected("IDX round trips")

    check()


@contextmanager
def refused_by_name(path):
    """Allow only an InputError whose message names the file."""
    try:
        yield
    except InputError as error:
        if not str(error).startswith(f"{path}:"):
            raise


def read_or_refuse(path, content):
    """Read a file as an array that explains its every byte, or see it refused with a message that names it."""
    packed = path.suffix == ".gz"
    path.write_bytes(gzip.compress(content) if packed else content)
    with refused_by_name(path):
        array = idx.read(path)
        assert len(content) == 4 + 4 * array.ndim + array.nbytes


def test_any_header_gives_an_array_or_a_clear_refusal(tmp_path, injected):
    @given(header=st.binary(max_size=24), ending=st.sampled_from(["", ".gz"]))
    def check(header, ending):
        read_or_refuse(tmp_path / f"a{ending}", b"\0\0" + header)
        injected("random IDX headers")

    check()


def test_any_change_of_a_header_gives_an_array_or_a_clear_refusal(tmp_path, injected):
    whole = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])

    @given(at=st.integers(0, 11), byte=st.integers(0, 255), ending=st.sampled_from(["", ".gz"]))
    def check(at, byte, ending):
        read_or_refuse(tmp_path / f"a{ending}", whole[:at] + bytes([byte]) + whole[at + 1 :])
        injected("IDX headers with one byte changed")

    check()


def test_damage_within_gzip_never_gives_another_array(tmp_path, injected):
    array = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    idx.write(tmp_path / "whole.gz", array)
    whole = (tmp_path / "whole.gz").read_bytes()

    @given(at=st.integers(0, len(whole) - 1), byte=st.integers(0, 255), cut=st.booleans())
    def check(at, byte, cut):
        path = tmp_path / "a.gz"
        path.write_bytes(whole[:at] if cut else whole[:at] + bytes([byte]) + whole[at + 1 :])
        with refused_by_name(path):
            np.testing.assert_array_equal(idx.read(path), array)  # the time in the header does not matter
        injected("gzip files with damage")

    check()


PIECES = "training|epochs|data|:|[|]|{|}|,|-|3|1e9|.inf|&a|*a|!!int|'|>|?|%|#|<<|---|\\x|é|\x85|\ufeff| |\n|\t|\n  "
words = st.sampled_from([*PIECES.split("|"), "|", '"', ": "])


def test_any_text_gives_a_config_or_a_clear_refusal(tmp_path, injected):
    @given(text=st.lists(words | st.text(max_size=3), max_size=30).map("".join))
    def check(text):
        path = tmp_path / "config.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with refused_by_name(path):
            config.load(path)
        injected("random config texts")

    check()
