"""The plan of a graph's two passes for fixed shapes: their memory, and the calls that fill it, bound once.

This is where the speed is: a pass is then a loop over calls that need no look-up, no allocation and no decision, and a
gradient that a gate only hands on is not copied.
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
"""Ufuncs to which NumPy 2.4 and newer want no output by position."""


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
        """None before the first backward pass, which binds them."""
        self.went_back = False
        """Whether the gradients are those of the latest forward pass."""
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
        """Run the gates, or those alone that come after one node whose value was changed."""
        first = 0 if changed is None else self._first_use.get(changed, len(self.forward_calls))
        self.went_back = False
        for call in self.forward_calls[first:]:
            call()
        return self.values[self.output]

    def backward(self, upstream: ArrayLike) -> None:
        """Fill the gradients, beginning with the output's."""
        if self.backward_calls is None:
            self.backward_calls = self._bind_backward()
        self.gradients[self.output][...] = upstream
        for call in self.backward_calls:
            call()
        self.went_back = True

    def contribution(self, node: Node, gate: Gate, position: int) -> Array:
        """What a gate by itself sends back to one of its inputs, by its own calls, aside from the pass's memory."""
        inputs = [self.values[source] for source in node.inputs]
        C, total = self.values[node], np.empty_like(inputs[position])
        target = np.empty_like(C) if isinstance(gate, Elementwise) else total
        targets = [target if k == position else None for k in range(len(inputs))]
        calls = list(gate.backward(self.gradients[node], C, *inputs, *targets))
        if target.shape != total.shape:
            calls.append(unbroadcast(total, target))
        else:
            total = target
        for call in bind(calls):
            call()
        return total

    def _bind_backward(self) -> list[Callable[[], object]]:
        """The backward calls of every gate on the way back, and those that sum and add up what they write."""
        self.gradients[self.output] = self._memory(self.output)
        way = list(backward_order(list(self.values), self.output))
        arrivals = Counter(flow.source for *_, flows in way for flow in flows if flow is not None)
        bound: list[Callable[[], object]] = []
        for node, gate, flows in way:
            C, dC = self.values[node], self.gradients[node]
            targets = [self._target(gate, C, flow) for flow in flows]
            calls = list(gate.backward(dC, C, *(self.values[source] for source in node.inputs), *targets))
            for flow, target in zip(flows, targets, strict=True):
                if flow is not None and target is not None:
                    calls = self._deliver(calls, flow, target, dC, alone=arrivals[flow.source] == 1)
            bound += bind(calls)
        return bound

    def _target(self, gate: Gate, C: Array, flow: GradientEdge | None) -> Array | None:
        """Where a gate shall write an input's gradient: in its own memory, where it comes first and in its shape."""
        if flow is None:
            return None
        if flow.first:
            self.gradients[flow.source] = self._memory(flow.source)
        total = self.gradients[flow.source]
        if isinstance(gate, Elementwise) and total.shape != C.shape:
            return np.empty_like(C)
        return total if flow.first else np.empty_like(total)

    def _deliver(self, calls: list[Call], flow: GradientEdge, target: Array, dC: Array, *, alone: bool) -> list[Call]:
        """A gate's calls, and those that bring what they write for an input to its gradient.

        A gradient that is dC itself is not copied: where nothing else will be added to it, both names get one array.
        """
        total, handed_on = self.gradients[flow.source], is_copy(calls, target, dC)
        if handed_on:
            calls, target = [call for call in calls if call[0] is not target], dC
        if target.shape != total.shape:
            narrow = total if flow.first else np.empty_like(total)
            calls = [*calls, unbroadcast(narrow, target)]
            target = narrow
        if not flow.first:
            calls = [*calls, (total, np.add, total, target)]
        elif target is dC and alone and self._given_gradient(flow.source) is None:
            self.gradients[flow.source] = dC
        elif target is not total:
            calls = [*calls, (total, np.positive, target)]
        return calls

    def _memory(self, node: Node) -> Array:
        """Where a node's gradient is written."""
        given = self._given_gradient(node)
        return np.empty_like(self.values[node]) if given is None else given

    def _given_gradient(self, node: Node) -> Array | None:
        return self._leaves[node][1] if node in self._leaves else None


def is_copy(calls: Iterable[Call], target: Array, dC: Array) -> bool:
    """Whether all that the calls write into the target is dC as it is."""
    writes = [call for call in calls if call[0] is not None and np.may_share_memory(call[0], target)]
    return len(writes) == 1 and writes[0][1] is np.positive and writes[0][2] is dC and target.shape == dC.shape


def unbroadcast(narrow: Array, wide: Array) -> Call:
    """The call that undoes broadcasting: what was copied along an axis is summed along it."""
    axes = copied_axes(narrow.shape, wide.shape)
    kept = narrow.reshape([length for axis, length in enumerate(wide.shape) if axis not in axes])
    if axes == (0,) and wide.ndim == 2:  # the sum over rows is a product with ones: a third of add.reduce's time
        return kept, np.dot, np.ones(len(wide), wide.dtype), wide
    return kept, np.add.reduce, wide, axes


def copied_axes(narrow: Shape, wide: Shape) -> tuple[int, ...]:
    """The axes along which an array of the narrow shape was copied to have the wide one."""
    new_axes = len(wide) - len(narrow)
    padded = (1,) * new_axes + narrow
    return tuple(axis for axis, length in enumerate(padded) if axis < new_axes or length != wide[axis])


def bind(calls: Iterable[Call]) -> list[Callable[[], object]]:
    """The calls whose output somebody wants, ready to run."""
    return [_bound(function, arguments, out) for out, function, *arguments in calls if out is not None]


def _bound(function: Callable[..., object], arguments: list[Any], out: Array) -> Callable[[], object]:
    """``function(*arguments, out=out)`` in the form that takes NumPy the least time, the same to the last bit.

    A partial with a keyword puts a dictionary together each time, a number has to become an array first, one element is
    slow to read unless it has no axes, and slow to write if it has none: on small arrays each of these costs as much as
    the work itself.
    """
    if isinstance(function, np.ufunc):
        if any(value is None for value in arguments):  # a target that nobody wants: NumPy would make a nan of it
            raise ValueError(f"a backward pass reads a gradient that nobody wants, of {function.__name__}'s arguments")
        written = np.atleast_1d(out)
        arguments = [
            written if value is out else np.asarray(value, out.dtype).reshape(()) if np.size(value) == 1 else value
            for value in arguments
        ]
        out = written
    if function is np.dot or (isinstance(function, np.ufunc) and function not in OUT_BY_KEYWORD):
        return partial(function, *arguments, out)
    return partial(function, *arguments, out=out)
