"""The nodes of a computational graph, what leads to one, and the way that gradients take back from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlp.gates import Gate


@dataclass(frozen=True, eq=False)
class Node:
    """A named value of the graph: a leaf (no gate), or what its gate makes of its input nodes."""

    index: int
    name: str
    gate: Gate | None
    inputs: tuple["Node", ...]
    wanted: bool
    """Whether the gradient with respect to this node is asked for, or lies on the way to one that is."""
    constant: bool = False
    """Whether it is a number or an array that stands for itself, its name being its text."""

    def __repr__(self) -> str:
        return f"<{self.gate.name if self.gate else 'leaf'} {self.name}>"


def ancestors(*outputs: Node) -> list[Node]:
    """The outputs and every node that they are made from, in topological order."""
    found, stack = set(outputs), list(outputs)
    while stack:
        for node in stack.pop().inputs:
            if node not in found:
                found.add(node)
                stack.append(node)
    return sorted(found, key=lambda node: node.index)


@dataclass(frozen=True)
class GradientEdge:
    """A gradient on its way back from a gate to one of its inputs."""

    source: Node
    first: bool
    """Whether it is the first to reach the input, and is written; a later one is added."""


def backward_order(nodes: Sequence[Node], output: Node) -> Iterator[tuple[Node, Gate, list[GradientEdge | None]]]:
    """Each gate through which the output's gradient flows, the last first, and where its inputs' gradients go.

    In this order a gradient is complete before it is used. None for an input whose gradient nobody wants, or
    that is a class index.
    """
    reached = {output}
    for node in reversed(nodes):
        if node.gate is None or node not in reached or not node.wanted:
            continue
        flows: list[GradientEdge | None] = []
        for position, source in enumerate(node.inputs):
            goes = source.wanted and position not in node.gate.indices
            flows.append(GradientEdge(source, source not in reached) if goes else None)
            if goes:
                reached.add(source)
        if any(flows):
            yield node, node.gate, flows
