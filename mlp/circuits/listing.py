"""A graph as staged code, as the notes write it: forward one line a node, then backward line by line in reverse.

The code is Python that runs as it stands, with NumPy alone: every value ends in its name, every gradient in
``d`` + name. Its lines come from the gates (``Gate.code``), its order and its sums from the graph.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlp.gates import Array, Elementwise, Gate, Shape
from mlp.graph import ComputationalGraph
from mlp.node import Node, backward_order
from mlp.plan import copied_axes

WIDEST_CODE = 56
"""Characters before the comments of lines that are not longer; longer ones have theirs right behind."""
WIDEST_LINE = 100
LONGEST_QUOTE = 40
MOST_USES = 8


@dataclass(frozen=True)
class Line:
    """A line of the listing, and what of the graph it speaks of: nothing where it is a heading."""

    text: str
    kind: Literal["heading", "given", "forward", "start", "backward", "zeros"] = "heading"
    sets: Node | None = None
    """The node whose value it sets, or to whose gradient it brings all or a part."""
    gate: Node | None = None
    """Forward and backward, the node whose gate it goes through."""
    position: int = 0
    """Backward, which of the gate's inputs the gradient goes to."""
    added: bool = False
    """Backward, whether it adds to a gradient that is there already."""


def staged(graph: ComputationalGraph, output: Node) -> str:
    """The listing of the graph's latest pass, every node of which it must have run, as must ``backward``."""
    return "\n".join(line.text for line in lines(graph, output))


def lines(graph: ComputationalGraph, output: Node) -> list[Line]:
    """The same, line by line."""
    return [
        Line("import numpy as np"),
        Line(""),
        Line("# values"),
        *(Line(_given(graph, node), "given", node) for node in graph.nodes if node.gate is None and not node.constant),
        Line(""),
        Line("# forward"),
        *_forward(graph),
        Line(""),
        Line(f"# backward: dNAME is the derivative of {differentiated(graph, output)} with respect to NAME"),
        Line(f"d{output.name} = {number(graph.gradient(output.name))}", "start", output),
        *_backward(graph, output),
        *_zeros(graph, output),
    ]


def formula(graph: ComputationalGraph, node: Node) -> str | None:
    """What a gate's node is, as Python in the names of its inputs; None for a leaf."""
    return None if node.gate is None else equations(graph, node, node.gate, names(graph, node, node.gate))[0]


def names(graph: ComputationalGraph, node: Node, gate: Gate) -> dict[str, str]:
    """By the gate's symbols, A, dA, ..., what stands for them in the listing: names and constants."""
    all_constant = all(source.constant for source in node.inputs)
    inputs = [
        _constant(graph, source, all_constant, position in gate.indices) if source.constant else source.name
        for position, source in enumerate(node.inputs)
    ]
    return gate.substitution(node.name, inputs)


def equations(graph: ComputationalGraph, node: Node, gate: Gate, texts: Mapping[str, str]) -> list[str]:
    """The gate's code with texts for its symbols: the value, then each input's gradient, in the input's own shape."""
    inputs = [graph.value(source.name) for source in node.inputs]
    value, *gradients = (template.format(**texts) for template in gate.code(*inputs))
    if isinstance(gate, Elementwise):
        C = graph.value(node.name).shape
        gradients = [_summed(text, array.shape, C) for text, array in zip(gradients, inputs, strict=True)]
    return [value, *gradients]


def number(value: Array) -> str:
    """A value as Python that reads back to the same float64, on one line."""
    text = repr(value.tolist())
    return f"np.array({text})" if value.ndim else text


def differentiated(graph: ComputationalGraph, output: Node) -> str:
    """The number that is differentiated, in words."""
    upstream = graph.gradient(output.name)
    if not upstream.ndim:
        return output.name if upstream == 1 else f"d{output.name} * {output.name}"
    return f"sum({output.name})" if np.all(upstream == 1) else f"sum(d{output.name} * {output.name})"


