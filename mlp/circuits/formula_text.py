"""A formula as text, with as few parentheses as it needs: as Python, as a rule for people, as the notes' mathematics.

``Code`` is a program's: it needs only ``import numpy as np``. ``Rule`` is the same, but calls our own operations by
their names. ``Mathematics`` writes X W1, X' dZ1, 1/2 sum (P - Y)^2.
"""

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np

from mlp.gates import Operation
from mlp.trace import Formula, Term, evaluate, parts, reshape

LOWEST, COMPARISON, OR, XOR, AND, SUM, MATRIX, PRODUCT, NEGATIVE, POWER, ATOM = range(11)
"""How tightly a text holds together, in Python's order; MATRIX is the notes' A B, of matrices."""

ROUNDING = 1e-12
"""The numbers of a program's plain form differ from the exact ones by at most this fraction."""


class Piece(NamedTuple):
    """The text of a term."""

    text: str
    level: int
    is_open: bool = False
    """Whether more text after it would seem to belong to it, as in: sum over rows of A."""


Form = tuple[str, int, tuple[int, ...]]
"""How a function is written: a template, its level, and the level that each argument needs to stand unbracketed."""


def _infix(sign: str, level: int) -> Form:
    """An operator; of several in a row Python takes the left one first, but it chains comparisons."""
    return f"{{}} {sign} {{}}", level, (level + (level == COMPARISON), level + 1)


COMPARISONS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}
OPERATORS: dict[int, dict[str, Any]] = {
    COMPARISON: COMPARISONS | {"!=": np.not_equal},
    OR: {"|": np.logical_or},
    XOR: {"^": np.logical_xor},
    AND: {"&": np.logical_and},
    SUM: {"+": np.add, "-": np.subtract},
    PRODUCT: {"*": np.multiply, "/": np.divide, "@": np.matmul},
}
LOGICAL = (np.logical_or, np.logical_xor, np.logical_and)
"""Functions that are operators for bools only."""
FORMS: dict[Any, Form] = {
    **{function: _infix(sign, level) for level, signs in OPERATORS.items() for sign, function in signs.items()},
    np.negative: ("-{}", NEGATIVE, (POWER,)),
    np.power: ("{} ** {}", POWER, (ATOM, NEGATIVE)),
    np.transpose: ("{}.T", ATOM, (ATOM,)),
    np.absolute: ("np.abs({})", ATOM, (LOWEST,)),
    np.reciprocal: ("1 / {}", PRODUCT, (POWER,)),  # np.reciprocal of an integer would be an integer
}
IN_THE_NOTES: dict[Any, Form] = FORMS | {
    np.multiply: ("{} {}", PRODUCT, (PRODUCT, POWER)),
    np.divide: ("{} / {}", PRODUCT, (PRODUCT, POWER)),
    np.matmul: ("{} {}", MATRIX, (POWER, POWER)),
    np.outer: ("{} {}'", MATRIX, (POWER, ATOM)),
    np.power: ("{}^{}", POWER, (ATOM, ATOM)),
    np.transpose: ("{}'", ATOM, (ATOM,)),
    np.log1p: ("log(1 + {})", ATOM, (MATRIX,)),
    np.maximum: ("max({}, {})", ATOM, (LOWEST, LOWEST)),
    np.minimum: ("min({}, {})", ATOM, (LOWEST, LOWEST)),
}
REDUCTIONS: dict[Any, str] = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min"}
SYNTAX: dict[type[ast.AST], int] = {ast.Compare: COMPARISON, ast.Div: PRODUCT, ast.Call: ATOM, ast.Subscript: ATOM}
"""The levels of what Python's parser finds in the text of our own operations."""


