"""A node as it is drawn: the texts in its circle and at its wire, and the space that they need."""

# before matplotlib, which may fail on MPLBACKEND
from mlp.figures.style import FONT_POINTS

# isort: split
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

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
HINTING = 1.04
"""Fitting letters to pixels makes text wider by up to this factor."""


@dataclass(frozen=True)
class Part:
    """A node as it is drawn: the text in its circle (None for a leaf) and the texts at its wire."""

    node: Node
    symbol: str | None
    name: str
    value: list[str]
    gradient: list[str]
    room: tuple[str, ...] = ()
    """Other texts that the wire must be long enough for."""

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
    def box(self) -> Box:
        """The space for the circle, the name, the wire and its numbers."""
        name = LINE_INCHES if self.symbol is not None else 0
        above = max(self.radius + name, len(self.value) * LINE_INCHES + PAD_INCHES / 2)
        below = max(self.radius, len(self.gradient) * LINE_INCHES + PAD_INCHES / 2)
        return Box(self.head + self.labels, above, below)


Labels = Mapping[Node, tuple[Sequence[str], Sequence[str]]]
"""For nodes the lines above and below their wires, such as their values and gradients."""


def part_of(graph: ComputationalGraph, node: Node, labels: Labels, room: Sequence[str]) -> Part:
    """A node with the texts around it."""
    value, gradient = labels.get(node, ((), ()))
    return Part(
        node,
        symbol=None if node.gate is None else symbol_of(graph, node, node.gate),
        name="" if node.constant else node.name,
        value=[*value] or [""],
        gradient=[*gradient] or [""],
        room=tuple(room),
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
