"""Promises of mlp.circuits.nudge: the change that gradients predict beside the one that small steps make."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlp
from mlp.circuits.nudge import describe_nudge, nudge_facts, parse_steps
from mlp.system.errors import InputError


def nudged(circuit, *arguments):
    return nudge_facts(circuit, parse_steps(arguments))


def first_circuit():
    return mlp.circuit("q = x + y; f = q * z", x=-2, y=5, z=-4)


def test_the_first_circuit_wants_the_sum_smaller_with_strength_4():
    """As the notes read its gradient -4: whatever adds 0.001 to q takes 0.004 from f."""
    for name in ("x", "y"):
        facts = nudged(first_circuit(), f"{name}=0.001")
        values = {node["name"]: (node["before"], node["after"], node["change"]) for node in facts["nodes"]}
        assert values["q"] == (3, pytest.approx(3.001), pytest.approx(0.001))
        assert values["f"] == (-12, pytest.approx(-12.004), pytest.approx(-0.004))
        assert facts["predicted"] == pytest.approx(-0.004, rel=1e-12)
        assert facts["made"] == pytest.approx(-0.004, rel=1e-12)
        assert facts["steps"] == {name: 0.001}


def test_it_is_printed_as_a_table_and_the_two_changes():
    assert (
        describe_nudge(nudged(mlp.circuit("f = x * y", x=3, y=2), "x=0.5", "y=0.25"))
        == """\
after x += 0.5, y += 0.25

name  before  after  change
x     3.0     3.5    0.5
y     2.0     2.25   0.25
f     6.0     7.875  1.875

change of f, predicted  1.75     the sum of gradient * step
change of f, actual     1.875
difference              1.2e-01"""
    )


@settings(max_examples=30)
@given(x=st.floats(-10, 10), y=st.floats(-10, 10), step=st.floats(1e-3, 0.1), other=st.floats(-0.1, -1e-3))
def test_the_difference_is_what_the_function_is_curved(x, y, step, other):
    """(x + h)^2 (its gradient predicts 2 x h) leaves h^2; (x + h) (y + k) leaves h k; a sum leaves nothing."""
    for text, steps, left in (
        ("f = x ** 2", [f"x={step}"], step**2),
        ("f = x * y", [f"x={step}", f"y={other}"], step * other),
        ("f = 3 * x - y", [f"x={step}", f"y={other}"], 0),
    ):
        values = {"x": x, "y": y} if "y" in text else {"x": x}
        facts = nudged(mlp.circuit(text, **values), *steps)
        assert facts["difference"] == facts["made"] - facts["predicted"] == pytest.approx(left, abs=1e-12)


def test_a_number_moves_every_element_and_an_array_its_own():
    circuit = mlp.circuit("f = sum(W * W)", W=[[1, 2], [3, 4]], upstream=10)
    every, single = nudged(circuit, "W=0.001"), nudged(circuit, "W=[[0, 0.001], [0, 0]]")
    np.testing.assert_allclose(every["nodes"][0]["change"], np.full((2, 2), 0.001), rtol=1e-9)
    np.testing.assert_allclose(single["nodes"][0]["change"], [[0, 0.001], [0, 0]], rtol=1e-9)
    assert every["predicted"] == pytest.approx(10 * 2 * (1 + 2 + 3 + 4) * 0.001)
    assert single["predicted"] == pytest.approx(10 * 2 * 2 * 0.001)
    assert every["of"] == "df * f"


def test_of_an_array_it_is_the_change_of_the_sum_that_is_differentiated():
    facts = nudged(mlp.circuit("f = x * [1, 2]", x=1, upstream=[5, 7]), "x=0.5")
    assert (facts["of"], facts["predicted"], facts["made"]) == ("sum(df * f)", 0.5 * (5 + 14), 0.5 * (5 + 14))


def test_a_class_index_stays_a_whole_number():
    facts = nudged(mlp.circuit("svm_loss(s, y)", s=[1, 2], y=0), "s=0.5")
    assert [node for node in facts["nodes"] if node["name"] == "y"] == [
        {"name": "y", "before": 0, "after": 0, "change": 0}
    ]
    assert "y     0       0           0\n" in describe_nudge(facts)
    assert json.loads(json.dumps(facts)) == facts


def test_afterwards_the_circuit_has_its_own_numbers_again():
    circuit = mlp.circuit("f = x * x * x", x=2, upstream=3)
    before = str(circuit)
    nudged(circuit, "x=0.001")
    assert str(circuit) == before
    for step in ("x=1e200", "x=1.7e308"):
        with pytest.raises(InputError, match=r"after --nudge: the expression, column 7: .* \(multiply, t1\) is inf"):
            nudged(circuit, step)
        assert str(circuit) == before
    assert (circuit.node("x").value, circuit.node("x").gradient) == (2, 36)
