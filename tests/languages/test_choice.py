"""A command's language is that of --lang, or else of the environment, as POSIX reads it."""

from io import BytesIO, StringIO, TextIOWrapper

import pytest

from mlp.commands.backpropagation import circuit
from mlp.languages.choice import language_of


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zha_CN"}, "en"),  # Zhuang
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LC_MESSAGES": "zh_CN.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_the_first_variable_that_is_set_counts(environment, language):
    assert language_of(environment) == language


@pytest.mark.parametrize("script", ["train.py", "scripts/evaluate.py", "scripts/predict.py", "scripts/circuit.py"])
def test_an_unknown_language_is_refused(script, here):
    done = here(script, "--lang", "xx", "x")
    assert done.returncode == 2
    assert "--lang: invalid choice: 'xx'" in done.stderr


@pytest.mark.parametrize(
    ("encoding", "starts"),
    [("utf-8", "名称"), ("gbk", "名称"), ("ascii", "name"), ("cp1252", "name"), (None, "名称")],
)
def test_a_terminal_without_chinese_characters_gets_english_rather_than_escapes(encoding, starts, monkeypatch):
    written = StringIO() if encoding is None else TextIOWrapper(BytesIO(), encoding)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setattr("sys.stdout", written)
    circuit.main(["x * y", "x=1", "y=2"])
    written.seek(0)
    assert written.read().startswith(starts)
