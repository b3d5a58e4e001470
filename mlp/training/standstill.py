"""A training that has learned nothing at its end, although every number is finite.

``Ending`` looks at a training once, after its last step; ``divergence`` looks at every step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.gates import Array, Relu
from mlp.network import MLP, decide, write_targets
from mlp.training import divergence

HARDLY = 0.01, 1e-6
"""A loss has hardly moved if it changed by less than the first fraction in all, and the second per step.

With batches of 32 this refuses ten epochs at learning rates below about 3e-6, and accepts a single step at a learning
rate of 0.001, which lowers the loss by a fraction of 1e-5 to 1e-3."""
FALLS = 0.005, 1e-5
"""A loss falls if it fell by the first fraction per epoch or the second per step: on average, or in the last epoch.

With batches of 32 images of the digits 0 and 1 this refuses ten epochs at a learning rate of 1e-5, and accepts 1e-4."""
MIN_STEPS = 100
"""Fewer steps do not show whether a loss falls, unless every example gets the same probability."""
RESTS = 0.005, 1e-4
"""A loss rests if it fell by less than both, the second per step, from the last epoch's mean to the epoch's end."""
ALIKE = 1e-3
"""Probabilities count as constant if their standard deviation is below this fraction of the targets' deviation.

Untrained networks have about 0.1 with one hidden layer, 1e-2 with two, 3e-3 with three and 2e-5 with six; networks that
leave their plateau within the next epoch have more than 1e-3."""
MAX_SHOWN = 4
"""Outputs whose means a message shows."""
NEAR = 0.02
"""A loss has reached the best constant answer's if it is above it by at most this fraction."""
CLEAR = 0.5
"""A validation loss below this fraction of the untrained and the best constant answer's loss needs no closer look."""


