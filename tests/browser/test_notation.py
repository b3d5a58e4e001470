"""Promises of templates/stepping/notation.js: it writes numbers and arrays as Python and mlp.circuits.notation do."""

import json

import numpy as np
import pytest

from mlp.circuits import notation
from tests.browser.conftest import page_of

# Numbers go there as text that Python writes and back as text: a JSON number would be nan and inf, too.
OF_NUMBERS = """(texts) => JSON.stringify(JSON.parse(texts).map((text) => {
    const number = { nan: NaN, inf: Infinity, "-inf": -Infinity }[text] ?? Number(text);
    return [rounded(number), rounded(number, 3), python(number)];
}))"""
OF_ARRAYS = """(arrays) => JSON.stringify(JSON.parse(arrays).map(([shape, numbers]) => {
    const A = arrayOf(shape, numbers);
    return [rowsOf(A), written(A), operand(A)];
}))"""
SPECIAL = [
    *(0.0, -0.0, 1.0, -1.0, 0.1 + 0.2, 1 / 3, 2 / 3, 0.7310585786300049, 13850.0, 1e-9, -1e-9, 1e300, -1e300, 1e308),
    # In the middle of two numbers of 3 or 4 digits, and close to it.
    *(12.125, 12.375, 1234.5, 1235.5, -1234.5, 0.5625, 0.062515625, 2.5e-5, 1.0625, 1.1875, 4.5, 1000500.0, 10005e5),
    *(0.12345, 0.12355, 1.0005, 1.00049999, 1.00050001, 9.9995, 9.995, 99995.0, 99.95, 0.99995, 0.9999499),
    # Where a notation with an exponent begins, in one of them or in JavaScript.
    *(
        1e-4,
        9.9999e-5,
        0.00012345,
        1e-5,
        1e-6,
        1e-7,
        1.5e-7,
        9999.5,
        10000.5,
        12345.6,
        999999.0,
        999999.5,
        1e6,
        1000001.0,
    ),
    *(123456.789, 1e15, 1e16, 9999999999999998.0, 12345678901234567.0, 1e17, 1e20, 1e21, 1e22, 1.5e21, 123456789e14),
    # The limits of a float64, and what is no number.
    *(5e-324, 1.5e-323, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308, 2.0**53, 2.0**53 + 2),
    *(np.nan, np.inf, -np.inf),
]


@pytest.fixture
def page(visit, tmp_path):
    return visit(page_of(tmp_path, "passes/ndarray.js", "stepping/notation.js"))


def drawn():
    """Random numbers: of any size, of few digits, in the middle of two roundings, whole, and with any bits."""
    random = np.random.default_rng(25)
    signs = random.choice([-1, 1], 1000)
    for numbers in (
        signs * random.uniform(1, 10, 1000) * 10.0 ** random.integers(-30, 30, 1000),
        signs * random.uniform(0, 2000, 1000),
        signs * random.uniform(0, 100, 1000).round(2),
        signs * (random.integers(1000, 10000, 1000) + 0.5) * 2.0 ** random.integers(-3, 4, 1000),
        signs * random.integers(0, 2_000_000, 1000).astype(float),
        random.integers(0, 2**64, 2000, np.uint64).view(float),
    ):
        yield from numbers.tolist()


def test_a_number_is_written_as_python_writes_it(page):
    numbers = [*SPECIAL, *drawn()]
    assert len(numbers) > 7000
    found = json.loads(page.evaluate(OF_NUMBERS, json.dumps(list(map(repr, numbers)))))
    expected = [[notation.rounded(number), notation.rounded(number, 3), repr(number)] for number in numbers]
    differ = [(number, *pair) for number, *pair in zip(numbers, found, expected, strict=True) if pair[0] != pair[1]]
    assert differ == []


def test_an_array_is_written_in_rows_and_on_one_line(page):
    random = np.random.default_rng(7)
    shapes = [(), (1,), (3,), (4,), (5,), (1, 1), (2, 3), (4, 4), (3, 1), (1, 4), (4, 5), (5, 4), (1, 1, 1), (2, 2, 2)]
    arrays = [(random.standard_normal(shape) * 10.0 ** random.integers(-6, 7)).round(4) for shape in shapes * 20]
    given = [[array.shape, array.ravel().tolist()] for array in map(np.asarray, arrays)]
    found = json.loads(page.evaluate(OF_ARRAYS, json.dumps(given)))
    for array, texts in zip(map(np.asarray, arrays), found, strict=True):
        text = notation.written(array)
        assert texts == [notation.rows_of(array), text, f"({text})" if text.startswith("-") else text]
