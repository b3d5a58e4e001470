"""Tracing: a gate's passes run once on arrays without numbers, which record what NumPy does to them.

The record is the gate's formula for inputs of these shapes. ``plan`` turns it into calls, ``circuits.formula_text``
into text. Equal expressions are one term, so that what occurs twice is computed once. No array silently becomes a
constant: what cannot be recorded raises ValueError, which names the gate and what to write instead. Python numbers are
constants, and so are a gate's parameters: they stay as they were in the first pass.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from mlp.gates import Array, Gate, Shape
from mlp.losses import Operation

CURE = (
    "write it with operators, @, comparisons, NumPy's elementwise functions, np.where, np.outer, np.broadcast_to, .T, "
    ".reshape, .sum, .max, .min, .mean and an index of np.newaxis"
)

MAX_DEPTH = 200
"""Results computed one from another; what reads a formula goes into it as deep as this."""

MAX_FORMULAS = 4096
"""A graph keeps at most this many formulas: inputs may have another shape in each pass."""


@dataclass(frozen=True, eq=False)
class Term:
    """A part of a formula: a symbol, a number, or ``function(*arguments, **options)`` of other terms."""

    shape: Shape
    is_bool: bool = False
    """Whether NumPy's result is true or false; a plan holds 1 or 0."""
    function: Callable[..., Any] | None = None
    arguments: tuple["Term", ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    symbol: str = ""
    number: float | None = None
    depth: int = 0

    def __repr__(self) -> str:
        what = getattr(self.function, "__name__", "an operation") if self.function else self.symbol or self.number
        return f"Term({what}, shape {self.shape})"


@dataclass(frozen=True, eq=False)
class Formula:
    """Both passes of a gate for inputs of given shapes."""

    inputs: tuple[Term, ...]
    output: Term
    upstream: Term
    """The symbol of the output's gradient, such as dC; ``inputs`` and ``output`` are symbols too."""
    value: Term
    """What ``forward`` returns."""
    gradients: tuple[Term | None, ...]
    """For each input its gradient, in the input's shape; None for a class index."""
    plain: Mapping[Term, Term]
    """The plain form of a term, for people: see ``gates.written_as``."""
    uses: Counter[Term]
    """How often a term is an argument of others, the value, or a gradient."""

    @property
    def symbols(self) -> tuple[Term, ...]:
        """All symbols: of the inputs, of the output, and of the output's gradient."""
        return *self.inputs, self.output, self.upstream

    def __repr__(self) -> str:
        inputs = ", ".join(f"{term.symbol} {term.shape}" for term in self.inputs)
        return f"Formula({self.output.symbol} {self.output.shape} from {inputs})"


class Formulas:
    """The formulas of gates in one precision, each traced once for its shapes."""

    def __init__(self, precision: np.dtype[Any]):
        self.precision = precision
        self._known: dict[tuple[Any, tuple[Shape, ...]], tuple[Gate, Formula]] = {}
        """With the gate: as long as it exists, no other gate has its id."""

    def __repr__(self) -> str:
        return f"Formulas({self.precision}, {len(self._known)} known)"

    def of(self, gate: Gate, *shapes: Shape) -> Formula:
        """The gate's formula. Raises ValueError if shapes do not fit, or if a pass cannot be recorded."""
        key = (identity(gate), shapes)
        if key not in self._known:
            if len(self._known) == MAX_FORMULAS:
                self._known.clear()
            self._known[key] = gate, trace(gate, shapes, self.precision)
        return self._known[key][1]


def identity(gate: Gate) -> Any:
    """Equal for two gates with the same formulas: class and numbers, or the id of a gate that holds anything else."""
    parameters, layout = vars(gate), (type(gate).__basicsize__, type(gate).__itemsize__)
    has_more = layout != (Gate.__basicsize__, Gate.__itemsize__)  # slots, or it derives from float, say
    if has_more or not all(type(value) in (int, float, str) for value in parameters.values()):
        return id(gate)
    return type(gate), repr(parameters)  # 2 is not 2.0 in a listing, and 0.0 equals -0.0


def trace(gate: Gate, shapes: tuple[Shape, ...], precision: np.dtype[Any]) -> Formula:
    """Run both passes of a gate on recording arrays. Raises ValueError as ``Formulas.of`` does."""
    recorder = _Recorder(gate, precision)
    output, *symbols = gate.symbols(len(shapes))
    inputs = [recorder.symbol(symbol, shape) for symbol, shape in zip(symbols, shapes, strict=True)]
    with recorder.errors_named():
        value = gate.forward(*inputs)
        if not isinstance(value, Traced):
            what = f"a {type(value).__name__}" if hasattr(value, "__len__") else repr(value)
            raise recorder.error(f"forward returns {what}: it must return one array, computed from the inputs")
        C, dC = (recorder.symbol(name, value.shape) for name in (output, f"d{output}"))
        found = gate.checked_backward(dC, C, *inputs)
    gradients = tuple(None if gradient is None else recorder.term(gradient) for gradient in found)
    terms = tuple(A.term for A in inputs)
    uses = count_uses(value.term, *(term for term in gradients if term is not None))
    return Formula(terms, C.term, dC.term, value.term, gradients, recorder.plain, uses)


def trace_function(
    function: Callable[..., Sequence[Any]], shapes: Mapping[str, Shape], precision: np.dtype[Any]
) -> tuple[list[Term], list[Term]]:
    """The symbols of a function's arguments, and the terms that it returns for arrays of these shapes.

    Raises ValueError if it cannot be recorded.
    """
    recorder = _Recorder(function, precision)
    inputs = [recorder.symbol(name, shape) for name, shape in shapes.items()]
    with recorder.errors_named():
        return [A.term for A in inputs], list(map(recorder.term, function(*inputs)))


def count_uses(*roots: Term) -> Counter[Term]:
    """How often each term is one of the roots or an argument of another term."""
    uses = Counter(roots)
    for term in parts(*roots):
        uses.update(term.arguments)
    return uses


def parts(*terms: Term) -> Iterator[Term]:
    """The terms and all their parts, each once."""
    found, stack = set(terms), list(dict.fromkeys(terms))
    while stack:
        yield (term := stack.pop())
        for argument in term.arguments:
            if argument not in found:
                found.add(argument)
                stack.append(argument)


def evaluate(term: Term, values: Mapping[Term, Any]) -> Any:
    """The term's value for these values of the symbols, computed by NumPy."""
    known = dict(values)

    def value(part: Term) -> Any:
        if part not in known:
            function = part.function
            known[part] = function(*map(value, part.arguments), **dict(part.options)) if function else part.number
        return known[part]

    return value(term)


@dataclass(frozen=True)
class _Recorder:
    """The terms of one gate's formula, or of one function's, so far."""

    owner: Any
    """The gate or function, named in errors."""
    precision: np.dtype[Any]
    known: dict[tuple[Any, ...], Term] = field(default_factory=dict)
    plain: dict[Term, Term] = field(default_factory=dict)

    def error(self, message: str) -> ValueError:
        return ValueError(f"{self.owner}: {message}")

    @contextmanager
    def errors_named(self) -> Iterator[None]:
        """Raises ValueError for a TypeError, as of a Python function that an array without numbers does not have."""
        try:
            yield
        except TypeError as error:
            raise self.error(f"{error}; if an array of the pass cannot do this, {CURE}") from error

    def symbol(self, name: str, shape: Shape) -> "Traced":
        return Traced(self, Term(shape, symbol=name))

    def term(self, value: Any) -> Term:
        """The term of an argument: a recording array, or a number."""
        if isinstance(value, Traced):
            if value.recorder is not self:
                raise self.error("the gate kept an array from an earlier trace: a pass may use only its arguments")
            return value.term
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool | int | float):
            return self.known.setdefault(("number", repr(value)), Term((), isinstance(value, bool), number=value))
        if not isinstance(value, np.ndarray | list | tuple):
            raise self.error(f"a pass computes with {value!r}, which is neither an array nor a real number")
        what = "an array" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise self.error(
            f"a pass computes with {what} that is no input of the gate: its numbers would stay as they are now. Make "
            "it an input: a leaf or a constant of the graph"
        )

    def record(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> "Traced":
        """The result of a function. Equal expressions are one term."""
        terms = tuple(map(self.term, arguments))
        kinds = tuple("bools" if term.is_bool else "floats" for term in terms)
        try:
            shape, is_bool = _shape(function, [term.shape for term in terms], options), _is_bool(function, kinds)
        except ValueError as error:
            raise self.error(str(error)) from None
        except TypeError:
            raise self.error(f"np.{function.__name__} of {' and '.join(kinds)} cannot be recorded: {CURE}") from None
        if "shape" in options:
            options["shape"] = shape  # without -1
            if shape == terms[0].shape:
                return Traced(self, terms[0])
        if "axis" in options:
            options["axis"] = _axis(options["axis"], len(terms[0].shape), keepdims="keepdims" in options)
        key = (function, terms, *options.items())
        if key not in self.known:
            depth = 1 + max(term.depth for term in terms)
            if depth > MAX_DEPTH:
                raise self.error(f"a pass computes more than {MAX_DEPTH} results one from another: use several gates")
            self.known[key] = Term(shape, is_bool, function, terms, tuple(options.items()), depth=depth)
        return Traced(self, self.known[key])

    def reduce(self, function: Callable[..., Any], A: "Traced", axis: Any = 0, keepdims: bool = False) -> "Traced":
        """A ufunc's ``reduce``. That of a single number is the number, unless this or the result is a bool."""
        if not (A.ndim or A.term.is_bool or _is_bool(function, ("floats",))):
            return A
        return self.record(function, A, axis=axis if A.ndim else None, **{"keepdims": True} if keepdims else {})


def _shape(function: Callable[..., Any], shapes: Sequence[Shape], options: Mapping[str, Any]) -> Shape:
    """The shape of a function's result. Raises ValueError if the shapes do not fit."""
    joined = " and ".join(map(str, shapes))
    if isinstance(function, Operation):
        return function.shape(*shapes, **options)
    if function in (np.matmul, np.outer):
        A, B = shapes
        if function is np.outer and len(A) == len(B) == 1:
            return A + B
        if function is np.outer or not (1 <= len(A) <= 2 and 1 <= len(B) <= 2):
            raise ValueError(f"shapes {joined}: each must be a vector{' or a matrix' * (function is np.matmul)}")
        if A[-1] != B[0]:
            raise ValueError(f"shapes {joined} do not fit: {A[-1]} columns meet {B[0]} rows")
        return A[:-1] + B[1:]
    if isinstance(function, np.ufunc) or function is np.where:
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"shapes {joined} do not broadcast") from None
    result: Array = function(np.broadcast_to(0.0, shapes[0]), **options)
    return result.shape


