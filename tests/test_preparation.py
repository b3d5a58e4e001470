"""Promises of mlp.preparation: any drawing comes out as MNIST has its digits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.preparation import Blank, area_weights, ink_of, prepare


def test_an_image_of_mnist_comes_back_as_it_was(test_digits):
    """But for the scale to 255 of those whose darkest pixel is 254, and those with an edge too faint to count."""
    images = test_digits.pixels().reshape(-1, 28, 28)
    changed = [np.abs(prepare(ink_of(image)).image - image / 255).max() for image in images]
    assert sum(change > 1 / 254 for change in changed) <= 1


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


def test_what_is_heavy_at_the_bottom_is_moved_up():
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
    assert filled in (0, 1)  # one more where the other side is cut between two pixels


@given(dark=st.booleans(), paper=st.integers(80, 180), contrast=st.integers(20, 70))
def test_ink_is_the_same_on_any_paper_in_any_polarity(dark, paper, contrast):
    drawing = bar(20, 4, 10, 12, (40, 30))
    grey = paper + (-contrast if dark else contrast) * drawing
    np.testing.assert_array_equal(ink_of(grey), drawing)


def test_the_grain_of_the_paper_is_no_ink():
    random = np.random.default_rng(0)
    drawing = bar(20, 4, 10, 12, (40, 30))
    ink = ink_of(200 - 150 * drawing + random.normal(0, 3, drawing.shape))
    assert (ink > 0.2).tolist() == (drawing > 0).tolist()
    assert np.count_nonzero(ink) < np.count_nonzero(drawing) + 12


@pytest.mark.parametrize("grey", [np.full((5, 5), 7), np.zeros((1, 1)), np.zeros((9, 3), bool)])
def test_an_empty_sheet_says_so(grey):
    with pytest.raises(Blank, match="nothing is drawn"):
        ink_of(grey)
    with pytest.raises(Blank, match="nothing is drawn"):
        prepare(np.zeros(np.shape(grey)))


def test_pixels_are_averaged_by_the_area_that_they_cover():
    np.testing.assert_allclose(
        area_weights(4, 0.5, 1.5, 2) * 1.5, [[0.5, 1, 0, 0], [0, 0, 1, 0.5]]
    )  # 0.5 to 2 and 2 to 3.5
    np.testing.assert_array_equal(area_weights(3, -1, 1, 5), np.eye(5, 3, k=-1))
