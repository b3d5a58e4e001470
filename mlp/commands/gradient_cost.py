"""What a gradient costs: one backward pass gives all of it; numerically it takes two forward passes per parameter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.random import Generator

from mlp.gates import Array
from mlp.gradient_check import checked_nodes
from mlp.network import MLP
from mlp.training.gradient_precheck import random_subnetwork

SECONDS = 0.1
"""Each way is measured for about this long; the rest of the numeric way is extrapolated."""
MAX_REPEATS = 1000
"""Passes that take microseconds are measured this many times."""
GROWTH = 4
"""From one network to the next, hidden layers have this many times as many units."""


@dataclass(frozen=True)
class GradientCost:
    """The time that the gradient of a network's loss takes, both ways."""

    sizes: tuple[int, ...]
    parameters: int
    analytic: float
    """Seconds for one forward and one backward pass."""
    numeric: float
    """Seconds for two forward passes for each parameter; each pass begins where the parameter is used."""
    measured: int
    """The number of parameters whose numeric derivatives were computed; the time of the others is extrapolated."""

    @property
    def ratio(self) -> float:
        """How many times as long the numeric way takes."""
        return self.numeric / self.analytic


def narrower_networks(network: MLP, generator: Generator) -> Iterator[MLP]:
    """Copies of a network with 1, 4, 16, ... units in each hidden layer, at most half of the widest, then itself."""
    widest, width = max(network.sizes[1:-1], default=0), 1
    while width <= widest / 2:
        yield random_subnetwork(network, width, generator)
        width *= GROWTH
    yield network


def measure(network: MLP, X: Array, Y: Array, seconds: float) -> GradientCost:
    """Measure both ways for a network in float64 on these examples, X and Y as in ``MLP.loss``.

    Each way takes about ``seconds``: only as many numeric derivatives as fit into them are measured, but at least one
    for each array.
    """
    network.loss(X, Y)
    plan, count = network.graph.latest_plan, network.parameter_block.size
    numeric, measured = 0.0, 0
    for array in checked_nodes(network.graph, network.parameters):
        each, calls = median_seconds(array.slope_of_element, array.a.size, seconds * array.a.size / count)
        numeric += each * array.a.size
        measured += calls

    def both_passes(_: int) -> None:
        plan.forward()
        plan.backward(1.0)

    analytic, _ = median_seconds(both_passes, MAX_REPEATS, seconds)
    return GradientCost(network.sizes, count, analytic, numeric, measured)


def median_seconds(run: Callable[[int], object], most: int, seconds: float) -> tuple[float, int]:
    """Call run(0), run(1), ... at most ``most`` times, until about ``seconds`` have passed, but at least once.

    Returns the median time of a call, which other programs on the machine hardly change, and the number of calls.
    """
    times: list[float] = []
    end = perf_counter() + seconds
    while not times or (len(times) < most and perf_counter() < end):
        began = perf_counter()
        run(len(times))
        times.append(perf_counter() - began)
    return float(np.median(times)), len(times)
