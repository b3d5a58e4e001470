"""Analytic gradients, which the gates compute, against numeric ones, for any graph in float64.

The numeric derivative of f along a direction D is the centred difference (f(A + h D) - f(A - h D)) / 2h,
where f = sum(U * output) for an upstream gradient U. Its error is h^2 f''' / 6, because f is curved, plus
eps |f| / h from rounding; h = eps^(1/3) balances the two (Press et al., Numerical Recipes, 5.7).

The error of an array is the largest |numeric - analytic| divided by the largest gradient in the array, as in
Stanford's CS231n notes. If all gradients are so small that the difference cannot resolve them, it is divided by the
smallest gradient that can be resolved, so that rounding does not count as a mistake.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from string import ascii_uppercase

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

import mlp.losses  # noqa: F401 - so that ``all_gates`` finds them
from mlp.gates import Array, Gate, Shape
from mlp.graph import ComputationalGraph
from mlp.node import Node

TOLERANCE = 1e-7
"""The largest relative error that passes."""

EPSILON = float(np.finfo(np.float64).eps)
STEP = EPSILON ** (1 / 3)
SMALLER = 0.1, 0.01
"""Fractions of the step that are tried where numeric and analytic gradient differ: see ``CheckedArray.numeric``."""

RESOLVABLE = 10 * EPSILON / STEP / TOLERANCE
"""A gradient below this fraction of |f|, 0.0037, cannot be resolved: rounding alone is a tenth of the tolerance."""


@dataclass(frozen=True)
class ArrayCheck:
    """The worst disagreement found for one array."""

    name: str
    error: float
    """Relative to the largest gradient in the array, or to the smallest that can be resolved; nan if not finite."""
    where: str
    """The element as ``[i, j]``, or the direction as `` along direction k``."""
    numeric: float
    analytic: float
    plain_error: float
    """Always relative to the largest gradient in the array, even if that is only rounding."""

    @property
    def passed(self) -> bool:
        """Whether the two agree; nan does not pass."""
        return self.error < TOLERANCE

    def __str__(self) -> str:
        return (
            f"{self.name}{self.where}: "
            f"numeric {self.numeric:.10g}, analytic {self.analytic:.10g}, "
            f"relative error {self.error:.1e} (must be below {TOLERANCE:.0e})"
        )


DIRECTIONS = 8
"""If checking each element of an array takes too long, it is checked along this many random directions."""

MAX_MOVED = 1 << 15
"""An array with more elements is divided among the directions: each moves its own part."""


def check_gate(gate: Gate, shapes: Sequence[Shape], generator: Generator) -> list[ArrayCheck]:
    """Check every element of a single gate, with inputs A, B, ... of these shapes.

    The inputs are random, of either sign, with magnitudes from 1/2 to the root of 3 and a gap between any two: divisors
    are not near zero, and no gate is at a kink. (No two differ by 1, the margin of the SVM loss.) The upstream gradient
    is random too: ones would hide averaging mistakes. A gate that needs positive inputs gets positive ones; class
    indices are drawn from those of the scores, and have no gradient.
    """
    sizes = [math.prod(shape) for shape in shapes]
    magnitudes = generator.permutation(np.linspace(0.5, np.sqrt(3), sum(sizes)))
    signs = generator.choice([-1.0, 1.0], sum(sizes))
    numbers = np.split(magnitudes if gate.positive else magnitudes * signs, np.cumsum(sizes)[:-1])
    graph = ComputationalGraph()
    leaves = []
    for position, (name, values, shape) in enumerate(zip(ascii_uppercase, numbers, shapes, strict=False)):
        value = generator.integers(shapes[0][-1], size=shape) if position in gate.indices else values.reshape(shape)
        leaves.append(graph.leaf(name, value))
    node = graph.apply(gate, *leaves)
    output = graph.forward(node)
    upstream = generator.uniform(0.5, 2, output.shape) * generator.choice([-1.0, 1.0], output.shape)
    names = [leaf.name for position, leaf in enumerate(leaves) if position not in gate.indices]
    return list(check_elements(graph, names, upstream))


def check_elements(graph: ComputationalGraph, names: Iterable[str], upstream: ArrayLike = 1.0) -> Iterator[ArrayCheck]:
    """Check every element of the named nodes, in the graph's latest forward pass."""
    for _, check in numeric_gradients(graph, names, upstream):
        yield check


