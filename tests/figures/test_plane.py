"""Promises of mlp.figures.plane: every figure is written, without a display, whatever the numbers are."""

import numpy as np
import pytest

from mlp.data.svd import project
from mlp.figures import plane, style
from tests.figures.conftest import pixels


@pytest.fixture
def drawn(monkeypatch):
    """The figures, kept instead of written."""
    figures = []
    monkeypatch.setattr(plane, "save", lambda figure, path: figures.append(figure))
    return figures


@pytest.mark.parametrize("center", [False, True])
def test_the_scatter_says_whether_it_is_centred_and_keeps_the_plane_square(images, drawn, center, tmp_path):
    projection = project(images, center=center)
    plane.scatter(tmp_path / "s.png", projection.coordinates(images), images.labels, images.digits, projection)
    (axes,) = drawn[0].axes
    assert axes.get_title().endswith(", centred" if center else ", not centred")
    assert axes.get_aspect() == 1
    for label, k in ((axes.get_xlabel(), 0), (axes.get_ylabel(), 1)):
        share = projection.explained_variance()[k]
        assert f"σ = {projection.singular_values[k]:,.0f}, explained variance {share:.1%}" in label


def test_reconstructions_are_drawn_below_their_images(images, drawn, tmp_path):
    two, rebuilt = images.pixels(np.arange(2)), np.arange(32.0).reshape(2, 16)
    plane.reconstruction(tmp_path / "r.png", two, rebuilt, images.labels[:2], images.image_shape)
    pictures = [axes.images[0].get_array().reshape(-1) for axes in drawn[0].axes]
    np.testing.assert_array_equal(pictures, [*two, *rebuilt])


@pytest.mark.parametrize("digits", [(0, 1), (1, 0)])
def test_in_the_scatter_zeros_are_red_and_ones_blue(images, digits, tmp_path):
    """The zeros are moved to the left half of the plane, so each half must have its own colour alone."""
    coordinates = np.stack([np.where(images.labels == 1, 100.0, -100.0), np.linspace(-50, 50, 60)], axis=1)
    plane.scatter(tmp_path / "scatter.png", coordinates, images.labels, digits, project(images))
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
    plane.reconstruction(tmp_path / "r.png", images.pixels(six), rebuilt, images.labels[six], images.image_shape)
    pixels(tmp_path / "r.png")


CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])


def left_half(X):
    """P above 1/2 where x1 is below 1/2, whatever x2 is."""
    return 1 / (1 + np.exp(8 * (X[:, :1] - 0.5)))


def test_the_surface_shows_where_p_is_a_half_and_each_point_with_its_target(drawn, tmp_path):
    plane.decision_surface(tmp_path / "surface.png", left_half, CORNERS, np.array([1, 1, 0, 1]))
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
        "target 0": (style.ZERO, [[1, 0]]),
        "target 1": (style.ONE, [[0, 0], [0, 1], [1, 1]]),
    }
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["P = ½", "target 0", "target 1"]


def test_on_the_surface_ones_lie_in_blue_and_zeros_in_red(tmp_path):
    plane.decision_surface(tmp_path / "surface.png", left_half, CORNERS, np.array([1, 1, 0, 0]))
    picture = pixels(tmp_path / "surface.png")[100:500, 150:600, :3]
    left, right = picture[:, :100].mean(axis=(0, 1)), picture[:, -100:].mean(axis=(0, 1))
    assert left[2] > left[0] + 0.3
    assert right[0] > right[2] + 0.3


@pytest.mark.parametrize("P", [0.0, 0.3, 0.5, 1.0])
def test_a_surface_without_a_border_has_no_line(P, drawn, tmp_path):
    plane.decision_surface(tmp_path / "s.png", lambda X: np.full((len(X), 1), P), CORNERS, np.array([0, 1, 1, 0]))
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["target 0", "target 1"]
