"""A circuit as a picture, as in the lecture notes: values green above the wires, gradients red below.

It runs from left to right. A gate is a circle; its first input arrives above its second. A constant number is part
of its gate's circle. Small arrays show their numbers, larger ones their shape. Local gradients, if they are shown, are
blue, where the wires arrive at the gate.
"""

# before matplotlib, which may fail on MPLBACKEND
from mlp.figures.style import FONT_POINTS, GRADIENT, INK, LOCAL, MUTED, VALUE, own_settings

# isort: split
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path

from mlp.circuits.circuit import Circuit
from mlp.circuits.drawing.layout import Layout, Wire, layered
from mlp.circuits.drawing.part import (
    LINE_INCHES,
    NAME_POINTS,
    PAD_INCHES,
    Labels,
    Part,
    Point,
    inputs_of,
    part_of,
    text_width,
)
from mlp.circuits.listing import differentiated
from mlp.circuits.local_gradient import Jacobian, LocalGradient, local_gradients
from mlp.circuits.notation import is_shown_by_shape, rows_of
from mlp.figures.fonts.labels import also, font_with, lacking
from mlp.graph import ComputationalGraph
from mlp.languages.catalogue import say
from mlp.node import Node
from mlp.system.errors import InputError

Legend = tuple[str, dict[str, str]]
"""The key of a text of the caption, and the text's values, for ``say``."""
MAX_NODES = 150
ROOM = -1.234
"""A live figure has room for numbers as wide as this one; the page's script makes wider ones narrower."""


def picture(circuit: Circuit, *, live: bool = False, local: bool = False, language: str = "en") -> Figure:
    """A figure of the circuit's latest pass, with local gradients if ``local``.

    Its caption is in this language if a font here has the letters, else in English. Raises InputError if it has too
    many nodes, or names with letters that no font has.

    A ``live`` figure is for a page, whose script shows other numbers in it: it has room for them, and no caption. The
    script finds parts by their ids. For the node with index 3, the lines of numbers are value-3-0, ... and
    gradient-3-0, ..., the circle is gate-3, the wire behind it lead-3, and the wire to its second input wire-3-1.
    """
    labels = {}
    for node in drawn(circuit.graph):
        gradient = None if node.constant else circuit.gradient(node)
        labels[node] = rows_of(circuit.graph.value(node.name)), [] if gradient is None else rows_of(gradient)
    room = {node: rows_of(np.full_like(circuit.graph.value(node.name), ROOM)) for node in labels} if live else {}
    found = {node: local_gradients(circuit.graph, node) for node in labels} if local else {}
    lines = {node: {k: local_rows(one) for k, one in by_position.items()} for node, by_position in found.items()}
    text = "" if live else caption(circuit.graph, language, local_legend(found) if local else ())
    return labelled(circuit.graph, labels, text, room, lines)


@own_settings()
def labelled(
    graph: ComputationalGraph,
    labels: Labels,
    text: str,
    room: Mapping[Node, Sequence[str]] | None = None,
    local: Mapping[Node, Mapping[int, Sequence[str]]] | None = None,
) -> Figure:
    """A figure of any graph with these labels, room for these texts at nodes' wires, and a text below it.

    ``local`` has lines for the wires to a node, by the positions of the inputs. Raises InputError as ``picture``.
    """
    nodes, room, local = drawn(graph), room or {}, local or {}
    if len(nodes) > MAX_NODES:
        raise InputError(f"the circuit has {len(nodes)} nodes: up to {MAX_NODES} can be drawn")
    with also(second_font(nodes, text)):
        parts = [part_of(graph, node, labels, room.get(node, ()), local.get(node, {})) for node in nodes]
        return figure_of(parts, text)


def second_font(nodes: Sequence[Node], text: str) -> str | None:
    """The font for what DejaVu Sans lacks; None if it lacks nothing. Raises InputError if no font has the names."""
    names = "".join(node.name for node in nodes if not node.constant)
    font = font_with(lacking(names + text))
    if font is None and (missing := lacking(names)):
        raise InputError(f"the font of drawings, DejaVu Sans, has no {' '.join(sorted(missing))}: choose another name")
    return font


