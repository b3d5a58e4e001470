"""A circuit's two passes step by step, as you would do them on paper: the rule, and the rule with its numbers.

A step is a line of the listing (``listing.lines``). Its numbers are those of the graph's latest pass. If a value is
used several times, ``graph.contribution`` gives the gradient from each use.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter

import numpy as np

from mlp.circuits.circuit import Circuit
from mlp.circuits.drawing import inputs_of
from mlp.circuits.listing import Line, differentiated, equations, names
from mlp.circuits.notation import operand, rows_of, written
from mlp.gates import Array, Elementwise, Gate, Max
from mlp.node import Node


@dataclass(frozen=True)
class Step:
    """The facts that a page shows in a step. Parts of the drawing have the ids that ``drawing.picture`` gives them."""

    line: int
    """The index of its line in the listing."""
    title: str
    about: str = ""
    """The gate's own description."""
    rule: str = ""
    """The forward equation in the gate's symbols, and in a backward step the gradient's too."""
    equation: str = ""
    """The step's equation in the names of the circuit."""
    numbers: str = ""
    """The equation with its numbers and the result."""
    note: str = ""
    shows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Numbers that the drawing shows from this step on: value-3 or gradient-3, and its lines."""
    reads: Sequence[str] = ()
    """Numbers of the drawing that the step uses."""
    marks: Sequence[str] = ()
    """The gate and the wires that the step runs along."""


@dataclass(frozen=True)
class Contribution:
    """The gradient that a backward line sends to a node, and the sum so far."""

    node: Node
    before: Array | None
    """The sum before this line; None if this is the first."""
    gradient: Array
    total: Array


def contributions(circuit: Circuit, listing: Sequence[Line]) -> dict[int, Contribution]:
    """The contribution of each backward line, by the line's index."""
    totals: dict[Node, Array] = {}
    found = {}
    for number, line in enumerate(listing):
        if line.kind == "backward" and line.gate is not None and line.sets is not None:
            gradient = circuit.graph.contribution(line.gate, line.position)
            before = totals.get(line.sets)
            totals[line.sets] = gradient if before is None else before + gradient
            found[number] = Contribution(line.sets, before, gradient, totals[line.sets])
    return found


def steps(circuit: Circuit, listing: Sequence[Line], contributed: Mapping[int, Contribution]) -> list[Step]:
    """The inputs, then a step for each line that computes: forward, the output's gradient, backward, zeros."""
    found = [_given(circuit, next(k for k, line in enumerate(listing) if line.text == "# values"))]
    for number, line in enumerate(listing):
        if line.sets is None or line.kind == "given":
            continue
        if line.kind == "backward" and line.gate is not None and line.gate.gate is not None:
            found.append(_backward(circuit, number, line, line.gate, line.gate.gate, contributed[number]))
        elif line.kind == "forward" and line.sets.gate is not None:
            found.append(_forward(circuit, number, line.sets, line.sets.gate))
        elif line.kind == "start":
            found.append(_start(circuit, number))
        else:
            found.append(_zeros(circuit, number, line.sets))
    return found


def tidy(equation: str) -> str:
    """The equation without parentheses around a number that is alone or in parentheses already."""
    return re.sub(r"^\((-[^()]+)\)$", r"\1", re.sub(r"\(\((-[^()]+)\)\)", r"(\1)", equation))


def _given(circuit: Circuit, number: int) -> Step:
    values = {f"value-{node.index}": node for node in circuit.graph.nodes if node.gate is None}
    return Step(
        number,
        "The inputs",
        note="Only the values of the inputs are known. Forward, each gate computes its output from its inputs; "
        f"then the derivatives of {differentiated(circuit.graph, circuit.output)} go back, gate by gate.",
        shows={place: rows_of(circuit.graph.value(node.name)) for place, node in values.items()},
    )


def _forward(circuit: Circuit, number: int, node: Node, gate: Gate) -> Step:
    graph = circuit.graph
    value, *_ = equations(graph, node, gate, names(graph, node, gate))
    values = tidy(equations(graph, node, gate, _numbers(circuit, node, gate))[0])
    return Step(
        number,
        f"Forward: {node.name}",
        about=_about(gate),
        rule=f"{gate}: {_rules(circuit, node, gate)[0]}",
        equation=f"{node.name} = {value}",
        numbers=f"{node.name} = {values} = {written(graph.value(node.name))}",
        shows={f"value-{node.index}": rows_of(graph.value(node.name))},
        reads=[f"value-{source.index}" for source in node.inputs],
        marks=[f"gate-{node.index}", *(name for position in inputs_of(node) for name in _wire(node, position))],
    )


def _start(circuit: Circuit, number: int) -> Step:
    graph, output = circuit.graph, circuit.output
    gradient = graph.gradient(output.name)
    of_itself = f"The derivative of {output.name} with respect to {output.name} itself is 1."
    plain = not gradient.ndim and gradient == 1
    return Step(
        number,
        f"Backward begins at {output.name}",
        equation=f"d{output.name} = {written(gradient)}",
        note=of_itself if plain else f"The derivatives are those of {differentiated(graph, output)}.",
        shows={f"gradient-{output.index}": rows_of(gradient)},
        marks=[f"lead-{output.index}"] + [f"gate-{output.index}"] * (output.gate is not None),
    )


