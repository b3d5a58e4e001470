"""Promises of mlp.circuits.expression: its language, mistakes named with their place, and no text is ever run."""

import time
import warnings

import numpy as np
import pytest

from mlp.circuits.expression import MAX_CHARACTERS, MAX_ELEMENTS, parse
from mlp.circuits.source_text import parse_value, parse_values
from mlp.system.errors import InputError


def run(text, *values, stages=False, upstream=1.0):
    circuit = parse(text, parse_values(values), stages=stages)
    circuit.run(upstream)
    return circuit


def value(text, *values):
    circuit = run(text, *values)
    return circuit.graph.value(circuit.output.name)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [  # by hand, or by Python's own arithmetic
        ("2 + 3 * 4 - 1", (), 13),
        ("-2 ** 2", (), -4),
        ("(-2) ** 2", (), 4),
        ("2 ** -1", (), 0.5),
        ("7 / 2 / 2", (), 1.75),
        ("10 - 3 - 2", (), 5),
        ("--x", ("x=3",), 3),
        ("x - -3", ("x=1",), 4),
        ("max(x, y) - max(y, x)", ("x=1", "y=2"), 0),
        ("log(exp(x))", ("x=1.5",), 1.5),
        ("sigmoid(x)", ("x=1",), 0.7310585786300049),
        ("tanh(x) + sqrt(y)", ("x=0", "y=9"), 3),
        ("relu(x) + 10 * relu(y)", ("x=2", "y=-2"), 2),
        ("sin(x) + 10 * cos(x)", ("x=0",), 10),
        ("abs(x) - abs(y)", ("x=-3", "y=2"), 1),
        ("max(x, 7, y, -1)", ("x=3", "y=[9, 5]"), [9, 7]),
        ("add(x, y, 3, 4)", ("x=1", "y=[[1, 2], [3, 4]]"), [[9, 10], [11, 12]]),
        ("sum([[1, 2], [3, 4]])", (), 10),
        ("[[1, 2], [3, 4]] @ [5, 6]", (), [17, 39]),
        ("[1, -2] * x", ("x=[3, 4]",), [3, -8]),
        ("softmax_loss([0, 0], 1)", (), np.log(2)),
        ("svm_loss([3.2, 5.1, -1.7], 0)", (), 2.9),
        ("1_000 + 1e3 + .5", (), 2000.5),
        ("a = 2; b = a * 3; b", (), 6),
        ("x = 1; x = x + 1; x = x * 5", (), 10),
        (" a + b # a comment", ("a=1", "b=2"), 3),
        ("q = a + b\nq * 2", ("a=1", "b=2"), 6),
        ("é + Δ", ("é=1", "Δ=2"), 3),
        ("ﬁ + 1", ("ﬁ=1",), 2),  # Python takes the ligature for the two letters
    ],
)
def test_values(text, values, expected):
    np.testing.assert_allclose(value(text, *values), expected, rtol=1e-15, atol=1e-15)


def test_a_name_used_twice_is_one_leaf_and_its_gradients_add_up():
    circuit = run("x * x + x", "x=3")
    assert [node.name for node in circuit.nodes if node.gate is None] == ["x"]
    assert circuit.graph.gradient("x") == 7


def test_a_name_that_the_expression_gives_is_the_nodes_name():
    circuit = run("q = x + y; f = q * z", "x=-2", "y=5", "z=-4")
    assert [node.name for node in circuit.nodes] == ["x", "y", "q", "z", "f"]
    assert circuit.output.name == "f"


def test_without_names_the_output_is_f_and_the_rest_t1_t2_unless_these_are_taken():
    assert [node.name for node in run("(x + y) * (x - y)", "x=1", "y=2").nodes] == ["x", "y", "t1", "t2", "f"]
    names = [node.name for node in run("(f + t1) * 2 * dt2", "f=1", "t1=2", "dt2=1").nodes]
    assert sorted(names) == ["dt2", "f", "t1", "t3", "t4", "t5"]


def test_a_name_given_again_belongs_to_the_last_value():
    circuit = run("y = x + x; y = y * 3", "x=2")
    assert circuit.graph.value("y") == 12
    assert circuit.graph.gradient("x") == 6


def test_another_name_for_a_value_is_a_node_of_its_own():
    circuit = run("f = x", "x=3", upstream=2.0)
    assert (circuit.output.name, circuit.graph.value("f"), circuit.graph.gradient("x")) == ("f", 3, 2)