def numeric_gradients(
    graph: ComputationalGraph, names: Iterable[str], upstream: ArrayLike = 1.0
) -> Iterator[tuple[Array, ArrayCheck]]:
    """The numeric gradient of each of the named nodes, element by element, and its check against the analytic one.

    A node need not be a leaf: its value is changed after it was computed.
    """
    for node in checked_nodes(graph, names, upstream):
        numeric = node.numeric(node.slope_of_element, node.da)
        yield numeric.reshape(node.shape), node.compare(numeric, node.da, node.element)


def check_directions(
    graph: ComputationalGraph,
    names: Iterable[str],
    directions: int,
    generator: Generator,
    upstream: ArrayLike = 1.0,
) -> Iterator[ArrayCheck]:
    """Check the named nodes along random directions of length 1: the number of passes does not grow with the elements.

    Every element moves: in each direction, or, if its array has more than MAX_MOVED elements, in one of them.
    The error is relative to the largest derivative along a direction: a mistake is missed if it is below about the
    tolerance times the norm of the whole gradient.
    """
    for node in checked_nodes(graph, names, upstream):
        yield node.along_directions(directions, generator)


def pinpoint(array: "CheckedArray", failed: ArrayCheck, generator: Generator) -> ArrayCheck:
    """Find a wrong element behind an array's failed check, by halving the array towards the larger difference.

    This takes four passes per halving; comparing every element would take two per element. If the element found agrees
    after all, returns the failed check.
    """

    def disagreement(low: int, high: int) -> float:
        moved, D = slice(low, high), random_direction(high - low, generator)
        return abs(array.slope(moved, D) - float(D @ array.da[moved]))

    low, high = 0, array.a.size
    while high - low > 1:
        middle = (low + high) // 2
        if disagreement(low, middle) >= disagreement(middle, high):
            high = middle
        else:  # also if one of the two is nan
            low = middle
    numeric = array.da.copy()
    numeric[low] = array.slope_of_element(low)
    element = array.compare(numeric, array.da, array.element)
    return failed if element.passed else element


def random_direction(size: int, generator: Generator) -> Array:
    """A vector of length 1, (size,)."""
    D = generator.uniform(-1, 1, size)
    return np.asarray(D / np.sqrt(D @ D))


def all_gates(family: type[Gate] = Gate) -> list[Gate]:
    """The gates to check: those of each subclass that has a name."""
    gates = list(family.check_instances()) if hasattr(family, "name") else []
    for kind in family.__subclasses__():
        gates += all_gates(kind)
    return gates


