"""Both passes for one image, gate by gate, in a page that trains a network: the drawing and the listing of each kind.

A network's kind is its loss, its number of hidden layers, and their activation. Of all sizes, what is made here depends
only on the number of outputs. It has no numbers: templates/playground/image_passes.js fills them in.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from mlp.circuits.drawing.part import text_width
from mlp.circuits.drawing.picture import ROOM, labelled, latest
from mlp.circuits.notation import rows_of
from mlp.network import ACTIVATIONS, LOSSES, MLP, classes_of
from mlp.pages.javascript import Script
from mlp.pages.stepping import drawing_facts, stepping_facts

HIDDEN_LAYERS = (1, 2, 3)
SIZE = 5
"""Pixels and hidden units of the network that is drawn: enough that arrays are shown by their shape."""
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
    numbers = sorted(set(hidden_layers) - {0})
    kinds = [(loss, 0, WIDEST) for loss in LOSSES] + list(product(LOSSES, numbers, ACTIVATIONS))
    facts = {}
    for loss, layers, activation in kinds:
        network = _network(loss, layers, outputs, activation, class_weights)
        drawing = _drawing(loss, layers, outputs, has_weights=class_weights is not None)
        own = {"drawing": _with_symbol(drawing["drawing"], activation)}
        facts[f"{loss} {layers} {activation}" if layers else f"{loss} 0"] = _facts(network, script) | drawing | own
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


@cache
def _drawing(loss: str, layers: int, outputs: int, *, has_weights: bool) -> dict[str, Any]:
    """The drawing of such a network with the widest activation, with room for numbers and shapes."""
    network = _network(loss, layers, outputs, WIDEST, [1] * classes_of(outputs) if has_weights else None)
    _run(network, 1)
    room = {
        node: [WIDEST_SHAPE] if SIZE in value.shape else rows_of(np.full_like(value, ROOM))
        for node, value in network.graph.latest_plan.values.items()
    }
    return drawing_facts(labelled(network.graph, latest(network.graph), "", room), NAME)


def _with_symbol(drawing: str, activation: str) -> str:
    """The drawing with the symbol of this activation for the widest one."""
    return str(drawing).replace(f">{ACTIVATIONS[WIDEST].symbol}<", f">{ACTIVATIONS[activation].symbol}<")
