"""A graph as staged code, as in the lecture notes: a line for each node forward, then the gradients in reverse order.

The code is a Python program that needs only NumPy: it leaves each value in the node's name and each gradient in
``d`` + name. Its lines come from the gates' formulas, its order and its sums from the graph.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlp.circuits.formula_text import Code, plain, plain_if_equal
from mlp.gates import Array
from mlp.graph import ComputationalGraph
from mlp.node import Node, backward_order
from mlp.plan import VIEWS
from mlp.system.printable import listed
from mlp.trace import Term

COMMENT_COLUMN = 56
"""Comments begin here, or right after a longer line."""
MAX_LINE_CHARACTERS = 100
"""A longer line of an input array is split: one line per row."""
MAX_QUOTE_CHARACTERS = 40
"""A backward line's comment quotes the forward line if that is shorter."""
MAX_USES_NAMED = 8
"""A comment names the lines that use a value; if there are more, only their number."""

FormOf = Callable[[ComputationalGraph, Node, Term], Term]
"""From a term of the formula of a node's gate the form in which it is written: the plain one or itself."""


@dataclass(frozen=True)
class Line:
    """A line of the listing."""

    text: str
    kind: Literal["heading", "values", "given", "forward", "start", "backward", "zeros"] = "heading"
    node: Node | None = None
    """The node whose value or gradient it sets; in a backward line the node whose gate it runs."""
    position: int = 0
    """The position of the gate's input that gets the gradient of a backward line."""


def plain_here(graph: ComputationalGraph, node: Node, term: Term) -> Term:
    """A term of the formula of a node's gate: its plain form, if that has the same numbers in the latest pass."""
    formula = graph.formula(node)
    if plain(formula, term) is term:
        return term
    values = [graph.value(source.name) for source in (*node.inputs, node)]
    values.append(graph.gradient(node.name) if graph.has_gradient(node) else np.zeros_like(values[-1]))
    numbers = {symbol: value.astype(float) for symbol, value in zip(formula.symbols, values, strict=True)}
    return plain_if_equal(formula, term, numbers)


def staged(graph: ComputationalGraph, output: Node) -> str:
    """The listing as text."""
    return "\n".join(line.text for line in lines(graph, output))


def lines(graph: ComputationalGraph, output: Node, form: FormOf = plain_here) -> list[Line]:
    """The listing of the graph's latest pass, which must have computed every node, forward and backward.

    ``form`` chooses the form of each term.
    """
    code = {node: text for node in graph.nodes if (text := forward_code(graph, node, form)) is not None}
    backward = f"# backward: dNAME is the derivative of {differentiated(graph, output)} with respect to NAME"
    return [
        *map(Line, ("import numpy as np", "")),
        Line("# values", "values"),
        *_given(graph),
        *map(Line, ("", "# forward")),
        *_forward(code),
        *map(Line, ("", backward)),
        Line(f"d{output.name} = {number(graph.gradient(output.name))}", "start", output),
        *_backward(graph, output, code, form),
        *_zeros(graph, output),
    ]


def forward_code(graph: ComputationalGraph, node: Node, form: FormOf = plain_here) -> str | None:
    """A node's forward line, as Python in the names of its gate's inputs; None for a leaf."""
    return None if node.gate is None else _code(graph, node, graph.formula(node).value, form)


def _code(graph: ComputationalGraph, node: Node, term: Term, form: FormOf) -> str:
    """A term of the formula of a node's gate, as Python in the names of the graph."""
    written = form(graph, node, term)
    as_number = ".item()" * (written.function is np.where and not written.shape)  # or += would change it in place
    return Code(names(graph, node)).write(written) + as_number


def names(graph: ComputationalGraph, node: Node) -> dict[Term, str]:
    """The listing's text for each symbol in the formula of a node's gate: a name or a constant.

    A number that is the only constant of several inputs stays as it is in the source; else Python would compute with
    integers.
    """
    formula, inputs = graph.formula(node), []
    as_float = len(node.inputs) == 1 or sum(source.constant for source in node.inputs) > 1
    for source, gradient in zip(node.inputs, formula.gradients, strict=True):
        value, text, is_index = graph.value(source.name), source.name, gradient is None
        if source.constant and (value.ndim or as_float or is_index):
            text = number(value.astype(int) if is_index else value)
        inputs.append(f"({text})" if text.startswith("-") else text)
    return dict(zip(formula.symbols, (*inputs, node.name, f"d{node.name}"), strict=True))


