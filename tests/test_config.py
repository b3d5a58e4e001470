"""Promises of mlp.config: a typo never becomes a default, and every error says where it is."""

import json
import os
from contextlib import nullcontext
from pathlib import Path
from pwd import getpwuid
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import mlp
from mlp import config
from mlp.config import Config
from mlp.network import ACTIVATIONS, LOSSES
from mlp.optimizers import OPTIMIZERS
from mlp.system.errors import InputError, InUse
from tests.conftest import ROOT


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write config.yaml into the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        path = Path("config.yaml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def errors(path, *overrides):
    with pytest.raises(InputError) as error:
        config.load(path, overrides, flag="--set ")
    return str(error.value).splitlines()


def test_the_bundled_config_has_the_defaults():
    bundled = config.load(ROOT / "config.yaml")
    assert bundled.model_copy(update={"data": Config().data, "output": Config().output}) == Config()
    assert bundled.data.model_copy(update={"directory": Path("data")}) == Config().data


def test_the_defaults_are_those_of_the_contract():
    assert Config().model_dump(mode="json") == {
        "data": {
            "directory": "data",
            "digits": [0, 1],
            "transpose": False,
            "scale": 255.0,
            "limit_per_digit": None,
            "validation_fraction": 0.1,
        },
        "model": {"hidden_sizes": [32], "activation": "sigmoid", "loss": "euclidean"},
        "training": {
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 1.0,
            "optimizer": "sgd",
            "schedule": "constant",
            "patience": None,
            "class_weight": None,
            "momentum": 0.0,
            "weight_decay": 0.0,
            "seed": 0,
            "precision": "float32",
            "threads": 1,
            "checkpoint_every": "1 epoch",
        },
        "output": {"directory": "outputs", "report": False, "live": False},
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "training:\n", "{}", "training: {}\nmodel: ~\n"])
def test_what_is_left_out_has_its_default(write, text):
    assert config.load(write(text)).training == Config().training


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("training: {learning_rate: 1e-3}", "learning_rate", 0.001),
        ("training: {learning_rate: 2}", "learning_rate", 2.0),
        ("training: {learning_rate: .5}", "learning_rate", 0.5),
        ("training: {epochs: 010}", "epochs", 10),
        ("training: {epochs: +3}", "epochs", 3),
        ("training: {seed: 123456789012345678901234567890}", "seed", 123456789012345678901234567890),
        ("training: {precision: 'float64'}", "precision", "float64"),
        ("training:\r\n  epochs: 7\r\n", "epochs", 7),
        (b"\xef\xbb\xbftraining:\n  epochs: 7\n", "epochs", 7),
    ],
)
def test_values_are_read_as_the_contract_says(write, text, key, value):
    found = getattr(config.load(write(text)).training, key)
    assert (found, type(found)) == (value, type(value))


