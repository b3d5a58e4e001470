"""A graph of gates, run forward and then backward; gradients add up where a value fans out.

The inputs of a node exist before it, so the list of nodes is in topological order by construction. A pass
is one loop over it, forwards or backwards, without sorting or recursion.
"""

from __future__ import annotations  # as in mlp.library.circuit

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mlp.gates import Array, Gate, Shape
from mlp.node import Node, ancestors, backward_order
from mlp.plan import Plan
from mlp.trace import Formula, Formulas

MAX_PLANS = 8
"""A graph keeps this many plans: training and evaluation need two each, for the batch and the short last one."""
MAX_PLAN_BYTES = 256 << 20
"""If its plans hold more memory, a graph drops the oldest ones, but never the newest."""

MAX_NAME_CHARACTERS = 40
"""A constant is named by its numbers if their text is not longer."""
MAX_NAMES_SHOWN = 20
"""``repr`` names the first nodes only."""


class ComputationalGraph:
    """Nodes in topological order, and their values and gradients in the latest pass.

        graph = ComputationalGraph()
        x, y, z = graph.leaf("x", -2), graph.leaf("y", 5), graph.leaf("z", -4)
        q = x + y               # or graph.apply(Add(), x, y, name="q")
        f = q * z
        f.forward()             # -12.0
        f.backward()
        x.gradient              # -4.0

    Every value has the graph's one precision, float32 or float64. A node keeps its graph alive. With
    ``kept_by_nodes=False`` it does not: keep the graph yourself, and its memory is free as soon as you drop it.
    """

    def __init__(self, precision: DTypeLike = np.float64, *, kept_by_nodes: bool = True):
        self.precision = np.dtype(precision)
        if self.precision not in (np.float32, np.float64):
            raise ValueError(f"the precision must be float32 or float64, not {self.precision}")
        self._reference = (lambda: self) if kept_by_nodes else ref(self)
        self.formulas = Formulas(self.precision)
        self.nodes: list[Node] = []
        self._by_name: dict[str, Node] = {}
        self._given: dict[Node, tuple[Array, Array | None]] = {}
        self._inputs: set[Node] = set()
        self._unnamed = 0
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._latest: Plan | None = None

    def __getstate__(self) -> dict[str, Any]:
        """The state for pickle and copy.deepcopy, without plans, whose arrays would no longer be views of each other.

        A copy has no values until it has run forward.
        """
        return self.__dict__ | {"_plans": {}, "_latest": None, "_reference": None, "formulas": Formulas(self.precision)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._reference = lambda: self
        for node in self.nodes:
            node.__dict__["graph_reference"] = self._reference

    def __copy__(self) -> ComputationalGraph:
        """A deep copy: two graphs that share nodes would change each other."""
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        names = ", ".join(node.name for node in self.nodes[:MAX_NAMES_SHOWN])
        more = ", ..." * (len(self.nodes) > MAX_NAMES_SHOWN)
        return f"ComputationalGraph({len(self.nodes)} nodes{': ' * bool(names)}{names}{more})"

    def _repr_html_(self) -> str:
        from mlp.library import display

        return display.html(self)

    def _repr_svg_(self) -> str | None:
        from mlp.library import display

        return display.svg(self)

    def leaf(self, name: str, value: ArrayLike, *, gradient: Array | None = None, needs_gradient: bool = True) -> Node:
        """A leaf that holds a value: a number, or an array of any shape.

        An array of the graph's precision, in C order, is used itself, not copied: the next pass sees what you
        write into it. The gradient is written into ``gradient``, an array of the same shape and precision, if you
        give one; with ``needs_gradient=False`` it is not computed.
        """
        array = np.asarray(value, dtype=self.precision, order="C")
        if gradient is not None:
            if (gradient.shape, gradient.dtype) != (array.shape, array.dtype):
                raise ValueError(
                    f"the gradient's array for {name} is {gradient.dtype} {gradient.shape}, "
                    f"it must be {array.dtype} {array.shape}"
                )
            if not gradient.flags.c_contiguous:
                raise ValueError(f"the gradient's array for {name} is not in C order")
        node = self._add(name, None, (), needs_gradient)
        self._given[node] = (array, gradient)
        return node

    def constant(self, text: str, value: ArrayLike) -> Node:
        """A leaf that is a literal, named by its source text; its gradient is not computed. The numbers are copied."""
        node = self._add(text, None, (), needs_gradient=False, constant=True)
        self._given[node] = (np.array(value, dtype=self.precision, order="C"), None)
        return node

    def input(self, name: str, *, needs_gradient: bool = False) -> Node:
        """A leaf whose value, of any shape, is given in each ``forward(name=value)``."""
        node = self._add(name, None, (), needs_gradient)
        self._inputs.add(node)
        return node

    def apply(
        self, gate: Gate, *inputs: Node | ArrayLike, name: str | None = None, needs_gradient: bool = False
    ) -> Node:
        """A node for the gate's output; without a name it gets the next free one of z1, z2, ...

        Numbers and arrays become constants. Its gradient is computed if an input's gradient is, or with
        ``needs_gradient``.
        """
        if not isinstance(gate, Gate):
            raise TypeError(f"apply takes a gate, such as Add(), not {gate!r}")
        nodes = tuple(map(self.as_node, inputs))
        for node in nodes:
            if not (node.index < len(self.nodes) and self.nodes[node.index] is node):
                raise ValueError(f"{node} is a node of another graph")
        gate.check_count(len(nodes))
        leads_to_one = any(node.needs_gradient for position, node in enumerate(nodes) if position not in gate.indices)
        name = self._free_name() if name is None else name
        return self._add(name, gate, nodes, needs_gradient or leads_to_one)

    def forward(self, output: Node | Plan | None = None, /, *others: Node, **inputs: ArrayLike) -> Array:
        """Run the gates that the output needs (default: the last node) and return its value.

        The values of ``others`` are computed too, but ``backward`` starts from the output alone. Each input is
        copied into the graph's own memory. With a plan instead of an output, its inputs must be filled already.

        Raises ValueError if an input is missing or not needed, or if shapes do not fit. The array returned belongs
        to the graph and changes in the next pass.
        """
        self._latest = None
        plan = output if isinstance(output, Plan) else self._filled_plan(output, others, inputs)
        value = plan.forward()
        self._latest = plan
        return value

    def plan(self, output: Node, /, *others: Node, **shapes: Shape) -> Plan:
        """The plan that ``forward`` runs for inputs of these shapes, kept for the next call.

        Fill the inputs in its ``values`` and run ``forward`` with it: this saves a copy and a look-up. The plan's own
        ``forward`` does not become the latest pass, to which ``backward``, ``value`` and ``gradient`` belong.
        """
        return self.plan_with({}, (output, *others), shapes)

    def plan_with(
        self, leaves: Mapping[Node, tuple[Array, Array | None]], outputs: Sequence[Node], shapes: Mapping[str, Shape]
    ) -> Plan:
        """Like ``plan``, but some leaves have these arrays for their value and gradient, of any shape that fits."""
        arrays = ((leaf, id(value), id(gradient)) for leaf, (value, gradient) in leaves.items())
        key = (*outputs, *shapes.items(), *arrays)
        if key not in self._plans:
            nodes, given = ancestors(*outputs), {**self._given, **leaves}
            for name, shape in shapes.items():
                if self.node(name) not in self._inputs.intersection(nodes):
                    cure = ": it is a leaf, whose value you can set" if self.node(name) in self._given else ""
                    raise ValueError(f"{name} is not an input of {outputs[0].name}{cure}")
                given[self.node(name)] = (np.empty(shape, self.precision), None)
            self._plans[key] = Plan(nodes, outputs[0], given, self.formulas)
            while len(self._plans) > MAX_PLANS or (len(self._plans) > 1 and self._plan_bytes() > MAX_PLAN_BYTES):
                del self._plans[next(iter(self._plans))]
        return self._plans[key]

    @property
    def latest_plan(self) -> Plan:
        """The plan of the latest forward pass, which can run it again. Raises ValueError if there was no pass."""
        if self._latest is None:
            raise ValueError("there was no forward pass yet, or the latest one failed")
        return self._latest

    def backward(self, upstream: ArrayLike = 1.0, *, output: Node | None = None) -> None:
        """Fill the gradients of the latest pass: the derivatives of sum(upstream * output).

        ``upstream`` broadcasts to the output's shape. A second call gives the same gradients. Raises ValueError if
        there was no forward pass, or if the latest one had another output than ``output``.
        """
        plan = self.latest_plan
        if output is not None and output is not plan.output:
            latest = f"the latest forward pass was that of {plan.output.name}"
            raise ValueError(f"{latest}: run forward() of {output.name} before its backward()")
        plan.backward(upstream)

    def node(self, name: str) -> Node:
        """The node of this name. Raises ValueError if there is no such node."""
        if name not in self._by_name:
            raise ValueError(f"the graph has no node {name}")
        return self._by_name[name]

    def value(self, name: str) -> Array:
        """A node's value in the latest pass, or a leaf's value. Raises ValueError if the pass did not need it."""
        node = self.node(name)
        if node in self._given and (self._latest is None or node not in self._latest.values):
            return self._given[node][0]
        if node not in self.latest_plan.values:
            raise ValueError(f"the latest pass did not need {name}")
        return self.latest_plan.values[node]

    def gradient(self, name: str) -> Array:
        """A node's gradient in the latest pass. Raises ValueError before ``backward``, or if the node has no gradient.

        A node has a gradient if it needs one and the output depends on it, not only through class indices.
        The array belongs to the graph, and several nodes share it if a gate passes its gradient on unchanged:
        copy it before you write to it.
        """
        if not self.latest_plan.has_gradients:
            raise ValueError("there was no backward pass yet after the latest forward pass")
        gradient = self.latest_plan.gradients.get(self.node(name))
        if gradient is None:
            raise ValueError(f"{name} has no gradient: it does not need one, or the output does not depend on it")
        return gradient

    def has_gradient(self, node: Node) -> bool:
        """Whether the latest ``backward`` reached the node."""
        return self.latest_plan.has_gradients and node in self.latest_plan.gradients

    def contribution(self, node: Node, position: int) -> Array:
        """The gradient that a node sent to one of its inputs in the latest ``backward``, before it was added up."""
        if node.gate is None or not self.has_gradient(node):
            raise ValueError(f"no gradient flows back through {node}")
        values = [self.value(one.name) for one in (node, *node.inputs)]
        return np.asarray(node.gate.checked_backward(self.gradient(node.name), *values)[position])

    def formula(self, node: Node) -> Formula:
        """The formula of a node's gate, for the shapes of the latest forward pass."""
        return self.latest_plan.formulas[node]

    @property
    def has_run(self) -> bool:
        """Whether there is a latest forward pass."""
        return self._latest is not None

    def latest(self) -> Iterator[tuple[Gate | None, str, Array]]:
        """Every array of the latest passes, in the order of computation, with its name and the gate that computed it.

        First the values, where a leaf's gate is None; then, after ``backward``, the gradients, named dA for A.
        """
        plan = self.latest_plan
        for node, value in plan.values.items():
            yield node.gate, node.name, value
        for _, gate, edges in backward_order(list(plan.values), plan.output) if plan.has_gradients else ():
            for edge in edges:
                if edge is not None:
                    yield gate, f"d{edge.source.name}", plan.gradients[edge.source]

    def as_node(self, value: Node | ArrayLike) -> Node:
        """A node as it is; for a number or an array a constant, the same one for the same numbers if they are few.

        Raises TypeError for anything else.
        """
        if isinstance(value, Node):
            return value
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{value!r} is neither a node nor real numbers")
        text = repr(array.astype(self.precision).tolist())
        if len(text) > MAX_NAME_CHARACTERS or not array.size:  # the text of an empty array does not show its shape
            text = f"array {array.shape} #{len(self.nodes)}"
        known = self._by_name.get(text)
        return known if known is not None and known.constant else self.constant(text, array)

    def describe(self, node: Node) -> str:
        """A node in one line: how it is computed and, after a pass, its value and gradient."""
        inputs = ", ".join(source.name for source in node.inputs)
        text = f"{node.name} = {node.gate}({inputs})" if node.gate else node.name
        value = self._latest.values.get(node) if self._latest else None
        if value is not None:
            text += f": {_brief(value)}"
            if self.has_gradient(node):
                text += f", gradient {_brief(self.gradient(node.name))}"
        return f"<{text}>"

    @property
    def class_indices(self) -> set[Node]:
        """The nodes that a gate uses as class indices."""
        return {node.inputs[k] for node in self.nodes if node.gate is not None for k in node.gate.indices}

    def _add(
        self, name: str, gate: Gate | None, inputs: tuple[Node, ...], needs_gradient: bool, constant: bool = False
    ) -> Node:
        if name in self._by_name:
            raise ValueError(f"the graph already has a node {name}")
        node = Node(len(self.nodes), name, gate, inputs, needs_gradient, self._reference, constant)
        self.nodes.append(node)
        self._by_name[name] = node
        return node

    def _free_name(self) -> str:
        """The next of z1, z2, ... that is not taken."""
        while True:
            self._unnamed += 1
            if (name := f"z{self._unnamed}") not in self._by_name:
                return name

    def _filled_plan(self, output: Node | None, others: tuple[Node, ...], inputs: Mapping[str, ArrayLike]) -> Plan:
        """The plan for this output and inputs of these shapes, with the inputs in its memory."""
        if not self.nodes:
            raise ValueError("the graph is empty")
        shapes = {name: np.shape(value) for name, value in inputs.items()}
        plan = self.plan(output or self.nodes[-1], *others, **shapes)
        for name, value in inputs.items():
            plan.values[self._by_name[name]][...] = value
        return plan

    def _plan_bytes(self) -> int:
        """The memory of the plans, without the leaves' arrays."""
        return sum(
            array.nbytes
            for plan in self._plans.values()
            for arrays in (plan.values, plan.gradients)
            for node, array in arrays.items()
            if node not in self._given
        )


def _brief(array: Array) -> str:
    """A number, or the shape of an array."""
    return f"{array.item():.6g}" if not array.ndim else f"array {array.shape}"
