"""The runs that --vary options ask for, and the messages for wrong ones."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp import config
from mlp.sweeps import grid
from mlp.system.errors import InputError
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def base():
    return config.load(ROOT / "config.yaml")


READ = {
    "training.learning_rate=0.3,1,3": ["learning_rate=0.3", "learning_rate=1", "learning_rate=3"],
    "training.learning_rate=1e-3,2.50": ["learning_rate=0.001", "learning_rate=2.5"],
    "training.seed=8..11": ["seed=8", "seed=9", "seed=10", "seed=11"],
    "training.seed=7,0..1": ["seed=7", "seed=0", "seed=1"],
    "model.hidden_sizes=[32],[64, 16],[]": ["hidden_sizes=32", "hidden_sizes=64-16", "hidden_sizes=none"],
    "model.loss=euclidean,cross_entropy": ["loss=euclidean", "loss=cross_entropy"],
    "data.digits=[0,1],[4,9],[0,1,200],all": ["digits=0-1", "digits=4-9", "digits=0-1-200", "digits=all"],
    "data.transpose=true,false": ["transpose=true", "transpose=false"],
    "model.activation=sigmoid,tanh,relu": ["activation=sigmoid", "activation=tanh", "activation=relu"],
    "training.optimizer=sgd,adam": ["optimizer=sgd", "optimizer=adam"],
    "training.schedule=constant,cosine": ["schedule=constant", "schedule=cosine"],
    "training.patience=null,3": ["patience=null", "patience=3"],
    "training.class_weight=null,balanced,[1,2.50]": [
        "class_weight=null",
        "class_weight=balanced",
        "class_weight=1-2.5",
    ],
    "data.limit_per_digit=null,100": ["limit_per_digit=null", "limit_per_digit=100"],
    "training.checkpoint_every=1 epoch,200 steps": ["checkpoint_every=1-epoch", "checkpoint_every=200-steps"],
    "output.report=true,false": ["report=true", "report=false"],
}


@pytest.mark.parametrize("option", READ)
def test_values_of_an_option(option, base):
    assert list(grid.from_options(base, [option]).configs()) == READ[option]


def test_every_combination_is_a_run_whose_config_differs_in_nothing_else(base):
    found = grid.from_options(base, ["training.learning_rate=0.3,3", "training.seed=4..5"])
    assert len(found) == 4
    for rate, seed in itertools.product((0.3, 3), (4, 5)):
        options = [f"training.learning_rate={rate}", f"training.seed={seed}"]
        assert found.configs()[f"learning_rate={rate},seed={seed}"] == config.load(ROOT / "config.yaml", options)


def test_runs_have_the_same_names_in_whatever_order_options_are_given(base):
    options = ["training.seed=0,1", "training.learning_rate=1,3", "data.limit_per_digit=10"]
    names = grid.from_options(base, options).configs().keys()
    assert next(iter(names)) == "limit_per_digit=10,learning_rate=1,seed=0"
    assert grid.from_options(base, options[::-1]).configs().keys() == names


def test_all_pairs_are_45(base):
    found = grid.from_options(base, ["training.seed=0..2"], all_pairs=True)
    assert (len(found), found.has_all_pairs, found.settings) == (135, True, [])
    digits = {config.data.digits for config in found.configs().values()}
    assert digits == {(a, b) for a in range(10) for b in range(10) if a < b}


def test_seeds_and_all_pairs_are_not_compared_but_some_pairs_are(base):
    assert grid.from_options(base, ["training.seed=0,1", "training.momentum=0,0.9"]).settings == ["training.momentum"]
    assert grid.from_options(base, ["data.digits=[0,1],[4,9]"]).settings == ["data.digits"]


REFUSED = {
    ("training.lerning_rate=1,2",): "--vary training.lerning_rate=1: training.lerning_rate: unknown key, did you mean "
    "learning_rate?",
    (
        "training.learning_rate=1,-1",
    ): "--vary training.learning_rate=-1: training.learning_rate: must be above 0, not -1",
    ("data.digits=[3,3]",): "--vary data.digits=[3, 3]: data.digits: must be at least two different labels, not [3, 3]",
    ("training.seed=1.5",): "--vary training.seed=1.5: training.seed: must be a whole number, not 1.5",
    ("training.seed",): "--vary training.seed: must be section.key=value,value,... or section.key=a..b",
    ("training.seed=",): "--vary training.seed=: no value: must be",
    ("seed=1",): "--vary seed=1: must be section.key=value",
    ("training.seed=3..1",): "--vary training.seed=3..1: 3..1 is empty",
    ("training.seed=0..999999999999",): "0..999999999999 has 1,000,000,000,000 values: at most",
    ("training.seed=0..999", "training.epochs=1..101"): "101,000 runs: at most 100,000 in a sweep",
    ("training.seed=0..99999", "training.learning_rate=1,2"): "200,000 runs: at most 100,000 in a sweep",
    ("training.learning_rate=1,1.0",): "--vary training.learning_rate=1,1.0: 1 is given twice",
    ("training.seed=0,1", "training.seed=2"): "--vary training.seed=2: training.seed is varied twice",
    ("training.momentum=0,0.5",): "--vary training.momentum=0,0.5: training.momentum is also given by --set",
    ("training.precision=float64,float32", "training.weight_decay=0,1e39"): "--vary training.weight_decay=1e+39: "
    "training.weight_decay: must be a number that float32 does not round to infinity",
    ("training.threads=1,2",): "each worker of a sweep has one BLAS thread: training.threads must be 1",
    ("data.directory=a,b",): "--vary data.directory=a,b: data.directory is a path and cannot be varied",
    ("output.directory=a,b",): "output.directory is a path and cannot be varied",
    ("training.seed=[1",): "--vary training.seed=[1: while parsing a flow sequence",
    ("data.digits=[0,", "1],[4,", "9]"): "--vary data.digits=[0, 1],[4, 9]: a shell splits at blanks: if this is one "
    'value, put it in quotes: --vary "data.digits=[0, 1],[4, 9]"',
    ("training.lr=1,2",): "--vary training.lr=1: training.lr: unknown key, did you mean training.learning_rate?",
    (): "nothing is varied: name an option and its values, such as --vary training.seed=0..9",
    (f"model.hidden_sizes={[1000] * 60}",): "too long for the name of a run's folder",
}


@pytest.mark.parametrize("options", REFUSED, ids=lambda options: " ".join(options)[:40])
def test_wrong_options_are_refused(options, base):
    with pytest.raises(InputError) as refused:
        grid.from_options(base, options, ["training.momentum=0.9"])
    assert REFUSED[options] in str(refused.value)


def test_a_value_that_one_precision_of_a_sweep_cannot_hold_is_refused(base):
    base = base.with_values({"training.precision": "float64"})
    with pytest.raises(InputError, match=r"--vary training.momentum=0.99999999: .* float32 .* to 1, not"):
        grid.from_options(base, ["training.precision=float32,float64", "training.momentum=0.99999999"])


TOGETHER = {
    ("training.optimizer=sgd,adam", "training.momentum=0,0.9"): "training.optimizer=adam and training.momentum=0.9: "
    "training.momentum must be 0 if training.optimizer is adam, not 0.9",
    (
        "data.validation_fraction=0.1,0",
        "training.patience=null,3",
    ): "data.validation_fraction=0 and training.patience=3: "
    "training.patience must be null if data.validation_fraction is 0, not 3",
    ("data.digits=[0,1],[0,1,2]", "training.class_weight=balanced,[1,2]"): "data.digits=[0, 1, 2] and "
    "training.class_weight=[1, 2]: training.class_weight must have one entry for each of data.digits, not [1, 2]",
    ("training.class_weight=[1,2,3]",): "training.class_weight=[1, 2, 3]: training.class_weight must have one entry",
}


@pytest.mark.parametrize("options", TOGETHER, ids=lambda options: " ".join(options)[:40])
def test_values_that_do_not_go_with_each_other_are_refused_before_any_run_and_named(options, base):
    with pytest.raises(InputError) as refused:
        grid.from_options(base, [*options, "training.seed=0..9"])
    assert str(refused.value).startswith(f"no run can have {TOGETHER[options]}")
    for option in options:
        if option != "training.class_weight=[1,2,3]":
            assert grid.from_options(base, [option])


def test_each_option_that_must_go_with_others_is_checked(base):
    """Else a wrong combination would fail in its run only."""
    read = set()

    class Section:
        def __init__(self, name):
            self.name = name

        def __getattr__(self, option):
            read.add(f"{self.name}.{option}")
            return base.value(f"{self.name}.{option}")

    class Watched:
        def __getattr__(self, name):
            return Section(name)

    changed = {"training.patience": 3, "training.momentum": 0.5, "training.class_weight": (1.0, 2.0)}
    base = base.with_values(changed)
    assert not list(config.Config.unfit(Watched()))
    assert read == set(config.COUPLED)


def test_a_long_list_is_shown_without_its_middle_and_its_name_has_all(base):
    found = grid.from_options(base, [f"data.digits={list(range(26))},all", "model.hidden_sizes=[64,16],[]"])
    assert [grid.shown("data.digits", value) for value in found.varied["data.digits"]] == ["[0, 1, ..., 25]", "all"]
    assert grid.shown("model.hidden_sizes", (5,) * 9) == str([5] * 9)
    assert next(iter(found.configs())) == f"digits={'-'.join(map(str, range(26)))},hidden_sizes=64-16"


def test_several_threads_and_pairs_given_twice_are_refused(base):
    with pytest.raises(InputError, match=r"training\.threads must be 1"):
        grid.from_options(base.with_values({"training.threads": 2}), ["training.seed=0,1"])
    with pytest.raises(InputError, match=r"--pairs all: data\.digits is varied twice"):
        grid.from_options(base, ["data.digits=[0,1],[2,3]"], all_pairs=True)


VALUES = st.one_of(
    st.floats(1e-300, 1000).map(lambda rate: ("training.learning_rate", rate)),
    st.integers(0, 2**128 - 1).map(lambda seed: ("training.seed", seed)),
    st.lists(st.integers(1, 999), max_size=5).map(lambda sizes: ("model.hidden_sizes", sizes)),
)


@given(st.lists(VALUES, min_size=1, max_size=20, unique_by=repr))
def test_run_names_are_unique_and_name_the_values(values):
    base = config.load(ROOT / "config.yaml", ["training.precision=float64"])  # which can hold each of the rates
    for key, group in itertools.groupby(sorted(values, key=lambda value: value[0]), lambda value: value[0]):
        own = [value for _, value in group]
        found = grid.from_options(base, [f"{key}={','.join(map(repr, own))}"])
        assert len(found.configs()) == len(own)
        assert [list(v) if isinstance(v, tuple) else v for v in found.varied[key]] == own