def test_stages_split_a_sigmoid_and_change_nothing_else():
    split, whole = (run("f = sigmoid(2 * x)", "x=0.5", stages=stages) for stages in (True, False))
    assert [str(node.gate) for node in split.nodes] == ["None", "multiply", "multiply", "exp", "add", "divide"]
    assert split.graph.value("f") == whole.graph.value("f")
    np.testing.assert_allclose(split.graph.gradient("x"), whole.graph.gradient("x"), rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "values", "column", "message"),
    [
        ("x + cube(y)", ("x=1", "y=1"), 5, "unknown function cube: the functions are exp, log"),
        ("x + sigmod(y)", ("x=1", "y=1"), 5, "unknown function sigmod: did you mean sigmoid?"),
        ("1 + ln(x)", ("x=1",), 5, r"unknown function ln: write log\(x\)"),
        ("np.exp(x)", ("x=1",), 1, r"unknown function np\.exp: did you mean exp\?"),
        ("math.sqrt(x)", ("x=1",), 1, r"unknown function math\.sqrt: did you mean sqrt\?"),
        ("fabs(x)", ("x=1",), 1, r"unknown function fabs: write abs\(x\)"),
        ("σ(x)", ("x=1",), 1, r"unknown function σ: write sigmoid\(x\)"),
        ("2 * x^2 + 1", ("x=1",), 6, r"\^ is not a power here: write 2 \* x\*\*2 \+ 1\n"),
        ("x^2" + " + x" * 30, ("x=1",), 2, r"\^ is not a power here: write x\*\*2\n"),
        ("3 + 2x", ("x=1",), 5, r"invalid decimal literal: to multiply write \*, as in 2\*x"),
        ("2(x + 1)", ("x=1",), 1, r"only the functions .* can be called: to multiply write \*"),
        ("x(y + 1)", ("x=1", "y=1"), 1, r"only the functions .* can be called: to multiply write \*"),
        ("a = 2; a(3)", (), 8, r"only the functions .* can be called: to multiply write \*"),
        ("(2 x)", ("x=1",), 2, r"invalid syntax. Is an operator missing, as in 2\*x\?"),
        ("x × y", ("x=1", "y=1"), 3, r"invalid character '×' \(U\+00D7\): write \*"),
        ("x·y", ("x=1", "y=1"), 1, r"x·y has no value: write \* for ·"),
        ("x − 1", ("x=1",), 3, r"invalid character '−' \(U\+2212\): write -"),
        ("x²", ("x=1",), 2, r"invalid character '²' \(U\+00B2\): write \*\*2"),
        ("（x + 1）", ("x=1",), 1, r"invalid character '（' \(U\+FF08\): write \("),
        ("2 * e", (), 5, r"e has no value: add e=2\.718281828459045, or write exp\(b\) for e \*\* b"),
        ("e ** x", ("x=1", "e=2"), 6, r"the exponent must be a number: write exp\(b\) for e \*\* b"),
        ("π", (), 1, r"π has no value: add π=3\.141592653589793"),
        ("x + y", ("x=1",), 5, "y has no value: add y=NUMBER"),
        ("[1, 2] + (  [1, 2, 3])", (), 8, r"add: shapes \(2,\) and \(3,\) do not broadcast"),
        ("(x) @ (x)", ("x=[[1, 2]]",), 5, r"matmul: shapes \(1, 2\) and \(1, 2\) do not fit: 2 columns meet 1 rows"),
        ("2 * svm_loss(s, s)", ("s=[1, 2]",), 5, r"svm loss: shapes \(2,\) and \(2,\) do not fit"),
        ("é + ü + ö", ("é=1", "ü=2"), 9, "ö has no value"),  # characters count, not bytes
        ("1 + max(1)", (), 5, "max takes 2 to 100 arguments, not 1\n"),
        ("add()", (), 1, "add takes 2 to 100 arguments, not 0\n"),
        (f"2 * max({', '.join(['x'] * 101)})", ("x=1",), 5, "max takes 2 to 100 arguments, not 101\n"),
        ("exp()", (), 1, "exp takes 1 argument, not 0\n"),
        ("1 + softmax_loss(s)", ("s=[1, 2]",), 5, "softmax_loss takes 2 to 3 arguments, not 1\n"),
        ("svm_loss(s, 0, 1, 2)", ("s=[1, 2]",), 1, "svm_loss takes 2 to 3 arguments, not 4\n"),
        (
            "svm_loss(s, [0, 1], w)",
            ("s=[[1, 2], [3, 4]]", "w=[1, 2, 3]"),
            1,
            r"svm loss: weights of shape \(3,\) do not fit: one for each example, \(2,\)",
        ),
        (
            "softmax_loss(s, 0, w)",
            ("s=[1, 2]", "w=[1]"),
            1,
            r"softmax loss: weights of shape \(1,\) do not fit: .* example, \(\)",
        ),
        ("softmax_loss(s, y, y)", ("s=[1, 2]", "y=0"), 17, "y is used as a number: it cannot be a class index too"),
        ("1 + softmax(s)", ("s=1",), 5, r"softmax: scores of shape \(\) do not fit: .* \(classes,\) or \(n, classes\)"),
        ("softmax(s, s)", ("s=[1, 2]",), 1, "softmax takes 1 argument, not 2\n"),
        ("max(1, b=2)", (), 1, "max takes 2 to 100 arguments, not an argument by name\n"),
        ("sum(*[1])", (), 5, "not in the language"),
        ("1 + softmax_loss(s, y)", ("s=[1, 2]", "y=2"), 21, "2 is not the index of a class: .* from 0 to 1"),
        ("1 + svm_loss(s, 0.5)", ("s=[1, 2]",), 17, "0.5 is not the index of a class"),
        (
            "q = y * 2; q + svm_loss(s, y)",
            ("s=[1, 2]", "y=1"),
            28,
            "y is used as a number: it cannot be a class index too",
        ),
        ("svm_loss(s, y) + y", ("s=[1, 2]", "y=1"), 16, "y is a class index: it cannot be used as a number too"),
        ("svm_loss(s, y * 1)", ("s=[1, 2]", "y=1"), 13, "a class index must be a given value: it cannot be computed"),
        ("L = svm_loss(s, y); y", ("s=[1, 2]", "y=1"), 21, "y is a class index: it cannot be the output too"),
        ("1if 1else 2", (), 1, "invalid decimal literal"),
        ("9" * 5000, (), 1, r"Exceeds the limit \(4300 digits\) for integer string conversion.*"),
        ("x ** y", ("x=1", "y=2"), 6, "the exponent must be a number"),
        ("1 + ", (), 4, "invalid syntax"),
        ("  2 * y", (), 5, "y has no value"),
        ("(1 + 2", (), 1, "'\\(' was never closed"),
        ("", (), 1, "there is nothing to compute"),
        ("# only a comment", (), 1, "there is nothing to compute"),
        ("a; b", ("a=1", "b=1"), 1, "this value is not used: give it a name"),
        ("a = 1; a + b = 3", ("b=1",), 8, "cannot assign to expression"),
        ("a, b = 1", (), 1, "not an expression or NAME = EXPRESSION"),
        ("a = b = 1", (), 1, "not an expression or NAME = EXPRESSION"),
        ("a += 1", (), 1, "not an expression or NAME = EXPRESSION"),
        ("x = 2; x * 3", ("x=1",), 1, "x already has a value, given as x=...: use another name here"),
        ("[1, [2]]", (), 1, "the items of an array must have the same shape"),
        ("2 * []", (), 5, "an array must not be empty"),
        ("[1, x]", ("x=1",), 5, "must be a number, or lists of numbers"),
        ("+x", ("x=1",), 1, "not in the language"),
        ("x // 2", ("x=1",), 1, "not in the language"),
        ("x % 2", ("x=1",), 1, "not in the language"),
        ("1j", (), 1, "not in the language"),
        ("True", (), 1, "not in the language"),
        ("'text'", (), 1, "not in the language"),
        ("x < 2", ("x=1",), 1, "not in the language"),
        ("x[0]", ("x=[1]",), 1, "not in the language"),
        ("1 if x else 2", ("x=1",), 1, "not in the language"),
        ("1 + 1e999", (), 5, "the number is too large"),
        ("1" + "0" * 310 + " + 1", (), 1, "the number is too large"),
        ("2 * log(x)", ("x=-1",), 5, r"the value of this \(log, t1\) is nan"),
        ("exp(x) * 2", ("x=1000",), 1, r"the value of this \(exp, t1\) is inf"),
        ("3 + x ** 0.5", ("x=0",), 5, r"the gradient of this \(given, x\) is inf"),
    ],
)
def test_a_mistake_is_named_with_its_column(text, values, column, message):
    with pytest.raises(InputError, match=rf"^the expression, column {column}: {message}") as caught:
        run(text, *values)
    _, line, caret = str(caught.value).split("\n")
    assert (line, caret) == (text.strip()[:120], " " * (column - 1) + "^")


