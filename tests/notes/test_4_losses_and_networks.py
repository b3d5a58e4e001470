"""The fourth note: the losses of a linear classifier, the Euclidean loss, a network's passes, XOR."""

import re

import numpy as np
import pytest


def test_its_commands_show_its_numbers(note):
    note.shows_its_numbers()


def test_the_two_losses_of_three_scores(note):
    svm, softmax = note.nodes("--example svm-loss"), note.nodes("--example softmax-loss")
    assert svm["L"]["value"] == pytest.approx(2.9)
    assert svm["s"]["gradient"] == [-1, 1, 0]
    p = np.exp([3.2, 5.1, -1.7]) / np.exp([3.2, 5.1, -1.7]).sum()
    assert softmax["L"]["value"] == pytest.approx(-np.log(p[0]))
    np.testing.assert_allclose(softmax["s"]["gradient"], p - [1, 0, 0], rtol=1e-12)
    assert softmax["y"]["gradient"] is None


def test_the_linear_classifier_with_either_loss(note):
    """The SVM's numbers are worked out by hand on the page on circuits."""
    svm, softmax = note.nodes("--example linear-svm"), note.nodes("--example linear-softmax")
    scores = [[-0.5, 1, 0.5], [0.5, 0, -1.5], [-2.5, -1, 0.5], [2.5, 2, -1.5]]
    assert svm["S"]["value"] == softmax["S"]["value"] == scores
    assert (svm["E"]["value"], svm["L"]["value"]) == (4.5 + 1.5 + 0 + 0.5, 1.625)
    assert svm["S"]["gradient"] == [[-0.5, 0.25, 0.25], [0.25, -0.25, 0], [0, 0, 0], [-0.25, 0.25, 0]]
    assert svm["W"]["gradient"] == [[-1, 0.75, 0.25], [0.5, -0.25, -0.25]]
    assert svm["b"]["gradient"] == [-0.5, 0.25, 0.25]
    P, Y = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), np.eye(3)[[0, 1, 2, 0]]
    assert softmax["L"]["value"] == pytest.approx(-np.log(P[Y == 1]).mean(), rel=1e-12)
    np.testing.assert_allclose(softmax["W"]["gradient"], np.transpose(svm["X"]["value"]) @ (P - Y) / 4, rtol=1e-12)
    np.testing.assert_allclose(softmax["b"]["gradient"], (P - Y).mean(axis=0), rtol=1e-12)


def test_the_euclidean_loss_is_squared(note):
    """The note's 1/2 ||P - Y|| lacks the square: it would be 0.559 here."""
    nodes = note.nodes('"E = sum((P - Y) ** 2) / 2" "P=[0.5, 1]" "Y=[1, 0]"')
    assert (nodes["E"]["value"], nodes["P"]["gradient"]) == (0.625, [-0.5, 1])


def test_the_passes_of_the_network_are_the_table_of_the_page(note):
    """Eight gates. Only the last one divides by n: the note's loss is E."""
    rows = re.findall(r"^\| ([A-Z]\w* = .*?) +\| .*?\| (d.*?) +\|", note.printed("the network's passes"), re.MULTILINE)
    assert [forward for forward, _ in rows] == [
        *("Z1 = X W1", "Z2 = Z1 + b1", "Z3 = sigmoid(Z2)", "Z4 = Z3 W2", "Z5 = Z4 + b2"),
        *("P = sigmoid(Z5)", "E = 1/2 sum (P - Y)^2", "L = E / n"),
    ]
    backward = [text.partition(" (d")[0] for _, text in rows]
    assert backward[2:7] == [
        *("dZ2 = Z3 (1 - Z3) dZ3", "dZ3 = dZ4 W2', dW2 = Z3' dZ4", "dZ4 = dZ5, db2 = sum over rows of dZ5"),
        *("dZ5 = P (1 - P) dP", "dP = (P - Y) dE"),
    ]


def test_xor_is_learned_when_all_four_rows_are_right(note):
    printed = note.printed("XOR")
    right = [int(count) for count in re.findall(r", (\d) of 4 right$", printed, re.MULTILINE)]
    assert right[0] < 4 == right[-1]
    rows = re.findall(r"^ ([01])   ([01]) +([01])  (\d\.\d+)$", printed, re.MULTILINE)
    assert [(int(x1) ^ int(x2), float(p) > 0.5) for x1, x2, _, p in rows] == [(0, 0), (1, 1), (1, 1), (0, 0)]
