"""A circuit as a picture, as the notes draw it: values green above the wires, gradients red below.

Left to right; a gate is a circle, its first input comes in above its second. A constant number is part of its
gate. Arrays show their numbers where there are few, else their shape.
"""

from mlp.figures.style import GREEN, INK, MUTED, RED, own_settings, save  # must come before matplotlib

# isort: split
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path as FilePath
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

from mlp.circuits.circuit import Circuit
from mlp.circuits.layout import Box, Layout, Wire, layered
from mlp.circuits.listing import differentiated
from mlp.gates import Add, Array, Divide, Gate, Max, Multiply, Subtract
from mlp.node import Node
from mlp.system.errors import InputError

SIZE, NAME_SIZE = 9, 11
"""Points: of numbers, and of names and symbols."""
LINE = 1.3 * SIZE / 72
"""Inches between the lines of an array."""
RADIUS, PAD = 0.2, 0.08
"""Inches: of a gate's circle at least, and around text."""
HINTING = 1.04
"""Letters that are fitted to pixels come out so much wider."""
NO_SUMS: Mapping[Node, Sequence[Array]] = MappingProxyType({})
MOST_NODES = 150
MOST_NUMBERS = 4
"""Rows and columns of an array whose numbers are shown."""


@dataclass(frozen=True)
class Part:
    """A node as it is drawn: the text of its circle, or no circle, and what stands around its wire."""

    node: Node
    symbol: str | None
    name: str
    value: list[str]
    gradient: list[str]
    others: tuple[str, ...] = ()
    """What the gradient's lines may become, for which there shall be room."""

    @property
    def radius(self) -> float:
        """Of the circle."""
        return 0.0 if self.symbol is None else max(RADIUS, text_width(self.symbol, NAME_SIZE) / 2 + 0.05)

    @property
    def head(self) -> float:
        """The width of what stands at the left: the circle and the name above it, or a leaf's name."""
        if self.symbol is None:
            return text_width(self.name, NAME_SIZE) + PAD
        return max(2 * self.radius, text_width(self.name, SIZE))

    @property
    def labels(self) -> float:
        """The width of the numbers on the wire."""
        return max(text_width(line, SIZE) for line in [*self.value, *self.gradient, *self.others]) + 2 * PAD

    @property
    def box(self) -> Box:
        """The room that all of it takes."""
        name = LINE if self.symbol is not None else 0
        above = max(self.radius + name, len(self.value) * LINE + PAD / 2)
        below = max(self.radius, len(self.gradient) * LINE + PAD / 2)
        return Box(self.head + self.labels, above, below)


def draw(circuit: Circuit, path: FilePath) -> None:
    """Write the circuit's latest pass as a picture, .svg, .png or .pdf by the file's ending."""
    save(picture(circuit), path)


@own_settings()
def picture(circuit: Circuit, *, captioned: bool = True, sums: Mapping[Node, Sequence[Array]] = NO_SUMS) -> Figure:
    """The figure, as large as its text needs. InputError for a circuit too large to be looked at.

    With room for ``sums`` too, in the places of the gradients. What a page's script looks for has a name: the
    numbers of the node with index 3 are value-3-0, ... and gradient-3-0, ..., a line each, its circle is gate-3,
    the wire behind it lead-3, and the wire to its second input wire-3-1.
    """
    nodes = drawn(circuit)
    if len(nodes) > MOST_NODES:
        raise InputError(f"the circuit has {len(nodes)} nodes: up to {MOST_NODES} can be drawn")
    font = get_font(findfont(FontProperties()))
    unknown = sorted({c for node in nodes for c in node.name if not node.constant and not font.get_char_index(ord(c))})
    if unknown:
        raise InputError(f"the font of drawings, {font.family_name}, has no {' '.join(unknown)}: choose another name")
    parts = [part_of(circuit, node, sums.get(node, ())) for node in nodes]
    number = {part.node: k for k, part in enumerate(parts)}
    wires = wires_of(parts, number)
    layout = layered([part.box for part in parts], wires)
    text = caption(circuit) if captioned else ""
    margin, foot = 0.25, 0.35 if captioned else 0
    width = max(layout.width, text_width(text, SIZE)) + 2 * margin
    height = layout.height + 2 * margin + foot
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-margin, width - margin), ylim=(height - margin, -margin))
    axes.axis("off")
    ends = [(part.node, position) for part in parts for position in inputs_of(part.node)]
    for wire, line, (node, position) in zip(wires, layout.wires, ends, strict=True):
        x, y = line[-1]
        line = [*line, (x + parts[wire.target].head / 2, y)]  # under the circle, which covers it
        draw_wire(axes, line, f"wire-{node.index}-{position}")
    for k, part in enumerate(parts):
        draw_part(axes, part, layout, k)
    if captioned:
        axes.text(0, height - margin - foot / 2, text, fontsize=SIZE, color=MUTED, va="center")
    return figure


def caption(circuit: Circuit) -> str:
    """What its colours mean."""
    nodes = drawn(circuit)
    f = differentiated(circuit.graph, circuit.output)
    text = f"green, above a wire: its value; red, below: the derivative of {f} with respect to it"
    if any(shown_by_shape(circuit.graph.value(node.name)) for node in nodes):
        text += "; larger arrays: their shape"
    if any(circuit.gradient(node) is None for node in nodes):
        text += "; a class index has none"
    return text


def drawn(circuit: Circuit) -> list[Node]:
    """The nodes to draw: all but the numbers that are part of a gate."""
    nodes = circuit.graph.nodes
    wired = {source for node in nodes for source in inputs_of(node).values()}
    return [node for node in nodes if not node.constant or node in wired]


