"""The gradient check before training: it takes a fraction of a second, however large the network is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from time import perf_counter

import numpy as np
from numpy.random import Generator

from mlp.config import Training
from mlp.data.dataset import Dataset
from mlp.gates import Array
from mlp.gradient_check import DIRECTIONS, TOLERANCE, ArrayCheck, CheckedArray, checked_nodes, pinpoint
from mlp.network import MLP
from mlp.system.errors import CheckFailed
from mlp.training.active_inputs import OrderedParameters
from mlp.training.random_streams import Stream, generator
from mlp.training.step import StepPlan

EXAMPLES_PER_CLASS, MAX_EXAMPLES = 2, 20
"""Images of each label in the check's batch, and about the most in all: enough to show a mistake in sums over them."""

TRIES = 2
MAX_MOVE = 0.1
"""The most that a bias is moved: about the size of a weight."""
CLEAR_LOSS = 1e-3
"""A smaller loss on the check's examples counts as this one: they are classified so clearly that P - Y is rounding."""
MAX_WORK = 8_000_000
"""Parameters times layers. The time of the check is proportional to it: a fifth of a second at this limit."""


def check_before_training(network: MLP, training_set: Dataset, options: Training, note: Callable[..., object]) -> None:
    """Raises CheckFailed if the gradients of a training step differ from the numeric ones.

    ``note`` gets the result, as the manifest's ``gradient_check``.
    """
    began = perf_counter()
    random = generator(options.seed, Stream.CHECK)
    part = affordable_part(network, random)
    checks = check_steps(part, examples(training_set), options, random)
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


def examples(training_set: Dataset) -> Dataset:
    """The check's batch: the first images of each label."""
    return training_set.first_of_each(max(1, min(EXAMPLES_PER_CLASS, MAX_EXAMPLES // len(training_set.digits))))


def check_network(network: MLP, X: Array, Y: Array, generator: Generator) -> list[ArrayCheck]:
    """Check the gradients of a network's loss on these examples, X and Y as in ``MLP.loss``, by its graph."""
    double = network.copy(np.float64)

    def arrays() -> Iterator[CheckedArray]:
        double.loss(X, Y)
        yield from checked_nodes(double.graph, double.parameters)

    return _check(double, arrays, generator)


def check_steps(network: MLP, images: Dataset, options: Training, generator: Generator) -> list[ArrayCheck]:
    """Check the gradients of a training step on these images, by the calls of its plan in float64."""
    double = network.copy(np.float64)
    parameters = OrderedParameters(double, np.arange(images.inputs), options)
    plan = StepPlan(parameters, 1, len(images), scale=images.scale)
    plan.rows[0] = images.pixels()
    plan.set_classes(images.targets)

    def arrays() -> Iterator[CheckedArray]:
        parameters.load()
        plan.run_passes()
        magnitude = abs(plan.losses(1)[0])
        gradients = {
            name: dA.reshape(-1) / parameters.optimizer.gradient_scale for name, (_, dA) in parameters.leaves.items()
        }
        for name, (A, _) in parameters.leaves.items():
            yield CheckedArray(name, A.shape, A.reshape(-1), gradients[name], plan.loss, magnitude)

    return _check(double, arrays, generator)


@np.errstate(over="ignore", invalid="ignore")  # as in a training step; a gradient that is not finite fails the check
def _check(double: MLP, arrays: Callable[[], Iterator[CheckedArray]], generator: Generator) -> list[ArrayCheck]:
    """Check gradients in float64 along random directions of each array.

    The biases are moved a little from 0, because relu has its kink there if an image is empty. A check that fails is
    repeated with other biases and directions, because it may have met a kink by chance. If an array fails again, its
    check names a wrong element.
    """
    found: list[tuple[CheckedArray, ArrayCheck]] = []
    for _ in range(TRIES):
        for name in double.shapes:
            if name.startswith("b"):
                double.parameters[name][...] += generator.uniform(-MAX_MOVE, MAX_MOVE, double.shapes[name])
        clear = (replace(array, magnitude=max(array.magnitude, CLEAR_LOSS)) for array in arrays())
        found = [(array, array.along_directions(DIRECTIONS, generator)) for array in clear]
        if all(check.passed for _, check in found):
            break
    return [check if check.passed else pinpoint(array, check, generator) for array, check in found]


def affordable_part(network: MLP, generator: Generator) -> MLP:
    """The part of a network that can be checked in a fraction of a second: all of it, unless it is very large."""
    inputs, *hidden, outputs = network.sizes

    def work(units: int) -> int:
        sizes = [inputs, *(min(size, units) for size in hidden), outputs]
        return (len(sizes) - 1) * sum(rows * columns for rows, columns in pairwise(sizes))

    units = max(network.sizes)
    while units > 1 and work(units) > MAX_WORK:
        units -= 1 + units // 8
    return random_subnetwork(network, max(units, 1), generator)


def random_subnetwork(network: MLP, units: int, generator: Generator) -> MLP:
    """A narrower copy: each hidden layer keeps at most this many units, chosen at random, with their weights."""
    kept = [np.arange(size) for size in network.sizes]
    for layer, size in list(enumerate(network.sizes))[1:-1]:
        if size > units:
            kept[layer] = np.sort(generator.choice(size, units, replace=False))
    part = network.resized([len(units) for units in kept])
    for layer, (inputs, outputs) in enumerate(pairwise(kept), start=1):
        part.parameters[f"W{layer}"][...] = network.parameters[f"W{layer}"][np.ix_(inputs, outputs)]
        part.parameters[f"b{layer}"][...] = network.parameters[f"b{layer}"][outputs]
    return part
