"""Hand-written gradients against numeric ones, for any graph in float64.

The numeric derivative of f along a direction D is the centred difference (f(A + h D) - f(A - h D)) / 2h,
where f = sum(U * output) for an upstream gradient U. Its own errors: h^2 f''' / 6 from the curve's bend,
and eps |f| / h from rounding; h = eps^(1/3) balances the two (Press et al., Numerical Recipes, 5.7).

The error of an array is the largest |numeric - written| over the largest gradient in the array, as in
Stanford's CS231n notes. A gradient too small against f for the difference to resolve is measured
against the smallest that can be resolved instead, lest rounding be taken for a mistake.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from string import ascii_uppercase

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

import mlp.losses  # noqa: F401 so that ``all_gates`` knows them too
from mlp.gates import Array, Gate, Shape
from mlp.graph import ComputationalGraph
from mlp.node import Node

TOLERANCE = 1e-7
"""The largest relative error that passes."""

EPSILON = float(np.finfo(np.float64).eps)
STEP = EPSILON ** (1 / 3)

RESOLVABLE = 10 * EPSILON / STEP / TOLERANCE
"""Below this share of |f|, 0.0037, a gradient cannot be resolved: rounding alone is a tenth of the tolerance."""


@dataclass(frozen=True)
class ArrayCheck:
    """The worst disagreement found for one array."""

    name: str
    error: float
    """Relative to the largest gradient in the array, or to the smallest that can be resolved; nan where not finite."""
    where: str
    """The element as ``[i, j]``, or the direction as `` along direction k``."""
    numeric: float
    written: float
    plain_error: float
    """Always relative to the array's largest gradient, even where rounding is all that is seen."""

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

MOST_MOVED = 1 << 15
"""Up to so many elements of an array move together; of a longer one each direction moves a share."""


def check_gate(gate: Gate, shapes: Sequence[Shape], generator: Generator) -> list[ArrayCheck]:
    """Check every element of a gate by itself, its inputs called A, B, ... and of these shapes.

    The inputs are random, of either sign and of magnitudes 1/2 to 2 with a gap between any two, which keeps
    divisors off zero and the max gate off its kink. So is the upstream gradient: ones would hide sums and
    means that are mistaken for another. A gate that needs positive inputs gets such; class indices are drawn
    among the scores' and have no gradient to check. The calls of each input must do by themselves, too: ValueError
    where they read the target of another one.
    """
    sizes = [math.prod(shape) for shape in shapes]
    magnitudes = generator.permutation(np.linspace(0.5, 2, sum(sizes)))
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
    names = {leaf.name: position for position, leaf in enumerate(leaves) if position not in gate.indices}
    checks = list(check_elements(graph, names, upstream))
    graph.backward(upstream)
    return checks + [check for name, position in names.items() for check in _check_alone(graph, node, name, position)]


def _check_alone(graph: ComputationalGraph, node: Node, name: str, position: int) -> Iterator[ArrayCheck]:
    """A failed check, if a gate writes an input's gradient otherwise where no other one is wanted."""
    together, alone = graph.gradient(name), graph.contribution(node, position)
    difference = np.abs(together - alone)
    if not difference.max() <= TOLERANCE * np.abs(together).max():
        worst = int(np.argmax(difference))
        numbers = float(together.reshape(-1)[worst]), float(alone.reshape(-1)[worst])
        yield ArrayCheck(name, math.nan, " where no other gradient is wanted", *numbers, math.nan)


def check_elements(graph: ComputationalGraph, names: Iterable[str], upstream: ArrayLike = 1.0) -> Iterator[ArrayCheck]:
    """Check every element of the named nodes, in the graph's latest forward pass."""
    for _, check in numeric_gradients(graph, names, upstream):
        yield check


def numeric_gradients(
    graph: ComputationalGraph, names: Iterable[str], upstream: ArrayLike = 1.0
) -> Iterator[tuple[Array, ArrayCheck]]:
    """The numeric gradient of each of the named nodes, element by element, and how the written one compares.

    A node need not be a leaf: its value is moved after it was computed.
    """
    for node in _checked(graph, names, upstream):
        numeric = np.array([node.slope(slice(k, k + 1), np.ones(1)) for k in range(node.a.size)])
        yield numeric.reshape(node.shape), node.compare(numeric, node.da, node.element)


