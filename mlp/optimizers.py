"""Optimizers: what one step does with the gradients. Nothing else changes a parameter.

A and dA are a network's flat blocks of parameters and gradients: an optimizer knows no layers. It updates A in place.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mlp.gates import Array

CACHE_LINE = 64
"""In bytes. NumPy's arrays begin anywhere; at some places an update takes a quarter longer."""


def aligned(block: Array) -> Array:
    """A copy of a flat block that begins at a cache line."""
    memory = np.empty(block.nbytes + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    copy: Array = memory[start : start + block.nbytes].view(block.dtype)
    copy[...] = block
    return copy


class Optimizer(ABC):
    """What optimizers share: the blocks, the rates, and the memory of their state.

    learning_rate: the step size; ``set_learning_rate`` changes it, as a schedule does. weight_decay: the L2
    coefficient; weight_decay A is added to the gradient. ``state`` maps names to the blocks, in A's shape, that are
    kept from step to step; they start at 0. ``steps`` counts the steps. To resume, set ``steps`` and the blocks.
    """

    state_names: ClassVar[tuple[str, ...]]
    squares: ClassVar[frozenset[str]] = frozenset()
    """The names of the blocks whose numbers are at least 0."""
    rates: ClassVar[tuple[str, ...]] = ("learning_rate", "weight_decay")
    """The options that are numbers, by their names in the config."""

    @staticmethod
    def keeps_idle(**rates: float) -> bool:
        """Whether a step with these rates leaves a parameter unchanged if its gradient is 0."""
        return False

    def __init__(self, A: Array, dA: Array, *, learning_rate: float, weight_decay: float = 0.0):
        self.A, self.dA, self.steps = A, dA, 0
        self.state: Mapping[str, Array] = {name: aligned(np.zeros_like(A)) for name in self.state_names}
        # Arrays, because NumPy takes longer to convert a number than to multiply by it.
        self.learning_rate, self.weight_decay = (np.array(rate, A.dtype) for rate in (learning_rate, weight_decay))
        # Allocated once: new large arrays cost as much as an update.
        self._change, self._decayed = aligned(A), np.empty_like(A)

    def set_learning_rate(self, rate: float) -> None:
        """Take the next steps with this rate."""
        self.learning_rate[...] = rate

    def step(self) -> None:
        """Take one step against the gradient."""
        self.steps += 1
        G = self.dA
        if self.weight_decay:
            G = np.multiply(self.A, self.weight_decay, self._decayed)
            G += self.dA
        self.update(G)

    @abstractmethod
    def update(self, G: Array) -> None:
        """Change A, given its gradient with the weight decay."""


class SGD(Optimizer):
    """V = momentum V + G with G = dA + weight_decay A, then A = A - learning_rate V (as in PyTorch).

    V is not used without momentum.
    """

    state_names = ("velocity",)
    rates = ("learning_rate", "momentum", "weight_decay")

    @staticmethod
    def keeps_idle(**rates: float) -> bool:
        """As in ``Optimizer``."""
        return not (rates["momentum"] or rates["weight_decay"])

    def __init__(self, A: Array, dA: Array, *, learning_rate: float, momentum: float = 0.0, weight_decay: float = 0.0):
        super().__init__(A, dA, learning_rate=learning_rate, weight_decay=weight_decay)
        self.momentum = np.asarray(momentum, A.dtype)

    def update(self, G: Array) -> None:
        """As in the class's docstring."""
        if self.momentum:
            V = self.state["velocity"]
            V *= self.momentum
            V += G
            G = V
        self.A -= np.multiply(G, self.learning_rate, self._change)


class Adam(Optimizer):
    """Kingma and Ba 2015, algorithm 1, with weight decay.

    G = dA + weight_decay A; in step t, counted from 1:

        M = b1 M + (1 - b1) G     S = b2 S + (1 - b2) G^2
        A = A - learning_rate (M / (1 - b1^t)) / (sqrt(S / (1 - b2^t)) + e)

    b1 is 0.9, b2 0.999, e 1e-8. So each parameter moves by about the learning rate, however large its gradient is.
    """

    state_names = ("first_moment", "second_moment")
    squares = frozenset({"second_moment"})
    B1, B2, E = 0.9, 0.999, 1e-8

    def update(self, G: Array) -> None:
        """As in the class's docstring."""
        M, S, change = *self.state.values(), self._change
        M *= self.B1
        M += np.multiply(G, 1 - self.B1, change)
        S *= self.B2
        S += np.multiply(np.multiply(G, G, change), 1 - self.B2, change)
        np.sqrt(np.divide(S, 1 - self.B2**self.steps, change), change)
        change += self.E
        np.divide(M, change, change)
        change *= self.learning_rate / (1 - self.B1**self.steps)
        self.A -= change


def scheduled(schedule: str, learning_rate: float, epoch: int, epochs: int) -> float:
    """The rate of an epoch, counted from 1: constant, or half a cosine from the learning rate towards 0.

    Loshchilov and Hutter 2017, equation 5, without restarts and with the lowest rate 0.
    """
    if schedule == "constant":
        return learning_rate
    return learning_rate * (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}
