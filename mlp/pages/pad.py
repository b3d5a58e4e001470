"""The data of the report's pad: the network, sample images, and the distance beyond which a drawing is novel.

In the page, templates/report/pad.js is the pad, and answer.js beside it prepares the drawing and runs the network's
gates, whose passes ``javascript.Script`` writes.
"""

from typing import Any

import numpy as np

from mlp.data import novelty, preparation
from mlp.data.dataset import Dataset
from mlp.evaluation import Evaluation
from mlp.figures.style import sign_colors
from mlp.gates import Gate
from mlp.graph import ComputationalGraph
from mlp.network import MLP, RANGES
from mlp.node import Node, ancestors
from mlp.pages import frame
from mlp.pages.javascript import Script
from mlp.runs.finished import FinishedRun
from mlp.system.errors import InputError

SAMPLES, ALL_SAMPLES = 3, 20
"""Test images to try of each digit, and of all digits together."""


def pad_facts(
    run: FinishedRun, evaluation: Evaluation, training: Dataset, *, few: bool
) -> tuple[dict[str, Any], Script]:
    """The facts, ready for JSON, and the script with the passes of the network's gates.

    ``training`` are the page's training images, with which drawings are compared. ``few``: whether the digits are few
    enough to list them in a sentence. Raises InputError as ``Script.nodes`` and ``activation_gates``.
    """
    script, activations = Script(), activation_gates(run.network)
    facts = {
        "digits": run.config.data.labels,
        "few": few,
        "sizes": run.network.sizes,
        "white": evaluation.images.largest_input,
        "nodes": script.nodes(from_image(run.network)),
        "activations": list(activations),
        "output_gate": str(activations["P"]),
        "parameters": {name: frame.packed(array) for name, array in run.network.parameters.items()},
        "preparation": {
            "shape": run.image_shape,
            "max_extent": preparation.max_extent(run.image_shape),
            "faint": preparation.FAINT,
            "tie": preparation.TIE,
        },
        "novelty": {
            "reduction": novelty.reduction(run.image_shape),
            "centre": novelty.CENTRE,
            "surround": novelty.SURROUND,
            "percent_within": round(100 * novelty.QUANTILE),
            "threshold": novelty.threshold(novelty.features(training.pixels(), training.image_shape)),
        },
        "sign_colors": frame.packed(sign_colors()),
        "samples": _samples(evaluation),
    }
    return facts, script


def from_image(network: MLP) -> ComputationalGraph:
    """The network's gates from X to P in float64, run once for one image, X (1, inputs).

    X needs a gradient, the parameters do not.
    """
    graph, found = ComputationalGraph(), dict[Node, Node]()
    for node in ancestors(network.graph.node("P")):
        if node.gate is not None:
            inputs = (found[source] for source in node.inputs)
            found[node] = graph.apply(node.gate, *inputs, name=node.name)
        elif node.name == "X":
            found[node] = graph.input(node.name, needs_gradient=True)
        else:
            found[node] = graph.leaf(node.name, network.parameters[node.name], needs_gradient=False)
    graph.forward(X=np.zeros((1, network.sizes[0])))
    return graph


def activation_gates(network: MLP) -> dict[str, Gate]:
    """The gate that computes each layer's activation, by the activation's name: Z3, Z6, ..., P.

    Raises InputError if the smallest and the largest value of an activation are not known.
    """
    names = [*(f"Z{3 * layer}" for layer in range(1, len(network.sizes) - 1)), "P"]
    gates = {node.name: node.gate for node in map(network.graph.node, names) if node.gate is not None}
    for name, gate in gates.items():
        if type(gate) not in RANGES:
            raise InputError(
                f"mlp/network.py: RANGES has no limits for the {gate} gate, which computes {name}: add its smallest "
                "and its largest value"
            )
    return gates


def _samples(evaluation: Evaluation) -> dict[str, Any]:
    """Test images to try: for each digit the most confident prediction, the median one, and the least confident.

    Of many digits there are the most and the least confident ones, or only the most confident ones.
    """
    images, chosen = evaluation.images, []
    count = max(1, min(SAMPLES, ALL_SAMPLES // len(images.digits)))
    for target in range(len(images.digits)):
        order = evaluation.most_confident_first(target)
        places = (0, len(order) - 1, len(order) // 2)[:count]
        chosen += [order[k] for k in sorted(set(places))]
    positions = np.array(chosen)
    return {
        "images": frame.packed(images.pixels(positions)),
        "labels": images.labels[positions].tolist(),
        "indices": images.indices[positions].tolist(),
    }