def test_a_mistake_in_a_second_line_is_named_with_its_line():
    with pytest.raises(InputError, match=r"^the expression, line 2, column 3: nobody has no value") as caught:
        run("q = 1\nq*nobody")
    assert str(caught.value).endswith("\nq*nobody\n  ^")
    with pytest.raises(InputError, match=r"^the expression, line 2, column 3: nobody has no value"):
        run("q = 1\né*nobody*q", "é=1")


def test_line_ends_are_those_of_pythons_parser():
    assert value("q = a + b\rq * 2", "a=1", "b=2") == value("q = a + b\r\nq * 2", "a=1", "b=2") == 6
    with pytest.raises(InputError, match=r"^the expression, line 2, column 3: b has no value"):
        run("q = a\rq*b", "a=1")


def test_a_message_shows_the_part_of_a_long_line_around_the_mistake():
    with pytest.raises(InputError) as caught:
        run("+".join(["x"] * 100) + "+ y" + "+x" * 100, "x=1")
    _, line, caret = str(caught.value).split("\n")
    assert line[caret.index("^")] == "y"
    assert len(line) <= 120


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("exp + 1", (), "exp is a function"),
        ("sum = 3; sum * 2", (), "sum is a function"),
        ("max(1, 2)", ("max=3",), "max is a function"),
        ("abs * 2", ("abs=3",), "abs is a function"),
        ("__debug__ + 1", ("__debug__=1",), "__debug__ has a meaning in Python"),
        ("np + 1", ("np=1",), "np has a meaning in Python"),
        ("x", ("lambda=3", "x=1"), "lambda has a meaning in Python"),
        ("dx * x", ("x=1", "dx=2"), "dx is the gradient of x in the listing"),
        ("dq = x; q = dq * 2", ("x=1",), "dq is the gradient of q in the listing"),
        ("x + y", ("x=1", "y=2", "z=3"), "z has a value but is not in the expression: its names are x, y"),
    ],
)
def test_names_that_the_listing_cannot_use_are_refused(text, values, message):
    with pytest.raises(InputError, match=message):
        run(text, *values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x"], "x: must be NAME=VALUE"),
        (["1x=3"], "1x=3: must be NAME=VALUE"),
        (["=3"], "=3: must be NAME=VALUE"),
        (["x=1", "x=2"], "x=2: x already has a value"),
        (["x=abc"], "the value of x, column 1: must be a number"),
        (["+", "y", "x=1"], r"\+: must be NAME=VALUE, as in x=-2: put text with blanks in quotes"),
        (["W=[[1,", "2]]", "x=1"], r'W=\[\[1, 2\]\]: a shell splits .* in quotes: "W=\[\[1, 2\]\]"'),
        (["x=[1,", "y=2]"], "the value of x, column 1: '\\[' was never closed"),
        (["x=−2"], r"the value of x, column 1: invalid character '−' \(U\+2212\): write -"),
        (["x="], "the value of x, column 1: must be a number"),
        (["x=1; y=2"], "the value of x, column 1: must be a number"),
        (["x=[1, 2"], r"the value of x, column 1: '\[' was never closed"),
        (["x=[[1], [1, 2]]"], "the value of x, column 1: the items of an array must have the same shape"),
        (["x=nan"], "must be a number"),
        (["x=1e400"], "the number is too large"),
        (["x=" + "[" * 9 + "1" + "]" * 9], "an array has at most 8 dimensions"),
    ],
)
def test_an_invalid_value_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        parse_values(arguments)


