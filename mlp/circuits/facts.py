"""A circuit's nodes and its Jacobian: the facts for JSON, and the Jacobian as text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp.circuits import listing
from mlp.circuits.circuit import Circuit
from mlp.circuits.local_gradient import Jacobian, LocalGradient, local_gradients
from mlp.gates import Array
from mlp.languages.catalogue import Say, say
from mlp.node import Node
from mlp.system.errors import InputError
from mlp.system.text_table import aligned, padded

ROUNDING = 1e-12
"""Two sums of products count as equal if they differ by less than this fraction of the products' magnitudes."""


def node_facts(circuit: Circuit, node: Node) -> dict[str, Any]:
    """A node, ready for JSON; ``inputs`` leaves out constants, ``code`` has them.

    ``local`` has the local gradient of each of the inputs.
    """
    graph, gradient = circuit.graph, circuit.gradient(node)
    return {
        "name": node.name,
        "gate": node.gate and node.gate.name,
        "inputs": [source.name for source in node.inputs if not source.constant],
        "local": [local_facts(one) for one in local_gradients(graph, node).values()],
        "value": graph.value(node.name).tolist(),
        "gradient": None if gradient is None else gradient.tolist(),
        "code": listing.forward_code(graph, node),
    }


def local_facts(local: LocalGradient) -> Any:
    """A local gradient, ready for JSON: null for a class index, and for a number that is not finite."""
    if isinstance(local, Jacobian):
        return {"jacobian": [local.rows, local.columns]}
    if local is None:
        return None
    numbers = local.astype(object)
    numbers[~np.isfinite(local)] = None
    return numbers.tolist()


def jacobian_facts(circuit: Circuit, outputs: Sequence[str], inputs: Sequence[str], upstream: Array) -> dict[str, Any]:
    """The Jacobian, and both sides of the chain rule, J' df/dx and df/dz; ready for JSON.

    In the keys x stands for the outputs, z for the inputs, and f for the circuit's output. Both sides are equal if
    every path from z to f passes through one of the elements of x, and no path passes through two.
    """
    df_dx, df_dz = circuit.gradients(outputs), circuit.gradients(inputs)
    rows, columns = ([label for name in names for label in labels(circuit, name)] for names in (outputs, inputs))
    J = circuit.jacobian(outputs, inputs)
    circuit.run(upstream)
    with np.errstate(all="ignore"):  # an overflow is reported below
        product, scale = J.T @ df_dx, (np.abs(J.T) @ np.abs(df_dx)).max()
    if not np.isfinite(scale):
        derivative = f"d{circuit.output.name}/d{together(outputs)}"
        raise InputError(f"the product of the Jacobian's transpose and {derivative} overflows")
    return {
        "of": circuit.output.name,
        "outputs": [*outputs],
        "inputs": [*inputs],
        "rows": rows,
        "columns": columns,
        "matrix": J.tolist(),
        "df_dx": df_dx.tolist(),
        "product": product.tolist(),
        "df_dz": df_dz.tolist(),
        "equal": bool(np.abs(product - df_dz).max() <= ROUNDING * scale),
    }


def together(names: Sequence[str]) -> str:
    """One name, or several in brackets."""
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def labels(circuit: Circuit, name: str) -> list[str]:
    """The elements of a value: x if it is a number, else x[0], x[1], ..."""
    shape = circuit.graph.value(circuit.node(name).name).shape
    return [f"{name}{list(index)}" if index else name for index in np.ndindex(shape)]


def describe_jacobian(facts: dict[str, Any], say: Say = say) -> str:
    """The Jacobian with its names, and both sides of the chain rule."""
    names = {"f": facts["of"], "x": together(facts["outputs"]), "z": together(facts["inputs"])}
    verdict = "circuit.equal" if facts["equal"] else "circuit.different"
    return "\n\n".join([say("circuit.jacobian_of", **names), jacobian_in_numbers(facts), say(verdict, **names)])


def jacobian_in_numbers(facts: dict[str, Any]) -> str:
    """The matrix with its names, and a line for each of df/dx, J' df/dx and df/dz."""
    f, x, z = facts["of"], together(facts["outputs"]), together(facts["inputs"])
    matrix = [
        ["", *facts["columns"]],
        *([row, *map(_text, line)] for row, line in zip(facts["rows"], facts["matrix"], strict=True)),
    ]
    sides = [(f"d{f}/d{x}", "df_dx"), (f"J' d{f}/d{x}", "product"), (f"d{f}/d{z}", "df_dz")]
    vectors = padded([[side, f"= {_vector(facts[name])}"] for side, name in sides])
    return "\n".join([aligned(matrix, str.rjust), "", *(" ".join(row).rstrip() for row in vectors)])


def _vector(numbers: Sequence[float]) -> str:
    return f"({', '.join(map(_text, numbers))})"


def _text(number: float) -> str:
    return f"{number:.10g}"
