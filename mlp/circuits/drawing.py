"""A circuit as a picture, as in the lecture notes: values green above the wires, gradients red below.

It runs from left to right. A gate is a circle; its first input arrives above its second. A constant number is part
of its gate's circle. Small arrays show their numbers, larger ones their shape.
"""

# before matplotlib, which may fail on MPLBACKEND
from mlp.figures.style import FONT_POINTS, GRADIENT, INK, MUTED, VALUE, own_settings

# isort: split
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

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
from mlp.circuits.notation import is_shown_by_shape, rounded, rows_of
from mlp.gates import Add, Divide, Gate, Max, Multiply, Subtract
from mlp.graph import ComputationalGraph
from mlp.languages.catalogue import say
from mlp.node import Node
from mlp.system.errors import InputError

NAME_POINTS = 11
"""The font size of names and symbols."""
LINE_INCHES = 1.3 * FONT_POINTS / 72
"""The distance between the rows of an array."""
MIN_RADIUS_INCHES, PAD_INCHES = 0.2, 0.08
"""The radius of a gate's smallest circle, and the space around text."""
HINTING = 1.04
"""Fitting letters to pixels makes text wider by up to this factor."""
MAX_NODES = 150
ROOM = -1.234
"""A live figure has room for numbers as wide as this one; the page's script makes wider ones narrower."""


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


def picture(circuit: Circuit, *, live: bool = False) -> Figure:
    """A figure of the circuit's latest pass. Raises InputError if it has too many nodes, or letters without a glyph.

    A ``live`` figure is for a page, whose script shows other numbers in it: it has room for them, and no caption. The
    script finds parts by their ids. For the node with index 3, the lines of numbers are value-3-0, ... and
    gradient-3-0, ..., the circle is gate-3, the wire behind it lead-3, and the wire to its second input wire-3-1.
    """
    labels = {}
    for node in drawn(circuit.graph):
        gradient = None if node.constant else circuit.gradient(node)
        labels[node] = rows_of(circuit.graph.value(node.name)), [] if gradient is None else rows_of(gradient)
    room = {node: rows_of(np.full_like(circuit.graph.value(node.name), ROOM)) for node in labels} if live else {}
    return labelled(circuit.graph, labels, "" if live else caption(circuit.graph), room)


@own_settings()
def labelled(
    graph: ComputationalGraph, labels: Labels, text: str, room: Mapping[Node, Sequence[str]] | None = None
) -> Figure:
    """A figure of any graph with these labels, room for these texts at nodes' wires, and a text below it."""
    nodes = drawn(graph)
    if len(nodes) > MAX_NODES:
        raise InputError(f"the circuit has {len(nodes)} nodes: up to {MAX_NODES} can be drawn")
    font = get_font(findfont(FontProperties()))
    unknown = sorted({c for node in nodes for c in node.name if not node.constant and not font.get_char_index(ord(c))})
    if unknown:
        raise InputError(f"the font of drawings, {font.family_name}, has no {' '.join(unknown)}: choose another name")
    parts = [part_of(graph, node, labels, (room or {}).get(node, ())) for node in nodes]
    number = {part.node: k for k, part in enumerate(parts)}
    wires = wires_of(parts, number)
    layout = layered([part.box for part in parts], wires)
    margin, foot = 0.25, 0.35 if text else 0
    width = max(layout.width, text_width(text, FONT_POINTS)) + 2 * margin
    height = layout.height + 2 * margin + foot
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-margin, width - margin), ylim=(height - margin, -margin))
    axes.axis("off")
    ends = [(part.node, position) for part in parts for position in inputs_of(part.node)]
    for wire, line, (node, position) in zip(wires, layout.wires, ends, strict=True):
        x, y = line[-1]
        line = [*line, (x + parts[wire.target].head / 2, y)]  # the circle covers the wire's end
        draw_wire(axes, line, f"wire-{node.index}-{position}")
    for k, part in enumerate(parts):
        draw_part(axes, part, layout, k)
    if text:
        axes.text(0, height - margin - foot / 2, text, fontsize=FONT_POINTS, color=MUTED, va="center")
    return figure


def latest(graph: ComputationalGraph) -> Labels:
    """The values and the gradients of the latest pass, and constants even before it."""
    values = {node: node.value for node in graph.nodes if node.constant}
    values |= graph.latest_plan.values if graph.has_run else {}
    return {
        node: (rows_of(value), rows_of(graph.gradient(node.name)) if graph.has_run and graph.has_gradient(node) else [])
        for node, value in values.items()
    }


def caption(graph: ComputationalGraph) -> str:
    """What the colours mean in the drawing of the latest pass; nothing before the first one."""
    return "; ".join(say(key, **values) for key, values in legend(graph))


