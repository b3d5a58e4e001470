"""A page to step through circuits: the drawing, whose numbers appear one by one, and the listing beside it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from markupsafe import Markup

from mlp.circuits.circuit import Circuit
from mlp.circuits.drawing import caption, picture
from mlp.circuits.examples import EXAMPLES, Example
from mlp.circuits.expression import parse
from mlp.circuits.facts import describe_jacobian, jacobian_facts
from mlp.circuits.listing import lines
from mlp.circuits.source_text import parse_values
from mlp.circuits.steps import steps
from mlp.figures.style import inline
from mlp.pages.frame import render
from mlp.system.files import StrPath, replacing, write_text

STAGED = {"sigmoid-neuron": ("sigmoid-stages", "the same neuron, its sigmoid gate by gate: times -1, exp, plus 1, 1/x")}
"""Examples that the gallery also has with --stages: the name there, and a sentence about it."""


def write(circuit: Circuit, expression: str, path: StrPath) -> None:
    """Write a page with the latest pass of a circuit."""
    write_text(path, page(circuit, expression))


def page(circuit: Circuit, expression: str) -> str:
    """The page, as text."""
    heading = f"{circuit.output.name}, forward and back"
    return render(
        "circuit.html", title=expression, heading=heading, circuits=[circuit_facts(circuit, "circuit", expression)]
    )


def write_gallery(path: StrPath) -> None:
    """Write a page with every example."""
    title = "Backpropagation, circuit by circuit"
    with replacing(path) as file:  # opened first: drawing takes a second
        file.write(render("circuit.html", title=title, heading=title, circuits=list(gallery())).encode())


def gallery() -> Iterator[dict[str, Any]]:
    """Each example, in the order of the notes."""
    for name, example in EXAMPLES.items():
        yield example_facts(name, example)
        if name in STAGED:
            other, shows = STAGED[name]
            yield example_facts(other, example, stages=True) | {"shows": shows}


def example_facts(name: str, example: Example, *, stages: bool = False) -> dict[str, Any]:
    """The facts that the gallery shows about an example."""
    values = parse_values([f"{name}={value}" for name, value in example.values.items()])
    circuit = parse(example.expression, values, stages=stages)
    circuit.run()
    facts = circuit_facts(circuit, name, example.expression) | {"shows": example.shows}
    if example.jacobian is not None:
        outputs, inputs = (names.split(",") for names in example.jacobian)
        facts["jacobian"] = describe_jacobian(jacobian_facts(circuit, outputs, inputs, np.ones(())))
    return facts


def circuit_facts(circuit: Circuit, name: str, expression: str) -> dict[str, Any]:
    """The facts that the template shows about a circuit; ``name`` is the prefix of each id in its part of the page."""
    listing = lines(circuit.graph, circuit.output)
    found = list(steps(circuit, listing))
    figure = picture(circuit, captioned=False, shown=[step.shows for step in found])
    gates = sum(node.gate is not None for node in circuit.nodes)
    return {
        "name": name,
        "shows": "",
        "expression": expression,
        "drawing": Markup(inline(figure, name)),  # noqa: S704  matplotlib's, which escapes the names in it
        "width": round(96 * float(figure.get_figwidth())),
        "caption": caption(circuit.graph),
        "gates": f"{gates} gate{'' if gates == 1 else 's'}",
        "output": circuit.output.name,
        "listing": [line.text for line in listing],
        "jacobian": "",
        "steps": [asdict(step) for step in found],
    }
