"""A graph's two passes in the plainest way: a loop forwards, a loop backwards, and ``+=`` where gradients meet.

Read this first. It is slow, and ``plan`` computes the same numbers fast: the tests compare the two.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from mlp.gates import Array
from mlp.node import Node, ancestors


def run_forward(output: Node, leaves: Mapping[Node, ArrayLike]) -> dict[Node, Array]:
    """The value of the output and of every node that it depends on, from those of the leaves."""
    values: dict[Node, Array] = {}
    for node in ancestors(output):
        if node.gate is None:
            values[node] = np.asarray(leaves[node], node.graph.precision)
        else:
            inputs = [values[source] for source in node.inputs]
            values[node] = np.asarray(node.gate.forward(*inputs), node.graph.precision)
    return values


def run_backward(output: Node, values: Mapping[Node, Array], upstream: ArrayLike = 1.0) -> dict[Node, Array]:
    """The derivative of sum(upstream * output) with respect to each node: 0 for a class index, which has none."""
    gradients = {node: np.zeros_like(value) for node, value in values.items()}
    gradients[output] += upstream
    for node in reversed(ancestors(output)):
        if node.gate is not None:
            inputs = [values[source] for source in node.inputs]
            # What the gate's ``backward`` returns, summed back to each input's shape.
            found = node.gate.gradients(gradients[node], values[node], *inputs)
            for source, gradient in zip(node.inputs, found, strict=True):
                if gradient is not None:
                    gradients[source] += gradient
    return gradients
