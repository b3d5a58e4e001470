"""Promises of mlp.figures.plane: every figure is written, without a display, whatever the numbers are."""

import numpy as np
import pytest

from mlp.data.svd import Projection, project
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


def scattered(drawn, digits, tmp_path, per_digit=20):
    """The axes of points of these digits, all in one place."""
    random = np.random.default_rng(0)
    labels = np.repeat(digits, per_digit)
    projection = Projection(np.eye(2), np.ones(2), 2.0, np.zeros(2), centered=False)
    plane.scatter(tmp_path / "s.png", random.normal(size=(len(labels), 2)), labels, digits, projection)
    return drawn[-1].axes[0]


@pytest.mark.parametrize("count", [2, 3, 10, 26])
def test_each_label_has_its_colour_and_marker_and_a_line_of_the_legend(drawn, tmp_path, count):
    digits = list(range(count))[::-1]
    axes = scattered(drawn, digits, tmp_path)
    named = [points for points in axes.collections if not points.get_label().startswith("_")]
    assert [points.get_label() for points in named] == [f"digit {digit}: 20" for digit in sorted(digits)]
    looks = {(points.get_facecolor().tobytes(), points.get_paths()[0].vertices.tobytes()) for points in named}
    assert len(looks) == count
    assert sum(len(points.get_offsets()) for points in axes.collections) == 20 * count
    legends = [axes.get_legend(), *drawn[-1].legends]
    assert [len(legend.get_texts()) for legend in legends if legend is not None] == [count]


def test_more_than_two_labels_take_turns_so_that_none_lies_above_all_others(drawn, tmp_path):
    def order(count):
        return [points.get_facecolor().tobytes() for points in scattered(drawn, range(count), tmp_path).collections]

    assert len(order(2)) == 2
    for count in (3, 10):
        colors = order(count)
        assert colors == colors[:count] * (count - 1)


def test_the_256_labels_of_a_byte_are_drawn_in_few_layers_and_beside_a_legend_that_fits(drawn, tmp_path):
    """With a turn for each label, as of ten, it would take ten minutes; matplotlib warns of a lack of room."""
    axes = scattered(drawn, range(256), tmp_path, per_digit=2)
    assert len(axes.collections) <= plane.MAX_LAYERS
    assert sum(len(points.get_offsets()) for points in axes.collections) == 2 * 256
    assert axes.get_position().width * drawn[-1].get_figwidth() > 3


def test_many_labels_are_written_at_the_middles_of_their_points_and_listed_beside_them(drawn, tmp_path):
    axes = scattered(drawn, list(range(10)), tmp_path)
    assert [text.get_text() for text in axes.texts] == [str(digit) for digit in range(10)]
    assert axes.get_legend() is None
    assert not scattered(drawn, [0, 1, 2], tmp_path).texts


@pytest.mark.parametrize("count", [6, 9, 13, 30])
def test_many_reconstructions_are_drawn_in_several_rows_each_below_its_image(drawn, tmp_path, count):
    pictures, rebuilt = np.arange(count)[:, None] * np.ones(4), 100 + np.arange(count)[:, None] * np.ones(4)
    plane.reconstruction(tmp_path / "r.png", pictures, rebuilt, np.arange(count), (2, 2))
    places = {int(axes.images[0].get_array()[0, 0]): axes.get_position() for axes in drawn[0].axes}
    assert len(places) == len(drawn[0].axes) == 2 * count
    for k in range(count):
        above, below = places[k], places[100 + k]
        assert above.x0 == below.x0
        nearest = max(place.y0 for place in places.values() if place.x0 == above.x0 and place.y0 < above.y0)
        assert nearest == below.y0
    assert len({place.x0 for place in places.values()}) == min(count, 9)


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


def test_several_surfaces_stand_side_by_side_with_one_scale_and_one_legend(drawn, tmp_path):
    networks = [("nothing learned", lambda X: np.full((len(X), 1), 0.3)), ("by a line", left_half)]
    plane.decision_surfaces(tmp_path / "s.png", networks, CORNERS, np.array([1, 1, 0, 0]))
    left, right, bar = drawn[0].axes
    assert [left.get_title(), right.get_title()] == ["nothing learned", "by a line"]
    assert left.get_position().x1 < right.get_position().x0
    assert (bar.get_ylabel(), bar.get_ylim()) == ("P, the probability of 1", (0, 1))
    assert sorted(text.get_text() for text in drawn[0].legends[0].get_texts()) == ["P = ½", "target 0", "target 1"]
