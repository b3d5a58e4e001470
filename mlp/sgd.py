"""Stochastic gradient descent with momentum and weight decay. Nothing else changes a parameter."""

import numpy as np

from mlp.gates import Array


class SGD:
    """V = momentum V + dA + weight_decay A, then A = A - learning_rate V (as in PyTorch).

    A and dA are the network's flat blocks of parameters and gradients; A is updated in place. V starts at 0, and is not
    used without momentum.
    """

    def __init__(self, A: Array, dA: Array, *, learning_rate: float, momentum: float = 0.0, weight_decay: float = 0.0):
        self.A, self.dA, self.V = A, dA, np.zeros_like(A)
        # Arrays, because NumPy takes longer to convert a number than to multiply by it.
        self.learning_rate, self.momentum, self.weight_decay = (
            np.asarray(rate, A.dtype) for rate in (learning_rate, momentum, weight_decay)
        )
        self._step = np.empty_like(A)  # allocated once: a new large array costs as much as the update

    def step(self) -> None:
        """Take one step against the gradient."""
        step = self.dA
        if self.weight_decay:
            step = np.multiply(self.A, self.weight_decay, self._step)
            step += self.dA
        if self.momentum:
            self.V *= self.momentum
            self.V += step
            step = self.V
        self.A -= np.multiply(step, self.learning_rate, self._step)
