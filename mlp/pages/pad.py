"""What the report's pad is given: the network, images to try, and how near to the training images is near enough.

In the page templates/pad.js is drawn on, and templates/answer.js prepares the drawing and runs the network.
"""

from typing import Any

import numpy as np

from mlp.data import novelty, preparation
from mlp.data.dataset import Dataset
from mlp.evaluation import Evaluation
from mlp.pages import frame
from mlp.runs.finished import FinishedRun


def facts(run: FinishedRun, evaluation: Evaluation, training: Dataset) -> dict[str, Any]:
    """Ready for JSON. ``training`` are the images that the page has to tell what is near."""
    network, (first, second) = run.network, run.config.data.digits
    return {
        "digits": (first, second),
        "first_is_red": first < second,  # as in the plane, where the larger digit is blue
        "sizes": network.sizes,
        "parameters": {name: frame.packed(array) for name, array in network.parameters.items()},
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
        "samples": _samples(evaluation),
    }


def _samples(evaluation: Evaluation) -> dict[str, Any]:
    """Of each digit the test image of which the network is most certain, a middling one, and the least certain."""
    images, chosen = evaluation.images, []
    for target in (0, 1):
        order = evaluation.surest_first(target)
        chosen += [order[k] for k in sorted({0, len(order) // 2, len(order) - 1})]
    positions = np.array(chosen)
    return {
        "images": frame.packed(images.pixels(positions)),
        "labels": images.labels[positions].tolist(),
        "indices": images.indices[positions].tolist(),
    }
