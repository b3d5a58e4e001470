"""A graph as staged code, as in the lecture notes: a line for each node forward, then the gradients in reverse order.

The code is a Python program that needs only NumPy: it leaves each value in the node's name and each gradient in
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

COMMENT_COLUMN = 56
"""Comments begin here, or right after a longer line."""
MAX_LINE_CHARACTERS = 100
"""A longer line of an input array is split: one line per row."""
MAX_QUOTE_CHARACTERS = 40
"""A backward line's comment quotes the forward line if that is shorter."""
MAX_USES_NAMED = 8
"""A comment names the lines that use a value; if there are more, only their number."""


@dataclass(frozen=True)
class Line:
    """A line of the listing, and the nodes that it is about: none for a heading."""

    text: str
    kind: Literal["heading", "given", "forward", "start", "backward", "zeros"] = "heading"
    sets: Node | None = None
    """The node whose value it sets, or whose gradient it sets or adds to."""
    gate: Node | None = None
    """The node whose gate a forward or backward line runs."""
    position: int = 0
    """The position of the gate's input that gets the gradient of a backward line."""
    added: bool = False
    """Whether a backward line adds to a gradient instead of setting it."""


def staged(graph: ComputationalGraph, output: Node) -> str:
    """The listing as text."""
    return "\n".join(line.text for line in lines(graph, output))


def lines(graph: ComputationalGraph, output: Node) -> list[Line]:
    """The listing of the graph's latest pass, which must have computed every node, forward and backward."""
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
    """A node's forward line, as Python in the names of its gate's inputs; None for a leaf."""
    return None if node.gate is None else equations(graph, node, node.gate, names(graph, node, node.gate))[0]


def names(graph: ComputationalGraph, node: Node, gate: Gate) -> dict[str, str]:
    """The listing's text for each of the gate's symbols, A, dA, ...: a name or a constant."""
    all_constant = all(source.constant for source in node.inputs)
    inputs = [
        _constant(graph, source, all_constant, position in gate.indices) if source.constant else source.name
        for position, source in enumerate(node.inputs)
    ]
    return gate.substitution(node.name, inputs)


def equations(graph: ComputationalGraph, node: Node, gate: Gate, texts: Mapping[str, str]) -> list[str]:
    """The gate's code with texts for its symbols: the value, then each input's gradient, in the input's shape."""
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
    """The scalar whose derivatives the backward pass computes, as text."""
    upstream = graph.gradient(output.name)
    if not upstream.ndim:
        return output.name if upstream == 1 else f"d{output.name} * {output.name}"
    return f"sum({output.name})" if np.all(upstream == 1) else f"sum(d{output.name} * {output.name})"


def _forward(graph: ComputationalGraph) -> list[Line]:
    """A numbered line for each gate."""
    return [
        Line(_commented(f"{node.name} = {formula(graph, node)}", f"({line})"), "forward", node, gate=node)
        for node, line in _line_numbers(graph).items()
    ]


def _backward(graph: ComputationalGraph, output: Node) -> list[Line]:
    """A line for each gradient that a gate sends to an input, the last gate first."""
    numbers = _line_numbers(graph)
    steps = list(backward_order(graph.nodes, output))
    uses: dict[Node, list[int]] = defaultdict(list)
    for node, _, edges in steps:
        for edge in edges:
            if edge is not None:
                uses[edge.source].append(numbers[node])
    lines = []
    for node, gate, edges in steps:
        value, *gradients = equations(graph, node, gate, names(graph, node, gate))
        for position, (edge, gradient) in enumerate(zip(edges, gradients, strict=True)):
            if edge is None:
                continue
            source, name = edge.source, edge.source.name
            if len(uses[source]) > 1 and edge.first and gradient == f"d{node.name}" and graph.value(name).ndim:
                gradient += ".copy()"  # or a later += would change the other gradient too
            comment = f"back through ({numbers[node]}) {node.name}"
            if len(value) < MAX_QUOTE_CHARACTERS:
                comment += f" = {value}"
            if not edge.first:
                comment += f"; += because {name} is used in {_and(uses[source])}"
            text = _commented(f"d{name} {'=' if edge.first else '+='} {gradient}", comment)
            lines.append(Line(text, "backward", source, node, position, not edge.first))
    return lines


def _zeros(graph: ComputationalGraph, output: Node) -> list[Line]:
    """The gradients of the nodes that the output does not depend on."""
    lines = []
    for node in graph.nodes:
        if node.needs_gradient and not graph.has_gradient(node) and node not in graph.class_indices:
            code = f"d{node.name} = {number(np.zeros_like(graph.value(node.name)))}"
            lines.append(Line(_commented(code, f"{output.name} does not depend on {node.name}"), "zeros", node))
    return lines


def _line_numbers(graph: ComputationalGraph) -> dict[Node, int]:
    gates = [node for node in graph.nodes if node.gate is not None]
    return {node: line for line, node in enumerate(gates, start=1)}


def _constant(graph: ComputationalGraph, node: Node, as_float: bool, as_index: bool) -> str:
    """The constant's text; as a float if all inputs are constants, or Python would compute with integers."""
    value = graph.value(node.name)
    if as_index:
        return number(value.astype(int))
    if value.ndim or as_float:
        text = number(value)
        return f"({text})" if text.startswith("-") else text
    return node.name


def _summed(gradient: str, narrow: Shape, wide: Shape) -> str:
    """The code that sums a gradient over its input's broadcast axes."""
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
    """The line that sets a leaf; a long array has a line per row, class indices are whole numbers."""
    value = graph.value(leaf.name)
    if leaf in graph.class_indices:
        value = value.astype(int)
    text = f"{leaf.name} = {number(value)}"
    return text if len(text) <= MAX_LINE_CHARACTERS else text.replace("], ", f"],\n{' ' * (len(leaf.name) + 13)}")


def _commented(code: str, comment: str) -> str:
    return f"{code:{COMMENT_COLUMN}}  # {comment}"


def _and(lines: Sequence[int]) -> str:
    """Line numbers as text: (1), (2) and (3), each once; if there are many, only how many."""
    words = [f"({line})" for line in sorted(set(lines))]
    if len(words) == 1:
        return f"{words[0]} twice"
    if len(words) > MAX_USES_NAMED:
        return f"{len(words)} lines"
    return f"{', '.join(words[:-1])} and {words[-1]}"
