"""A page in which a circuit answers: step through it, change a number, take a step, do the exercise.

The page's scripts run both passes, from the gates' formulas (``javascript``); the drawing and the listing stand in the
page as they are, for readers without scripts.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from mlp.circuits.circuit import Circuit
from mlp.circuits.drawing import caption, picture
from mlp.circuits.examples import EXAMPLES, Example
from mlp.circuits.expression import parse
from mlp.circuits.facts import describe_jacobian, jacobian_facts
from mlp.circuits.formula_text import plain
from mlp.circuits.listing import Line, differentiated, lines, names
from mlp.circuits.source_text import parse_values
from mlp.figures.style import inline
from mlp.graph import ComputationalGraph
from mlp.node import Node
from mlp.pages.frame import render
from mlp.pages.javascript import Script
from mlp.system.files import StrPath, replacing, write_text
from mlp.trace import Term

STAGED = {"sigmoid-neuron": ("sigmoid-stages", "the same neuron, its sigmoid gate by gate: times -1, exp, plus 1, 1/x")}
"""Examples that the gallery also has with --stages: the name there, and a sentence about it."""
FEW_NUMBERS = 6
"""With at most this many numbers the fields are open at first."""


def write(circuit: Circuit, expression: str, path: StrPath) -> None:
    """Write a page with a circuit that has run."""
    write_text(path, page(circuit, expression))


def page(circuit: Circuit, expression: str, *, in_notebook: bool = False) -> str:
    """The page, as text."""
    script = Script(explained=True)
    facts = circuit_facts(circuit, "circuit", expression, script)
    heading = f"{circuit.output.name}: forward and backward"
    return render_circuits(expression, heading, [facts], script, in_notebook=in_notebook)


def write_gallery(path: StrPath) -> None:
    """Write a page with every example."""
    title = "Backpropagation, circuit by circuit"
    with replacing(path) as file:  # opened first: drawing takes a second
        script = Script(explained=True)
        file.write(render_circuits(title, title, list(gallery(script)), script).encode())


def render_circuits(
    title: str, heading: str, circuits: Sequence[dict[str, Any]], script: Script, *, in_notebook: bool = False
) -> str:
    """A page with these circuits, as ``circuit_facts`` describes them, whose gates the script has."""
    facts = {"title": title, "heading": heading, "circuits": circuits, "script": script}
    return render("circuit/circuit.html", **facts, in_notebook=in_notebook)


def gallery(script: Script) -> Iterator[dict[str, Any]]:
    """Each example, in the order of the notes."""
    for name, example in EXAMPLES.items():
        yield example_facts(name, example, script)
        if name in STAGED:
            other, shows = STAGED[name]
            yield example_facts(other, example, script, stages=True) | {"shows": shows}


def example_facts(name: str, example: Example, script: Script, *, stages: bool = False) -> dict[str, Any]:
    """The facts that the gallery shows about an example."""
    circuit = parse(example.expression, parse_values(example.arguments()), stages=stages)
    circuit.run()
    facts = circuit_facts(circuit, name, example.expression, script) | {"shows": example.shows}
    if example.jacobian is not None:
        outputs, inputs = (names.split(",") for names in example.jacobian)
        facts["jacobian"] = describe_jacobian(jacobian_facts(circuit, outputs, inputs, np.ones(())))
    return facts


def circuit_facts(circuit: Circuit, name: str, expression: str, script: Script) -> dict[str, Any]:
    """The facts that the template shows about a circuit, whose gates are added to the page's script.

    ``name`` is the prefix of each id in its part of the page.
    """
    graph = circuit.graph
    listing = lines(graph, circuit.output)
    figure = picture(circuit, live=True)
    gates = sum(node.gate is not None for node in circuit.nodes)
    leaves = [node for node in circuit.nodes if node.gate is None]
    return {
        "name": name,
        "shows": "",
        "expression": expression,
        "drawing": Markup(_shortened(inline(figure, name))),  # noqa: S704  matplotlib escapes the names in it
        "width": round(96 * float(figure.get_figwidth())),
        "caption": caption(graph),
        "gates": f"{gates} gate{'' if gates == 1 else 's'}",
        "output": circuit.output.name,
        "listing": "\n".join(_narrow(line.text) for line in listing),
        "jacobian": "",
        "moved": [leaf.name for leaf in leaves if leaf not in graph.class_indices],
        "is_small": sum(leaf.value.size for leaf in leaves) <= FEW_NUMBERS,
        "data": {
            "nodes": _nodes(graph, script),
            "output": circuit.output.index,
            "upstream": graph.gradient(circuit.output.name).ravel().tolist(),
            "of": differentiated(graph, circuit.output),
            "lines": _lines(graph, listing, circuit.output),
        },
    }


def _shortened(drawing: str) -> str:
    """The drawing without the looks that the style sheets give to most of its parts, and with circles as such."""
    looks = "font-size:9px;text-anchor:middle;", ";fill:var(--ink)", ";stroke-linejoin:miter"
    of_gates, of_wires = "fill:var(--paper);stroke:var(--ink);stroke-width:1.2", "fill:none;stroke:var(--muted)"
    for left_out in (*looks, f' style="{of_gates}"', f' style="{of_wires}"'):
        drawing = drawing.replace(left_out, "")
    return re.sub(r'(-gate-\d+">\n)<path d="([^"]*)"/>', _circle, drawing)


def _circle(gate: re.Match[str]) -> str:
    """A gate's circle, which matplotlib writes as eight curves."""
    numbers = [float(number) for number in re.findall(r"[\d.]+", gate[2])]
    left, right, top = min(numbers[::2]), max(numbers[::2]), min(numbers[1::2])
    radius = (right - left) / 2
    return f'{gate[1]}<circle cx="{left + radius:.2f}" cy="{top + radius:.2f}" r="{radius:.2f}"/>'


