"""A graph as staged code, as in the lecture notes: a line for each node forward, then the gradients in reverse order.

The code is a Python program that needs only NumPy: it leaves each value in the node's name and each gradient in
``d`` + name. Its lines come from the gates' formulas, its order and its sums from the graph.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlp.circuits.formula_text import Code, plain_if_equal, texts_for
from mlp.gates import Array
from mlp.graph import ComputationalGraph
from mlp.node import Node, backward_order
from mlp.trace import Term, reshape

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


def forward_code(graph: ComputationalGraph, node: Node) -> str | None:
    """A node's forward line, as Python in the names of its gate's inputs; None for a leaf."""
    return None if node.gate is None else _code(graph, node, graph.formula(node).value)


def names(graph: ComputationalGraph, node: Node) -> dict[str, str]:
    """The listing's text for each symbol in the formula of a node's gate: a name or a constant."""
    formula = graph.formula(node)
    as_float = len(node.inputs) == 1 or sum(source.constant for source in node.inputs) > 1
    inputs = [
        _constant(graph, source, as_float, gradient is None) if source.constant else source.name
        for source, gradient in zip(node.inputs, formula.gradients, strict=True)
    ]
    return texts_for(formula, inputs, node.name, f"d{node.name}")


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
        Line(_commented(f"{node.name} = {forward_code(graph, node)}", f"({line})"), "forward", node, gate=node)
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
    for node, _, edges in steps:
        value = forward_code(graph, node)
        for position, (edge, gradient) in enumerate(zip(edges, graph.formula(node).gradients, strict=True)):
            if edge is None or gradient is None:
                continue
            source, name, code = edge.source, edge.source.name, _code(graph, node, gradient)
            if len(uses[source]) > 1 and edge.first and is_view(gradient):
                code += ".copy()"  # or a later += would change the other array too
            comment = f"back through ({numbers[node]}) {node.name}"
            if value and len(value) < MAX_QUOTE_CHARACTERS:
                comment += f" = {value}"
            if not edge.first:
                comment += f"; += because {name} is used in {_and(uses[source])}"
            text = _commented(f"d{name} {'=' if edge.first else '+='} {code}", comment)
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
    """The constant's text; as a float if Python would compute with integers: if it is not the only constant."""
    value = graph.value(node.name)
    if as_index:
        return number(value.astype(int))
    text = number(value) if value.ndim or as_float else node.name
    return f"({text})" if text.startswith("-") else text


def _code(graph: ComputationalGraph, node: Node, term: Term) -> str:
    """A term of the formula of a node's gate, as Python in the names of the graph."""
    written = plain_if_equal(graph.formula(node), term, symbol_values(graph, node))
    as_number = ".item()" * (written.function is np.where and not written.shape)  # or += would change it in place
    return Code(names(graph, node)).write(written) + as_number


def symbol_values(graph: ComputationalGraph, node: Node) -> dict[Term, Array]:
    """The numbers of the symbols in the formula of a node's gate, in the listing's float64."""
    formula = graph.formula(node)
    values = [graph.value(source.name) for source in (*node.inputs, node)]
    gradient = graph.gradient(node.name) if graph.has_gradient(node) else np.zeros_like(values[-1])
    symbols = (*formula.inputs, formula.output, formula.upstream)
    return {symbol: value.astype(float) for symbol, value in zip(symbols, [*values, gradient], strict=True)}


def is_view(term: Term) -> bool:
    """Whether the code of a term is an array that has another name too, or that cannot be written to."""
    if term.function is None:
        return bool(term.shape)
    if term.function is np.broadcast_to:
        return bool(term.arguments[0].shape)
    return term.function in (np.transpose, reshape) and is_view(term.arguments[0])


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
