"""The plan of a graph's two passes for fixed shapes: the gates' formulas as NumPy calls, bound once to their memory.

This makes the passes fast, and no gate does: each pass is a loop over calls without look-ups, allocations or decisions.
What nobody needs is left out, what both passes need is computed once, temporary arrays are used again, and a gradient
that a gate hands on unchanged is not copied.
"""

import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from mlp.gates import Array, Operation
from mlp.node import Node, backward_order
from mlp.trace import Formula, Formulas, Term, parts, reshape

Call = Callable[[], object]

OUT_BY_KEYWORD = (np.minimum, np.maximum)
"""Ufuncs whose output NumPy 2.4 and newer take only by keyword."""
MAX_FILLED_ELEMENTS = 1 << 17
"""NumPy's minimum of an array and a number is slow: up to this size, an array is filled with the number instead."""
VIEWS = (np.transpose, reshape, np.broadcast_to)
"""Functions that compute nothing: they give the same numbers another shape."""
POWERS = {2: np.square, 1: np.positive, 0.5: np.sqrt, -1: np.reciprocal}
"""What computes ``A**k`` faster than np.power."""


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
        self.formulas: dict[Node, Formula] = {}
        """The formula of each node that has a gate."""
        self.forward_calls: list[Call] = []
        self.backward_calls: list[Call] | None = None
        """None until the first backward pass binds them."""
        self.has_gradients = False
        """Whether the gradients belong to the latest forward pass."""
        self._leaves = leaves
        self._first_use: dict[Node, int] = {}
        self._backward = list(backward_order(nodes, output))
        self._gates: dict[Node, _GateCalls] = {}
        needed = {node: tuple(edge is not None for edge in edges) for node, _, edges in self._backward}
        formulas, memory = Formulas(precision), _Memory(precision)
        for node in nodes:
            if node.gate is None:
                if node not in leaves:
                    raise ValueError(f"{self.output.name} needs a value for the input {node.name}")
                self.values[node] = leaves[node][0]
                continue
            for source in node.inputs:
                self._first_use.setdefault(source, len(self.forward_calls))
            inputs = [self.values[source] for source in node.inputs]
            formula = self.formulas[node] = formulas.of(node.gate, *(value.shape for value in inputs))
            self.values[node] = np.empty(formula.value.shape, precision)
            self._gates[node] = _GateCalls(formula, needed.get(node, ()), memory)
            self.forward_calls += self._gates[node].forward(inputs, self.values[node])

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

    def _bind_backward(self) -> list[Call]:
        """The backward calls of every gate that has a gradient, and the calls that add up their results."""
        self.gradients[self.output] = self._gradient_memory(self.output)
        arrivals = Counter(edge.source for *_, edges in self._backward for edge in edges if edge is not None)
        bound: list[Call] = []
        for node, _, edges in self._backward:
            formula, calls, dC = self.formulas[node], self._gates[node], self.gradients[node]
            calls.begin_backward(dC)
            for edge, gradient in zip(edges, formula.gradients, strict=True):
                if edge is None or gradient is None:
                    continue
                if not edge.first:
                    calls.add(gradient, self.gradients[edge.source])
                elif gradient is formula.upstream and arrivals[edge.source] == 1 and not self._is_given(edge.source):
                    self.gradients[edge.source] = dC  # handed on: both are one array
                else:
                    self.gradients[edge.source] = self._gradient_memory(edge.source)
                    calls.write(gradient, self.gradients[edge.source])
            bound += calls.finish()
        return bound

    def _gradient_memory(self, node: Node) -> Array:
        """The array that holds a node's gradient: the one given with a leaf, or a new one."""
        given = self._leaves[node][1] if node in self._leaves else None
        return np.empty_like(self.values[node]) if given is None else given

    def _is_given(self, node: Node) -> bool:
        return node in self._leaves and self._leaves[node][1] is not None


@dataclass(frozen=True)
class _Uses:
    """How often the terms of a formula are used, if some of its gradients are needed."""

    forward: Counter[Term]
    backward: Counter[Term]
    kept: frozenset[Term]
    """What the forward pass computes and the backward pass needs, too."""

    @classmethod
    def of(cls, formula: Formula, needed: tuple[bool, ...]) -> "_Uses":
        gradients = [
            gradient for gradient, is_needed in zip(formula.gradients, needed, strict=False) if is_needed and gradient
        ]
        computed = {term for term in parts(formula.value) if term.function is not None and term.function not in VIEWS}
        kept = computed.intersection(parts(*gradients, ends=computed))
        return cls(count_uses([formula.value]), count_uses(gradients, ends=kept), frozenset(kept - {formula.value}))


def count_uses(roots: Sequence[Term], ends: Container[Term] = ()) -> Counter[Term]:
    """How often each term is one of the roots or an argument in them; the parts of ``ends`` do not count."""
    uses = Counter(roots)
    for term in parts(*roots, ends=ends):
        if term not in ends:
            uses.update(term.arguments)
    return uses