def _nodes(graph: ComputationalGraph, script: Script) -> list[dict[str, Any]]:
    """The nodes for the page's script: a leaf with its numbers, another with how the listing writes its inputs."""
    found = script.nodes(graph)
    for node, facts in zip(graph.nodes, found, strict=True):
        if node.gate is None:
            facts["numbers"] = node.value.ravel().tolist()
            if node in graph.class_indices:
                facts["classes"] = _classes(graph, node)
        else:
            texts = list(names(graph, node).values())
            if texts != [*(source.name for source in node.inputs), node.name, f"d{node.name}"]:
                facts["texts"] = texts
    return found


def _lines(graph: ComputationalGraph, listing: Sequence[Line], output: Node) -> list[dict[str, Any]]:
    """The listing's lines that set a number, with both forms of a line if they differ: the plain and the exact one."""
    forms = [lines(graph, output, form) for form in (_plain, _exact)]
    found = []
    for number, (line, *texts) in enumerate(zip(listing, *([one.text for one in form] for form in forms), strict=True)):
        if line.kind != "heading":
            facts: dict[str, Any] = {"line": number, "kind": line.kind}
            if line.node is not None:
                facts["node"] = line.node.index
            if line.kind == "backward":
                facts["position"] = line.position
            if texts[0] != texts[1]:
                facts["forms"] = list(map(_narrow, texts))
            found.append(facts)
    return found


def _narrow(line: str) -> str:
    """A line whose comment follows the code at once, so that narrow pages show more of it."""
    return re.sub(" +# ", "  # ", line)


def _plain(graph: ComputationalGraph, node: Node, term: Term) -> Term:
    return plain(graph.formula(node), term)


def _exact(graph: ComputationalGraph, node: Node, term: Term) -> Term:
    return term


def _classes(graph: ComputationalGraph, index: Node) -> int:
    """The number of classes, for a leaf that holds class indices; 0 for another leaf."""
    gates = [node for node in graph.nodes if node.gate and index in [node.inputs[k] for k in node.gate.indices]]
    return min((int(node.inputs[0].value.shape[-1]) for node in gates), default=0)
