"""A graph of gates: run forward, then backward, with gradients added up where a value fans out.

A node is made from nodes that exist already, so the list of nodes is in topological order by
construction, and a pass is one loop over it, forwards or backwards: no sorting and no recursion.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mlp.gates import Array, Gate, Shape
from mlp.node import Node, ancestors, backward_order
from mlp.plan import Plan

PLANS_KEPT = 8
"""Shapes that a graph keeps memory for: training needs its batch and the short last one, evaluation as many."""
BYTES_KEPT = 256 << 20
"""Of that memory; where it would be more, the oldest is given up, but for the newest shape's."""


class ComputationalGraph:
    """Nodes in topological order, and their values and gradients in the latest pass.

        graph = ComputationalGraph()
        x, y, z = graph.leaf("x", -2), graph.leaf("y", 5), graph.leaf("z", -4)
        q = graph.apply(Add(), x, y, name="q")
        f = graph.apply(Multiply(), q, z, name="f")
        graph.forward()         # -12.0
        graph.backward()
        graph.gradient("x")     # -4.0

    Every value has the graph's one precision, float32 or float64.
    """

    def __init__(self, precision: DTypeLike = np.float64):
        self.precision = np.dtype(precision)
        if self.precision not in (np.float32, np.float64):
            raise ValueError(f"the precision must be float32 or float64, not {self.precision}")
        self.nodes: list[Node] = []
        self._by_name: dict[str, Node] = {}
        self._given: dict[Node, tuple[Array, Array | None]] = {}
        self._inputs: set[Node] = set()
        self._unnamed = 0
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._latest: Plan | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What pickle and copy.deepcopy take: not the plans, whose arrays are views of each other only where they are.

        A copy has to run forward before it can be asked for a value.
        """
        return self.__dict__ | {"_plans": {}, "_latest": None}

    def __copy__(self) -> "ComputationalGraph":
        """As copy.deepcopy: a graph that shares nodes with another would grow with it."""
        return copy.deepcopy(self)

    def leaf(self, name: str, value: ArrayLike, *, gradient: Array | None = None, wanted: bool = True) -> Node:
        """A leaf that holds a value: a number, or an array of any shape.

        An array of the graph's precision, in C order, is used where it lies, not copied: what is written
        into it counts in the next pass. ``gradient``, an array of the same shape and precision, is where its
        gradient shall be written; ``wanted=False`` leaves the gradient out.
        """
        array = np.asarray(value, dtype=self.precision, order="C")
        if gradient is not None:
            if (gradient.shape, gradient.dtype) != (array.shape, array.dtype):
                raise ValueError(f"the gradient's array is {gradient.dtype} {gradient.shape}, not as {name} itself")
            if not gradient.flags.c_contiguous:
                raise ValueError(f"the gradient's array for {name} is not in C order")
        node = self._add(name, None, (), wanted)
        self._given[node] = (array, gradient)
        return node

    def constant(self, text: str, value: ArrayLike) -> Node:
        """A leaf without a name of its own, ``text`` standing for it; nobody wants its gradient."""
        node = self._add(text, None, (), wanted=False, constant=True)
        self._given[node] = (np.asarray(value, dtype=self.precision, order="C"), None)
        return node

    def input(self, name: str, *, wanted: bool = False) -> Node:
        """A leaf whose value, of any shape, is given to every ``forward(name=value)``."""
        node = self._add(name, None, (), wanted)
        self._inputs.add(node)
        return node

    def apply(self, gate: Gate, *inputs: Node, name: str | None = None, wanted: bool = False) -> Node:
        """A node for the gate's output; without a name it gets the next free one of z1, z2, ...

        ``wanted`` asks for its gradient; else it is wanted where an input's is.
        """
        for node in inputs:
            if not (node.index < len(self.nodes) and self.nodes[node.index] is node):
                raise ValueError(f"{node} is a node of another graph")
        if len(inputs) != gate.arity():
            raise ValueError(f"{gate.name} takes {gate.arity()} inputs, not {len(inputs)}")
        on_the_way = any(node.wanted for position, node in enumerate(inputs) if position not in gate.indices)
        return self._add(self._free_name() if name is None else name, gate, inputs, wanted or on_the_way)

    def forward(self, output: Node | None = None, /, *also: Node, **inputs: ArrayLike) -> Array:
        """Run the gates that the output needs (default: the last node) and return its value.

        ``also`` are nodes to compute beside it; ``backward`` starts from the output alone. Each input that
        they need is copied into the graph's own memory of that shape. ValueError where one is missing or of
        no use, or where shapes do not fit. The array returned is the graph's own and changes with its next pass.
        """
        self._latest = None
        return self.run(self._fed_plan(output, also, inputs))

    def plan(self, output: Node, /, *also: Node, **shapes: Shape) -> Plan:
        """What ``forward`` runs for inputs of these shapes, made once: its ``values`` are where inputs are copied to.

        Whoever fills these and calls ``run`` saves the copy and the looking up.
        """
        return self._plan(output, also, shapes)

    def run(self, plan: Plan) -> Array:
        """``forward`` by a plan of this graph, on what its inputs' memory holds."""
        self._latest = None
        value = plan.forward()
        self._latest = plan
        return value

    def evaluate(self, output: Node | None = None, /, **inputs: ArrayLike) -> Array:
        """As ``forward``, but aside: ``backward``, ``value`` and ``gradient`` go on speaking of the pass before."""
        return self._fed_plan(output, (), inputs, aside=True).forward()

    def repeat(self, changed: str | None = None) -> Array:
        """Repeat the latest forward pass on what its leaves hold now.

        Where one node's value alone was changed since, naming it runs the gates from its first use on: what a
        gate had computed stays as it was changed.
        """
        return self._latest_plan().forward(None if changed is None else self._node(changed))

    def backward(self, upstream: ArrayLike = 1.0) -> None:
        """Fill the gradients of the latest pass: the derivatives of sum(upstream * output).

        ``upstream`` broadcasts to the output's shape. Calling it again gives the same gradients.
        """
        self._latest_plan().backward(upstream)

    def value(self, name: str) -> Array:
        """A node's value in the latest pass; ValueError where the pass did not need it."""
        value = self._latest_plan().values.get(self._node(name))
        if value is None:
            raise ValueError(f"the latest pass did not need {name}")
        return value

    def gradient(self, name: str) -> Array:
        """A node's gradient in the latest pass; ValueError before ``backward``, or where it has none.

        It has none where nobody asked for it, where no way leads from it to the output, or where every way
        passes through a class index. The array is the graph's own, and where a gate only hands a gradient on it is
        another node's as well: copy it before you write to it.
        """
        if not self._latest_plan().went_back:
            raise ValueError("there was no backward pass yet after the latest forward pass")
        gradient = self._latest_plan().gradients.get(self._node(name))
        if gradient is None:
            raise ValueError(f"{name} has no gradient: nobody asked for it, or nothing leads from it to the output")
        return gradient

    def has_gradient(self, node: Node) -> bool:
        """Whether the latest ``backward`` reached the node."""
        return self._latest_plan().went_back and node in self._latest_plan().gradients

    def contribution(self, node: Node, position: int) -> Array:
        """What a gate's node sent back to one of its inputs in the latest ``backward``, before it is added up."""
        if node.gate is None or not self.has_gradient(node):
            raise ValueError(f"nothing goes back through {node}")
        return self._latest_plan().contribution(node, node.gate, position)

    @property
    def has_run(self) -> bool:
        """Whether there was a forward pass, to speak of."""
        return self._latest is not None

    def latest(self) -> Iterator[tuple[Gate | None, str, Array]]:
        """Every array of the latest passes in the order of their making: the gate that made it, its name, itself.

        First the values, None being the gate of a leaf; then, after ``backward``, the gradients, dA that of A.
        """
        plan = self._latest_plan()
        for node, value in plan.values.items():
            yield node.gate, node.name, value
        for _, gate, flows in backward_order(list(plan.values), plan.output) if plan.went_back else ():
            for flow in flows:
                if flow is not None:
                    yield gate, f"d{flow.source.name}", plan.gradients[flow.source]

    @property
    def class_indices(self) -> set[Node]:
        """What some gate takes for a class index."""
        return {node.inputs[k] for node in self.nodes if node.gate is not None for k in node.gate.indices}

    def _add(
        self, name: str, gate: Gate | None, inputs: tuple[Node, ...], wanted: bool, constant: bool = False
    ) -> Node:
        if name in self._by_name:
            raise ValueError(f"the graph has a node {name} already")
        node = Node(len(self.nodes), name, gate, inputs, wanted, constant)
        self.nodes.append(node)
        self._by_name[name] = node
        return node

    def _free_name(self) -> str:
        """The next of z1, z2, ... that no node has."""
        while True:
            self._unnamed += 1
            if (name := f"z{self._unnamed}") not in self._by_name:
                return name

    def _node(self, name: str) -> Node:
        if name not in self._by_name:
            raise ValueError(f"the graph has no node {name}")
        return self._by_name[name]

    def _latest_plan(self) -> Plan:
        if self._latest is None:
            raise ValueError("there was no forward pass yet")
        return self._latest

    def _fed_plan(
        self, output: Node | None, also: tuple[Node, ...], inputs: Mapping[str, ArrayLike], aside: bool = False
    ) -> Plan:
        """The plan for this output and inputs of these shapes, with the inputs in its memory."""
        if not self.nodes:
            raise ValueError("the graph is empty")
        shapes = {name: np.shape(value) for name, value in inputs.items()}
        plan = self._plan(output or self.nodes[-1], also, shapes, aside)
        for name, value in inputs.items():
            plan.values[self._by_name[name]][...] = value
        return plan

    def _plan(self, output: Node, also: tuple[Node, ...], shapes: Mapping[str, Shape], aside: bool = False) -> Plan:
        """The plan for these outputs and input shapes, made once and kept while it is among the newest."""
        key = (output, also, aside, *shapes.items())
        if key not in self._plans:
            nodes, leaves = ancestors(output, *also), dict(self._given)
            for name, shape in shapes.items():
                if self._node(name) not in self._inputs.intersection(nodes):
                    raise ValueError(f"{name} is not an input of {output.name}")
                leaves[self._node(name)] = (np.empty(shape, self.precision), None)
            plan = Plan(nodes, output, leaves, self.precision)
            self._plans[key] = plan
            while len(self._plans) > PLANS_KEPT or (len(self._plans) > 1 and self._bytes_kept() > BYTES_KEPT):
                del self._plans[next(iter(self._plans))]
        return self._plans[key]

    def _bytes_kept(self) -> int:
        """Of the plans' own memory; what leaves were given is theirs who gave it."""
        return sum(
            array.nbytes
            for plan in self._plans.values()
            for arrays in (plan.values, plan.gradients)
            for node, array in arrays.items()
            if node not in self._given
        )
