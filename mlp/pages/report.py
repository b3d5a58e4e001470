"""A finished run as one page that opens offline: what was learned, what was not, and how to check it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.data import baselines, novelty, svd
from mlp.data.dataset import Dataset
from mlp.data.preparation import averaged
from mlp.evaluation import CONFIDENCE
from mlp.gates import Array
from mlp.network import BLOCK_NUMBERS, MLP
from mlp.pages import frame, pad, report_images
from mlp.runs import finished as finished_runs
from mlp.runs import history
from mlp.runs.directory import REPORT
from mlp.runs.finished import FinishedRun
from mlp.system.files import write_text
from mlp.training.loop import kept_epoch

MOST_BYTES = 3_000_000
"""Of the page. A network for which there is no room is left out of it, and the pad with it."""
IMAGES_BYTES = 1_200_000
"""Of these images in the page: where they would take more there are fewer of them."""
MOST_UNITS = 64
"""Units of the first layer whose weights are shown; of more, the first."""
WEIGHTS_SHOWN = 450_000
"""Pixels of their pictures, together: of large images there are fewer units."""
PICTURE_SIDE = 128
"""Pixels of a picture's longer side, of weights or of an image: of larger images several pixels make one of it."""
MOST_LAYERS = 6
"""Layers whose histograms are shown; of more, the first."""
EXAMPLES = 1024
"""Training images for the histograms; of large ones fewer."""


def write(run: FinishedRun) -> Path:
    """Write RUN/report.html, and return where. InputError where data are missing or others than the run's."""
    text = finished_runs.steadily(run.directory, page)
    path = run.file(REPORT)
    write_text(path, text)
    return path


def page(run: FinishedRun) -> str:
    """The page's text."""
    training = run.training_images()
    evaluation = run.evaluate(run.test_images())
    rules = [
        {"name": rule.name, "errors": rule.errors(evaluation.images), **rule.facts}
        for rule in baselines.learn(training)
    ]
    has_pad = run.network.parameter_block.nbytes <= MOST_BYTES
    images, pictures = _as_many_as_fit(training, 1 if has_pad else _factor(run.image_shape))
    plane, place_in_it = _plane(run, images)
    facts = {
        "run": run,
        "digits": run.config.data.digits,
        "summary": evaluation.summary(),
        "confidence": CONFIDENCE,
        "rules": rules,
        "mistakes": report_images.mistakes(evaluation),
        "certain": report_images.most_and_least_certain(evaluation),
        "plane": plane,
        "weights": _weights(run),
        "histograms": _histograms(run.network, training),
        "manifest": run.manifest,
        "config": run.config.to_yaml(),
        "test_files": evaluation.images.source.sha256(),
        **_curves(run),
    }
    scripted = {"training": pictures | _facts_of(run, images), "plane": place_in_it}
    if has_pad:
        on_pad = pad.facts(run, evaluation, images)
        text = frame.render("report.html", **facts, pad=on_pad, scripted=scripted | {"pad": on_pad})
        if len(text.encode()) <= MOST_BYTES:
            return text
    return frame.render("report.html", **facts, pad=None, scripted=scripted | {"pad": None})


