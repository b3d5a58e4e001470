"""The nodes of a computational graph, the ancestors of a node, and the order in which gradients flow back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike

from mlp import gates
from mlp.gates import Gate, Power, Value

GATES: dict[np.ufunc, type[Gate]] = {
    np.add: gates.Add,
    np.subtract: gates.Subtract,
    np.multiply: gates.Multiply,
    np.divide: gates.Divide,
    np.matmul: gates.Matmul,
    np.negative: gates.Negate,
    np.exp: gates.Exponential,
    np.log: gates.Logarithm,
    np.sqrt: gates.Sqrt,
    np.sin: gates.Sine,
    np.cos: gates.Cosine,
    np.tanh: gates.Tanh,
    np.absolute: gates.Absolute,
    np.maximum: gates.Max,
}
"""The gates of operators, and of NumPy's functions, of nodes."""


@dataclass(eq=False, repr=False)
class Node(NDArrayOperatorsMixin):
    """A named value of the graph: a leaf (no gate), or the output of a gate whose inputs are other nodes.

    Operators and NumPy's functions make new nodes, and numbers and arrays in them become constants of the graph:

        q = x + y
        f = q * z
        f.forward()
        f.backward()
        x.gradient
    """

    index: int
    name: str
    gate: Gate | None
    inputs: tuple["Node", ...]
    needs_gradient: bool
    """Whether the backward pass computes the gradient with respect to this node."""
    graph_reference: Callable[[], Any]
    """Returns the graph that it belongs to, or None if that no longer exists."""
    constant: bool = False
    """Whether it is a literal, a number or an array; its name is its source text."""

    __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__  # a node is equal to itself alone

    @property
    def graph(self) -> Any:
        """The graph that it belongs to. Raises ValueError if the node has none, as a copy of a node alone."""
        graph = self.graph_reference()
        if graph is None:
            raise ValueError(f"the node {self.name} has no graph any more: keep the graph, or copy it with its nodes")
        return graph

    def forward(self, **inputs: ArrayLike) -> Value:
        """Run the gates that this node needs, and return its value; see the graph's ``forward``."""
        return self.graph.forward(self, **inputs)

    def backward(self, upstream: ArrayLike = 1.0) -> None:
        """Fill the gradients of this node's latest forward pass; see the graph's ``backward``.

        Raises ValueError if the graph's latest forward pass was another node's.
        """
        self.graph.backward(upstream, output=self)

    @property
    def value(self) -> Value:
        """Its value in the graph's latest forward pass; see the graph's ``value``. It can be set: w.value -= 0.1."""
        return self.graph.value(self.name)

    @value.setter
    def value(self, numbers: ArrayLike) -> None:
        self.graph.value(self.name)[...] = numbers

    @property
    def gradient(self) -> Value:
        """Its gradient in the graph's latest backward pass; see the graph's ``gradient``."""
        return self.graph.gradient(self.name)

    def apply(self, gate: Gate, *inputs: "Node | ArrayLike") -> "Node":
        """A node for the gate's output; see the graph's ``apply``."""
        node: Node = self.graph.apply(gate, *inputs)
        return node

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Node":
        if ufunc is np.power:
            base, exponent = (one.item() if isinstance(one, np.generic) else one for one in inputs)
            if not isinstance(exponent, int | float):
                raise TypeError(f"the exponent of ** must be a number, not {exponent!r}")
            return self.apply(Power(exponent), base)
        if ufunc not in GATES or method != "__call__" or options:
            raise TypeError(f"no gate computes np.{ufunc.__name__} of nodes like this: write node.apply(GATE, ...)")
        return self.apply(GATES[ufunc](), *inputs)

    def __repr__(self) -> str:
        graph = self.graph_reference()
        return graph.describe(self) if graph else f"<{self.name}, a node without its graph>"

    def __getstate__(self) -> dict[str, Any]:
        """The state for pickle and copy.deepcopy; the graph of the copies puts its reference into them."""
        return self.__dict__ | {"graph_reference": lost_graph}


def lost_graph() -> None:
    """The reference of a copied node to a graph that was not copied with it."""


def ancestors(*outputs: Node) -> list[Node]:
    """The outputs and every node that they depend on, in topological order."""
    found, stack = set(outputs), list(outputs)
    while stack:
        for node in stack.pop().inputs:
            if node not in found:
                found.add(node)
                stack.append(node)
    return sorted(found, key=lambda node: node.index)


@dataclass(frozen=True)
class GradientEdge:
    """A gradient that flows back from a gate to one of its inputs."""

    source: Node
    first: bool
    """Whether it is the first gradient to reach the input. The first is written, later ones are added."""


def backward_order(nodes: Sequence[Node], output: Node) -> Iterator[tuple[Node, Gate, list[GradientEdge | None]]]:
    """Each gate that the output's gradient flows back through, the last gate first, and an edge for each of its inputs.

    In this order a gradient is complete before it is used. The edge is None if the input needs no gradient or
    is a class index.
    """
    reached = {output}
    for node in reversed(nodes):
        if node.gate is None or node not in reached or not node.needs_gradient:
            continue
        edges: list[GradientEdge | None] = []
        for position, source in enumerate(node.inputs):
            has_edge = source.needs_gradient and position not in node.gate.indices
            edges.append(GradientEdge(source, source not in reached) if has_edge else None)
            if has_edge:
                reached.add(source)
        if any(edges):
            yield node, node.gate, edges
