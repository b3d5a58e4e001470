"""When training has failed to learn, where that began, and what to try.

A network diverges in two ways. Its numbers leave the finite ones, or, as a rate that is too high drives every sigmoid
into saturation where its slope is 0, nothing ever becomes infinite and the loss stays above where it started. What
learns nothing without either is the subject of ``standstill``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlp.config import Training
from mlp.gates import Array, Sigmoid
from mlp.network import LOSSES, MLP

EPOCHS_ABOVE = 3
"""Epochs running whose training loss is above the untrained network's, after which a run is given up."""
ROUNDING = 1e-5
"""Share of a loss by which float32 may miss it: no more than that above is not above."""
UPDATE = "sgd"
"""What stands for a gate where the update made an array what it is."""
FLAT = 0.01
"""A sigmoid's slope P (1 - P), at most 1/4, below which its unit counts as saturated."""
DIVERGED, LEARNED_NOTHING = "diverged", "learned nothing"
"""The kinds of report."""


def is_above(loss: float, untrained_loss: float) -> bool:
    """Whether a loss is worse than the untrained network's, beyond rounding."""
    return loss > untrained_loss * (1 + ROUNDING)


def given_up(losses: Sequence[float], untrained_loss: float, epochs: int) -> bool:
    """Whether the losses of the epochs so far, of so many to come in all, say that nothing was learned."""
    above = [is_above(loss, untrained_loss) for loss in losses[-EPOCHS_ABOVE:]]
    return above[-1] and (len(losses) == epochs or above == [True] * EPOCHS_ABOVE)


def headline(report: Mapping[str, Any]) -> str:
    """The report of a run in one line, without what to try."""
    place = f"epoch {report['epoch']}, step {report['step']}"
    how = f"learned nothing from {place} on" if report["kind"] == LEARNED_NOTHING else f"diverged in {place}"
    return f"training {how}: {report['reason']}"


def first_not_finite(network: MLP) -> tuple[str, str]:
    """The gate, and the array that it made, where the latest passes first left the finite numbers.

    An array dA is the gradient with respect to A. A parameter that was not finite before the pass is the work
    of the update, "sgd". Where every number is finite, and only a norm is not, it is the one with the largest.
    """
    latest = list(network.graph.latest())
    for gate, name, array in latest:
        if not np.isfinite(array).all():
            return (UPDATE if gate is None else gate.name), name
    made = [(np.abs(array).max(), gate.name, name) for gate, name, array in latest if gate is not None]
    return max(made)[1:]


def saturated(network: MLP) -> dict[str, float]:
    """For each sigmoid, by its output's name, the share of its values in the latest batch where its slope is flat.

    None at all before the first batch: a run may stop where it was resumed.
    """
    if not network.graph.has_run:
        return {}
    values = {
        node.name: network.graph.value(node.name) for node in network.graph.nodes if isinstance(node.gate, Sigmoid)
    }
    return {name: float(np.mean(P * (1 - P) < FLAT)) for name, P in values.items()}


def suspect(network: MLP) -> tuple[str, str]:
    """The gate, and the array that it made, to look at where the numbers are finite but the loss is not falling.

    The first sigmoid that is flat for more than half of its values: no gradient comes back through it. Else the loss.
    """
    for name, share in saturated(network).items():
        if share > 0.5:
            return Sigmoid.name, name
    gate = LOSSES[network.loss_name]
    return gate.name, next(node.name for node in network.graph.nodes if node.gate is gate)


def norms(network: MLP) -> dict[str, float]:
    """The Euclidean norm of each parameter array, finite where its elements are."""
    return {name: _norm(array) for name, array in network.parameters.items()}


def _norm(array: Array) -> float:
    """By way of the largest element: the squares of large ones are more than float32 holds."""
    largest = float(np.abs(array).max())
    return largest * float(np.linalg.norm(array / array.dtype.type(largest))) if 0 < largest < math.inf else largest


def advice(options: Training, good_epochs: int) -> list[str]:
    """What to try, the likeliest cure first."""
    rate = options.learning_rate
    tenth, hundredth = (float(f"{rate / factor:.0e}") for factor in (10, 100))
    tries = [f"a lower training.learning_rate than {rate:g}: {tenth:g}, then {hundredth:g}"]
    if options.momentum:
        tries += [f"a lower training.momentum than {options.momentum:g}: it multiplies the rate by up to 1 / (1 - it)"]
    if options.weight_decay:
        tries += [f"a lower training.weight_decay than {options.weight_decay:g}: 0 leaves it out"]
    if good_epochs:
        tries += [shorter(good_epochs)]
    return tries


def shorter(good_epochs: int) -> str:
    """The advice to stop in time."""
    return f"training.epochs={good_epochs}: the same run as far as it was good, which keeps its model"
