"""Training without the inputs that are 0 in every training image: the result is the same, and it is faster."""

import math

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.gates import Array
from mlp.network import MLP
from mlp.sgd import SGD


class Learner:
    """A network of the active inputs with its optimizer, and the whole network, with every input.

    An input that is always 0 adds nothing to X W1, and its row of dW1 is 0: the products are the same without it. Its
    weights, the idle rows of W1, change only by weight decay and by the velocity that they already have.

    A step changes ``network`` and the idle rows. ``store`` copies them to ``whole`` and ``velocity``, the optimizer's V
    for all parameters; ``load`` copies the other way.
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
        """Copy the weights and the velocity of the whole network to the parts that a step changes."""
        for whole, network, idle in self._blocks():
            W1, rest = self._cut(whole, self.whole)
            its_W1, its_rest = self._cut(network, self.network)
            its_W1[...], its_rest[...], idle[...] = W1[self._active], rest, W1[self._idle_inputs]
        self._idle_moves = bool(self._idle.weight_decay or self._idle.V.any())  # V: from steps on other examples

    def step(self) -> None:
        """One step of the optimizer with the network's gradients."""
        self._stepped = True
        self.optimizer.step()
        if self._idle_moves:
            self._idle.step()

    def store(self) -> None:
        """Copy the weights and the velocity to the whole network, if there was a step since the last time."""
        if not self._stepped:
            return
        for whole, network, idle in self._blocks():
            W1, rest = self._cut(whole, self.whole)
            its_W1, its_rest = self._cut(network, self.network)
            W1[self._active], rest[...], W1[self._idle_inputs] = its_W1, its_rest, idle
        self._stepped = False

    def _blocks(self) -> list[tuple[Array, Array, Array]]:
        """Three arrays for the weights, and three for the velocity: of the whole, of the network, of the idle rows."""
        return [
            (self.whole.parameter_block, self.optimizer.A, self._idle.A),
            (self.velocity, self.optimizer.V, self._idle.V),
        ]

    @staticmethod
    def _cut(block: Array, network: MLP) -> tuple[Array, Array]:
        """Two views of a flat array: W1, (inputs, outputs), and the rest."""
        shape = network.shapes["W1"]
        return block[: math.prod(shape)].reshape(shape), block[math.prod(shape) :]
