"""Training steps as NumPy calls: both passes and the optimizer's update, for a block of steps.

The graph's own plan (``mlp.plan``) keeps every value and gradient. A training step needs only the new parameters, the
loss and P. So its calls come from one formula (``step_formula``), then from the optimizer's update. The calls of all
steps in a block are one list, which runs without Python code between them.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from operator import call
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlp.data.dataset import WHITE
from mlp.gates import Array
from mlp.network import decide, write_targets
from mlp.plan import Binder, Call, aligned_empty
from mlp.trace import Term, count_uses, parts
from mlp.training.active_inputs import OrderedParameters
from mlp.training.block_loss import BlockLoss
from mlp.training.step_formula import StepFormula

MAX_STEPS = 64
"""Steps in a block: more are hardly faster."""
MAX_BYTES = 600_000
"""Bytes of a block's ``rows``. One call that gathers many of them is faster than several; more would not stay in a
core's cache."""
MAX_PRODUCTS = 80_000_000
"""Multiplications in the products of a block's steps, some four milliseconds of one core."""
UPDATE_PRODUCTS = 16
"""A step's work for each parameter besides the products, in multiplications: the norm and the update."""


class StepPlan:
    """The bound calls of a block of at most ``length`` steps on batches of n examples.

    For each block fill ``rows``, (length, n, active inputs), call ``set_classes``, then ``run``. Rows of bytes are
    pixels 0..255, which are divided by ``scale``; rows of another type are X itself.
    """

    def __init__(
        self, parameters: OrderedParameters, length: int, n: int, dtype: DTypeLike = np.uint8, scale: float = WHITE
    ):
        self.length, self.n, self.network, self.optimizer = length, n, parameters.network, parameters.optimizer
        inputs = len(parameters.leaves["W1"][0])
        self.rows = np.empty((length, n, inputs), dtype)
        self._scale = scale if self.rows.dtype == np.uint8 else 1.0
        shapes = self.network.input_shapes(n, inputs)
        parameter_shapes = {name: value.shape for name, (value, _) in parameters.with_bias_row.items()}
        self._formula = StepFormula.of(self.network, shapes | parameter_shapes | {"X": (n, inputs + 1)}, self._scale)

        def rows_of(*shape: int) -> Array:
            """A row for each step, of numbers that any gate takes."""
            return np.zeros((length, *shape), self.network.precision)

        self.inputs = {name: rows_of(*shape) for name, shape in shapes.items() if name not in ("X", "n")}
        """Y, and w if the network has weights, of each step."""
        self._of_targets = {term: rows_of(*term.shape) for term in self._formula.of_targets}
        self._outputs = {name: rows_of(*term.shape) for name, term in self._formula.outputs.items()}
        self._squared_norms, self._losses = rows_of(), [0.0]
        self._logits, *targets = (node.name for node in self.network.loss_node.inputs)
        self._loss = BlockLoss(self.network, [self._outputs[self._logits], *(self.inputs[name] for name in targets)])
        self._corrections = rows_of(len(self.optimizer.corrections))
        self._dE = np.empty((), self.network.precision)
        self.passes = self._bind_passes(parameters)
        """The calls of the first step up to the gradient's norm."""
        self.update = self.optimizer.calls(self._corrections[0], is_scaled=True)
        """The calls of the first step's update."""
        filled = [self.rows, *self.inputs.values(), *self._of_targets.values(), self._corrections]
        blocks = [*filled, *self._outputs.values(), self._squared_norms]
        self.calls = list(unrolled([*self.passes, *self.update], blocks))
        """Those of all steps."""

    def __repr__(self) -> str:
        return f"StepPlan({self.length:,} steps on {self.n:,} examples)"

    def _bind_passes(self, parameters: OrderedParameters) -> list[Call]:
        """Bind the terms of the formula node by node, so that what both passes need is computed in the forward pass."""
        formula, arrays = self._formula, parameters.with_bias_row
        X = aligned_empty(formula.symbols["X"].shape, self.network.precision)
        X[:, -1] = self._scale
        known = {formula.symbols["X"]: X, formula.symbols["dE"]: self._dE}
        known |= {formula.symbols[name]: rows[0] for name, rows in self.inputs.items()}
        known |= {formula.symbols[name]: value for name, (value, _) in arrays.items()}
        known |= {term: rows[0] for term, rows in self._of_targets.items()}
        outputs = [*(rows[0] for rows in self._outputs.values()), *(arrays[name][1] for name in formula.gradients)]
        results = [(name, term, output) for (name, term), output in zip(formula.results, outputs, strict=True)]
        output_of = {term: output for _, term, output in reversed(results)}  # the first one of a term with two
        needed = set(parts(*formula.roots)) - known.keys()
        nodes = [(name, term, output_of.get(term)) for name, term in formula.nodes if term in needed]
        binder = Binder(self.network.precision)
        binder.enter(known, count_uses(*formula.roots))
        self.computed = ["X"]
        """For each of ``passes`` what it helps to compute: X, a node's value or gradient by name, or the norm."""
        calls_to: dict[Term, int] = {}
        for name, term, output in [*nodes, *results]:
            binder.compute(term, output)
            calls_to.setdefault(term, len(binder.calls))
            self.computed += [name] * (1 + len(binder.calls) - len(self.computed))
        self._calls_to_loss = 1 + calls_to[formula.outputs[self._logits]]
        self.computed.append("norm")
        dA = parameters.gradient_block
        squared_norm = partial(np.dot, dA, dA, self._squared_norms[:1].reshape(()))
        return [partial(np.copyto, X[:, :-1], self.rows[0]), *binder.calls, squared_norm]

    def set_classes(self, classes: NDArray[Any], weights: Array | None = None) -> None:
        """Write the targets of the block's examples, and their weights if the network has any; both (steps n,).

        ``weights`` are multiplied by those of the classes.
        """
        self.classes = classes

        def of_examples(rows: Array) -> Array:
            """A row for each example, those of all steps one after the other."""
            return rows.reshape(-1, *rows.shape[2:])[: len(classes)]

        Y = of_examples(self.inputs["Y"])
        write_targets(classes, Y)
        for term, rows in self._of_targets.items():
            operation: Any = term.function
            operation.compute(Y, **dict(term.options), out=of_examples(rows))
        if "w" in self.inputs:
            w = of_examples(self.inputs["w"])
            w[...] = self.network.example_weights(classes)
            if weights is not None:
                w *= weights

    def run(self, steps: int) -> None:
        """Take this many steps. Python handles signals only afterwards."""
        self._prepare(steps)
        deque(map(call, self.calls[: steps * len(self.calls) // self.length]), maxlen=0)  # a loop in C
        self._losses = self._loss.compute(steps)

    def run_passes(self) -> None:
        """Only the passes of the first step, which change no parameter. A signal can interrupt them."""
        self._prepare(1)
        for bound in self.passes:
            bound()
        self._losses = self._loss.compute(1)

    def loss(self) -> float:
        """The loss of the first step; only the calls that it needs are made."""
        for bound in self.passes[: self._calls_to_loss]:
            bound()
        return self._loss.compute(1)[0]

    def run_update(self) -> None:
        """Only the update of the first step."""
        for bound in self.update:
            bound()

    def _prepare(self, steps: int) -> None:
        """Set the numbers that differ from block to block."""
        optimizer = self.optimizer
        self._dE[...] = self._formula.upstream * optimizer.gradient_scale
        for k in range(steps if optimizer.corrections else 0):
            self._corrections[k] = optimizer.corrections_of(optimizer.steps + 1 + k)

    def is_finite(self, steps: int) -> bool:
        """Whether the losses and gradients of the first steps are finite."""
        return math.isfinite(sum(self._losses[:steps]) + sum(self._squared_norms[:steps].tolist()))

    def losses(self, steps: int) -> list[float]:
        """The loss L of each step, before its update."""
        return self._losses[:steps]

    def norms(self, steps: int) -> list[float]:
        """The Euclidean norm of each step's gradient."""
        scale = self.optimizer.gradient_scale
        return [math.sqrt(square) / scale for square in self._squared_norms[:steps].tolist()]

    def errors(self, steps: int) -> int:
        """The number of examples that were misclassified, each before its step's update."""
        P = self._outputs["P"][:steps].reshape(steps * self.n, self.network.sizes[-1])
        return int(np.count_nonzero(decide(P) != self.classes[: len(P)]))


class StepPlans(dict[int, StepPlan]):
    """The plans by batch size: blocks of full batches, and a single step for the short last batch."""

    def __init__(
        self, parameters: OrderedParameters, batch_size: int, dtype: DTypeLike = np.uint8, scale: float = WHITE
    ):
        super().__init__()
        self._parameters, self._batch_size, self._dtype, self._scale = parameters, batch_size, dtype, scale

    def __missing__(self, n: int) -> StepPlan:
        inputs, count = len(self._parameters.leaves["W1"][0]), len(self._parameters.gradient_block)
        by_work = MAX_PRODUCTS // ((n + UPDATE_PRODUCTS) * count)  # signals wait until a block is done
        by_memory = MAX_BYTES // (n * inputs * np.dtype(self._dtype).itemsize)
        length = max(1, min(MAX_STEPS, by_work, by_memory)) if n == self._batch_size else 1
        self[n] = StepPlan(self._parameters, length, n, self._dtype, self._scale)
        return self[n]


def unrolled(calls: Sequence[Any], blocks: Sequence[Array]) -> Iterator[Call]:
    """The calls of as many steps as each block has rows; ``calls`` are the first step's, bound to the first rows.

    In a later step an array within the first row of a block becomes the same part of the step's own row.
    """
    spans = [(block, block.ctypes.data, block.strides[0]) for block in blocks if block.size]
    places: dict[int, tuple[Array, int]] = {}  # by the id of such an array: its block, and its offset there in bytes
    arguments = [(*bound.args, *bound.keywords.values()) for bound in calls]
    for array in {id(value): value for values in arguments for value in values}.values():
        address = array.ctypes.data if isinstance(array, np.ndarray) else 0
        for block, first, row_bytes in spans:
            if first <= address < first + row_bytes:
                places[id(array)] = block, address - first

    def moved(value: Any, k: int) -> Any:
        if id(value) not in places:
            return value
        block, offset = places[id(value)]
        return np.ndarray(value.shape, value.dtype, block, offset + k * block.strides[0], value.strides)

    moves = [any(id(value) in places for value in values) for values in arguments]
    yield from calls
    for k in range(1, len(blocks[0])):
        for bound, is_moved in zip(calls, moves, strict=True):
            if is_moved:
                options = {name: moved(value, k) for name, value in bound.keywords.items()}
                yield partial(bound.func, *(moved(value, k) for value in bound.args), **options)
            else:
                yield bound
