"""Optimizers: what one step does with the gradients. Nothing else changes a parameter.

A and dA are a network's flat blocks of parameters and gradients: an optimizer knows no layers. The equation of each is
its ``update``, written once in plain NumPy; ``UpdateFormula``, at the end, records it and binds it to the blocks.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from mlp.gates import Array, Shape, Value
from mlp.plan import Binder, Call, aligned_zeros
from mlp.trace import Term, count_uses, trace_function

SMALLEST_SCALE = 1e-3
"""The smallest learning rate that can scale the gradient: below it the squares in the gradient's norm could become 0 in
float32."""


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
    corrections: ClassVar[tuple[str, ...]] = ()
    """The names of the numbers that differ from step to step; ``corrections_of`` gives them."""

    @staticmethod
    def keeps_idle(**rates: float) -> bool:
        """Whether a step with these rates leaves a parameter unchanged if its gradient is 0."""
        return False

    def __init__(self, A: Array, dA: Array, *, learning_rate: float, weight_decay: float = 0.0):
        self.A, self.dA, self.steps = A, dA, 0
        self.state: Mapping[str, Array] = {name: aligned_zeros(A.shape, A.dtype) for name in self.state_names}
        self.learning_rate = np.array(learning_rate, A.dtype)  # an array: bound calls read it anew in each step
        self.weight_decay = weight_decay
        # By the first rate, not by a schedule's: a resumed run computes as it did before.
        self._may_scale = learning_rate >= SMALLEST_SCALE

    def __repr__(self) -> str:
        rates = [f"{name}={float(getattr(self, name)):g}" for name in self.rates]
        return f"{type(self).__name__}({', '.join(rates)}, {self.A.size:,} parameters, {self.steps:,} steps)"

    @abstractmethod
    def update(self, A: Value, dA: Value, *state_rate_and_corrections: Value) -> Sequence[Value]:
        """The equation: from A, dA, the state, the learning rate and the corrections, the new A and the new state.

        It is written in plain NumPy, as a gate's passes are, and recorded once.
        """

    def decayed(self, A: Value, dA: Value) -> Value:
        """G: the gradient with the weight decay."""
        return dA if _is_zero(self.weight_decay) else dA + self.weight_decay * A

    def corrections_of(self, step: int) -> tuple[float, ...]:
        """The corrections in a step, counted from 1."""
        return ()

    def set_learning_rate(self, rate: float) -> None:
        """Take the next steps with this rate."""
        self.learning_rate[...] = rate

    def step(self) -> None:
        """Take one step against the gradient."""
        self.steps += 1
        corrections, calls = self._own
        corrections[...] = self.corrections_of(self.steps)
        for call in calls:
            call()

    @cached_property
    def _own(self) -> tuple[Array, list[Call]]:
        """The corrections and the calls of ``step``."""
        corrections = np.empty(len(self.corrections), self.A.dtype)
        return corrections, self.calls(corrections)

    @cached_property
    def _formula(self) -> "UpdateFormula":
        return UpdateFormula.of(self.update, self.A.shape, self.state_names, self.corrections, self.A.dtype)

    @property
    def _scaled_gradient(self) -> Term | None:
        """The learning rate times dA, if dA may hold this product."""
        return self._formula.scaled_gradient if self._may_scale else None

    @property
    def gradient_scale(self) -> float:
        """What ``dA`` may be multiplied by, at no cost, where it is computed: see ``calls``.

        It is the learning rate if the update needs only the product of both, as that of plain SGD; else 1.
        """
        return 1.0 if self._scaled_gradient is None else float(self.learning_rate)

    def calls(self, corrections: Array, *, is_scaled: bool = False) -> list[Call]:
        """The NumPy calls of one update. They read the corrections from this array.

        With ``is_scaled``, ``dA`` holds the gradient times ``gradient_scale``: then plain SGD is one call.
        """
        formula = self._formula
        arrays = {formula.parameters: self.A, formula.gradient: self.dA, formula.rate: self.learning_rate}
        arrays |= zip(formula.state, self.state.values(), strict=True)
        arrays |= {term: corrections[k : k + 1].reshape(()) for k, term in enumerate(formula.corrections)}
        if is_scaled and self._scaled_gradient is not None:
            arrays[self._scaled_gradient] = self.dA
        return formula.calls(arrays)

    @property
    def changed_blocks(self) -> list[Array]:
        """A, and the blocks of the state that steps change."""
        states = zip(self.state.values(), self._formula.state, self._formula.new_state, strict=True)
        return [self.A, *(block for block, old, new in states if new is not old)]


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
        self.momentum = momentum

    def update(self, A: Value, dA: Value, V: Value, rate: Value) -> Sequence[Value]:
        """As in the class's docstring."""
        G = self.decayed(A, dA)
        if _is_zero(self.momentum):
            return A - rate * G, V
        V = self.momentum * V + G
        return A - rate * V, V


class Adam(Optimizer):
    """Kingma and Ba 2015, algorithm 1, with weight decay.

    G = dA + weight_decay A; in step t, counted from 1:

        M = b1 M + (1 - b1) G     S = b2 S + (1 - b2) G^2
        A = A - learning_rate (M / (1 - b1^t)) / (sqrt(S / (1 - b2^t)) + e)

    b1 is 0.9, b2 0.999, e 1e-8. So each parameter moves by about the learning rate, however large its gradient is.
    """

    state_names = ("first_moment", "second_moment")
    squares = frozenset({"second_moment"})
    corrections = ("c1", "c2")
    B1, B2, E = 0.9, 0.999, 1e-8

    def corrections_of(self, step: int) -> tuple[float, ...]:
        """c1 = 1 - b1^t and c2 = 1 - b2^t."""
        return 1 - self.B1**step, 1 - self.B2**step

    def update(self, A: Value, dA: Value, M: Value, S: Value, rate: Value, c1: Value, c2: Value) -> Sequence[Value]:
        """As in the class's docstring."""
        G = self.decayed(A, dA)
        M = self.B1 * M + (1 - self.B1) * G
        S = self.B2 * S + (1 - self.B2) * G**2
        return A - rate / c1 * (M / (np.sqrt(S / c2) + self.E)), M, S


def _is_zero(rate: Value) -> bool:
    """Whether a rate is the number 0, so that its term can be left out. A symbol of a formula is not."""
    return isinstance(rate, float | int) and rate == 0


def scheduled(schedule: str, learning_rate: float, epoch: int, epochs: int) -> float:
    """The rate of an epoch, counted from 1: constant, or half a cosine from the learning rate towards 0.

    Loshchilov and Hutter 2017, equation 5, without restarts and with the lowest rate 0.
    """
    if schedule == "constant":
        return learning_rate
    return learning_rate * (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}


@dataclass(frozen=True)
class UpdateFormula:
    """An optimizer's update as terms: its arguments, which are symbols, and its results."""

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
