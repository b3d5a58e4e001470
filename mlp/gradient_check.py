"""Hand-written gradients against numeric ones, for any graph in float64.

The numeric derivative of f along a direction D is the centred difference (f(A + h D) - f(A - h D)) / 2h,
where f = sum(U * output) for an upstream gradient U. Its own errors: h^2 f''' / 6 from leaving the line,
and eps |f| / h from rounding; h = eps^(1/3) balances the two (Press et al., Numerical Recipes, 5.7).

The error of an array is the largest |numeric - written| over the largest gradient in the array, as in
Stanford's CS231n notes. A gradient too small against f for the difference to resolve is measured
against the smallest that can be resolved instead, lest rounding be taken for a mistake.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from string import ascii_uppercase

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from mlp.gates import Array, Gate, Shape
from mlp.graph import ComputationalGraph
from mlp.network import MLP

TOLERANCE = 1e-7
"""The largest relative error that passes."""

EPSILON = float(np.finfo(np.float64).eps)
STEP = EPSILON ** (1 / 3)

RESOLVABLE = 10 * EPSILON / STEP / TOLERANCE
"""The smallest gradient, as a share of |f|, that rounding leaves a tenth of the tolerance exact: 0.0037."""


@dataclass(frozen=True)
class ArrayCheck:
    """The worst disagreement found for one array."""

    name: str
    error: float
    """Relative to the array's largest gradient; nan where a gradient is not finite."""
    where: str
    """The element as ``[i, j]``, or the direction as `` along direction k``."""
    numeric: float
    written: float

    @property
    def passed(self) -> bool:
        """Whether the two agree; a nan does not pass."""
        return self.error < TOLERANCE

    def __str__(self) -> str:
        return (
            f"{self.name}{self.where}: "
            f"the numeric gradient is {self.numeric:.10g}, the written one {self.written:.10g}, "
            f"relative error {self.error:.1e} (must be below {TOLERANCE:.0e})"
        )


DIRECTIONS = 8
"""Random directions along which an array is checked where checking each element would take too long."""

EXAMPLES_PER_CLASS = 2
"""Images of each digit that a network is checked on: enough for the sums over the batch to matter."""

MOST_MOVED = 1 << 15
"""Elements that move along one direction, drawn at random where an array has more: bounds the time."""


def check_gate(gate: Gate, shapes: Sequence[Shape], generator: Generator) -> list[ArrayCheck]:
    """Check every element of a gate by itself, its inputs called A, B, ... and of these shapes.

    The inputs and the upstream gradient are random, of either sign and of magnitude 1/2 to 2, which keeps
    divisors off zero; an upstream gradient of ones would hide sums and means that are mistaken for another.
    """

    def draw(shape: Shape) -> Array:
        magnitude, sign = generator.uniform(0.5, 2, shape), generator.choice([-1.0, 1.0], shape)
        return np.asarray(magnitude * sign)

    graph = ComputationalGraph()
    leaves = [graph.leaf(name, draw(shape)) for name, shape in zip(ascii_uppercase, shapes, strict=False)]
    output = graph.forward(graph.apply(gate, *leaves))
    return list(check_elements(graph, [leaf.name for leaf in leaves], draw(output.shape)))


def check_network(network: MLP, X: Array, Y: Array, generator: Generator) -> list[ArrayCheck]:
    """Check a network's loss on these examples, in float64, along eight random directions an array.

    An array that fails is checked again element by element, to name the index; it has failed either way.
    """
    double = network.copy(np.float64)
    double.loss(X, Y)
    checks = list(check_directions(double.graph, double.parameters, DIRECTIONS, generator))
    failed = [check.name for check in checks if not check.passed]
    named = {check.name: check for check in check_elements(double.graph, failed) if not check.passed}
    return [named.get(check.name, check) for check in checks]


def check_elements(graph: ComputationalGraph, names: Iterable[str], upstream: ArrayLike = 1.0) -> Iterator[ArrayCheck]:
    """Check every element of the named leaves, in the graph's latest forward pass."""
    for name, f, A, dA in _leaves(graph, names, upstream):
        a, numeric = A.reshape(-1), np.empty(A.size)
        for k in range(A.size):
            numeric[k] = _slope(f, a, slice(k, k + 1), np.ones(1), STEP * max(1.0, abs(a[k])))
        written = dA.reshape(-1)
        yield _compare(name, numeric, written, f(), partial(_element, A.shape))


def check_directions(
    graph: ComputationalGraph,
    names: Iterable[str],
    directions: int,
    generator: Generator,
    upstream: ArrayLike = 1.0,
) -> Iterator[ArrayCheck]:
    """Check the named leaves along random directions of length 1: the passes needed do not grow with the elements.

    A wrong gradient escapes only where the mistake is orthogonal to every direction: with probability 0
    as long as all elements move, which in arrays of more than MOST_MOVED is a random part of them.
    """
    for name, f, A, dA in _leaves(graph, names, upstream):
        a, da = A.reshape(-1), dA.reshape(-1)
        numeric, written = np.empty(directions), np.empty(directions)
        for k in range(directions):
            moved = np.arange(a.size)
            if a.size > MOST_MOVED:
                moved = np.unique(generator.integers(a.size, size=MOST_MOVED))
            D = generator.standard_normal(moved.size)
            D /= np.sqrt(D @ D)
            numeric[k] = _slope(f, a, moved, D, STEP)
            written[k] = D @ da[moved]
        yield _compare(name, numeric, written, f(), _direction)


def _leaves(
    graph: ComputationalGraph, names: Iterable[str], upstream: ArrayLike
) -> Iterator[tuple[str, Callable[[], float], Array, Array]]:
    """Each name with f as a function of what the leaf holds, the leaf's array and its written gradient."""
    if graph.precision != np.float64:
        raise ValueError(f"gradients can be checked in float64 only, not in {graph.precision}")
    U = np.broadcast_to(np.asarray(upstream, np.float64), graph.repeat().shape)
    graph.backward(U)

    def f(name: str) -> float:
        return float(np.vdot(U, graph.repeat(name)))

    for name in names:
        yield name, partial(f, name), graph.value(name), graph.gradient(name)


def _slope(f: Callable[[], float], a: Array, moved: Array | slice, D: Array, h: float) -> float:
    """The derivative of f with the elements a[moved] going along D; a is left as it was."""
    before = a[moved].copy()
    a[moved] = above = before + h * D
    f_above = f()
    a[moved] = below = before - h * D
    f_below = f()
    a[moved] = before
    return float((f_above - f_below) / (((above - below) @ D) / (D @ D)))


def _compare(name: str, numeric: Array, written: Array, f: float, where: Callable[[int], str]) -> ArrayCheck:
    difference = np.abs(numeric - written)
    worst = int(np.argmax(difference))
    largest = max(np.abs(numeric).max(), np.abs(written).max(), RESOLVABLE * abs(f))
    error = float(difference[worst] / largest) if difference[worst] else 0.0
    return ArrayCheck(name, error, where(worst), float(numeric[worst]), float(written[worst]))


def _element(shape: Shape, k: int) -> str:
    return f"[{', '.join(str(i) for i in np.unravel_index(k, shape))}]"


def _direction(k: int) -> str:
    return f" along direction {k + 1}"
