"""A circuit as a table: every node with its value, its local gradients, its gradient and its numeric gradient."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlp.circuits import listing
from mlp.circuits.local_gradient import Jacobian, LocalGradient, local_gradients
from mlp.circuits.notation import in_full
from mlp.gates import Array
from mlp.gradient_check import ArrayCheck
from mlp.graph import ComputationalGraph
from mlp.node import Node
from mlp.system.text_table import aligned

MAX_NUMBERS = 6
"""The table shows a larger array by its shape."""
MAX_INPUTS = 4
"""The table shows the local gradients of this many inputs of a gate."""
LARGE_ERROR = 1e-6
"""If a relative error is at least this, an explanation follows the table."""
EXPLANATION = """\
If both gradients are tiny, a large relative error is only rounding. Otherwise the numeric gradient can be wrong: at a
kink (at a tie max gives its whole gradient to the first input, but the numeric one is the mean of both sides), next to
a point where a gate is not defined, where a sigmoid is flat, where the function curves strongly, or if the output is
so large that rounding hides the difference."""


@dataclass(frozen=True)
class Numeric:
    """A node's numeric gradient (None for a node of too many elements), and its comparison with the analytic one."""

    gradient: Array | None
    check: ArrayCheck

    def __repr__(self) -> str:
        return f"Numeric({brief(self.gradient)}, {self.check})"


def table(graph: ComputationalGraph, gradients: Mapping[Node, Array | None], numeric: Mapping[Node, Numeric]) -> str:
    """The nodes with their analytic gradients, and their numeric ones where there are any."""
    class_indices = graph.class_indices
    rows = [["name", "gate", "forward", "value", "local gradient", "gradient", "numeric gradient", "relative error"]]
    for node, gradient in gradients.items():
        value = graph.value(node.name)
        shown = brief(value.astype(int) if node in class_indices else value)
        row = [node.name, str(node.gate or ""), shortened(listing.forward_code(graph, node)), shown]
        row += [local_text(graph, node), "none" if gradient is None else brief(gradient)]
        if node in numeric:  # class indices are not, nor values that do not change the output
            row += [brief(numeric[node].gradient, digits=10), f"{numeric[node].check.plain_error:.1e}"]
        rows.append(row + [""] * (len(rows[0]) - len(row)))
    disagree = any(not one.check.plain_error < LARGE_ERROR for one in numeric.values())
    return aligned(rows) + (f"\n\n{EXPLANATION}" if disagree else "")


def local_text(graph: ComputationalGraph, node: Node) -> str:
    """The local gradient of each input of a node's gate, with the input's name."""
    found = [f"{node.inputs[k].name}: {brief_local(one)}" for k, one in local_gradients(graph, node).items()]
    return ", ".join(found if len(found) <= MAX_INPUTS else [*found[:MAX_INPUTS], "..."])


def brief_local(local: LocalGradient) -> str:
    """A local gradient as ``brief`` writes an array, or what it is instead."""
    if isinstance(local, Jacobian):
        return f"Jacobian ({local.rows}, {local.columns})"
    return "none" if local is None else brief(local)


def shortened(code: str | None) -> str:
    """A forward line, cut to 40 characters."""
    return "" if code is None else code if len(code) <= 40 else code[:37] + "..."


def brief(array: Array | None, digits: int | None = None) -> str:
    """A number with all its digits, or this many; a small array with six digits; a larger one by its shape."""
    if array is None:
        return "(not computed)"
    if array.ndim == 0:
        return repr(array.item()) if digits is None else f"{array:.{digits}g}"
    return in_full(array, digits=6) if array.size <= MAX_NUMBERS else f"shape {array.shape}"
