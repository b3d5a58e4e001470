"""Promises of mlp.circuits.network_table: any gate is written from its formula, whether the notes know it or not."""

import numpy as np
import pytest

from mlp.circuits.network_table import network_table
from mlp.gates import Add, Power, Relu, Sigmoid, Tanh
from mlp.network import MLP
from tests.made_gates import Made, MadeElementwise, Softplus

LEAKY = MadeElementwise(lambda A: np.where(A > 0, A, 0.01 * A), lambda dC, C, A: (dC * np.where(A > 0, 1, 0.01),))


def centred(A):
    return A - np.sum(A, axis=1, keepdims=True) / A.shape[1]


CENTRED = Made(centred, lambda dC, C, A: (centred(dC),))


def row(monkeypatch, gate, node="Z3"):
    """The row of the table for this node, with another gate in its place."""
    build = MLP._build_graph

    def with_gate(self, *arguments):
        nodes = build(self, *arguments)
        vars(self.graph.node(node))["gate"] = gate
        return nodes

    monkeypatch.setattr(MLP, "_build_graph", with_gate)
    lines = network_table(MLP([3, 2, 1], generator=np.random.default_rng(0))).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    (found,) = [cell for cell in cells if cell[0].startswith(f"{node} = ")]
    return found


@pytest.mark.parametrize(
    ("gate", "forward", "backward"),
    [
        (Sigmoid(), "Z3 = sigmoid(Z2)", "dZ2 = Z3 (1 - Z3) dZ3"),
        (Tanh(), "Z3 = tanh(Z2)", "dZ2 = (1 - Z3^2) dZ3"),
        (Relu(), "Z3 = relu(Z2)", "dZ2 = dZ3 (Z2 > 0)"),
        (Softplus(), "Z3 = softplus(Z2)", "dZ2 = dZ3 / (1 + exp(-Z2))"),
        (Power(3), "Z3 = Z2^3", "dZ2 = dZ3 3 Z2^2"),  # not power(Z2), which would hide the 3
        (LEAKY, "Z3 = where(Z2 > 0, Z2, 0.01 Z2)", "dZ2 = dZ3 where(Z2 > 0, 1, 0.01)"),
        (CENTRED, "Z3 = Z2 - (sum over columns of Z2) / 2", "dZ2 = dZ3 - (sum over columns of dZ3) / 2"),
    ],
    ids=str,
)
def test_a_gate_between_the_layers_is_written_from_its_formula(monkeypatch, gate, forward, backward):
    assert row(monkeypatch, gate) == [forward, "(n, 2)", backward, "dZ2 (n, 2)"]


@pytest.mark.parametrize(
    ("sources", "rows"),
    [
        (("Z2", "Z1"), ["| dZ2 = dZ3, dZ1 = dZ3 ", "| dZ1 += dZ2, db1 = sum over rows of dZ2 "]),
        (("Z2", "Z2"), ["| dZ2 = dZ3, dZ2 += dZ3 ", "| dZ1 = dZ2, db1 = sum over rows of dZ2 "]),
    ],
)
def test_where_a_value_fans_out_its_gradients_are_added(sources, rows):
    network = MLP([3, 2, 1], generator=np.random.default_rng(0))
    graph = network.graph
    vars(graph.node("Z3")).update(gate=Add(), inputs=tuple(map(graph.node, sources)))
    table = network_table(network)
    assert [row for row in rows if row not in table] == []
    assert table.count("dZ2 (n, 2)") == 1


@pytest.mark.parametrize(
    ("outputs", "options", "rows"),
    [
        (
            3,
            {"loss": "cross_entropy", "activation": "relu"},
            [
                ["Z3 = relu(Z2)", "(n, 4)", "dZ2 = dZ3 (Z2 > 0)", "dZ2 (n, 4)"],
                ["P = softmax(Z5)", "(n, 3)", "nothing: it is only for predictions", ""],
                [
                    "E = sum (log(sum over columns of exp(Z5)) - right_score(Z5, Y))",
                    "scalar",
                    "dZ5 = (P - onehot(Y)) dE",
                    "dZ5 (n, 3)",
                ],
            ],
        ),
        (
            3,
            {"activation": "tanh"},
            [
                ["Z3 = tanh(Z2)", "(n, 4)", "dZ2 = (1 - Z3^2) dZ3", "dZ2 (n, 4)"],
                ["P = sigmoid(Z5)", "(n, 3)", "dZ5 = P (1 - P) dP", "dZ5 (n, 3)"],
                ["E = 1/2 sum (P - Y)^2", "scalar", "dP = (P - Y) dE", "dP (n, 3)"],
            ],
        ),
        (
            3,
            {"class_weights": (1, 2, 3)},
            [["E = 1/2 sum (w (P - Y)^2)", "scalar", "dP = w (P - Y) dE", "dP (n, 3)"]],
        ),
        (
            1,
            {"loss": "cross_entropy", "class_weights": (1, 2)},
            [
                [
                    "E = sum (w (max(Z5, 0) - Z5 Y + log(1 + exp(-abs(Z5)))))",
                    "scalar",
                    "dZ5 = w (P - Y) dE",
                    "dZ5 (n, 1)",
                ]
            ],
        ),
    ],
)
def test_classes_activations_and_weights_have_the_rows_of_the_textbook(outputs, options, rows):
    lines = network_table(MLP([5, 4, outputs], **options)).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert [row for row in rows if row not in cells] == []
    assert cells[-1][:3] == ["L = E / n", "scalar", "dE = 1 / n, the only place where n appears"]


def test_n_stands_for_the_number_of_examples_only():
    table = network_table(MLP([3, 32, 1], generator=np.random.default_rng(0)))
    assert "dZ1 (n, 32), db1 (32,)" in table
