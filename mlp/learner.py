"""The network that the steps of training change, without the inputs that are 0 in every training image."""

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.gates import Array
from mlp.network import MLP
from mlp.sgd import SGD


class Learner:
    """A network, the optimizer, and the whole network that it belongs to, with every input.

    An input that is always 0 adds nothing to X W1, and its row of dW1 is 0: the products are the same without it. Its
    weights change by their decay alone, which the idle rows here do beside the network.

    ``network`` and the idle rows are what a step changes. ``whole`` and ``velocity``, the optimizer's V for all of it,
    are brought up to date by ``store``; ``load`` goes the other way.
    """

    def __init__(self, whole: MLP, active: NDArray[np.intp], options: Training):
        self.whole, self.velocity = whole, np.zeros_like(whole.parameter_block)
        inputs, *others = whole.sizes
        self.network = MLP([len(active), *others], precision=whole.precision, loss=whole.loss_name)
        idle = np.setdiff1d(np.arange(inputs), active)
        idle_rows = np.zeros(len(idle) * others[0], whole.precision)
        rates = {"learning_rate": options.learning_rate, "momentum": options.momentum}
        rates["weight_decay"] = options.weight_decay
        self.optimizer = SGD(self.network.parameter_block, self.network.gradient_block, **rates)
        self._idle = SGD(idle_rows, np.zeros_like(idle_rows), **rates)
        self._split = len(self.network.parameter_block)
        positions = np.arange(len(whole.parameter_block))
        W1 = whole.views(positions)["W1"]
        self._order = np.concatenate([W1[active].reshape(-1), positions[W1.size :], W1[idle].reshape(-1)])
        self._stepped = False

    def load(self) -> None:
        """Take over the weights and the velocity of the whole network."""
        for whole, network, idle in self._blocks():
            network[...], idle[...] = np.split(whole[self._order], [self._split])

    def step(self) -> None:
        """One step against the network's gradients."""
        self._stepped = True
        self.optimizer.step()
        if self._idle.weight_decay:
            self._idle.step()

    def store(self) -> None:
        """Give the whole network the weights and the velocity that the steps made."""
        if self._stepped:
            for whole, network, idle in self._blocks():
                whole[self._order] = np.concatenate([network, idle])
            self._stepped = False

    def _blocks(self) -> list[tuple[Array, Array, Array]]:
        """The flat arrays of the whole, of the network and of the idle rows: weights, then velocities."""
        return [
            (self.whole.parameter_block, self.optimizer.A, self._idle.A),
            (self.velocity, self.optimizer.V, self._idle.V),
        ]
