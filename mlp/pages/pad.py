"""The data of the report's pad: the network, sample images, and the distance beyond which a drawing is novel.

In the page, templates/pad.js is the pad, and templates/answer.js prepares the drawing and runs the network.
"""

from typing import Any

import numpy as np

from mlp.data import novelty, preparation
from mlp.data.dataset import Dataset
from mlp.evaluation import Evaluation
from mlp.figures.style import sign_colors
from mlp.gates import Add, Matmul, Sigmoid
from mlp.network import check_gates
from mlp.pages import frame
from mlp.runs.finished import FinishedRun


def pad_facts(run: FinishedRun, evaluation: Evaluation, training: Dataset) -> dict[str, Any]:
    """Ready for JSON. ``training`` are the page's training images, with which drawings are compared.

    Raises InputError if the network has a gate that the page's network.js does not compute.
    """
    check_gates(run.network, (Matmul, Add, Sigmoid), "the page's drawing pad")
    return {
        "digits": run.config.data.digits,
        "sizes": run.network.sizes,
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


def _samples(evaluation: Evaluation) -> dict[str, Any]:
    """Test images to try: for each digit the most confident prediction, the median one, and the least confident."""
    images, chosen = evaluation.images, []
    for target in (0, 1):
        order = evaluation.most_confident_first(target)
        chosen += [order[k] for k in sorted({0, len(order) // 2, len(order) - 1})]
    positions = np.array(chosen)
    return {
        "images": frame.packed(images.pixels(positions)),
        "labels": images.labels[positions].tolist(),
        "indices": images.indices[positions].tolist(),
    }