def number(value: Array) -> str:
    """A value as Python that reads back to the same float64, on one line."""
    return f"np.array({value.tolist()})" if value.ndim else repr(value.item())


def differentiated(graph: ComputationalGraph, output: Node) -> str:
    """The scalar whose derivatives the backward pass computes, as text."""
    upstream = graph.gradient(output.name)
    if not upstream.ndim:
        return output.name if upstream == 1 else f"d{output.name} * {output.name}"
    return f"sum({output.name})" if np.all(upstream == 1) else f"sum(d{output.name} * {output.name})"


def _given(graph: ComputationalGraph) -> Iterator[Line]:
    """The lines that set the leaves; a long array has a line per row, class indices are whole numbers."""
    indices = graph.class_indices
    for leaf in graph.nodes:
        if leaf.gate is None and not leaf.constant:
            value = graph.value(leaf.name)
            text = f"{leaf.name} = {number(value.astype(int) if leaf in indices else value)}"
            if len(text) > MAX_LINE_CHARACTERS:
                text = text.replace("], ", f"],\n{' ' * (len(leaf.name) + 13)}")
            yield Line(text, "given", leaf)


def _forward(code: Mapping[Node, str]) -> Iterator[Line]:
    """A numbered line for each gate."""
    for line, (node, text) in enumerate(code.items(), start=1):
        yield Line(_commented(f"{node.name} = {text}", f"({line})"), "forward", node)


def _backward(graph: ComputationalGraph, output: Node, code: Mapping[Node, str], form: FormOf) -> Iterator[Line]:
    """A line for each gradient that a gate sends to an input, the last gate first; ``code``: the forward lines."""
    numbers = {node: line for line, node in enumerate(code, start=1)}
    order = list(backward_order(graph.nodes, output))
    uses: dict[Node, list[int]] = defaultdict(list)
    for node, _, edges in order:
        for source in (edge.source for edge in edges if edge is not None):
            uses[source].append(numbers[node])
    named = {source: _and(lines) for source, lines in uses.items() if len(lines) > 1}
    for node, _, edges in order:
        comment = f"back through ({numbers[node]}) {node.name}"
        if len(code[node]) < MAX_QUOTE_CHARACTERS:
            comment += f" = {code[node]}"
        for position, (edge, gradient) in enumerate(zip(edges, graph.formula(node).gradients, strict=True)):
            if edge is None or gradient is None:
                continue
            name = edge.source.name
            text = f"d{name} {'=' if edge.first else '+='} {_code(graph, node, gradient, form)}"
            if edge.first and edge.source in named and is_view(gradient):
                text += ".copy()"  # or a later += would change the other array too
            why = "" if edge.first else f"; += because {name} is used in {named[edge.source]}"
            yield Line(_commented(text, comment + why), "backward", node, position)


def is_view(term: Term) -> bool:
    """Whether the code of a term is an array that has another name too, or that cannot be written to."""
    if term.function not in VIEWS:
        return term.function is None and bool(term.shape)
    (argument,) = term.arguments
    return bool(argument.shape) if term.function is np.broadcast_to else is_view(argument)


def _zeros(graph: ComputationalGraph, output: Node) -> Iterator[Line]:
    """The gradients of the nodes that the output does not depend on."""
    indices = graph.class_indices
    for node in graph.nodes:
        if node.needs_gradient and not graph.has_gradient(node) and node not in indices:
            code = f"d{node.name} = {number(np.zeros_like(graph.value(node.name)))}"
            yield Line(_commented(code, f"{output.name} does not depend on {node.name}"), "zeros", node)


def _commented(code: str, comment: str) -> str:
    return f"{code:{COMMENT_COLUMN}}  # {comment}"


def _and(lines: Sequence[int]) -> str:
    """Line numbers as text: (1), (2) and (3), each once; if there are many, only how many."""
    words = [f"({line})" for line in sorted(set(lines))]
    if len(words) > MAX_USES_NAMED:
        return f"{len(words)} lines"
    return listed(words) + " twice" * (len(words) == 1)
