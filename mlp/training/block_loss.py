"""The loss of each step of a block, computed once a block: no step needs it, only the history.

For the loss's gate the examples of all steps are one batch. Each example's loss is computed from its own row, so it
does not matter which steps are in a block.
"""

from collections.abc import Sequence

import numpy as np

from mlp.gates import Array
from mlp.network import MLP
from mlp.plan import Binder
from mlp.trace import Term, count_uses
from mlp.training.factors import Scaled, Terms


class BlockLoss:
    """The losses of up to ``length`` steps on batches of n examples.

    inputs: those of the network's loss, (length, n, ...): what each step has left there is read by ``compute``.
    """

    def __init__(self, network: MLP, inputs: Sequence[Array]):
        self._length, n, *_ = inputs[0].shape
        gate = network.loss_node.gate
        assert gate is not None  # noqa: S101 - it is computed
        arrays = [rows.reshape(self._length * n, *rows.shape[2:]) for rows in inputs]
        formula = network.graph.formulas.of(gate, *(array.shape for array in arrays))
        total = Terms().inlined(formula.value, {symbol: Scaled(1, symbol) for symbol in formula.inputs})
        terms, self._is_squared = summands(total.term)
        self._factor = total.factor / n
        self._summands = np.empty(terms.shape, network.precision)
        binder = Binder(network.precision, sums_by_products=False)  # a product's rounding depends on the row's place
        binder.enter(dict(zip(formula.inputs, arrays, strict=True)), count_uses(terms))
        binder.compute(terms, self._summands)
        self._calls = binder.calls

    def __repr__(self) -> str:
        return f"BlockLoss({self._length:,} steps)"

    def compute(self, steps: int) -> list[float]:
        """The loss L of each of the first steps."""
        for call in self._calls:
            call()
        of_steps = self._summands.reshape(self._length, -1)[:steps]
        totals: Array = np.sum(np.square(of_steps) if self._is_squared else of_steps, axis=1)
        return [self._factor * total for total in totals.tolist()]


def summands(total: Term) -> tuple[Term, bool]:
    """The array whose elements, or, if the second result is true, whose squares have this sum."""
    (array,) = total.arguments
    is_squared = array.function is np.power and array.arguments[1].number == 2
    return array.arguments[0] if is_squared else array, is_squared
