"""A graph's two passes in the plainest way: a loop forwards, a loop backwards, and ``+=`` where gradients meet.

Read this first. It is slow, and ``plan`` computes the same numbers fast: the tests compare the two.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from mlp.gates import Array
from mlp.node import Node, ancestors


def run_forward(output: Node, inputs: Mapping[Node, ArrayLike] | None = None) -> dict[Node, Array]:
    """The value of the output and of every node that it needs; ``inputs`` gives the values of the graph's inputs."""
    values: dict[Node, Array] = {}
    for node in ancestors(output):
        if node.gate is not None:
            value = node.gate.forward(*(values[source] for source in node.inputs))
        else:
            value = inputs[node] if inputs and node in inputs else node.value
        values[node] = np.asarray(value, node.graph.precision)
    return values


def run_backward(output: Node, values: Mapping[Node, Array], upstream: ArrayLike = 1.0) -> dict[Node, Array]:
    """The derivative of sum(upstream * output) with respect to each node; it stays 0 where no gradient arrives."""
    gradients = {node: np.zeros_like(value) for node, value in values.items()}
    gradients[output] += upstream
    for node in reversed(ancestors(output)):
        if node.gate is not None:
            inputs = [values[source] for source in node.inputs]
            # What ``backward`` returns, summed back to each input's shape; None for a class index.
            found = node.gate.checked_backward(gradients[node], values[node], *inputs)
            for source, gradient in zip(node.inputs, found, strict=True):
                if gradient is not None:
                    gradients[source] += gradient
    return gradients