BAD = {  # text: its only message, after "config.yaml:"
    "training:\n  momentun: 0.9": "2:3: training.momentun: unknown key, did you mean momentum?",
    "trainig:\n  epochs: 3": "1:1: trainig: unknown section, did you mean training?",
    "training:\n  hidden_sizes: [3]": "2:3: training.hidden_sizes: unknown key, did you mean model.hidden_sizes?",
    "training:\n  zzz: 3": "2:3: training.zzz: unknown key, known are epochs, batch_size, learning_rate, optimizer, "
    "schedule, patience, class_weight, momentum, weight_decay, seed, precision, threads, checkpoint_every",
    "training:\n  epochs: 0": "2:11: training.epochs: must be at least 1, not 0",
    "training:\n  batch_size: 0": "2:15: training.batch_size: must be at least 1, not 0",
    "training:\n  learning_rate: -1": "2:18: training.learning_rate: must be above 0, not -1",
    "training:\n  learning_rate: 1001": "2:18: training.learning_rate: must be at most 1,000, not 1001",
    "training:\n  learning_rate: .inf": "2:18: training.learning_rate: must be finite, not Infinity",
    "training:\n  learning_rate: 1e999": "2:18: training.learning_rate: must be finite, not Infinity",
    "training:\n  learning_rate: .nan": "2:18: training.learning_rate: must be finite, not NaN",
    'training:\n  learning_rate: "1"': '2:18: training.learning_rate: must be a number, not "1"',
    "training:\n  learning_rate: yes": '2:18: training.learning_rate: must be a number, not "yes"',
    "training:\n  learning_rate: true": "2:18: training.learning_rate: must be a number, not true",
    "training:\n  momentum: 1": "2:13: training.momentum: must be below 1, not 1",
    "training:\n  weight_decay: -0.1": "2:17: training.weight_decay: must be at least 0, not -0.1",
    "training:\n  momentum: 0.99999999": "2:13: training.momentum: must be a number that float32 does not "
    "round to 1, not 0.99999999",
    "training:\n  momentum: 1e-50": "2:13: training.momentum: must be a number that float32 does not round "
    "to 0, not 1e-50",
    "training:\n  learning_rate: 1e-50": "2:18: training.learning_rate: must be a number that float32 does "
    "not round to 0, not 1e-50",
    "training:\n  weight_decay: 1e39": "2:17: training.weight_decay: must be a number that float32 does not "
    "round to infinity, not 1e+39",
    "training:\n  seed: -1": "2:9: training.seed: must be at least 0, not -1",
    "training:\n  epochs: 2.0": "2:11: training.epochs: must be a whole number, not 2.0",
    "training:\n  epochs: 1e3": "2:11: training.epochs: must be a whole number, not 1000.0",
    "training:\n  epochs: true": "2:11: training.epochs: must be a whole number, not true",
    "training:\n  epochs:": "2:10: training.epochs: must be a whole number, not null",
    "training:\n  threads: 0": "2:12: training.threads: must be at least 1, not 0",
    "training:\n  precision: float16": "2:14: training.precision: must be 'float32' or 'float64', not \"float16\"",
    "training: 3": "1:11: training: must be a section of keys",
    "data:\n  digits: [0, 0]": "2:11: data.digits: must be at least two different labels, not [0, 0]",
    "data:\n  digits: [0, 1, 2, 1]": "2:11: data.digits: must be at least two different labels, not [0, 1, 2, 1]",
    "data:\n  digits: [0, 256]": "2:15: data.digits[1]: must be at most 255, not 256",
    "data:\n  digits: [0, -1]": "2:15: data.digits[1]: must be at least 0, not -1",
    "data:\n  digits: [0, 1.0]": "2:15: data.digits[1]: must be a whole number, not 1.0",
    "data:\n  digits: [0]": "2:11: data.digits: must be at least two different labels, not [0]",
    "data:\n  digits: []": "2:11: data.digits: must be at least two different labels, not []",
    "data:\n  digits: 1": "2:11: data.digits: must be all or a list in brackets, not 1",
    "data:\n  digits: al": '2:11: data.digits: must be all or a list in brackets, not "al"',
    "data:\n  digits: ~": "2:11: data.digits: must be all or a list in brackets, not null",
    "data:\n  scale: 0": "2:10: data.scale: must be above 0, not 0",
    "data:\n  scale: -255": "2:10: data.scale: must be above 0, not -255",
    "data:\n  scale: .inf": "2:10: data.scale: must be finite, not Infinity",
    "data:\n  scale: .nan": "2:10: data.scale: must be finite, not NaN",
    "data:\n  scale: true": "2:10: data.scale: must be a number, not true",
    "data:\n  scale: white": '2:10: data.scale: must be a number, not "white"',
    "data:\n  scale:": "2:9: data.scale: must be a number, not null",
    "data:\n  scale: 1e-50": "2:10: data.scale: must be a number that float32 does not round to 0, not 1e-50",
    "data:\n  normalize: true": "2:3: data.normalize: unknown key, did you mean data.scale?",
    "data:\n  transpose: 1": "2:14: data.transpose: must be true or false, not 1",
    "data:\n  validation_fraction: 0\ntraining:\n  patience: 3": "4:13: training.patience: must be null if "
    "data.validation_fraction is 0, not 3",
    "training:\n  patience: 0": "2:13: training.patience: must be at least 1, not 0",
    "training:\n  class_weight: balance": "2:17: training.class_weight: must be null, balanced or a list in brackets, "
    'not "balance"',
    "training:\n  class_weight: [1, 0]": "2:21: training.class_weight[1]: must be above 0, not 0",
    "training:\n  class_weight: [1, .inf]": "2:21: training.class_weight[1]: must be finite, not Infinity",
    "training:\n  class_weight: [1, x]": '2:21: training.class_weight[1]: must be a number, not "x"',
    "training:\n  class_weight: [1, 1e-50]": "2:21: training.class_weight[1]: must be a number that float32 does not "
    "round to 0, not 1e-50",
    "training:\n  class_weight: [1, 2, 3]": "2:17: training.class_weight: must have one entry for each of data.digits, "
    "not [1.0, 2.0, 3.0]",
    "training:\n  optimizer: Adam": "2:14: training.optimizer: must be 'sgd' or 'adam', not \"Adam\": did you "
    "mean adam?",
    "training:\n  optimizer: adam\n  momentum: 0.9": "3:13: training.momentum: must be 0 if training.optimizer is "
    "adam, not 0.9",
    "training:\n  schedule: cosine_annealing": "2:13: training.schedule: must be 'constant' or 'cosine', not "
    '"cosine_annealing": did you mean cosine?',
    "model:\n  activation: nn.ReLU": "2:15: model.activation: must be 'sigmoid', 'tanh' or 'relu', not \"nn.ReLU\": "
    "did you mean relu?",
    "data:\n  limit_per_digit: 0": "2:20: data.limit_per_digit: must be at least 1, not 0",
    "data:\n  validation_fraction: 1": "2:24: data.validation_fraction: must be below 1, not 1",
    'data:\n  directory: ""': '2:14: data.directory: must be a path, not ""',
    "data:\n  directory: 3": "2:14: data.directory: must be a path, not 3",
    "data:\n  directory: ~": "2:14: data.directory: must be a path (~ alone is null in YAML: write ~/), not null",
    "data:\n  directory: ~no{body/x": "2:14: data.directory: must be a path (~no{body is no home folder here), "
    'not "~no{body/x"',
    "model:\n  hidden_sizes: [3, 0]": "2:21: model.hidden_sizes[1]: must be at least 1, not 0",
    "model:\n  hidden_sizes: [1000001]": "2:18: model.hidden_sizes[0]: must be at most 1,000,000, not 1000001",
    "model:\n  loss: cross_entrpy": "2:9: model.loss: must be 'euclidean' or 'cross_entropy', not \"cross_entrpy\"",
    "model:\n  loss: MSE": "2:9: model.loss: must be 'euclidean' or 'cross_entropy', not \"MSE\": did you mean "
    "euclidean?",
    "model:\n  loss: binary_crossentropy": "2:9: model.loss: must be 'euclidean' or 'cross_entropy', not "
    '"binary_crossentropy": did you mean cross_entropy?',
    "model:\n  loss: fp32": "2:9: model.loss: must be 'euclidean' or 'cross_entropy', not \"fp32\"",
    "model:\n  los: euclidean": "2:3: model.los: unknown key, did you mean loss?",
    "model:\n  dropout: 0.5": "2:3: model.dropout: unknown key, not offered: the network has only fully connected "
    "layers",
    "model:\n  hidden_layers: 2": "2:3: model.hidden_layers: unknown key, did you mean model.hidden_sizes?",
    "training:\n  lr: 0.1": "2:3: training.lr: unknown key, did you mean training.learning_rate?",
    "training:\n  batch: 5": "2:3: training.batch: unknown key, did you mean training.batch_size?",
    "training:\n  batchSize: 5": "2:3: training.batchSize: unknown key, did you mean batch_size?",
    "epochs: 5": "1:1: epochs: unknown section, did you mean training.epochs?",
    "training.epochs: 5": "1:1: training.epochs: unknown section: put epochs into the section training",
    "learning-rate: 5": "1:1: learning-rate: unknown section, did you mean training.learning_rate?",
    "directory: x": "1:1: directory: unknown section, did you mean data.directory or output.directory?",
    "train:\n  epochs: 5": "1:1: train: unknown section, did you mean training?",
    "optimizer: adam": "1:1: optimizer: unknown section, did you mean training.optimizer?",
    "beta1: 0.9": "1:1: beta1: unknown section, not offered: the optimizers are sgd, with training.momentum, and adam "
    "with its usual constants",
    "training:\n  ephocs: 5": "2:3: training.ephocs: unknown key, did you mean epochs?",
    "output:\n  export: 5": "2:3: output.export: unknown key, known are directory, report, live",
    "model:\n  hidden_sizes: 32": "2:17: model.hidden_sizes: must be a list in brackets, not 32",
    "- training": "1:1: the file: must be sections of keys",
    "training:\n  seed: 1\n  seed: 2": "3:3: training.seed: given twice, first in line 2",
    "training: &x {}": "1:11: anchors and aliases are not allowed",
    "training:\n  epochs: !!int 3": "2:11: tags are not allowed",
    "training:\n\tepochs: 3": "2:1: while scanning for the next token, "
    "found character '\\t' that cannot start any token",
    "a: 1\n---\nb: 2": "2:1: expected a single document in the stream, but found another document",
    "training: [": "1:12: while parsing a flow node, expected the node content, but found '<stream end>'",
    "[[[[[[[[[[": "1:9: nested too deeply",
    "? [a]\n: 1": "1:3: a key must be a word",
    "training:\n  epochs: \x01": "2:11: character U+0001 is not allowed",
}


