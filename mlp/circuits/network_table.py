"""A network's passes as a table: for each gate the forward equation, the gradients it sends back, and all shapes.

Rows are the n examples; A' is A transposed; dA is the derivative of the loss with respect to A.
"""

import re
from collections.abc import Sequence
from itertools import count

from mlp.circuits.formula_text import Mathematics, plain
from mlp.network import MLP
from mlp.node import GradientEdge, Node, backward_order
from mlp.plan import Plan
from mlp.system.text_table import markdown
from mlp.trace import Formula


def network_table(network: MLP) -> str:
    """The passes of ``loss`` and ``backward`` as a Markdown table, one row per gate."""
    nodes = network.graph.nodes
    shapes, formulas = shape_texts(network), _plan(network).formulas
    edges = {node: edges for node, _, edges in backward_order(nodes, nodes[-1])}
    known: dict[str, str] = {}
    """The names of the values so far, by their equations."""
    rows = []
    for node, formula in formulas.items():
        texts = (*(source.name for source in node.inputs), node.name, "1" if node is nodes[-1] else f"d{node.name}")
        notes = Mathematics(dict(zip(formula.symbols, texts, strict=True)), known)
        value = notes.write(plain(formula, formula.value))
        shown = _as_function(node) or value
        for text in (value, shown):
            known.setdefault(text, node.name)
        back = _backward(node, formula, edges[node], notes) if node in edges else "nothing: it is only for predictions"
        sources = dict.fromkeys(edge.source for edge in edges.get(node, ()) if edge is not None)
        sent = ", ".join(f"d{source.name} {shapes[source]}" for source in sources)
        rows.append((f"{node.name} = {shown}", shapes[node], back, sent))
    return markdown(("forward", "shape", "backward", "shape"), rows)


def shape_texts(network: MLP) -> dict[Node, str]:
    """The shape of each node's array, such as (n, 784)."""
    n = _length(network)
    values = _plan(network).values
    return {node: re.sub(rf"\b{n}\b", "n", str(array.shape or "scalar")) for node, array in values.items()}


def _plan(network: MLP) -> Plan:
    return network.batch(_length(network)).plan


def _length(network: MLP) -> int:
    """A number of examples that is not the length of anything else."""
    return next(k for k in count(2) if k not in network.sizes)


def _as_function(node: Node) -> str:
    """The gate's name and its input, if the gate is of one input, without parameters."""
    gate, (first, *others) = node.gate, node.inputs
    is_function = gate is not None and not others and not vars(gate) and gate.name.isidentifier()
    return f"{gate}({first.name})" if is_function else ""


def _backward(node: Node, formula: Formula, edges: Sequence[GradientEdge | None], notes: Mathematics) -> str:
    """The backward equation of each input that gets a gradient."""
    equations = []
    for edge, gradient in zip(edges, formula.gradients, strict=True):
        if edge is not None and gradient is not None:
            equation = f"d{edge.source.name} {'=' if edge.first else '+='} {notes.write(plain(formula, gradient))}"
            equations.append(equation + ", the only place where n appears" * ("n" in equation.split()))
    is_first = node.inputs[0].name == "X" and edges[0] is None
    return ", ".join(equations) + " (dX is never computed: nothing needs it)" * is_first
