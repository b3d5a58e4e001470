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
from mlp.circuits.formula_text import Rule, plain
from mlp.circuits.listing import Line, differentiated, names, plain_here, symbol_values
from mlp.circuits.notation import operand, rows_of, written
from mlp.gates import Array, Elementwise, Max
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


def steps(circuit: Circuit, listing: Sequence[Line]) -> Iterator[Step]:
    """The inputs, then a step for each line that computes: forward, the output's gradient, backward, zeros."""
    totals: dict[Node, Array] = {}
    for number, line in enumerate(listing):
        if line.text == "# values":
            yield _given(circuit, number)
        elif line.kind == "start":
            yield _start(circuit, number)
        elif line.kind == "forward" and line.node is not None:
            yield _forward(circuit, number, line.node)
        elif line.kind == "backward" and line.node is not None:
            yield _backward(circuit, number, line.node, line.position, totals)
        elif line.kind == "zeros" and line.node is not None:
            yield _zeros(circuit, number, line.node)


def _given(circuit: Circuit, number: int) -> Step:
    return Step(
        number,
        "The inputs",
        note="Only the values of the inputs are known. Forward, each gate computes its output from its inputs; "
        f"then the derivatives of {differentiated(circuit.graph, circuit.output)} go back, gate by gate.",
        shows={f"value-{node.index}": rows_of(node.value) for node in circuit.graph.nodes if node.gate is None},
    )


def _forward(circuit: Circuit, number: int, node: Node) -> Step:
    value = plain_here(circuit.graph, node, circuit.graph.formula(node).value, SHOWN)
    return Step(
        number,
        f"Forward: {node.name}",
        about=_about(node),
        rule=_forward_rule(node, circuit.graph.formula(node)),
        equation=f"{node.name} = {Rule(names(circuit.graph, node)).write(value)}",
        numbers=f"{node.name} = {_with_numbers(circuit, node, value)} = {written(node.value)}",
        shows={f"value-{node.index}": rows_of(node.value)},
        reads=[f"value-{source.index}" for source in node.inputs],
        marks=[f"gate-{node.index}", *(name for position in inputs_of(node) for name in _wire(node, position))],
    )


def _start(circuit: Circuit, number: int) -> Step:
    output, f = circuit.output, differentiated(circuit.graph, circuit.output)
    of_itself = f"The derivative of {f} with respect to {f} itself is 1."
    return Step(
        number,
        f"Backward begins at {output.name}",
        equation=f"d{output.name} = {written(output.gradient)}",
        note=of_itself if f == output.name else f"The derivatives are those of {f}.",
        shows={f"gradient-{output.index}": rows_of(output.gradient)},
        marks=[f"lead-{output.index}"] + [f"gate-{output.index}"] * (output.gate is not None),
    )


def _backward(circuit: Circuit, number: int, node: Node, position: int, totals: dict[Node, Array]) -> Step:
    """The step in which a gate sends a gradient back to one of its inputs; ``totals``: the sums so far."""
    formula, source = circuit.graph.formula(node), node.inputs[position]
    exact = cast(Term, formula.gradients[position])  # a backward line has one
    term = plain_here(circuit.graph, node, exact, SHOWN)
    sent, before = circuit.graph.contribution(node, position), totals.get(source)
    total = totals[source] = sent if before is None else before + sent
    target, computed = f"d{source.name} {'=' if before is None else '+='}", _with_numbers(circuit, node, term)
    numbers = f"{target} {computed}" + f" = {written(sent)}" * (computed != written(sent))
    notes = list(_notes(node, position))
    if before is not None:
        numbers += f"\nd{source.name} = {written(before)} + {operand(sent)} = {written(total)}"
        notes.insert(0, f"{source.name} fans out: the gradients from all its uses are added up.")
    symbol = formula.inputs[position].symbol
    return Step(
        number,
        f"Backward: from {node.name} to {source.name}",
        about=_about(node),
        rule=f"{_forward_rule(node, formula)}, d{symbol} = {Rule({}).write(plain(formula, exact))}",
        equation=f"{target} {Rule(names(circuit.graph, node)).write(term)}",
        numbers=numbers,
        note=" ".join(notes),
        shows={f"gradient-{source.index}": rows_of(total)},
        reads=_reads(node, formula, term),
        marks=[f"gate-{node.index}", *_wire(node, position)],
    )


def _zeros(circuit: Circuit, number: int, node: Node) -> Step:
    zero = np.zeros_like(node.value)
    return Step(
        number,
        f"No gradient reaches {node.name}",
        equation=f"d{node.name} = {written(zero)}",
        note=f"{circuit.output.name} does not depend on {node.name}: its derivative is 0.",
        shows={f"gradient-{node.index}": rows_of(zero)},
        marks=[f"lead-{node.index}"],
    )


def _about(node: Node) -> str:
    """The first paragraph of the docstring of the gate's class."""
    return " ".join((node.gate.__doc__ or "").partition("\n\n")[0].split())


def _forward_rule(node: Node, formula: Formula) -> str:
    """The gate, and its forward equation in its own symbols."""
    return f"{node.gate}: {formula.output.symbol} = {Rule({}).write(plain(formula, formula.value))}"


def _with_numbers(circuit: Circuit, node: Node, term: Term) -> str:
    """A term of the formula of a node's gate, with this circuit's numbers for the symbols."""
    values = symbol_values(circuit.graph, node)
    text = Rule({symbol: operand(value) for symbol, value in values.items()}).write(term)
    text = re.sub(r"\(\((-[^()]+)\)\)", r"(\1)", text)
    return re.sub(r"^\((-[^()]+)\)$", r"\1", text)


def _reads(node: Node, formula: Formula, term: Term) -> list[str]:
    """The ids of the drawing's numbers that a term uses."""
    ids = [*(f"value-{one.index}" for one in (*node.inputs, node)), f"gradient-{node.index}"]
    used = set(parts(term))
    return sorted({id for symbol, id in zip(formula.symbols, ids, strict=True) if symbol in used})


def _wire(node: Node, position: int) -> list[str]:
    """The ids of the wire from an input of a node to the node."""
    return [f"lead-{node.inputs[position].index}", f"wire-{node.index}-{position}"]


def _notes(node: Node, position: int) -> Iterator[str]:
    """Easily overlooked facts about the gradient of an input: ties, broadcast inputs, class indices."""
    source = node.inputs[position]
    if isinstance(node.gate, Max):
        largest = [one.value == node.value for one in node.inputs]
        is_largest, before = largest[position], sum(largest[:position])
        if np.any(is_largest & (sum(largest) > 1)):
            first = "the first input" if len(largest) == 2 else "the first of the largest inputs"
            rest = ", nothing to this one" if np.any(is_largest & (before > 0)) else ""
            yield f"A tie: all of the gradient goes to {first}{rest}."
    if isinstance(node.gate, Elementwise) and source.value.shape != node.value.shape:
        yield f"{source.name} was copied to the shape of {node.name}: its gradient is the sum over the copies."
    for index in node.gate.indices if node.gate else ():
        yield f"{node.inputs[index].name} is a class index: no gradient goes to it."
