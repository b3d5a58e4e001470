"""The circuits of the lecture notes, in their order. A circuit without numbers in the notes gets small ones.

The first circuit, the sigmoid neuron, the staged expression and the scores of the two losses are also those of
Stanford's CS231n notes ("Backpropagation, Intuitions" and "Linear Classification").

A new example also needs a sentence about it, under its name in the section ``examples`` of mlp/languages/en.toml, and
of each other language.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from mlp.languages.catalogue import say


@dataclass(frozen=True)
class Example:
    """An expression, and the values of its names as text."""

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
    "multiply": Example("f = x * y", {"x": "4", "y": "-3"}),
    "add": Example("f = x + y", {"x": "4", "y": "-3"}),
    "max": Example("f = max(x, y)", {"x": "4", "y": "-3"}),
    "reciprocal": Example("f = 1 / x", {"x": "2"}),
    "add-constant": Example("f = c + x", {"c": "1", "x": "2"}),
    "exp": Example("f = exp(x)", {"x": "-1"}),
    "scale": Example("f = a * x", {"a": "-1", "x": "2"}),
    "sum-times": Example(
        "q = x + y; f = q * z",
        {"x": "-2", "y": "5", "z": "-4"},
    ),
    "sigmoid-neuron": Example(
        "f = sigmoid(w0 * x0 + w1 * x1 + w2)",
        {"w0": "2", "x0": "-1", "w1": "-3", "x1": "-2", "w2": "-3"},
    ),
    "max-gate": Example(
        "f = 2 * (x * y + max(z, w))",
        {"x": "3", "y": "-4", "z": "2", "w": "-1"},
    ),
    "staged": Example(
        "sigy = sigmoid(y); num = x + sigy; sigx = sigmoid(x); xpy = x + y; xpysqr = xpy ** 2; "
        "den = sigx + xpysqr; invden = 1 / den; f = num * invden",
        {"x": "3", "y": "-4"},
    ),
    "vector-norm": Example(
        "q = W @ x; f = sum(q ** 2)",
        {"W": "[[0.1, 0.5], [-0.3, 0.8]]", "x": "[0.2, 0.4]"},
    ),
    "paths": Example(
        "y1 = w1 * x; y2 = w2 * x; f = y1 ** 2 + 10 * y2",
        {"x": "2", "w1": "3", "w2": "-1"},
    ),
    "jacobian-product": Example(
        "x1 = z1 - z2; x2 = z1 ** 2; x3 = z2 ** 2; x4 = z1 ** 2 + z1 * z2; "
        "f = (x1 + 10 * x2) ** 2 + 5 * (x3 - x4) ** 2 + (x2 + 2 * x3) ** 4 + 10 * (x1 - x4) ** 4",
        {"z1": "1", "z2": "2"},
        jacobian=("x1,x2,x3,x4", "z1,z2"),
    ),
    "transpose": Example(
        "y1 = w11 * x1 + w12 * x2; y2 = w21 * x1 + w22 * x2; e = 5 * y1 + 7 * y2; "
        "y = W @ x; E = sum([5, 7] * y); f = e + E",
        {
            **{"w11": "1", "w12": "2", "w21": "3", "w22": "4", "x1": "3", "x2": "-1"},
            **{"W": "[[1, 2], [3, 4]]", "x": "[3, -1]"},
        },
    ),
    "row-times-matrix": Example(
        "Z = X @ W + b",
        {"X": "[[1, 2]]", "W": "[[1, 0, 2], [0, 1, 3]]", "b": "[10, 20, 30]"},
    ),
    "matrix-product": Example(
        "D = W @ X",
        {"W": _random(5, 10, 1), "X": _random(10, 3, 2)},
    ),
    "matrix-product-rows": Example(
        "Z = X @ W",
        {"X": _random(10, 3, 2, transposed=True), "W": _random(5, 10, 1, transposed=True)},
    ),
    "data-scaling": Example(
        "large = 1000 * x; f = w * x + v * large",
        {"x": "2", "w": "0.5", "v": "0.5"},
    ),
    "svm-loss": Example(
        "L = svm_loss(s, y)",
        {"s": "[3.2, 5.1, -1.7]", "y": "0"},
    ),
    "softmax-loss": Example(
        "L = softmax_loss(s, y)",
        {"s": "[3.2, 5.1, -1.7]", "y": "0"},
    ),
    "linear-svm": Example(
        "S = X @ W + b; E = svm_loss(S, y); L = E / 4",
        FOUR_EXAMPLES,
    ),
    "linear-softmax": Example(
        "S = X @ W + b; E = softmax_loss(S, y); L = E / 4",
        FOUR_EXAMPLES,
    ),
    "xor-network": Example(
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


def sentence_key(name: str) -> str:
    """The key of the sentence about an example, for ``say``."""
    return f"examples.{name.replace('-', '_')}"


def shows(name: str, language: str = "en") -> str:
    """The sentence about an example."""
    return say(sentence_key(name), language)
