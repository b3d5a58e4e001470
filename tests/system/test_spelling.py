"""Promises of mlp.system.spelling: other tools' names lead to ours, and what is suggested exists and is right."""

import re
from typing import get_args

import numpy as np
import pytest

from mlp import config
from mlp.circuits import expression
from mlp.circuits.expression import parse
from mlp.system import spelling

SHORT = {key.partition(".")[2] for key in config.KEYS}


def words(*tables):
    return [word for table in tables for names in table.values() for word in names.split()]


def test_every_name_leads_to_an_option_and_none_is_an_option_itself():
    assert spelling.table("options").keys() <= set(config.KEYS)
    assert spelling.table("sections").keys() <= config.SECTIONS.keys()
    names = words(spelling.table("sections"), spelling.table("options"), spelling.table("not_offered"))
    assert not set(names) & (SHORT | config.SECTIONS.keys())
    assert len({name.replace("_", "") for name in names}) == len(names)


def test_every_suggested_value_is_allowed():
    options = [field for section in config.SECTIONS.values() for field in section.model_fields.values()]
    taken = set(re.findall(r"Literal\['(\w+)'\]", " ".join(str(option.annotation) for option in options)))
    taken |= {value for option in options for value in get_args(option.annotation) if isinstance(value, str)}
    assert {"relu", "adam", "balanced", "all"} <= taken
    assert spelling.table("values").keys() <= taken
    assert not set(words(spelling.table("values"))) & taken


@pytest.mark.parametrize("name", ["export", "port", "version", "weights", "callbacks", "verbose", "metrics"])
def test_a_name_that_resembles_no_option_gets_no_suggestion(name):
    """Options of other tools; by difflib's own cut-off export and port are misspellings of report."""
    assert config.hint(name) == ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [("learningRate", "learning_rate"), ("momentun", "momentum"), ("ephocs", "epochs"), ("seeds", "seed")],
)
def test_a_misspelling_is_recognized(name, meant):
    assert spelling.near(name, SHORT) == meant


FUNCTIONS = {name: ours for ours, names in spelling.table("functions").items() for name in names.split()}
OPERANDS = {"n": 1.0, "a": [[1.5, 2.0], [0.5, 3.0]], "b": [[2.0, 1.0], [3.0, 3.0]], "scores": [1, 2], "k": 1}
OTHERS = {"pow": lambda x: x**2, "power": lambda x: x**2, "mean": np.mean, "dot": np.dot}


def computed(text, x):
    """The value of an expression, and its operands."""
    values = {name: value for name, value in {"x": x, **OPERANDS}.items() if re.search(rf"\b{name}\b", text)}
    circuit = parse(text, values)
    circuit.run()
    return circuit.graph.value(circuit.output.name), [values[name] for name in ("x", "a", "b") if name in values]


POSITIVE = {name for name in FUNCTIONS if re.match("log|sqrt", name)}


@pytest.mark.parametrize(
    "name", sorted(OTHERS.keys() | {name for name in FUNCTIONS if isinstance(getattr(np, name, None), np.ufunc)})
)
def test_the_suggested_expression_computes_the_function(name):
    """As NumPy's function of that name does."""
    found, operands = computed(FUNCTIONS[name], 1.7 if name in POSITIVE else -1.7)
    np.testing.assert_allclose(found, OTHERS.get(name, getattr(np, name, None))(*map(np.array, operands)), rtol=1e-14)


def test_every_suggested_expression_is_in_the_language():
    assert not FUNCTIONS.keys() & expression.FUNCTIONS.keys()
    for text in spelling.table("functions"):
        computed(text, 1.7)
