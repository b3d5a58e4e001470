"""Both passes of a network as one formula.

The graph has a formula for each gate (``trace``). Here each is written into the next one, so that the loss, P and the
gradients become terms of the inputs and parameters alone, with constant factors on the smallest arrays (``factors``).
``step`` binds these terms to memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlp.gates import Shape, largest_exponent
from mlp.graph import ComputationalGraph
from mlp.losses import Operation
from mlp.network import MLP
from mlp.node import Node, ancestors, backward_order
from mlp.trace import Formula, Term, count_uses, parts
from mlp.training.factors import Scaled, Terms


@dataclass(frozen=True)
class StepFormula:
    """What a training step computes before the update: P and the gradients; the loss only counts for the history.

    X has one more column, which is always ``scale``, and so 1 when scaled: its weights, the last row of W1, are b1. So
    one product computes X W1 + b1, and another dW1 and db1.
    """

    symbols: Mapping[str, Term]
    """The inputs, the parameters and dE, by name."""
    outputs: Mapping[str, Term]
    """P and the loss's input, which for the cross-entropy are the logits, by their names."""
    gradients: Mapping[str, Term]
    """By the parameters' names."""
    nodes: Sequence[tuple[str, Term]]
    """Name and term of each node's value, then of each node's gradient, in the order of the passes: Z1, ..., dZ1."""
    upstream: float
    """The number for dE, 1/n: all gradients are multiples of it."""

    @classmethod
    def of(cls, network: MLP, shapes: Mapping[str, Shape], scale: float) -> "StepFormula":
        """The formula for inputs and parameters of these shapes, and for X whose numbers are divided by ``scale``."""
        graph, terms, n = network.graph, Terms(), shapes["X"][0]
        symbols = {name: Term(shape, symbol=name) for name, shape in shapes.items() if name != "n"}
        values = {graph.node(name): Scaled(1, symbol) for name, symbol in symbols.items()}
        values[graph.node("X")] = Scaled(1 / scale, symbols["X"])
        values[graph.node("n")] = Scaled(1, terms.number(n))
        symbols["dE"] = Term((), symbol="dE")
        passes = _Passes(graph, terms, values, {network.loss_node: Scaled(1, symbols["dE"])})
        nodes = ancestors(graph.node("L"), graph.node("P"))
        passes.run_forward(nodes)
        passes.run_backward(nodes, network.loss_node)
        names = dict.fromkeys((network.loss_node.inputs[0].name, "P"))
        outputs = {name: terms.times(*values[graph.node(name)]) for name in names}
        mean = graph.node("L")
        of_mean = _Passes(graph, terms, values, {mean: Scaled(1, Term((), symbol="dL"))})
        of_mean.run_backward([mean], mean)
        gradients = {name: passes.gradients[graph.node(name)] for name in network.shapes if name in shapes}
        uses = count_uses(*outputs.values(), *(gradient.term for gradient in gradients.values()))
        placed = {name: terms.placed(gradient, uses) for name, gradient in gradients.items()}
        in_order = [(node.name, value.term) for node, value in values.items()] + list(outputs.items())
        in_order += [(f"d{node.name}", gradient.term) for node, gradient in passes.gradients.items()]
        return cls(symbols, outputs, placed, in_order, of_mean.gradients[network.loss_node].factor)

    @property
    def results(self) -> list[tuple[str, Term]]:
        """Name and term of what a step computes: the outputs, and the gradients."""
        return [*self.outputs.items(), *((f"d{name}", term) for name, term in self.gradients.items())]

    @property
    def roots(self) -> list[Term]:
        """The terms of the results."""
        return [term for _, term in self.results]

    @property
    def of_targets(self) -> list[Term]:
        """The operations of our own that need only Y, such as one-hot rows of class indices."""
        found = (term for term in parts(*self.roots) if isinstance(term.function, Operation))
        return [term for term in found if term.arguments == (self.symbols["Y"],)]


class _Passes:
    """The two passes of a graph on terms in place of arrays.

    ``values`` holds those of the inputs and parameters, ``gradients`` that of the output; the passes add all others.
    """

    def __init__(
        self, graph: ComputationalGraph, terms: Terms, values: dict[Node, Scaled], gradients: dict[Node, Scaled]
    ):
        self.values, self.gradients = values, gradients
        self._graph, self._terms, self._b1 = graph, terms, graph.node("b1")
        self._clip = -largest_exponent(graph.precision)

    def run_forward(self, nodes: Sequence[Node]) -> None:
        """Add the value of each node."""
        for node in nodes:
            if self._b1 in node.inputs:
                self.values[node] = self.values[node.inputs[0]]  # X W1 has b1 in it
            elif node.gate is not None:
                formula = self._formula(node)
                known = self._known(formula, formula.inputs, self._inputs(node))
                self.values[node] = self._terms.inlined(formula.value, known)

    def run_backward(self, nodes: Sequence[Node], output: Node) -> None:
        """Add the gradient of each node before the output."""
        for node, _, edges in backward_order(nodes, output):
            if self._b1 in node.inputs:
                self.gradients[node.inputs[0]] = self.gradients[node]
                continue
            formula = self._formula(node)
            arguments = [*self._inputs(node), self.values[node], self.gradients[node]]
            known = self._known(formula, formula.symbols, arguments)
            for edge, term in zip(edges, formula.gradients, strict=True):
                if edge is not None and term is not None:
                    new, source = self._terms.inlined(term, known), edge.source
                    self.gradients[source] = new if edge.first else self._terms.total(self.gradients[source], new)

    def _known(self, formula: Formula, symbols: Sequence[Term], values: Sequence[Scaled]) -> dict[Term, Scaled]:
        """The values of a formula's symbols; a clipped logit is the logit itself.

        Training ignores overflow: where exp(-Z) is infinite, its sigmoid is 0 in place of 1e-38.
        """
        known = dict(zip(symbols, values, strict=True))
        for exact, plain in formula.plain.items():
            if exact.function is np.maximum and any(term.number == self._clip for term in exact.arguments):
                known[exact] = self._terms.inlined(plain, known)
        return known

    def _inputs(self, node: Node) -> list[Scaled]:
        return [self.values[source] for source in node.inputs]

    def _formula(self, node: Node) -> Formula:
        assert node.gate is not None  # noqa: S101 - it is computed
        return self._graph.formulas.of(node.gate, *(value.term.shape for value in self._inputs(node)))
