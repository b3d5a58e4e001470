"""Passes of a network over examples in arrays, and what its optimizer remembers from one to the next."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from mlp.config import Training
from mlp.gates import Array
from mlp.network import MLP
from mlp.training.active_inputs import OrderedParameters
from mlp.training.arrays.examples import Examples, active_features, as_bytes
from mlp.training.batches import gather, in_blocks
from mlp.training.step import StepPlans


@dataclass(frozen=True)
class Memory:
    """What an optimizer remembers of earlier steps."""

    rule: tuple[str, bool]
    """The optimizer, and whether it has momentum: another one begins without memory."""
    blocks: Mapping[str, Array] = field(repr=False)
    """The optimizer's blocks by name."""
    steps: int

    def copy(self) -> "Memory":
        """The same as it is now: passes go on changing the blocks."""
        return replace(self, blocks={name: block.copy() for name, block in self.blocks.items()})


class Passes:
    """A network in training on examples in arrays; it is updated after each pass."""

    def __init__(self, network: MLP, examples: Examples, options: Training, memory: Memory | None):
        self.network = network
        active = active_features(examples.X)
        rows = examples.with_features(active)
        self._rows = replace(rows, X=as_bytes(rows.X))
        self._batch_size = min(options.batch_size, len(rows))
        self._parameters = OrderedParameters(network, active, options)
        self._plans = StepPlans(self._parameters, self._batch_size, self._rows.X.dtype)
        self._rule = options.optimizer, options.momentum > 0
        if memory is not None and memory.rule == self._rule:
            for name, block in self._parameters.state.items():
                block[...] = memory.blocks[name]
            self._parameters.optimizer.steps = memory.steps
        self._parameters.load()

    def __repr__(self) -> str:
        return f"Passes({self.network}, {len(self._rows):,} examples in batches of {self._batch_size:,})"

    @property
    def memory(self) -> Memory:
        """What the optimizer remembers after the latest pass; its blocks change with the next one."""
        return Memory(self._rule, self._parameters.state, self._parameters.optimizer.steps)

    def run(self, learning_rate: float, random: Generator) -> float:
        """One step per batch, in a random order. Returns the mean loss, each batch before its step.

        If the loss or a weight is not finite, it returns infinity or NaN, and the network stays as it was.
        """
        parameters, plans, rows = self._parameters, self._plans, self._rows
        parameters.optimizer.set_learning_rate(learning_rate)
        total, order = 0.0, random.permutation(len(rows))
        # Overflow is not ignored: it shows in the loss or the weights, which are checked.
        with np.errstate(over="ignore", invalid="ignore"):
            for positions, n in in_blocks(order, self._batch_size, lambda n: plans[n].length):
                plan, steps = plans[n], len(positions) // n
                gather(rows.X, positions, plan.rows[:steps])
                plan.set_classes(rows.classes[positions], rows.weights_of(positions))
                plan.run(steps)
                parameters.count_steps(steps)
                total += sum(plan.losses(steps)) * n
        if not np.isfinite(parameters.optimizer.A).all():
            return math.inf
        if math.isfinite(total):
            parameters.store()
        return total / len(order)
