"""What a page needs to step through a graph: its drawing, its listing, and the nodes and steps for the scripts.

templates/stepping/parts.html shows them.
"""

import re
from collections.abc import Collection
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from mlp.circuits.drawing.picture import legend
from mlp.circuits.formula_text import plain
from mlp.circuits.listing import differentiated, lines, names, plain_here
from mlp.figures.style import inline
from mlp.graph import ComputationalGraph
from mlp.node import Node
from mlp.trace import Term


def drawing_facts(figure: Figure, name: str) -> dict[str, Any]:
    """The drawing, which has a place for each number, and its width in pixels; ``name`` is the prefix of each id."""
    return {
        "drawing": Markup(_shortened(inline(figure, name))),  # noqa: S704  matplotlib escapes the names in it
        "width": round(96 * float(figure.get_figwidth())),
    }


def stepping_facts(
    graph: ComputationalGraph, output: Node, nodes: list[dict[str, Any]], *, left_out: Collection[str] = ()
) -> dict[str, Any]:
    """The facts about a graph after both passes, except for its drawing.

    ``data`` is for the scripts. ``nodes``: the graph's, by ``Script.nodes``. ``left_out``: the kinds of lines that the
    listing does not show.
    """
    listing, steps = _listing(graph, output, left_out)
    return {
        "legend": legend(graph),
        "gates": sum(node.gate is not None for node in graph.nodes),
        "output": output.name,
        "listing": listing,
        "data": {
            "nodes": _with_texts(graph, nodes),
            "output": output.index,
            "of": differentiated(graph, output),
            "lines": steps,
        },
    }


def _shortened(drawing: str) -> str:
    """The drawing without the looks that the style sheets give to most of its parts, and with circles as such."""
    looks = "font-size:9px;text-anchor:middle;", ";text-anchor:middle", ";fill:var(--ink)", ";stroke-linejoin:miter"
    of_gates, of_wires = "fill:var(--paper);stroke:var(--ink);stroke-width:1.2", "fill:none;stroke:var(--muted)"
    styles = of_gates, of_wires, "fill:var(--green)", "fill:var(--red)"
    for left_out in (*looks, *(f' style="{style}"' for style in styles)):
        drawing = drawing.replace(left_out, "")
    drawing = re.sub(r'<svg width="\S*" height="\S*" viewBox="0 0 (\S*) (\S*)"', _box, drawing)
    drawing = re.sub(r'<g id="\S*-figure_1">\n<g id="\S*-axes_1">\n(.*)</g>\n</g>\n', r"\1", drawing, flags=re.DOTALL)
    drawing = re.sub(r'(-gate-\d+">\n)<path d="([^"]*)"/>', _circle, drawing)
    drawing = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(?<=[MLC]) |\n", "", path[0]), drawing)
    return drawing.replace(">\n<", "><").rstrip()


def _box(svg: re.Match[str]) -> str:
    """The beginning of the drawing: the style sheet gives its width."""
    width, height = (round(float(number), 2) for number in svg.groups())
    return f'<svg viewBox="0 0 {width:g} {height:g}"'


def _circle(gate: re.Match[str]) -> str:
    """A gate's circle, which matplotlib writes as eight curves."""
    numbers = [float(number) for number in re.findall(r"[\d.]+", gate[2])]
    left, right, top = min(numbers[::2]), max(numbers[::2]), min(numbers[1::2])
    radius = (right - left) / 2
    x, y, r = (round(number, 2) for number in (left + radius, top + radius, radius))
    return f'{gate[1]}<circle cx="{x:g}" cy="{y:g}" r="{r:g}"/>'


def _with_texts(graph: ComputationalGraph, nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The nodes, with how the listing writes a gate's inputs if that is not by their names."""
    for node, facts in zip(graph.nodes, nodes, strict=True):
        if node.gate is not None:
            texts = list(names(graph, node).values())
            if texts != [*(source.name for source in node.inputs), node.name, f"d{node.name}"]:
                facts["texts"] = texts
    return nodes


def _listing(graph: ComputationalGraph, output: Node, left_out: Collection[str]) -> tuple[str, list[dict[str, Any]]]:
    """The listing, and its lines that set a number, with both forms of a line if they differ: the plain and the exact.

    A step of a gate's pass has no ``kind``: a backward one has a ``position``.
    """
    forms = plain_here, _plain, _exact
    listing, *both = ([line for line in lines(graph, output, form) if line.kind not in left_out] for form in forms)
    found = []
    for number, (line, *same) in enumerate(zip(listing, *both, strict=True)):
        if line.kind != "heading":
            facts: dict[str, Any] = {"line": number}
            if line.kind not in ("forward", "backward"):
                facts["kind"] = line.kind
            if line.node is not None:
                facts["node"] = line.node.index
            if line.kind == "backward":
                facts["position"] = line.position
            texts = [_narrow(one.text) for one in same]
            if texts[0] != texts[1]:
                facts["forms"] = texts
            found.append(facts)
    return "\n".join(_narrow(line.text) for line in listing), found


def _narrow(line: str) -> str:
    """A line whose comment follows the code at once, so that narrow pages show more of it."""
    return re.sub(" +# ", "  # ", line)


def _plain(graph: ComputationalGraph, node: Node, term: Term) -> Term:
    return plain(graph.formula(node), term)


def _exact(graph: ComputationalGraph, node: Node, term: Term) -> Term:
    return term