def _axis(axis: Any, ndim: int, *, keepdims: bool) -> Any:
    """One form for each set of axes, such as 1 for -1 and (1,); None for all of them, unless they are kept."""
    axes = tuple(range(ndim) if axis is None else sorted(int(k) % ndim for k in np.atleast_1d(axis)))
    return None if len(axes) == ndim and not keepdims else axes[0] if len(axes) == 1 else axes


@cache
def _is_bool(function: Any, kinds: tuple[str, ...]) -> bool:
    """Whether a function returns bools, for bools and floats. Raises TypeError if it cannot be recorded."""
    if isinstance(function, Operation):
        return function.dtype is bool
    are_bools = "floats" not in kinds
    is_reduction = isinstance(getattr(function, "__self__", None), np.ufunc)
    if not isinstance(function, np.ufunc) and not is_reduction:
        return are_bools
    length = 1 if is_reduction else 0  # of no numbers nothing is infinite, as arctanh(1) is
    result = function(*(np.ones(length, bool if kind == "bools" else float) for kind in kinds))
    if is_reduction and result.dtype.kind == "i":
        return False  # a sum of bools counts
    is_or = function is np.matmul and are_bools
    if not isinstance(result, np.ndarray | np.generic) or result.dtype not in (bool, float) or is_or:
        raise TypeError
    return bool(result.dtype == bool)


