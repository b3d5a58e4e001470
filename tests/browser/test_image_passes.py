"""Promises of templates/playground/image_passes.js: both passes of a network for one image, as the library's."""

import json

import numpy as np
import pytest

from mlp.circuits.notation import written
from mlp.figures.style import sign_colors
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.pages import frame
from mlp.pages.image_passes import image_passes
from mlp.pages.javascript import Script
from tests.browser.conftest import watched

SHAPE = 6, 5
BATCH = 2
HIDDEN = 4, 1, 7
"""The units of the hidden layers: also a single one, and fewer and more than a drawing shows the numbers of."""
PAGE = """
{% extends "page.html" %}
{% block title %}<title>passes</title>{% endblock %}
{% block style %}{{ source("stepping/stepping.css") }}{{ source("playground/image_passes.css") }}{% endblock %}
{% block body %}<main><h1>Passes</h1>{% include "playground/image_passes.html" %}</main>{% endblock %}
{% block script %}<script>
{{ source("report/images.js") }}
{% import "stepping/parts.html" as stepping %}{{ stepping.scripts(script) }}
{{ source("playground/array_picture.js") }}
{{ source("playground/image_passes.js") }}
let passes;
unpackAll({{ facts | tojson }}).then(({ passes: facts, colors }) => {
  passes = new ImagePasses(document.querySelector(".image-passes"), facts, {{ shape | tojson }}, 255, colors);
  document.body.classList.add("ready");
});
const take = (values) => passes.update(Object.fromEntries(
  Object.entries(values).map(([name, [shape, numbers]]) => [name, arrayOf(shape, numbers)])));
</script>{% endblock %}
"""
RUN = """(networks) => JSON.stringify(JSON.parse(networks).map(({ kind, images }) => {
    passes.choose(kind);
    return images.map((values) => {
        take(values);
        return Object.fromEntries(passes.graph.nodes.map(({ name, value, gradient, needs }) =>
            [name, [flat(value), needs ? flat(gradient) : []].map((numbers) => Array.from(numbers))]));
    });
}))"""
"""For each image of each network, from each node's name its value and its gradient."""
WEIGHTS = {1: (0.5, 2.0)}
"""Class weights, by the number of outputs."""


def page_for(folder, outputs, shape=SHAPE):
    """A page with this section alone, for networks with this number of outputs; with one, classes have weights."""
    script = Script(explained=True)
    networks = image_passes(outputs, script, class_weights=WEIGHTS.get(outputs))
    facts = {"passes": networks, "colors": frame.packed(sign_colors())}
    template = frame._environment().from_string(PAGE)
    path = folder / f"passes-{outputs}.html"
    path.write_text(frame.render(template, script=script, facts=facts, shape=shape), encoding="utf-8")
    return path


def made(loss, layers, activation, outputs, shape=SHAPE):
    """A network of this kind with random weights and biases, and a batch of images X with their classes."""
    random = np.random.default_rng(layers)
    sizes = [shape[0] * shape[1], *HIDDEN[:layers], outputs]
    options = {"loss": loss, "activation": activation, "class_weights": WEIGHTS.get(outputs)}
    network = MLP(sizes, precision="float64", **options)
    network.parameter_block[...] = random.uniform(-0.7, 0.7, network.parameter_block.shape)
    X = np.round(random.uniform(0, 1, (BATCH, sizes[0])), 2)
    return network, X, np.arange(BATCH) % network.classes


def named(kind):
    """The name of a kind of network in the page."""
    loss, layers, activation = kind
    return f"{loss} {layers} {activation}" if layers else f"{loss} 0"


def targets(network, classes):
    """Y for ``MLP.loss``: a column, or one-hot rows."""
    return classes[:, np.newaxis] if network.classes == 2 else np.eye(network.classes)[classes]


def leaves(network, X, classes, row):
    """The arguments of ``update`` for an image of the batch: each leaf's shape and numbers."""
    takes_index = network.loss_name == "cross_entropy" and network.classes > 2
    Y = classes[row : row + 1] if takes_index else targets(network, classes)[row : row + 1]
    arrays = {"X": X[row : row + 1], **network.parameters, "Y": Y, "n": np.array(len(X))}
    if network.class_weights is not None:
        arrays["w"] = np.array([network.class_weights[classes[row]]])
    return {name: [array.shape, array.ravel().tolist()] for name, array in arrays.items()}


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """The page for three classes."""
    with watched(chromium) as visit:
        page = visit(page_for(tmp_path_factory.mktemp("passes"), 3))
        page.wait_for_selector(".ready")
        yield page


