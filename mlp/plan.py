"""The plan of a graph's two passes for fixed shapes: the gates' formulas as NumPy calls, bound once to their memory.

Gates are written plainly; what makes their passes fast is here. A pass is a loop over calls without look-ups,
allocations or decisions. What nobody needs is left out, what occurs twice is computed once, in both passes together,
temporary arrays are written over, and a gradient that a gate hands on unchanged is not copied.

A training step uses the ``Binder`` for formulas of its own (``mlp.training.step``), because it needs fewer arrays.
docs/performance.md lists its calls.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mlp.gates import Array, Shape
from mlp.losses import Operation
from mlp.node import Node, backward_order
from mlp.trace import Formula, Formulas, Term, reshape

Call = Callable[[], object]

OUT_BY_KEYWORD = (np.minimum, np.maximum)
"""Ufuncs whose output NumPy 2.4 and newer take only by keyword."""
MAX_FILLED_ELEMENTS = 1 << 17
"""NumPy's minimum of an array and a number is slow: up to this size, an array is filled with the number instead."""
CACHE_LINE = 64
"""In bytes. An update of arrays that begin elsewhere can take a quarter longer."""
MAX_TERMS = 1 << 14
"""Longer sums along rows are left to NumPy, which adds pairwise: a product adds thousands one after the other."""
VIEWS = (np.transpose, reshape, np.broadcast_to)
"""Functions that compute nothing: they give the same numbers another shape."""
POWERS: dict[float | None, Callable[..., object]] = {2: np.square, 1: np.positive, 0.5: np.sqrt, -1: np.reciprocal}
"""What computes ``A**k`` faster than np.power."""


class Plan:
    """The memory and the bound calls of one forward and backward pass."""

    def __init__(
        self,
        nodes: Sequence[Node],
        output: Node,
        leaves: Mapping[Node, tuple[Array, Array | None]],
        formulas: Formulas,
    ):
        self.output = output
        self.values: dict[Node, Array] = {}
        self.gradients: dict[Node, Array] = {}
        self.formulas: dict[Node, Formula] = {}
        """The formula of each node that has a gate."""
        self.backward_calls: list[Call] | None = None
        """None until the first backward pass binds them."""
        self.has_gradients = False
        """Whether the gradients belong to the latest forward pass."""
        self._leaves = leaves
        self._first_use: dict[Node, int] = {}
        self._binder = Binder(formulas.precision)
        self.forward_calls = self._binder.calls
        for node in nodes:
            if node.gate is None:
                if node not in leaves:
                    raise ValueError(f"{output.name} needs a value for the input {node.name}")
                self.values[node] = leaves[node][0]
                continue
            for source in node.inputs:
                self._first_use.setdefault(source, len(self.forward_calls))
            inputs = [self.values[source] for source in node.inputs]
            formula = self.formulas[node] = formulas.of(node.gate, *(value.shape for value in inputs))
            self.values[node] = np.empty(formula.value.shape, formulas.precision)
            self._binder.enter(dict(zip(formula.symbols, inputs, strict=False)), formula.uses)
            self._binder.write_value(formula.value, self.values[node])

    def __repr__(self) -> str:
        return f"Plan({self.output.name}: {len(self.values)} nodes, {len(self.forward_calls)} forward calls)"

    def forward(self, changed: Node | None = None) -> Array:
        """Run all gates; if only one node's value was changed, as in a gradient check, those from its first use on."""
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
        binder, output = self._binder, self.output
        binder.calls = []
        binder.known |= binder.values  # from here on what the forward pass has computed may be read
        order = list(backward_order(list(self.values), output))
        arrivals = Counter(edge.source for *_, edges in order for edge in edges if edge is not None)
        self.gradients[output] = self._gradient_memory(output)
        for node, _, edges in order:
            formula, dC = self.formulas[node], self.gradients[node]
            inputs = [self.values[source] for source in node.inputs]
            binder.enter(dict(zip(formula.symbols, [*inputs, self.values[node], dC], strict=True)), formula.uses)
            for edge, gradient in zip(edges, formula.gradients, strict=True):
                if edge is None or gradient is None:
                    continue
                source = edge.source
                if not edge.first:
                    binder.add(gradient, self.gradients[source])
                elif gradient is formula.upstream and arrivals[source] == 1 and self._given(source) is None:
                    self.gradients[source] = dC  # handed on: both are one array
                else:
                    self.gradients[source] = self._gradient_memory(source)
                    binder.write(gradient, self.gradients[source])
        return binder.calls

    def _gradient_memory(self, node: Node) -> Array:
        """The array that holds a node's gradient: the one given with a leaf, or a new one."""
        given = self._given(node)
        return np.empty_like(self.values[node]) if given is None else given

    def _given(self, node: Node) -> Array | None:
        return self._leaves[node][1] if node in self._leaves else None


