"""A network's passes as a table: for each gate the forward equation, the gradients it sends back, and all shapes.

Rows are the n examples; A' is A transposed; dA is the derivative of the loss with respect to A.
"""

from collections.abc import Sequence
from itertools import count

from mlp.circuits.formula_text import Mathematics, plain
from mlp.gates import Elementwise, Shape
from mlp.network import MLP
from mlp.node import GradientEdge, Node, backward_order
from mlp.system.text_table import markdown
from mlp.trace import Formula


def network_table(network: MLP) -> str:
    """The passes of ``loss`` and ``backward`` as a Markdown table, one row per gate."""
    nodes = network.graph.nodes
    n = next(k for k in count(2) if k not in network.sizes)
    plan = network.batch(n).plan
    shapes = {node: _shape(value.shape, n) for node, value in plan.values.items()}
    edges = {node: edges for node, _, edges in backward_order(nodes, nodes[-1])}
    known: dict[str, str] = {}
    """The names of the values so far, by their equations."""
    rows = []
    for node, formula in plan.formulas.items():
        texts = (*(source.name for source in node.inputs), node.name, "1" if node is nodes[-1] else f"d{node.name}")
        notes = Mathematics(dict(zip(formula.symbols, texts, strict=True)), known)
        value = notes.write(plain(formula, formula.value))
        known.setdefault(value, node.name)
        sources = dict.fromkeys(edge.source for edge in edges.get(node, ()) if edge is not None)
        rows.append(
            (
                f"{node.name} = {_as_function(node) or value}",
                shapes[node],
                _backward(node, formula, edges.get(node), notes),
                ", ".join(f"d{source.name} {shapes[source]}" for source in sources),
            )
        )
    return markdown(("forward", "shape", "backward", "shape"), rows)


def _shape(shape: Shape, n: int) -> str:
    """A shape with the letter n for the number of examples."""
    lengths = ["n" if length == n else str(length) for length in shape]
    return f"({', '.join(lengths)}{',' * (len(lengths) == 1)})" if lengths else "scalar"


def _as_function(node: Node) -> str:
    """The gate's name and its input, if the gate is elementwise and of one input, without parameters."""
    gate = node.gate
    is_function = (
        isinstance(gate, Elementwise) and len(node.inputs) == 1 and not vars(gate) and gate.name.isidentifier()
    )
    return f"{gate}({node.inputs[0].name})" if is_function else ""


def _backward(node: Node, formula: Formula, edges: Sequence[GradientEdge | None] | None, notes: Mathematics) -> str:
    """The backward equation of each input that gets a gradient, and what is not computed."""
    if edges is None:
        return "nothing: it is only for predictions"
    equations = []
    for edge, gradient in zip(edges, formula.gradients, strict=True):
        if edge is not None and gradient is not None:
            equation = f"d{edge.source.name} {'=' if edge.first else '+='} {notes.write(plain(formula, gradient))}"
            equations.append(equation + ", the only place where n appears" * ("n" in equation.split()))
    is_first = node.inputs[0].name == "X" and edges[0] is None
    return ", ".join(equations) + " (dX is never computed: nothing needs it)" * is_first
