"""Promises of mlp.pages.explanation: a page has a text about each gate, also about one that you add."""

import numpy as np

from mlp.circuits.expression import parse
from mlp.gates import Elementwise
from mlp.gradient_check import all_gates
from mlp.pages.circuit import page
from mlp.pages.explanation import about
from tests.languages.catalogue import catalogue


def test_each_gate_of_the_library_has_its_text_in_the_catalogue_and_no_text_is_left_over():
    says = {gate: about(gate).get("says") for gate in all_gates()}
    assert [gate for gate, key in says.items() if key is None] == []
    assert {key for key in catalogue("en") if key.startswith("gates.")} == set(says.values())


def test_a_page_has_the_texts_of_its_own_gates_alone():
    circuit = parse("x * y", {"x": 2, "y": 3})
    circuit.run()
    shown = page(circuit, "x * y")
    assert all(text in shown for text in ("it swaps its inputs.", "用另一个输入的值去乘梯度。"))
    assert not any(text in shown for text in ("hands its gradient on", "把梯度原样分给每个输入"))


class Swish(Elementwise):
    """C = A sigmoid(A), elementwise.

    Of its names SiLU is another.
    """

    def forward(self, A):
        return A / (1 + np.exp(-A))

    def backward(self, dC, C, A):
        return ((C + (1 - C) / (1 + np.exp(-A))) * dC,)


def test_about_a_gate_of_one_s_own_a_page_says_what_its_docstring_begins_with():
    swish = Swish()
    for swish.name in ("swish", "relu"):  # also with the name of one of the library's
        assert about(swish) == {"about": "C = A sigmoid(A), elementwise."}
