"""Promises of mlp.data.segmentation.filters: morphology as in scipy.ndimage, and means over windows."""

import numpy as np
import pytest

from mlp.data.segmentation import filters

PICTURE = np.random.default_rng(0).integers(0, 256, (23, 17)).astype(float)


@pytest.mark.parametrize("side", [3, 5, 7, 13])
def test_a_window_has_the_extremes_of_all_its_pixels(side):
    around = side // 2
    padded = np.pad(PICTURE, around, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    np.testing.assert_array_equal(filters.window_extreme(np.maximum, PICTURE, side), windows.max(axis=(2, 3)))
    np.testing.assert_array_equal(filters.window_extreme(np.minimum, PICTURE, side), windows.min(axis=(2, 3)))


@pytest.mark.parametrize("side", [3, 9])
def test_closing_and_opening_are_those_of_scipy(side):
    ndimage = pytest.importorskip("scipy.ndimage")
    around = 2 * side
    padded = np.pad(PICTURE, around, mode="edge")
    inner = slice(around, -around)
    for ours, theirs in ((filters.closing, ndimage.grey_closing), (filters.opening, ndimage.grey_opening)):
        np.testing.assert_array_equal(ours(PICTURE, side), theirs(padded, (side, side))[inner, inner])


def test_closing_fills_in_narrow_parts_and_keeps_light_shadow_and_a_tables_edge():
    light = np.tile(np.linspace(200, 120, 40), (40, 1))
    light[:, :4] = 50  # a strip that is narrower than the square, but reaches the edge
    light[30:, 20:] *= 0.6
    inked = light.copy()
    inked[8:26, 12:16] = 10
    np.testing.assert_allclose(filters.closing(inked, 9), light, atol=4 * 80 / 39 + 1e-9)  # four columns of the slope
    assert np.abs(filters.closing(light, 9) - light).max() < 1e-12


def test_a_blur_keeps_the_sum_and_spreads_a_dot_as_1_2_1():
    dot = np.zeros((5, 5))
    dot[2, 2] = 16
    expected = np.pad(np.outer([1, 2, 1], [1, 2, 1]), 1)
    np.testing.assert_array_equal(filters.blur(dot), expected)


def test_a_box_mean_leaves_nothing_of_an_ordered_dither():
    dots = np.tile(np.random.default_rng(0).random((8, 8)) < 0.3, (5, 4)).astype(float)
    np.testing.assert_allclose(filters.box_mean(dots, 8), dots[:8, :8].mean(), atol=1e-12)
