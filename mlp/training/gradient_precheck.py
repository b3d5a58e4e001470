"""A network's gradients against numeric ones, before it is trained: in a fraction of a second, whatever its size."""

from collections.abc import Callable
from itertools import pairwise
from time import perf_counter

import numpy as np
from numpy.random import Generator

from mlp.data.dataset import Dataset
from mlp.gates import Array
from mlp.gradient_check import DIRECTIONS, TOLERANCE, ArrayCheck, check_directions, pinpoint
from mlp.network import MLP
from mlp.system.errors import CheckFailed
from mlp.training.random_streams import Stream, generator

EXAMPLES_PER_CLASS = 2
"""Images of each digit that a network is checked on: enough for the sums over the batch to matter."""

MOST_WORK = 8_000_000
"""Parameters times layers, to which the time along directions is proportional: this takes a fifth of a second."""


def check_before_training(network: MLP, training_set: Dataset, seed: int, note: Callable[..., object]) -> None:
    """CheckFailed for a network whose hand-written gradients are not the numeric ones; what was found is noted."""
    began = perf_counter()
    random = generator(seed, Stream.CHECK)
    X, Y = training_set.first_of_each(EXAMPLES_PER_CLASS).arrays("float64")
    part = affordable_part(network, random)
    checks = check_network(part, X, Y, random)
    note(
        gradient_check={
            "sizes": part.sizes,
            "largest_error": max(check.error for check in checks),
            "tolerance": TOLERANCE,
            "errors": {check.name: check.error for check in checks},
            "seconds": perf_counter() - began,
        }
    )
    failed = [str(check) for check in checks if not check.passed]
    if failed:
        of = "" if part.sizes == network.sizes else f" in a part of the network, {part.sizes}"
        raise CheckFailed(f"the gradient check failed{of}, nothing was trained:", *failed)


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
