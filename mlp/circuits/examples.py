"""The circuits of the lecture notes, in their order. A circuit without numbers in the notes gets small ones.

The first circuit, the sigmoid neuron, the staged expression and the scores of the two losses are also those of
Stanford's CS231n notes ("Backpropagation, Intuitions" and "Linear Classification").
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Example:
    """An expression, the values of its names as text, and a sentence about it."""

    shows: str
    expression: str
    values: Mapping[str, str] = field(default_factory=dict)
    jacobian: tuple[str, str] | None = None
    """OUTS and INS of its Jacobian, as in the command."""

    def arguments(self, *, without: Collection[str] = ()) -> list[str]:
        """Its values as arguments NAME=VALUE, except for these names."""
        return [f"{name}={value}" for name, value in self.values.items() if name not in without]


def _random(rows: int, columns: int, seed: int, *, transposed: bool = False) -> str:
    """A matrix of standard normal numbers, to two decimals, or its transpose."""
    matrix = np.random.default_rng(seed).standard_normal((rows, columns)).round(2)
    return str((matrix.T if transposed else matrix).tolist())


FOUR_EXAMPLES = {
    "X": "[[1, -1], [0, 1], [-1, -1], [2, 1]]",
    "W": "[[1, 1, 0], [1, 0, -1]]",
    "b": "[-0.5, 0, -0.5]",
    "y": "[0, 1, 2, 0]",
}
"""Two features and the class of four examples, and the weights of a linear classifier of three classes."""


EXAMPLES: dict[str, Example] = {
    "multiply": Example("a gate: the product swaps its inputs", "f = x * y", {"x": "4", "y": "-3"}),
    "add": Example("a gate: the sum hands its gradient on", "f = x + y", {"x": "4", "y": "-3"}),
    "max": Example("a gate: the larger input gets it all", "f = max(x, y)", {"x": "4", "y": "-3"}),
    "reciprocal": Example("a gate: 1/x", "f = 1 / x", {"x": "2"}),
    "add-constant": Example("a gate: c + x", "f = c + x", {"c": "1", "x": "2"}),
    "exp": Example("a gate: exp(x), its own derivative", "f = exp(x)", {"x": "-1"}),
    "scale": Example("a gate: a x", "f = a * x", {"a": "-1", "x": "2"}),
    "sum-times": Example(
        "the first circuit: the chain rule is a product of local derivatives",
        "q = x + y; f = q * z",
        {"x": "-2", "y": "5", "z": "-4"},
    ),
    "sigmoid-neuron": Example(
        "a neuron; with --stages the sigmoid gate by gate",
        "f = sigmoid(w0 * x0 + w1 * x1 + w2)",
        {"w0": "2", "x0": "-1", "w1": "-3", "x1": "-2", "w2": "-3"},
    ),
    "max-gate": Example(
        "add distributes, max routes, multiply swaps: all three at once",
        "f = 2 * (x * y + max(z, w))",
        {"x": "3", "y": "-4", "z": "2", "w": "-1"},
    ),
    "staged": Example(
        "a long expression in stages; x and y fan out, their gradients add up",
        "sigy = sigmoid(y); num = x + sigy; sigx = sigmoid(x); xpy = x + y; xpysqr = xpy ** 2; "
        "den = sigx + xpysqr; invden = 1 / den; f = num * invden",
        {"x": "3", "y": "-4"},
    ),
    "vector-norm": Example(
        "from numbers to arrays: the squared length of W x",
        "q = W @ x; f = sum(q ** 2)",
        {"W": "[[0.1, 0.5], [-0.3, 0.8]]", "x": "[0.2, 0.4]"},
    ),
    "paths": Example(
        "x reaches f by two paths; their contributions to dx add up",
        "y1 = w1 * x; y2 = w2 * x; f = y1 ** 2 + 10 * y2",
        {"x": "2", "w1": "3", "w2": "-1"},
    ),
    "jacobian-product": Example(
        "a vector of functions: gradients go back through the transposed Jacobian",
        "x1 = z1 - z2; x2 = z1 ** 2; x3 = z2 ** 2; x4 = z1 ** 2 + z1 * z2; "
        "f = (x1 + 10 * x2) ** 2 + 5 * (x3 - x4) ** 2 + (x2 + 2 * x3) ** 4 + 10 * (x1 - x4) ** 4",
        {"z1": "1", "z2": "2"},
        jacobian=("x1,x2,x3,x4", "z1,z2"),
    ),
    "transpose": Example(
        "y = W x element by element and as a matrix product: dx = W' dy",
        "y1 = w11 * x1 + w12 * x2; y2 = w21 * x1 + w22 * x2; e = 5 * y1 + 7 * y2; "
        "y = W @ x; E = sum([5, 7] * y); f = e + E",
        {
            **{"w11": "1", "w12": "2", "w21": "3", "w22": "4", "x1": "3", "x2": "-1"},
            **{"W": "[[1, 2], [3, 4]]", "x": "[3, -1]"},
        },
    ),
    "row-times-matrix": Example(
        "one example through a layer: X W + b",
        "Z = X @ W + b",
        {"X": "[[1, 2]]", "W": "[[1, 0, 2], [0, 1, 3]]", "b": "[10, 20, 30]"},
    ),
    "matrix-product": Example(
        "the shapes determine the formula: dW = dD X', dX = W' dD",
        "D = W @ X",
        {"W": _random(5, 10, 1), "X": _random(10, 3, 2)},
    ),
    "matrix-product-rows": Example(
        "the same numbers with an example in each row: dW = X' dZ, dX = dZ W'",
        "Z = X @ W",
        {"X": _random(10, 3, 2, transposed=True), "W": _random(5, 10, 1, transposed=True)},
    ),
    "data-scaling": Example(
        "an input 1000 times as large makes its weight's gradient 1000 times as large",
        "large = 1000 * x; f = w * x + v * large",
        {"x": "2", "w": "0.5", "v": "0.5"},
    ),
    "svm-loss": Example(
        "the multiclass SVM's loss of three scores; class 0 is right",
        "L = svm_loss(s, y)",
        {"s": "[3.2, 5.1, -1.7]", "y": "0"},
    ),
    "softmax-loss": Example(
        "the softmax classifier's loss of the same scores",
        "L = softmax_loss(s, y)",
        {"s": "[3.2, 5.1, -1.7]", "y": "0"},
    ),
    "linear-svm": Example(
        "the linear classifier with the SVM's loss: the mean over four examples",
        "S = X @ W + b; E = svm_loss(S, y); L = E / 4",
        FOUR_EXAMPLES,
    ),
    "linear-softmax": Example(
        "the same linear classifier with the softmax loss",
        "S = X @ W + b; E = softmax_loss(S, y); L = E / 4",
        FOUR_EXAMPLES,
    ),
    "xor-network": Example(
        "the 2-8-1 network on the four rows of XOR, before it has learned",
        "Z1 = X @ W1; Z2 = Z1 + b1; Z3 = sigmoid(Z2); Z4 = Z3 @ W2; Z5 = Z4 + b2; P = sigmoid(Z5); "
        "E = sum((P - Y) ** 2) / 2; L = E / 4",
        {
            "X": "[[0, 0], [0, 1], [1, 0], [1, 1]]",
            "Y": "[[0], [1], [1], [0]]",
            "W1": _random(2, 8, 3),
            "b1": str([0.0] * 8),
            "W2": _random(8, 1, 4),
            "b2": "[0.0]",
        },
    ),
}