KINDS = [(loss, layers, activation) for loss in LOSSES for layers in range(4) for activation in ACTIVATIONS]
KINDS = [kind for kind in KINDS if kind[1] or kind[2] == "relu"]


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_images_gradients_add_up_to_the_batchs_for_each_kind_of_network(visit, page, tmp_path, outputs):
    """And the losses and predictions are those of the library."""
    if outputs != 3:
        page = visit(page_for(tmp_path, outputs))
        page.wait_for_selector(".ready")
    cases = [made(*kind, outputs) for kind in KINDS]
    networks = [
        {"kind": named(kind), "images": [leaves(*case, row) for row in range(BATCH)]}
        for kind, case in zip(KINDS, cases, strict=True)
    ]
    in_page = json.loads(page.evaluate(RUN, json.dumps(networks)))
    for images, (network, X, classes) in zip(in_page, cases, strict=True):
        loss = network.loss(X, targets(network, classes))
        network.backward()
        close = {"rtol": 1e-12, "atol": 1e-14, "err_msg": repr(network)}
        np.testing.assert_allclose(sum(found["L"][0][0] for found in images), loss, **close)
        np.testing.assert_allclose([found["P"][0] for found in images], network.probabilities, **close)
        for name, gradient in network.gradients.items():
            np.testing.assert_allclose(np.sum([found[name][1] for found in images], axis=0), gradient.ravel(), **close)


def start(page, kind):
    """Show the passes of a made network of this kind for its first image, from the beginning."""
    network, X, classes = made(*kind, 3)
    page.evaluate("kind => passes.choose(kind)", named(kind))
    page.evaluate("values => { take(values); passes.showStep(0); }", leaves(network, X, classes, 0))
    return network, X, classes


def captions(page):
    return page.locator(".arrays figcaption").all_inner_texts()


def test_the_arrow_keys_step_through_both_passes_and_an_update_keeps_the_step(page):
    network, X, classes = start(page, ("euclidean", 1, "tanh"))
    page.get_by_role("button", name="Next", exact=True).click()
    Z1 = X[:1] @ network.parameters["W1"]
    assert page.locator(".step dd").all_inner_texts()[-1] == f"Z1 = (1, 30) @ (30, 4) = {written(Z1)}"
    for _ in range(19):
        page.keyboard.press("ArrowRight")
    assert page.inner_text(".counter") == "step 20 of 20"
    assert page.inner_text(".step .small") == "Backward: from Z1 to W1"
    assert page.inner_text(".line[aria-current]").startswith("dW1 = X.T @ dZ1")
    network.parameter_block[...] *= 2
    page.evaluate("values => take(values)", leaves(network, X, classes, 0))
    assert page.inner_text(".counter") == "step 20 of 20"
    network.loss(X[:1], targets(network, classes[:1]))
    network.backward()
    dW1 = np.abs(network.gradients["W1"]).max() / BATCH
    assert captions(page)[::2] == [
        "X (1, 30): the image",
        f"dW1 (30, 4): an image for each unit; largest magnitude {dW1:.3g}",
    ]


WHITE, ORANGE, PURPLE = (247, 247, 247), (127, 59, 8), (45, 0, 75)
"""The middle and the ends of ColorBrewer's scale PuOr."""
PIXELS = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: canvas.height }, (_, row) => Array.from({ length: canvas.width }, (_, column) =>
        Array.from(data.slice(4 * (row * canvas.width + column)).slice(0, 3))));
}"""
CHANGE = """(numbers) => {
    const [, W1, b1] = passes.graph.leaves;
    W1.value.data.fill(0);
    W1.value.data[numbers.at] = 3;
    b1.value.data.set(numbers.b1);
    passes.compute();
}"""


def test_arrays_are_drawn_in_the_colours_of_signs_and_weights_as_images(page):
    start(page, ("cross_entropy", 1, "relu"))
    row, column, unit = 2, 3, 1
    page.evaluate(CHANGE, {"at": (row * SHAPE[1] + column) * HIDDEN[0] + unit, "b1": [0, -2, 2, 0]})
    page.evaluate("passes.showStep(1)")
    pictures = np.array(
        page.locator(".arrays figure").nth(1).locator("canvas").evaluate_all(f"all => all.map({PIXELS})")
    )
    colors = np.full((HIDDEN[0], *SHAPE, 3), WHITE)
    colors[unit, row, column] = PURPLE
    np.testing.assert_allclose(pictures, colors, atol=2)
    page.evaluate("passes.showStep(2)")
    assert captions(page)[1] == "b1 (4,); largest magnitude 2"
    strip = page.locator(".arrays figure").nth(1).locator("canvas").evaluate(PIXELS)
    np.testing.assert_allclose(strip, [[WHITE, ORANGE, PURPLE, WHITE]], atol=2)


def test_under_the_cross_entropy_no_gradient_comes_back_through_the_prediction(page):
    start(page, ("cross_entropy", 1, "relu"))
    page.evaluate("passes.showStep(6)")
    assert page.inner_text(".step .small") == "Forward: P"
    assert "no gradient comes back through P" in page.inner_text("[data-says=note]")
    page.evaluate("passes.showStep(passes.last)")
    assert "dP" not in page.inner_text(".listing")


def test_everyone_can_use_it_anywhere(page, look, accessible):
    start(page, ("cross_entropy", 2, "relu"))
    page.set_viewport_size({"width": look["width"], "height": 900})
    page.emulate_media(color_scheme="dark" if look["dark"] else "light")
    accessible(page)
