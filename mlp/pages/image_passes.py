"""Both passes for one image, gate by gate, in a page that trains a network: the drawing and the listing of each kind.

A network's kind is its loss, its number of hidden layers, and their activation. What is made here depends on no other
size than the number of outputs, and has no numbers: templates/playground/image_passes.js gets these as the network
learns.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from mlp.circuits.drawing import ROOM, labelled, latest, text_width
from mlp.circuits.notation import rows_of
from mlp.graph import ComputationalGraph
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.pages.frame import packed
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


def image_passes(outputs: int, script: Script, hidden_layers: Iterable[int] = HIDDEN_LAYERS) -> dict[str, Any]:
    """The facts of each kind of network with this number of outputs, packed; the gates are added to the script.

    Unpacked, they are the JSON of an object: from "cross_entropy 2 relu" to what ``stepping`` makes. Without hidden
    layers a kind has no activation, as "euclidean 0"; such networks are always among them.
    """
    numbers = set(hidden_layers) - {0}
    facts = {}
    for loss in LOSSES:
        facts[f"{loss} 0"] = _facts(network := _run(loss, 0, outputs), script) | _drawing(network)
        for layers in sorted(numbers):
            drawing = _drawing(_run(loss, layers, outputs, WIDEST))
            for activation in ACTIVATIONS:
                own = {"drawing": _with_symbol(drawing["drawing"], activation)}
                network = _run(loss, layers, outputs, activation)
                facts[f"{loss} {layers} {activation}"] = _facts(network, script) | drawing | own
    return packed(np.frombuffer(json.dumps(facts).encode(), np.uint8))


def _run(loss: str, layers: int, outputs: int, activation: str = WIDEST) -> ComputationalGraph:
    """The graph of a small network of this kind after both passes for one image."""
    network = MLP([SIZE] * (layers + 1) + [outputs], precision="float64", loss=loss, activation=activation)
    graph = network.graph
    shapes = network.input_shapes(1, SIZE)
    inputs = {name: np.ones(shape) if name == "n" else np.zeros(shape) for name, shape in shapes.items()}
    graph.forward(graph.node("L"), graph.node("P"), **inputs)
    graph.backward()
    return graph


def _facts(graph: ComputationalGraph, script: Script) -> dict[str, Any]:
    """The listing, without the leaves' numbers, and the nodes, without shapes.

    Under the cross-entropy L does not depend on P: that its gradient is 0 would be no step of a pass.
    """
    facts = stepping_facts(graph, graph.node("L"), script, left_out=("given", "zeros"))
    leaves = ", ".join(node.name for node in graph.nodes if node.gate is None)
    facts["listing"] = facts["listing"].replace("# values", f"# values: {leaves}", 1)
    for node in facts["data"]["nodes"]:
        node.pop("shape", None)
    return facts


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
