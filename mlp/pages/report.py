"""A finished run's report: one HTML page that works offline, with results, figures, and a pad to draw on."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data import novelty, svd
from mlp.data.dataset import Dataset
from mlp.data.preparation import averaged
from mlp.evaluation import CONFIDENCE
from mlp.figures import network as network_figure
from mlp.figures.style import sign_colors
from mlp.gates import Array
from mlp.network import MAX_BLOCK_NUMBERS, MLP
from mlp.pages import frame, pad, report_figures, report_images
from mlp.runs import history
from mlp.runs.directory import REPORT
from mlp.runs.finished import FinishedRun, read_consistently
from mlp.system.files import write_text
from mlp.training.progress import kept_epoch

MAX_PAGE_BYTES = 3_000_000
"""If the network does not fit, the page has neither the network nor the pad."""
MAX_IMAGES_BYTES = 1_200_000
"""For the page's training images; there are fewer if they would take more."""
MAX_UNITS = 64
"""Units of the first layer whose weights are shown."""
MAX_WEIGHT_PIXELS = 450_000
"""In all pictures of weights together; for large images fewer units are shown."""
MAX_PICTURE_PIXELS = 128
"""The longer side of a picture of an image or of weights; larger pictures are reduced by averaging."""
MAX_LAYERS = 6
"""Layers whose histograms are shown."""
MAX_EXAMPLES = 1024
"""Training images for the histograms; fewer if they are large."""


def write(run: FinishedRun) -> Path:
    """Write RUN/report.html; returns its path. Raises InputError if the run's data are missing or differ."""
    text = read_consistently(run.directory, page)
    path = run.file(REPORT)
    write_text(path, text)
    return path


def page(run: FinishedRun) -> str:
    """The page as text."""
    training, evaluation, rules = run.judge()
    has_pad = run.network.parameter_block.nbytes <= MAX_PAGE_BYTES
    images, pictures = _as_many_as_fit(training, 1 if has_pad else _factor(run.image_shape))
    plane, place_in_it = _plane(run, images)
    epochs = history.read_history(run.directory)
    kept = kept_epoch(epochs)
    facts = {
        "run": run,
        "digits": run.config.data.digits,
        "summary": evaluation.summary(),
        "confidence": CONFIDENCE,
        "rules": [{"name": name, **rule} for name, rule in rules.items()],
        "mistakes": report_images.mistakes(evaluation),
        "confident": report_images.most_and_least_confident(evaluation),
        "plane": plane,
        "weights": _weights(run),
        "histograms": _histograms(run.network, training),
        "manifest": run.manifest,
        "config": run.config.to_yaml(),
        "test_files": evaluation.images.source.sha256(),
        "epochs": len(epochs),
        "kept": kept,
        "curves": report_figures.curve_panels(epochs, kept.epoch, run.network.loss_name),
    }
    scripted = {"training": pictures | _training_facts(run, images), "plane": place_in_it}
    if has_pad:
        on_pad = pad.pad_facts(run, evaluation, images)
        text = frame.render("report.html", **facts, pad=on_pad, scripted=scripted | {"pad": on_pad})
        if len(text.encode()) <= MAX_PAGE_BYTES:
            return text
    return frame.render("report.html", **facts, pad=None, scripted=scripted | {"pad": None})


