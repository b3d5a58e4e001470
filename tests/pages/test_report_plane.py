"""Promises of mlp.pages.report_plane: each point and each place has the colour of its class."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from PIL import Image

from mlp import idx
from mlp.data import svd
from mlp.pages import report_plane
from mlp.runs import finished as finished_runs
from mlp.training import from_config
from tests.pages.untrained import untrained_run


@pytest.mark.parametrize(("center", "scale"), [(False, 255), (True, 255), (True, 200)])
def test_the_plane_is_coloured_by_the_predictions_for_the_reconstructed_images(
    short_run, training_digits, center, scale
):
    network = finished_runs.read_run(short_run).network
    projection = svd.project(training_digits.first_of_each(50), center=center)
    places = np.random.default_rng(0).uniform(-2000, 4000, (300, 2))
    P = network.predict(projection.rebuild(places) / scale)
    assert P.min() < 0.1
    assert P.max() > 0.9
    np.testing.assert_allclose(report_plane.of_coordinates(network, projection, scale).predict(places), P, atol=1e-4)


def numbers(path):
    """The points of an SVG's path, (n, 2)."""
    return np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 2)


def points(svg):
    """The places of each digit's points, and the colour of its mark."""
    colors = re.findall(r'<marker id="mark-(\d+)".*?fill="var\(--(\w+)\)"', svg)
    drawn = re.findall(r'data-digit="(\d+)".*?url\(#mark-(\d+)\).*? d="(.*?)"', svg)
    return {int(digit): (numbers(path), dict(colors)[mark]) for digit, mark, path in drawn}


def regions(svg):
    """The outlines of each class's region, and its colour."""
    drawn = re.findall(r'data-class="(\d+)" fill="var\(--(\w+)\)" d="(.*?)"', svg)
    return {int(k): ([numbers(path) for path in outlines.split("z")[:-1]], color) for k, color, outlines in drawn}


def is_within(outlines, places):
    """Whether each place is within an odd number of the outlines."""
    return np.sum([Outline(outline).contains_points(places) for outline in outlines], axis=0) % 2 == 1


def in_figure(axes, svg, coordinates):
    """Coordinates (n, 2) as places in the figure, by what the page's script knows."""
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    (left, top, across, down), ((x0, x1), (y0, y1)) = axes["place"], axes["limits"]
    x, y = coordinates.T
    return np.stack(
        [width * (left + across * (x - x0) / (x1 - x0)), height * (top + down * (y1 - y) / (y1 - y0))], axis=1
    )


@pytest.mark.parametrize("digits", ["[0, 1]", "[1, 0]"])
def test_the_larger_digit_and_the_part_of_the_plane_that_is_predicted_as_it_are_blue(tmp_path, digits):
    """Whichever is the positive class: on images of one digit each, all the ink in one pixel or in another."""
    for part, count in (("train", 40), ("t10k", 10)):
        labels = np.array([0, 1] * (count // 2), np.uint8)
        images = np.zeros((count, 3, 3), np.uint8)
        images[np.arange(count), 0, labels * 2] = 200 + np.arange(count)
        idx.write(tmp_path / f"{part}-images-idx3-ubyte", images)
        idx.write(tmp_path / f"{part}-labels-idx1-ubyte", labels)

    def learned(network):
        network.parameters["W1"][[0, 2], 0] = (-9, 9) if digits == "[0, 1]" else (9, -9)

    config = f"data: {{directory: {tmp_path}, digits: {digits}}}\nmodel: {{hidden_sizes: []}}\n"
    run = untrained_run(tmp_path, config, change=learned)
    images = from_config.training_images(run.config)
    facts, axes = report_plane.plane(run, images)
    coordinates, svg = svd.project(images).coordinates(images), str(facts["svg"])
    outlines = {color: outlines for outlines, color in regions(svg).values()}
    for digit, color, other in ((0, "red", "blue"), (1, "blue", "red")):
        drawn, own = points(svg)[digit]
        assert own == color
        np.testing.assert_allclose(drawn, in_figure(axes, svg, coordinates[images.labels == digit]), atol=0.051)
        assert is_within(outlines[color], drawn).all()
        assert not is_within(outlines[other], drawn).any()


def test_each_place_has_the_colour_of_the_predicted_class_the_stronger_the_more_probable_and_lines_are_between_two():
    digits = (8, 3, 5)

    def thirds(places):
        """Each class has a sector; the third class is as probable as the others at the origin."""
        angles = np.arctan2(places[:, 1], places[:, 0])[:, np.newaxis] - 2 * np.pi / 3 * np.arange(3)
        return (1 + np.cos(angles)) / 3

    random = np.random.default_rng(0)
    coordinates = random.uniform(-1, 1, (30, 2))
    svg, drawn = report_plane.draw(coordinates, np.arange(30) % 3, digits, thirds, has_legend=True)
    axes = drawn.facts()
    (left, right), (bottom, top) = axes["limits"]
    places = random.uniform((left, bottom), (right, top), (1000, 2))
    P = thirds(places)
    clear = np.diff(np.sort(P, axis=1)[:, 1:], axis=1)[:, 0] > 0.1
    for k, (outlines, _) in regions(svg).items():
        inside = is_within(outlines, in_figure(axes, svg, places))
        np.testing.assert_array_equal(inside[clear], P[clear].argmax(axis=1) == k)
    colors = [color for _, (_, color) in sorted(regions(svg).items())]
    assert colors == [points(svg)[digit][1] for digit in digits]
    assert len(set(colors)) == 3

    strength = np.asarray(Image.open(BytesIO(base64.b64decode(re.search('base64,([^"]+)', svg)[1])))).astype(int)
    x, y = np.linspace(left, right, strength.shape[1]), np.linspace(top, bottom, strength.shape[0])
    largest = thirds(np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)).max(axis=1)
    assert (np.diff(strength.reshape(-1)[np.argsort(largest)]) >= 0).all()
    assert strength.max() > 1.5 * strength.min()

    boundaries = [numbers(path) for path in re.findall(r'class="boundary".*? d="(.*?)"', svg)]
    spokes = in_figure(axes, svg, np.array([[np.cos(a), np.sin(a)] for a in np.pi / 3 * np.array([1, 3, 5])]) / 2)
    nearest = [min(np.hypot(*(line - spoke).T).min() for line in boundaries) for spoke in spokes]
    assert max(nearest) < 4  # the lines are where two sectors meet
    assert re.findall(r">(\d)</text>", svg)[-3:] == ["3", "5", "8"]  # the legend
    assert set(re.findall(r'class="region".*?>(\d)<', svg)) == {"3", "5", "8"}