@pytest.mark.parametrize(("text", "message"), BAD.items())
def test_each_error_says_what_is_wrong_where(write, text, message):
    assert errors(write(text)) == [f"config.yaml:{message}"]


def test_what_float32_cannot_hold_is_an_option_in_float64(write):
    path = write("training: {precision: float64, momentum: 0.99999999, learning_rate: 1.0e-50, weight_decay: 1.0e+39}")
    training = config.load(path).training
    assert (training.momentum, training.learning_rate, training.weight_decay) == (0.99999999, 1e-50, 1e39)
    message = "training.momentum: must be a number that float32 does not round to 1, not 0.99999999"
    assert errors(path, "training.precision=float32")[0] == f"config.yaml:1:42: {message}"


def test_all_errors_are_reported_at_once_in_the_order_of_the_file(write):
    path = write("training:\n  epochs: 0\n  momentun: 0\n  epochs: 1\ndata:\n  digits: 3\n")
    found = errors(path, "training.seed=-1", "model.hiden_sizes=[]", "x", "a.b=1")
    assert [line.split(": ")[0] for line in found] == [
        "config.yaml:2:11",
        "config.yaml:3:3",
        "config.yaml:4:3",
        "config.yaml:6:11",
        "--set training.seed=-1",
        "--set model.hiden_sizes=[]",
        "--set x",
        "--set a.b=1",
    ]


