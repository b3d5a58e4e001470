"""Promises of mlp.circuits.notation: one way to write numbers and arrays for people."""

import numpy as np
import pytest

from mlp.circuits.notation import in_full, rounded, rows_of, written


@pytest.mark.parametrize(
    ("number", "text"),
    [(-12.0, "-12"), (0.0, "0"), (-0.0, "0"), (0.7310585786300049, "0.7311"), (13850.0, "13850"), (1e-9, "1e-09"),
     (0.1 + 0.2, "0.3"), (123456.789, "1.235e+05"), (999_999.0, "999999"), (1e6, "1e+06"), (1e300, "1e+300"),
     (0.99999, "1"), (np.nan, "nan"), (-np.inf, "-inf")],
)  # fmt: skip
def test_a_number_is_rounded_and_a_whole_one_in_full(number, text):
    assert rounded(number) == text
    assert written(np.array(number)) == in_full(np.array(number)) == text
    assert rows_of(np.array(number)) == [text]


def test_small_arrays_show_their_numbers_and_larger_ones_their_shape():
    A = np.array([[1.0, -0.25], [1 / 3, 2]])
    assert written(A) == "[[1, -0.25], [0.3333, 2]]"
    assert rows_of(A) == ["[1  -0.25]", "[0.333  2]"]
    assert in_full(A, digits=6) == "[[1, -0.25], [0.333333, 2]]"
    assert rows_of(np.ones(4)) == ["[1  1  1  1]"]
    for shape in ((5,), (4, 5), (1, 1, 1)):
        assert written(np.ones(shape)) == str(shape)
        assert rows_of(np.ones(shape)) == [str(shape)]
    assert in_full(np.zeros((1, 1, 5), int)) == "[[[0, 0, 0, 0, 0]]]"