def number_within(node: Node) -> Node | None:
    """The constant that is written into a gate's circle: a number, its other input being none."""
    numbers = [source for source in node.inputs if source.constant and not source.name.startswith("[")]
    takes_one = isinstance(node.gate, Add | Subtract | Multiply | Divide | Max)
    return (
        numbers[0] if takes_one and len(numbers) == 1 and not all(source.constant for source in node.inputs) else None
    )


def inputs_of(node: Node) -> dict[int, Node]:
    """The inputs that have wires, by their position."""
    within = number_within(node)
    return {position: source for position, source in enumerate(node.inputs) if source is not within}


def wires_of(parts: list[Part], number: dict[Node, int]) -> list[Wire]:
    """A wire for each input, the first of two above the second."""
    wires = []
    for part in parts:
        sources = list(inputs_of(part.node).values())
        port = part.radius / 2 if len(sources) == 2 else 0
        wires += [
            Wire(number[source], number[part.node], side * port) for source, side in zip(sources, (-1, 1), strict=False)
        ]
    return wires


def part_of(circuit: Circuit, node: Node, sums: Sequence[Array] = ()) -> Part:
    """A node with the texts that stand around it."""
    graph, gradient = circuit.graph, circuit.gradient(node)
    return Part(
        node,
        symbol=None if node.gate is None else symbol_of(circuit, node, node.gate),
        name="" if node.constant else node.name,
        value=lines_of(graph.value(node.name)),
        gradient=[""] if node.constant or gradient is None else lines_of(gradient),
        others=tuple(line for array in sums for line in lines_of(array)),
    )


def symbol_of(circuit: Circuit, node: Node, gate: Gate) -> str:
    """What stands in the circle, with the constant that is part of the gate: ×2, 1/x, ..."""
    constant = number_within(node)
    if constant is None:
        return gate.symbol
    number = rounded(float(circuit.graph.value(constant.name)))
    first = constant is node.inputs[0]
    if isinstance(gate, Max):
        return f"max {number},x" if first else f"max x,{number}"
    if first and isinstance(gate, Subtract | Divide):
        return f"{number}{'−' if isinstance(gate, Subtract) else '/'}x"
    in_brackets = number.startswith("-") and not isinstance(gate, Multiply)
    return f"{gate.symbol}({number})" if in_brackets else f"{gate.symbol}{number}"


def shown_by_shape(array: Array) -> bool:
    """Whether it has too many numbers to be shown."""
    return array.ndim > 2 or max(array.shape, default=0) > MOST_NUMBERS


def lines_of(array: Array) -> list[str]:
    """A number, the rows of a small array, or the shape of a larger one."""
    if not array.ndim:
        return [rounded(float(array))]
    if shown_by_shape(array):
        return [str(array.shape)]
    return [f"[{'  '.join(rounded(number, digits=3) for number in row)}]" for row in np.atleast_2d(array).tolist()]


def rounded(number: float, digits: int = 4) -> str:
    """A number rounded to so many digits, whole numbers in full."""
    return str(int(number)) if number == int(number) and abs(number) < 1e6 else f"{number:.{digits}g}"


@cache
def text_width(text: str, size: float) -> float:
    """Inches that a line of text takes in the figure's font."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return HINTING * float(width) / 72


def draw_wire(axes: Axes, line: list[tuple[float, float]], name: str) -> None:
    """Straight through layers, and between them a curve that leaves and arrives level."""
    vertices, codes = [line[0]], [int(Path.MOVETO)]
    for k, ((x0, y0), (x1, y1)) in enumerate(pairwise(line)):
        if k % 2:
            vertices.append((x1, y1))
            codes.append(int(Path.LINETO))
        else:
            middle = (x0 + x1) / 2
            vertices += [(middle, y0), (middle, y1), (x1, y1)]
            codes += [int(Path.CURVE4)] * 3
    axes.add_patch(PathPatch(Path(vertices, codes), fill=False, edgecolor=MUTED, linewidth=1, zorder=1, gid=name))


def draw_part(axes: Axes, part: Part, layout: Layout, k: int) -> None:
    """The circle or the name, and the wire with its numbers up to the layer's right side."""
    y, right, index = layout.y[k], layout.right[k], part.node.index
    if part.symbol is not None:
        centre = (layout.left[k] + part.head / 2, y)
        start = centre[0] + part.radius
        circle = Circle(centre, part.radius, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=2)
        axes.add_patch(circle).set_gid(f"gate-{index}")
        axes.text(*centre, part.symbol, fontsize=NAME_SIZE, ha="center", va="center", color=INK, zorder=3)
        axes.text(centre[0], y - part.radius - 0.03, part.name, fontsize=SIZE, ha="center", va="bottom", color=MUTED)
    else:
        start = right - part.labels
        axes.text(start - PAD / 2, y, part.name, fontsize=NAME_SIZE, ha="right", va="center", color=INK)
    axes.plot([start, right], [y, y], color=MUTED, linewidth=1, zorder=1, solid_capstyle="butt", gid=f"lead-{index}")
    middle = layout.left[k] + part.head + part.labels / 2 if part.symbol is not None else start + part.labels / 2
    for what, lines, color, first, va in (
        ("value", part.value, GREEN, -PAD / 2 - (len(part.value) - 1) * LINE, "bottom"),
        ("gradient", part.gradient, RED, PAD / 2, "top"),
    ):
        for row, line in enumerate(lines):
            text = axes.text(middle, y + first + row * LINE, line, fontsize=SIZE, color=color, ha="center", va=va)
            text.set_gid(f"{what}-{index}-{row}")
