"""Tracing: a gate's passes run once on arrays without numbers, which record what NumPy does to them.

The record is the gate's formula for inputs of these shapes. ``plan`` turns it into calls, ``circuits.formula_text``
into text. Equal expressions are one term, so that what occurs twice is computed once. Nothing is taken for a constant
in silence: what cannot be recorded raises ValueError, which names the gate and what to write instead.
"""

import math
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from inspect import signature
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from mlp.gates import Array, Gate, Operation, Shape

CURE = (
    "write it with operators, @, comparisons, NumPy's elementwise functions, np.where, .T, .sum, .reshape, .max, .min, "
    "np.outer, np.broadcast_to or an index of np.newaxis"
)


MAX_DEPTH = 200
"""So many results can be computed one from another in a pass: formulas are gone through by recursion."""


@dataclass(frozen=True, eq=False)
class Term:
    """A part of a formula: a symbol, a number, or ``function(*arguments, **options)`` of other terms."""

    shape: Shape
    is_bool: bool = False
    function: Callable[..., Any] | None = None
    arguments: tuple["Term", ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    symbol: str = ""
    number: float | None = None
    depth: int = 0
    """How many functions are applied one to the result of another."""


@dataclass(frozen=True, eq=False)
class Formula:
    """Both passes of a gate for inputs of given shapes."""

    inputs: tuple[Term, ...]
    """The inputs' symbols."""
    output: Term
    """The output's symbol, which stands for ``value`` in the backward pass."""
    upstream: Term
    """The symbol of the output's gradient."""
    value: Term
    """What ``forward`` returns."""
    gradients: tuple[Term | None, ...]
    """For each input its gradient, in the input's shape; None for a class index."""
    plain: Mapping[Term, Term]
    """The plain form of a term, for people: see ``gates.written_as``."""


class Formulas:
    """The formulas of gates in one precision, each traced once for its shapes."""

    def __init__(self, precision: np.dtype[Any]):
        self.precision = precision
        self._traced: dict[tuple[Any, ...], Formula] = {}

    def of(self, gate: Gate, *shapes: Shape) -> Formula:
        """The gate's formula. Raises ValueError if shapes do not fit, or if a pass cannot be recorded."""
        key = (type(gate), *vars(gate).items(), shapes)  # gates of one class and the same parameters are the same
        try:
            found = self._traced.get(key)
        except TypeError:  # a parameter that is a list, say
            return trace(gate, shapes, self.precision)
        if found is None:
            found = self._traced[key] = trace(gate, shapes, self.precision)
        return found


def trace(gate: Gate, shapes: tuple[Shape, ...], precision: np.dtype[Any]) -> Formula:
    """Run both passes of a gate on recording arrays. Raises ValueError as ``Formulas.of`` does."""
    recorder = _Recorder(gate, precision)
    try:
        return _formula(recorder, gate, shapes)
    except TypeError as error:  # such as an option that a method does not record
        raise recorder.error(f"{error}: {CURE}") from error


def _formula(recorder: "_Recorder", gate: Gate, shapes: tuple[Shape, ...]) -> Formula:
    output, *symbols = gate.symbols(len(shapes))
    inputs = [recorder.symbol(symbol, shape) for symbol, shape in zip(symbols, shapes, strict=True)]
    value = gate.forward(*inputs)
    if not isinstance(value, Traced):
        what = repr(value) if value is None or isinstance(value, int | float) else f"a {type(value).__name__}"
        raise recorder.error(f"forward returns {what}: it must return one array, computed from the inputs")
    C, dC = recorder.symbol(output, value.shape), recorder.symbol(f"d{output}", value.shape)
    gradients = gate.gradients(dC, C, *inputs)
    return Formula(
        tuple(A.term for A in inputs),
        C.term,
        dC.term,
        recorder.float_term(value),
        tuple(None if dA is None else recorder.float_term(dA) for dA in gradients),
        recorder.plain,
    )


def evaluate(term: Term, values: Mapping[Term, Any]) -> Any:
    """The term's value for these values of the symbols, computed by NumPy."""
    known = dict(values)

    def value(part: Term) -> Any:
        if part not in known:
            known[part] = part.number
            if part.function is not None:
                known[part] = part.function(*map(value, part.arguments), **dict(part.options))
        return known[part]

    return value(term)


def parts(*terms: Term, ends: Container[Term] = ()) -> Iterator[Term]:
    """The terms and all their parts, each once; the parts of ``ends`` only if they are parts of others too."""
    found, stack = set(terms), list(terms)
    while stack:
        term = stack.pop()
        yield term
        for argument in term.arguments:
            if argument not in found and term not in ends:
                found.add(argument)
                stack.append(argument)


@dataclass(frozen=True)
class _Recorder:
    """The terms of one gate's formula so far."""

    gate: Gate
    precision: np.dtype[Any]
    known: dict[tuple[Any, ...], Term] = field(default_factory=dict)
    plain: dict[Term, Term] = field(default_factory=dict)

    def error(self, message: str) -> ValueError:
        return ValueError(f"{self.gate}: {message}")

    def symbol(self, name: str, shape: Shape) -> "Traced":
        return Traced(self, Term(shape, symbol=name))

    def term(self, value: Any) -> Term:
        """The term of an argument: a recording array, or a number."""
        if isinstance(value, Traced) and value._recorder is self:
            return value.term
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool | int | float):
            term = Term((), isinstance(value, bool), number=value)
            return self.known.setdefault((type(value), repr(value)), term)
        if not isinstance(value, np.ndarray | Traced | list | tuple):
            raise self.error(f"a pass computes with {value!r}, which is neither an array nor a real number")
        what = f"a {type(value).__name__}" if isinstance(value, list | tuple) else "an array"
        raise self.error(
            f"a pass computes with {what} that is no input of the gate: its numbers would stay as they are now. Make "
            "it an input: a leaf or a constant of the graph"
        )

    def float_term(self, value: Any) -> Term:
        """The term of what a pass returns: bools become 0 and 1."""
        term = self.term(value)
        return self.elementwise(np.multiply, value, 1).term if term.is_bool else term

    def record(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], shape: Shape, is_bool: bool, /, **options: Any
    ) -> "Traced":
        """The result of a function. Equal expressions are one term."""
        terms = tuple(map(self.term, arguments))
        key = (function, terms, *options.items())
        if key not in self.known:
            depth = 1 + max(term.depth for term in terms)
            if depth > MAX_DEPTH:
                raise self.error(f"a pass computes more than {MAX_DEPTH} results one from another: use several gates")
            self.known[key] = Term(shape, is_bool, function, terms, tuple(options.items()), depth=depth)
        return Traced(self, self.known[key])

    def elementwise(self, function: Callable[..., Any], *arguments: Any) -> "Traced":
        """A function that broadcasts its arguments."""
        terms = [self.term(argument) for argument in arguments]
        try:
            shape = np.broadcast_shapes(*(term.shape for term in terms))
        except ValueError:
            shapes = " and ".join(str(term.shape) for term in terms)
            raise self.error(f"shapes {shapes} do not broadcast") from None
        result = _result(function, "".join(map(_kind, terms)))
        if result not in "bf":
            words = ", ".join(KINDS[_kind(term)] for term in terms)
            raise self.error(f"np.{function.__name__} of {words} {result}: {CURE}")
        return self.record(function, arguments, shape, result == "b")


