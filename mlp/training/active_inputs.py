"""Training without the inputs that are 0 in every training image: the result is the same, and it is faster."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.gates import Array
from mlp.network import MLP, BatchBuffers, parameter_count, parameter_views
from mlp.optimizers import OPTIMIZERS
from mlp.plan import aligned, aligned_zeros


class OrderedParameters:
    """A network's parameters in the order in which they train: the weights of idle inputs stand last.

    An idle input is always 0: it adds nothing to X W1, and its row of dW1 is 0. So a step computes with the rows of W1
    for the active inputs alone, a view of the ordered parameters. The optimizer steps all of them: idle rows still
    decay, and move on with the velocity or the moments that they have.

    The network and ``state``, the optimizer's blocks by name, are in the order of the pixels. ``load`` copies them into
    this order, ``store`` copies them back.
    """

    def __init__(self, network: MLP, active: NDArray[np.intp], options: Training):
        self.network = network
        inputs, *others = network.sizes
        indices = np.arange(len(network.parameter_block))
        rows, rest = indices[: inputs * others[0]].reshape(inputs, others[0]), indices[inputs * others[0] :]
        idle = np.setdiff1d(np.arange(inputs), active)
        self._order = np.concatenate([rows[active].reshape(-1), rest, rows[idle].reshape(-1)])
        A, dA = aligned(network.parameter_block[self._order]), aligned_zeros(self._order.shape, network.precision)
        sizes = [len(active), *others]
        count = parameter_count(sizes)
        views = [parameter_views(block[:count], sizes) for block in (A, dA)]
        self.leaves = {name: (views[0][name], views[1][name]) for name in network.shapes}
        """The arrays of each parameter and of its gradient, by name."""
        with_row = slice(sizes[1] * (sizes[0] + 1))
        joined = A[with_row].reshape(-1, sizes[1]), dA[with_row].reshape(-1, sizes[1])
        self.with_bias_row = {"W1": joined} | {name: self.leaves[name] for name in list(network.shapes)[2:]}
        """The same with b1, which follows W1 in memory, as the last row of W1."""
        kind = OPTIMIZERS[options.optimizer]
        rates = {name: getattr(options, name) for name in kind.rates}
        moving = count if kind.keeps_idle(**rates) else len(A)
        self.optimizer = kind(A[:moving], dA[:moving], **rates)
        self.state: Mapping[str, Array] = {name: np.zeros(A.shape, A.dtype) for name in self.optimizer.state}
        """The optimizer's blocks at the latest ``store``."""
        self.gradient_block = dA[:count]
        """The gradients of the latest batch, flat; those of idle inputs, which are 0, are left out."""
        self._stepped = False

    def __repr__(self) -> str:
        return f"OrderedParameters({len(self._order):,}, {len(self.gradient_block):,} without those of idle inputs)"

    def batch(self, n: int) -> BatchBuffers:
        """The network's memory for n examples of the active inputs, with these parameters."""
        return self.network.batch(n, self.leaves)

    def load(self) -> None:
        """Copy the network's weights and the optimizer's state."""
        for own, whole in self._blocks():
            own[...] = whole[self._order[: len(own)]]

    def snapshot(self) -> None:
        """Copy the parameters and the optimizer's state as they are now, for ``roll_back``."""
        for block, copy in self._copies:
            copy[...] = block

    def roll_back(self) -> None:
        """Go back to the latest ``snapshot``."""
        for block, copy in self._copies:
            block[...] = copy

    @cached_property
    def _copies(self) -> list[tuple[Array, Array]]:
        """Each block that steps change, with memory for a copy."""
        return [(block, np.empty_like(block)) for block in self.optimizer.changed_blocks]

    def count_steps(self, steps: int) -> None:
        """Count steps that were taken by the calls of the optimizer's update."""
        self._stepped = True
        self.optimizer.steps += steps

    def store(self) -> None:
        """Copy the weights and the optimizer's state to the network, if there was a step since the last time."""
        if self._stepped:
            for own, whole in self._blocks():
                whole[self._order[: len(own)]] = own
            self._stepped = False

    def _blocks(self) -> list[tuple[Array, Array]]:
        """Each block in the order of training, with the block in the order of the pixels."""
        own = [self.optimizer.A, *self.optimizer.state.values()]
        return list(zip(own, [self.network.parameter_block, *self.state.values()], strict=True))