def test_overrides_lie_over_the_file_the_last_one_on_top(write):
    path = write("training:\n  epochs: zero\n  seed: 1\n")
    loaded = config.load(
        path, ["training.epochs=3", "training.epochs=4", "data.digits=[3, 5]", "data.limit_per_digit=~"]
    )
    assert (loaded.training.epochs, loaded.training.seed, loaded.data.digits) == (4, 1, (3, 5))


def test_an_override_is_blamed_for_what_it_brought(write):
    path = write("data:\n  digits: [0, 1]\n")
    assert errors(path, "data.digits=[0, 277]") == [
        "--set data.digits=[0, 277]: data.digits[1]: must be at most 255, not 277"
    ]
    assert errors(path, "data.digits=[0") == [
        "--set data.digits=[0: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'"
    ]


def test_an_option_without_its_section_is_named_with_it(write):
    assert errors(write(""), "epochs=3") == ["--set epochs=3: must be section.key=value, did you mean training.epochs?"]


def test_a_program_s_overrides_stand_in_messages_as_the_program_gave_them(write):
    with pytest.raises(mlp.InputError) as caught:
        config.load(str(write("")), ["training.seed=-1"])
    assert str(caught.value) == "training.seed=-1: training.seed: must be at least 0, not -1"


def test_a_mapping_may_hold_values_as_a_program_has_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    data = {"directory": Path("~/digits"), "digits": range(3)}
    read = config.of_mapping(
        {"data": data, "model": {"hidden_sizes": np.array([4, 2])}, "training": {"seed": np.int64(5)}}
    )
    assert (read.data.directory, read.data.digits) == (tmp_path / "digits", (0, 1, 2))
    assert (read.model.hidden_sizes, read.training.seed) == ((4, 2), 5)


