"""What is told of a circuit: its table for people, its nodes and Jacobians for JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlp.circuits import listing
from mlp.circuits.circuit import Circuit, Numeric
from mlp.gates import Array
from mlp.node import Node
from mlp.system.errors import InputError
from mlp.system.text_table import aligned

MOST_SHOWN = 6
"""Numbers of an array in the table."""
LARGE = 1e-6
"""A relative error that needs a word."""
APART = """\
A large relative error beside two tiny numbers is rounding: both are 0. Otherwise look for a kink (at a tie max gives
all to its first input, while the numeric derivative is halfway between both sides), for a step to where a gate is not
defined or a sigmoid is flat, for a function that bends strongly within a step, or for an output so large that
rounding drowns the difference."""
ROUNDING = 1e-12
"""Two sums of products are equal that differ by less than this share of the products' magnitudes."""


def node_facts(circuit: Circuit, node: Node) -> dict[str, Any]:
    """A node, ready for JSON; ``inputs`` are the nodes that it comes from, ``code`` has the constants too."""
    graph, gradient = circuit.graph, circuit.gradient(node)
    return {
        "name": node.name,
        "gate": node.gate and node.gate.name,
        "inputs": [source.name for source in node.inputs if not source.constant],
        "value": graph.value(node.name).tolist(),
        "gradient": None if gradient is None else gradient.tolist(),
        "code": listing.formula(graph, node),
    }


def table(circuit: Circuit, numeric: Mapping[Node, Numeric]) -> str:
    """Every node, in forward order, its numeric gradient beside the written one."""
    graph = circuit.graph
    class_indices = graph.class_indices
    rows = [["name", "gate", "forward", "value", "gradient", "numeric gradient", "relative error"]]
    for node in circuit.nodes:
        value, gradient = graph.value(node.name), circuit.gradient(node)
        told = brief(value.astype(int) if node in class_indices else value)
        row = [node.name, str(node.gate or ""), shortened(listing.formula(graph, node)), told]
        row.append("none" if gradient is None else brief(gradient))
        if node in numeric:
            row += [brief(numeric[node].gradient, digits=10), f"{numeric[node].check.plain_error:.1e}"]
        else:
            row += ["", ""]  # nothing to compare: a class index, or a value that leads nowhere
        rows.append(row)
    apart = any(not one.check.plain_error < LARGE for one in numeric.values())
    return aligned(rows) + (f"\n\n{APART}" if apart else "")


def shortened(formula: str | None) -> str:
    """A forward line as far as a table has room for it."""
    return "" if formula is None else formula if len(formula) <= 40 else formula[:37] + "..."


def brief(array: Array | None, digits: int | None = None) -> str:
    """A number to so many digits, or all, a small array to six, a larger one by its shape."""
    if array is None:
        return "(not taken)"
    if array.ndim == 0:
        return repr(array.item()) if digits is None else f"{array:.{digits}g}"
    if array.size > MOST_SHOWN:
        return f"{'x'.join(map(str, array.shape))} numbers"
    return np.array2string(array, precision=6, separator=", ", max_line_width=1000).replace("\n", "")


def jacobian_facts(circuit: Circuit, outputs: Sequence[str], inputs: Sequence[str], upstream: Array) -> dict[str, Any]:
    """The matrix, and the chain rule made of it: J' df/dx against df/dz; ready for JSON.

    Both are equal where every way from the inputs, z, to the circuit's output, f, passes one of the outputs, x,
    and none passes two.
    """
    df_dx, df_dz = circuit.gradients(outputs), circuit.gradients(inputs)
    rows, columns = ([label for name in names for label in labels(circuit, name)] for names in (outputs, inputs))
    J = circuit.jacobian(outputs, inputs)
    circuit.run(upstream)
    with np.errstate(all="ignore"):  # what overflows is reported below
        product, scale = J.T @ df_dx, (np.abs(J.T) @ np.abs(df_dx)).max()
    if not np.isfinite(scale):
        raise InputError(f"the product of the Jacobian's transpose and d{circuit.output.name}/dx overflows")
    return {
        "of": circuit.output.name,
        "rows": rows,
        "columns": columns,
        "matrix": J.tolist(),
        "df_dx": df_dx.tolist(),
        "product": product.tolist(),
        "df_dz": df_dz.tolist(),
        "equal": bool(np.abs(product - df_dz).max() <= ROUNDING * scale),
    }


def labels(circuit: Circuit, name: str) -> list[str]:
    """A name for each element: x, or x[0], x[1], ..."""
    shape = circuit.graph.value(circuit.node(name).name).shape
    return [f"{name}{list(index)}" if index else name for index in np.ndindex(shape)]


def describe_jacobian(facts: dict[str, Any]) -> str:
    """The matrix with its names, and the two sides of the chain rule."""
    f, rows, columns = facts["of"], facts["rows"], facts["columns"]
    matrix = [
        ["", *columns],
        *([row, *(f"{x:.10g}" for x in line)] for row, line in zip(rows, facts["matrix"], strict=True)),
    ]
    verdict = "equals" if facts["equal"] else "differs from"

    def vector(numbers: list[float]) -> str:
        return f"({', '.join(f'{x:.10g}' for x in numbers)})"

    lines = [
        f"the Jacobian J of x = ({', '.join(rows)}) with respect to z = ({', '.join(columns)})",
        "",
        aligned(matrix, str.rjust),
        "",
        f"d{f}/dx    = {vector(facts['df_dx'])}",
        f"J' d{f}/dx = {vector(facts['product'])}",
        f"d{f}/dz    = {vector(facts['df_dz'])}: {f}'s own backward pass; J' d{f}/dx {verdict} it",
    ]
    if not facts["equal"]:
        lines.append("as it must where some way from z to the output avoids x or passes two of them (or by rounding)")
    return "\n".join(lines)
