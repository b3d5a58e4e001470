"""Training steps as NumPy calls: both passes and the optimizer's update, for a block of steps.

The graph's own plan (``plan``) keeps every value and gradient. A training step needs only the new parameters, the loss
and P. So here the formulas of all gates become one, in which constant factors act on the smallest arrays (``factors``),
and the steps of a block run without anything between their calls.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import call
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlp.data.dataset import WHITE
from mlp.gates import Array, Shape
from mlp.losses import Operation
from mlp.network import MLP, decide, write_targets
from mlp.node import Node, ancestors, backward_order
from mlp.plan import Binder, Call, aligned_empty
from mlp.trace import Formula, Term, count_uses, parts
from mlp.training.active_inputs import OrderedParameters
from mlp.training.factors import Scaled, Terms

MAX_STEPS = 64
"""Steps in a block: more are hardly faster."""
MAX_BYTES = 600_000
"""Bytes of the rows of a block. To gather them by one call takes less time than by several."""
MAX_PRODUCTS = 80_000_000
"""Multiplications in the products of a block's steps, some four milliseconds of one core."""
UPDATE = 16
"""A step's work for each parameter besides the products, in multiplications: the norm and the update."""


@dataclass(frozen=True)
class StepFormula:
    """Both passes of a network as one formula.

    X has one more column, which is always white: its weights, the last row of W1, are b1. So one product computes
    X W1 + b1, and another dW1 and db1. The symbols are the inputs and parameters, and dE, by name.
    """

    symbols: Mapping[str, Term]
    loss: Scaled
    """L"""
    P: Term
    gradients: Mapping[str, Term]
    """By the parameters' names."""
    nodes: Sequence[Term]
    """What the values and gradients of all nodes are computed from, in this order."""
    seed: float
    """The number for dE: 1/n. All gradients are multiples of it."""

    @classmethod
    def of(cls, network: MLP, shapes: Mapping[str, Shape], white: float) -> "StepFormula":
        """The formula for inputs and parameters of these shapes, and for X whose numbers are divided by ``white``."""
        graph, terms, E, n = network.graph, Terms(), network.loss_node, shapes["X"][0]
        symbols = {name: Term(shape, symbol=name) for name, shape in shapes.items() if name != "n"}
        values = {graph.node(name): Scaled(1, symbol) for name, symbol in symbols.items()}
        values[graph.node("X")] = Scaled(1 / white, symbols["X"])
        values[graph.node("n")] = Scaled(1, terms.number(n))

        def formula(node: Node) -> Formula:
            assert node.gate is not None  # noqa: S101 - it is computed
            return graph.formulas.of(node.gate, *(values[source].term.shape for source in node.inputs))

        nodes = ancestors(graph.node("L"), graph.node("P"))
        first_bias = next(node for node in nodes if graph.node("b1") in node.inputs)
        for node in nodes:
            if node is first_bias:
                values[node] = values[node.inputs[0]]
            elif node.gate is not None:
                given = dict(zip(formula(node).inputs, (values[source] for source in node.inputs), strict=True))
                values[node] = terms.inlined(formula(node).value, given)

        def given_backward(node: Node, dC: Scaled) -> dict[Term, Scaled]:
            known = (*(values[source] for source in node.inputs), values[node], dC)
            return dict(zip(formula(node).symbols, known, strict=True))

        mean, dL = graph.node("L"), Scaled(1, Term((), symbol="dL"))
        to_sum = formula(mean).gradients[mean.inputs.index(E)]
        assert to_sum is not None  # noqa: S101 - L depends on E
        seed = terms.inlined(to_sum, given_backward(mean, dL)).factor
        symbols["dE"] = Term((), symbol="dE")
        gradients = {E: Scaled(1, symbols["dE"])}
        for node, _, edges in backward_order(nodes, E):
            if node is first_bias:
                gradients[node.inputs[0]] = gradients[node]
                continue
            given = given_backward(node, gradients[node])
            for edge, term in zip(edges, formula(node).gradients, strict=True):
                if edge is not None and term is not None:
                    new, source = terms.inlined(term, given), edge.source
                    gradients[source] = new if edge.first else terms.total(gradients[source], new)
        L, P = values[mean], terms.times(*values[graph.node("P")])
        wanted = {name: gradients[graph.node(name)] for name in network.shapes if name in shapes}
        uses = count_uses(L.term, P, *(gradient.term for gradient in wanted.values()))
        placed = {name: terms.placed(gradient, uses) for name, gradient in wanted.items()}
        found = [*(scaled.term for scaled in values.values()), P, *(scaled.term for scaled in gradients.values())]
        return cls(symbols, L, P, placed, found, seed)

    @property
    def roots(self) -> list[Term]:
        """What a step computes: the loss, but for its factor, P, and the gradients."""
        return [self.loss.term, self.P, *self.gradients.values()]


