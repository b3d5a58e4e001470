"""How good a network is on examples in arrays, which pass was the best, and whether anything was learned."""

import math
from collections.abc import Sequence

import numpy as np

from mlp.config import Training
from mlp.gates import Array
from mlp.network import MLP, block_length, decide
from mlp.training.arrays.examples import Examples
from mlp.training.arrays.passes import Memory, Passes
from mlp.training.standstill import Ending


def evaluate(network: MLP, examples: Examples) -> tuple[float, Array]:
    """The network's loss on all examples, and what it predicts for them, (n, outputs)."""
    total, length = 0.0, block_length(network.sizes[0])
    P = np.empty((len(examples), network.sizes[-1]), network.precision)
    with np.errstate(over="ignore", invalid="ignore"):  # as in a pass
        for start in range(0, len(examples), length):
            rows = slice(start, min(start + length, len(examples)))
            batch = network.batch(rows.stop - rows.start)
            batch.X[...] = examples.X[rows]
            batch.set_classes(examples.classes[rows], examples.weights_of(rows))
            total += batch.loss() * len(batch.X)
            P[rows] = batch.P
    return total / len(examples), P


class BestPass:
    """The pass with the lowest loss on held-out examples, the earliest at a tie, by the rule of ``Trainer``."""

    def __init__(self, passes: Passes, held_out: Examples):
        self._passes, self._held_out = passes, held_out
        self.loss, self.accuracy = math.inf, 0.0
        self.passes_since = 0
        """Passes after the best one."""
        self._kept: tuple[Array, Memory] | None = None

    def __repr__(self) -> str:
        return f"BestPass(loss {self.loss:.6f}, {self.passes_since:,} passes since)"

    def judge(self) -> tuple[float, float]:
        """Loss and weighted accuracy after the latest pass, whose weights are kept if it is the best so far."""
        network, held_out = self._passes.network, self._held_out
        loss, P = evaluate(network, held_out)
        accuracy = float(np.average(decide(P) == held_out.classes, weights=held_out.weights))
        self.passes_since += 1
        if loss < self.loss:
            self.loss, self.accuracy, self.passes_since = loss, accuracy, 0
            self._kept = network.parameter_block.copy(), self._passes.memory.copy()
        return loss, accuracy

    @property
    def beats_constant(self) -> bool:
        """Whether its accuracy is higher than that of always answering the most frequent class."""
        counts = np.bincount(self._held_out.classes, self._held_out.weights)
        return bool(self.accuracy > counts.max() / counts.sum())

    def restore(self) -> Memory | None:
        """Give the network the best weights. Returns what the optimizer remembered there; None if there is no best."""
        if self._kept is None:
            return None
        block, memory = self._kept
        self._passes.network.parameter_block[...] = block
        return memory


def why_nothing_was_learned(
    network: MLP,
    examples: Examples,
    options: Training,
    untrained_loss: float,
    loss_curve: Sequence[float],
    best: BestPass | None,
) -> str | None:
    """The reason of ``standstill.Ending`` after all passes; None if something was learned.

    ``untrained_loss`` is that of the examples before the first pass; ``loss_curve`` has the loss of every pass.
    """
    steps, weights = math.ceil(len(examples) / options.batch_size), network.example_weights(examples.classes)
    loss, P = evaluate(network, examples)
    return Ending(
        network,
        P,
        examples.classes,
        weights if examples.weights is None else weights * examples.weights,
        loss=loss,
        untrained_loss=untrained_loss,
        last_loss=loss_curve[-1],
        steps=steps * len(loss_curve),
        steps_per_epoch=steps,
        is_last=best is None or best.passes_since == 0,
        beats_others=best is not None and best.beats_constant,
    ).reason
