"""An optimizer's update as terms, and as NumPy calls that change its blocks in place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike

from mlp.gates import Array, Shape, Value
from mlp.plan import Binder, Call
from mlp.trace import Term, count_uses, trace_function


@dataclass(frozen=True)
class UpdateFormula:
    """The recorded equation of an optimizer: its arguments, which are symbols, and its results."""

    parameters: Term
    """A"""
    gradient: Term
    """dA"""
    state: Sequence[Term]
    rate: Term
    corrections: Sequence[Term]
    new_parameters: Term
    new_state: Sequence[Term]

    @classmethod
    def of(
        cls,
        update: Callable[..., Sequence[Value]],
        shape: Shape,
        state: Sequence[str],
        corrections: Sequence[str],
        dtype: DTypeLike,
    ) -> "UpdateFormula":
        """The formula of ``update(A, dA, *state, rate, *corrections)`` for blocks of this shape."""
        blocks, numbers = ("A", "dA", *state), ("rate", *corrections)
        shapes = dict.fromkeys(blocks, shape) | dict.fromkeys(numbers, ())
        symbols, (new_A, *new_state) = trace_function(update, shapes, np.dtype(dtype))
        (A, dA, *old_state), (rate, *others) = symbols[: len(blocks)], symbols[len(blocks) :]
        return cls(A, dA, old_state, rate, others, new_A, new_state)

    @property
    def results(self) -> list[Term]:
        """The new state, then the new A: in this order an update reads A before it is written over."""
        return [*self.new_state, self.new_parameters]

    @cached_property
    def scaled_gradient(self) -> Term | None:
        """The learning rate times dA, if the update needs nothing else of dA."""
        uses = count_uses(*self.results)
        if uses[self.gradient] != 1:
            return None
        factors = {self.rate, self.gradient}
        return next((term for term in uses if term.function is np.multiply and set(term.arguments) == factors), None)

    def calls(self, arrays: Mapping[Term, Array]) -> list[Call]:
        """The NumPy calls of one update; ``arrays`` are those of the symbols, and of other terms that are known."""
        binder = Binder(arrays[self.parameters].dtype)
        binder.enter(arrays, count_uses(*self.results))
        for term, block in zip(self.results, [*self.state, self.parameters], strict=True):
            binder.compute(term, arrays[block])
        return binder.calls
