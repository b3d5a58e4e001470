"""A formula as text, with as few parentheses as it needs: as Python, as a rule for people, as the notes' mathematics.

``Code`` is a program's: it needs only ``import numpy as np``. ``Rule`` is the same, but calls our own operations by
their names. ``Mathematics`` writes X W1, X' dZ1, 1/2 sum (P - Y)^2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, cast

import numpy as np

from mlp.losses import Operation
from mlp.trace import Formula, Term, evaluate, parts, reshape

LOWEST, COMPARISON, OR, XOR, AND, SUM, MATRIX, PRODUCT, NEGATIVE, POWER, ATOM = range(11)
"""How tightly a text holds together, in Python's order; MATRIX is the notes' A B, of matrices."""

ROUNDING = 1e-12
"""The numbers of a program's plain form differ from the exact ones by at most this fraction."""

Form = tuple[str, int, tuple[int, ...]]
"""How a function is written: a template, its level, and the level that each argument needs to stand unbracketed."""

ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "@": np.matmul}
COMPARISONS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}
LOGICAL = {"|": np.logical_or, "^": np.logical_xor, "&": np.logical_and}
"""These are operators of bools only; of numbers their functions are called."""
OPERATORS = ARITHMETIC | COMPARISONS | {"!=": np.not_equal} | LOGICAL
LEVELS = {"|": OR, "^": XOR, "&": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "@": PRODUCT}


def _infix(sign: str) -> Form:
    """An operator; of several in a row Python takes the left one first, but it chains comparisons."""
    level = LEVELS.get(sign, COMPARISON)
    return f"{{}} {sign} {{}}", level, (level + (level == COMPARISON), level + 1)


def _call(name: str, count: int) -> Form:
    return f"{name}({', '.join(['{}'] * count)})", ATOM, (LOWEST,) * count


FORMS: dict[Any, Form] = {
    **{function: _infix(sign) for sign, function in OPERATORS.items()},
    np.negative: ("-{}", NEGATIVE, (POWER,)),
    np.power: ("{} ** {}", POWER, (ATOM, NEGATIVE)),
    np.transpose: ("{}.T", ATOM, (ATOM,)),
    np.absolute: _call("np.abs", 1),
    np.reciprocal: ("1 / {}", PRODUCT, (POWER,)),  # np.reciprocal of an integer would be an integer
}
IN_THE_NOTES: dict[Any, Form] = FORMS | {
    np.multiply: ("{} {}", PRODUCT, (PRODUCT, POWER)),
    np.matmul: ("{} {}", MATRIX, (POWER, POWER)),
    np.power: ("{}^{}", POWER, (ATOM, ATOM)),
    np.transpose: ("{}'", ATOM, (ATOM,)),
    np.log1p: ("log(1 + {})", ATOM, (MATRIX,)),
    np.maximum: _call("max", 2),
    np.minimum: _call("min", 2),
}
REDUCTIONS: dict[Any, str] = {np.add.reduce: "sum", np.maximum.reduce: "max", np.minimum.reduce: "min"}
COPIES = (reshape, np.broadcast_to)