def _forward(graph: ComputationalGraph) -> list[Line]:
    """One numbered line a gate."""
    return [
        Line(_commented(f"{node.name} = {formula(graph, node)}", f"({line})"), "forward", node, gate=node)
        for node, line in _line_numbers(graph).items()
    ]


def _backward(graph: ComputationalGraph, output: Node) -> list[Line]:
    """One line for each input of each gate that a gradient goes to, the last gate first."""
    numbers = _line_numbers(graph)
    steps = list(backward_order(graph.nodes, output))
    uses: dict[Node, list[int]] = defaultdict(list)
    for node, _, flows in steps:
        for flow in flows:
            if flow is not None:
                uses[flow.source].append(numbers[node])
    lines = []
    for node, gate, flows in steps:
        value, *gradients = equations(graph, node, gate, names(graph, node, gate))
        for position, (flow, gradient) in enumerate(zip(flows, gradients, strict=True)):
            if flow is None:
                continue
            source, name = flow.source, flow.source.name
            if len(uses[source]) > 1 and flow.first and gradient == f"d{node.name}" and graph.value(name).ndim:
                gradient += ".copy()"  # what is added later must not reach the other gradient too
            undone = f"back through ({numbers[node]}) {node.name}" + (
                f" = {value}" if len(value) < LONGEST_QUOTE else ""
            )
            if not flow.first:
                undone += f"; += because {name} is used in {_and(uses[source])}"
            text = _commented(f"d{name} {'=' if flow.first else '+='} {gradient}", undone)
            lines.append(Line(text, "backward", source, node, position, not flow.first))
    return lines


def _zeros(graph: ComputationalGraph, output: Node) -> list[Line]:
    """The gradients of what the output does not depend on."""
    class_indices = graph.class_indices
    return [
        Line(
            _commented(
                f"d{node.name} = {number(np.zeros_like(graph.value(node.name)))}", f"{output.name} has no {node.name}"
            ),
            "zeros",
            node,
        )
        for node in graph.nodes
        if node.needs_gradient and not graph.has_gradient(node) and node not in class_indices
    ]


def _line_numbers(graph: ComputationalGraph) -> dict[Node, int]:
    gates = [node for node in graph.nodes if node.gate is not None]
    return {node: line for line, node in enumerate(gates, start=1)}


def _constant(graph: ComputationalGraph, node: Node, as_float: bool, as_index: bool) -> str:
    """The constant's text; a float's where it meets constants alone, so that no integer arithmetic comes of it."""
    value = graph.value(node.name)
    if as_index:
        return number(value.astype(int))
    if value.ndim or as_float:
        text = number(value)
        return f"({text})" if text.startswith("-") else text
    return node.name


def _summed(gradient: str, narrow: Shape, wide: Shape) -> str:
    """The code that sums a gradient over the axes along which its input was copied."""
    if narrow == wide:
        return gradient
    axes = copied_axes(narrow, wide)
    if not narrow:
        return f"np.sum({gradient})"
    axis = f"axis={axes[0] if len(axes) == 1 else axes}"
    if len(narrow) == len(wide):
        return f"np.sum({gradient}, {axis}, keepdims=True)"
    text = f"np.sum({gradient}, {axis})"
    return text if 1 not in narrow else f"{text}.reshape{narrow}"


def _given(graph: ComputationalGraph, leaf: Node) -> str:
    """The line that sets a leaf, long arrays a row a line, class indices as whole numbers."""
    value = graph.value(leaf.name)
    if leaf in graph.class_indices:
        value = value.astype(int)
    text = f"{leaf.name} = {number(value)}"
    return text if len(text) <= WIDEST_LINE else text.replace("], ", f"],\n{' ' * (len(leaf.name) + 13)}")


def _commented(code: str, comment: str) -> str:
    return f"{code:{WIDEST_CODE}}  # {comment}"


def _and(lines: Sequence[int]) -> str:
    """(1), (2) and (3), each once; of many only how many."""
    words = [f"({line})" for line in sorted(set(lines))]
    if len(words) == 1:
        return f"{words[0]} twice"
    if len(words) > MOST_USES:
        return f"{len(words)} lines"
    return f"{', '.join(words[:-1])} and {words[-1]}"
