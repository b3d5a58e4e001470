"""The data of the report's pad: the network, sample images, and the distance beyond which a drawing is novel.

In the page, templates/pad.js is the pad, and templates/answer.js prepares the drawing and runs the network.
"""

from typing import Any

import numpy as np

from mlp.data import novelty, preparation
from mlp.data.dataset import Dataset
from mlp.evaluation import Evaluation
from mlp.figures.style import sign_colors
from mlp.gates import Add, Gate, Matmul, Relu, Sigmoid, Softmax, Tanh
from mlp.network import MLP, check_gates
from mlp.pages import frame
from mlp.runs.finished import FinishedRun

SAMPLES, ALL_SAMPLES = 3, 20
"""Test images to try of each digit, and of all digits together."""


def pad_facts(run: FinishedRun, evaluation: Evaluation, training: Dataset, *, few: bool) -> dict[str, Any]:
    """Ready for JSON. ``training`` are the page's training images, with which drawings are compared.

    ``few``: whether the digits are few enough to list them in a sentence. Raises InputError as ``activation_gates``.
    """
    return {
        "digits": run.config.data.labels,
        "few": few,
        "sizes": run.network.sizes,
        "activations": list(map(str, activation_gates(run.network).values())),
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


def activation_gates(network: MLP) -> dict[str, Gate]:
    """The gate that computes each layer's activation, by the activation's name: Z3, Z6, ..., P.

    Raises InputError if the network has a gate that the page's network.js does not compute.
    """
    check_gates(network, (Matmul, Add, Sigmoid, Tanh, Relu, Softmax), "the page's drawing pad")
    names = [*(f"Z{3 * layer}" for layer in range(1, len(network.sizes) - 1)), "P"]
    return {node.name: node.gate for node in map(network.graph.node, names) if node.gate is not None}


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
