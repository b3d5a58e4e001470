"""Promises of mlp.plots: every figure is written, without a display, whatever the numbers are."""

import matplotlib.image
import numpy as np
import pytest

from mlp.data import dataset
from mlp.data.svd import project
from mlp.evaluation import Evaluation
from mlp.figures import plots
from tests.conftest import write_folder


@pytest.fixture
def images(tmp_path):
    return dataset.load(write_folder(tmp_path / "f", [0, 1] * 30, [0, 1]), "training", (0, 1))


def pixels(path):
    """The picture as written; it must show more than an empty page."""
    assert path.read_bytes().startswith(b"\x89PNG")
    picture = matplotlib.image.imread(path)
    assert len(np.unique(picture[..., :3] @ [1, 3, 5])) > 10
    return picture


@pytest.fixture
def drawn(monkeypatch):
    """The figures, kept instead of written."""
    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
    return figures


def test_the_confusion_matrix_has_true_rows_and_predicted_columns(images, drawn, tmp_path):
    probabilities = images.targets.astype(float)
    probabilities[0] = 1.0  # one of thirty zeros taken for a 1
    plots.confusion(tmp_path / "confusion.png", Evaluation(images, probabilities, 0.0))
    (axes,) = drawn[0].axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}  # (column, row)
    assert cells == {(0, 0): "29\n96.67%", (1, 0): "1\n3.33%", (0, 1): "0\n0.00%", (1, 1): "30\n100.00%"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted digit", "true digit")


@pytest.mark.parametrize("center", [False, True])
def test_the_scatter_says_whether_it_is_centred_and_keeps_the_plane_square(images, drawn, center, tmp_path):
    projection = project(images, center=center)
    plots.scatter(tmp_path / "s.png", projection.coordinates(images), images.labels, images.digits, projection)
    (axes,) = drawn[0].axes
    assert axes.get_title().endswith(", centred" if center else ", not centred")
    assert axes.get_aspect() == 1
    for label, k in ((axes.get_xlabel(), 0), (axes.get_ylabel(), 1)):
        assert (
            f"σ = {projection.singular_values[k]:,.0f}, {projection.explained_variance()[k]:.1%} of the energy" in label
        )


def test_the_rebuilds_are_drawn_below_their_images(images, drawn, tmp_path):
    two, rebuilt = images.pixels(np.arange(2)), np.arange(32.0).reshape(2, 16)
    plots.reconstruction(tmp_path / "r.png", two, rebuilt, images.labels[:2], images.image_shape)
    pictures = [axes.images[0].get_array().reshape(-1) for axes in drawn[0].axes]
    np.testing.assert_array_equal(pictures, [*two, *rebuilt])


def test_mistakes_are_captioned_and_the_surest_come_first(images, drawn, tmp_path):
    probabilities = images.targets.astype(float)
    probabilities[[4, 7, 10]] = [0.6, 0.1, 0.9]
    plots.mistakes(tmp_path / "mistakes.png", Evaluation(images, probabilities, 0.0))
    assert [axes.get_title() for axes in drawn[0].axes] == [
        "a 1, taken for 0\np(1) = 0.1000\nindex 7",
        "a 0, taken for 1\np(1) = 0.9000\nindex 10",
        "a 0, taken for 1\np(1) = 0.6000\nindex 4",
    ]


@pytest.mark.parametrize("wrong", [0, 1, 9, 60])
def test_confusion_and_mistakes_for_any_number_of_mistakes(images, wrong, tmp_path):
    probabilities = images.targets.astype(float)
    probabilities[:wrong] = 1 - probabilities[:wrong]
    evaluation = Evaluation(images, probabilities, 0.0)
    assert len(evaluation.mistakes) == wrong
    plots.confusion(tmp_path / "confusion.png", evaluation)
    plots.mistakes(tmp_path / "mistakes.png", evaluation)
    pixels(tmp_path / "confusion.png")
    pixels(tmp_path / "mistakes.png")


@pytest.mark.parametrize("digits", [(0, 1), (1, 0)])
def test_in_the_scatter_zeros_are_red_and_ones_blue(images, digits, tmp_path):
    """The zeros are moved to the left half of the plane, so each half must have its own colour alone."""
    coordinates = np.stack([np.where(images.labels == 1, 100.0, -100.0), np.linspace(-50, 50, 60)], axis=1)
    plots.scatter(tmp_path / "scatter.png", coordinates, images.labels, digits, project(images))
    picture = pixels(tmp_path / "scatter.png")[200:, :, :3]
    left, right = picture[:, : picture.shape[1] // 2], picture[:, picture.shape[1] // 2 :]
    reds, blues = (
        (lambda half: np.sum(half[..., 0] > half[..., 2] + 0.3)),
        (lambda half: np.sum(half[..., 2] > half[..., 0] + 0.3)),
    )
    assert reds(left) > 50 * (1 + blues(left))
    assert blues(right) > 50 * (1 + reds(right))


def test_the_reconstruction_shows_images_and_rebuilds(images, tmp_path):
    projection = project(images)
    six = np.arange(6)
    rebuilt = projection.rebuild(projection.coordinates(images))[six]
    plots.reconstruction(tmp_path / "r.png", images.pixels(six), rebuilt, images.labels[six], images.image_shape)
    pixels(tmp_path / "r.png")


CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])


def left_half(X):
    """P above 1/2 where x1 is below 1/2, whatever x2 is."""
    return 1 / (1 + np.exp(8 * (X[:, :1] - 0.5)))


def test_the_surface_shows_where_p_is_a_half_and_each_point_with_its_target(drawn, tmp_path):
    plots.decision_surface(tmp_path / "surface.png", left_half, CORNERS, np.array([1, 1, 0, 1]))
    axes, bar = drawn[0].axes
    assert bar.get_ylabel() == "P, the probability of 1"
    assert axes.get_aspect() == 1
    assert min(*axes.get_xlim(), *axes.get_ylim()) == -0.5
    assert max(*axes.get_xlim(), *axes.get_ylim()) == 1.5
    _, half = axes.collections
    assert half.levels.tolist() == [0.5]
    (border,) = half.get_paths()
    np.testing.assert_allclose(border.vertices[:, 0], 0.5, atol=1e-6)
    points = {line.get_label(): (line.get_color(), sorted(line.get_xydata().tolist())) for line in axes.lines[1:]}
    assert points == {
        "target 0": (plots.RED, [[1, 0]]),
        "target 1": (plots.BLUE, [[0, 0], [0, 1], [1, 1]]),
    }
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["P = ½", "target 0", "target 1"]


def test_on_the_surface_ones_lie_in_blue_and_zeros_in_red(tmp_path):
    plots.decision_surface(tmp_path / "surface.png", left_half, CORNERS, np.array([1, 1, 0, 0]))
    picture = pixels(tmp_path / "surface.png")[100:500, 150:600, :3]
    left, right = picture[:, :100].mean(axis=(0, 1)), picture[:, -100:].mean(axis=(0, 1))
    assert left[2] > left[0] + 0.3
    assert right[0] > right[2] + 0.3


@pytest.mark.parametrize("P", [0.0, 0.3, 0.5, 1.0])
def test_a_surface_without_a_border_has_no_line(P, drawn, tmp_path):
    plots.decision_surface(tmp_path / "s.png", lambda X: np.full((len(X), 1), P), CORNERS, np.array([0, 1, 1, 0]))
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["target 0", "target 1"]