class _Memory:
    """What the gates of a plan share: temporary arrays, and who holds which value."""

    def __init__(self, precision: np.dtype[Any]):
        self.precision = precision
        self._uses: dict[tuple[Formula, tuple[bool, ...]], _Uses] = {}
        self._free: dict[tuple[int, bool], list[Array]] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._values: dict[int, Array] = {}

    def uses(self, formula: Formula, needed: tuple[bool, ...]) -> _Uses:
        """The uses of a formula's terms, counted once."""
        if (formula, needed) not in self._uses:
            self._uses[formula, needed] = _Uses.of(formula, needed)
        return self._uses[formula, needed]

    def new(self, term: Term) -> Array:
        """An array for the term's value."""
        return np.empty(term.shape, bool if term.is_bool else self.precision)

    def take(self, term: Term) -> Array:
        """A temporary array for the term's value."""
        free = self._free.get((math.prod(term.shape), term.is_bool))
        return free.pop().reshape(term.shape) if free else self.new(term)

    def release(self, arrays: Iterable[Array]) -> None:
        """Let the calls that follow use these arrays again."""
        for array in arrays:
            self._free.setdefault((array.size, array.dtype == bool), []).append(array)

    def store(self, expression: int, value: Array) -> None:
        """Remember that a node's value is this expression of other nodes' values."""
        self._values[expression] = value

    def find(self, expression: int) -> Array | None:
        """The node's value that equals this expression, if there is one."""
        return self._values.get(expression)

    def number(self, expression: tuple[Any, ...]) -> int:
        """A number for an expression: the same for an equal one."""
        return self._numbers.setdefault(expression, len(self._numbers))