@dataclass(frozen=True)
class Ending:
    """The end of a training: the network with the best weights, and its predictions for the training examples.

    Nothing was learned in three cases: the loss has risen or hardly moved since before the first step; every example
    gets the same class, and the loss no longer falls and is no better than the best constant answer's; every example
    gets the same probability, and the loss rests or has reached the best constant answer's. A short run with a loss
    that still falls is not such a case. A network that classifies more examples correctly than always answering the
    most frequent class has learned something, unless its loss, up to rounding, is at least the untrained network's.

    Random labels are not noticed: a network memorizes some of them.
    """

    network: MLP
    """With the best weights, after a forward pass over some of the examples."""
    P: Array = field(repr=False)
    """(n, k), as ``MLP.predict`` returns it for the training examples."""
    classes: NDArray[Any] = field(repr=False)
    """(n,), of the training examples."""
    weights: NDArray[Any] = field(repr=False)
    """(n,), of the training examples in the loss."""
    loss: float
    """The mean over the training examples."""
    untrained_loss: float
    """The same before the first step."""
    last_loss: float
    """The mean over the last epoch, each batch before its update."""
    steps: int
    steps_per_epoch: int
    is_last: bool = True
    """Whether the best weights are those after the last step."""
    beats_others: bool = False
    """Whether it classifies more validation examples correctly than always answering the most frequent class."""

    @cached_property
    def constant_loss(self) -> float:
        """The loss of the best constant answer."""
        return divergence.constant_loss(self.network, self.classes, self.weights)

    @cached_property
    def reason(self) -> str | None:
        """Why nothing was learned, as a clause without its article, "loss, 0.3, is ..."; None if something was."""
        loss, before = self.loss, self.untrained_loss
        if self.has_risen:
            return f"loss, {loss:.4g}, is above the untrained network's, {before:.4g}"
        if self.has_hardly_moved:
            return f"loss, {loss:.7g}, is still about the untrained network's, {before:.7g}, after {self.steps:,} steps"
        no_better = (
            f"loss, {loss:.4g}, is no better than the best constant answer's, {self.constant_loss:.4g}, and every"
        )
        if self._is_constant and not self._is_on_its_way:
            outputs = ", ".join(f"{mean:.3f}" for mean in np.mean(self.P[:, :MAX_SHOWN], axis=0))
            more = ", ..." if self.P.shape[1] > MAX_SHOWN else ""
            return f"{no_better} example gets the same probability, {outputs}{more}"
        if self._has_one_class and not self._falls and loss > self.constant_loss * (1 - NEAR):
            return f"{no_better} example gets the same class"
        return None

    @cached_property
    def has_risen(self) -> bool:
        """Whether the loss, in the last epoch and after it, is above what it was before the first step."""
        return divergence.is_above(min(self.loss, self.last_loss), self.untrained_loss)

    @cached_property
    def has_hardly_moved(self) -> bool:
        """Whether the loss, in the last epoch and after it, is about what it was before the first step."""
        fraction, fraction_per_step = HARDLY
        threshold = min(divergence.ROUNDING if self._beats_constant else fraction, fraction_per_step * self.steps)
        moved = max(abs(self.untrained_loss - loss) for loss in (self.last_loss, self.loss))
        return moved < threshold * self.untrained_loss

    @cached_property
    def _beats_constant(self) -> bool:
        correct = float(np.sum(self.weights[decide(self.P) == self.classes]))
        return self.beats_others or correct > np.bincount(self.classes, self.weights).max()

    @property
    def _is_constant(self) -> bool:
        Y = np.empty(self.P.shape)
        write_targets(self.classes, Y)
        is_alike = np.std(self.P, axis=0, dtype=np.float64) < ALIKE * np.std(Y, axis=0)
        return not self._beats_constant and bool(is_alike.all())

    @property
    def _has_one_class(self) -> bool:
        return not self._beats_constant and len(np.unique(decide(self.P))) == 1

    @property
    def _falls(self) -> bool:
        """Whether the loss still falls, or there were too few steps to see it."""
        fraction, fraction_per_step = FALLS
        on_average = (self.untrained_loss - self.loss) * self.steps_per_epoch / self.steps
        threshold = min(fraction, fraction_per_step * self.steps_per_epoch) * self.loss
        falls = self.is_last and max(self.last_loss - self.loss, on_average) >= threshold
        return falls or self.steps < MIN_STEPS

    @property
    def _is_on_its_way(self) -> bool:
        """Whether the loss still falls and has not reached the best constant answer's."""
        fraction, fraction_per_step = RESTS
        threshold = min(fraction, fraction_per_step * self.steps_per_epoch) * self.last_loss
        falls = self.is_last and self.last_loss - self.loss >= threshold
        is_dead = divergence.suspect(self.network)[1] != self.network.loss_node.name
        return falls and not is_dead and self.loss > self.constant_loss * (1 + NEAR)

    @property
    def _has_dead_units(self) -> bool:
        """Whether most units of a relu layer are 0 for every example, the effect of too large a step."""
        return divergence.suspect(self.network)[0] == Relu.name

    def advice(self, options: Training, good_epochs: int) -> list[str]:
        """What to try, the most promising first.

        On the digits 0 and 1 a network with five hidden layers of 32 units learns in the default ten epochs, one with
        six in forty; other learning rates, momentum and the other loss do not help.
        """
        if self.has_risen:
            return divergence.advice(options, good_epochs)
        rate, layers = options.learning_rate, len(self.network.sizes) - 2
        usual = divergence.usual_rate(options.optimizer, self.network.activation_name)
        if self._has_dead_units:
            return divergence.advice(options, good_epochs)
        tries = [f"a higher training.learning_rate than {rate:g}, such as {usual:g}"] if rate < usual else []
        if options.weight_decay:
            lower = f"a lower training.weight_decay than {options.weight_decay:g}: 0 leaves it out"
            tries.insert(len(tries) if self.has_hardly_moved else 0, lower)
        if layers > 1:
            fewer = f"fewer than {layers} hidden layers in model.hidden_sizes: each makes the gradient smaller"
            tries.insert(len(tries) if self.has_hardly_moved else 0, fewer)
        weights = options.class_weight
        if self.has_hardly_moved and isinstance(weights, tuple) and max(weights) < 1:
            tries += [f"larger numbers than {max(weights):g} in training.class_weight: they scale the steps"]
        tries += [*divergence.lighter(options), self._longer(options)]
        if rate > usual:
            tries += [f"a lower training.learning_rate than {rate:g}, such as {usual:g}"]
        tries += divergence.shorter(options, good_epochs)
        return [*tries, "a look at the images and labels: no network can tell apart images that look the same"]

    def _longer(self, options: Training) -> str:
        """The advice to train longer, with what this takes."""
        if self.steps < options.epochs * self.steps_per_epoch:
            return f"more training.patience than {options.patience}, which ended the run, in a new run"
        how = "a resumed run continues from the checkpoint" if options.can_get_more_epochs else "in a new run"
        return f"more training.epochs than {options.epochs}: {how}"


def standing_since(losses: Sequence[float], level: float) -> int:
    """The epoch, from 1, after the last one with a loss clearly below a level; at most the last epoch."""
    below = [epoch for epoch, loss in enumerate(losses, 1) if loss < level * (1 - NEAR)]
    return min(max(below, default=0) + 1, len(losses))
