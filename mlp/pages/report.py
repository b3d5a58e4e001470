"""A finished run's report: one HTML page that works offline, with results, figures, and a pad to draw on."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mlp.data import novelty
from mlp.data.baselines import key_and_values
from mlp.data.dataset import Dataset
from mlp.data.preparation import averaged
from mlp.evaluation import CONFIDENCE, Evaluation, only_prediction
from mlp.figures import network as network_figure
from mlp.figures.style import sign_colors
from mlp.gates import Relu
from mlp.network import MAX_BLOCK_NUMBERS, MLP, RANGES
from mlp.pages import frame, pad, report_figures, report_images, report_plane
from mlp.runs import history
from mlp.runs.directory import REPORT
from mlp.runs.finished import FinishedRun, read_consistently
from mlp.system.files import write_text
from mlp.training.divergence import saturated
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
FEW_CLASSES = 4
"""Up to this many classes are listed in a sentence."""
NARROW_CLASSES = 10
"""The confusion matrix of up to this many classes has room beside the figures of each class."""
ARCHITECTURES = {
    "euclidean": "report.euclidean_network",
    "cross_entropy": "report.cross_entropy_network",
}
LINEAR_ARCHITECTURES = {
    "euclidean": "report.euclidean_classifier",
    "cross_entropy": "report.cross_entropy_classifier",
}
"""The keys of the texts that describe a network, with hidden layers and without, by the name of its loss."""
FEW_HEADINGS = {2: "report.one_of_two", 3: "report.one_of_three", 4: "report.one_of_four"}
"""The key of the heading by the number of classes: a question that lists them."""


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
    plane, place_in_it = report_plane.plane(run, images)
    epochs = history.read_history(run.directory)
    kept = kept_epoch(epochs)
    digits, has_one_output = run.config.data.labels, run.network.sizes[-1] == 1
    few = len(digits) <= FEW_CLASSES
    heading, named = _heading(digits, run.name)
    facts = {
        "run": run,
        "digits": digits,
        "has_one_output": has_one_output,
        "has_narrow_matrix": not has_one_output and len(digits) <= NARROW_CLASSES,
        "heading": heading,
        "named": named,
        "summary": evaluation.summary(),
        "most_confused": _most_confused(evaluation),
        "only_prediction": only_prediction(evaluation.confusion()),
        "confidence": CONFIDENCE,
        "rules": [(*key_and_values(name, rule, len(digits)), rule) for name, rule in rules.items()],
        "architecture": _architecture(run.network),
        "mistakes": report_images.mistakes(evaluation) if has_one_output else None,
        "pairs": None if has_one_output else report_images.mistakes_by_pair(evaluation),
        "few_at_once": report_images.AT_ONCE,
        "confident": report_images.most_and_least_confident(evaluation),
        "plane": plane,
        "limits": _limits(run.network),
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
        on_pad, script = pad.pad_facts(run, evaluation, images, few=few)
        text = frame.render(
            "report/report.html", **facts, pad=on_pad, script=script, scripted=scripted | {"pad": on_pad}
        )
        if len(text.encode()) <= MAX_PAGE_BYTES:
            return text
    return frame.render("report/report.html", **facts, pad=None, scripted=scripted | {"pad": None})


def _heading(digits: Sequence[int], run: str) -> tuple[str, dict[str, Any]]:
    """The key of the page's heading, and its values: the run, and the classes, each of them if they are few."""
    if len(digits) <= FEW_CLASSES:
        names = "first", "second", "third", "fourth"
        return FEW_HEADINGS[len(digits)], {"run": run} | dict(zip(names, digits, strict=False))
    low, high = min(digits), max(digits)
    values = {"run": run, "count": len(digits), "low": low, "high": high}
    if len(digits) == high - low + 1:
        return "report.digits_in_a_row" if high <= 9 else "report.labels_in_a_row", values
    return "report.some_digits" if high <= 9 else "report.some_labels", values


