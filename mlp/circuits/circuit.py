"""A circuit: a graph made from an expression, run both ways, each gradient beside the numeric one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mlp.circuits.source_text import Text
from mlp.gates import Array
from mlp.gradient_check import DIRECTIONS, ArrayCheck, check_directions, numeric_gradients
from mlp.graph import ComputationalGraph
from mlp.node import Node
from mlp.system.errors import InputError

MOST_NUMERIC = 400
"""Numbers in an array, up to which each has a numeric gradient; a larger one is compared along directions."""
MOST_ENTRIES = 10_000
"""Of a Jacobian."""


@dataclass(frozen=True)
class Numeric:
    """A node's numeric gradient, None where it is too large to take each element's, and the comparison."""

    gradient: Array | None
    check: ArrayCheck


@dataclass(frozen=True)
class Circuit:
    """A graph made from text, and the character of the text at which each node stands."""

    graph: ComputationalGraph
    output: Node
    text: Text
    places: Mapping[Node, int]

    @property
    def nodes(self) -> list[Node]:
        """What has a name: all but the constants."""
        return [node for node in self.graph.nodes if not node.constant]

    def node(self, name: str) -> Node:
        """The node of that name; InputError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise InputError(
            f"there is no {name!r} in the expression: it has {', '.join(node.name for node in self.nodes)}"
        )

    def gradient(self, node: Node) -> Array | None:
        """A node's gradient in the latest pass: zeros where no way leads to the output, None for a class index."""
        if self.graph.has_gradient(node):
            return self.graph.gradient(node.name)
        return None if node in self.graph.class_indices else np.zeros_like(self.graph.value(node.name))

    def gradients(self, names: Sequence[str]) -> Array:
        """The gradients of several nodes in one row; InputError for a class index, which has none."""
        rows = []
        for name in names:
            gradient = self.gradient(self.node(name))
            if gradient is None:
                raise InputError(f"{name} is a class index: there is no derivative of it, nor with respect to it")
            rows.append(gradient.reshape(-1))
        return np.concatenate(rows)

    def run(self, upstream: ArrayLike = 1.0) -> None:
        """Forward, then backward from ``upstream``, which broadcasts to the output's shape.

        InputError where a value or a gradient is not finite, naming the first on its way.
        """
        graph = self.graph
        shape = self._forward(self.output).shape
        try:
            upstream = np.broadcast_to(np.asarray(upstream, float), shape)
        except ValueError:
            raise InputError(
                f"the upstream gradient has shape {np.shape(upstream)}, it does not fit the output "
                f"{self.output.name} of shape {shape}"
            ) from None
        for node in graph.nodes:
            self._require_finite(node, graph.value(node.name), "value")
        self._backward(upstream)

    def numeric(self, upstream: ArrayLike = 1.0) -> dict[Node, Numeric]:
        """The numeric gradient of each named node that the latest pass gave a gradient.

        Where a node is moved off what its gates take, a logarithm below 0 say, it is not a number.
        """
        graph = self.graph
        reached = [node for node in self.nodes if graph.has_gradient(node)]
        small = [node for node in reached if graph.value(node.name).size <= MOST_NUMERIC]
        large = [node for node in reached if graph.value(node.name).size > MOST_NUMERIC]
        with np.errstate(all="ignore"):  # nan and inf are shown as such
            elements = numeric_gradients(graph, [node.name for node in small], upstream)
            found = {node: Numeric(*one) for node, one in zip(small, elements, strict=True)}
            random = np.random.default_rng(0)
            checks = check_directions(graph, [node.name for node in large], DIRECTIONS, random, upstream)
            found |= {node: Numeric(None, check) for node, check in zip(large, checks, strict=True)}
        self.run(upstream)
        return found

    def jacobian(self, outputs: Sequence[str], inputs: Sequence[str]) -> Array:
        """The derivatives of the outputs' elements, a row each, with respect to the inputs' elements, a column each.

        A row is a backward pass from its output. The latest pass is another one then: ``run`` again for the old.
        InputError where a name is none of the circuit's or a class index, the matrix too large, or an entry not
        finite.
        """
        sources, columns = [self.node(name) for name in outputs], [self.node(name) for name in inputs]
        size = math.prod(sum(self.graph.value(node.name).size for node in nodes) for nodes in (sources, columns))
        if size > MOST_ENTRIES:
            raise InputError(f"the Jacobian has {size:,} entries, at most {MOST_ENTRIES:,} are worked out")
        rows = []
        for source in sources:
            shape = self._forward(source).shape
            for unit in np.eye(math.prod(shape)):
                self._backward(unit.reshape(shape))
                rows.append(self.gradients(inputs))
        return np.array(rows)

    # What leaves the finite numbers is not passed over, but reported as an error.

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
                self.places[node], f"the {what} of this ({of}) is {wrong[0]}: it overflows or is undefined here"
            )