class StepPlan:
    """The bound calls of a block of at most ``length`` steps on batches of n examples.

    For each block fill ``rows``, (length, n, active inputs), call ``set_classes``, then ``run``. Rows of bytes are
    pixels 0..255, which count as 0..1.
    """

    def __init__(self, parameters: OrderedParameters, length: int, n: int, dtype: DTypeLike = np.uint8):
        self.length, self.n, self.network, self.optimizer = length, n, parameters.network, parameters.optimizer
        inputs = len(parameters.leaves["W1"][0])
        self.rows = np.empty((length, n, inputs), dtype)
        self._white = float(WHITE) if self.rows.dtype == np.uint8 else 1.0
        precision, of_each = self.network.precision, (self.length, self.n)
        shapes = self.network.input_shapes(self.n, inputs)
        self._inputs = {name: np.empty((self.length, *shapes[name]), precision) for name in shapes.keys() - {"X", "n"}}
        self._P = np.empty((*of_each, self.network.sizes[-1]), precision)
        self._losses, self._squares = np.empty(self.length, precision), np.empty(self.length, precision)
        self._corrections = np.empty((self.length, len(self.optimizer.corrections)), precision)
        self._dE = np.empty((), precision)
        shapes["X"] = self.n, inputs + 1
        parameter_shapes = {name: value.shape for name, (value, _) in parameters.with_bias_row.items()}
        self._formula = StepFormula.of(self.network, shapes | parameter_shapes, self._white)
        self._looked_up = {
            term: np.empty((self.length, *term.shape), precision) for term in looked_up(self._formula.roots, "Y")
        }
        self._passes = self._bind_passes(parameters)
        self._update = self.optimizer.calls(self._corrections[0], of_steps=self.optimizer.takes_steps)
        rows = [*self._inputs.values(), *self._looked_up.values(), self._P, self._losses, self._squares]
        blocks = [self.rows, *rows, self._corrections]
        self._calls = list(repeated([*self._passes, *self._update], blocks))

    def _bind_passes(self, parameters: OrderedParameters) -> list[Call]:
        """The calls of the first step up to the gradient's norm; those of later steps only have other rows."""
        formula, parameter_arrays = self._formula, parameters.with_bias_row
        X = aligned_empty(formula.symbols["X"].shape, self.network.precision)
        X[:, -1] = self._white
        arrays = {"X": X, "dE": self._dE, **{name: rows[0] for name, rows in self._inputs.items()}}
        arrays |= {name: value for name, (value, _) in parameter_arrays.items()}
        outputs = [self._losses[:1].reshape(()), self._P[0], *(parameter_arrays[name][1] for name in formula.gradients)]
        wanted = list(zip(formula.roots, outputs, strict=True))
        given = {formula.symbols[name]: array for name, array in arrays.items()}
        given |= {term: rows[0] for term, rows in self._looked_up.items()}
        binder = Binder(self.network.precision)
        binder.enter(given, count_uses(*formula.roots))
        needed, targets = set(parts(*formula.roots)) - given.keys(), dict(reversed(wanted))
        for term in formula.nodes:
            if term in needed:
                binder.compute(term, targets.get(term))
                if term is formula.loss.term:
                    self._calls_to_loss = 1 + len(binder.calls)
        for term, out in wanted:
            binder.compute(term, out)
        dA = parameters.gradient_block
        norm = partial(np.dot, dA, dA, self._squares[:1].reshape(()))
        return [partial(np.copyto, X[:, :-1], self.rows[0]), *binder.calls, norm]

    def set_classes(self, classes: NDArray[Any], weights: Array | None = None) -> None:
        """Write the targets of the block's examples, and their weights if the network has any; both (steps n,).

        ``weights`` are multiplied by those of the classes.
        """
        self.classes = classes
        for name, rows in self._inputs.items():
            rows_of_block = rows.reshape(-1, *rows.shape[2:])[: len(classes)]
            if name == "Y":
                write_targets(classes, rows_of_block)
                for term, found in self._looked_up.items():
                    out = found.reshape(-1, *found.shape[2:])[: len(classes)]
                    operation: Any = term.function
                    operation.compute(rows_of_block, **dict(term.options), out=out)
            else:
                rows_of_block[...] = self.network.example_weights(classes)
                if weights is not None:
                    rows_of_block *= weights

    def run(self, steps: int) -> None:
        """Take this many steps, without a look at signals."""
        self._prepare(steps)
        deque(map(call, self._calls[: steps * len(self._calls) // self.length]), maxlen=0)

    def run_passes(self) -> None:
        """Only the passes of the first step, which change no parameter; a signal is noticed between two calls."""
        self._prepare(1)
        for bound in self._passes:
            bound()

    def loss(self) -> float:
        """The loss of the first step; only the calls up to it are made."""
        self._prepare(1)
        for bound in self._passes[: self._calls_to_loss]:
            bound()
        return self.losses(1)[0]

    def run_update(self) -> None:
        """Only the update of the first step."""
        for bound in self._update:
            bound()

    def _prepare(self, steps: int) -> None:
        """Set the numbers that differ from block to block."""
        optimizer = self.optimizer
        self._dE[...] = self._formula.seed * self.scale
        for k in range(steps if self._corrections.size else 0):
            self._corrections[k] = optimizer.corrections_of(optimizer.steps + 1 + k)

    @property
    def scale(self) -> float:
        """What the gradients are multiplied by."""
        return float(self.optimizer.learning_rate) if self.optimizer.takes_steps else 1.0

    def is_finite(self, steps: int) -> bool:
        """Whether the losses and gradients of the first steps are finite."""
        return math.isfinite(sum(self._losses[:steps].tolist()) + sum(self._squares[:steps].tolist()))

    def losses(self, steps: int) -> list[float]:
        """The loss L of each step, before its update."""
        factor = self._formula.loss.factor
        return [factor * loss for loss in self._losses[:steps].tolist()]

    def norms(self, steps: int) -> list[float]:
        """The Euclidean norm of each step's gradient."""
        scale = self.scale
        return [math.sqrt(square) / scale for square in self._squares[:steps].tolist()]

    def errors(self, steps: int) -> int:
        """The number of examples that were misclassified, each before its step's update."""
        P = self._P[:steps].reshape(steps * self.n, self._P.shape[-1])
        return int(np.count_nonzero(decide(P) != self.classes[: len(P)]))


class StepPlans(dict[int, StepPlan]):
    """The plans for batches of a data set by their size: blocks of full batches, and the short last batch."""

    def __init__(self, parameters: OrderedParameters, batch_size: int, dtype: DTypeLike = np.uint8):
        super().__init__()
        self._parameters, self._batch_size, self._dtype = parameters, batch_size, dtype

    def __missing__(self, n: int) -> StepPlan:
        inputs, count = len(self._parameters.leaves["W1"][0]), len(self._parameters.gradient_block)
        by_work = MAX_PRODUCTS // ((n + UPDATE) * count)  # signals wait until a block is done
        by_memory = MAX_BYTES // (n * inputs * np.dtype(self._dtype).itemsize)
        length = max(1, min(MAX_STEPS, by_work, by_memory)) if n == self._batch_size else 1
        self[n] = StepPlan(self._parameters, length, n, self._dtype)
        return self[n]


def looked_up(roots: Sequence[Term], symbol: str) -> list[Term]:
    """The operations of our own that need nothing but this symbol, as the one-hot rows of class indices."""
    terms = (term for term in parts(*roots) if isinstance(term.function, Operation))
    return [term for term in terms if [argument.symbol for argument in term.arguments] == [symbol]]


def repeated(calls: Sequence[Any], blocks: Sequence[Array]) -> Iterator[Call]:
    """The calls once for each row of the blocks: bound to the first rows, they get the other rows in turn."""
    spans = [(block, block.ctypes.data, block.ctypes.data + block.strides[0]) for block in blocks if block.size]

    def mover(value: Any) -> Callable[[int], Any] | None:
        """What gives the array in row k that lies as this one in row 0; None if it lies in no block."""
        address = value.ctypes.data if isinstance(value, np.ndarray) else 0
        for block, first, end in spans:
            if first <= address < end:
                offset, step = address - first, block.strides[0]
                return lambda k: np.ndarray(value.shape, value.dtype, block, offset + k * step, value.strides)
        return None

    movers = [([mover(value) for value in bound.args], mover(bound.keywords.get("out"))) for bound in calls]
    yield from calls
    for k in range(1, len(blocks[0])):
        for bound, (of_arguments, of_out) in zip(calls, movers, strict=True):
            if not any((*of_arguments, of_out)):
                yield bound
                continue
            arguments = (move(k) if move else value for move, value in zip(of_arguments, bound.args, strict=True))
            yield partial(bound.func, *arguments, **(bound.keywords | ({"out": of_out(k)} if of_out else {})))
