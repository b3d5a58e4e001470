"""A training that ends without having learned anything, although no number became infinite and no loss rose.

``Ending`` judges a training once, after its last step; ``divergence`` judges it on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.gates import Array, Sigmoid
from mlp.network import MLP, decide
from mlp.training import divergence

HARDLY = 0.01, 1e-6
"""A loss has hardly moved if it moved by less than this share of itself, and by less than this share per step.

With batches of 32 that refuses ten epochs at learning rates below about 3e-6, and accepts a single step at a learning
rate of 0.001, which lowers the loss by a share of 1e-5 to 1e-3."""
FALLS = 0.005, 1e-5
"""A loss falls if, on average over the epochs or in the last one, it fell by one of these shares: an epoch, a step.

With batches of 32 images of the digits 0 and 1 that refuses ten epochs at a learning rate of 1e-5, and accepts 1e-4."""
MIN_STEPS = 100
"""Steps: whether a loss falls is not to be seen in fewer, unless every example gets the same probability."""
RESTS = 0.005, 1e-4
"""A loss rests if, from the mean over the last epoch to its end, it fell by less than these shares."""
ALIKE = 1e-3
"""Standard deviation of the probabilities below which they count as one constant, as a share of the targets' own.

Untrained networks have about 0.1 with one hidden layer, 1e-2 with two, 3e-3 with three and 2e-5 with six; networks that
leave their plateau within the next epoch have more than 1e-3."""
NEAR = 0.02
"""A loss has come down to the best constant answer's if it is above it by at most this share."""
CLEAR = 0.5
"""A validation loss below this share of the untrained network's and the best constant answer's needs no closer look."""


@dataclass(frozen=True)
class Ending:
    """The end of a training: the network that it keeps, and its answers to the training examples.

    Nothing was learned if the loss has risen or hardly moved since before the first step; if every example gets the
    same class and the loss, which no longer falls, is no better than the best constant answer's; or if every example
    gets the same probability and the loss rests or has come down to that. A short run on its way down is none of these.
    A network that classifies more examples correctly than the more frequent class alone would has learned something,
    unless its loss is higher than the untrained network's, or the same to the last bits.

    Labels that follow no rule are not noticed: a network learns some of them by heart.
    """

    network: MLP
    """The network that is kept, after a forward pass over some of the examples."""
    P: Array
    """(n,): its probability of class 1 for each training example."""
    targets: NDArray[Any]
    """(n,), 0 or 1"""
    loss: float
    """Its mean loss on them."""
    untrained_loss: float
    """The same before the first step."""
    last_loss: float
    """The mean over the last epoch, each batch before its update."""
    steps: int
    steps_per_epoch: int
    is_last: bool = True
    """Whether the network is the one after the last step."""
    beats_others: bool = False
    """Whether, on validation examples, it classifies more correctly than the more frequent class alone would."""

    @cached_property
    def constant_loss(self) -> float:
        """The best constant answer's."""
        return divergence.constant_loss(self.network.loss_name, float(np.mean(self.targets)))

    @cached_property
    def reason(self) -> str | None:
        """Why nothing was learned, in words that follow "the" or "the training"; None if something was."""
        loss, before = self.loss, self.untrained_loss
        if self.has_risen:
            return f"loss, {loss:.4g}, is above the untrained network's, {before:.4g}"
        if self.has_hardly_moved:
            return f"loss, {loss:.7g}, is still about the untrained network's, {before:.7g}, after {self.steps:,} steps"
        no_better = (
            f"loss, {loss:.4g}, is no better than the best constant answer's, {self.constant_loss:.4g}, and every"
        )
        if self._is_constant and not self._is_on_its_way:
            return f"{no_better} example gets the same probability, {np.mean(self.P):.3f}"
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
        share, share_per_step = HARDLY
        least = min(divergence.ROUNDING if self._beats_constant else share, share_per_step * self.steps)
        moved = max(abs(self.untrained_loss - loss) for loss in (self.last_loss, self.loss))
        return moved < least * self.untrained_loss

    @cached_property
    def _beats_constant(self) -> bool:
        return self.beats_others or beats_constant(decide(self.P), self.targets)

    @property
    def _is_constant(self) -> bool:
        spread = float(np.std(self.P, dtype=np.float64))
        return not self._beats_constant and spread < ALIKE * float(np.std(self.targets))

    @property
    def _has_one_class(self) -> bool:
        return not self._beats_constant and len(np.unique(decide(self.P))) == 1

    @property
    def _falls(self) -> bool:
        """Whether the loss still falls, as far as can be seen."""
        share, share_per_step = FALLS
        on_average = (self.untrained_loss - self.loss) * self.steps_per_epoch / self.steps
        least = min(share, share_per_step * self.steps_per_epoch) * self.loss
        falls = self.is_last and max(self.last_loss - self.loss, on_average) >= least
        return falls or self.steps < MIN_STEPS

    @property
    def _is_on_its_way(self) -> bool:
        """Whether the loss still falls, and is not yet down at the best constant answer's."""
        share, share_per_step = RESTS
        least = min(share, share_per_step * self.steps_per_epoch) * self.last_loss
        falls = self.is_last and self.last_loss - self.loss >= least
        is_dead = divergence.suspect(self.network)[0] == Sigmoid.name
        return falls and not is_dead and self.loss > self.constant_loss * (1 + NEAR)

    def advice(self, options: Training, good_epochs: int) -> list[str]:
        """What to try, the likeliest cure first.

        Of six hidden layers of 32 on the digits 0 and 1, five learn in the default ten epochs, and six in forty; other
        learning rates, momentum and the other loss do not help.
        """
        if self.has_risen:
            return divergence.advice(options, good_epochs)
        rate, usual, layers = options.learning_rate, Training().learning_rate, len(self.network.sizes) - 2
        tries = [f"a higher training.learning_rate than {rate:g}, such as {usual:g}"] if rate < usual else []
        if options.weight_decay:
            lower = f"a lower training.weight_decay than {options.weight_decay:g}: 0 leaves it out"
            tries.insert(len(tries) if self.has_hardly_moved else 0, lower)
        if layers > 1:
            fewer = f"fewer than {layers} hidden layers in model.hidden_sizes: each makes the gradient smaller"
            tries.insert(len(tries) if self.has_hardly_moved else 0, fewer)
        tries += [f"more training.epochs than {options.epochs}: --resume goes on from the checkpoint"]
        if rate > usual:
            tries += [f"a lower training.learning_rate than {rate:g}, such as {usual:g}"]
        if good_epochs:
            tries += [divergence.shorter(good_epochs)]
        return [*tries, "a look at the images and labels: images that look the same cannot be told apart"]


def beats_constant(predicted: NDArray[Any], targets: NDArray[Any]) -> bool:
    """Whether more of the predicted classes are right than if each were the more frequent class."""
    ones = int(np.count_nonzero(targets))
    return int(np.count_nonzero(predicted == targets)) > max(ones, len(targets) - ones)


def standing_since(losses: Sequence[float], level: float) -> int:
    """The epoch, from 1, since which no epoch's loss was below a level and not near it; else the last one."""
    below = [epoch for epoch, loss in enumerate(losses, 1) if loss < level * (1 - NEAR)]
    return min(max(below, default=0) + 1, len(losses))
