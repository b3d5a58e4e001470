"""Promises of mlp.figures.network: the numbers of a network's passes, each in its place."""

import numpy as np
import pytest

from mlp.figures import network as network_figure
from mlp.figures.network import columns, grid, tiles
from mlp.network import MLP


def network_on_an_image(*hidden):
    random = np.random.default_rng(0)
    network = MLP([6, *hidden, 1], precision="float64", generator=random, input_gradient=True)
    network.loss(random.random((1, 6)), [[1]])
    network.backward()
    return network


def test_values_and_gradients_are_those_of_the_passes():
    network = network_on_an_image(3)
    image, W1, hidden, W2 = columns(network, (2, 3), (0, 1))
    graph = network.graph
    np.testing.assert_array_equal(image.value, graph.value("X").reshape(2, 3))
    np.testing.assert_allclose(image.gradient, (graph.gradient("Z1") @ graph.value("W1").T).reshape(2, 3))
    for k in range(3):
        left = 4 * k  # three columns of pixels and a gap
        np.testing.assert_array_equal(W1.value[:, left : left + 3], graph.value("W1")[:, k].reshape(2, 3))
        np.testing.assert_array_equal(W1.gradient[:, left : left + 3], graph.gradient("W1")[:, k].reshape(2, 3))
    np.testing.assert_array_equal(hidden.value, graph.value("Z3"))
    np.testing.assert_array_equal(hidden.gradient, graph.gradient("Z3"))
    np.testing.assert_array_equal(W2.value, graph.value("W2").T)
    np.testing.assert_array_equal(W2.gradient, graph.gradient("W2").T)
    assert [column.name for column in (image, W1, hidden, W2)] == ["X", "W1", "Z3", "W2"]


def test_only_the_units_with_the_largest_gradients_are_shown_and_the_same_in_each_column(monkeypatch):
    monkeypatch.setattr(network_figure, "MAX_UNITS", 2)
    network = network_on_an_image(5, 3)
    shown = {column.name: column for column in columns(network, (2, 3), (0, 1))}
    graph = network.graph
    kept = np.sort(np.argsort(-np.abs(graph.gradient("W1")).sum(axis=0))[:2])
    kept_2 = np.sort(np.argsort(-np.abs(graph.gradient("W2")).sum(axis=0))[:2])
    np.testing.assert_array_equal(shown["Z3"].value[0], graph.value("Z3")[0, kept])
    np.testing.assert_array_equal(shown["W2"].value, graph.value("W2")[np.ix_(kept, kept_2)])
    np.testing.assert_array_equal(shown["W3"].gradient[0], graph.gradient("W3")[kept_2, 0])
    assert shown["W1"].headings[0] == "weights W1, 2 of 5 units"
    assert shown["W2"].headings[0] == "weights W2, 2 of 5 rows, 2 of 3 units"
    assert shown["Z6"].headings[0] == "hidden Z6, 2 of 3 units"


def test_headings_have_the_largest_gradient():
    image = columns(network_on_an_image(3), (2, 3), (0, 1))[0]
    assert image.headings == ("image X", f"dX, up to ±{np.abs(image.gradient).max():.1e}")


def with_classes(labels, **options):
    """The columns of a network of three outputs, with the network."""
    random = np.random.default_rng(0)
    network = MLP([6, 4, 3], precision="float64", generator=random, input_gradient=True, **options)
    network.loss(random.random((1, 6)), [[0, 0, 1]])
    network.backward()
    return columns(network, (2, 3), labels), network


@pytest.mark.parametrize(("loss", "differentiated"), [("euclidean", "P"), ("cross_entropy", "Z5")])
def test_several_outputs_have_a_column_with_a_label_in_each_cell(loss, differentiated):
    shown, network = with_classes((8, 3, 5), loss=loss)
    outputs = shown[-1]
    np.testing.assert_array_equal(outputs.value, network.graph.value("P"))
    np.testing.assert_array_equal(outputs.gradient, network.graph.gradient(differentiated))
    assert outputs.headings[0] == "outputs P"
    assert outputs.headings[1].startswith(f"d{differentiated}, up to ±")
    assert (outputs.labels, outputs.limits) == (["8", "3", "5"], (0, 1))


@pytest.mark.parametrize("loss", ["euclidean", "cross_entropy"])
def test_the_picture_shows_the_labels_and_only_single_numbers_as_text(loss):
    shown, network = with_classes((8, 3, 5), loss=loss)
    figure = network_figure.picture("title", shown, ["P = 1"], network)
    last_value, last_gradient = figure.axes[-2:]
    assert [text.get_text() for axes in (last_value, last_gradient) for text in axes.texts] == ["8", "3", "5"] * 2
    assert "dL = 1" in [text.get_text() for text in figure.texts]
    assert "outputs white at 0 and dark at 1" in figure.texts[1].get_text()


@pytest.mark.parametrize(
    ("activation", "low", "words"),
    [
        ("sigmoid", 0, "hidden units white at 0 and dark at 1,"),
        ("tanh", -1, "hidden units purple above 0, white at 0 and orange below 0,"),
        ("relu", 0, "hidden units white at 0 and dark at the largest of their layer,"),
    ],
)
def test_hidden_units_have_the_colours_of_their_activations_range(activation, low, words):
    shown, network = with_classes((8, 3, 5), activation=activation)
    (hidden,) = [column for column in shown if column.kind == "hidden"]
    largest = network.graph.value("Z3").max() if activation == "relu" else 1
    assert hidden.limits == (low, largest)
    assert (hidden.colors == network_figure.SIGNS) == (activation == "tanh")
    assert words in network_figure.picture("title", shown, [], network).texts[1].get_text()


def test_the_largest_pixel_is_black_however_pixels_are_scaled():
    image, *_ = columns(network_on_an_image(3), (2, 3), (0, 1), white=255)
    assert (image.name, image.colors, image.limits) == ("X", "gray_r", (0, 255))


def test_a_relu_layer_without_any_active_unit_is_drawn(tmp_path):
    network = MLP([6, 4, 3], precision="float64", input_gradient=True, activation="relu")
    network.parameters["b1"][...] = -1
    network.loss(np.ones((1, 6)), [[0, 0, 1]])
    network.backward()
    network_figure.draw_network(tmp_path / "x.svg", network, (2, 3), (0, 1, 2), "title", ["P = 1"])
    assert "hidden Z3" in (tmp_path / "x.svg").read_text()


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 4)), (32, (4, 8)), (64, (6, 12))])
def test_a_grid_holds_the_vector_row_by_row(count, shape):
    cells = grid(np.arange(count, dtype=float))
    assert cells.shape == shape
    np.testing.assert_array_equal(cells.ravel()[:count], np.arange(count))
    assert np.isnan(cells.ravel()[count:]).all()


def test_tiles_are_apart():
    picture = tiles(np.arange(30.0).reshape(6, 5), (2, 3))
    assert picture.shape == (5, 15)
    assert np.isnan(picture[2]).all()
    assert np.isnan(picture[:, 3]).all()
    np.testing.assert_array_equal(picture[3:5, 0:3], np.arange(30.0).reshape(6, 5)[:, 4].reshape(2, 3))
