"""Both passes for one image, gate by gate, in a page that trains a network: the drawing and the listing of each kind.

A network's kind is its loss, its number of hidden layers, and their activation. What is made here depends on no other
size than the number of outputs, and has no numbers: templates/playground/image_passes.js gets these as the network
learns.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mlp.circuits.drawing import ROOM, labelled, latest, text_width
from mlp.circuits.notation import rows_of
from mlp.graph import ComputationalGraph
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.pages.javascript import Script
from mlp.pages.stepping import drawing_facts, stepping_facts

HIDDEN_LAYERS = (1, 2, 3)
SIZE = 5
"""The numbers of an image and of a hidden layer here; for so many a drawing shows an array's shape."""
WIDEST_SHAPE = "(0000, 000)"
"""Drawings have room for the shape of an array of up to 9,999 by 999."""
NAME = "passes"
"""The prefix of each id in a drawing."""
WIDEST = max(ACTIVATIONS, key=lambda activation: text_width(ACTIVATIONS[activation].symbol, 1))
"""The activation with the widest symbol: the drawing with it is made, and serves the others."""


def image_passes(
    outputs: int,
    script: Script,
    hidden_layers: Iterable[int] = HIDDEN_LAYERS,
    class_weights: Sequence[float] | None = None,
) -> dict[str, dict[str, Any]]:
    """The facts of each kind of network with this number of outputs, ready for JSON; its gates are added to the script.

    The keys are such as "cross_entropy 2 relu". Without hidden layers a kind has no activation, as "euclidean 0"; such
    networks are always among them. Networks with class weights have the leaf w.
    """
    facts = {}
    for loss in LOSSES:
        network = _network(loss, 0, outputs, WIDEST, class_weights)
        facts[f"{loss} 0"] = _facts(network, script) | _drawing(network.graph)
        for layers in sorted(set(hidden_layers) - {0}):
            drawing: dict[str, Any] = {}
            for activation in sorted(ACTIVATIONS, key=lambda name: name != WIDEST):
                network = _network(loss, layers, outputs, activation, class_weights)
                own = _facts(network, script)
                drawing = drawing or _drawing(network.graph)
                own |= drawing | {"drawing": _with_symbol(drawing["drawing"], activation)}
                facts[f"{loss} {layers} {activation}"] = own
    return facts


def _network(loss: str, layers: int, outputs: int, activation: str, class_weights: Sequence[float] | None) -> MLP:
    options: dict[str, Any] = {"loss": loss, "activation": activation, "class_weights": class_weights}
    return MLP([SIZE] * (layers + 1) + [outputs], precision="float64", **options)


def _run(network: MLP, n: int) -> None:
    """Both passes for n images."""
    graph, shapes = network.graph, network.input_shapes(n, SIZE)
    inputs = {name: np.ones(shape) if name == "n" else np.zeros(shape) for name, shape in shapes.items()}
    graph.forward(graph.node("L"), graph.node("P"), **inputs)
    graph.backward()


def _facts(network: MLP, script: Script) -> dict[str, Any]:
    """The nodes, without shapes, and the listing for one image, without the leaves' numbers.

    Under the cross-entropy L does not depend on P: that its gradient is 0 would be no step of a pass.
    """
    graph = network.graph
    _run(network, 2)  # formulas of a batch of one might not serve others
    nodes = script.nodes(graph)
    for node, own in zip(graph.nodes, nodes, strict=True):
        own.pop("shape", None)
        if node in graph.class_indices:
            own["takes_indices"] = True
    _run(network, 1)
    facts = stepping_facts(graph, graph.node("L"), nodes, left_out=("given", "zeros"))
    leaves = ", ".join(node.name for node in graph.nodes if node.gate is None)
    return facts | {"listing": facts["listing"].replace("# values", f"# values: {leaves}", 1)}


def _drawing(graph: ComputationalGraph) -> dict[str, Any]:
    """The drawing, with room for numbers and shapes."""
    labels = latest(graph)
    room = {
        node: [WIDEST_SHAPE] if SIZE in value.shape else rows_of(np.full_like(value, ROOM))
        for node, value in graph.latest_plan.values.items()
    }
    return drawing_facts(labelled(graph, labels, "", room), NAME)


def _with_symbol(drawing: str, activation: str) -> str:
    """The drawing with the symbol of this activation for the widest one."""
    return str(drawing).replace(f">{ACTIVATIONS[WIDEST].symbol}<", f">{ACTIVATIONS[activation].symbol}<")
