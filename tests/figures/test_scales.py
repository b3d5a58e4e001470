"""Promises of mlp.figures.scales: each tick's label is its own number, in few characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.figures import scales

POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def said(label):
    """The number that a label says."""
    if label.endswith("%"):
        return float(label[:-1]) / 100
    factor, ten, power = label.rpartition("10") if label[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹" else (label, "", "")
    return float(factor.rstrip("·") or 1) * 10.0 ** float(power.translate(POWERS)) if ten else float(factor)


def check(scale, values):
    low, high = scale.limits
    assert low < min(values)
    assert max(values) < high
    assert 2 <= len(scale.ticks) <= 11
    assert sorted(set(scale.ticks)) == list(scale.ticks)
    assert len(set(scale.labels)) == len(scale.labels)
    assert [low <= tick <= high for tick in [*scale.ticks, *scale.minor]] == [True] * len([*scale.ticks, *scale.minor])
    assert [said(label) for label in scale.labels] == pytest.approx(list(scale.ticks), rel=1e-9, abs=1e-12)


@given(st.lists(st.floats(0, 1e30), min_size=1, max_size=5))
def test_every_tick_says_its_own_number_and_lies_on_the_axis(losses):
    drawn = [loss if loss > 1e-300 else 0 for loss in losses]
    scale = scales.of_losses(losses)
    check(scale, drawn)
    assert min(scale.ticks) >= 0
    positive = [loss for loss in drawn if loss]
    spans_decades = bool(positive) and max(positive) > 10 * min(positive)
    assert (scale.kind == "linear") == (not spans_decades)
    assert (scale.kind == "symlog") == (spans_decades and 0 in drawn)
    assert max(map(len, scale.labels)) <= 11


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_shares_are_never_above_all_nor_below_none(shares):
    scale = scales.of_shares(shares)
    check(scale, shares)
    assert 0 <= min(scale.ticks) <= max(scale.ticks) <= 1 + 1e-12
    assert max(map(len, scale.labels)) <= 7


def test_the_ticks_that_one_would_write_by_hand():
    assert scales.of_losses([0.0083, 0.1]).labels == ["0.01", "0.02", "0.05", "0.1"]
    assert scales.of_losses([2e-5, 0.1]).labels == ["0.0001", "0.001", "0.01", "0.1"]
    assert scales.of_losses([2e-6, 0.1]).labels == ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"]
    assert scales.of_losses([0.0, 2e-4, 0.1]).labels == ["0", "0.001", "0.01", "0.1"]
    assert scales.of_losses([0.02, 0.1]).labels == ["0.02", "0.04", "0.06", "0.08", "0.10"]
    assert scales.of_shares([0.95, 0.9996]).labels == ["95%", "96%", "97%", "98%", "99%", "100%"]
    assert scales.of_shares([1.0]).labels == ["99.95%", "99.96%", "99.97%", "99.98%", "99.99%", "100.00%"]
    assert scales.epoch_ticks(1, 1) == [1]
    assert scales.epoch_ticks(1, 10) == list(range(1, 11))
    assert scales.epoch_ticks(1, 60) == [1, *range(5, 61, 5)]
    assert scales.epoch_ticks(1, 1000) == [1, *range(200, 1001, 200)]
    assert scales.epoch_ticks(0, 0) == [0]
    assert scales.epoch_ticks(0, 120) == list(range(0, 121, 20))
