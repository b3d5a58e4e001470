"""Promises of mlp.optimizers: the update is the equation, and the parameters stay in place."""

import math

import numpy as np
import pytest

from mlp.optimizers import OPTIMIZERS, SGD, Adam, scheduled
from mlp.plan import CACHE_LINE, aligned


@pytest.mark.parametrize(
    ("options", "expected"),
    [  # by hand from A = 1 with dA = 0.5 each time: the values after one and two steps
        ({}, (0.95, 0.9)),
        ({"momentum": 0.9}, (0.95, 0.855)),  # V = 0.5, then 0.95
        ({"weight_decay": 0.2}, (0.93, 0.8614)),  # V = 0.7, then 0.686
        ({"momentum": 0.5, "weight_decay": 0.2}, (0.93, 0.8264)),  # V = 0.7, then 0.35 + 0.686 = 1.036
    ],
)
def test_two_steps_of_sgd_by_hand(options, expected):
    A, dA = np.ones(3), np.full(3, 0.5)
    sgd = SGD(A, dA, learning_rate=0.1, **options)
    for value in expected:
        sgd.step()
        np.testing.assert_allclose(A, value, rtol=1e-14)
    assert dA.tolist() == [0.5] * 3


def test_the_first_step_of_adam_is_the_learning_rate():
    """M / (1 - b1) is G and S / (1 - b2) is G^2: however large the gradient, its sign counts."""
    A, dA = np.zeros(4), np.array([1000.0, 1.0, -1e-3, 0.0])
    Adam(A, dA, learning_rate=0.1).step()
    np.testing.assert_allclose(A, [-0.1, -0.1, 0.1, 0], rtol=2e-5)  # e is 1e-5 of the third gradient
    assert dA.tolist() == [1000.0, 1.0, -1e-3, 0.0]


@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
def test_steps_of_adam_by_its_equation(weight_decay):
    A, dA = np.array([1.0, -2.0]), np.empty(2)
    adam = Adam(A, dA, learning_rate=0.1, weight_decay=weight_decay)
    values, M, S = A.tolist(), [0.0, 0.0], [0.0, 0.0]
    for t, gradient in enumerate([(0.5, 3.0), (-0.25, 1.0), (0.5, 0.0), (8.0, -0.125)], start=1):
        dA[...] = gradient
        adam.step()
        for k in range(2):
            G = gradient[k] + weight_decay * values[k]
            M[k] = 0.9 * M[k] + 0.1 * G
            S[k] = 0.999 * S[k] + 0.001 * G**2
            values[k] -= 0.1 * (M[k] / (1 - 0.9**t)) / (math.sqrt(S[k] / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(A, values, rtol=1e-13)
        np.testing.assert_allclose(adam.state["first_moment"], M, rtol=1e-12)
        np.testing.assert_allclose(adam.state["second_moment"], S, rtol=1e-12)


RATES = {
    "sgd": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1},
    "adam": {"learning_rate": 0.1, "weight_decay": 0.1},
}


@pytest.mark.parametrize("rate", [0.1, 1e-4])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_calls_give_what_the_update_gives_on_copies(name, momentum, weight_decay, rate):
    """Though they write each new block over the old one, which another new block may still need."""
    kind, random = OPTIMIZERS[name], np.random.default_rng(0)
    given = {"learning_rate": rate, "momentum": momentum, "weight_decay": weight_decay}
    A, dA = random.normal(size=5), np.empty(5)
    optimizer = kind(A, dA, **{key: given[key] for key in kind.rates})
    corrections = np.empty(len(kind.corrections))
    calls, values = optimizer.calls(corrections, is_scaled=True), [A.copy(), *map(np.copy, optimizer.state.values())]
    for step, gradient in enumerate(random.normal(size=(4, 5)), start=1):
        corrections[...] = optimizer.corrections_of(step)
        dA[...] = gradient * optimizer.gradient_scale
        for call in calls:
            call()
        values = list(map(np.copy, optimizer.update(values[0], gradient, *values[1:], rate, *corrections)))
        for block, value in zip([A, *optimizer.state.values()], values, strict=True):
            np.testing.assert_allclose(block, value, rtol=1e-13)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_single_precision_stays_single(name):
    """And gives the numbers of float64, rounded."""
    single, double = np.ones(3, np.float32), np.ones(3)
    for A in (single, double):
        optimizer = OPTIMIZERS[name](A, A.copy(), **RATES[name])
        for _ in range(20):
            optimizer.step()
        assert {block.dtype for block in optimizer.state.values()} == {A.dtype}
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=1e-5)


