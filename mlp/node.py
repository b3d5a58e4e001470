"""The nodes of a computational graph, the ancestors of a node, and the order in which gradients flow back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlp.gates import Gate


@dataclass(frozen=True, eq=False)
class Node:
    """A named value of the graph: a leaf (no gate), or the output of a gate whose inputs are other nodes."""

    index: int
    name: str
    gate: Gate | None
    inputs: tuple["Node", ...]
    needs_gradient: bool
    """Whether the backward pass computes the gradient with respect to this node."""
    constant: bool = False
    """Whether it is a literal, a number or an array; its name is its source text."""

    def __repr__(self) -> str:
        return f"<{self.gate.name if self.gate else 'leaf'} {self.name}>"


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
