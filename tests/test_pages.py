"""Promises of mlp.pages: what is put into a page stays text, and an array arrives as it was sent."""

import base64
import zlib

import numpy as np

from mlp import pages


def test_an_array_is_packed_with_its_type_and_shape_least_byte_first():
    packed = pages.packed(np.array([[1, 256, -2]], ">i2"))
    assert (packed["type"], packed["shape"]) == ("int16", [1, 3])
    assert zlib.decompress(base64.b64decode(packed["data"])) == bytes([1, 0, 0, 1, 254, 255])
