"""Optimizers: what one step does with the gradients. Nothing else changes a parameter.

A and dA are a network's flat blocks of parameters and gradients: an optimizer knows no layers. Its equation is written
once, in ``update``, in plain NumPy; ``trace`` records it, and ``plan`` binds it to the blocks, as with the gates.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from mlp.gates import Array, Value
from mlp.plan import Binder, Call, aligned_empty
from mlp.trace import Term, count_uses, trace_function

SMALLEST_FACTOR = 1e-3
"""A gradient is multiplied by the learning rate where it is made only if the rate is at least this: the squares of
smaller numbers, which the gradient's norm needs, could become 0 in float32."""


def aligned(block: Array) -> Array:
    """A copy of a flat block that begins at a cache line."""
    copy = aligned_empty(block.shape, block.dtype)
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
    corrections: ClassVar[tuple[str, ...]] = ()
    """The names of the numbers that differ from step to step; ``corrections_of`` gives them."""

    @staticmethod
    def keeps_idle(**rates: float) -> bool:
        """Whether a step with these rates leaves a parameter unchanged if its gradient is 0."""
        return False

    def __init__(self, A: Array, dA: Array, *, learning_rate: float, weight_decay: float = 0.0):
        self.A, self.dA, self.steps = A, dA, 0
        self.state: Mapping[str, Array] = {name: aligned(np.zeros_like(A)) for name in self.state_names}
        self.learning_rate = np.array(learning_rate, A.dtype)
        self.weight_decay = weight_decay
        self._can_be_folded = learning_rate >= SMALLEST_FACTOR

    def set_learning_rate(self, rate: float) -> None:
        """Take the next steps with this rate."""
        self.learning_rate[...] = rate

    @abstractmethod
    def update(self, A: Value, dA: Value, *state_rate_and_corrections: Value) -> Sequence[Value]:
        """The new A, and the new blocks of the state."""

    def corrections_of(self, step: int) -> tuple[float, ...]:
        """The corrections in a step, counted from 1."""
        return ()

    def decayed(self, A: Value, dA: Value) -> Value:
        """G: the gradient with the weight decay."""
        return dA + self.weight_decay * A if self.weight_decay else dA

    def step(self) -> None:
        """Take one step against the gradient."""
        self.steps += 1
        self._own_corrections[...] = self.corrections_of(self.steps)
        for call in self._own_calls:
            call()

    @cached_property
    def _own_corrections(self) -> Array:
        return np.empty(len(self.corrections), self.A.dtype)

    @cached_property
    def _own_calls(self) -> list[Call]:
        return self.calls(self._own_corrections)

    @cached_property
    def _formula(self) -> tuple[list[Term], list[Term]]:
        """The symbols of the update, and its results."""
        numbers = dict.fromkeys(("rate", *self.corrections), ())
        shapes = dict.fromkeys(("A", "dA", *self.state_names), self.A.shape) | numbers
        return trace_function(self.update, shapes, self.A.dtype)

    @cached_property
    def _step_term(self) -> Term | None:
        """The learning rate times dA, if the update needs nothing else of dA."""
        symbols, results = self._formula
        dA, rate, uses = symbols[1], symbols[2 + len(self.state)], count_uses(*results)
        users = [term for term in uses if dA in term.arguments]
        is_step = uses[dA] == 1 and users[0].function is np.multiply and set(users[0].arguments) == {rate, dA}
        return users[0] if is_step else None

    @property
    def changed_blocks(self) -> list[Array]:
        """A, and the blocks of the state that steps change."""
        symbols, (_, *new_state) = self._formula
        old_state = symbols[2 : 2 + len(new_state)]
        changed = zip(self.state.values(), old_state, new_state, strict=True)
        return [self.A, *(block for block, old, new in changed if old is not new)]

    @property
    def takes_steps(self) -> bool:
        """Whether ``calls`` can take the learning rate times dA in place of dA.

        That depends on the first learning rate, not on a schedule: a resumed run computes as it did before.
        """
        return self._can_be_folded and self._step_term is not None

    def calls(self, corrections: Array, *, of_steps: bool = False) -> list[Call]:
        """The NumPy calls of one update. They read the corrections from this array.

        With ``of_steps``, ``dA`` holds the gradient times the learning rate already: then plain SGD is one call.
        """
        symbols, results = self._formula
        arrays = [self.A, self.dA, *self.state.values(), self.learning_rate]
        arrays += [corrections[k : k + 1].reshape(()) for k in range(len(corrections))]
        given = dict(zip(symbols, arrays, strict=True))
        if of_steps:
            assert self._step_term is not None  # noqa: S101 - as ``takes_steps`` says
            given[self._step_term] = self.dA
        binder = Binder(self.A.dtype)
        binder.enter(given, count_uses(*results))
        new_A, *new_state = results
        for term, block in zip(new_state, self.state.values(), strict=True):
            binder.compute(term, block)
        binder.compute(new_A, self.A)
        return binder.calls


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
        if not self.momentum:
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


def scheduled(schedule: str, learning_rate: float, epoch: int, epochs: int) -> float:
    """The rate of an epoch, counted from 1: constant, or half a cosine from the learning rate towards 0.

    Loshchilov and Hutter 2017, equation 5, without restarts and with the lowest rate 0.
    """
    if schedule == "constant":
        return learning_rate
    return learning_rate * (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}
