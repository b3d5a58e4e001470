"""A circuit: the graph of an expression, its forward and backward pass, its numeric gradients and its Jacobian."""

from __future__ import annotations  # as in mlp.library.circuit

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from mlp.circuits.notation import written
from mlp.circuits.source_text import Text
from mlp.circuits.table import Numeric, table
from mlp.gates import Array
from mlp.gradient_check import DIRECTIONS, check_directions, numeric_gradients
from mlp.graph import ComputationalGraph
from mlp.node import Node
from mlp.system.errors import InputError

MAX_NUMERIC_ELEMENTS = 400
"""An array with more elements is checked along random directions, not element by element."""
MAX_JACOBIAN_ENTRIES = 10_000
MAX_TEXT_CHARACTERS = 60
"""``repr`` shows the beginning of a longer expression."""


@dataclass(eq=False)
class Circuit:
    """The graph of an expression, and the place of each node in the text.

    After ``circuit = mlp.circuit("(x + y) * z", x=-2, y=5, z=-4)``, ``print(circuit)`` prints its table, and a notebook
    shows it as a drawing to step through. ``circuit.node("x").gradient`` is -4; to change a value and run both passes
    again: ``circuit.node("x").value = 3``, then ``circuit.run()``.
    """

    graph: ComputationalGraph
    output: Node
    text: Text
    places: Mapping[Node, int]
    """For each node the index of a character in the text: its operator, or else where its expression begins."""
    upstream: ArrayLike = field(default=1.0, init=False)
    """The output's gradient in the latest ``run``, as it was given."""

    def __str__(self) -> str:
        """The table that the command prints, with numeric gradients; before ``run`` as ``repr``."""
        if not self.has_run:
            return repr(self)
        numeric = self.numeric(self.upstream)
        return table(self.graph, {node: self.gradient(node) for node in self.nodes}, numeric)

    def __repr__(self) -> str:
        text = self.text.text
        text = text if len(text) <= MAX_TEXT_CHARACTERS else f"{text[:MAX_TEXT_CHARACTERS]}..."
        value = f" = {written(self.output.value)}" if self.has_run else ""
        return f"Circuit({text!r}, {len(self.nodes)} nodes, {self.output.name}{value})"

    def _repr_html_(self) -> str:
        from mlp.library import display

        return display.html(self)

    def _repr_svg_(self) -> str | None:
        from mlp.library import display

        return display.svg(self)

    @property
    def has_run(self) -> bool:
        """Whether the graph's latest passes are those of ``run``: complete, and not the passes of a single node."""
        plan = self.graph.latest_plan if self.graph.has_run else None
        is_whole = plan is not None and plan.output is self.output and len(plan.values) == len(self.graph.nodes)
        return is_whole and self.graph.has_gradient(self.output)

    @property
    def nodes(self) -> list[Node]:
        """The nodes that have names: all except constants."""
        return [node for node in self.graph.nodes if not node.constant]

    def node(self, name: str) -> Node:
        """The node of this name. Raises InputError if there is no such node."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise InputError(
            f"there is no {name!r} in the expression: it has {', '.join(node.name for node in self.nodes)}"
        )

    def gradient(self, node: Node) -> Array | None:
        """A node's gradient in the latest pass: 0 if the output does not depend on it, None for a class index."""
        if self.graph.has_gradient(node):
            return self.graph.gradient(node.name)
        return None if node in self.graph.class_indices else np.zeros_like(self.graph.value(node.name))

    def gradients(self, names: Sequence[str]) -> Array:
        """The gradients of several nodes in one vector. Raises InputError for a class index, which has none."""
        rows = []
        for name in names:
            gradient = self.gradient(self.node(name))
            if gradient is None:
                raise InputError(f"{name} is a class index: it has no derivative")
            rows.append(gradient.reshape(-1))
        return np.concatenate(rows)

    def run(self, upstream: ArrayLike = 1.0) -> None:
        """Run forward, then backward from ``upstream``, which broadcasts to the output's shape.

        Raises InputError if ``upstream`` does not fit, or if a value or a gradient is not finite.
        """
        shape = self.forward().shape
        try:
            full = np.broadcast_to(np.asarray(upstream, float), shape)
        except ValueError:
            raise InputError(
                f"the upstream gradient has shape {np.shape(upstream)}, which does not fit the output "
                f"{self.output.name} of shape {shape}"
            ) from None
        self._backward(full)
        self.upstream = upstream

    def forward(self) -> Array:
        """Run forward alone, and return the output. Raises InputError if a value is not finite."""
        value = self._forward(self.output)
        for node in self.graph.nodes:
            self._require_finite(node, self.graph.value(node.name), "value")
        return value

    def numeric(self, upstream: ArrayLike = 1.0) -> dict[Node, Numeric]:
        """The numeric gradient of each named node that has a gradient in the latest pass.

        It is nan if changing the value leaves the domain of a gate, such as the logarithm's.
        """
        graph = self.graph
        reached = [node for node in self.nodes if graph.has_gradient(node)]
        small = [node for node in reached if graph.value(node.name).size <= MAX_NUMERIC_ELEMENTS]
        large = [node for node in reached if graph.value(node.name).size > MAX_NUMERIC_ELEMENTS]
        with np.errstate(all="ignore"):  # the table shows nan and inf
            elements = numeric_gradients(graph, [node.name for node in small], upstream)
            found = {node: Numeric(*one) for node, one in zip(small, elements, strict=True)}
            random = np.random.default_rng(0)
            checks = check_directions(graph, [node.name for node in large], DIRECTIONS, random, upstream)
            found |= {node: Numeric(None, check) for node, check in zip(large, checks, strict=True)}
        self.run(upstream)
        return found

    def jacobian(self, outputs: Sequence[str], inputs: Sequence[str]) -> Array:
        """The derivatives of the outputs' elements (one per row) with respect to the inputs' elements (one per column).

        Each row takes a backward pass, which overwrites the gradients: call ``run`` before you use them again.
        Raises InputError if a name is unknown or a class index, the matrix is too large, or an entry is not finite.
        """
        sources, columns = [self.node(name) for name in outputs], [self.node(name) for name in inputs]
        size = math.prod(sum(self.graph.value(node.name).size for node in nodes) for nodes in (sources, columns))
        if size > MAX_JACOBIAN_ENTRIES:
            raise InputError(f"the Jacobian has {size:,} entries: at most {MAX_JACOBIAN_ENTRIES:,} are computed")
        rows = []
        for source in sources:
            shape = self._forward(source).shape
            for unit in np.eye(math.prod(shape)):
                self._backward(unit.reshape(shape))
                rows.append(self.gradients(inputs))
        return np.array(rows)

    # NumPy's warnings are off because numbers that are not finite are reported as errors.

    def _forward(self, output: Node) -> Array:
        with np.errstate(all="ignore"):
            return self.graph.forward(output, *self.graph.nodes)

    def _backward(self, upstream: Array) -> None:
        with np.errstate(all="ignore"):
            self.graph.backward(upstream)
        for node in reversed(self.nodes):
            if self.graph.has_gradient(node):
                self._require_finite(node, self.graph.gradient(node.name), "gradient")

    def _require_finite(self, node: Node, array: Array, what: str) -> None:
        wrong = array[~np.isfinite(array)]
        if wrong.size:
            of = f"{node.gate or 'given'}, {node.name}"
            raise self.text.error(
                self.places[node], f"the {what} of this ({of}) is {wrong[0]}: it overflows or is not defined here"
            )