KINDS = {"b": "bools", "f": "floats", "n": "a number"}


def _kind(term: Term) -> str:
    return "b" if term.is_bool else "n" if term.number is not None else "f"


@cache
def _result(function: Callable[..., Any], kinds: str) -> str:
    """What a function returns for bools (b), floats (f) and Python numbers (n): b, f, or a text that says why not."""
    samples = {"b": np.ones(1, bool), "f": np.ones(1), "n": 1.0}
    try:
        dtype = function(*(samples[kind] for kind in kinds)).dtype
    except (TypeError, AttributeError):  # not defined for them, or it returns several arrays
        return "cannot be recorded"
    return {"?": "b", "d": "f"}.get(dtype.char, f"gives {dtype}")


class Traced(NDArrayOperatorsMixin):
    """An array without numbers: it has a shape and a dtype, and records what NumPy does to it."""

    def __init__(self, recorder: _Recorder, term: Term):
        self._recorder, self.term = recorder, term
        self.shape = term.shape
        self.ndim, self.size = len(self.shape), math.prod(self.shape)
        self.dtype = np.dtype(bool) if term.is_bool else recorder.precision

    def record(self, operation: Operation, *arguments: Any, **options: Any) -> "Traced":
        """The result of an operation of our own."""
        shape = operation.shape(*(self._recorder.term(argument).shape for argument in arguments), **options)
        return self._recorder.record(operation, arguments, shape, operation.dtype is bool, **options)

    def written_as(self, plain: Callable[[], Any]) -> None:
        """See ``gates.written_as``."""
        self._recorder.plain[self.term] = self._recorder.term(plain())

    def reshape(self, *lengths: Any) -> "Traced":
        """As in NumPy."""
        shape = _shape_after(self, lambda array: array.reshape(*lengths))
        return (
            self if shape == self.shape else self._recorder.record(reshape, (self,), shape, self._is_bool, shape=shape)
        )

    def transpose(self) -> "Traced":
        """As in NumPy."""
        if self.ndim < 2:
            return self
        return self._recorder.record(np.transpose, (self,), self.shape[::-1], self._is_bool)

    T = property(transpose)

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> "Traced":
        """As in NumPy."""
        return self._reduce(np.add, axis, keepdims)

    def max(self, axis: Any = None, *, keepdims: bool = False) -> "Traced":
        """As in NumPy."""
        return self._reduce(np.maximum, axis, keepdims)

    def min(self, axis: Any = None, *, keepdims: bool = False) -> "Traced":
        """As in NumPy."""
        return self._reduce(np.minimum, axis, keepdims)

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> "Traced":
        """As in NumPy."""
        total = self.sum(axis, keepdims=keepdims)
        mean: Traced = total / (self.size // total.size)
        return mean

    def _reduce(self, function: np.ufunc, axis: Any, keepdims: bool) -> "Traced":
        is_bool = _result(function.reduce, _kind(self.term)) == "b"
        if not self.ndim:
            return self * 1 if self._is_bool and not is_bool else self
        shape = _shape_after(self, lambda array: array.sum(axis, keepdims=keepdims))
        axes = range(self.ndim) if axis is None else [k % self.ndim for k in np.atleast_1d(axis).tolist()]
        options: dict[str, Any] = {"axis": axes[0] if len(axes) == 1 else tuple(sorted(axes))}
        if keepdims:
            options["keepdims"] = True
        elif len(axes) == self.ndim:
            options["axis"] = None
        return self._recorder.record(function.reduce, (self,), shape, is_bool, **options)

    def __getitem__(self, index: Any) -> "Traced":
        keys = index if isinstance(index, tuple) else (index,)
        if any(not (key is None or key is ... or (isinstance(key, slice) and key == slice(None))) for key in keys):
            raise self._recorder.error(f"an index other than np.newaxis, : and ... cannot be recorded: {CURE}")
        return self.reshape(_shape_after(self, lambda array: array[index]))

    def __len__(self) -> int:
        return self.shape[0]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Traced":
        if "out" in options:
            raise self._recorder.error("a pass assigns in place: write A = A + B in place of A += B, and no out=")
        if method == "reduce" and options.keys() <= {"axis", "keepdims"}:
            return self._reduce(ufunc, options.get("axis", 0), options.get("keepdims", False))
        if method != "__call__" or options:
            how = f".{method}" if method != "__call__" else f" with {', '.join(options)}="
            raise self._recorder.error(f"np.{ufunc.__name__}{how} cannot be recorded: {CURE}")
        if ufunc is np.matmul:
            return _matmul(self._recorder, *inputs)
        return self._recorder.elementwise(ufunc, *inputs)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        recorded = FUNCTIONS.get(function)
        try:
            given = signature(recorded).bind(self._recorder, *arguments, **options) if recorded else None
        except TypeError:  # an option that is not recorded
            given = None
        if recorded is None or given is None:
            name = f"{function.__module__}.{function.__name__}".replace("numpy", "np")
            how = f" with {', '.join(options)}=" if recorded and options else " of these arguments" if recorded else ""
            raise self._recorder.error(f"{name}{how} cannot be recorded: {CURE}")
        return recorded(*given.args, **given.kwargs)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):  # NumPy asks for these
            raise AttributeError(name)
        raise self._recorder.error(f".{name} cannot be recorded: {CURE}")

    def _needs_values(self, *_: Any, **__: Any) -> NoReturn:
        raise self._recorder.error(
            "a pass needs the numbers of an array, but it is run once for all of them. Branch on shapes only; "
            "in place of if write np.where, in place of the module math write NumPy's functions"
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __iter__ = __array__ = _needs_values

    def __setitem__(self, *_: Any) -> NoReturn:
        raise self._recorder.error("a pass assigns in place: return a new array, as by np.where")

    @property
    def _is_bool(self) -> bool:
        return self.term.is_bool


def reshape(A: Array, shape: Shape) -> Array:
    """``np.reshape``; NumPy's versions have other names for its second parameter."""
    return np.reshape(A, shape)


def _shape_after(array: Traced, change: Callable[[Array], Array]) -> Shape:
    """The shape of an array after a change."""
    try:
        return change(np.broadcast_to(np.zeros(()), array.shape)).shape
    except (TypeError, ValueError, IndexError) as error:
        raise array._recorder.error(str(error)) from None


def _matmul(recorder: _Recorder, A: Any, B: Any) -> Traced:
    """A @ B of vectors and matrices."""
    a, b = recorder.term(A).shape, recorder.term(B).shape
    is_bool = recorder.term(A).is_bool and recorder.term(B).is_bool
    if not (1 <= len(a) <= 2 and 1 <= len(b) <= 2):
        raise recorder.error(f"shapes {a} and {b}: each must be a vector or a matrix")
    if a[-1] != b[0]:
        raise recorder.error(f"shapes {a} and {b} do not fit: {a[-1]} columns meet {b[0]} rows")
    return recorder.record(np.matmul, (A, B), a[:-1] + b[1:], is_bool)


def _where(recorder: _Recorder, condition: Any, A: Any, B: Any) -> Traced:
    if not recorder.term(condition).is_bool:
        condition = recorder.elementwise(np.not_equal, condition, 0)
    return recorder.elementwise(np.where, condition, A, B)


def _outer(recorder: _Recorder, A: Any, B: Any) -> Traced:
    """The outer product of two vectors."""
    a, b = recorder.term(A), recorder.term(B)
    if (len(a.shape), len(b.shape)) != (1, 1):
        raise recorder.error(f"np.outer of shapes {a.shape} and {b.shape}: each must be a vector")
    return recorder.record(np.outer, (A, B), a.shape + b.shape, a.is_bool and b.is_bool)


def _broadcast_to(recorder: _Recorder, A: Any, shape: Any) -> Traced:
    term, lengths = recorder.term(A), tuple(np.atleast_1d(np.asarray(shape, int)).tolist())
    _shape_after(Traced(recorder, term), lambda array: np.broadcast_to(array, lengths))
    if term.shape == lengths:
        return Traced(recorder, term)
    return recorder.record(np.broadcast_to, (A,), lengths, term.is_bool, shape=lengths)


def _clip(recorder: _Recorder, A: Any, a_min: Any, a_max: Any) -> Traced:
    return recorder.elementwise(np.minimum, recorder.elementwise(np.maximum, A, a_min), a_max)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda _, A: A.shape,
    np.ndim: lambda _, A: A.ndim,
    np.size: lambda _, A: A.size,
    np.sum: lambda _, A, axis=None, keepdims=False: A.sum(axis, keepdims=keepdims),
    np.max: lambda _, A, axis=None, keepdims=False: A.max(axis, keepdims=keepdims),
    np.min: lambda _, A, axis=None, keepdims=False: A.min(axis, keepdims=keepdims),
    np.mean: lambda _, A, axis=None, keepdims=False: A.mean(axis, keepdims=keepdims),
    np.reshape: lambda _, A, *shape: A.reshape(*shape),
    np.transpose: lambda _, A: A.T,
    np.dot: _matmul,
    np.outer: _outer,
    np.where: _where,
    np.clip: _clip,
    np.broadcast_to: _broadcast_to,
    np.zeros_like: lambda recorder, A: _broadcast_to(recorder, 0.0, A.shape),
    np.ones_like: lambda recorder, A: _broadcast_to(recorder, 1.0, A.shape),
}
"""NumPy's functions that are not elementwise and can be recorded."""