def _factor(image_shape: tuple[int, int]) -> int:
    """The side of the squares that are averaged to one pixel of a picture."""
    return -(-max(image_shape) // MAX_PICTURE_PIXELS)


def _as_many_as_fit(training: Dataset, factor: int) -> tuple[Dataset, dict[str, Any]]:
    """The first training images of each digit, as many as fit in the page, and their pictures for its scripts.

    The pictures are averages over squares of ``factor`` by ``factor`` pixels; the page's network needs a factor of 1.
    """
    rows, columns = (-(-side // factor) for side in training.image_shape)
    count = min(novelty.MAX_PER_DIGIT, max(1, MAX_IMAGES_BYTES // (rows * columns)))
    while True:
        images = training.first_of_each(count)
        pictures = np.empty((len(images), rows * columns), np.uint8)
        for block in images.blocks():
            for position, pixels in zip(block, images.pixels(block), strict=True):
                pictures[position] = averaged(pixels.reshape(training.image_shape), factor).reshape(-1)
        packed = frame.packed(pictures)
        if count == 1 or len(packed["data"]) <= MAX_IMAGES_BYTES:
            return images, {"image_shape": (rows, columns), "images": packed}
        count //= 2


def _training_facts(run: FinishedRun, images: Dataset) -> dict[str, Any]:
    """The labels, indices and predicted probabilities of the page's training images, for its scripts."""
    return {
        "labels": frame.packed(images.labels),
        "indices": frame.packed(images.indices.astype(np.int32)),
        "probabilities": frame.packed(run.evaluate(images).P[:, 0].astype(np.float32)),
    }


def _plane(run: FinishedRun, images: Dataset) -> tuple[dict[str, Any], dict[str, Any]]:
    """The scatter figure, and the places of the images in it for the page's script."""
    projection = svd.project(images)
    coordinates = projection.coordinates(images)
    blue = max(images.digits)  # as in the notes and in figures/plane.py, whichever digit is the positive class
    in_the_plane = _of_coordinates(run.network, projection)

    def probability_of_blue(places: NDArray[np.float64]) -> Array:
        P = in_the_plane.predict(places)
        return P if images.digits[1] == blue else 1 - P

    svg, axes = report_figures.plane(coordinates, images.labels == blue, probability_of_blue)
    shares = projection.explained_variance().tolist()
    places = axes | {"coordinates": frame.packed(coordinates.astype(np.float32))}
    return {"svg": svg, "shares": shares, "count": len(images)}, places


def _of_coordinates(network: MLP, projection: svd.Projection) -> MLP:
    """A network on coordinates (n, k); it predicts what ``network`` predicts for the images reconstructed from them.

    Reconstruction, scaling to 0..1 and the first layer's product are linear, so they combine into one matrix: V' W1.
    """
    W1 = network.parameters["W1"]
    other = MLP([len(projection.singular_values), *network.sizes[1:]], precision=network.precision)
    V1 = projection.directions.T.astype(network.precision) @ W1 / 255
    for name, array in other.parameters.items():
        array[...] = V1 if name == "W1" else network.parameters[name]
    other.parameters["b1"][...] += projection.mean.astype(network.precision) @ W1 / 255
    return other


def _weights(run: FinishedRun) -> dict[str, Any]:
    """The weights from the pixels to the first units, one picture with a tile per unit."""
    W1, factor = run.network.parameters["W1"], _factor(run.image_shape)
    rows, columns = (-(-side // factor) for side in run.image_shape)
    count = min(MAX_UNITS, W1.shape[1], max(1, MAX_WEIGHT_PIXELS // (rows * columns)))
    shown = [averaged(W1[:, unit].reshape(run.image_shape), factor).reshape(-1) for unit in range(count)]
    tiles = network_figure.tiles(np.stack(shown, axis=1), (rows, columns))
    picture = frame.data_uri(report_figures.sign_levels(tiles), sign_colors())
    return {"picture": picture, "shape": tiles.shape, "units": count, "factor": factor}


def _histograms(network: MLP, training: Dataset) -> list[dict[str, Any]]:
    """For each layer a histogram of its activations and one of its weights' gradients."""
    images = training.first_of_each(max(1, min(MAX_EXAMPLES, MAX_BLOCK_NUMBERS // training.inputs) // 2))
    batch = network.batch(len(images))
    images.fetch(slice(None), batch)
    batch.loss()
    network.backward()
    layers = len(network.sizes) - 1
    panels = []
    for layer in range(1, min(layers, MAX_LAYERS) + 1):
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
