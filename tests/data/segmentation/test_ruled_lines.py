"""Promises of mlp.data.segmentation.ruled_lines: lines are removed, but no strokes of a digit."""

import numpy as np
import pytest

from mlp.data.segmentation.ruled_lines import remove_lines

SIDE = 100


@pytest.fixture
def stroke():
    ink = np.zeros((SIDE, SIDE))
    ink[20:80, 46:53] = 1
    return ink


@pytest.mark.parametrize("darkness", [0.3, 1.0])
@pytest.mark.parametrize("turned", [False, True], ids=["level", "upright"])
def test_lines_are_removed_and_a_stroke_across_them_stays(stroke, darkness, turned):
    lines = np.zeros((SIDE, SIDE))
    lines[7::15] = darkness  # none at an end of the stroke
    lines = lines.T if turned else lines
    across = stroke.T if turned else stroke
    np.testing.assert_allclose(remove_lines(np.maximum(across, lines)), across, atol=1e-12)


@pytest.mark.parametrize("drop", [-6, 3])
def test_tilted_lines_are_removed(stroke, drop):
    inked = stroke.copy()
    columns = np.arange(SIDE)
    for start in range(10, SIDE, 20):
        rows = start + np.round(drop * columns / SIDE).astype(int)
        inside = (rows >= 0) & (rows < SIDE)
        inked[rows[inside], columns[inside]] = np.maximum(inked[rows[inside], columns[inside]], 0.5)
    found = remove_lines(inked)
    beside = np.ones((SIDE, SIDE), bool)
    beside[:, 44:55] = False
    assert found[beside].max() <= 0.5
    assert np.count_nonzero(found[beside]) < 0.1 * np.count_nonzero(inked[beside])
    assert found[stroke > 0].min() >= 0.5


def test_squared_paper_is_removed(stroke):
    inked = stroke.copy()
    inked[7::14], inked[:, 9::14] = np.maximum(inked[7::14], 0.4), np.maximum(inked[:, 9::14], 0.4)
    found = remove_lines(inked)
    assert found[stroke == 0].max() <= 0.4
    assert np.count_nonzero(found[stroke == 0]) < 20
    assert np.count_nonzero(found[stroke > 0] < 0.5) <= 4  # a corner of the stroke, where two lines cross


def test_a_margin_is_removed_with_the_lines_but_alone_it_may_be_a_digit(stroke):
    lines = np.zeros((SIDE, SIDE))
    lines[7::15] = 0.4
    lines[:, 12:14] = 0.6
    np.testing.assert_allclose(remove_lines(np.maximum(stroke, lines)), stroke, atol=1e-12)
    one = np.zeros((SIDE, SIDE))
    one[:, 47:51] = 1
    one[[0, -1]] = 1  # a serif along the upper edge, and a foot along the lower one
    np.testing.assert_array_equal(remove_lines(one), one)


def test_strokes_of_a_digit_that_fills_its_picture_are_not_lines():
    seven = np.zeros((60, 40))
    seven[:3] = 1
    seven[:, 36:] = 1
    np.testing.assert_array_equal(remove_lines(seven), seven)
    one = np.zeros((60, 9))
    one[:, 4:6] = 1
    np.testing.assert_array_equal(remove_lines(one), one)


def test_a_clean_sheet_is_unchanged(stroke):
    assert remove_lines(stroke).tolist() == stroke.tolist()
