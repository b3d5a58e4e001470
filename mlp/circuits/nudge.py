"""What a gradient wants: inputs are moved a little, and the change of the output is compared with the predicted one.

The gradient predicts that small steps change the output by the sum of gradient * step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlp.circuits.circuit import Circuit
from mlp.circuits.listing import differentiated
from mlp.circuits.source_text import name_and_text, parse_value
from mlp.circuits.table import brief
from mlp.gates import Array
from mlp.languages.catalogue import Say, say
from mlp.node import Node
from mlp.system.errors import InputError
from mlp.system.text_table import aligned

Steps = Mapping[str, Array]
"""For given values their steps: a number, which moves every element, or an array of the value's shape."""


def parse_steps(arguments: Sequence[str]) -> Steps:
    """The steps in the arguments NAME=STEP of --nudge."""
    steps: dict[str, Array] = {}
    for argument in arguments:
        name, text = name_and_text(argument, f"--nudge {argument}: must be NAME=STEP, as in --nudge x=0.001")
        if name in steps:
            raise InputError(f"--nudge {argument}: {name} already has a step: give it one")
        steps[name] = parse_value(f"--nudge {name}", text)
    return steps


@np.errstate(all="ignore")  # an overflow is reported as an error
def nudge_facts(circuit: Circuit, steps: Steps) -> dict[str, Any]:
    """Each value before and after the steps, and the output's change, predicted and made; ready for JSON.

    The circuit must have run; afterwards it has its own values again. Raises InputError if a step does not fit, or if
    a value after the steps is not finite.
    """
    graph, output = circuit.graph, circuit.output
    moved = {_given(circuit, name): step for name, step in steps.items()}
    for leaf, step in moved.items():
        _check(leaf, step)
    of, upstream = differentiated(graph, output), graph.gradient(output.name).copy()
    predicted = sum(float(np.sum(circuit.gradient(leaf) * step)) for leaf, step in moved.items())
    before = _values(circuit)
    after = _values_after(circuit, moved)
    change = {node: after[node] - value for node, value in before.items()}
    made = float(np.sum(upstream * change[output]))
    if not all(np.isfinite(number).all() for number in (*change.values(), predicted, made, made - predicted)):
        raise InputError("after --nudge: the change of a value overflows: take a smaller step")
    found = {"before": before, "after": after, "change": change}
    return {
        "steps": {name: step.tolist() for name, step in steps.items()},
        "nodes": [
            {"name": node.name} | {what: values[node].tolist() for what, values in found.items()} for node in before
        ],
        "of": of,
        "predicted": predicted,
        "made": made,
        "difference": made - predicted,
    }


def _given(circuit: Circuit, name: str) -> Node:
    """The leaf of this name. Raises InputError for an unknown name, a computed value or a class index."""
    indices = circuit.graph.class_indices
    named = {node.name: node for node in circuit.nodes}
    leaves = [node.name for node in circuit.nodes if node.gate is None and node not in indices]
    cure = f"nudge {', '.join(leaves)}" if leaves else "no value of this expression can be nudged"
    if name not in named:
        raise InputError(f"--nudge {name}: there is no {name!r} in the expression: {cure}")
    if named[name].gate is not None:
        raise InputError(f"--nudge {name}: {name} is computed, not given: {cure}")
    if named[name] in indices:
        raise InputError(f"--nudge {name}: {name} is a class index, a whole number: {cure}")
    return named[name]


def _check(leaf: Node, step: Array) -> None:
    """Raises InputError if a step does not fit its value, or changes nothing."""
    if step.ndim and step.shape != leaf.value.shape:
        raise InputError(
            f"--nudge {leaf.name}: the step has shape {step.shape}, but {leaf.name} has shape {leaf.value.shape}: "
            "give a number, or an array of this shape"
        )
    if np.array_equal(leaf.value + step, leaf.value):
        raise InputError(
            f"--nudge {leaf.name}: the step is 0, or too small to change {leaf.name}: "
            f"give a larger one, as in --nudge {leaf.name}=0.001"
        )


def _values(circuit: Circuit) -> dict[Node, Array]:
    """A copy of each named node's value; class indices as whole numbers."""
    graph, indices = circuit.graph, circuit.graph.class_indices
    return {node: graph.value(node.name).astype(int if node in indices else float) for node in circuit.nodes}


def _values_after(circuit: Circuit, moved: Mapping[Node, Array]) -> dict[Node, Array]:
    """The values after these steps from leaves."""
    old = {leaf: np.array(leaf.value) for leaf in moved}
    try:
        for leaf, step in moved.items():
            leaf.value = old[leaf] + step
        circuit.forward()
        return _values(circuit)
    except InputError as error:
        message, *place = error.args
        raise InputError(f"after --nudge: {message}: take a smaller step", *place) from None
    finally:
        for leaf, value in old.items():
            leaf.value = value
        circuit.run(circuit.upstream)


def describe_nudge(facts: dict[str, Any], say: Say = say) -> str:
    """The facts as text: a table of values, and the output's change."""
    steps = ", ".join(f"{name} += {brief(np.asarray(step), say=say)}" for name, step in facts["steps"].items())
    rows = [[say(key) for key in ("table.name", "nudge.before", "nudge.after", "nudge.change")]]
    for node in facts["nodes"]:
        before, after, change = (np.asarray(node[what]) for what in ("before", "after", "change"))
        rows.append([node["name"], brief(before, say=say), brief(after, say=say), brief(change, 10, say)])
    changes = [
        [say("nudge.predicted", of=facts["of"]), f"{facts['predicted']:.10g}", say("nudge.rule")],
        [say("nudge.made", of=facts["of"]), f"{facts['made']:.10g}", ""],
        [say("nudge.difference"), f"{facts['difference']:.1e}", ""],
    ]
    return f"{say('nudge.steps', steps=steps)}\n\n{aligned(rows)}\n\n{aligned(changes)}"