@dataclass(frozen=True)
class CheckedArray:
    """An array under check, such as the value of a node."""

    name: str
    shape: Shape
    a: Array
    """A flat view of its numbers: changes count in ``f``."""
    da: Array
    """The analytic gradient, flat."""
    f: Callable[[], float]
    """Computes the number to differentiate from the array's current numbers."""
    magnitude: float
    """|f| before any change."""

    def __repr__(self) -> str:
        return f"CheckedArray({self.name}, shape {self.shape})"

    def numeric(self, slope: Callable[[int, float], float], analytic: Array) -> Array:
        """The numeric derivatives: ``slope(k, factor)`` for each k, with the step times the factor.

        If a step crosses a kink, as relu has at 0, the result is the derivative of neither side. So where it differs
        from the analytic derivative, smaller steps are tried, and the closest result counts: a kink is hardly ever that
        near, and a wrong gradient stays wrong.
        """
        found = np.array([slope(k, 1.0) for k in range(len(analytic))])
        for factor in SMALLER:
            differences = np.abs(found - analytic)
            for k in np.flatnonzero(~(differences < TOLERANCE * self.scale(found, analytic))):
                smaller = slope(int(k), factor)
                if abs(smaller - analytic[k]) < differences[k]:
                    found[k] = smaller
        return found

    def along_directions(self, directions: int, generator: Generator) -> ArrayCheck:
        """The check along random directions of length 1, of the whole array or of a part each: see MAX_MOVED."""
        is_small = self.a.size <= MAX_MOVED
        moved = [slice(None) if is_small else slice(k, None, directions) for k in range(directions)]
        ways = [(part, random_direction(self.a[part].size, generator)) for part in moved]
        analytic = np.array([D @ self.da[part] for part, D in ways])
        numeric = self.numeric(lambda k, factor: self.slope(*ways[k], factor), analytic)
        return self.compare(numeric, analytic, lambda k: f" along direction {k + 1}")

    def slope_of_element(self, k: int, factor: float = 1.0) -> float:
        """The numeric derivative of f with respect to the k-th element."""
        return self.slope(slice(k, k + 1), np.ones(1), factor)

    def slope(self, moved: slice, D: Array, factor: float = 1.0) -> float:
        """The numeric derivative of f as the elements a[moved] move along D, |D| = 1. Restores them.

        The step is multiplied by ``factor``.
        """
        before = self.a[moved].copy()
        h = factor * (STEP * max(1.0, abs(float(before[0]))) if before.size == 1 else STEP)
        try:
            self.a[moved] = above = before + h * D
            f_above = self.f()
            self.a[moved] = below = before - h * D
            f_below = self.f()
        finally:
            self.a[moved] = before
        return float((f_above - f_below) / ((above - below) @ D))  # the step after rounding

    def compare(self, numeric: Array, analytic: Array, where: Callable[[int], str]) -> ArrayCheck:
        """The largest difference; ``where`` names the element or direction of the k-th number."""
        difference = np.abs(numeric - analytic)
        worst = int(np.argmax(difference))
        largest = max(np.abs(numeric).max(), np.abs(analytic).max())
        error, plain_error = (
            float(difference[worst] / scale) if difference[worst] else 0.0
            for scale in (self.scale(numeric, analytic), largest)
        )
        return ArrayCheck(self.name, error, where(worst), float(numeric[worst]), float(analytic[worst]), plain_error)

    def scale(self, numeric: Array, analytic: Array) -> float:
        """What errors are relative to: the largest gradient, or the smallest that can be resolved."""
        return float(max(np.abs(numeric).max(), np.abs(analytic).max(), RESOLVABLE * self.magnitude))

    def element(self, k: int) -> str:
        """The index of the k-th element in the node's own shape."""
        return f"[{', '.join(str(i) for i in np.unravel_index(k, self.shape))}]"


def checked_nodes(graph: ComputationalGraph, names: Iterable[str], upstream: ArrayLike = 1.0) -> Iterator[CheckedArray]:
    """The named nodes, with f = sum(upstream * output), in the graph's latest forward pass."""
    if graph.precision != np.float64:
        raise ValueError(f"gradients can be checked in float64 only, not in {graph.precision}")
    forward = graph.latest_plan.forward
    output = forward()
    U = np.broadcast_to(np.asarray(upstream, np.float64), output.shape)
    magnitude = abs(float(np.vdot(U, output)))
    graph.backward(U)

    def f(changed: Node) -> float:
        return float(np.vdot(U, forward(changed)))

    gradients = {name: graph.gradient(name) for name in names}
    for name, dA in gradients.items():
        node, A = graph.node(name), graph.value(name)
        yield CheckedArray(name, A.shape, A.reshape(-1), dA.reshape(-1), partial(f, node), magnitude)
        forward(node)  # with the node as it was, for the next one