def _backward(circuit: Circuit, number: int, line: Line, node: Node, gate: Gate, contribution: Contribution) -> Step:
    """The step in which a gate sends a gradient back to one of its inputs."""
    graph, source = circuit.graph, contribution.node
    part, total = written(contribution.gradient), contribution.total
    sign, name = "+=" if line.added else "=", f"d{source.name}"
    forward, *rules = _rules(circuit, node, gate)
    gradient = equations(graph, node, gate, names(graph, node, gate))[1 + line.position]
    values = tidy(equations(graph, node, gate, _numbers(circuit, node, gate))[1 + line.position])
    numbers = f"{name} {sign} {values}" + (f" = {part}" if values != part else "")
    if contribution.before is not None:
        added = operand(contribution.gradient)
        numbers += f"\n{name} = {written(contribution.before)} + {added} = {written(total)}"
    return Step(
        number,
        f"Backward: from {node.name} to {source.name}",
        about=_about(gate),
        rule=f"{gate}: {forward}, {rules[line.position]}",
        equation=f"{name} {sign} {gradient}",
        numbers=numbers,
        note=" ".join(_notes(circuit, line, node, gate)),
        shows={f"gradient-{source.index}": rows_of(total)},
        reads=_reads(node, gate, gate.code(*(graph.value(one.name) for one in node.inputs))[1 + line.position]),
        marks=[f"gate-{node.index}", *_wire(node, line.position)],
    )


def _zeros(circuit: Circuit, number: int, node: Node) -> Step:
    value = circuit.graph.value(node.name)
    return Step(
        number,
        f"No gradient reaches {node.name}",
        equation=f"d{node.name} = {written(np.zeros_like(value))}",
        note=f"{circuit.output.name} does not depend on {node.name}: its derivative is 0.",
        shows={f"gradient-{node.index}": rows_of(np.zeros_like(value))},
        marks=[f"lead-{node.index}"],
    )


def _about(gate: Gate) -> str:
    """The first paragraph of the docstring of the gate's class."""
    return " ".join((gate.__doc__ or "").partition("\n\n")[0].split())


def _rules(circuit: Circuit, node: Node, gate: Gate) -> list[str]:
    """The gate's equations in its own symbols."""
    output, *inputs = gate.symbols()
    value, *gradients = equations(circuit.graph, node, gate, gate.substitution(output, inputs))
    return [f"{output} = {value}", *(f"d{A} = {text}" for A, text in zip(inputs, gradients, strict=True))]


def _numbers(circuit: Circuit, node: Node, gate: Gate) -> dict[str, str]:
    """The numbers in this circuit for each of the gate's symbols and gradients."""
    graph = circuit.graph
    output, *inputs = gate.symbols()
    texts = {symbol: operand(graph.value(source.name)) for symbol, source in zip(inputs, node.inputs, strict=True)}
    texts[output] = operand(graph.value(node.name))
    if graph.has_gradient(node):
        texts[f"d{output}"] = operand(graph.gradient(node.name))
    return gate.substitution(output, inputs) | texts


def _reads(node: Node, gate: Gate, template: str) -> list[str]:
    """The ids of the drawing's numbers that a gate's equation uses."""
    output, *inputs = gate.symbols()
    places = {output: f"value-{node.index}", f"d{output}": f"gradient-{node.index}"}
    places |= {symbol: f"value-{source.index}" for symbol, source in zip(inputs, node.inputs, strict=True)}
    return sorted({places[symbol] for _, symbol, *_ in Formatter().parse(template) if symbol is not None})


def _wire(node: Node, position: int) -> list[str]:
    """The ids of the wire from an input of a node to the node."""
    return [f"lead-{node.inputs[position].index}", f"wire-{node.index}-{position}"]


def _notes(circuit: Circuit, line: Line, node: Node, gate: Gate) -> Iterator[str]:
    """Easily overlooked facts about a backward step: sums, ties, broadcast inputs, class indices."""
    graph, source = circuit.graph, node.inputs[line.position]
    inputs = [graph.value(one.name) for one in node.inputs]
    if line.added:
        yield f"{source.name} fans out: the gradients from all its uses are added up."
    if isinstance(gate, Max) and np.any(np.equal(*inputs)):
        rest = ", nothing to this one" if line.position else ""
        yield f"A tie: all of the gradient goes to the first input{rest}."
    if isinstance(gate, Elementwise) and inputs[line.position].shape != graph.value(node.name).shape:
        yield f"{source.name} was copied to the shape of {node.name}: its gradient is the sum over the copies."
    for position in gate.indices:
        yield f"{node.inputs[position].name} is a class index: no gradient goes to it."