SPLIT = {  # the arguments after the shell has split a value: the end of the message
    ("data.digits=[4,", "9]"): '"data.digits=[4, 9]"',
    ("training.seed=1", "data.directory=/my", "digits", "training.epochs=2"): '"data.directory=/my digits"',
    ("data.directory=$a", "b"): "'data.directory=$a b'",
}


@pytest.mark.parametrize("options", SPLIT, ids=" ".join)
def test_of_a_value_that_the_shell_split_the_quotes_are_shown(write, options):
    (message,) = errors(write(""), *options)
    assert message.endswith(
        f": a shell splits at blanks: if this is one value, put it in quotes: --set {SPLIT[options]}"
    )


def test_what_is_no_part_of_a_value_is_not_put_in_quotes(write):
    assert errors(write(""), "data.digits=[4,", "training.seed=2") == [
        "--set data.digits=[4,: while parsing a flow node, expected the node content, but found '<stream end>'"
    ]
    assert errors(write(""), "training.seed=2", "training.epochs") == [
        "--set training.epochs: must be section.key=value"
    ]


def test_a_long_value_is_cut_in_the_message(write):
    (message,) = errors(write(f"training:\n  epochs: {'x' * 5000}\n"))
    assert len(message) < 150


@pytest.mark.parametrize("text", [r'"\UFFFFFFFF"', r'"\U00110000"'])
def test_an_impossible_character_is_refused(write, text):
    assert errors(write(f"training: {{epochs: {text}}}")) == [
        "config.yaml:1:1: there is an impossible character or number in it"
    ]


def test_a_key_cannot_forge_a_second_message(write):
    assert len(errors(write(r'"a\nerror: b": 1'))) == 1


@pytest.mark.parametrize("name", [r'"a\0b"', r'"\ud800"', '""'])
def test_what_no_file_system_takes_is_no_path(write, name):
    (message,) = errors(write(f"output: {{directory: {name}}}"))
    assert message.startswith("config.yaml:1:21: output.directory: must be a path, not ")


def test_a_config_does_not_change_once_read():
    with pytest.raises(ValidationError, match="frozen"):
        Config().training.epochs = 3


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a: \xff", "byte 3 is not UTF-8"), (b"#" * 70_000, "larger than 65,536 bytes"), (None, "no such file")],
)
def test_files_that_are_no_config(tmp_path, content, message):
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    assert errors(path)[0].startswith(f"{path}: {message}")


def test_a_folder_is_no_config(tmp_path):
    assert errors(tmp_path) == [f"{tmp_path}: not a regular file: put the file itself there"]


