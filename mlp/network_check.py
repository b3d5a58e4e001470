"""A network's gradients against numeric ones, before it is trained: in a fraction of a second, whatever its size."""

from itertools import pairwise

import numpy as np
from numpy.random import Generator

from mlp.gates import Array
from mlp.gradient_check import DIRECTIONS, ArrayCheck, check_directions, pinpoint
from mlp.network import MLP

EXAMPLES_PER_CLASS = 2
"""Images of each digit that a network is checked on: enough for the sums over the batch to matter."""

MOST_WORK = 8_000_000
"""Parameters times layers, to which the time along directions is proportional: this takes a fifth of a second."""


def check_network(network: MLP, X: Array, Y: Array, generator: Generator) -> list[ArrayCheck]:
    """Check a network's loss on these examples, in float64, along eight random directions an array.

    For an array that fails, an element is named.
    """
    double = network.copy(np.float64)
    double.loss(X, Y)
    checks = list(check_directions(double.graph, double.parameters, DIRECTIONS, generator))
    return [check if check.passed else pinpoint(double.graph, check, generator) for check in checks]


def affordable_part(network: MLP, generator: Generator) -> MLP:
    """As much of a network as can be checked in a fraction of a second: all of it, unless it is very large.

    Of a very large one the widest layers keep a random choice of their units, with their own weights.
    """
    inputs, *hidden, _ = network.sizes

    def work(units: int) -> int:
        sizes = [inputs, *(min(size, units) for size in hidden), 1]
        return (len(sizes) - 1) * sum(rows * columns for rows, columns in pairwise(sizes))

    units = max(network.sizes)
    while units > 1 and work(units) > MOST_WORK:
        units -= 1 + units // 8
    return network.thinned(max(units, 1), generator)
