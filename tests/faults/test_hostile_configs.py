"""Any config file is accepted whole or refused with a message that says where and why."""

import os
import re

import pytest

from tests.faults.fault_helpers import bounded, one_message, project, train

KEY = "training:\n  epochs: "


def value(text, message, key="training.epochs"):
    """A value that is refused at its own place."""
    section, name = key.split(".")
    return f"{section}:\n  {name}: {text}\n", rf"yaml:2:{len(name) + 5}: {re.escape(key)}(\[\d\])?: {message}"


HOSTILE = {
    "a byte that is no UTF-8": (b"training: {epochs: 3}\xff\n", "byte 21 is not UTF-8: save the file as UTF-8"),
    "a cut character": ("data: {directory: é".encode()[:-1], "byte 18 is not UTF-8"),
    "an overlong slash": (b"data: {directory: a\xc0\xafb}", "byte 19 is not UTF-8"),
    "UTF-16": ("training: {epochs: 3}".encode("utf-16"), "byte 0 is not UTF-8"),
    "a zero byte": (b"training:\n  epochs: 3\0\n", r"yaml:2:12: character U\+0000 is not allowed"),
    "an escape sequence": (b"training:\n  \x1b[2J: 3\n", r"yaml:2:3: character U\+001B is not allowed"),
    "an escape sequence that is escaped": (
        b'training:\n  "\\e[2Jx": 3\n',
        r"yaml:2:3: training.\\x1b\[2Jx: unknown key",
    ),
    "a bell in a value": value(r'"\a"', r'must be a whole number, not "\\u0007"'),
    "a word that runs backwards": value(r'"\u202e3"', r"must be a whole number, not .*\\u202e"),
    "64 KB and a byte": (b"#" * 65_537, "larger than 65,536 bytes"),
    "a hundred megabytes": (b"#" * 100_000_000, "larger than 65,536 bytes"),
    "an anchor": (KEY + "&a 3\n", "yaml:2:11: anchors and aliases are not allowed"),
    "an alias": (KEY + "*a\n", "yaml:2:11: (anchors and aliases are not allowed|found undefined alias)"),
    "a merge": (b"training:\n  <<: {epochs: 3}\n", "yaml:2:3: training.<<: unknown key"),
    "a billion laughs": (
        "a: &a [1,1]\n" + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "yaml:1:4: anchors and aliases are not allowed",
    ),
    "a tag": (KEY + "!!int 3\n", "yaml:2:11: tags are not allowed"),
    "a tag that runs code": (KEY + "!!python/object/apply:os.abort []\n", "yaml:2:11: tags are not allowed"),
    "a tag of one's own": (KEY + "!x 3\n", "yaml:2:11: tags are not allowed"),
    "brackets without end": (b"a: " + b"[" * 50_000, "nested too deeply|did not find"),
    "braces without end": (b"{a: " * 10_000, "nested too deeply|did not find"),
    "deep and closed": (b"a: " + b"[" * 20_000 + b"]" * 20_000, "nested too deeply"),
    "deep by indentation": (
        "\n".join(" " * depth + "a:" for depth in range(300)),
        "yaml:8:8: nested too deeply",
    ),
    "a key twice": (
        b"training:\n  epochs: 3\n  epochs: 4\n",
        "yaml:3:3: training.epochs: given twice, first in line 2",
    ),
    "a section twice": (b"training: {}\ndata: {}\ntraining: {}\n", "yaml:3:1: training: given twice, first in line 1"),
    "a key twice, once in quotes": (
        b"training:\n  epochs: 3\n  'epochs': 4\n",
        "yaml:3:3: training.epochs: given twice",
    ),
    "a key that is a list": (b"training:\n  ? [a]\n  : 3\n", "yaml:2:5: a key must be a word"),
    "a key of nothing": (b"training:\n  : 3\n", "yaml:2:3: .*expected <block end>"),
    "an unknown key": (b"training:\n  epoch: 3\n", "yaml:2:3: training.epoch: unknown key, did you mean epochs"),
    "thousands of unknown keys": (
        "training:\n" + "".join(f"  k{number:x}:\n" for number in range(5500)),
        "yaml:2:3: training.k0: unknown key",
    ),
    "an unknown section": (b"trainning:\n  epochs: 3\n", "yaml:1:1: trainning: unknown section, did you mean training"),
    "a key of 10,000 letters": (
        b"training:\n  " + b"a" * 10_000 + b": 3\n",
        "yaml:2:10003: mapping values are not allowed here",
    ),
    "a dunder": (b"training:\n  __class__: 3\n", "yaml:2:3: training.__class__: unknown key"),
    "a method's name": (b"training:\n  model_copy: 3\n", "yaml:2:3: training.model_copy: unknown key"),
    "a property's name": (
        b"training:\n  checkpoint_interval: 3\n",
        "yaml:2:3: training.checkpoint_interval: unknown key",
    ),
    "a list for a section": (b"training: [epochs, 3]\n", "yaml:1:11: training: must be a section of keys"),
    "a number for a section": (b"training: 3\n", "yaml:1:11: training: must be a section of keys"),
    "a list for everything": (b"- training\n", "yaml:1:1: the file: must be sections of keys"),
    "a word for everything": (b"training\n", "yaml:1:1: the file: must be sections of keys"),
    "two documents": (b"training: {epochs: 3}\n---\ntraining: {epochs: 4}\n", "yaml:2:1: .*another document"),
    "a tab for an indent": (b"training:\n\tepochs: 3\n", r"yaml:2:1: .*character '\\t'"),
    "a bad indent": (b"training:\n    epochs: 3\n  seed: 1\n", "yaml:3:3: "),
    "a quote without end": (KEY + '"3\n', "yaml:[23]:[0-9]+: .*unexpected end of stream"),
    "an impossible character": (KEY + '"\\UFFFFFFFF"\n', "there is an impossible character"),
    "an impossible version": (b"%YAML 99999999999999999999.1\n---\na: 1\n", "yaml:1:"),
    "a directive": (b"%TAG ! tag:x,2000:\n---\na: 1\n", "yaml:3:1: a: unknown section"),
    "yes for a number": value("yes", "must be a whole number, not .yes."),
    "true for a number": value("true", "must be a whole number, not true"),
    "true for a rate": value("true", "must be a number, not true", "training.learning_rate"),
    "nothing for a number": value("null", "must be a whole number, not null"),
    "text for a number": value("'3'", 'must be a whole number, not "3"'),
    "a list for a number": value("[3]", r"must be a whole number, not \[3\]"),
    "a section for a number": value("{a: 3}", "must be a whole number, not "),
    "3.0 for a whole number": value("3.0", "must be a whole number, not 3.0"),
    "1e3 for a whole number": value("1e3", "must be a whole number, not 1000.0"),
    "hexadecimal": value("0x10", 'must be a whole number, not "0x10"'),
    "a number in base 60": value("1:30", 'must be a whole number, not "1:30"'),
    "a number with underscores": value("1_000", 'must be a whole number, not "1_000"'),
    "digits of another script": value("３", "must be a whole number, not .３."),
    "a date": value("2026-01-01", "must be a whole number, not .2026-01-01."),
    "zero": value("0", "must be at least 1, not 0"),
    "less than zero": value("-1", "must be at least 1, not -1"),
    "a number of 50 digits": value("9" * 50, "must be at most 1,000,000,000, not 9"),
    "a number of 5,000 digits": value("9" * 5000, "must be a whole number, not .9{50}"),
    "absurdly many units": (
        "model:\n  hidden_sizes: [1000000000000]\n",
        r"yaml:2:18: model.hidden_sizes\[0\]: must be at most 1,000,000",
    ),
    "absurdly many layers": (
        "model:\n  hidden_sizes: [" + "1," * 2_000 + "1]\n",
        "yaml:2:17: model.hidden_sizes: must have at most 100 entries",
    ),
    "absurdly many threads": value("100000", "must be at most 1,024", "training.threads"),
    "not a number": value(".nan", "must be finite|must be above", "training.learning_rate"),
    "infinity": value(".inf", "must be finite|must be at most", "training.learning_rate"),
    "less than infinity": value("-.inf", "must be a number", "training.learning_rate"),
    "too large for a float": value("1e999", "must be finite|must be at most", "training.learning_rate"),
    "too large for the rule": value("1000.1", "must be at most 1,000, not 1000.1", "training.learning_rate"),
    "a rate of nothing": value("0.0", "must be above 0, not 0.0", "training.learning_rate"),
    "a momentum of one": value("1", "must be below 1, not 1", "training.momentum"),
    "one digit": value("[0]", "must be at least two different labels", "data.digits"),
    "no digit": value("[]", "must be at least two different labels", "data.digits"),
    "the same digit twice": value("[1, 1]", "must be at least two different labels", "data.digits"),
    "the same digit twice of three": value("[1, 2, 1]", "must be at least two different labels", "data.digits"),
    "a word for the digits": value("every", "must be all or a list in brackets", "data.digits"),
    "a label above 255": ("data:\n  digits: [0, 256]\n", r"yaml:2:15: data.digits\[1\]: must be at most 255, not 256"),
    "a label below 0": ("data:\n  digits: [0, -1]\n", r"yaml:2:15: data.digits\[1\]: must be at least 0, not -1"),
    "a class weight of 0": ("training: {class_weight: [0, 1]}\n", r"class_weight\[0\]: must be above 0, not 0"),
    "an infinite class weight": ("training: {class_weight: [1, .inf]}\n", r"class_weight\[1\]: must be finite"),
    "three class weights of two digits": value("[1, 2, 3]", "must have one entry for each", "training.class_weight"),
    "another word for class weights": value("equal", "must be null, balanced or a list", "training.class_weight"),
    "an unknown optimizer": value("lbfgs", "must be 'sgd' or 'adam'", "training.optimizer"),
    "an unknown activation": value("swish", "must be 'sigmoid', 'tanh' or 'relu'", "model.activation"),
    "a patience of 0": value("0", "must be at least 1", "training.patience"),
    "a transpose that is a number": value("1", "must be true or false", "data.transpose"),
    "momentum with adam": ("training: {optimizer: adam, momentum: 0.9}\n", "momentum: must be 0 if .* is adam"),
    "patience without validation": (
        "data: {validation_fraction: 0}\ntraining: {patience: 3}\n",
        r"patience: must be null if data.validation_fraction is 0",
    ),
    "an interval of nothing": value("0 steps", "must be a number of epochs or steps", "training.checkpoint_every"),
    "an interval of 5,000 digits": value("9" * 5000 + " steps", "must be a number", "training.checkpoint_every"),
    "a seed beyond 128 bits": value(str(1 << 128), "must be below 3.4", "training.seed"),
    "more weights than memory holds": value(
        "[100000, 100000]", "must have at most 1,000,000,000 weights", "model.hidden_sizes"
    ),
    "an empty key": ("'': 1\n", "yaml:1:1: '': unknown section"),
    "an interval without a unit": value("5", "must be a number of epochs or steps", "training.checkpoint_every"),
    "an interval in hours": value("1 hour", "must be a number of epochs or steps", "training.checkpoint_every"),
    "a path of nothing": value("''", "must be a path", "data.directory"),
    "a path with a zero byte": value(r'"a\0b"', "must be a path", "data.directory"),
    "a number for a path": value("3", "must be a path, not 3", "data.directory"),
    "a path of 10,000 letters": ("data:\n  directory: " + "a" * 10_000 + "\n", "no such folder|File name too long"),
}


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused(content, message, tmp_path, monkeypatch, capsys, injected):
    config = project(tmp_path)
    config.write_bytes(content if isinstance(content, bytes) else content.encode())
    with bounded():
        assert train(monkeypatch, "--config", config, "--output", tmp_path / "run") == 2
    said = one_message(capsys.readouterr().err)
    assert re.search(message, said), said
    assert not (tmp_path / "run").exists()
    injected("hostile config files, refused")


