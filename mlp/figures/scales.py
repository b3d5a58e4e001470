"""The limits and ticks of an axis: few ticks, with short labels that never overlap.

matplotlib's own labels overlap on axes of about a decade, and take longer to make.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

NICE = (1, 2, 5)
DECADE = 10
"""If the largest loss is more than this factor above the smallest, the axis is logarithmic."""
MIN_LOSS = 1e-300
"""Smaller losses are drawn as 0."""
MIN_RELATIVE_SPREAD = 0.05
"""An axis spans at least this fraction of the largest loss: a smaller span would need long labels."""
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """An axis: matplotlib's name of its kind, its limits, its ticks with labels, and minor ticks without."""

    kind: Literal["linear", "log", "symlog"]
    limits: tuple[float, float]
    ticks: Sequence[float]
    labels: Sequence[str]
    minor: Sequence[float] = ()
    linear_below: float = 0.0
    """A symlog axis is linear from 0 to here, and logarithmic above."""
    linear_decades: float = 0.0
    """The length of the linear part, in decades."""


def epoch_ticks(first: int, last: int) -> list[int]:
    """The first epoch or step and every 1st, 2nd, 5th, 10th, 20th, ...: at most 12 ticks, fewer if they are long."""
    most = 12 if last < 100 else max(30 // len(str(last)), 2)
    steps = (nice * 10**power for power in itertools.count() for nice in NICE)
    step = next(step for step in steps if last <= most * step)
    return [first, *range(max(step, first + 1), last + 1, step)]


def of_losses(losses: Iterable[float]) -> Scale:
    """The scale for losses >= 0: logarithmic if they span more than a decade, with a place for 0 if one is 0."""
    values = [loss if loss > MIN_LOSS else 0.0 for loss in losses]
    positive = [value for value in values if value]
    if not positive or max(positive) <= DECADE * min(positive):
        low, high = min(values), max(values)
        least = MIN_RELATIVE_SPREAD * high or MIN_RELATIVE_SPREAD
        return _linear(low, high, least, math.inf, percent=False)
    return _logarithmic(min(positive), max(positive), has_zero=0 in values)


def of_shares(shares: Sequence[float]) -> Scale:
    """The scale for fractions from 0 to 1, with labels in percent."""
    return _linear(min(shares), max(shares), 0.001, 1.0, percent=True)


def _linear(low: float, high: float, least: float, most: float, *, percent: bool) -> Scale:
    """From low to high with a margin, spanning at least ``least``; no tick is below 0 or above ``most``."""
    missing = max(least - (high - low), 0) / 2
    low, high = max(low - missing, 0.0), min(high + missing, most)
    margin = 0.05 * (high - low)  # less than a step, so no tick is below 0 or above ``most``
    power = math.floor(math.log10(high - low)) - 1
    nice, power = next(
        (nice, power) for power in itertools.count(power) for nice in NICE if 7 * nice * 10.0**power >= high - low
    )
    step = nice * 10.0**power
    ticks = [k * step for k in range(math.ceil((low - margin) / step), math.floor((high + margin) / step) + 1)]
    if percent:
        labels = [f"{tick:.{max(-power - 2, 0)}%}" for tick in ticks]
    elif power >= -5 and high < 1e5:
        labels = [f"{tick:.{max(-power, 0)}f}" for tick in ticks]
    else:
        exponent = math.floor(math.log10(high))
        labels = [f"{tick / 10.0**exponent:.{max(exponent - power, 0)}f}·{power_label(exponent)}" for tick in ticks]
    return Scale("linear", (low - margin, high + margin), ticks, labels)


def _logarithmic(low: float, high: float, *, has_zero: bool) -> Scale:
    """A log scale from low to high with a margin; a symlog scale, which continues down to 0, if 0 must be shown."""
    bottom, top = math.log10(low), math.log10(high)
    span = top - bottom
    first, last = 10 ** max(bottom - 0.05 * span, -307), 10 ** min(top + 0.05 * span, 308)
    powers = range(math.floor(bottom) - 1, math.ceil(top) + 1)
    every = math.ceil(span / 8)
    # Below two and a half decades, powers of ten alone would give only two or three ticks.
    kept = [(nice, power) for power in powers for nice in (NICE if span < 2.5 else (1,)) if power % every == 0]
    kept = [(nice, power) for nice, power in kept if (low if has_zero else first) <= nice * 10.0**power <= last]
    ticks = [nice * 10.0**power for nice, power in kept]
    is_short = all(-4 <= power <= 3 for _, power in kept)
    labels = [
        f"{tick:.{max(-power, 0)}f}" if is_short else ("" if nice == 1 else f"{nice}·") + power_label(power)
        for tick, (nice, power) in zip(ticks, kept, strict=True)
    ]
    between = [k * 10.0**power for power in powers for k in range(2, 10)] if every == 1 and span < 6 else []
    minor = [tick for tick in between if (low if has_zero else first) <= tick <= last and tick not in ticks]
    if not has_zero:
        return Scale("log", (first, last), ticks, labels, minor)
    return Scale("symlog", (-0.4 * low, last), [0.0, *ticks], ["0", *labels], minor, low, 0.12 * span)


def power_label(exponent: int) -> str:
    """A power of ten for a label, as plain text: TeX would take long."""
    return "10" + str(exponent).translate(SUPERSCRIPT)
