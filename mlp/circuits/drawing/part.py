"""A node as it is drawn: the texts in its circle and at its wires, and the space that they need."""

# before matplotlib, which may fail on MPLBACKEND
from mlp.figures.style import FONT_POINTS

# isort: split
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from mlp.circuits.drawing.layout import Box
from mlp.circuits.notation import rounded
from mlp.gates import Add, Divide, Gate, Max, Multiply, Subtract
from mlp.graph import ComputationalGraph
from mlp.node import Node

NAME_POINTS = 11
"""The font size of names and symbols."""
LINE_INCHES = 1.3 * FONT_POINTS / 72
"""The distance between the rows of an array."""
MIN_RADIUS_INCHES, PAD_INCHES = 0.2, 0.08
"""The radius of a gate's smallest circle, and the space around text."""
BEND_INCHES = 0.2
"""The space in which wires that arrive far apart bend to their gate."""
HINTING = 1.04
"""Fitting letters to pixels makes text wider by up to this factor."""


Point = tuple[float, float]
"""x and y in inches; y grows downwards."""


@dataclass(frozen=True)
class Part:
    """A node as it is drawn: the text in its circle (None for a leaf) and the texts at its wires."""

    node: Node
    symbol: str | None
    name: str
    value: list[str]
    gradient: list[str]
    room: tuple[str, ...] = ()
    """Other texts that the wire must be long enough for."""
    local: tuple[tuple[str, ...], ...] = ()
    """The lines at each wire into the gate: above it, but at the last of several below; () if no wire has any."""

    @property
    def radius(self) -> float:
        """The radius of the circle."""
        return 0.0 if self.symbol is None else max(MIN_RADIUS_INCHES, text_width(self.symbol, NAME_POINTS) / 2 + 0.05)

    @property
    def head(self) -> float:
        """The width of the left part: the circle and the name above it, or a leaf's name."""
        if self.symbol is None:
            return text_width(self.name, NAME_POINTS) + PAD_INCHES
        return max(2 * self.radius, text_width(self.name, FONT_POINTS))

    @property
    def labels(self) -> float:
        """The width of the numbers on the wire."""
        return max(text_width(line, FONT_POINTS) for line in [*self.value, *self.gradient, *self.room]) + 2 * PAD_INCHES

    @property
    def ends(self) -> list[float]:
        """How far below the middle each wire ends at the circle."""
        count = len(inputs_of(self.node))
        middle = (count - 1) / 2
        return [self.radius / 2 * (k - middle) / max(middle, 0.5) for k in range(count)]

    @property
    def ports(self) -> list[float]:
        """How far below the middle each wire arrives: at its end, or farther away to make room for lines above it."""
        if not self.local:
            return self.ends
        middle = self.local[1:-1]
        needed = [*map(height_of, middle), 0.0]
        gaps = [max(b - a, space) for (a, b), space in zip(pairwise(self.ends), needed, strict=False)]
        return [distance - sum(gaps) / 2 for distance in accumulate(gaps, initial=0.0)]

    @property
    def bends(self) -> bool:
        """Whether wires arrive farther apart than they end."""
        return bool(self.local) and not math.isclose(self.ports[0], self.ends[0])

    @property
    def local_width(self) -> float:
        """The width of the lines at the wires into the gate."""
        widths = [text_width(line, FONT_POINTS) for lines in self.local for line in lines]
        return max(widths) + PAD_INCHES if widths else 0.0

    @property
    def entry(self) -> float:
        """The width of the space before the circle, where the wires into the gate have their lines, and bend."""
        return self.local_width + BEND_INCHES * self.bends

    @property
    def placed(self) -> list[tuple[float, tuple[str, ...], bool]]:
        """For each wire into the gate that has lines: where it arrives, the lines, and whether they are above it."""
        last = max(len(self.local) - 1, 1)
        return [(port, lines, k < last) for k, (port, lines) in enumerate(zip(self.ports, self.local, strict=False))]

    @property
    def box(self) -> Box:
        """The space for the circle, the name, and the wires with their numbers."""
        name = LINE_INCHES if self.symbol is not None else 0
        above = [self.radius + name, height_of(self.value)]
        below = [self.radius, height_of(self.gradient)]
        for port, lines, is_above in self.placed:
            (above if is_above else below).append(height_of(lines) + (-port if is_above else port))
        return Box(self.entry + self.head + self.labels, max(above), max(below))

    def way_in(self, wire: int, x: float, y: float) -> list[Point]:
        """The points of a wire from its arrival to under the circle; straight and bent in turn, as in a ``Layout``."""
        middle = x + self.entry + self.head / 2
        if not self.bends:
            return [(middle, y)]
        end = y - self.ports[wire] + self.ends[wire]
        return [(x + self.local_width, y), (x + self.entry, end), (middle, end)]


Labels = Mapping[Node, tuple[Sequence[str], Sequence[str]]]
"""For nodes the lines above and below their wires, such as their values and gradients."""


def part_of(
    graph: ComputationalGraph, node: Node, labels: Labels, room: Sequence[str], local: Mapping[int, Sequence[str]]
) -> Part:
    """A node with the texts around it; ``local`` has lines for the positions of some inputs."""
    value, gradient = labels.get(node, ((), ()))
    return Part(
        node,
        symbol=None if node.gate is None else symbol_of(graph, node, node.gate),
        name="" if node.constant else node.name,
        value=[*value] or [""],
        gradient=[*gradient] or [""],
        room=tuple(room),
        local=tuple(tuple(local.get(position, ())) for position in inputs_of(node)) if local else (),
    )


def symbol_of(graph: ComputationalGraph, node: Node, gate: Gate) -> str:
    """The text in the circle, with the constant that is part of the gate: ×2, 1/x, ..."""
    constant = number_within(node)
    if constant is None:
        return gate.symbol
    number = rounded(float(graph.value(constant.name)))
    first = constant is node.inputs[0]
    if isinstance(gate, Max):
        return f"max {number},x" if first else f"max x,{number}"
    if first and isinstance(gate, Subtract | Divide):
        return f"{number}{'−' if isinstance(gate, Subtract) else '/'}x"
    in_brackets = number.startswith("-") and not isinstance(gate, Multiply)
    return f"{gate.symbol}({number})" if in_brackets else f"{gate.symbol}{number}"


def height_of(lines: Sequence[str]) -> float:
    """The space in inches that these lines need above or below a wire."""
    return len(lines) * LINE_INCHES + PAD_INCHES / 2


@cache
def text_width(text: str, points: float) -> float:
    """The width in inches of a line of text in the figure's font."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=points), ismath=False)
    return HINTING * float(width) / 72


def number_within(node: Node) -> Node | None:
    """The constant to write into a gate's circle: a number, if it is the gate's only constant input; otherwise None."""
    constants = [source for source in node.inputs if source.constant]
    of_two = isinstance(node.gate, Add | Subtract | Multiply | Divide | Max) and len(node.inputs) == 2
    return constants[0] if of_two and len(constants) == 1 and not constants[0].name.startswith("[") else None


def inputs_of(node: Node) -> dict[int, Node]:
    """The inputs that have wires, by position."""
    within = number_within(node)
    return {position: source for position, source in enumerate(node.inputs) if source is not within}