class Code:
    """Writes terms as Python code: numbers with all their digits, the operations of our own as NumPy's functions."""

    forms: ClassVar[Mapping[Any, Form]] = FORMS
    prefix: ClassVar[str] = "np."
    of_operation: ClassVar[str] = "code"
    """The attribute of an operation that has its text."""

    def __init__(self, texts: Mapping[str, str]):
        """texts: for each symbol what stands in its place, such as x, 3 or (-2): it needs no more parentheses."""
        self._texts = texts

    def write(self, term: Term) -> str:
        """The term as text."""
        return self._piece(term).text

    def _piece(self, term: Term) -> Piece:
        function: Any = term.function
        if function is None:
            return Piece(self._texts[term.symbol], ATOM) if term.symbol else self._number(cast(float, term.number))
        if isinstance(function, Operation):
            return self._operation(function, term)
        if isinstance(getattr(function, "__self__", None), np.ufunc):
            return self._reduction(function.__self__, term.arguments[0], **dict(term.options))
        if function in (reshape, np.broadcast_to):
            return self._reshaped(term)
        is_call = function in LOGICAL and not all(argument.is_bool for argument in term.arguments)
        template, level, levels = (not is_call and self.forms.get(function)) or _call(function, len(term.arguments))
        pieces = [self._piece(argument) for argument in term.arguments]
        last = len(pieces) - 1
        texts = [_placed(piece, need, k == last) for k, (piece, need) in enumerate(zip(pieces, levels, strict=True))]
        ends_open = template.endswith("{}") and texts[last] == pieces[last].text and pieces[last].is_open
        return Piece(template.replace("np.", self.prefix).format(*texts), level, ends_open)

    def _at(self, term: Term, level: int) -> str:
        """The term's text as an argument that needs this level."""
        return _placed(self._piece(term), level, is_last=True)

    def _number(self, number: float) -> Piece:
        text = repr(number) if math.isfinite(number) else f"{'-' * (number < 0)}{self.prefix}{abs(number)}"
        return Piece(text, NEGATIVE if text.startswith("-") else ATOM)

    def _operation(self, operation: Operation, term: Term) -> Piece:
        shapes = [argument.shape for argument in term.arguments]
        template = getattr(operation, self.of_operation)(*shapes, **dict(term.options))
        texts = []
        for k, argument in enumerate(term.arguments):
            in_parentheses = f"{{{k}}}" not in template.replace(f"({{{k}}})", "")
            texts.append(self._at(argument, LOWEST if in_parentheses else ATOM))
        tree = ast.parse(template.format(*"ABCDEFGH"), mode="eval").body
        kind = type(tree.op) if isinstance(tree, ast.BinOp) else type(tree)
        is_enclosed = tree.col_offset > 0  # in parentheses of its own
        return Piece(template.format(*texts), ATOM if is_enclosed else SYNTAX.get(kind, LOWEST))

    def _reduction(self, ufunc: np.ufunc, argument: Term, axis: Any, keepdims: bool = False) -> Piece:
        name = REDUCTIONS.get(ufunc)
        is_default = axis is None if name else len(argument.shape) == 1 and not keepdims
        options = "" if is_default else f", axis={axis}"
        options += ", keepdims=True" * keepdims
        text = f"np.{name or f'{ufunc.__name__}.reduce'}({self._at(argument, LOWEST)}{options})"
        return Piece(text, ATOM)

    def _reshaped(self, term: Term) -> Piece:
        """A scalar of the program may be a Python number, which has no methods, and += must not change it in place."""
        (argument,) = term.arguments
        if not term.shape:
            return Piece(f"{self._at(argument, ATOM)}.item()", ATOM)
        if not argument.shape:
            return Piece(f"np.full({term.shape}, {self._at(argument, LOWEST)})", ATOM)
        if term.function is np.broadcast_to:
            return Piece(f"np.broadcast_to({self._at(argument, LOWEST)}, {term.shape})", ATOM)
        return Piece(f"{self._at(argument, ATOM)}.reshape({', '.join(map(str, term.shape))})", ATOM)


class Rule(Code):
    """Writes terms for people: as code, but with our own operations by their names, such as softmax(S) - onehot(y)."""

    of_operation = "text"


class Mathematics(Rule):
    """Writes terms as the notes do: A B is a product, A' the transposed matrix. Copies are not written."""

    forms = IN_THE_NOTES
    prefix = ""

    def __init__(self, texts: Mapping[str, str], known: Mapping[str, str]):
        """known: names for whole terms, by their text as code."""
        super().__init__(texts)
        self._known, self._code = known, Code(texts)

    def _piece(self, term: Term) -> Piece:
        if term.function is not None and (name := self._known.get(self._code.write(term))):
            return Piece(name, ATOM)
        if term.function is np.multiply and term.arguments[1] in parts(term.arguments[0]):  # P (1 - P), not (1 - P) P
            term = replace(term, arguments=term.arguments[::-1])
        return super()._piece(term)

    def _number(self, number: float) -> Piece:
        if number == 0.5:
            return Piece("1/2", PRODUCT)
        return super()._number(int(number) if float(number).is_integer() else number)

    def _reduction(self, ufunc: np.ufunc, argument: Term, axis: Any, keepdims: bool = False) -> Piece:
        along = {0: " over rows of", 1: " over columns of"} if len(argument.shape) == 2 else {}
        over = "" if axis is None else along.get(axis, f" over axis {axis} of")
        return Piece(f"{REDUCTIONS.get(ufunc, ufunc.__name__)}{over} {self._at(argument, POWER)}", POWER, is_open=True)

    def _reshaped(self, term: Term) -> Piece:
        return self._piece(term.arguments[0])


def _call(function: Callable[..., Any], count: int) -> Form:
    prefix = "np." if getattr(np, function.__name__, None) is function else ""
    return f"{prefix}{function.__name__}({', '.join(['{}'] * count)})", ATOM, (LOWEST,) * count


def _placed(piece: Piece, level: int, is_last: bool) -> str:
    """The piece's text where this level is needed, in parentheses if it must be."""
    return f"({piece.text})" if piece.level < level or (piece.is_open and not is_last) else piece.text


def texts_for(formula: Formula, inputs: Sequence[str], output: str, upstream: str) -> dict[str, str]:
    """The text for each symbol of a formula, from those of the gate's inputs, its output and its gradient."""
    symbols = (*formula.inputs, formula.output, formula.upstream)
    return {symbol.symbol: text for symbol, text in zip(symbols, (*inputs, output, upstream), strict=True)}


def plain(formula: Formula, term: Term) -> Term:
    """The term as people read it: its parts are replaced by their plain forms; see ``gates.written_as``."""
    found: dict[Term, Term] = {}

    def rewritten(term: Term) -> Term:
        if term not in found:
            written = formula.plain.get(term, term)
            arguments = tuple(map(rewritten, written.arguments))
            changed = any(new is not old for new, old in zip(arguments, written.arguments, strict=True))
            found[term] = replace(written, arguments=arguments) if changed else written
        return found[term]

    return rewritten(term)


def plain_if_equal(formula: Formula, term: Term, values: Mapping[Term, Any], tolerance: float = ROUNDING) -> Term:
    """The plain form if it has the same numbers at these values of the symbols, without a warning; else the exact."""
    written = plain(formula, term)
    if written is term:
        return term
    try:
        with np.errstate(all="raise", under="ignore"):
            numbers = evaluate(written, values)
    except FloatingPointError:
        return term
    with np.errstate(all="ignore"):
        exact = evaluate(term, values)
    return written if np.all(np.abs(numbers - exact) <= tolerance * np.abs(exact)) else term
