"""Promises of the scripts that do a page's arithmetic: the same as Python's for any drawing and any network."""

from itertools import product

import numpy as np
import pytest

from mlp.data.preparation import FAINT, TIE, max_extent, prepare
from mlp.network import ACTIVATIONS, LOSSES, MLP, RANGES
from mlp.pages.javascript import Script
from mlp.pages.pad import activation_gates, from_image
from tests.browser.conftest import page_of
from tests.made_gates import Softplus

SIZES = [[5, 1], [6, 4, 3, 1], [6, 4, 3], [6, 5, 4, 10], [3, 5, 4, 3, 4, 3]]


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """A page of only the scripts, to test what the report's images do not reach."""
    return page_of(tmp_path_factory.mktemp("scripts"), "report/preparation.js")


def test_any_drawing_is_prepared_as_in_python(visit, scripts):
    """Of any size, for images of any shape, with faint edges."""
    random, page = np.random.default_rng(0), visit(scripts)
    for shape in [(28, 28), (14, 14), (32, 20), (5, 40)] * 5:
        drawing = np.zeros(random.integers(1, 60, 2))
        corner, size = random.integers(0, drawing.shape), random.integers(1, 60, 2)
        part = drawing[corner[0] :, corner[1] :][: size[0], : size[1]]
        part[...] = random.choice([0, 0.1, 0.5, 1], part.shape)
        if not drawing.any():
            drawing[tuple(corner)] = 0.3
        expected = prepare(drawing, shape)
        options = {"shape": shape, "max_extent": max_extent(shape), "faint": FAINT, "tie": TIE}
        found = page.evaluate(
            """([ink, size, options]) => {
                const { box, scaled, image } = prepare(Float64Array.from(ink), size, options);
                return [box, Array.from(scaled), Array.from(image)];
            }""",
            [drawing.reshape(-1).tolist(), drawing.shape, options],
        )
        assert found[0] == list(expected.box)
        np.testing.assert_allclose(found[1], expected.scaled.reshape(-1), atol=1e-12)
        np.testing.assert_allclose(found[2], expected.image.reshape(-1), atol=1e-12)
    assert page.evaluate("prepare(new Float64Array(9), [3, 3], {})") is None


def test_a_network_of_any_depth_runs_both_passes_in_the_page(visit, tmp_path, monkeypatch):
    """With each activation, also an added one, and each loss: the page has the numbers of Python's gates."""
    monkeypatch.setitem(ACTIVATIONS, "softplus", Softplus())
    monkeypatch.setitem(RANGES, Softplus, (0, None))
    script, networks, expected = Script(), [], []
    for sizes, activation, loss in product(SIZES, ACTIVATIONS, LOSSES):
        kind = {"activation": activation, "loss": loss}
        network = MLP(sizes, precision="float64", generator=np.random.default_rng(2), **kind)
        network.parameters["b1"][...] = np.arange(sizes[1]) / 7
        X = np.array([[0.5, 0, 1, 0.25, 0, 0.75][: sizes[0]]])
        gates = activation_gates(network)
        expected.append(passes(network, gates, X))
        parameters = {name: values.reshape(-1).tolist() for name, values in network.parameters.items()}
        facts = {"nodes": script.nodes(from_image(network)), "activations": list(gates), "parameters": parameters}
        networks.append([facts, X[0].tolist()])
    page = visit(page_of(tmp_path, *script.array_scripts, script, "passes/graph.js", "report/answer.js"))
    found = page.evaluate(
        """(networks) => networks.map(([facts, X]) => {
            const network = new Network(facts);
            const P = network.forward(Float64Array.from(X));
            const gradients = network.backward(P.length - 1);
            return [network.activations, gradients].map((arrays) => arrays.map((numbers) => Array.from(numbers)));
        })""",
        networks,
    )
    for own, numpys in zip(found, expected, strict=True):
        for arrays, others in zip(own, numpys, strict=True):
            for numbers, array in zip(arrays, others, strict=True):
                np.testing.assert_allclose(numbers, array[0], atol=1e-12)


def passes(network, gates, X):
    """X and the activations, and the derivatives of the last output with respect to each, by the gates' own passes."""
    P = network.predict(X)
    network.loss(X, np.eye(1, P.shape[1]))
    activations = [X, *(network.graph.value(name).copy() for name in gates)]
    gradients = [np.eye(1, P.shape[1], P.shape[1] - 1)]
    for layer, gate in reversed(list(enumerate(gates.values(), start=1))):
        (dZ,) = gate.backward(gradients[0], activations[layer], network.graph.value(f"Z{3 * layer - 1}"))
        gradients.insert(0, dZ @ network.parameters[f"W{layer}"].T)
    return activations, gradients
