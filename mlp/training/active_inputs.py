"""The network that the steps of training change, without the inputs that are 0 in every training image."""

import math

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.gates import Array
from mlp.network import MLP
from mlp.sgd import SGD


class Learner:
    """A network, the optimizer, and the whole network that it belongs to, with every input.

    An input that is always 0 adds nothing to X W1, and its row of dW1 is 0: the products are the same without it. Its
    weights change only by their decay, and by the velocity that they have already; the idle rows do that beside the
    network.

    ``network`` and the idle rows are what a step changes. ``whole`` and ``velocity``, the optimizer's V for all of it,
    are brought up to date by ``store``; ``load`` goes the other way.
    """

    def __init__(self, whole: MLP, active: NDArray[np.intp], options: Training):
        self.whole, self.velocity = whole, np.zeros_like(whole.parameter_block)
        inputs, *others = whole.sizes
        self.network = MLP([len(active), *others], precision=whole.precision, loss=whole.loss_name)
        self._active, self._idle_inputs = active, np.setdiff1d(np.arange(inputs), active)
        idle_rows = np.zeros((len(self._idle_inputs), others[0]), whole.precision)
        rates = {name: getattr(options, name) for name in ("learning_rate", "momentum", "weight_decay")}
        self.optimizer = SGD(self.network.parameter_block, self.network.gradient_block, **rates)
        self._idle = SGD(idle_rows, np.zeros_like(idle_rows), **rates)
        self._stepped = self._idle_moves = False

    def load(self) -> None:
        """Take over the weights and the velocity of the whole network."""
        for whole, network, idle in self._blocks():
            W1, rest = self._cut(whole, self.whole)
            its_W1, its_rest = self._cut(network, self.network)
            its_W1[...], its_rest[...], idle[...] = W1[self._active], rest, W1[self._idle_inputs]
        self._idle_moves = bool(self._idle.weight_decay or self._idle.V.any())  # V: of steps on other examples

    def step(self) -> None:
        """One step against the network's gradients."""
        self._stepped = True
        self.optimizer.step()
        if self._idle_moves:
            self._idle.step()

    def store(self) -> None:
        """Give the whole network the weights and the velocity that the steps made."""
        if not self._stepped:
            return
        for whole, network, idle in self._blocks():
            W1, rest = self._cut(whole, self.whole)
            its_W1, its_rest = self._cut(network, self.network)
            W1[self._active], rest[...], W1[self._idle_inputs] = its_W1, its_rest, idle
        self._stepped = False

    def _blocks(self) -> list[tuple[Array, Array, Array]]:
        """The arrays of the whole, of the network, both flat, and of the idle rows: weights, then velocities."""
        return [
            (self.whole.parameter_block, self.optimizer.A, self._idle.A),
            (self.velocity, self.optimizer.V, self._idle.V),
        ]

    @staticmethod
    def _cut(block: Array, network: MLP) -> tuple[Array, Array]:
        """A flat array in two views: W1, (inputs, outputs), and all that follows it."""
        shape = network.shapes["W1"]
        return block[: math.prod(shape)].reshape(shape), block[math.prod(shape) :]
