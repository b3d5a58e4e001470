"""A circuit's two passes step by step, as one goes through them on paper: by which rule, and to which numbers.

A step is a line of the listing (``listing.lines``). Its numbers are those of the graph's latest pass; what a gate
sends back to one of several uses of a value is worked out by the gate's own calls (``graph.contribution``).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter

import numpy as np

from mlp.circuits.circuit import Circuit
from mlp.circuits.drawing import inputs_of, lines_of, rounded, shown_by_shape
from mlp.circuits.listing import Line, differentiated, equations, lines, names
from mlp.gates import Array, Elementwise, Gate, Max
from mlp.node import Node


@dataclass(frozen=True)
class Step:
    """What a page shows of a step. The parts of the drawing have the names that ``drawing.picture`` gives them."""

    line: int
    """Which line of the listing."""
    title: str
    about: str = ""
    """What the gate does, in its own words."""
    rule: str = ""
    """In the gate's symbols: forward, and on the way back the gradient, too."""
    equation: str = ""
    """The same in the names of the circuit."""
    numbers: str = ""
    """With its numbers, and what comes out."""
    note: str = ""
    shows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Numbers of the drawing from this step on: value-3 or gradient-3, and its lines."""
    reads: Sequence[str] = ()
    """Numbers of the drawing that it is worked out from."""
    marks: Sequence[str] = ()
    """The gate and the wires at work."""


def steps(circuit: Circuit) -> list[Step]:
    """What is given, then a step for each line that computes: forward, the output's gradient, backward, zeros."""
    listing = lines(circuit.graph, circuit.output)
    totals = {node: iter(arrays) for node, arrays in sums(circuit).items()}
    latest: dict[Node, Array] = {}
    found = [_given(circuit, next(k for k, line in enumerate(listing) if line.text == "# values"))]
    for number, line in enumerate(listing):
        if line.sets is None or line.kind == "given":
            continue
        if line.kind == "backward" and line.gate is not None and line.gate.gate is not None:
            before, total = latest.get(line.sets), next(totals[line.sets])
            found.append(_backward(circuit, number, line, line.gate, line.gate.gate, before, total))
            latest[line.sets] = total
        elif line.kind == "forward" and line.sets.gate is not None:
            found.append(_forward(circuit, number, line.sets, line.sets.gate))
        elif line.kind == "start":
            found.append(_start(circuit, number))
        else:
            found.append(_zeros(circuit, number, line.sets))
    return found


def sums(circuit: Circuit) -> dict[Node, list[Array]]:
    """By node, its gradient after each of the lines that bring it a part: the last is all of it."""
    totals: dict[Node, list[Array]] = {}
    for line in lines(circuit.graph, circuit.output):
        if line.kind == "backward" and line.gate is not None and line.sets is not None:
            part = circuit.graph.contribution(line.gate, line.position)
            before = totals.setdefault(line.sets, [])
            before.append(before[-1] + part if line.added else part)
    return totals


def written(array: Array) -> str:
    """A value in an equation: its numbers to four digits, or its shape."""
    return str(array.shape) if shown_by_shape(array) else _nested(array.tolist())


def _nested(numbers: float | list[float]) -> str:
    return f"[{', '.join(map(_nested, numbers))}]" if isinstance(numbers, list) else rounded(float(numbers))


def operand(array: Array) -> str:
    """The same within an equation: in brackets where it is below 0."""
    text = written(array)
    return f"({text})" if text.startswith("-") else text


def tidy(equation: str) -> str:
    """An equation without the brackets around a number that stands alone, or in brackets of its own."""
    return re.sub(r"^\((-[^()]+)\)$", r"\1", re.sub(r"\(\((-[^()]+)\)\)", r"(\1)", equation))


def _given(circuit: Circuit, number: int) -> Step:
    values = {f"value-{node.index}": node for node in circuit.graph.nodes if node.gate is None}
    return Step(
        number,
        "What is given",
        note="Only the values of the inputs are known. Forward, each gate works out its output from its inputs; "
        f"then the derivatives of {differentiated(circuit.graph, circuit.output)} go back, gate by gate.",
        shows={place: lines_of(circuit.graph.value(node.name)) for place, node in values.items()},
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
        shows={f"value-{node.index}": lines_of(graph.value(node.name))},
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
        shows={f"gradient-{output.index}": lines_of(gradient)},
        marks=[f"lead-{output.index}"] + [f"gate-{output.index}"] * (output.gate is not None),
    )