class Binder:
    """Turns terms of formulas into calls, one formula after the other."""

    def __init__(self, precision: np.dtype[Any], *, sums_by_products: bool = True):
        self.calls: list[Call] = []
        self.known: dict[int, Array] = {}
        """Arrays by the number of their expression: it is computed already, and is read where it occurs again."""
        self.values: dict[int, Array] = {}
        """The same for the values of nodes. They become known when the backward pass is bound: in the forward pass a
        value can be changed and the calls from its first use on run again, so no other gate may read it."""
        self._precision, self._sums_by_products = precision, sums_by_products
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._temporary: dict[int, Array] = {}
        """By their ids, arrays that may be written over, because their value is used once. Kept, so that no other array
        gets the same id."""
        self._free: dict[Shape, list[Array]] = {}
        """Such arrays whose only reader is bound: they hold later results."""

    def __repr__(self) -> str:
        return f"Binder({len(self.calls)} calls, {self._precision})"

    def enter(self, arrays: Mapping[Term, Array], uses: Mapping[Term, int]) -> None:
        """From here on terms are those of one formula: the arrays of its symbols, and how often each term is used."""
        self._arrays, self._uses = arrays, uses
        self._keys = {term: -id(array) for term, array in self._arrays.items()}  # below 0, unlike expressions

    def _key(self, term: Term) -> int:
        """A number for an expression: the same for equal expressions of the same arrays, in any gate."""
        if term not in self._keys:
            number = None if term.number is None else repr(term.number)  # -0.0 equals 0.0
            key = (term.function, term.options, number, *map(self._key, term.arguments))
            self._keys[term] = self._numbers.setdefault(key, len(self._numbers))
        return self._keys[term]

    def write_value(self, term: Term, out: Array) -> None:
        """Compute what a gate's ``forward`` returns into its node's value."""
        is_computed = term.function is not None and term.function not in VIEWS
        self._copy(self._computed(term, out) if is_computed else self._array(term), out)
        if self._uses[term] > 1 or any(argument.arguments for argument in term.arguments):
            self.values[self._key(term)] = out  # a single call that only this gate needs is not worth it

    def write(self, term: Term, out: Array) -> None:
        """Compute a gradient into this array."""
        self._copy(self._array(term, out if self._uses[term] == 1 else None), out)

    def add(self, term: Term, total: Array) -> None:
        """Add a gradient to this array."""
        self._bind(np.add, [total, self._array(term)], total)

    def compute(self, term: Term, out: Array | None = None) -> None:
        """Compute a term now, into ``out`` if given; terms that are bound later find it there."""
        array = self._array(term, out)
        self.known[self._key(term)] = array if out is None else self._copy(array, out)

    def _array(self, term: Term, out: Array | None = None) -> Array:
        """The array that holds a term's value: the one that has it already, or ``out`` if given, or another."""
        if term in self._arrays:
            return self._arrays[term]
        if term.function is None:
            return np.asarray(term.number, self._precision)
        key = self._key(term)
        if key in self.known:
            return self.known[key]
        array = self._view(term) if term.function in VIEWS else self._computed(term, out)
        if self._uses[term] > 1:
            self.known[key] = array
            self._temporary.pop(id(array), None)  # another gate may read it as well
        return array

    def _view(self, term: Term) -> Array:
        """The same numbers in another shape, without a call unless NumPy can only copy them."""
        array, function = self._array(term.arguments[0]), cast("Callable[..., Array]", term.function)
        if function is reshape and not array.flags.c_contiguous:
            array = self._copy(array, np.empty_like(array, order="C"))
        return function(array, **dict(term.options))

    def _computed(self, term: Term, out: Array | None) -> Array:
        """Bind the calls that compute a term, and return the array that they write."""
        function: Any = term.function
        if isinstance(function, np.ufunc) and function is not np.matmul:
            return self._elementwise(term, out)
        out = self._new(term) if out is None else out
        if not isinstance(getattr(function, "__self__", None), np.ufunc):
            arrays = [self._array(argument) for argument in term.arguments]
            if isinstance(function, Operation):
                self.calls.append(partial(function.compute, *arrays, **dict(term.options), out=out))
            elif function is np.where:
                is_true = np.empty(out.shape, bool)
                self._bind(np.not_equal, [arrays[0], np.zeros((), self._precision)], is_true)
                self.calls += [partial(np.copyto, out, arrays[2]), partial(np.copyto, out, arrays[1], where=is_true)]
            else:
                self._product(arrays[0], arrays[1], out, is_outer=function is np.outer)
            self._release(term.arguments, arrays, out)
        elif not self._try_sum_of_squares(term, out):
            self._reduce(term, out)
        return out

    def _elementwise(self, term: Term, out: Array | None) -> Array:
        """A ufunc; it writes over an argument that nothing else needs, if it can."""
        function, arguments = faster(term)
        is_filled = function in OUT_BY_KEYWORD and math.prod(term.shape) <= MAX_FILLED_ELEMENTS
        arrays, is_taken = [], False
        for argument in arguments:
            # In place of an array of one element, NumPy takes three times as long.
            fits = self._uses[argument] == 1 and argument.shape == term.shape and math.prod(term.shape) > 1
            array = self._array(argument, out if fits and not is_taken else None)
            if out is None and fits and id(array) in self._temporary:
                out = array
            is_taken |= array is out
            arrays.append(np.full(term.shape, array) if is_filled and argument.number is not None else array)
        out = self._new(term) if out is None else out
        self._bind(function, arrays, out)
        self._release(arguments, arrays, out)
        return out

    def _product(self, A: Array, B: Array, out: Array, *, is_outer: bool) -> None:
        """A matrix or outer product, by np.dot, which is faster than np.matmul and than broadcasting."""
        A = A[:, np.newaxis] if is_outer else np.atleast_2d(A)
        B = B[np.newaxis] if is_outer else B[:, np.newaxis] if B.ndim == 1 else B
        self._bind(np.dot, [A, B], out.reshape(len(A), B.shape[1]))

    def _try_sum_of_squares(self, term: Term, out: Array) -> bool:
        """Bind a sum of squares as a dot product, which computes no squares; False if the term is another sum."""
        (square,), axis = term.arguments, dict(term.options)["axis"]
        if term.function != np.add.reduce or axis is not None or square.function is not np.power:
            return False
        A = self._array(square.arguments[0])
        if square.arguments[1].number != 2 or not A.flags.c_contiguous:
            return False
        self._bind(np.dot, [A.reshape(-1), A.reshape(-1)], out)
        return True

    def _reduce(self, term: Term, out: Array) -> None:
        """A sum, or another ufunc along axes."""
        array, axis, function = self._array(term.arguments[0]), dict(term.options)["axis"], term.function
        if self._sums_by_products and function == np.add.reduce and self._try_sum_by_product(array, axis, out):
            return
        if function == np.maximum.reduce and axis == 1:
            array, axis = self._copy(array.T, np.empty(array.shape[::-1], array.dtype)), 0  # faster, the copy included
        axes = range(array.ndim) if axis is None else np.atleast_1d(axis)
        narrow = out.reshape([length for k, length in enumerate(array.shape) if k not in axes])
        self.calls.append(partial(cast("Callable[..., object]", function), array, axis, None, narrow))

    def _try_sum_by_product(self, array: Array, axis: Any, out: Array) -> bool:
        """Bind a sum as a product with ones, which takes a third of the time; False if that cannot be."""
        length = array.size if axis is None else array.shape[axis] if array.ndim == 2 and axis in (0, 1) else 0
        is_long_row = axis != 0 and length > MAX_TERMS
        if not length or is_long_row or not array.flags.c_contiguous:
            return False
        ones, total = np.ones(length, array.dtype), out.reshape(-1)
        if axis is None:
            self._bind(np.dot, [array.reshape(-1), ones], out.reshape(()))
        else:
            self._bind(np.dot, [ones, array] if axis == 0 else [array, ones], total)
        return True

    def _new(self, term: Term) -> Array:
        free = self._free.get(term.shape)
        array = free.pop() if free else aligned_empty(term.shape, self._precision)
        if self._uses[term] == 1:
            self._temporary[id(array)] = array
        return array

    def _release(self, terms: Sequence[Term], arrays: Sequence[Array], out: Array) -> None:
        """Let later results be written over these arguments, but for ``out``, if nothing else needs them."""
        for term, array in zip(terms, arrays, strict=True):
            if array is not out and self._uses[term] == 1 and id(array) in self._temporary:
                del self._temporary[id(array)]
                self._free.setdefault(array.shape, []).append(array)

    def _copy(self, array: Array, out: Array) -> Array:
        if array is not out:
            self._bind(np.positive, [array], out)
        return out

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
        self.calls.append(partial(function, *arguments, out=out) if by_keyword else partial(function, *arguments, out))


def aligned_empty(shape: Shape, dtype: DTypeLike, make: Callable[..., Array] = np.empty) -> Array:
    """An array, not filled, that begins at a cache line: NumPy's arrays begin anywhere."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = make(size + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned_zeros(shape: Shape, dtype: DTypeLike) -> Array:
    """An array of zeros that begins at a cache line. It takes no memory until it is written."""
    return aligned_empty(shape, dtype, np.zeros)


def aligned(array: Array) -> Array:
    """A copy of an array that begins at a cache line."""
    copy = aligned_empty(array.shape, array.dtype)
    copy[...] = array
    return copy


def faster(term: Term) -> tuple[Callable[..., object], Sequence[Term]]:
    """The ufunc and the arguments that compute the same in less time."""
    function, first = cast("Callable[..., object]", term.function), term.arguments[0]
    if function is np.power and term.arguments[1].number in POWERS:
        return POWERS[term.arguments[1].number], [first]
    if function is np.divide and first.number == 1:
        return np.reciprocal, [term.arguments[1]]
    return function, term.arguments