ODD = {
    "a pipe": (os.mkfifo, "not a regular file"),
    "a folder": (os.mkdir, "not a regular file"),
    "an endless device": (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere"), "no such file: name another config"),
    "a link to itself": (lambda path: path.symlink_to(path), "symbolic links"),
    "a hole of a terabyte": (
        lambda path: (path.touch(), os.truncate(path, 1 << 40)),
        "almost empty: of its 1,099,511,627,776 bytes",
    ),
    "nothing": (lambda path: None, "no such file: name another config"),
}


@pytest.mark.parametrize(("make", "message"), ODD.values(), ids=ODD)
def test_a_config_that_is_no_regular_file_is_refused(make, message, tmp_path, monkeypatch, capsys, injected):
    config = project(tmp_path)
    config.unlink()
    make(config)
    with bounded():
        assert train(monkeypatch, "--config", config, "--output", tmp_path / "run") == 2
    assert message in one_message(capsys.readouterr().err)
    injected("hostile config files, refused")


@pytest.mark.parametrize(
    "option", ["training.epochs", "=", "a=b=c", "training.=3", ".epochs=3", "training.epochs=&a 3", ""]
)
def test_an_invalid_option_is_refused(option, tmp_path, monkeypatch, capsys, injected):
    assert train(monkeypatch, "--config", project(tmp_path), "--set", option) == 2
    assert f"--set {option}" in one_message(capsys.readouterr().err)
    injected("hostile config files, refused")