def _factor(image_shape: tuple[int, int]) -> int:
    """The side of the squares of pixels that make one of a picture which only people look at."""
    return -(-max(image_shape) // PICTURE_SIDE)


def _as_many_as_fit(training: Dataset, factor: int) -> tuple[Dataset, dict[str, Any]]:
    """The first training images of each digit, as many as the page has room for, and their pictures for its scripts.

    These are averages over squares of ``factor`` pixels a side: 1 if the page's network is to be asked about them.
    """
    rows, columns = (-(-side // factor) for side in training.image_shape)
    count = min(novelty.MAX_PER_DIGIT, max(1, IMAGES_BYTES // (rows * columns)))
    while True:
        images = training.first_of_each(count)
        pictures = np.empty((len(images), rows * columns), np.uint8)
        for block in images.blocks():
            for position, pixels in zip(block, images.pixels(block), strict=True):
                pictures[position] = averaged(pixels.reshape(training.image_shape), factor).reshape(-1)
        packed = frame.packed(pictures)
        if count == 1 or len(packed["data"]) <= IMAGES_BYTES:
            return images, {"image_shape": (rows, columns), "images": packed}
        count //= 2


def _facts_of(run: FinishedRun, images: Dataset) -> dict[str, Any]:
    """What the page's scripts know of these training images beside their pictures."""
    return {
        "labels": frame.packed(images.labels),
        "indices": frame.packed(images.indices.astype(np.int32)),
        "probabilities": frame.packed(run.evaluate(images).probabilities.astype(np.float32)),
    }


def _curves(run: FinishedRun) -> dict[str, Any]:
    """Loss and accuracy over the epochs, and which are kept."""
    from mlp.pages import report_figures  # matplotlib is slow to import, and what fails before has no use for it

    epochs = history.read(run.directory)
    kept = kept_epoch(epochs)
    return {
        "curves": [
            report_figures.loss_panel(epochs, kept.epoch, run.network.loss_name),
            report_figures.accuracy_panel(epochs, kept.epoch),
        ],
        "epochs": len(epochs),
        "kept": kept,
    }


def _plane(run: FinishedRun, images: Dataset) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figure of the plane, and where the images are in it for the page's script."""
    from mlp.pages import report_figures

    projection = svd.project(images)
    coordinates = projection.coordinates(images)
    blue = max(images.digits)  # as in the notes and in plots.scatter, whatever the targets are

    in_the_plane = _of_coordinates(run.network, projection)

    def probability_of_blue(places: NDArray[np.float64]) -> Array:
        P = in_the_plane.predict(places)
        return P if images.digits[1] == blue else 1 - P

    plane = report_figures.plane(coordinates, images.labels == blue, probability_of_blue)
    shares = projection.explained_variance().tolist()
    places = {
        "place": report_figures.PLANE_PLACE,
        "limits": (plane.x_limits, plane.y_limits),
        "coordinates": frame.packed(coordinates.astype(np.float32)),
    }
    return {"svg": plane.svg, "shares": shares, "count": len(images)}, places


def _of_coordinates(network: MLP, projection: svd.Projection) -> MLP:
    """The network as it answers to the image with these coordinates (n, k), rebuilt by V' and scaled to 0..1.

    All that comes before the first sigmoid is linear: the products of W1 with V' and with the mean take its place.
    """
    W1 = network.parameters["W1"]
    other = MLP([len(projection.singular_values), *network.sizes[1:]], precision=network.precision)
    for name, array in other.parameters.items():
        if name == "W1":
            array[...] = projection.directions.T.astype(network.precision) @ W1 / 255
        else:
            array[...] = network.parameters[name]
    other.parameters["b1"][...] += projection.mean.astype(network.precision) @ W1 / 255
    return other


def _weights(run: FinishedRun) -> dict[str, Any]:
    """The weights from the pixels to each of the first units, as one picture; of large images averages over squares."""
    from mlp.figures import network as network_figure
    from mlp.pages import report_figures

    W1, factor = run.network.parameters["W1"], _factor(run.image_shape)
    rows, columns = (-(-side // factor) for side in run.image_shape)
    count = min(MOST_UNITS, W1.shape[1], max(1, WEIGHTS_SHOWN // (rows * columns)))
    shown = [averaged(W1[:, unit].reshape(run.image_shape), factor).reshape(-1) for unit in range(count)]
    tiles = network_figure.tiles(np.stack(shown, axis=1), (rows, columns))
    levels, colors = report_figures.weight_picture(tiles)
    return {"picture": frame.data_uri(levels, colors), "shape": tiles.shape, "units": count, "factor": factor}


def _histograms(network: MLP, training: Dataset) -> list[dict[str, Any]]:
    """Of each layer: how often its units have each activation, and how large its weights' gradients are."""
    from mlp.pages import report_figures

    images = training.first_of_each(max(1, min(EXAMPLES, BLOCK_NUMBERS // training.inputs) // 2))
    batch = network.batch(len(images))
    images.fetch(slice(None), batch.X, batch.Y)
    batch.loss()
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
