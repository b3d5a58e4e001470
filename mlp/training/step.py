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
from numpy.typing import NDArray

from mlp.data.dataset import WHITE
from mlp.gates import Array, Shape
from mlp.network import MLP, decide, write_targets
from mlp.node import Node, ancestors, backward_order
from mlp.plan import Binder, Call, aligned_empty
from mlp.trace import Term, count_uses, parts
from mlp.training.active_inputs import OrderedParameters
from mlp.training.factors import Scaled, Terms


MAX_STEPS = 64
"""Steps in a block: more are hardly faster."""
MAX_PRODUCTS = 80_000_000
"""Multiplications in the products of a block's steps, some four milliseconds of one core."""
UPDATE = 16
"""A step's work for each parameter besides the products, in multiplications: the norm and the update."""


def steps_in_a_block(n: int, parameters: int) -> int:
    """The number of steps, on n images each, that are so short that signals can wait until all are taken."""
    return max(1, min(MAX_STEPS, MAX_PRODUCTS // ((n + UPDATE) * parameters)))


@dataclass(frozen=True)
class StepFormula:
    """Both passes of a network as one formula.

    X are pixels 0..255 and one more that is always 255: its weights, the last row of W1, are b1. So one product computes
    X W1 + b1, and another dW1 and db1. The symbols are the inputs and parameters, and dE, by name. dE must be 1/n;
    multiplied by a number, it multiplies all gradients.
    """

    symbols: Mapping[str, Term]
    loss: Scaled
    """L"""
    P: Term
    gradients: Mapping[str, Term]
    """By the parameters' names."""
    nodes: Sequence[tuple[str, Term]]
    """What the values and gradients of all nodes are computed from, in this order, by name: Z1, ..., dZ1."""
    dE: float
    """1/n"""

    @classmethod
    def of(cls, network: MLP, shapes: Mapping[str, Shape]) -> "StepFormula":
        """The formula for inputs and parameters of these shapes; n is the number of examples."""
        graph, terms, E, n = network.graph, Terms(), network.loss_node, shapes["X"][0]
        symbols = {name: Term(shape, symbol=name) for name, shape in shapes.items() if name != "n"}
        values = {graph.node(name): Scaled(1, symbol) for name, symbol in symbols.items()}
        values[graph.node("X")] = Scaled(1 / float(WHITE), symbols["X"])
        values[graph.node("n")] = Scaled(1, terms.number(n))

        def formula(node: Node) -> Any:
            return graph.formulas.of(node.gate, *(values[source].term.shape for source in node.inputs))

        nodes = ancestors(graph.node("L"), graph.node("P"))
        first_bias = next(node for node in nodes if graph.node("b1") in node.inputs)
        for node in nodes:
            if node is first_bias:
                values[node] = values[node.inputs[0]]
            elif node.gate is not None:
                given = dict(zip(formula(node).inputs, (values[source] for source in node.inputs), strict=True))
                values[node] = terms.inlined(formula(node).value, given)
        symbols["dE"] = Term((), symbol="dE")
        gradients = {E: Scaled(1, symbols["dE"])}
        for node, _, edges in backward_order(nodes, E):
            if node is first_bias:
                gradients[node.inputs[0]] = gradients[node]
                continue
            known = (*(values[source] for source in node.inputs), values[node], gradients[node])
            given = dict(zip(formula(node).symbols, known, strict=True))
            for edge, term in zip(edges, formula(node).gradients, strict=True):
                if edge is not None and term is not None:
                    new, source = terms.inlined(term, given), edge.source
                    gradients[source] = new if edge.first else terms.total(gradients[source], new)
        L, P = values[graph.node("L")], terms.times(*values[graph.node("P")])
        wanted = {name: gradients[graph.node(name)] for name in network.shapes if name in shapes}
        uses = count_uses(L.term, P, *(gradient.term for gradient in wanted.values()))
        placed = {name: terms.placed(gradient, uses) for name, gradient in wanted.items()}
        found = [(node.name, scaled.term) for node, scaled in values.items()] + [("P", P)]
        found += [(f"d{node.name}", scaled.term) for node, scaled in gradients.items()]
        return cls(symbols, L, P, placed, found, 1 / n)


class StepPlan:
    """The bound calls of a block of steps on batches of one size.

    pixels: (steps, n, active pixels), bytes. For each block fill ``pixels``, call ``set_classes``, then ``run``.
    ``passes`` and ``update`` are the calls of the first step, ``calls`` those of all steps. ``inputs`` are Y, and with
    class weights w, (steps, ...).
    """

    computed: list[str]
    """What each call of ``passes`` helps to compute: X, values and gradients by their nodes' names, and the norm."""

    def __init__(self, parameters: OrderedParameters, pixels: NDArray[np.uint8]):
        self.pixels, self.network, self.optimizer = pixels, parameters.network, parameters.optimizer
        self.length, self.n, inputs = pixels.shape
        precision, of_each = self.network.precision, (self.length, self.n)
        shapes = self.network.input_shapes(self.n, inputs)
        self.inputs = {name: np.empty((self.length, *shapes[name]), precision) for name in shapes.keys() - {"X", "n"}}
        self._P = np.empty((*of_each, self.network.sizes[-1]), precision)
        self._losses, self._squares = np.empty(self.length, precision), np.empty(self.length, precision)
        self._corrections = np.empty((self.length, len(self.optimizer.corrections)), precision)
        self._dE = np.empty((), precision)
        shapes["X"] = self.n, inputs + 1
        parameter_shapes = {name: value.shape for name, (value, _) in parameters.with_bias_row.items()}
        self._formula = StepFormula.of(self.network, shapes | parameter_shapes)
        self.passes = self._bind_passes(parameters)
        self.update = self.optimizer.calls(self._corrections[0], of_steps=self.optimizer.takes_steps)
        blocks = [pixels, *self.inputs.values(), self._P, self._losses, self._squares, self._corrections]
        self.calls = list(repeated([*self.passes, *self.update], blocks))

    def _bind_passes(self, parameters: OrderedParameters) -> list[Call]:
        """The calls of the first step up to the gradient's norm; those of later steps only have other rows."""
        formula, parameter_arrays = self._formula, parameters.with_bias_row
        X = aligned_empty(formula.symbols["X"].shape, self.network.precision)
        X[:, -1] = WHITE
        arrays = {"X": X, "dE": self._dE, **{name: rows[0] for name, rows in self.inputs.items()}}
        arrays |= {name: value for name, (value, _) in parameter_arrays.items()}
        wanted = [("L", formula.loss.term, self._losses[:1].reshape(())), ("P", formula.P, self._P[0])]
        wanted += [(f"d{name}", term, parameter_arrays[name][1]) for name, term in formula.gradients.items()]
        roots = [term for _, term, _ in wanted]
        binder = Binder(self.network.precision)
        binder.enter({formula.symbols[name]: array for name, array in arrays.items()}, count_uses(*roots))
        needed, targets = set(parts(*roots)), {term: out for _, term, out in reversed(wanted)}
        results = [(name, term, targets.get(term)) for name, term in formula.nodes if term in needed and term.arguments]
        self.computed = ["X"]
        for name, term, out in [*results, *wanted]:
            binder.compute(term, out)
            self.computed += [name] * (1 + len(binder.calls) - len(self.computed))
        self.computed.append("norm")
        dA = parameters.gradient_block
        norm = partial(np.dot, dA, dA, self._squares[:1].reshape(()))
        return [partial(np.copyto, X[:, :-1], self.pixels[0]), *binder.calls, norm]

    def set_classes(self, classes: NDArray[Any]) -> None:
        """Write the targets and weights of the block's examples, (steps n,)."""
        self.classes = classes
        for name, rows in self.inputs.items():
            rows_of_block = rows.reshape(-1, *rows.shape[2:])[: len(classes)]
            if name == "Y":
                write_targets(classes, rows_of_block)
            else:
                rows_of_block[...] = self.network.example_weights(classes)

    def run(self, steps: int) -> None:
        """Take this many steps, without a look at signals."""
        self._prepare(steps)
        deque(map(call, self.calls[: steps * len(self.calls) // self.length]), maxlen=0)

    def run_passes(self) -> None:
        """Only the passes of the first step, which change no parameter; a signal is noticed between two calls."""
        self._prepare(1)
        for bound in self.passes:
            bound()

    def run_update(self) -> None:
        """Only the update of the first step."""
        for bound in self.update:
            bound()

    def _prepare(self, steps: int) -> None:
        """Set the numbers that differ from block to block."""
        optimizer = self.optimizer
        self._dE[...] = self._formula.dE * self._scale
        if self._corrections.size:
            first = optimizer.steps + 1
            self._corrections[:steps] = [optimizer.corrections_of(step) for step in range(first, first + steps)]

    @property
    def _scale(self) -> float:
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
        scale = self._scale
        return [math.sqrt(square) / scale for square in self._squares[:steps].tolist()]

    def errors(self, steps: int) -> int:
        """The number of examples that were misclassified, each before its step's update."""
        P = self._P[:steps].reshape(steps * self.n, -1)
        return int(np.count_nonzero(decide(P) != self.classes[: len(P)]))


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
