"""A network's passes as a table: for each gate the forward equation, the gradients it sends back, and all shapes.

Rows are the n examples; A' is A transposed; dA is the derivative of the loss with respect to A.
"""

from collections.abc import Sequence
from itertools import count

from mlp.gates import Add, Divide, Gate, Matmul, Shape, Sigmoid
from mlp.losses import CrossEntropyLoss, EuclideanLoss
from mlp.network import MLP
from mlp.node import GradientEdge, Node, backward_order
from mlp.system.text_table import markdown

NOTATION: dict[type[Gate], tuple[str, ...]] = {
    Matmul: ("{A} {B}", "{dC} {B}'", "{A}' {dC}"),
    Add: ("{A} + {B}", "{dC}", "{dC}"),
    Sigmoid: ("sigmoid({Z})", "{P} (1 - {P}) {dP}"),
    EuclideanLoss: ("1/2 sum ({P} - {Y})^2", "({P} - {Y}) {dE}", ""),
    CrossEntropyLoss: ("-sum ({Y} log P + (1 - {Y}) log(1 - P))", "(P - {Y}) {dE}", ""),
    Divide: ("{A} / {B}", "1/{B}, the only place where n appears", ""),
}
"""For each gate of a network the value and each input's gradient, in the symbols of the gate's forward pass."""


def network_table(network: MLP) -> str:
    """The passes of ``loss`` and ``backward`` as a Markdown table, one row per gate."""
    nodes = network.graph.nodes
    n = next(k for k in count(2) if k not in network.sizes)
    shapes = _shapes(network, n)
    edges = {node: edges for node, _, edges in backward_order(nodes, nodes[-1])}

    def shown(node: Node) -> str:
        lengths = ["n" if length == n else str(length) for length in shapes[node]]
        return f"({', '.join(lengths)}{',' * (len(lengths) == 1)})" if lengths else "scalar"

    rows = []
    for node in nodes:
        if node.gate is not None:
            value, gradients = _equations(node, node.gate, edges.get(node, []), shapes)
            back = ", ".join(f"d{source.name} {shown(source)}" for source in gradients)
            rows.append((value, shown(node), ", ".join(gradients.values()) + _not_computed(node, edges), back))
    return markdown(("forward", "shape", "backward", "shape"), rows)


def _shapes(network: MLP, n: int) -> dict[Node, Shape]:
    """Each node's shape for a batch of n examples, without computing anything."""
    given = {"X": (n, network.sizes[0]), "Y": (n, 1), "n": (), **network.shapes}
    shapes: dict[Node, Shape] = {}
    for node in network.graph.nodes:
        inputs = [shapes[source] for source in node.inputs]
        shapes[node] = node.gate.output_shape(*inputs) if node.gate else given[node.name]
    return shapes


def _equations(
    node: Node, gate: Gate, edges: Sequence[GradientEdge | None], shapes: dict[Node, Shape]
) -> tuple[str, dict[Node, str]]:
    """The forward equation, and the backward equation of each input that gets a gradient."""
    names = gate.substitution(node.name, [source.name for source in node.inputs])
    value, *gradients = (template.format(**names) for template in NOTATION[type(gate)])
    back: dict[Node, str] = {}
    for edge, gradient in zip(edges, gradients, strict=False):
        if edge is not None:
            over_rows = "sum over rows of " if isinstance(gate, Add) and shapes[edge.source] != shapes[node] else ""
            back[edge.source] = f"d{edge.source.name} = {over_rows}{gradient}"
    return f"{node.name} = {value}", back


def _not_computed(node: Node, edges: dict[Node, list[GradientEdge | None]]) -> str:
    """The table's words about gradients that are not computed."""
    if node not in edges:
        return "nothing: it is only for predictions"
    if node.inputs[0].name == "X" and edges[node][0] is None:
        return " (dX is never computed: nothing needs it)"
    return ""
