"""Promises of the scripts that do a page's arithmetic: the same as Python's for any drawing and any network."""

import numpy as np
import pytest

from mlp.data.preparation import FAINT, TIE, max_extent, prepare
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.pages import frame
from mlp.pages.pad import activation_gates


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """A page of only the scripts, to test what the report's images do not reach."""
    path = tmp_path_factory.mktemp("scripts") / "scripts.html"
    sources = "".join((frame.TEMPLATES / name).read_text() for name in ("preparation.js", "network.js"))
    path.write_text(f"<!DOCTYPE html><title>scripts</title><script>{sources}</script>")
    return path


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


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [[5, 1], [6, 4, 3, 1], [6, 4, 3], [6, 5, 4, 10]], ids=str)
def test_a_network_of_any_depth_runs_both_passes_in_the_page(visit, scripts, sizes, activation, loss):
    kind = {"activation": activation, "loss": loss}
    network = MLP(sizes, precision="float64", generator=np.random.default_rng(2), **kind)
    network.parameters["b1"][...] = np.arange(sizes[1]) / 7
    X = np.array([[0.5, 0, 1, 0.25, 0, 0.75][: sizes[0]]])
    P, output = network.predict(X), sizes[-1] - 1
    network.loss(X, np.eye(1, sizes[-1]))
    gates = activation_gates(network)
    dA = np.eye(1, sizes[-1], output)
    for layer, (name, gate) in reversed(list(enumerate(gates.items(), start=1))):
        (dZ,) = gate.backward(dA, network.graph.value(name), network.graph.value(f"Z{3 * layer - 1}"))
        dA = dZ @ network.parameters[f"W{layer}"].T
    parameters = {name: values.reshape(-1).tolist() for name, values in network.parameters.items()}
    found = visit(scripts).evaluate(
        """([activations, parameters, X, output]) => {
            const network = new Network(activations, parameters);
            return [Array.from(network.forward(Float64Array.from(X))), Array.from(network.backward(output)[0])];
        }""",
        [list(map(str, gates.values())), parameters, X[0].tolist(), output],
    )
    np.testing.assert_allclose(found[0], P[0], atol=1e-12)
    np.testing.assert_allclose(found[1], dA[0], atol=1e-12)
