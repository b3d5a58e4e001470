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
        frame.render("report/report.html")


def texts_of(script):
    """The strings and template literals of a script without comments. Fails if one literal is within another."""
    literals = re.compile(r'"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`')
    found = literals.findall(re.sub(r"^\s*//.*|(?<=[;{,]) +// .*", "", script, flags=re.MULTILINE))
    for text in found:
        assert text[0] == '"' or text.count("${") == len(re.findall(r"\$\{[^{}`]*(\{[^{}`]*\}[^{}`]*)*\}", text)), text
    return found


SCRIPTS = sorted(f"{folder.name}/{path.name}" for folder in frame.TEMPLATES.glob("*/") for path in folder.glob("*.js"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_page_has_each_text_of_a_script_as_it_is_there(name):
    """What removes blanks from scripts does not know a template literal within another."""
    minified = frame._source(name)
    assert all(text in minified for text in texts_of((frame.TEMPLATES / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_line_of_a_script_is_no_longer_than_one_of_python(name):
    lines = (frame.TEMPLATES / name).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120] == []


def test_a_name_of_the_passes_has_no_other_meaning_in_a_page():
    """A page's module would hide the name, and so call something else."""
    files = list(frame.TEMPLATES.glob("*/*.js"))
    declared = {
        file: set(re.findall(r"^(?:const|let|class|function) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
        for file in files
    }
    passes = {name for file in files if file.parent.name == "passes" for name in declared[file]}
    assert "plus" in passes
    others = {file.name: declared[file] & passes for file in files if file.parent.name != "passes"}
    assert {name: both for name, both in others.items() if both} == {}
