"""Promises of templates/playground/image_passes.js: both passes of a network for one image, as the library's."""

import json

import numpy as np
import pytest

from mlp.figures.style import sign_colors
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.pages import frame
from mlp.pages.image_passes import image_passes
from mlp.pages.javascript import Script
from tests.browser.conftest import watched

SHAPE = 6, 5
BATCH = 4
HIDDEN = 4, 1, 7
"""The units of the hidden layers: also a single one, and fewer and more than a drawing shows the numbers of."""
PAGE = """
{% extends "page.html" %}
{% block title %}passes{% endblock %}
{% block style %}{{ source("stepping/stepping.css") }}{{ source("playground/image_passes.css") }}{% endblock %}
{% block body %}<main><h1>Passes</h1>{% include "playground/image_passes.html" %}</main>{% endblock %}
{% block script %}<script>
{{ source("report/images.js") }}
{% import "stepping/parts.html" as stepping %}{{ stepping.scripts(script) }}
{{ source("playground/array_picture.js") }}
{{ source("playground/image_passes.js") }}
let passes;
unpackAll({{ facts | tojson }}).then(({ passes: facts, colors }) => {
  passes = new ImagePasses(document.querySelector(".image-passes"), facts, {{ shape | tojson }}, colors);
  document.body.classList.add("ready");
});
const take = (values) => passes.update(Object.fromEntries(
  Object.entries(values).map(([name, [shape, numbers]]) => [name, arrayOf(shape, numbers)])));
</script>{% endblock %}
"""
SUMS = """(networks) => JSON.stringify(JSON.parse(networks).map(({ kind, images }) => {
    passes.choose(...kind);
    return images.map((values) => {
        take(values);
        passes.showStep(passes.last);
        const shown = passes.graph.nodes.map(({ name, value, gradient, needs }) =>
            [name, [Array.from(flat(value)), needs ? Array.from(flat(gradient)) : null]]);
        return Object.fromEntries(shown);
    });
}))"""


def page_for(folder, outputs, shape=SHAPE):
    """A page with this section alone, for networks with this number of outputs."""
    script = Script(explained=True)
    facts = {"passes": image_passes(outputs, script), "colors": frame.packed(sign_colors())}
    template = frame._environment().from_string(PAGE)
    path = folder / f"passes-{outputs}.html"
    path.write_text(frame.render(template, script=script, facts=facts, shape=shape), encoding="utf-8")
    return path


def made(loss, layers, activation, outputs, shape=SHAPE):
    """A network of this kind with random weights and biases, and a batch of images X with their classes."""
    random = np.random.default_rng(layers)
    sizes = [shape[0] * shape[1], *HIDDEN[:layers], outputs]
    network = MLP(sizes, precision="float64", loss=loss, activation=activation)
    network.parameter_block[...] = random.uniform(-0.7, 0.7, network.parameter_block.shape)
    X = np.round(random.uniform(0, 1, (BATCH, sizes[0])), 2)
    return network, X, np.arange(BATCH) % network.classes


def targets(network, classes):
    """Y for ``MLP.loss``: a column, or one-hot rows."""
    return classes[:, np.newaxis] if network.classes == 2 else np.eye(network.classes)[classes]


def leaves(network, X, classes, row):
    """What ``update`` takes for an image of the batch: each leaf's shape and numbers."""
    takes_index = network.loss_name == "cross_entropy" and network.classes > 2
    Y = classes[row : row + 1] if takes_index else targets(network, classes)[row : row + 1]
    arrays = {"X": X[row : row + 1], **network.parameters, "Y": Y, "n": np.array(len(X))}
    return {name: [array.shape, array.ravel().tolist()] for name, array in arrays.items()}


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """The page for three classes."""
    with watched(chromium) as visit:
        page = visit(page_for(tmp_path_factory.mktemp("passes"), 3))
        page.wait_for_selector(".ready")
        yield page


def start(page, loss="cross_entropy", layers=1, activation="relu"):
    """Show a made network's passes for the first image of its batch."""
    network, X, classes = made(loss, layers, activation, 3)
    page.evaluate("kind => passes.choose(...kind)", [loss, layers, activation])
    page.evaluate("values => take(values)", leaves(network, X, classes, 0))
    page.evaluate("passes.showStep(0)")
    return network, X, classes


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_images_gradients_add_up_to_the_batchs_for_each_kind_of_network(visit, tmp_path, outputs):
    page = visit(page_for(tmp_path, outputs))
    page.wait_for_selector(".ready")
    kinds = [(loss, layers, activation) for loss in LOSSES for layers in range(4) for activation in ACTIVATIONS]
    cases = [made(*kind, outputs) for kind in kinds]
    networks = [
        {"kind": kind, "images": [leaves(*case, row) for row in range(BATCH)]}
        for kind, case in zip(kinds, cases, strict=True)
    ]
    for found, (network, X, classes) in zip(
        json.loads(page.evaluate(SUMS, json.dumps(networks))), cases, strict=True
    ):
        loss = network.loss(X, targets(network, classes))
        network.backward()
        close = {"rtol": 1e-12, "atol": 1e-14, "err_msg": repr(network)}
        np.testing.assert_allclose(sum(one["L"][0][0] for one in found), loss, **close)
        np.testing.assert_allclose([one["P"][0] for one in found], network.probabilities, **close)
        for name, gradient in network.gradients.items():
            total = np.sum([one[name][1] for one in found], axis=0)
            np.testing.assert_allclose(total, gradient.ravel(), **close)
