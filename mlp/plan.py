"""The plan of a graph's two passes for fixed shapes: their memory, and the calls that fill it, bound once.

This makes the passes fast: each is a loop over calls without look-ups, allocations or decisions, and a gradient that a
gate passes on unchanged is not copied.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlp.gates import Array, Call, Elementwise, Gate, Shape
from mlp.node import GradientEdge, Node, backward_order

OUT_BY_KEYWORD = (np.minimum, np.maximum)
"""Ufuncs whose output NumPy 2.4 and newer take only by keyword."""


class Plan:
    """The memory and the bound calls of one forward and backward pass."""

    def __init__(
        self,
        nodes: Sequence[Node],
        output: Node,
        leaves: Mapping[Node, tuple[Array, Array | None]],
        precision: np.dtype[Any],
    ):
        self.output = output
        self.values: dict[Node, Array] = {}
        self.gradients: dict[Node, Array] = {}
        self.forward_calls: list[Callable[[], object]] = []
        self.backward_calls: list[Callable[[], object]] | None = None
        """None until the first backward pass binds them."""
        self.has_gradients = False
        """Whether the gradients belong to the latest forward pass."""
        self._leaves = leaves
        self._first_use: dict[Node, int] = {}
        for node in nodes:
            if node.gate is None:
                if node not in leaves:
                    raise ValueError(f"{self.output.name} needs a value for the input {node.name}")
                self.values[node] = leaves[node][0]
                continue
            inputs = [self.values[node] for node in node.inputs]
            shape = node.gate.output_shape(*(value.shape for value in inputs))
            self.values[node] = np.empty(shape, precision)
            for source in node.inputs:
                self._first_use.setdefault(source, len(self.forward_calls))
            self.forward_calls += bind(node.gate.forward(self.values[node], *inputs))

    def forward(self, changed: Node | None = None) -> Array:
        """Run all gates; if only one node's value was changed, run those from its first use on."""
        first = 0 if changed is None else self._first_use.get(changed, len(self.forward_calls))
        self.has_gradients = False
        for call in self.forward_calls[first:]:
            call()
        return self.values[self.output]

    def backward(self, upstream: ArrayLike) -> None:
        """Fill the gradients, from the output's (``upstream``) back to the inputs'."""
        if self.backward_calls is None:
            self.backward_calls = self._bind_backward()
        self.gradients[self.output][...] = upstream
        for call in self.backward_calls:
            call()
        self.has_gradients = True

    def contribution(self, node: Node, gate: Gate, position: int) -> Array:
        """The gradient that a gate sends to one input, before it is added up, in separate memory."""
        inputs = [self.values[source] for source in node.inputs]
        C, total = self.values[node], np.empty_like(inputs[position])
        written = np.empty_like(C) if isinstance(gate, Elementwise) else total
        destinations = [written if k == position else None for k in range(len(inputs))]
        calls = list(gate.backward(self.gradients[node], C, *inputs, *destinations))
        if written.shape != total.shape:
            calls.append(unbroadcast(total, written))
        else:
            total = written
        for call in bind(calls):
            call()
        return total

    def _bind_backward(self) -> list[Callable[[], object]]:
        """The backward calls of every gate that has a gradient, and the calls that add up their results."""
        self.gradients[self.output] = self._memory(self.output)
        order = list(backward_order(list(self.values), self.output))
        arrivals = Counter(edge.source for *_, edges in order for edge in edges if edge is not None)
        bound: list[Callable[[], object]] = []
        for node, gate, edges in order:
            C, dC = self.values[node], self.gradients[node]
            destinations = [self._destination(gate, C, edge) for edge in edges]
            calls = list(gate.backward(dC, C, *(self.values[source] for source in node.inputs), *destinations))
            for edge, written in zip(edges, destinations, strict=True):
                if edge is not None and written is not None:
                    calls = self._accumulate(calls, edge, written, dC, alone=arrivals[edge.source] == 1)
            bound += bind(calls)
        return bound

    def _destination(self, gate: Gate, C: Array, edge: GradientEdge | None) -> Array | None:
        """Where a gate writes an input's gradient: the gradient's own memory, if it is the first and has its shape."""
        if edge is None:
            return None
        if edge.first:
            self.gradients[edge.source] = self._memory(edge.source)
        total = self.gradients[edge.source]
        if isinstance(gate, Elementwise) and total.shape != C.shape:
            return np.empty_like(C)
        return total if edge.first else np.empty_like(total)

    def _accumulate(self, calls: list[Call], edge: GradientEdge, part: Array, dC: Array, *, alone: bool) -> list[Call]:
        """A gate's calls, and the calls that add one input's gradient to that input's total.

        A gradient equal to dC is not copied: if nothing else is added to it, both share one array.
        """
        total = self.gradients[edge.source]
        if is_copy(calls, part, dC):
            calls, part = [call for call in calls if call[0] is not part], dC
        if part.shape != total.shape:
            narrow = total if edge.first else np.empty_like(total)
            calls = [*calls, unbroadcast(narrow, part)]
            part = narrow
        if not edge.first:
            calls = [*calls, (total, np.add, total, part)]
        elif part is dC and alone and self._given_gradient(edge.source) is None:
            self.gradients[edge.source] = dC
        elif part is not total:
            calls = [*calls, (total, np.positive, part)]
        return calls

    def _memory(self, node: Node) -> Array:
        """The array that holds a node's gradient."""
        given = self._given_gradient(node)
        return np.empty_like(self.values[node]) if given is None else given

    def _given_gradient(self, node: Node) -> Array | None:
        return self._leaves[node][1] if node in self._leaves else None


