"""Promises of mlp.data.segmentation.components: the digit, with all its parts, is found on a sheet."""

import numpy as np
import pytest

from mlp.data.segmentation.components import connected_components, extract_digits


def sheet(*boxes, side=60):
    """A sheet with boxes of ink: top, bottom, left, right, darkness."""
    ink = np.zeros((side, side))
    for top, bottom, left, right, darkness in boxes:
        ink[top:bottom, left:right] = darkness
    return ink


DIGIT = (15, 45, 27, 32, 1)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param((5, 7, 5, 7, 1), id="dust"),
        pytest.param((50, 58, 50, 58, 1), id="a-stain-that-is-shorter-than-half-a-digit"),
        pytest.param((0, 60, 0, 4, 1), id="a-tables-edge"),
        pytest.param((0, 20, 50, 60, 1), id="a-shadow-in-the-corner"),
    ],
)
def test_dust_stains_and_shadows_are_left_out(other):
    ink, digits = extract_digits(sheet(DIGIT, other))
    assert digits == 1
    np.testing.assert_array_equal(ink, sheet(DIGIT))


def test_near_and_faint_parts_belong_to_the_digit():
    parts = [DIGIT, (12, 14, 27, 32, 1), (20, 30, 32, 34, 0.2)]
    ink, digits = extract_digits(sheet(*parts))
    assert digits == 1
    np.testing.assert_array_equal(ink, sheet(*parts))


def test_a_second_digit_is_counted_and_kept():
    both = sheet(DIGIT, (15, 45, 45, 50, 1))
    ink, digits = extract_digits(both)
    assert digits == 2
    np.testing.assert_array_equal(ink, both)


def test_a_digit_without_anything_else_may_touch_the_edge():
    for box in ((0, 60, 27, 32, 1), (0, 30, 0, 5, 1)):
        ink, digits = extract_digits(sheet(box))
        assert digits == 1
        np.testing.assert_array_equal(ink, sheet(box))


def test_a_pencil_is_found_beside_dust_that_is_darker():
    ink, digits = extract_digits(sheet((15, 45, 27, 32, 0.3), (5, 7, 5, 7, 1)))
    assert digits == 1
    np.testing.assert_allclose(ink, sheet(DIGIT))


def test_the_grain_of_a_table_is_not_a_second_digit():
    table = [(0, 60, 0, 3, 1), (10, 30, 5, 7, 0.8)]
    ink, digits = extract_digits(sheet(DIGIT, *table))
    assert digits == 1
    np.testing.assert_array_equal(ink, sheet(DIGIT))


def test_components_are_those_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    random = np.random.default_rng(0)
    for share in (0.1, 0.35, 0.5, 0.9):
        mask = random.random((40, 31)) < share
        labels, count = connected_components(mask)
        expected, number = ndimage.label(mask, np.ones((3, 3)))
        assert count == number
        assert (labels == count).tolist() == (~mask).tolist()
        assert len(set(zip(labels[mask], expected[mask], strict=True))) == count


def test_a_spiral_is_one_component():
    mask = np.zeros((41, 41), bool)
    row, column, length, turn = 20, 20, 2, 0
    while length < 38:
        for _ in range(2):
            for _ in range(length):
                mask[row, column] = True
                row, column = row + (0, 1, 0, -1)[turn], column + (1, 0, -1, 0)[turn]
            turn = (turn + 1) % 4
        length += 2
    assert connected_components(mask)[1] == 1
