"""The first note: gates by themselves, and (x + y) z."""

import pytest


def test_its_commands_show_its_numbers(note):
    note.shows_its_numbers()


@pytest.mark.parametrize(
    ("gate", "value", "gradients"), [("multiply", -12, [-3, 4]), ("add", 1, [1, 1]), ("max", 4, [1, 0])]
)
def test_a_gate_by_itself(note, gate, value, gradients):
    """The product switches its inputs, the sum gives each input all of its gradient, the maximum routes it."""
    nodes = note.nodes(f"--example {gate}")
    assert [nodes[name]["value"] for name in "xyf"] == [4, -3, value]
    assert [nodes[name]["gradient"] for name in "xy"] == gradients


def test_the_first_circuit(note):
    nodes = note.nodes('"q = x + y; f = q * z" x=-2 y=5 z=-4')
    assert {name: (node["value"], node["gradient"]) for name, node in nodes.items()} == {
        **{"x": (-2, -4), "y": (5, -4), "q": (3, -4)},
        **{"z": (-4, 3), "f": (-12, 1)},
    }
