"""A page in which a circuit answers: step through it, change a number, take a step, do the exercise.

The page's scripts run both passes, from the gates' formulas (``javascript``); the drawing and the listing stand in the
page as they are, for readers without scripts.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mlp.circuits.circuit import Circuit
from mlp.circuits.drawing.picture import picture
from mlp.circuits.examples import EXAMPLES, Example, sentence_key
from mlp.circuits.expression import parse
from mlp.circuits.facts import jacobian_facts, jacobian_in_numbers, together
from mlp.circuits.source_text import parse_values
from mlp.graph import ComputationalGraph
from mlp.node import Node
from mlp.pages.frame import render
from mlp.pages.javascript import Script
from mlp.pages.stepping import drawing_facts, stepping_facts
from mlp.system.files import StrPath, replacing, write_text

STAGED = {"sigmoid-neuron": "sigmoid-stages"}
"""Examples that the gallery also has with --stages, and the name there: it has a sentence as examples have."""
FEW_NUMBERS = 6
"""With at most this many numbers the fields are open at first."""


def write(circuit: Circuit, expression: str, path: StrPath) -> None:
    """Write a page with a circuit that has run."""
    write_text(path, page(circuit, expression))


def page(circuit: Circuit, expression: str, *, in_notebook: bool = False) -> str:
    """The page, as text."""
    script = Script(explained=True)
    facts = circuit_facts(circuit, "c", expression, script)
    return render_circuits([facts], script, in_notebook=in_notebook)


def write_gallery(path: StrPath) -> None:
    """Write a page with every example."""
    with replacing(path) as file:  # opened first: drawing takes a second
        script = Script(explained=True)
        file.write(render_circuits(list(gallery(script)), script).encode())


def render_circuits(circuits: Sequence[dict[str, Any]], script: Script, *, in_notebook: bool = False) -> str:
    """A page with these circuits, as ``circuit_facts`` describes them, whose gates the script has."""
    return render("circuit/circuit.html", circuits=circuits, script=script, in_notebook=in_notebook)


def gallery(script: Script) -> Iterator[dict[str, Any]]:
    """Each example, in the order of the notes."""
    for name, example in EXAMPLES.items():
        yield example_facts(name, example, script)
        if name in STAGED:
            yield example_facts(STAGED[name], example, script, stages=True)


def example_facts(name: str, example: Example, script: Script, *, stages: bool = False) -> dict[str, Any]:
    """The facts that the gallery shows about an example."""
    circuit = parse(example.expression, parse_values(example.arguments()), stages=stages)
    circuit.run()
    facts = circuit_facts(circuit, name, example.expression, script) | {"shows": sentence_key(name)}
    if example.jacobian is not None:
        outputs, inputs = (names.split(",") for names in example.jacobian)
        jacobian = jacobian_facts(circuit, outputs, inputs, np.ones(()))
        facts["jacobian"] = {
            "of": jacobian["of"],
            "outputs": together(outputs),
            "inputs": together(inputs),
            "text": jacobian_in_numbers(jacobian),
            "equal": jacobian["equal"],
        }
    return facts


def circuit_facts(circuit: Circuit, name: str, expression: str, script: Script) -> dict[str, Any]:
    """The facts that the template shows about a circuit, whose gates are added to the page's script.

    ``name`` is the prefix of each id in its part of the page.
    """
    graph = circuit.graph
    leaves = [node for node in circuit.nodes if node.gate is None]
    facts = drawing_facts(picture(circuit, live=True), name)
    facts |= stepping_facts(graph, circuit.output, script.nodes(graph))
    _add_numbers(facts["data"]["nodes"], graph)
    facts["data"]["upstream"] = graph.gradient(circuit.output.name).ravel().tolist()
    return facts | {
        "name": name,
        "shows": "",
        "expression": expression,
        "jacobian": None,
        "moved": [leaf.name for leaf in leaves if leaf not in graph.class_indices],
        "is_small": sum(leaf.value.size for leaf in leaves) <= FEW_NUMBERS,
    }


def _add_numbers(nodes: Sequence[dict[str, Any]], graph: ComputationalGraph) -> None:
    """Add each leaf's numbers, and for class indices the number of classes, to the nodes for the page's script."""
    for node, facts in zip(graph.nodes, nodes, strict=True):
        if node.gate is None:
            facts["numbers"] = node.value.ravel().tolist()
            if node in graph.class_indices:
                facts["classes"] = _classes(graph, node)


def _classes(graph: ComputationalGraph, index: Node) -> int:
    """The number of classes, for a leaf that holds class indices; 0 for another leaf."""
    gates = [node for node in graph.nodes if node.gate and index in [node.inputs[k] for k in node.gate.indices]]
    return min((int(node.inputs[0].value.shape[-1]) for node in gates), default=0)