class Traced(NDArrayOperatorsMixin):
    """An array without numbers: it has a shape and a dtype, and records what NumPy does to it."""

    def __init__(self, recorder: _Recorder, term: Term):
        self.recorder, self.term, self.shape = recorder, term, term.shape
        self.ndim, self.size = len(term.shape), math.prod(term.shape)
        self.dtype = np.dtype(bool) if term.is_bool else recorder.precision

    @property
    def T(self) -> "Traced":  # noqa: N802 - NumPy's name
        """As in NumPy."""
        return self.recorder.record(np.transpose, self) if self.ndim > 1 else self

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<{self.term.symbol or 'an array'} of shape {self.shape}, without numbers>"

    def __getitem__(self, index: Any) -> "Traced":
        keys = index if isinstance(index, tuple) else (index,)
        if not all(key is None or key is ... or (isinstance(key, slice) and key == slice(None)) for key in keys):
            raise self.recorder.error(f"an index other than np.newaxis, : and ... cannot be recorded: {CURE}")
        try:
            shape = np.broadcast_to(0.0, self.shape)[index].shape
        except IndexError as error:
            raise self.recorder.error(str(error)) from None
        return self.recorder.record(reshape, self, shape=shape)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Traced":
        if "out" in options:
            raise self.recorder.error("a pass assigns in place: write A = A + B in place of A += B, and no out=")
        if method == "reduce" and options.keys() <= {"axis", "keepdims"}:
            return self.recorder.reduce(ufunc.reduce, *inputs, **options)
        if method != "__call__" or options:
            how = f".{method}" if method != "__call__" else f" with {', '.join(options)}="
            raise self.recorder.error(f"np.{ufunc.__name__}{how} cannot be recorded: {CURE}")
        is_of_bools = all(self.recorder.term(value).is_bool for value in inputs)
        return self.recorder.record(OF_BOOLS.get(ufunc, ufunc) if is_of_bools else ufunc, *inputs)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        try:
            return FUNCTIONS[function](self.recorder, *arguments, **options)
        except (KeyError, TypeError):  # another function, or an option that is not recorded
            name = f"{function.__module__}.{function.__name__}".replace("numpy", "np")
            how = f" with {', '.join(options)}=" if options else " of these arguments" if function in FUNCTIONS else ""
            raise self.recorder.error(f"{name}{how} cannot be recorded: {CURE}") from None

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return partial(getattr(np, name), self)
        if name.startswith("_"):  # NumPy asks for these
            raise AttributeError(name)
        raise self.recorder.error(f".{name} cannot be recorded: {CURE}")

    def __setitem__(self, *_: Any) -> NoReturn:
        raise self.recorder.error("a pass assigns in place: return a new array, as by np.where")

    def _needs_values(self, *_: Any, **__: Any) -> NoReturn:
        raise self.recorder.error(
            "a pass needs the numbers of an array, but it is run once for all of them. Branch on shapes only; "
            "in place of if write np.where, in place of the module math write NumPy's functions"
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __iter__ = __array__ = __contains__ = _needs_values


def reshape(A: Array, shape: Shape) -> Array:
    """``np.reshape``, whose second parameter has another name in each version."""
    return np.reshape(A, shape)


METHODS = ("sum", "max", "min", "mean", "reshape", "transpose")
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda _, A: A.shape,
    np.ndim: lambda _, A: A.ndim,
    np.size: lambda _, A: A.size,
    np.sum: lambda recorder, A, axis=None, keepdims=False: recorder.reduce(np.add.reduce, A, axis, keepdims),
    np.max: lambda recorder, A, axis=None, keepdims=False: recorder.reduce(np.maximum.reduce, A, axis, keepdims),
    np.min: lambda recorder, A, axis=None, keepdims=False: recorder.reduce(np.minimum.reduce, A, axis, keepdims),
    np.mean: lambda _, A, axis=None, keepdims=False: (total := A.sum(axis, keepdims=keepdims)) / (A.size / total.size),
    np.transpose: lambda _, A: A.T,
    np.reshape: lambda recorder, A, *shape: recorder.record(reshape, A, shape=shape[0] if len(shape) == 1 else shape),
    np.broadcast_to: lambda recorder, A, shape: recorder.record(np.broadcast_to, A, shape=shape),
    np.zeros_like: lambda recorder, A: recorder.record(np.broadcast_to, 0.0, shape=A.shape),
    np.ones_like: lambda recorder, A: recorder.record(np.broadcast_to, 1.0, shape=A.shape),
    np.where: lambda recorder, condition, A, B: recorder.record(np.where, condition, A, B),
    np.clip: lambda _, A, a_min, a_max: np.minimum(np.maximum(A, a_min), a_max),
    np.outer: lambda recorder, A, B: recorder.record(np.outer, A, B),
    np.dot: lambda _, A, B: A @ B,
}
"""NumPy's functions that are not elementwise and can be recorded, and those that are methods too."""
OF_BOOLS = {
    np.add: np.logical_or,
    np.bitwise_and: np.logical_and,
    np.bitwise_or: np.logical_or,
    np.bitwise_xor: np.logical_xor,
    np.invert: np.logical_not,
}
"""What +, &, |, ^ and ~ do to bools; a plan computes with 1 and 0."""