def test_paths_are_relative_to_the_file_not_to_the_working_folder(write, tmp_path, monkeypatch):
    write("data:\n  directory: ../digits\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = config.load(Path("../config.yaml"), ["output.directory=runs"])
    assert loaded.data.directory == tmp_path.parent / "digits"
    assert loaded.output.directory == tmp_path / "runs"


def test_a_path_may_begin_with_the_home_folder(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    loaded = config.load(write("data: {directory: ~/digits}"), ["output.directory=~/"])
    assert (loaded.data.directory, loaded.output.directory) == (tmp_path / "home" / "digits", tmp_path / "home")
    loaded = config.load(write("data: {directory: ./~/digits}"), ["output.directory=runs/~"])
    assert (loaded.data.directory, loaded.output.directory) == (tmp_path / "~" / "digits", tmp_path / "runs" / "~")
    name = getpwuid(os.getuid()).pw_name
    assert config.load(write(f"data: {{directory: ~{name}/x}}")).data.directory == Path(f"~{name}/x").expanduser()


def test_without_any_home_folder_there_is_a_message(write, monkeypatch):
    def unknown(number):
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert errors(write("data: {directory: ~/x}")) == [
        'config.yaml:1:19: data.directory: must be a path (~ is no home folder here), not "~/x"'
    ]


def test_an_error_about_a_path_names_its_key_and_where_the_default_lies():
    where = "(data.directory: by default data beside the config file)"
    with pytest.raises(InUse) as error, config.naming("data.directory"):
        raise InUse("x: not this")
    assert str(error.value) == f"x: not this {where}"
    with pytest.raises(InputError) as error, config.naming("output.directory"):
        raise PermissionError(13, "Permission denied", "x")
    assert str(error.value) == "x: Permission denied (output.directory: by default outputs beside the config file)"
    with pytest.raises(InputError, match=r"^x$"), config.naming("data.directory", applies=False):
        raise InputError("x")


configs = st.builds(
    Config,
    data=st.builds(
        config.Data,
        directory=st.text("ab é'\"#:{}漢\t\n\x85\u2028\ufeff", min_size=1).map(lambda name: Path("/" + name)),
        digits=st.just("all") | st.lists(st.integers(0, 255), min_size=2, unique=True).map(tuple),
        limit_per_digit=st.none() | st.integers(1, 10**9),
        validation_fraction=st.floats(0, 1, exclude_min=True, exclude_max=True),
    ),
    model=st.builds(config.Model, hidden_sizes=st.lists(st.integers(1, 30_000), max_size=4).map(tuple)),
    training=st.builds(
        config.Training,
        learning_rate=st.floats(0, 1000, exclude_min=True),
        schedule=st.sampled_from(["constant", "cosine"]),
        patience=st.none() | st.integers(1, 10**9),
        class_weight=st.sampled_from([None, "balanced"]),
        momentum=st.floats(0, 1, exclude_max=True),
        precision=st.just("float64"),  # float32 cannot hold some of these
        seed=st.integers(0, 10**18 - 1),
    ),
)


@given(written=configs)
def test_a_resolved_config_reads_back_as_itself(written, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text(written.to_yaml(), encoding="utf-8")
    read = config.load(path)
    assert (read.data, read.model, read.training) == (written.data, written.model, written.training)


@given(written=configs)
def test_the_json_beside_the_weights_reads_back_as_itself(written):
    text = written.to_json_without_paths()
    assert Config.model_validate_json(text).to_json_without_paths() == text


def test_class_weights_read_back_as_they_were(write):
    weights = config.load(
        write("data: {digits: [3, 1, 2]}\ntraining: {class_weight: [1, 0.5, 1e-3]}")
    ).training.class_weight
    assert weights == (1.0, 0.5, 0.001)


def test_the_names_in_the_config_are_those_of_the_network_and_the_optimizers():
    for section, name, known in (
        (config.Model, "loss", LOSSES),
        (config.Model, "activation", ACTIVATIONS),
        (config.Training, "optimizer", OPTIMIZERS),
    ):
        assert get_args(section.model_fields[name].annotation) == tuple(known)


def test_a_run_with_the_cosine_schedule_cannot_get_more_epochs(write):
    """Its rates depended on their number, so it would not be the run that the new config describes."""
    run = Path("run")
    for schedule in ("constant", "cosine"):
        settings = config.load(write(f"training: {{schedule: {schedule}, epochs: 3}}"))
        settings.check_resumable(settings, run)
        longer = settings.with_values({"training.epochs": 4})
        with (
            nullcontext() if schedule == "constant" else pytest.raises(InputError, match="on resume nothing may change")
        ):
            settings.check_resumable(longer, run)


def test_the_json_beside_the_weights_says_nothing_of_places():
    decided = json.loads(Config().to_json_without_paths())
    assert decided.keys() == {"data", "model", "training"}
    assert "directory" not in decided["data"]


@given(
    text=st.text(st.characters(codec="utf-8"), max_size=60)
    | st.text("training:epochs [] {}\n-&*!|>%@`\"'#,?0123.", max_size=60)
)
def test_no_text_makes_anything_but_a_config_or_a_clear_refusal(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "config.yaml"
    path.write_bytes(text.encode())
    try:
        config.load(path)
    except InputError as error:
        lines = str(error).splitlines()
    else:
        lines = []
    assert all(line.startswith(str(path)) for line in lines)
