"""The third note: vectors, the Jacobian, matrix products."""

import re

import numpy as np
import pytest


def test_its_commands_show_its_numbers(note):
    note.shows_its_numbers()


def test_the_squared_length_of_a_product(note):
    nodes = note.nodes("--example vector-norm")
    np.testing.assert_allclose(nodes["q"]["value"], [0.22, 0.26], rtol=1e-14)
    assert nodes["f"]["value"] == pytest.approx(0.116, rel=1e-14)
    np.testing.assert_allclose(nodes["W"]["gradient"], [[0.088, 0.176], [0.104, 0.208]], rtol=1e-14)
    np.testing.assert_allclose(nodes["x"]["gradient"], [-0.112, 0.636], rtol=1e-14)


def test_the_jacobian_and_the_gradients_through_it(note):
    """A row for each x; the note prints the transpose where it multiplies."""
    nodes = note.nodes("--example jacobian-product")
    assert [nodes[f"x{k}"]["value"] for k in (1, 2, 3, 4)] == [-1, 1, 4, 3]
    assert [nodes[f"x{k}"]["gradient"] for k in (1, 2, 3, 4)] == [-2542, 3096, 5842, 2550]
    assert (nodes["f"]["value"], nodes["z1"]["gradient"], nodes["z2"]["gradient"]) == (9207, 13850, 28460)
    rows = re.findall(r"^x[1-4] +(-?\d+) +(-?\d+)$", note.printed("the Jacobian"), re.MULTILINE)
    assert [tuple(map(int, row)) for row in rows] == [(1, -1), (2, 0), (0, 4), (4, 1)]


def test_the_transpose_element_by_element(note):
    """By hand, from W = (1, 2; 3, 4), x = (3, -1) and dy = (5, 7)."""
    nodes = note.nodes("--example transpose")
    assert [nodes[name]["gradient"] for name in ("y1", "y2", "x1", "x2")] == [5, 7, 26, 38]
    assert [nodes[name]["gradient"] for name in ("w11", "w12", "w21", "w22")] == [15, -5, 21, -7]
    assert [nodes[name]["gradient"] for name in "yxW"] == [[5, 7], [26, 38], [[15, -5], [21, -7]]]


def test_a_row_times_a_matrix_and_several_rows(note):
    row, rows = (note.nodes(f"--example row-times-matrix{rows}") for rows in ("", ' "X=[[1, 2], [3, 4]]"'))
    assert (row["Z"]["value"], row["b"]["gradient"]) == ([[11, 22, 38]], [1, 1, 1])
    assert (row["X"]["gradient"], row["W"]["gradient"]) == ([[3, 4]], [[1, 1, 1], [2, 2, 2]])
    assert rows["b"]["gradient"] == [2, 2, 2]  # the sum over the rows


def test_matrix_products_with_examples_in_columns_and_in_rows(note):
    columns, rows = (
        {name: [np.array(node[key]) for key in ("value", "gradient")] for name, node in nodes.items()}
        for nodes in (note.nodes("--example matrix-product"), note.nodes("--example matrix-product-rows"))
    )
    (W, dW), (X, dX), (D, dD) = (columns[name] for name in "WXD")
    assert (W.shape, X.shape, D.shape) == ((5, 10), (10, 3), (5, 3))
    np.testing.assert_allclose(dW, dD @ X.T)
    np.testing.assert_allclose(dX, W.T @ dD)
    for name, turned in zip("WXZ", ("W", "X", "D"), strict=True):
        for found, expected in zip(rows[name], columns[turned], strict=True):
            np.testing.assert_allclose(found, expected.T, rtol=1e-12)