@pytest.mark.parametrize("size", [1e-30, 1e-6, 1e10])
def test_adam_in_single_precision_takes_gradients_of_any_size(size):
    """Gradients whose square is 0 in float32 divide by e alone, and move nothing far."""
    A = np.zeros(3, np.float32)
    adam = Adam(A, np.full(3, size, np.float32), learning_rate=0.01)
    with np.errstate(all="raise", under="ignore"):
        for _ in range(10):
            adam.step()
    assert np.isfinite(A).all()
    assert (np.abs(A) <= 0.1001).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_rate_can_be_changed_between_steps(name):
    """The state stays: from the third step on, the steps are half as long as with the full rate."""
    half, full = np.ones(3), np.ones(3)
    rates = RATES[name] | {"weight_decay": 0.0}
    halved, other = (OPTIMIZERS[name](A, np.full(3, 0.5), **rates) for A in (half, full))
    for step in range(5):
        before = half.copy(), full.copy()
        if step == 2:
            halved.set_learning_rate(0.05)
        halved.step()
        other.step()
        np.testing.assert_allclose(before[0] - half, (before[1] - full) * (0.5 if step >= 2 else 1), rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_goes_on_bit_for_bit_from_its_blocks_and_its_number_of_steps(name):
    gradients = np.random.default_rng(0).normal(size=(7, 5))
    A, dA = np.ones(5), np.empty(5)
    first = OPTIMIZERS[name](A, dA, **RATES[name])
    for gradient in gradients[:3]:
        dA[...] = gradient
        first.step()
    B, dB = A.copy(), np.empty(5)
    second = OPTIMIZERS[name](B, dB, **RATES[name])
    second.steps = first.steps
    for block, kept in zip(second.state.values(), first.state.values(), strict=True):
        block[...] = kept
    for gradient in gradients[3:]:
        dA[...] = dB[...] = gradient
        first.step()
        second.step()
    assert A.tolist() == B.tolist()
    assert (first.steps, second.steps) == (7, 7)


def test_the_names_of_the_blocks_that_checkpoints_hold():
    for name, expected in {"sgd": ["velocity"], "adam": ["first_moment", "second_moment"]}.items():
        optimizer = OPTIMIZERS[name](np.ones(3), np.ones(3), **RATES[name])
        assert list(optimizer.state) == list(optimizer.state_names) == expected
        assert not any(block.any() for block in optimizer.state.values())


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_an_aligned_block_is_an_equal_copy_at_a_cache_line(precision):
    for size in range(1, 40):
        block = np.arange(size, dtype=precision)
        copy = aligned(block)
        assert copy.ctypes.data % CACHE_LINE == 0
        assert (copy.dtype, copy.tolist()) == (block.dtype, block.tolist())
        assert not np.shares_memory(copy, block)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_whether_a_parameter_without_gradient_stays_as_it_is(name, momentum, weight_decay):
    """Where it says so, it does: training may then leave the parameters of idle inputs out."""
    kind = OPTIMIZERS[name]
    given = {"learning_rate": 0.1, "momentum": momentum, "weight_decay": weight_decay}
    rates = {key: given[key] for key in kind.rates}
    A, dA = np.ones(3), np.ones(3)
    optimizer = kind(A, dA, **rates)
    optimizer.step()
    moved, dA[...] = A.copy(), 0
    optimizer.step()
    stays = A.tolist() == moved.tolist()
    assert stays == (name == "sgd" and not momentum and not weight_decay)
    assert kind.keeps_idle(**rates) == stays


def test_the_cosine_begins_with_the_full_rate_and_falls_towards_0():
    """By hand: (1 + cos(pi k / 4)) / 2 for k = 0, 1, 2, 3."""
    root = math.sqrt(0.5)
    expected = [0.8, 0.4 * (1 + root), 0.4, 0.4 * (1 - root)]
    assert [scheduled("cosine", 0.8, epoch, 4) for epoch in range(1, 5)] == pytest.approx(expected, rel=1e-14)
    assert scheduled("cosine", 0.8, 1, 1) == 0.8
    for epochs in (1, 2, 7, 1000):
        rates = [scheduled("cosine", 0.3, epoch, epochs) for epoch in range(1, epochs + 1)]
        assert rates[0] == 0.3
        assert rates == sorted(rates, reverse=True)
        assert rates[-1] > 0


def test_the_constant_rate_is_the_rate():
    assert [scheduled("constant", 0.3, epoch, 4) for epoch in (1, 2, 4)] == [0.3] * 3


@pytest.mark.parametrize(("name", "rates"), [("sgd", {}), ("sgd", {"momentum": 0.9}), ("adam", {})])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_an_update_needs_the_memory_of_one_block_and_of_one_more_for_the_decay(name, rates, weight_decay):
    """Besides the parameters, the gradient and the state: networks may have many weights."""
    optimizer = OPTIMIZERS[name](np.ones(50), np.ones(50), learning_rate=0.1, weight_decay=weight_decay, **rates)
    calls = optimizer.calls(np.ones(len(optimizer.corrections)))
    arrays = {value.ctypes.data for call in calls for value in call.args if value.size == 50}
    own = {block.ctypes.data for block in (optimizer.A, optimizer.dA, *optimizer.state.values())}
    assert len(arrays - own) <= 1 + (weight_decay > 0)
