"""A circuit as a table: every node with its value, its local gradients, its gradient and its numeric gradient."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlp.circuits import listing
from mlp.circuits.local_gradient import Jacobian, LocalGradient, local_gradients
from mlp.circuits.notation import in_full
from mlp.gates import Array
from mlp.gradient_check import ArrayCheck
from mlp.graph import ComputationalGraph
from mlp.languages.catalogue import Say, say
from mlp.node import Node
from mlp.system.text_table import aligned

MAX_NUMBERS = 6
"""The table shows a larger array by its shape."""
MAX_INPUTS = 4
"""The table shows the local gradients of this many inputs of a gate."""
LARGE_ERROR = 1e-6
"""If a relative error is at least this, an explanation follows the table."""
HEADINGS = (
    "table.name",
    "table.gate",
    "table.forward",
    "table.value",
    "table.local",
    "table.gradient",
    "table.numeric",
    "table.error",
)


@dataclass(frozen=True)
class Numeric:
    """A node's numeric gradient (None for a node of too many elements), and its comparison with the analytic one."""

    gradient: Array | None
    check: ArrayCheck

    def __repr__(self) -> str:
        return f"Numeric({brief(self.gradient)}, {self.check})"


def table(
    graph: ComputationalGraph,
    gradients: Mapping[Node, Array | None],
    numeric: Mapping[Node, Numeric],
    say: Say = say,
) -> str:
    """The nodes with their analytic gradients, and their numeric ones where there are any."""
    class_indices = graph.class_indices
    rows = [list(map(say, HEADINGS))]
    for node, gradient in gradients.items():
        value = graph.value(node.name)
        shown = brief(value.astype(int) if node in class_indices else value, say=say)
        row = [node.name, str(node.gate or ""), shortened(listing.forward_code(graph, node)), shown]
        row += [local_text(graph, node, say), say("table.none") if gradient is None else brief(gradient, say=say)]
        if node in numeric:  # class indices are not, nor values that do not change the output
            row += [brief(numeric[node].gradient, 10, say), f"{numeric[node].check.plain_error:.1e}"]
        rows.append(row + [""] * (len(rows[0]) - len(row)))
    disagree = any(not one.check.plain_error < LARGE_ERROR for one in numeric.values())
    return aligned(rows) + (f"\n\n{say('table.explanation')}" if disagree else "")


def local_text(graph: ComputationalGraph, node: Node, say: Say) -> str:
    """The local gradient of each input of a node's gate, with the input's name."""
    found = [f"{node.inputs[k].name}: {brief_local(one, say)}" for k, one in local_gradients(graph, node).items()]
    return ", ".join(found if len(found) <= MAX_INPUTS else [*found[:MAX_INPUTS], "..."])


def brief_local(local: LocalGradient, say: Say) -> str:
    """A local gradient as text: its numbers as ``brief`` writes them, or the size of a Jacobian."""
    if isinstance(local, Jacobian):
        return say("table.jacobian", rows=local.rows, columns=local.columns)
    return say("table.none") if local is None else brief(local, say=say)


def shortened(code: str | None) -> str:
    """A forward line, cut to 40 characters."""
    return "" if code is None else code if len(code) <= 40 else code[:37] + "..."


def brief(array: Array | None, digits: int | None = None, say: Say = say) -> str:
    """A number with all its digits, or this many; a small array with six digits; a larger one by its shape."""
    if array is None:
        return say("table.not_computed")
    if array.ndim == 0:
        return repr(array.item()) if digits is None else f"{array:.{digits}g}"
    return in_full(array, digits=6) if array.size <= MAX_NUMBERS else say("table.shape", shape=array.shape)
