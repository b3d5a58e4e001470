"""Promises of mlp.data.preparation: any ink is prepared as MNIST's digits were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.data.preparation import area_weights, averaged, prepare
from mlp.system.errors import InputError


def bar(height, width, top, left, shape=(90, 60)):
    drawing = np.zeros(shape)
    drawing[top : top + height, left : left + width] = 1
    return drawing


def test_a_bar_becomes_twenty_pixels_high_with_its_middle_in_the_middle():
    prepared = prepare(bar(60, 12, 20, 40))  # a step of 3 pixels: 20 by 4
    expected = np.zeros((28, 28))
    expected[4:24, 12:16] = 1
    assert prepared.box == (20, 80, 40, 52)
    np.testing.assert_allclose(prepared.image, expected, atol=1e-12)


def test_a_digit_that_is_heavy_at_the_bottom_is_moved_up():
    """A stem of 20 by 2 with a foot of 4 by 10: centre of mass at row (40 * 9.5 + 32 * 17.5) / 72 = 13.06 of 0..19."""
    drawing = np.zeros((40, 40))
    drawing[10:30, 20:22] = 1
    drawing[26:30, 16:26] = 1
    image = prepare(drawing).image
    rows = image.sum(axis=1)
    centre = rows @ np.arange(28) / rows.sum()
    assert 13.5 <= centre < 14.5
    assert (rows > 0).argmax() == 1  # 14 - 13.06 rounded


@given(
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    top=st.integers(0, 30),
    left=st.integers(0, 30),
    shape=st.sampled_from([(28, 28), (14, 14), (32, 20)]),
)
def test_no_drawing_leaves_the_image_and_the_darkest_stays_the_darkest(height, width, top, left, shape):
    image = prepare(bar(height, width, top, left, (80, 80)), shape).image
    assert image.shape == shape
    assert image.max() == pytest.approx(1)
    assert image.min() >= 0
    rows, columns = (np.flatnonzero((image > 1e-9).any(axis=axis)) for axis in (1, 0))
    filled = max(np.ptp(rows) + 1 - round(20 / 28 * shape[0]), np.ptp(columns) + 1 - round(20 / 28 * shape[1]))
    assert filled in (0, 1)  # one more if the other side ends within a pixel


def test_no_ink_is_refused():
    with pytest.raises(InputError, match="nothing is drawn"):
        prepare(np.zeros((5, 5)))


@pytest.mark.parametrize("factor", [1, 2, 3, 7])
def test_a_smaller_picture_has_the_averages_of_squares_cut_off_at_its_ends(factor):
    picture = np.random.default_rng(0).integers(0, 256, (14, 9)).astype(np.uint8)
    rows, columns = (range(0, side, factor) for side in picture.shape)
    expected = [[picture[r : r + factor, c : c + factor].mean() for c in columns] for r in rows]
    np.testing.assert_allclose(averaged(picture, factor), expected)


def test_pixels_are_averaged_by_the_area_that_they_cover():
    np.testing.assert_allclose(
        area_weights(4, 0.5, 1.5, 2) * 1.5, [[0.5, 1, 0, 0], [0, 0, 1, 0.5]]
    )  # 0.5 to 2 and 2 to 3.5
    np.testing.assert_array_equal(area_weights(3, -1, 1, 5), np.eye(5, 3, k=-1))
