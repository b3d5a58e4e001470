"""Promises of mlp.optimizers: the update is the equation, and the parameters stay in place."""

import numpy as np
import pytest

from mlp.optimizers import SGD


@pytest.mark.parametrize(
    ("options", "expected"),
    [  # by hand from A = 1 with dA = 0.5 each time: the values after one and two steps
        ({}, (0.95, 0.9)),
        ({"momentum": 0.9}, (0.95, 0.855)),  # V = 0.5, then 0.95
        ({"weight_decay": 0.2}, (0.93, 0.8614)),  # V = 0.7, then 0.686
        ({"momentum": 0.5, "weight_decay": 0.2}, (0.93, 0.8264)),  # V = 0.7, then 0.35 + 0.686 = 1.036
    ],
)
def test_two_steps_by_hand(options, expected):
    A, dA = np.ones(3), np.full(3, 0.5)
    sgd = SGD(A, dA, learning_rate=0.1, **options)
    for value in expected:
        sgd.step()
        np.testing.assert_allclose(A, value, rtol=1e-14)
    assert dA.tolist() == [0.5] * 3


def test_single_precision_stays_single():
    A = np.ones(3, np.float32)
    SGD(A, A.copy(), learning_rate=0.1, momentum=0.9, weight_decay=0.1).step()
    assert A.dtype == np.float32
