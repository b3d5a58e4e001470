"""Promises of mlp.paper: morphology as scipy.ndimage has it, and noise as it was made."""

import numpy as np
import pytest

from mlp.data.ink import paper

PICTURE = np.random.default_rng(0).integers(0, 256, (23, 17)).astype(float)


@pytest.mark.parametrize("side", [3, 5, 7, 13])
def test_a_window_has_the_extremes_of_all_its_pixels(side):
    around = side // 2
    padded = np.pad(PICTURE, around, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    np.testing.assert_array_equal(paper.windowed(np.maximum, PICTURE, side), windows.max(axis=(2, 3)))
    np.testing.assert_array_equal(paper.windowed(np.minimum, PICTURE, side), windows.min(axis=(2, 3)))


@pytest.mark.parametrize("side", [3, 9])
def test_closing_and_opening_are_those_of_scipy(side):
    ndimage = pytest.importorskip("scipy.ndimage")
    around = 2 * side
    padded = np.pad(PICTURE, around, mode="edge")
    inner = slice(around, -around)
    for ours, theirs in ((paper.closing, ndimage.grey_closing), (paper.opening, ndimage.grey_opening)):
        np.testing.assert_array_equal(ours(PICTURE, side), theirs(padded, (side, side))[inner, inner])


def test_closing_fills_in_what_is_narrower_and_keeps_light_shadow_and_a_tables_edge():
    light = np.tile(np.linspace(200, 120, 40), (40, 1))
    light[:, :4] = 50  # a strip that is narrower than the square, but reaches the edge
    light[30:, 20:] *= 0.6
    inked = light.copy()
    inked[8:26, 12:16] = 10
    np.testing.assert_allclose(paper.closing(inked, 9), light, atol=4 * 80 / 39 + 1e-9)  # four columns of the slope
    assert np.abs(paper.closing(light, 9) - light).max() < 1e-12


@pytest.mark.parametrize("deviation", [0, 2, 15])
def test_noise_is_measured_beside_light_and_lines(deviation):
    random = np.random.default_rng(0)
    sheet = np.add.outer(np.linspace(100, 200, 150), np.linspace(0, 50, 120))
    sheet[::10] -= 60
    sheet[:, ::15] -= 60
    found = paper.noise(sheet + random.normal(0, deviation, sheet.shape))
    assert found == pytest.approx(deviation, rel=0.25, abs=0.01)


def test_a_blur_keeps_the_sum_and_spreads_a_dot_as_1_2_1():
    dot = np.zeros((5, 5))
    dot[2, 2] = 16
    expected = np.pad(np.outer([1, 2, 1], [1, 2, 1]), 1)
    np.testing.assert_array_equal(paper.blurred(dot), expected)


def test_a_box_mean_leaves_nothing_of_an_ordered_dither():
    dots = np.tile(np.random.default_rng(0).random((8, 8)) < 0.3, (5, 4)).astype(float)
    np.testing.assert_allclose(paper.box_mean(dots, 8)[4:-4, 4:-4], dots[:8, :8].mean(), atol=1e-12)


def test_a_glare_with_a_soft_edge_is_light_and_no_ink():
    """Ink is dark here, though the glare differs more from the paper."""
    down, across = np.mgrid[:80, :80]
    sheet = np.full((80, 80), 150.0)
    sheet[20:60, 30:36] = 60
    sheet += 105 * np.exp(-((down - 20) ** 2 + (across - 60) ** 2) / 150)
    ink = paper.ink_on(sheet)
    assert ink[25:55, 31:35].min() > 0.8
    assert ink[:, 45:].max() < 0.2