def is_copy(calls: Iterable[Call], written: Array, dC: Array) -> bool:
    """Whether the calls write dC, unchanged and nothing else, into this array."""
    writes = [call for call in calls if call[0] is not None and np.may_share_memory(call[0], written)]
    return len(writes) == 1 and writes[0][1] is np.positive and writes[0][2] is dC and written.shape == dC.shape


def unbroadcast(narrow: Array, wide: Array) -> Call:
    """The call that undoes broadcasting: it sums along the axes that the array was copied along."""
    axes = copied_axes(narrow.shape, wide.shape)
    kept = narrow.reshape([length for axis, length in enumerate(wide.shape) if axis not in axes])
    if axes == (0,) and wide.ndim == 2:  # a product with ones takes a third of add.reduce's time
        return kept, np.dot, np.ones(len(wide), wide.dtype), wide
    return kept, np.add.reduce, wide, axes


def copied_axes(narrow: Shape, wide: Shape) -> tuple[int, ...]:
    """The axes along which broadcasting copies an array from the narrow shape to the wide one."""
    new_axes = len(wide) - len(narrow)
    padded = (1,) * new_axes + narrow
    return tuple(axis for axis, length in enumerate(padded) if axis < new_axes or length != wide[axis])


def bind(calls: Iterable[Call]) -> list[Callable[[], object]]:
    """The calls whose output is needed, ready to run."""
    return [_bound(function, arguments, out) for out, function, *arguments in calls if out is not None]


def _bound(function: Callable[..., object], arguments: list[Any], out: Array) -> Callable[[], object]:
    """``function(*arguments, out=out)`` in the form that NumPy runs fastest, with the same result to the last bit.

    A partial with a keyword builds a dictionary at each call; a number is converted to an array at each call; an array
    of one element is read fastest with no axes, but written fastest with one. On small arrays each of these costs as
    much as the computation itself.
    """
    if isinstance(function, np.ufunc):
        if any(value is None for value in arguments):  # NumPy would compute with nan
            raise ValueError(f"a backward pass reads a gradient that is not needed, in a call of {function.__name__}")
        written = np.atleast_1d(out)
        arguments = [
            written if value is out else np.asarray(value, out.dtype).reshape(()) if np.size(value) == 1 else value
            for value in arguments
        ]
        out = written
    if function is np.dot or (isinstance(function, np.ufunc) and function not in OUT_BY_KEYWORD):
        return partial(function, *arguments, out)
    return partial(function, *arguments, out=out)