def check_directions(
    graph: ComputationalGraph,
    names: Iterable[str],
    directions: int,
    generator: Generator,
    upstream: ArrayLike = 1.0,
) -> Iterator[ArrayCheck]:
    """Check the named nodes along random directions of length 1: the passes needed do not grow with the elements.

    Every element moves: all of them in each direction, or, in an array of more than MOST_MOVED, a share
    of its own in each. The error is relative to the largest of the directions' derivatives: a mistake
    passes that is below about the tolerance times the norm of the whole gradient.
    """
    for node in _checked(graph, names, upstream):
        numeric, written = np.empty(directions), np.empty(directions)
        for k in range(directions):
            moved = slice(None) if node.a.size <= MOST_MOVED else slice(k, None, directions)
            D = random_direction(node.a[moved].size, generator)
            numeric[k], written[k] = node.slope(moved, D), D @ node.da[moved]
        yield node.compare(numeric, written, lambda k: f" along direction {k + 1}")


def pinpoint(graph: ComputationalGraph, failed: ArrayCheck, generator: Generator) -> ArrayCheck:
    """Name an element behind a failed check, by halving the array towards the larger disagreement.

    That takes four passes a halving, where comparing every element would take two an element. Where the
    element that is found agrees after all, the failed check stands as it was.
    """
    (node,) = _checked(graph, [failed.name], 1.0)

    def disagreement(low: int, high: int) -> float:
        moved, D = slice(low, high), random_direction(high - low, generator)
        return abs(node.slope(moved, D) - float(D @ node.da[moved]))

    low, high = 0, node.a.size
    while high - low > 1:
        middle = (low + high) // 2
        if disagreement(low, middle) >= disagreement(middle, high):
            high = middle
        else:  # also where one of the two is nan
            low = middle
    numeric = node.da.copy()
    numeric[low] = node.slope(slice(low, low + 1), np.ones(1))
    element = node.compare(numeric, node.da, node.element)
    return failed if element.passed else element


def random_direction(size: int, generator: Generator) -> Array:
    """A vector of length 1, (size,)."""
    D = generator.uniform(-1, 1, size)
    return np.asarray(D / np.sqrt(D @ D))


def all_gates(family: type[Gate] = Gate) -> list[Gate]:
    """Every gate there is to check, of each subclass that has a name."""
    gates = list(family.check_instances()) if hasattr(family, "name") else []
    for kind in family.__subclasses__():
        gates += all_gates(kind)
    return gates


@dataclass(frozen=True)
class _Checked:
    """A node under check."""

    name: str
    shape: Shape
    a: Array
    """Its elements in a row; what is written here counts in the graph."""
    da: Array
    """Their gradients as written by the gates."""
    f: Callable[[], float]
    """The number that is differentiated, for what the node holds now."""

    def slope(self, moved: slice, D: Array) -> float:
        """The numeric derivative of f with the elements a[moved] going along D, |D| = 1; they are put back."""
        before = self.a[moved].copy()
        h = STEP * max(1.0, abs(float(before[0]))) if before.size == 1 else STEP
        try:
            self.a[moved] = above = before + h * D
            f_above = self.f()
            self.a[moved] = below = before - h * D
            f_below = self.f()
        finally:
            self.a[moved] = before
        return float((f_above - f_below) / ((above - below) @ D))  # the step as it was after rounding

    def compare(self, numeric: Array, written: Array, where: Callable[[int], str]) -> ArrayCheck:
        """The worst disagreement, ``where`` saying what the k-th number belongs to."""
        difference = np.abs(numeric - written)
        worst = int(np.argmax(difference))
        largest = max(np.abs(numeric).max(), np.abs(written).max())
        error, plain_error = (
            float(difference[worst] / scale) if difference[worst] else 0.0
            for scale in (max(largest, RESOLVABLE * abs(self.f())), largest)
        )
        return ArrayCheck(self.name, error, where(worst), float(numeric[worst]), float(written[worst]), plain_error)

    def element(self, k: int) -> str:
        """The index of the k-th element in the node's own shape."""
        return f"[{', '.join(str(i) for i in np.unravel_index(k, self.shape))}]"


def _checked(graph: ComputationalGraph, names: Iterable[str], upstream: ArrayLike) -> Iterator[_Checked]:
    """The named nodes, f being sum(upstream * output) in the graph's latest forward pass."""
    if graph.precision != np.float64:
        raise ValueError(f"gradients can be checked in float64 only, not in {graph.precision}")
    forward = graph.latest_plan.forward
    U = np.broadcast_to(np.asarray(upstream, np.float64), forward().shape)
    graph.backward(U)

    def f(changed: Node) -> float:
        return float(np.vdot(U, forward(changed)))

    gradients = {name: graph.gradient(name) for name in names}
    for name, dA in gradients.items():
        node, A = graph.node(name), graph.value(name)
        yield _Checked(name, A.shape, A.reshape(-1), dA.reshape(-1), partial(f, node))
        forward(node)  # with the node as it was, for the next one
