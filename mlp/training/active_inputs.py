"""Training without the inputs that are 0 in every training image: the result is the same, and it is faster."""

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.network import MLP, BatchBuffers, parameter_count, parameter_views
from mlp.sgd import SGD


class OrderedParameters:
    """A network's parameters in the order in which they train: the weights of idle inputs stand last.

    An idle input is always 0: it adds nothing to X W1, and its row of dW1 is 0. So a step computes with the rows of W1
    for the active inputs alone, a view of the ordered parameters. The optimizer steps all of them: idle rows still
    decay, and move on with the velocity that they have.

    The network and ``velocity``, the optimizer's V, are in the order of the pixels. ``load`` copies them into this
    order, ``store`` copies them back.
    """

    def __init__(self, network: MLP, active: NDArray[np.intp], options: Training):
        self.network, self.velocity = network, np.zeros_like(network.parameter_block)
        inputs, *others = network.sizes
        indices = np.arange(len(network.parameter_block))
        rows, rest = indices[: inputs * others[0]].reshape(inputs, others[0]), indices[inputs * others[0] :]
        idle = np.setdiff1d(np.arange(inputs), active)
        self._order = np.concatenate([rows[active].reshape(-1), rest, rows[idle].reshape(-1)])
        A, dA = network.parameter_block[self._order], np.zeros_like(network.parameter_block)
        sizes = [len(active), *others]
        count = parameter_count(sizes)
        views = [parameter_views(block[:count], sizes) for block in (A, dA)]
        self._leaves = {name: (views[0][name], views[1][name]) for name in network.shapes}
        rates = {name: getattr(options, name) for name in ("learning_rate", "momentum", "weight_decay")}
        moving = len(A) if options.momentum or options.weight_decay else count  # otherwise idle rows stay
        self.optimizer = SGD(A[:moving], dA[:moving], **rates)
        self.gradient_block = dA[:count]
        """The gradients of the latest batch, flat; those of idle inputs, which are 0, are left out."""
        self._stepped = False

    def batch(self, n: int) -> BatchBuffers:
        """The network's memory for n examples of the active inputs, with these parameters."""
        return self.network.batch(n, self._leaves)

    def load(self) -> None:
        """Copy the network's weights and the velocity."""
        order = self._order[: len(self.optimizer.A)]
        self.optimizer.A[...], self.optimizer.V[...] = self.network.parameter_block[order], self.velocity[order]

    def step(self) -> None:
        """One step of the optimizer with the gradients of the latest batch."""
        self._stepped = True
        self.optimizer.step()

    def store(self) -> None:
        """Copy the weights and the velocity to the network, if there was a step since the last time."""
        if self._stepped:
            order = self._order[: len(self.optimizer.A)]
            self.network.parameter_block[order], self.velocity[order] = self.optimizer.A, self.optimizer.V
            self._stepped = False
