"""A finished run as one page that opens offline: what was learned, what was not, and how to check it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import baselines, finished_runs, pages, recipe, svd
from mlp.dataset import Dataset
from mlp.evaluation import CONFIDENCE, Evaluation, evaluate
from mlp.files import write_text
from mlp.finished_runs import FinishedRun
from mlp.network import MLP
from mlp.runs import REPORT
from mlp.training import kept_epoch

PER_DIGIT = 1000
"""Training images of each digit in the plane."""
CERTAIN = 8
"""Test images of each digit of which the network is most certain, and least."""
MOST_MISTAKES = 200
"""Mistakes that are shown as images; of more, the surest."""
MOST_LAYERS = 6
"""Layers whose histograms are shown; of more, the first."""
EXAMPLES = 1024
"""Training images for the histograms."""


def write(run: FinishedRun) -> Path:
    """Write RUN/report.html, and return where. InputError where data are missing or others than the run's."""
    path = run.directory / REPORT
    write_text(path, page(run))
    return path


def page(run: FinishedRun) -> str:
    """The page's text."""
    training = run.same_shape(recipe.training_images(run.config))
    recipe.check_same_files(run.config, training.source.sha256(), run.training_files, run.directory)
    evaluation = evaluate(run.network, run.test_images())
    manifest = finished_runs.read_finished_manifest(run.directory)
    rules = [
        {"name": rule.name, "errors": rule.errors(evaluation.images), **rule.facts}
        for rule in baselines.learn(training)
    ]
    from mlp import network_drawing, report_figures  # matplotlib is slow to import, and what fails has no use for it

    history = finished_runs.read_history(run.directory)
    kept = kept_epoch(history)
    tiles = network_drawing.tiles(run.network.parameters["W1"], run.image_shape)
    plane, points = _plane(run, training)
    return pages.render(
        "report.html",
        run=run,
        digits=run.config.data.digits,
        summary=evaluation.summary(),
        confidence=CONFIDENCE,
        rules=rules,
        curves=[
            report_figures.loss_panel(history, kept.epoch, run.network.loss_name),
            report_figures.accuracy_panel(history, kept.epoch),
        ],
        epochs=len(history),
        kept=kept,
        mistakes=[_shown(evaluation, position) for position in evaluation.surest_mistakes[:MOST_MISTAKES]],
        certain=_certain(evaluation),
        plane=plane,
        points=points,
        weights=pages.image_address(report_figures.weight_picture(tiles)),
        weights_shape=tiles.shape,
        histograms=_histograms(run.network, training),
        manifest=manifest,
        config=run.config.to_yaml(),
        test_files=evaluation.images.source.sha256(),
    )


@dataclass(frozen=True)
class Shown:
    """A test image on the page."""

    address: str
    digit: int
    predicted: int
    probability: float
    """Of the second digit."""
    index: int


def _shown(evaluation: Evaluation, position: int) -> Shown:
    images = evaluation.images
    ink = images.pixels(np.array([position])).reshape(images.image_shape)
    return Shown(
        pages.image_address(255 - ink),
        int(images.labels[position]),
        images.digits[int(evaluation.predicted[position])],
        float(evaluation.probabilities[position]),
        int(images.indices[position]),
    )


def _certain(evaluation: Evaluation) -> list[tuple[int, list[Shown], list[Shown]]]:
    """Of each digit the images with the highest and with the lowest probability of being it."""
    rows, targets = [], evaluation.images.targets
    for target, digit in enumerate(evaluation.images.digits):
        own = np.flatnonzero(targets == target)
        of_digit = evaluation.probabilities[own] if target else -evaluation.probabilities[own]
        order = own[np.argsort(-of_digit, kind="stable")]
        most, least = order[:CERTAIN], order[::-1][:CERTAIN]
        shown = [[_shown(evaluation, position) for position in part] for part in (most, least)]
        rows.append((digit, shown[0], shown[1]))
    return rows


def _plane(run: FinishedRun, training: Dataset) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figure of the plane, and the points in it for the page's script."""
    from mlp import report_figures

    images = training.first_of_each(PER_DIGIT)
    projection = svd.project(images)
    coordinates = projection.coordinates(images)

    blue = max(images.digits)  # as in the notes and in plots.scatter, whatever the targets are

    def probability_of_blue(places: NDArray[np.float64]) -> NDArray[Any]:
        P = run.network.predict(projection.rebuild(places) / 255)
        return P if images.digits[1] == blue else 1 - P

    plane = report_figures.plane(coordinates, images.labels == blue, probability_of_blue)
    X, _ = images.arrays(run.network.precision)
    points = {
        "image_shape": run.image_shape,
        "place": report_figures.PLANE_PLACE,
        "limits": (plane.x_limits, plane.y_limits),
        "coordinates": pages.packed(coordinates.astype(np.float32)),
        "images": pages.packed(images.pixels()),
        "labels": pages.packed(images.labels),
        "indices": pages.packed(images.indices.astype(np.int32)),
        "probabilities": pages.packed(run.network.predict(X)[:, 0].astype(np.float32)),
    }
    shares = projection.energy_shares().tolist()
    return {"svg": plane.svg, "shares": shares, "count": len(images)}, points


def _histograms(network: MLP, training: Dataset) -> list[dict[str, Any]]:
    """Of each layer: how often its units have each activation, and how large its weights' gradients are."""
    from mlp import report_figures

    X, Y = training.first_of_each(EXAMPLES // 2).arrays(network.precision)
    network.loss(X, Y)
    network.backward()
    layers = len(network.sizes) - 1
    panels = []
    for layer in range(1, min(layers, MOST_LAYERS) + 1):
        name = "P" if layer == layers else f"Z{3 * layer}"
        gradient = network.gradients[f"W{layer}"]
        panels.append(
            {
                "layer": layer,
                "activations": report_figures.activations_panel(network.graph.value(name), name),
                "gradients": report_figures.gradients_panel(gradient, f"W{layer}"),
                "zeros": float(np.mean(gradient == 0)),
            }
        )
    return panels