@dataclass(frozen=True)
class Code:
    """Writes terms as Python code: numbers with all their digits, the operations of our own as NumPy's functions."""

    texts: Mapping[Term, str]
    """What stands for a symbol, such as x, 3 or (-2), which needs no more parentheses; if nothing, its own name."""
    forms: ClassVar[Mapping[Any, Form]] = FORMS
    of_operation: ClassVar[str] = "code"
    """The attribute of an operation that has its text."""

    def write(self, term: Term, level: int = LOWEST) -> str:
        """The term as text, in parentheses if it must be where this level is needed."""
        text, own_level = self._text(term)
        return f"({text})" if own_level < level else text

    def _text(self, term: Term) -> tuple[str, int]:
        """The term as text, and its level."""
        if term.symbol:
            return self.texts.get(term, term.symbol), ATOM
        if term.function is None:
            number = repr(term.number).replace("inf", "np.inf").replace("nan", "np.nan")
            return number, NEGATIVE if number.startswith("-") else ATOM
        template, level, needed = self._form(term)
        return template.format(*map(self.write, term.arguments, needed)), level

    def _form(self, term: Term) -> Form:
        function, options = cast(Any, term.function), dict(term.options)
        shapes = [argument.shape for argument in term.arguments]
        if isinstance(function, Operation):
            template = getattr(function, self.of_operation)(*shapes, **options)
            needed = tuple(LOWEST if f"({{{k}}})" in template else ATOM for k in range(len(shapes)))
            return template, PRODUCT if " / " in template else ATOM, needed
        if function is reshape and not term.shape:
            return "{}.item()", ATOM, (ATOM,)  # a number, which no += changes in place
        if function is reshape and shapes[0]:
            return f"{{}}.reshape({', '.join(map(str, term.shape))})", ATOM, (ATOM,)
        if function in COPIES:  # a scalar may be a Python number, which has no methods
            template = f"np.broadcast_to({{}}, {term.shape})" if shapes[0] else f"np.full({term.shape}, {{}})"
            return template, ATOM, (LOWEST,)
        if "axis" in options:
            name = REDUCTIONS.get(function, f"{function.__self__.__name__}.reduce")
            if options["axis"] is None and (function in REDUCTIONS or len(shapes[0]) == 1):
                del options["axis"]  # the default
            return f"np.{name}({{}}{''.join(f', {key}={value}' for key, value in options.items())})", ATOM, (LOWEST,)
        if function in self.forms and (
            function not in LOGICAL.values() or all(argument.is_bool for argument in term.arguments)
        ):
            return self.forms[function]
        return _call("np." * hasattr(np, function.__name__) + function.__name__, len(shapes))


class Rule(Code):
    """Writes terms for people: as code, but with our own operations by their names, such as softmax(S) - onehot(y)."""

    of_operation = "text"


@dataclass(frozen=True)
class Mathematics(Rule):
    """Writes terms as the notes do: A B is a product, A' the transposed matrix. Copies are not written."""

    known: Mapping[str, str]
    """Names for whole terms, by their text."""
    forms = IN_THE_NOTES

    def _text(self, term: Term) -> tuple[str, int]:
        if term.function in COPIES:
            return self._text(term.arguments[0])
        if term.number == 0.5:
            return "1/2", PRODUCT
        text, level = super()._text(term)
        text = text.replace("np.", "").removesuffix(".0")
        return (self.known[text], ATOM) if term.arguments and text in self.known else (text, level)

    def _form(self, term: Term) -> Form:
        function, options = cast(Any, term.function), dict(term.options)
        if "axis" in options:
            over = {None: "", 0: " over rows of", 1: " over columns of"}.get(options["axis"], " over some axes of")
            return f"{REDUCTIONS.get(function, function.__self__.__name__)}{over} {{}}", LOWEST, (POWER,)
        if function is np.multiply:
            first, second = term.arguments
            if "axis" in dict(second.options):
                return "{} {}", LOWEST, (PRODUCT, LOWEST)  # 1/2 sum A: what follows would seem to belong to the sum
            if second in parts(first):
                return "{1} {0}", PRODUCT, (POWER, PRODUCT)  # P (1 - P), not (1 - P) P
        return super()._form(term)


@lru_cache(maxsize=1 << 14)
def plain(formula: Formula, term: Term) -> Term:
    """The term as people read it: its parts are replaced by their plain forms; see ``gates.written_as``.

    The results are kept: a part can occur often in a formula, and equal gates have one formula.
    """
    written = formula.plain.get(term, term)
    arguments = tuple(plain(formula, argument) for argument in written.arguments)
    return written if arguments == written.arguments else replace(written, arguments=arguments)


def plain_if_equal(formula: Formula, term: Term, values: Mapping[Term, Any]) -> Term:
    """The plain form if it has the same numbers at these values of the symbols, without a warning; else the exact."""
    written = plain(formula, term)
    try:
        with np.errstate(all="raise", under="ignore"):
            numbers, exact = evaluate(written, values), evaluate(term, values)
    except FloatingPointError:
        return term
    return written if np.all(np.abs(numbers - exact) <= ROUNDING * np.abs(exact)) else term
