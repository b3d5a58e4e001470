"""A network's passes as a table: for each gate the forward equation, the gradients it sends back, and all shapes.

Rows are the n examples; A' is A transposed; dA is the derivative of the loss with respect to A.
"""

from collections.abc import Sequence
from itertools import count

from mlp.circuits.formula_text import Code, Mathematics, plain, texts_for
from mlp.gates import Elementwise
from mlp.network import MLP
from mlp.node import GradientEdge, Node, backward_order
from mlp.system.text_table import markdown
from mlp.trace import Formula, parts


def network_table(network: MLP) -> str:
    """The passes of ``loss`` and ``backward`` as a Markdown table, one row per gate."""
    nodes = network.graph.nodes
    n = next(k for k in count(2) if k not in network.sizes)
    plan = network.batch(n).plan
    edges = {node: edges for node, _, edges in backward_order(nodes, nodes[-1])}
    known: dict[str, str] = {}
    """The names of the values so far, by their code."""

    def shown(node: Node) -> str:
        lengths = ["n" if length == n else str(length) for length in plan.values[node].shape]
        return f"({', '.join(lengths)}{',' * (len(lengths) == 1)})" if lengths else "scalar"

    rows = []
    for node, formula in plan.formulas.items():
        upstream = "1" if node is nodes[-1] else f"d{node.name}"
        names = texts_for(formula, [source.name for source in node.inputs], node.name, upstream)
        value = f"{node.name} = {_value(node, formula, Mathematics(names, known))}"
        known.setdefault(Code(names).write(plain(formula, formula.value)), node.name)
        back = _gradients(node, formula, edges.get(node, ()), Mathematics(names, known))
        shapes = ", ".join(f"d{source.name} {shown(source)}" for source in back)
        rows.append((value, shown(node), ", ".join(back.values()) + _not_computed(node, edges), shapes))
    return markdown(("forward", "shape", "backward", "shape"), rows)


def _value(node: Node, formula: Formula, text: Mathematics) -> str:
    """What a node is equal to; an elementwise gate of one input is written as a function of it."""
    gate = node.gate
    if isinstance(gate, Elementwise) and len(node.inputs) == 1 and not vars(gate) and gate.name.isidentifier():
        return f"{gate.name}({node.inputs[0].name})"
    return text.write(plain(formula, formula.value))


def _gradients(
    node: Node, formula: Formula, edges: Sequence[GradientEdge | None], text: Mathematics
) -> dict[Node, str]:
    """The backward equation of each input that gets a gradient."""
    n = {symbol for symbol, source in zip(formula.inputs, node.inputs, strict=True) if source.name == "n"}
    back: dict[Node, str] = {}
    for edge, gradient in zip(edges, formula.gradients, strict=False):
        if edge is not None and gradient is not None:
            equation = f"d{edge.source.name} {'=' if edge.first else '+='} {text.write(plain(formula, gradient))}"
            equation += ", the only place where n appears" * (not n.isdisjoint(parts(gradient)))
            back[edge.source] = f"{back[edge.source]}, {equation}" if edge.source in back else equation
    return back


def _not_computed(node: Node, edges: dict[Node, list[GradientEdge | None]]) -> str:
    """The table's words about gradients that are not computed."""
    if node not in edges:
        return "nothing: it is only for predictions"
    if node.inputs[0].name == "X" and edges[node][0] is None:
        return " (dX is never computed: nothing needs it)"
    return ""
