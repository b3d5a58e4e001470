"""Promises of mlp.pages.frame: an array is packed as it was, and a template gets every fact. More in tests/browser."""

import base64
import re
import zlib

import jinja2
import numpy as np
import pytest

from mlp.pages import frame


def test_an_array_is_packed_with_its_type_least_byte_first():
    packed = frame.packed(np.array([[1, 256, -2]], ">i2"))
    assert packed["type"] == "int16"
    assert zlib.decompress(base64.b64decode(packed["data"])) == bytes([1, 0, 0, 1, 254, 255])


def test_a_template_that_lacks_a_fact_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="is undefined"):
        frame.render("report.html")


def test_no_script_has_a_template_within_a_template():
    """A page has its scripts without needless blanks: what finds these also takes blanks of the inner template."""
    within = re.compile(r"\$\{[^{}]*`")
    assert within.search('`${a}${b ? "" : ` = ${b}`}`')
    scripts = [path for path in frame.TEMPLATES.iterdir() if path.name.endswith(".js")]
    assert len(scripts) > 10
    assert [path.name for path in scripts if within.search(path.read_text(encoding="utf-8"))] == []