def legend(graph: ComputationalGraph) -> list[tuple[str, dict[str, str]]]:
    """The parts of the caption: for each the key of its text, and the values, for ``say``."""
    if not graph.has_run:
        return []
    plan, nodes = graph.latest_plan, drawn(graph)
    parts: list[tuple[str, dict[str, str]]] = [("stepping.values", {})]
    if plan.has_gradients:
        parts.append(("stepping.gradients", {"of": differentiated(graph, plan.output)}))
    if any(is_shown_by_shape(plan.values[node]) for node in nodes if node in plan.values):
        parts.append(("stepping.shapes", {}))
    if not graph.class_indices.isdisjoint(nodes):
        parts.append(("stepping.no_derivative", {}))
    return parts


def drawn(graph: ComputationalGraph) -> list[Node]:
    """The nodes to draw: all except the numbers in gates' circles."""
    wired = {source for node in graph.nodes for source in inputs_of(node).values()}
    return [node for node in graph.nodes if not node.constant or node in wired]


def number_within(node: Node) -> Node | None:
    """The constant to write into a gate's circle: a number, if it is the gate's only constant input; otherwise None."""
    constants = [source for source in node.inputs if source.constant]
    of_two = isinstance(node.gate, Add | Subtract | Multiply | Divide | Max) and len(node.inputs) == 2
    return constants[0] if of_two and len(constants) == 1 and not constants[0].name.startswith("[") else None


def inputs_of(node: Node) -> dict[int, Node]:
    """The inputs that have wires, by position."""
    within = number_within(node)
    return {position: source for position, source in enumerate(node.inputs) if source is not within}


def wires_of(parts: list[Part], number: dict[Node, int]) -> list[Wire]:
    """A wire for each input, each above the next."""
    wires = []
    for part in parts:
        sources = list(inputs_of(part.node).values())
        middle = (len(sources) - 1) / 2
        ports = [part.radius / 2 * (k - middle) / max(middle, 0.5) for k in range(len(sources))]
        wires += [Wire(number[source], number[part.node], port) for source, port in zip(sources, ports, strict=True)]
    return wires


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


def draw_wire(axes: Axes, line: list[tuple[float, float]], name: str) -> None:
    """Draw a wire: straight within a layer; between two layers a curve with level ends."""
    vertices, codes = [line[0]], [int(Path.MOVETO)]
    for k, ((x0, y0), (x1, y1)) in enumerate(pairwise(line)):
        if k % 2:
            vertices.append((x1, y1))
            codes.append(int(Path.LINETO))
        else:
            middle = (x0 + x1) / 2
            vertices += [(middle, y0), (middle, y1), (x1, y1)]
            codes += [int(Path.CURVE4)] * 3
    path = Path(vertices, codes)
    # add_patch would measure it, for the axes' limits
    axes.add_artist(PathPatch(path, fill=False, edgecolor=MUTED, linewidth=1, zorder=1, gid=name, clip_on=False))


def draw_part(axes: Axes, part: Part, layout: Layout, k: int) -> None:
    """Draw the circle or the name, and the wire with its numbers up to the right side of the layer."""
    y, right, index = layout.y[k], layout.right[k], part.node.index
    if part.symbol is not None:
        centre = (layout.left[k] + part.head / 2, y)
        start = centre[0] + part.radius
        circle = Circle(centre, part.radius, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=2)
        axes.add_artist(circle).set(gid=f"gate-{index}", clip_on=False)
        axes.text(*centre, part.symbol, fontsize=NAME_POINTS, ha="center", va="center", color=INK, zorder=3)
        axes.text(
            centre[0], y - part.radius - 0.03, part.name, fontsize=FONT_POINTS, ha="center", va="bottom", color=MUTED
        )
    else:
        start = right - part.labels
        axes.text(start - PAD_INCHES / 2, y, part.name, fontsize=NAME_POINTS, ha="right", va="center", color=INK)
    style: dict[str, Any] = {"color": MUTED, "linewidth": 1, "solid_capstyle": "butt", "zorder": 1, "clip_on": False}
    axes.plot([start, right], [y, y], gid=f"lead-{index}", **style)
    middle = layout.left[k] + part.head + part.labels / 2 if part.symbol is not None else start + part.labels / 2
    for what, lines, color, first, va in (
        ("value", part.value, VALUE, -PAD_INCHES / 2 - (len(part.value) - 1) * LINE_INCHES, "bottom"),
        ("gradient", part.gradient, GRADIENT, PAD_INCHES / 2, "top"),
    ):
        for row, line in enumerate(lines):
            text = axes.text(
                middle, y + first + row * LINE_INCHES, line, fontsize=FONT_POINTS, color=color, ha="center", va=va
            )
            text.set_gid(f"{what}-{index}-{row}")
