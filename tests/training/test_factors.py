"""Promises of mlp.training.factors: the same numbers, with constant factors at the smallest arrays."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlp.trace import Term, count_uses, evaluate, parts, trace_function
from mlp.training.factors import MAX_FACTOR, Scaled, Terms

DOUBLE = np.dtype(float)
SHAPES = {"A": (4, 3), "B": (4, 3), "r": (3,), "c": (4, 1), "M": (3, 5)}
NUMBERS = {name: np.random.default_rng(k).normal(size=shape) for k, (name, shape) in enumerate(SHAPES.items())}


def scaled(function, factors=None):
    """A function's result as a term times a factor; each argument is one of the symbols, times its factor."""
    shapes = {name: SHAPES[name] for name in function.__code__.co_varnames[: function.__code__.co_argcount]}
    symbols, (term,) = trace_function(lambda *arguments: [function(*arguments)], shapes, DOUBLE)
    terms = Terms()
    given_symbols = {
        symbol: Scaled((factors or {}).get(symbol.symbol, 1.0), Term(symbol.shape, symbol=symbol.symbol))
        for symbol in symbols
    }
    return terms, terms.inlined(term, given_symbols)


def value(term):
    return evaluate(term, {part: NUMBERS[part.symbol] for part in parts(term) if part.symbol})


def functions(term):
    return [part.function for part in parts(term) if part.function is not None]


FUNCTIONS = {
    "a product": lambda A, M: A @ M,
    "two products": lambda A, B, M: (A * B) @ M,
    "a bias": lambda A, r: A + r,
    "minus a bias": lambda A, r: r - A,
    "a column": lambda A, c: A / c,
    "one minus": lambda A: 1 - A,
    "minus one": lambda A: A - 1,
    "numbers": lambda A: 2 * (3 * A) / 5 + 0.5,
    "an exponential": lambda A: np.exp(-A),
    "a sigmoid": lambda A: 1 / (1 + np.exp(-np.maximum(A, -0.5))),
    "a relu and its slope": lambda A, B: np.maximum(A, 0) * (B > 0),
    "a comparison of numbers": lambda A: 1.0 * (A >= 0.25),
    "the smaller": lambda A, B: np.minimum(A, B),
    "the smaller of a number": lambda A: np.minimum(0.125, -A),
    "squares": lambda A, B: (A - B) ** 2,
    "a power": lambda A: np.abs(A) ** 0.5,
    "a large power": lambda A: A**6,
    "below the largest": lambda A: A - A.max(axis=1, keepdims=True),
    "the smallest of each row": lambda A, c: np.min(A, axis=1, keepdims=True) * c,
    "a sum": lambda A: -A.sum(axis=0),
    "views": lambda A: A.T.reshape(2, 6),
    "a choice": lambda A, B: np.where(A > 0, A, B),
    "no number": lambda A: A * 0 + A / 4,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(f=st.sampled_from([1.0, -1.0, 1 / 255, -3.5, 1e-8]), g=st.sampled_from([1.0, -1.0, 1 / 255, 2.0]))
def test_a_factor_of_an_argument_gives_the_numbers_that_it_should(name, f, g):
    """Computed by NumPy from the arguments times their factors."""
    function, factors = FUNCTIONS[name], {"A": f, "B": g, "r": g, "c": f, "M": g}
    terms, found = scaled(function, factors)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    expected = function(*(factors[name] * NUMBERS[name] for name in names))
    np.testing.assert_allclose(
        found.factor * value(found.term), expected, rtol=1e-12, atol=1e-14 * np.abs(expected).max()
    )
    placed = terms.placed(found, count_uses(found.term))
    np.testing.assert_allclose(value(placed), expected, rtol=1e-12, atol=1e-14 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "factor"),
    [("a product", 6), ("two products", 18), ("a bias", 2), ("a column", 1), ("squares", 4), ("an exponential", 1)],
)
def test_a_factor_is_passed_on_where_the_mathematics_allow_it(name, factor):
    """A has the factor 2, B, r and M have 3; the row r is multiplied by 3/2, not the matrix A by 2."""
    _, found = scaled(FUNCTIONS[name], {"A": 2.0, "B": 3.0, "r": 3.0, "M": 3.0, "c": 2.0})
    assert found.factor == pytest.approx(factor)


@pytest.mark.parametrize("factor", [1 / 255, -1 / 255, 1e-8, -3.5])
@pytest.mark.parametrize("extreme", [np.max, np.min])
def test_a_number_minus_itself_is_0_whatever_its_factor_is(extreme, factor):
    """A softmax relies on it: the largest score minus the largest score is exactly 0, even if scores are huge."""
    _, found = scaled(lambda A: A - extreme(A, axis=1, keepdims=True), {"A": factor})
    D, S = found.factor * value(found.term), factor * NUMBERS["A"]
    is_extreme = np.equal(S, extreme(S, axis=1, keepdims=True))
    assert not D[is_extreme].any()


def test_the_smallest_array_is_multiplied():
    """A (4, 3) times M (3, 5), of shape (4, 5): A is multiplied, unless another term needs it as it is."""
    terms, found = scaled(FUNCTIONS["a product"], {"M": 7.0})
    product = terms.placed(found, count_uses(found.term))
    assert product.function is np.matmul
    assert [argument.shape for argument in product.arguments if argument.function is np.multiply] == [(4, 3)]
    _, chain = scaled(lambda A, B, M: (A * B) @ M)
    shared = terms.placed(Scaled(2.0, chain.term), count_uses(chain.term, chain.term.arguments[0]))
    assert functions(shared).count(np.multiply) == 2  # the product A B is not computed a second time
    assert chain.term.arguments[0] in set(parts(shared))


def test_equal_expressions_are_one_term():
    terms = Terms()
    A = Scaled(1.0, Term((4, 3), symbol="A"))
    first, second = (terms.total(A, A) for _ in range(2))
    assert first.term is second.term
    assert terms.times(1, A.term) is A.term
    assert terms.times(2.0, terms.number(3.0)) is terms.number(6.0)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_a_factor_that_may_overflow_stays_where_it_is(number):
    assume(number not in (0, 1))
    _, found = scaled(lambda A: A * number)
    assert found.factor == 1 or 1 / MAX_FACTOR <= abs(found.factor) <= MAX_FACTOR
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_allclose(found.factor * value(found.term), number * NUMBERS["A"], rtol=1e-15)
    assert math.isfinite(found.factor)