class _GateCalls:
    """The calls of one gate: its formula, bound to the arrays of its inputs, its output and their gradients."""

    def __init__(self, formula: Formula, needed: tuple[bool, ...], memory: _Memory):
        self._formula, self._memory, self._needed = formula, memory, memory.uses(formula, needed)
        self._uses = self._needed.forward
        self._calls: list[Call] = []
        self._arrays: dict[Term, Array] = {}
        """The arrays that hold the terms' values after the calls so far."""
        self._temporary: dict[int, Array] = {}
        self._expressions: dict[Term, int] = {}
        self._is_backward = False

    def forward(self, inputs: Sequence[Array], C: Array) -> list[Call]:
        """The calls of the forward pass, which write C."""
        self._arrays = dict(zip(self._formula.inputs, inputs, strict=True))
        value, symbols = self._formula.value, dict(self._arrays)
        self.write(value, C)
        if value.function is not None:
            self._memory.store(self._expression(value), C)
            symbols[value] = C
        # Other terms are gone when the backward pass runs: their memory was used again.
        self._arrays = symbols | {term: self._arrays[term] for term in self._needed.kept} | {self._formula.output: C}
        return self.finish()

    def begin_backward(self, dC: Array) -> None:
        """From here on ``write`` and ``add`` make calls of the backward pass."""
        self._arrays[self._formula.upstream] = dC
        self._uses, self._is_backward = self._needed.backward, True

    def finish(self) -> list[Call]:
        """The calls since the last time; their temporary arrays are free again."""
        self._memory.release(self._temporary.values())
        self._temporary = {}
        calls, self._calls = self._calls, []
        return calls

    def write(self, term: Term, out: Array) -> None:
        """Compute a term into this array."""
        array = self._value(term, out if self._uses[term] == 1 else None)
        if array is not out:
            self._copy(array, out)

    def add(self, term: Term, total: Array) -> None:
        """Add a term to this array."""
        self._bind(np.add, [total, self._value(term)], total)

    def _value(self, term: Term, out: Array | None = None) -> Array:
        """The array that holds a term's value: where it is already, or ``out`` if that is given, or other memory."""
        if term in self._arrays:
            return self._arrays[term]
        if term.function is None:
            return np.asarray(term.number, bool if term.is_bool else self._memory.precision)
        array = self._memory.find(self._expression(term)) if self._is_backward else None
        if array is None:
            array = self._view(term) if term.function in VIEWS else self._computed(term, out)
        self._arrays[term] = array
        return array

    def _expression(self, term: Term) -> int:
        """The number of the term's expression: equal expressions of the same arrays have the same, in any gate."""
        if term not in self._expressions:
            if term.symbol:
                key: tuple[Any, ...] = ("array", id(self._arrays[term]))
            elif term.function is None:
                key = ("number", repr(term.number))
            else:
                key = (term.function, term.options, *map(self._expression, term.arguments))
            self._expressions[term] = self._memory.number(key)
        return self._expressions[term]

    def _view(self, term: Term) -> Array:
        """The same numbers in another shape, without a call unless NumPy can only copy them."""
        array = self._value(term.arguments[0])
        if term.function is reshape and not array.flags.c_contiguous:
            copy = self._take(term.arguments[0])
            self._copy(array, copy)
            array = copy
        function: Any = term.function
        view: Array = function(array, **dict(term.options))
        return view

    def _computed(self, term: Term, out: Array | None) -> Array:
        """Bind the calls that compute a term."""
        if term in self._needed.kept and not self._is_backward:
            out = self._memory.new(term)
        function: Any = term.function
        if isinstance(function, np.ufunc) and function is not np.matmul:
            return self._elementwise(term, out)
        out = self._take(term) if out is None else out
        if function is np.matmul or function is np.outer:
            self._product(term, out)
        elif function is np.where:
            condition, A, B = map(self._value, term.arguments)
            self._calls += [partial(np.copyto, out, B), partial(np.copyto, out, A, where=condition)]
        elif isinstance(function, Operation):
            arrays = map(self._value, term.arguments)
            self._calls.append(partial(function.compute, *arrays, **dict(term.options), out=out))
        else:
            self._reduce(term, out)
        return out

    def _elementwise(self, term: Term, out: Array | None) -> Array:
        """A ufunc: in place of an argument that nothing else needs, if it can be."""
        function, arguments = faster(term)
        place = out
        arrays = []
        for argument in arguments:
            can_share = self._uses[argument] == 1 and argument.shape == term.shape and argument.is_bool == term.is_bool
            array = self._value(argument, place if can_share else None)
            if array is place:
                place = None  # one argument only
            if can_share and out is None and id(array) in self._temporary:
                out = array
            arrays.append(array)
        out = self._take(term) if out is None else out
        if function in OUT_BY_KEYWORD and out.size <= MAX_FILLED_ELEMENTS:
            arrays = [
                np.full(out.shape, array, out.dtype) if argument.number is not None else array
                for argument, array in zip(arguments, arrays, strict=True)
            ]
        self._bind(function, arrays, out)
        return out

    def _product(self, term: Term, out: Array) -> None:
        """A matrix or outer product; if each of its numbers is one product, by broadcasting."""
        A, B = map(self._value, term.arguments)
        rows, columns = np.atleast_2d(A), B[:, np.newaxis] if B.ndim == 1 else B
        if term.function is np.outer:
            rows, columns = rows.T, columns.T
        out = out.reshape(len(rows), columns.shape[1])
        self._bind(np.multiply if rows.shape[1] == 1 else np.dot, [rows, columns], out)

    def _reduce(self, term: Term, out: Array) -> None:
        """A sum, or another ufunc along axes."""
        (argument,), options = term.arguments, dict(term.options)
        axis, function = options["axis"], cast(Callable[..., object], term.function)
        is_read = argument in self._arrays or argument in self._needed.kept
        if function == np.add.reduce and axis is None and (root := squared(argument)) and not is_read:
            array = self._value(root)
            if array.flags.c_contiguous:
                flat = array.reshape(-1)
                self._bind(np.dot, [flat, flat], out)
                return
        array = self._value(argument)
        if function == np.add.reduce and axis == 0 and array.ndim == 2 and not argument.is_bool:
            # A product with ones takes a third of the time.
            self._bind(np.dot, [np.ones(len(array), array.dtype), array], out.reshape(-1))
            return
        axes = range(array.ndim) if axis is None else np.atleast_1d(axis)
        narrow = out.reshape([length for k, length in enumerate(array.shape) if k not in axes])
        self._calls.append(partial(function, array, axis, None, narrow))

    def _take(self, term: Term) -> Array:
        array = self._memory.take(term)
        self._temporary[id(array)] = array
        return array

    def _copy(self, array: Array, out: Array) -> None:
        self._calls.append(partial(np.copyto, out, array))

    def _bind(self, function: Callable[..., object], arguments: Sequence[Array], out: Array) -> None:
        """``function(*arguments, out=out)`` in the form that NumPy runs fastest, with the same result to the last bit.

        A partial with a keyword builds a dictionary at each call; an array of one element is read fastest with no axes,
        but written fastest with one. On small arrays each of these costs as much as the computation itself.
        """
        if isinstance(function, np.ufunc):
            written = np.atleast_1d(out)
            arguments = [
                written if array is out else array.reshape(()) if array.size == 1 else array for array in arguments
            ]
            out = written
        by_keyword = function in OUT_BY_KEYWORD
        self._calls.append(partial(function, *arguments, out=out) if by_keyword else partial(function, *arguments, out))


def faster(term: Term) -> tuple[Any, Sequence[Term]]:
    """The ufunc and the arguments that compute the same in less time."""
    first, *others = term.arguments
    if term.function is np.power and others[0].number in POWERS and not first.is_bool:
        return POWERS[others[0].number], [first]
    if term.function is np.divide and first.number == 1 and not others[0].is_bool:
        return np.reciprocal, others
    return term.function, term.arguments


def squared(term: Term) -> Term | None:
    """A, if the term is A**2 of floats."""
    if term.function is not np.power or term.arguments[1].number != 2 or term.arguments[0].is_bool:
        return None
    return term.arguments[0]
