"""A circuit's two passes step by step, as you would do them on paper: the rule, and the rule with its numbers.

A step is a line of the listing (``listing.lines``). Its numbers are those of the graph's latest pass. If a value is
used several times, ``graph.contribution`` gives the gradient from each use.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from mlp.circuits.circuit import Circuit
from mlp.circuits.drawing import inputs_of
from mlp.circuits.formula_text import Rule, plain, plain_if_equal, texts_for
from mlp.circuits.listing import Line, differentiated, names, symbol_values
from mlp.circuits.notation import operand, rows_of, written
from mlp.gates import Array, Elementwise, Gate, Max
from mlp.node import Node
from mlp.trace import Formula, Term, parts

SHOWN = 1e-4
"""An equation has the plain form if the numbers that a page shows are the same."""


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
    graph, formula = circuit.graph, circuit.graph.formula(node)
    value = plain_if_equal(formula, formula.value, symbol_values(graph, node), SHOWN)
    return Step(
        number,
        f"Forward: {node.name}",
        about=_about(gate),
        rule=f"{gate}: {_forward_rule(formula)}",
        equation=f"{node.name} = {Rule(names(graph, node)).write(value)}",
        numbers=f"{node.name} = {_with_numbers(circuit, node, value)} = {written(graph.value(node.name))}",
        shows={f"value-{node.index}": rows_of(graph.value(node.name))},
        reads=[f"value-{source.index}" for source in node.inputs],
        marks=[f"gate-{node.index}", *(name for position in inputs_of(node) for name in _wire(node, position))],
    )


def _start(circuit: Circuit, number: int) -> Step:
    graph, output = circuit.graph, circuit.output
    gradient = graph.gradient(output.name)
    of_itself = f"The derivative of {output.name} with respect to {output.name} itself is 1."
    is_one = not gradient.ndim and gradient == 1
    return Step(
        number,
        f"Backward begins at {output.name}",
        equation=f"d{output.name} = {written(gradient)}",
        note=of_itself if is_one else f"The derivatives are those of {differentiated(graph, output)}.",
        shows={f"gradient-{output.index}": rows_of(gradient)},
        marks=[f"lead-{output.index}"] + [f"gate-{output.index}"] * (output.gate is not None),
    )


def _backward(circuit: Circuit, number: int, line: Line, node: Node, gate: Gate, contribution: Contribution) -> Step:
    """The step in which a gate sends a gradient back to one of its inputs."""
    graph, source, formula = circuit.graph, contribution.node, circuit.graph.formula(node)
    exact = cast(Term, formula.gradients[line.position])  # a backward line has one
    gradient = plain_if_equal(formula, exact, symbol_values(graph, node), SHOWN)
    part, total = written(contribution.gradient), contribution.total
    sign, name = "+=" if line.added else "=", f"d{source.name}"
    values = _with_numbers(circuit, node, gradient)
    numbers = f"{name} {sign} {values}" + (f" = {part}" if values != part else "")
    if contribution.before is not None:
        added = operand(contribution.gradient)
        numbers += f"\n{name} = {written(contribution.before)} + {added} = {written(total)}"
    return Step(
        number,
        f"Backward: from {node.name} to {source.name}",
        about=_about(gate),
        rule=f"{gate}: {_forward_rule(formula)}, "
        f"d{formula.inputs[line.position].symbol} = {Rule(_own_symbols(formula)).write(plain(formula, exact))}",
        equation=f"{name} {sign} {Rule(names(graph, node)).write(gradient)}",
        numbers=numbers,
        note=" ".join(_notes(circuit, line, node, gate)),
        shows={f"gradient-{source.index}": rows_of(total)},
        reads=_reads(node, formula, gradient),
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


def _forward_rule(formula: Formula) -> str:
    """The forward equation in the gate's own symbols."""
    return f"{formula.output.symbol} = {Rule(_own_symbols(formula)).write(plain(formula, formula.value))}"


def _own_symbols(formula: Formula) -> dict[str, str]:
    return {term.symbol: term.symbol for term in (*formula.inputs, formula.output, formula.upstream)}


def _with_numbers(circuit: Circuit, node: Node, term: Term) -> str:
    """A term of the formula of a node's gate, with this circuit's numbers for the symbols."""
    graph, formula = circuit.graph, circuit.graph.formula(node)
    *inputs, output = [operand(graph.value(one.name)) for one in (*node.inputs, node)]
    upstream = operand(graph.gradient(node.name)) if graph.has_gradient(node) else ""
    return tidy(Rule(texts_for(formula, inputs, output, upstream)).write(term))


def _reads(node: Node, formula: Formula, term: Term) -> list[str]:
    """The ids of the drawing's numbers that a term uses."""
    places = {symbol: f"value-{source.index}" for symbol, source in zip(formula.inputs, node.inputs, strict=True)}
    places |= {formula.output: f"value-{node.index}", formula.upstream: f"gradient-{node.index}"}
    return sorted({places[part] for part in parts(term) if part in places})


def _wire(node: Node, position: int) -> list[str]:
    """The ids of the wire from an input of a node to the node."""
    return [f"lead-{node.inputs[position].index}", f"wire-{node.index}-{position}"]


def _notes(circuit: Circuit, line: Line, node: Node, gate: Gate) -> Iterator[str]:
    """Easily overlooked facts about a backward step: sums, ties, broadcast inputs, class indices."""
    graph, source = circuit.graph, node.inputs[line.position]
    inputs = [graph.value(one.name) for one in node.inputs]
    if line.added:
        yield f"{source.name} fans out: the gradients from all its uses are added up."
    if isinstance(gate, Max):
        largest = [array == graph.value(node.name) for array in inputs]
        is_largest, before = largest[line.position], sum(largest[: line.position])
        if np.any(is_largest & (sum(largest) > 1)):
            first = "the first input" if len(inputs) == 2 else "the first of the largest inputs"
            rest = ", nothing to this one" if np.any(is_largest & (before > 0)) else ""
            yield f"A tie: all of the gradient goes to {first}{rest}."
    if isinstance(gate, Elementwise) and inputs[line.position].shape != graph.value(node.name).shape:
        yield f"{source.name} was copied to the shape of {node.name}: its gradient is the sum over the copies."
    for position in gate.indices:
        yield f"{node.inputs[position].name} is a class index: no gradient goes to it."
