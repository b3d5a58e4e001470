"""The formulas of many gates as one, in which constant factors act on the smallest arrays.

X = pixels / 255 and Z1 = X W1 divide every pixel. Z1 = (pixels W1) / 255 is the same, and divides only n x hidden
numbers. So each expression here is a term times a constant factor. The factor is passed on from term to term as long as
the mathematics allow it; where it cannot be passed on, the term is multiplied by it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from mlp.plan import VIEWS
from mlp.trace import Term

MAX_FACTOR = 1e12
"""A factor above this, or below its reciprocal, is not passed on: other numbers might overflow or become 0."""
MAX_POWER = 4
PRODUCTS = (np.multiply, np.matmul, np.outer)
"""A factor of any argument is a factor of the result."""
LINEAR: tuple[Any, ...] = (*VIEWS, np.add.reduce)
"""A factor of the only argument is a factor of the result."""
EXTREMES: Mapping[Any, Any] = {np.maximum: np.minimum, np.minimum: np.maximum}
"""What each becomes if both arguments change their sign."""
LARGEST_AND_SMALLEST: Mapping[Any, Any] = {a.reduce: b.reduce for a, b in EXTREMES.items()}
"""The same for the extremes along axes. If the factor of an array were not that of its largest number too, the array
minus its largest number would not be exactly 0 there: a softmax would take exp of a large rounding error."""
COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)


class Scaled(NamedTuple):
    """A term times a constant factor."""

    factor: float
    term: Term


class Terms:
    """The terms of many formulas. Equal expressions are one term."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Term] = {}

    def __repr__(self) -> str:
        return f"Terms({len(self._known):,} known)"

    def number(self, value: float) -> Term:
        """The term of a number."""
        return self._known.setdefault(("number", repr(value)), Term((), number=value))

    def inlined(self, term: Term, values: dict[Term, Scaled]) -> Scaled:
        """A term of a gate's formula, with ``values`` in place of its symbols; these are remembered in ``values``."""
        if term not in values:
            if term.number is not None:
                values[term] = Scaled(1, self.number(float(term.number)))
            else:
                arguments = [self.inlined(argument, values) for argument in term.arguments]
                values[term] = self._passed_on(term, arguments)
        return values[term]

    def total(self, a: Scaled, b: Scaled) -> Scaled:
        """The sum of two terms of one shape."""
        return self._sum(Term(a.term.shape, function=np.add), a, b)

    def times(self, factor: float, term: Term) -> Term:
        """The term multiplied by a factor."""
        if factor == 1:
            return term
        if term.number is not None:
            return self.number(factor * term.number)
        if factor == -1:
            return self._like(Term(term.shape, function=np.negative), term)
        return self._like(Term(term.shape, function=np.multiply), self.number(factor), term)

    def placed(self, scaled: Scaled, uses: Mapping[Term, int]) -> Term:
        """The same, with the factor multiplied into the smallest array from which the term is a product.

        ``uses`` says how often each term is used: what others use, too, stays as it is.
        """
        factor, term = scaled
        return term if factor == 1 else self._times_at(_smallest(term, uses)[1], factor, term)

    def _times_at(self, path: tuple[int, ...], factor: float, term: Term) -> Term:
        """The term with one of its parts multiplied; ``path`` are the positions of arguments on the way to it."""
        if not path:
            return self.times(factor, term)
        arguments, (position, *rest) = list(term.arguments), path
        arguments[position] = self._times_at(tuple(rest), factor, arguments[position])
        return self._like(term, *arguments)

    def _like(self, term: Term, *arguments: Term) -> Term:
        """A term with the same function, options and shape as another, of these arguments."""
        return self._of(term.function, term, *arguments)

    def _of(self, function: Callable[..., Any] | None, like: Term, *arguments: Term) -> Term:
        key = (function, arguments, like.options)
        new = Term(like.shape, like.is_bool, function, arguments, like.options)
        return self._known.setdefault(key, new)

    def _passed_on(self, term: Term, arguments: list[Scaled]) -> Scaled:
        """The term of these arguments, with their factors passed on if possible."""
        function, (first, *others) = term.function, arguments
        found = None
        if function in PRODUCTS:
            found = self._product(term, *arguments)
        elif function is np.divide:
            found = self._quotient(term, *arguments)
        elif function is np.negative:
            found = Scaled(-first.factor, first.term)
        elif function in LINEAR:
            found = Scaled(first.factor, self._like(term, first.term))
        elif function in LARGEST_AND_SMALLEST:
            function = function if first.factor > 0 else LARGEST_AND_SMALLEST[function]
            found = Scaled(first.factor, self._of(function, term, first.term))
        elif function in (np.add, np.subtract):
            found = self._sum(term, *arguments)
        elif function in EXTREMES or function in COMPARISONS:
            found = self._compared(term, *arguments)
        elif function is np.power and others[0].term.number is not None:
            found = self._power(term, first, others[0].term)
        if found is not None and is_moderate(found.factor):
            return found
        return Scaled(1, self._like(term, *(self.times(*argument) for argument in arguments)))

    def _product(self, term: Term, *arguments: Scaled) -> Scaled:
        factor, terms = 1.0, []
        for argument in arguments:
            if argument.term.number is not None and term.function is np.multiply:
                factor *= argument.term.number
            else:
                factor *= argument.factor
                terms.append(argument.term)
        if not terms:
            return Scaled(1, self.number(factor))
        return Scaled(factor, terms[0] if len(terms) == 1 else self._like(term, *terms))

    def _quotient(self, term: Term, a: Scaled, b: Scaled) -> Scaled | None:
        if not b.term.number:  # an array, or 0
            return None if b.term.number == 0 else Scaled(a.factor / b.factor, self._like(term, a.term, b.term))
        if a.term.number is not None:
            return Scaled(1, self.number(a.term.number / b.term.number))
        return Scaled(a.factor / b.term.number, a.term)

    def _sum(self, term: Term, a: Scaled, b: Scaled) -> Scaled:
        """A sum or difference: the smaller term is multiplied by the ratio of the factors; a number costs nothing."""
        (f, A), (g, B) = a, b if term.function is np.add else Scaled(-b.factor, b.term)
        if abs(f) != abs(g):
            if _cost(A, f) < _cost(B, g):
                f, A = math.copysign(g, f), self.times(abs(f / g), A)
            else:
                g, B = math.copysign(f, g), self.times(abs(g / f), B)
        if f > 0 > g:
            return Scaled(f, self._of(np.subtract, term, A, B))
        if f < 0 < g:
            return Scaled(g, self._of(np.subtract, term, B, A))
        return Scaled(f, self._of(np.add, term, A, B))

    def _compared(self, term: Term, a: Scaled, b: Scaled) -> Scaled | None:
        """The larger or smaller of two, or a comparison: of numbers, or of arrays with the same factor."""
        function, factor = term.function, b.factor if a.term.number is not None else a.factor
        numbers = [one.term.number for one in (a, b) if one.term.number is not None]
        if (not numbers and a.factor != b.factor) or (factor < 0 and function not in EXTREMES):
            return None
        arguments = [one.term if one.term.number is None else self.times(1 / factor, one.term) for one in (a, b)]
        if function in COMPARISONS:
            return Scaled(1, self._like(term, *arguments))
        return Scaled(factor, self._of(EXTREMES[function] if factor < 0 else function, term, *arguments))

    def _power(self, term: Term, base: Scaled, exponent: Term) -> Scaled | None:
        """(f A)^k = f^k A^k: for f below 0 only if k is whole; not for large k, at which f^k may overflow."""
        k = exponent.number
        if k is None or not (base.factor > 0 or k == int(k)) or abs(k) > MAX_POWER:
            return None
        return Scaled(base.factor**k, self._like(term, base.term, exponent))


def is_moderate(factor: float) -> bool:
    """Whether a factor can be passed on."""
    return 1 / MAX_FACTOR <= abs(factor) <= MAX_FACTOR


def _cost(term: Term, factor: float) -> float:
    """The multiplications that a factor takes; half a number less if the term has one already, to break ties."""
    return 0 if term.number is not None else math.prod(term.shape) - 0.5 * (abs(factor) != 1)


def _smallest(term: Term, uses: Mapping[Term, int]) -> tuple[int, tuple[int, ...]]:
    """The size of the smallest array from which a term is a product, and the positions of arguments on the way to it.

    If other terms use an argument too, a copy of it can be multiplied, but not the arrays from which it is computed:
    the argument would be computed a second time.
    """
    best: tuple[int, tuple[int, ...]] = math.prod(term.shape), ()
    is_product = term.function in PRODUCTS or term.function in LINEAR
    for position, argument in enumerate(term.arguments if is_product else ()):
        size, path = _smallest(argument, uses) if uses[argument] == 1 else (math.prod(argument.shape), ())
        if argument.number is None:
            best = min(best, (size, (position, *path)), key=lambda found: found[0])
    return best