def figure_of(parts: Sequence[Part], text: str) -> Figure:
    """A figure of a circuit's nodes, with a text below it. The parts are measured in the same fonts."""
    number = {part.node: k for k, part in enumerate(parts)}
    wires = wires_of(parts, number)
    layout = layered([part.box for part in parts], wires)
    captions = text.splitlines()
    margin, foot = 0.25, 0.35 + LINE_INCHES * (len(captions) - 1) if text else 0
    width = max(layout.width, *(text_width(line, FONT_POINTS) for line in captions), 0) + 2 * margin
    height = layout.height + 2 * margin + foot
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-margin, width - margin), ylim=(height - margin, -margin))
    axes.axis("off")
    ends = [(part, *end) for part in parts for end in enumerate(inputs_of(part.node))]
    for line, (part, wire, position) in zip(layout.wires, ends, strict=True):
        line = [*line, *part.way_in(wire, *line[-1])]  # the circle covers the wire's end
        draw_wire(axes, line, f"wire-{part.node.index}-{position}")
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


def caption(graph: ComputationalGraph, language: str = "en", local: Sequence[Legend] = ()) -> str:
    """What the colours mean in the drawing of the latest pass; nothing before the first one.

    It is in this language if a font here has the letters of it and of the nodes' names. ``local`` is for a second line.
    """
    lines = [line for line in (legend(graph), local) if line]

    def text(language: str) -> str:
        between = say("stepping.caption_between", language)
        return "\n".join(between.join(say(key, language, **values) for key, values in line) for line in lines)

    letters = lacking(text(language) + "".join(node.name for node in drawn(graph)))
    return text(language if not letters or font_with(letters) else "en")


def legend(graph: ComputationalGraph) -> list[Legend]:
    """The parts of the caption: for each the key of its text, and the values, for ``say``."""
    if not graph.has_run:
        return []
    plan, nodes = graph.latest_plan, drawn(graph)
    parts: list[Legend] = [("stepping.values", {})]
    if plan.has_gradients:
        parts.append(("stepping.gradients", {"of": differentiated(graph, plan.output)}))
    if any(is_shown_by_shape(plan.values[node]) for node in nodes if node in plan.values):
        parts.append(("stepping.shapes", {}))
    if not graph.class_indices.isdisjoint(nodes):
        parts.append(("stepping.no_derivative", {}))
    return parts


def local_rows(local: LocalGradient) -> list[str]:
    """A local gradient as lines; of a Jacobian its size."""
    if isinstance(local, Jacobian):
        return [f"J ({local.rows}, {local.columns})"]
    return [] if local is None else rows_of(local)


def local_legend(found: Mapping[Node, Mapping[int, LocalGradient]]) -> list[Legend]:
    """What the colour of these local gradients means, and the letter of a Jacobian if there is one."""
    has_jacobian = any(isinstance(local, Jacobian) for one in found.values() for local in one.values())
    return [("stepping.local_gradients", {}), *([("stepping.jacobian_sizes", {})] if has_jacobian else [])]


def drawn(graph: ComputationalGraph) -> list[Node]:
    """The nodes to draw: all except the numbers in gates' circles."""
    wired = {source for node in graph.nodes for source in inputs_of(node).values()}
    return [node for node in graph.nodes if not node.constant or node in wired]


def wires_of(parts: Sequence[Part], number: dict[Node, int]) -> list[Wire]:
    """A wire for each input, each above the next."""
    wires = []
    for part in parts:
        sources = inputs_of(part.node).values()
        wires += [
            Wire(number[source], number[part.node], port) for source, port in zip(sources, part.ports, strict=True)
        ]
    return wires


def draw_wire(axes: Axes, line: list[Point], name: str) -> None:
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
    left, y, right, index = layout.left[k], layout.y[k], layout.right[k], part.node.index
    if part.symbol is not None:
        centre = (left + part.entry + part.head / 2, y)
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
    middle = (left + part.entry + part.head if part.symbol is not None else start) + part.labels / 2
    draw_lines(axes, (middle, y), part.value, VALUE, f"value-{index}", above=True)
    draw_lines(axes, (middle, y), part.gradient, GRADIENT, f"gradient-{index}", above=False)
    for (port, lines, above), position in zip(part.placed, inputs_of(part.node), strict=False):
        place = (left + part.local_width / 2, y + port)
        draw_lines(axes, place, lines, LOCAL, f"local-{index}-{position}", above=above)


def draw_lines(axes: Axes, place: Point, lines: Sequence[str], color: str, name: str, *, above: bool) -> None:
    """Draw lines of numbers above or below a place on a wire; their ids are name-0, name-1, ..."""
    x, y = place
    first = y - PAD_INCHES / 2 - (len(lines) - 1) * LINE_INCHES if above else y + PAD_INCHES / 2
    va = "bottom" if above else "top"
    for row, line in enumerate(lines):
        text = axes.text(x, first + row * LINE_INCHES, line, fontsize=FONT_POINTS, color=color, ha="center", va=va)
        text.set_gid(f"{name}-{row}")
