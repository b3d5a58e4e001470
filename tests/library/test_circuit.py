"""Promises of mlp.circuit: what the command does, from Python."""

import numpy as np
import pytest

import mlp
from tests.conftest import run_here


def test_numbers_lists_arrays_and_text_are_values():
    for q in (3, "3", np.float32(3), np.array(3)):
        circuit = mlp.circuit("f = q * z", q=q, z=-4)
        assert (circuit.output.value, circuit.node("q").gradient, circuit.node("z").gradient) == (-12, -4, 3)
    W = [[0.1, 0.5], [-0.3, 0.8]]
    for weights in (W, np.array(W), np.array(W, order="F"), "[[0.1, 0.5], [-0.3, 0.8]]"):
        circuit = mlp.circuit("sum((W @ x) ** 2)", W=weights, x=(0.2, 0.4))
        np.testing.assert_allclose(circuit.node("W").gradient, [[0.088, 0.176], [0.104, 0.208]])
        np.testing.assert_allclose(circuit.node("x").gradient, [-0.112, 0.636])


def test_a_changed_value_and_a_second_run_change_both_passes():
    values = np.array([1.0, 2.0])
    circuit = mlp.circuit("f = x * y", x=values, y=3, upstream=[1, 10])
    assert circuit.node("y").gradient == 1 + 20
    circuit.node("x").value = [5, 6]
    circuit.run()
    assert circuit.output.value.tolist() == [15, 18]
    assert circuit.node("y").gradient == 5 + 6
    assert values.tolist() == [1, 2]  # the caller's array


def test_inputs_may_have_the_names_of_options():
    circuit = mlp.circuit("sigmoid(text * given * stages * upstream)", {"stages": 0, "upstream": 1}, text=2, given=3)
    assert circuit.output.value == 0.5
    staged = mlp.circuit("sigmoid(z)", z=0, stages=True)
    assert [node.gate.name for node in staged.nodes if node.gate] == ["multiply", "exp", "add", "divide"]


def test_printed_it_is_the_commands_table():
    arguments = ["sigmoid(w*x) * [1, 2]", "w=2", "x=-1"]
    command = run_here("scripts/circuit.py", *arguments, "--upstream", "[3, -1]")
    assert str(mlp.circuit(arguments[0], w=2, x=-1, upstream=[3, -1])) == command.stdout.rstrip("\n")


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        (
            "(x + y) * z",
            {"x": 1, "z": 2},
            "the expression, column 6: y has no value: add y=NUMBER\n(x + y) * z\n     ^",
        ),
        ("x + y", {"x": [1, 2], "y": [1, 2, 3]}, "the expression, column 3: add: shapes"),
        ("log(x)", {"x": -1}, "the expression, column 1: the value of this (log, f) is nan"),
        ("x", {"x": [[1], [1, 2]]}, "the value of x: the items of an array must have the same shape"),
        ("x", {"x": 1j}, "the value of x: must be a number, or an array of numbers, not 1j"),
        ("x", {"x": None}, "the value of x: must be a number, or an array of numbers, not None"),
        ("x", {"x": []}, "the value of x: an array must not be empty"),
        ("x", {"x": "[1, a]"}, "the value of x, column 5: must be a number"),
        ("x", {"x": 1, "y": 2}, "y has a value but is not in the expression: its names are x"),
    ],
)
def test_a_mistake_is_an_input_error_that_names_the_place(text, values, message):
    with pytest.raises(mlp.InputError) as error:
        mlp.circuit(text, **values)
    assert str(error.value).startswith(message)
    assert len(error.traceback) == 2  # this call and circuit: a notebook shows code of each