def _architecture(network: MLP) -> dict[str, Any]:
    """The key of the text about the sizes of the layers, the activations and the loss, and its values."""
    output = str(pad.activation_gates(network)["P"])
    values = {"sizes": "-".join(map(str, network.sizes)), "output": output}
    if len(network.sizes) == 2:
        return {"key": LINEAR_ARCHITECTURES[network.loss_name], "places": values}
    return {"key": ARCHITECTURES[network.loss_name], "places": values | {"activation": network.activation_name}}


def _most_confused(evaluation: Evaluation) -> int:
    """The number of images of the most frequent mistake: the largest count off the confusion matrix's diagonal."""
    counts = evaluation.confusion()
    np.fill_diagonal(counts, 0)
    return max(1, int(counts.max()))


def _factor(image_shape: tuple[int, int]) -> int:
    """The side of the squares that are averaged to one pixel of a picture."""
    return -(-max(image_shape) // MAX_PICTURE_PIXELS)


def _as_many_as_fit(training: Dataset, factor: int) -> tuple[Dataset, dict[str, Any]]:
    """The first training images of each digit, as many as fit in the page, and their pictures for its scripts.

    The pictures are averages over squares of ``factor`` by ``factor`` pixels; the page's network needs a factor of 1.
    """
    rows, columns = (-(-side // factor) for side in training.image_shape)
    count = max(1, min(novelty.MAX_IMAGES // len(training.digits), MAX_IMAGES_BYTES // (rows * columns)))
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
    """The labels, indices and predicted probabilities of the page's training images, for its scripts.

    With more than one output ``predicted`` has the predicted digits: the probabilities are theirs.
    """
    evaluation = run.evaluate(images)
    classes, probabilities = zip(*map(evaluation.shown_output, range(len(images))), strict=True)
    predicted = frame.packed(np.array(images.digits, np.uint8)[list(classes)])
    return {
        "labels": frame.packed(images.labels),
        "indices": frame.packed(images.indices.astype(np.int32)),
        "probabilities": frame.packed(np.array(probabilities, np.float32)),
        "predicted": None if evaluation.P.shape[1] == 1 else predicted,
    }


def _weights(run: FinishedRun) -> dict[str, Any]:
    """The weights from the pixels to the first units, one picture with a tile per unit."""
    W1, factor = run.network.parameters["W1"], _factor(run.image_shape)
    rows, columns = (-(-side // factor) for side in run.image_shape)
    count = min(MAX_UNITS, W1.shape[1], max(1, MAX_WEIGHT_PIXELS // (rows * columns)))
    shown = [averaged(W1[:, unit].reshape(run.image_shape), factor).reshape(-1) for unit in range(count)]
    tiles = network_figure.tiles(np.stack(shown, axis=1), (rows, columns))
    picture = frame.data_uri(report_figures.sign_levels(tiles), sign_colors())
    return {"picture": picture, "shape": tiles.shape, "units": count, "factor": factor}


def _limits(network: MLP) -> tuple[float, float | None]:
    """The smallest and the largest value of the first layer's activations; those of all hidden layers are the same."""
    first, *_ = pad.activation_gates(network).values()
    return RANGES[type(first)]


def _histograms(network: MLP, training: Dataset) -> list[dict[str, Any]]:
    """For each layer a histogram of its activations and one of its weights' gradients."""
    count = min(MAX_EXAMPLES, MAX_BLOCK_NUMBERS // training.inputs) // len(training.digits)
    images = training.first_of_each(max(1, count))
    batch = network.batch(len(images))
    images.fetch(slice(None), batch)
    batch.loss()
    network.backward()
    shares, panels = saturated(network), []
    for layer, (name, gate) in enumerate(islice(pad.activation_gates(network).items(), MAX_LAYERS), start=1):
        gradient, values = network.gradients[f"W{layer}"], network.graph.value(name)
        low, high = RANGES[type(gate)]
        largest = float(values.max()) if high is None else high
        panels.append(
            {
                "layer": layer,
                "limits": (low, largest),
                "dead": shares[name] if isinstance(gate, Relu) else None,
                "activations": report_figures.activations_panel(values, name, (low, largest or 1)),
                "gradients": report_figures.gradients_panel(gradient, f"W{layer}"),
                "zeros": float(np.mean(gradient == 0)),
            }
        )
    return panels