def _backward(
    circuit: Circuit, number: int, line: Line, node: Node, gate: Gate, before: Array | None, total: Array
) -> Step:
    """What one gate sends back to one of its inputs, whose gradient was ``before`` and is ``total`` then."""
    graph, source = circuit.graph, node.inputs[line.position]
    part = graph.contribution(node, line.position)
    sign, name = "+=" if line.added else "=", f"d{source.name}"
    forward, *rules = _rules(circuit, node, gate)
    gradient = equations(graph, node, gate, names(graph, node, gate))[1 + line.position]
    values = tidy(equations(graph, node, gate, _numbers(circuit, node, gate))[1 + line.position])
    numbers = f"{name} {sign} {values}" + (f" = {written(part)}" if values != written(part) else "")
    if before is not None:
        numbers += f"\n{name} = {written(before)} + {operand(part)} = {written(total)}"
    return Step(
        number,
        f"Backward: from {node.name} to {source.name}",
        about=_about(gate),
        rule=f"{gate}: {forward}, {rules[line.position]}",
        equation=f"{name} {sign} {gradient}",
        numbers=numbers,
        note=" ".join(_notes(circuit, line, node, gate)),
        shows={f"gradient-{source.index}": lines_of(total)},
        reads=_reads(node, gate, gate.code(*(graph.value(one.name) for one in node.inputs))[1 + line.position]),
        marks=[f"gate-{node.index}", *_wire(node, line.position)],
    )


def _zeros(circuit: Circuit, number: int, node: Node) -> Step:
    value = circuit.graph.value(node.name)
    return Step(
        number,
        f"No way leads from {node.name} to {circuit.output.name}",
        equation=f"d{node.name} = {written(np.zeros_like(value))}",
        note=f"{circuit.output.name} does not depend on {node.name}: its derivative is 0.",
        shows={f"gradient-{node.index}": lines_of(np.zeros_like(value))},
        marks=[f"lead-{node.index}"],
    )


def _about(gate: Gate) -> str:
    """The first paragraph of what the gate's class says of it."""
    return " ".join((gate.__doc__ or "").partition("\n\n")[0].split())


def _rules(circuit: Circuit, node: Node, gate: Gate) -> list[str]:
    """The gate's equations in its own symbols."""
    output, *inputs = gate.symbols()
    value, *gradients = equations(circuit.graph, node, gate, gate.substitution(output, inputs))
    return [f"{output} = {value}", *(f"d{A} = {text}" for A, text in zip(inputs, gradients, strict=True))]


def _numbers(circuit: Circuit, node: Node, gate: Gate) -> dict[str, str]:
    """By the gate's symbols and their gradients, their numbers in this circuit."""
    graph = circuit.graph
    output, *inputs = gate.symbols()
    texts = {symbol: operand(graph.value(source.name)) for symbol, source in zip(inputs, node.inputs, strict=True)}
    texts[output] = operand(graph.value(node.name))
    if graph.has_gradient(node):
        texts[f"d{output}"] = operand(graph.gradient(node.name))
    return gate.substitution(output, inputs) | texts


def _reads(node: Node, gate: Gate, template: str) -> list[str]:
    """The numbers in the drawing that stand in a gate's equation."""
    output, *inputs = gate.symbols()
    places = {output: f"value-{node.index}", f"d{output}": f"gradient-{node.index}"}
    places |= {symbol: f"value-{source.index}" for symbol, source in zip(inputs, node.inputs, strict=True)}
    return sorted({places[symbol] for _, symbol, *_ in Formatter().parse(template) if symbol is not None})


def _wire(node: Node, position: int) -> list[str]:
    """The wire to an input of a node, from where it leaves its source."""
    return [f"lead-{node.inputs[position].index}", f"wire-{node.index}-{position}"]


def _notes(circuit: Circuit, line: Line, node: Node, gate: Gate) -> Iterator[str]:
    """What is easily overlooked in a step back."""
    graph, source = circuit.graph, node.inputs[line.position]
    inputs = [graph.value(one.name) for one in node.inputs]
    if line.added:
        yield f"{source.name} fans out: what comes back from each use is added up."
    if isinstance(gate, Max) and np.any(np.equal(*inputs)):
        rest = ", nothing to this one" if line.position else ""
        yield f"A tie: all of the gradient goes to the first input{rest}."
    if isinstance(gate, Elementwise) and inputs[line.position].shape != graph.value(node.name).shape:
        yield f"{source.name} was copied to the shape of {node.name}: its gradient is the sum over the copies."
    for position in gate.indices:
        yield f"{node.inputs[position].name} is a class index: no gradient goes to it."
