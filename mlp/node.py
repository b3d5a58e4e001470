"""The nodes of a computational graph, the ancestors of a node, and the order in which gradients flow back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from mlp.gates import Add, Array, Divide, Gate, Matmul, Multiply, Negate, Power, Subtract


class Graph(Protocol):
    """What a node needs of its graph; see ``graph.ComputationalGraph``."""

    precision: np.dtype[Any]

    def apply(self, gate: Gate, *inputs: "Node") -> "Node": ...
    def as_node(self, value: "Node | ArrayLike") -> "Node": ...
    def forward(self, output: "Node", /, **inputs: ArrayLike) -> Array: ...
    def backward_from(self, output: "Node", upstream: ArrayLike) -> None: ...
    def value(self, name: str) -> Array: ...
    def gradient(self, name: str) -> Array: ...
    def describe(self, node: "Node") -> str: ...


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """A named value of the graph: a leaf (no gate), or the output of a gate whose inputs are other nodes.

    Operators make new nodes, and numbers and arrays in them become constants of the graph:

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
    graph: Graph
    constant: bool = False
    """Whether it is a literal, a number or an array; its name is its source text."""

    __array_ufunc__ = None  # so that an array on the left leaves the operator to the node

    def forward(self, **inputs: ArrayLike) -> Array:
        """Run the gates that this node needs, and return its value; see the graph's ``forward``."""
        return self.graph.forward(self, **inputs)

    def backward(self, upstream: ArrayLike = 1.0) -> None:
        """Fill the gradients of this node's latest forward pass; see the graph's ``backward``.

        Raises ValueError if the graph's latest forward pass was another node's.
        """
        self.graph.backward_from(self, upstream)

    @property
    def value(self) -> Array:
        """Its value in the graph's latest forward pass; see the graph's ``value``."""
        return self.graph.value(self.name)

    @property
    def gradient(self) -> Array:
        """Its gradient in the graph's latest backward pass; see the graph's ``gradient``."""
        return self.graph.gradient(self.name)

    def __repr__(self) -> str:
        return self.graph.describe(self)

    def _apply(self, gate: Gate, *inputs: Any) -> "Node":
        return self.graph.apply(gate, *map(self.graph.as_node, inputs))

    def __add__(self, other: "Node | ArrayLike") -> "Node":
        return self._apply(Add(), self, other)

    def __radd__(self, other: ArrayLike) -> "Node":
        return self._apply(Add(), other, self)

    def __sub__(self, other: "Node | ArrayLike") -> "Node":
        return self._apply(Subtract(), self, other)

    def __rsub__(self, other: ArrayLike) -> "Node":
        return self._apply(Subtract(), other, self)

    def __mul__(self, other: "Node | ArrayLike") -> "Node":
        return self._apply(Multiply(), self, other)

    def __rmul__(self, other: ArrayLike) -> "Node":
        return self._apply(Multiply(), other, self)

    def __truediv__(self, other: "Node | ArrayLike") -> "Node":
        return self._apply(Divide(), self, other)

    def __rtruediv__(self, other: ArrayLike) -> "Node":
        return self._apply(Divide(), other, self)

    def __matmul__(self, other: "Node | ArrayLike") -> "Node":
        return self._apply(Matmul(), self, other)

    def __rmatmul__(self, other: ArrayLike) -> "Node":
        return self._apply(Matmul(), other, self)

    def __pow__(self, exponent: float) -> "Node":
        if not isinstance(exponent, int | float | np.integer | np.floating):
            raise TypeError(f"the exponent of ** must be a number, not {exponent!r}")
        return self._apply(Power(exponent), self)

    def __neg__(self) -> "Node":
        return self._apply(Negate(), self)


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