def test_values_are_numbers_and_nested_lists_of_them():
    assert parse_value("x", "-2.5e1") == -25
    assert parse_value("x", "[[1, -2], [3, 4]]").tolist() == [[1, -2], [3, 4]]


HOSTILE = {
    "an import": "__import__('os').system('touch /tmp/owned')",
    "a bare import": "__import__('os')",
    "an import statement": "import os",
    "attributes": "().__class__.__bases__[0].__subclasses__()",
    "an attribute of a name": "x.__class__",
    "a lambda": "(lambda: 1)()",
    "a lambda as a value": "f = lambda: 1",
    "a comprehension": "[x for x in [1]]",
    "a walrus": "(y := 1) + y",
    "an f-string": "f'{1}'",
    "an await": "await x",
    "a decorator": "@x\ndef f(): pass",
    "10,000 parentheses": "(" * 10_000 + "x" + ")" * 10_000,
    "3,000 parentheses": "(" * 3_000 + "x" + ")" * 3_000,
    "9,000 signs": "-" * 9_000 + "x",
    "3,000 powers": "x" + "**2" * 3_000,
    "a sum of 5,000": "+".join(["x"] * 5_000),
    "a sum of 1,000": "+".join(["x"] * 1_000),
    "powers of powers": "9**9**9**9",
    "a list of a million": str([0] * 1_000_000),
    "a long product": "1" * 9_000 + "*" + "1" * 900,
    "a large array": "[" + "0," * 4_000 + "0]" + "*[[1],[1],[1]]",
    "a null byte": "x\0",
    "a lone surrogate": "x + \udcff",
    "a bidirectional override": "x + \u202e1",
    "an ellipsis": "...",
    "bytes": "b'1'",
    "a carriage return": "q=x\rfoo(q)",
    "a deep list": "[" * 150 + "1" + "]" * 150,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_refused_at_once_and_runs_nothing(text):
    began = time.perf_counter()
    with pytest.raises(InputError):
        run(text, "x=1")
    with pytest.raises(InputError):
        parse_values([f"x={text}"])
    assert time.perf_counter() - began < 5  # not a benchmark: it fails only if parsing hangs or grows exponentially


def test_an_expression_that_is_too_long_deep_or_large_is_refused():
    with pytest.raises(InputError, match=f"the expression has 20,001 characters: at most {MAX_CHARACTERS:,} are read"):
        run("x" * 20_001)
    with pytest.raises(InputError, match=f"more than {MAX_ELEMENTS:,} numbers in all values together"):
        run("x * y", f"x={[[1]] * 200}", f"y={[[1] * 200]}")
    with pytest.raises(InputError, match="more than 200 operations nested in one another: give parts of them names"):
        run("+".join(["x"] * 300), "x=1")


def test_a_sum_of_150_numbers_is_read():
    circuit = run("+".join(["x"] * 150), "x=1")
    assert (circuit.graph.value("f"), circuit.graph.gradient("x")) == (150, 150)


def test_forty_doublings_are_forty_gates():
    circuit = run("y0 = x + x; " + "; ".join(f"y{k} = y{k - 1} + y{k - 1}" for k in range(1, 40)), "x=1")
    assert len(circuit.nodes) == 41
    assert circuit.graph.gradient("x") == 2**40


def test_a_warning_of_pythons_parser_is_an_error_and_not_printed():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(InputError, match="column 1: invalid decimal literal"):
            run("1if 1else 2")
    assert caught == []


def test_constants_have_no_gradient_but_nodes_computed_from_them_do():
    circuit = run("z = 2 * (3 + 4); f = z * z")
    assert [(node.name, circuit.graph.gradient(node.name).item()) for node in circuit.nodes] == [
        ("t1", 56), ("z", 28), ("f", 1),
    ]  # fmt: skip
    assert not any(circuit.graph.has_gradient(node) for node in circuit.graph.nodes if node.constant)
    assert value("x / 1e-150", "x=1e100") == pytest.approx(
        1e250
    )  # although the derivative with respect to the constant would not be finite


def test_integers_that_float64_cannot_hold_are_its_nearest_numbers():
    assert value("x + 9007199254740993", "x=0") == 9007199254740992
    assert value("max(x, 10 ** 1 * 1e30)", "x=0") == 1e31


def test_the_given_arrays_are_copied():
    a = np.array([1.0, 2.0])
    circuit = parse("sum(x * y)", {"x": a, "y": a})
    circuit.run()
    for found in circuit.numeric().values():
        assert found.check.plain_error < 1e-9
    assert a.tolist() == [1, 2]
