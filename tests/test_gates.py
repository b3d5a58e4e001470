"""Promises of mlp.gates: each forward pass is its equation, each backward pass its derivative."""

import numpy as np
import pytest

from mlp.gates import (
    Absolute,
    Add,
    Cosine,
    Divide,
    Elementwise,
    Exponential,
    Gate,
    Identity,
    Logarithm,
    Matmul,
    Max,
    Multiply,
    Negate,
    Power,
    Relu,
    Sigmoid,
    Sine,
    Softmax,
    Sqrt,
    Subtract,
    Sum,
    Tanh,
)
from mlp.gradient_check import all_gates, check_gate
from mlp.graph import ComputationalGraph
from mlp.losses import CrossEntropyLoss, EuclideanLoss, SoftmaxLoss, SVMLoss
from tests.made_gates import Made, MadeElementwise

ONE_EACH = [Add(), Subtract(), Multiply(), Divide(), Identity(), Negate(), Exponential(), Logarithm(), Max(), Sigmoid()]
ONE_EACH += [Sqrt(), Sine(), Cosine(), Absolute(), Relu(), Tanh()]
ONE_EACH += [Power(-1.5), Matmul(), Softmax(), Sum(), EuclideanLoss(), CrossEntropyLoss(), SoftmaxLoss(), SVMLoss()]
GATES = [*ONE_EACH, Power(-1), Power(0), Power(0.5), Power(1), Power(2), Power(3)]


def run(gate, *inputs, upstream=1.0, precision="float64"):
    """The gate's value and its inputs' gradients."""
    graph = ComputationalGraph(precision)
    leaves = [graph.leaf(name, value) for name, value in zip("ABCDE", inputs, strict=False)]
    value = graph.forward(graph.apply(gate, *leaves)).copy()
    graph.backward(upstream)
    return value, *(graph.gradient(leaf.name) for leaf in leaves if graph.has_gradient(leaf))


@pytest.mark.parametrize(
    ("gate", "inputs", "value", "upstream", "gradients"),
    [
        (Multiply(), (3.0, -4.0), -12.0, 2.0, (-8.0, 6.0)),
        (Add(), (1.0, 2.0, 4.0), 7.0, 2.0, (2.0, 2.0, 2.0)),
        (Divide(), (1.0, 4.0), 0.25, 16.0, (4.0, -1.0)),
        (Max(), (2.0, 5.0, 3.0), 5.0, 2.0, (0.0, 2.0, 0.0)),
        (Relu(), (-2.0,), 0.0, 3.0, (0.0,)),
        (Relu(), (2.0,), 2.0, 3.0, (3.0,)),
        (Absolute(), (-2.0,), 2.0, 3.0, (-3.0,)),
        (Sqrt(), (4.0,), 2.0, 2.0, (0.5,)),
        (Sigmoid(), (0.0,), 0.5, 4.0, (1.0,)),
        (Power(3), (2.0,), 8.0, 0.5, (6.0,)),
        (EuclideanLoss(), (0.5, 1.0), 0.125, 2.0, (-1.0, 1.0)),
        (EuclideanLoss(), (0.5, 1.0, None), 0.125, 2.0, (-1.0, 1.0)),
        (EuclideanLoss(), (0.5, 1.0, 3.0), 0.375, 2.0, (-3.0, 3.0, 0.25)),
    ],
    ids=str,
)
def test_a_gate_computes_by_itself_with_numbers(gate, inputs, value, upstream, gradients):
    assert gate.forward(*inputs) == value
    assert gate.backward(upstream, value, *inputs) == gradients


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("gate", GATES, ids=str)
def test_a_gate_by_itself_computes_what_it_computes_in_a_graph(gate, precision):
    for shapes in gate.check_shapes:
        inputs = inputs_of(gate, shapes, precision)
        value, *gradients = run(gate, *inputs, precision=precision, upstream=3.0)
        C = gate.forward(*inputs)
        tolerance = 4 * np.finfo(precision).eps
        np.testing.assert_allclose(value, C, rtol=tolerance)
        dC = np.full_like(value, 3.0)
        own = [dA for dA in gate.checked_backward(dC, C, *inputs) if dA is not None]
        for found, right in zip(gradients, own, strict=True):
            np.testing.assert_allclose(found, right, rtol=tolerance, atol=tolerance)


def test_the_softmax_by_hand():
    """The sum of dP P is 1 here: dS = P (dP - 1)."""
    P, dS = run(Softmax(), [0.0, np.log(3)], upstream=[4.0, 0.0])
    np.testing.assert_allclose(P, [0.25, 0.75], rtol=2e-15)
    np.testing.assert_allclose(dS, [0.75, -0.75], rtol=4e-15)


def test_a_loss_computes_by_itself_with_and_without_weights():
    S, y, w = np.array([[1.0, 3.0, 2.5], [2.0, 0.5, 0.0]]), np.array([0, 0]), np.array([2.0, 0.5])
    assert SVMLoss().forward(S, y) == 5.5
    assert SVMLoss().forward(S, y, w) == 11
    dS, dy = SVMLoss().backward(1.0, 5.5, S, y)
    assert (dS.tolist(), dy) == ([[-2, 1, 1], [0, 0, 0]], None)
    dS, dy, dw = SVMLoss().backward(1.0, 11, S, y, w)
    assert (dS.tolist(), dy, dw.tolist()) == ([[-4, 2, 2], [0, 0, 0]], None, [5.5, 0])


def inputs_of(gate, shapes, precision):
    """Positive inputs for a gate; class indices are whole numbers."""
    random = np.random.default_rng(0)
    inputs = [random.uniform(1, 2, shape).astype(precision) for shape in shapes]
    return [np.floor(array) if k in gate.indices else array for k, array in enumerate(inputs)]


def test_no_gate_is_left_out_here():
    assert sorted(map(str, all_gates())) == sorted(map(str, GATES))


def test_gates_of_two_inputs_are_checked_with_either_one_broadcast():
    for gate in (Add, Multiply, Divide, Max):
        pairs = [shapes for shapes in gate.check_shapes if len(shapes) == 2]
        broadcast = {k for shapes in pairs for k in (0, 1) if shapes[k] != np.broadcast_shapes(*shapes)}
        assert broadcast == {0, 1}
        assert ((), ()) in gate.check_shapes


BROADCAST_SUM = [[1111, 2112], [1121, 2122], [1131, 2132]]


@pytest.mark.parametrize(
    ("gate", "inputs", "expected"),
    [  # by hand: the value, then the gradient of each input
        (Add(), (3, -4), (-1, 1, 1)),
        (Multiply(), (3, -4), (-12, -4, 3)),
        (Divide(), (1, 4), (0.25, 0.25, -0.0625)),
        (Max(), (2, -1), (2, 1, 0)),
        (Max(), (-1, 2), (2, 0, 1)),
        (Max(), (2, 2), (2, 1, 0)),  # a tie goes to the first
        (Max(), (1, 3, 2), (3, 0, 1, 0)),
        (Max(), (1, 2, 3, 3), (3, 0, 0, 1, 0)),  # a tie of the last two
        (Max(), (3, 1, 3), (3, 1, 0, 0)),  # a tie of the first and the last
        (Max(), (2, 2, 2), (2, 1, 0, 0)),
        (Max(), ([1, 5, 3], 3, [[2], [4]]), ([[3, 5, 3], [4, 5, 4]], [0, 2, 1], 1, [[0], [2]])),
        (Add(), (1, 2, 4), (7, 1, 1, 1)),
        (
            Add(),
            ([1, 2], [[10], [20], [30]], 100, [[1000, 2000]]),
            (BROADCAST_SUM, [3, 3], [[2], [2], [2]], 6, [[3, 3]]),
        ),
        (Sqrt(), (9,), (3, 1 / 6)),
        (Sine(), (0,), (0, 1)),
        (Sine(), (np.pi / 6,), (0.5, 0.8660254037844386)),
        (Cosine(), (0,), (1, 0)),
        (Cosine(), (np.pi / 3,), (0.5, -0.8660254037844386)),
        (Absolute(), (-3,), (3, -1)),
        (Absolute(), (3,), (3, 1)),
        (Absolute(), (0,), (0, 0)),
        (Relu(), ([-2, 0, 3],), ([0, 0, 3], [0, 0, 1])),
        (Tanh(), (0,), (0, 1)),
        (Tanh(), (np.log(2),), (0.6, 0.64)),
        (Sigmoid(), (0,), (0.5, 0.25)),
        (Sigmoid(), (1,), (0.7310585786300049, 0.19661193324148185)),
        (Subtract(), (3, -4), (7, 1, -1)),
        (Identity(), (3,), (3, 1)),
        (Negate(), (3,), (-3, -1)),
        (Power(3), (-2,), (-8, 12)),
        (Power(-1), (4,), (0.25, -0.0625)),
        (Power(0.5), (9,), (3, 1 / 6)),
        (Power(0), (0,), (1, 0)),
        (Power(1), (0,), (0, 1)),
        (Power(2), (0,), (0, 0)),
        (Exponential(), (1,), (2.718281828459045, 2.718281828459045)),
        (Logarithm(), (4,), (1.3862943611198906, 0.25)),
        (Sum(), ([[1, 2], [3, 4]],), (10, [[1, 1], [1, 1]])),
        (CrossEntropyLoss(), (0, 1), (0.6931471805599453, -0.5, 0)),
        (CrossEntropyLoss(), (-1000, 1), (1000, -1, 1000)),
        (CrossEntropyLoss(), (1000, 1), (0, 0, -1000)),
        (CrossEntropyLoss(), (40, 1), (4.248354255291589e-18, 0, -40)),  # log1p(exp(-40)): small, but not lost
        # The example of the CS231n notes: scores of a cat, a car and a frog for the image of a cat.
        (SVMLoss(), ([3.2, 5.1, -1.7], 0), (2.9, [-1, 1, 0])),
        (
            SVMLoss(),
            ([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]], [0, 1, 2]),
            (15.8, [[-1, 1, 0], [0, 0, 0], [1, 1, -2]]),
        ),
        (SVMLoss(), ([3.2, 5.1, -1.7], 0, 10), (29, [-10, 10, 0], 2.9)),
        (
            SVMLoss(),
            ([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]], [0, 1, 2], [10, 5, 2]),
            (54.8, [[-10, 10, 0], [0, 0, 0], [2, 2, -4]], [2.9, 0, 12.9]),
        ),
        (SoftmaxLoss(), ([0, np.log(3)], 0), (np.log(4), [-0.75, 0.75])),
        (SoftmaxLoss(), ([0, np.log(3)], 0, 4), (4 * np.log(4), [-3, 3], np.log(4))),
        (
            SoftmaxLoss(),
            ([[0, np.log(3)], [5, 5]], [1, 0], [4, 2]),
            (4 * np.log(4 / 3) + 2 * np.log(2), [[1, -1], [-1, 1]], [np.log(4 / 3), np.log(2)]),
        ),
        (Softmax(), ([7, 7, 7, 7],), ([0.25, 0.25, 0.25, 0.25], [0, 0, 0, 0])),  # of a sum that is always 1
        (Softmax(), ([[3, 3], [1000, 1000]],), ([[0.5, 0.5], [0.5, 0.5]], [[0, 0], [0, 0]])),
        (Softmax(), ([-1000, 1000],), ([0, 1], [0, 0])),
        (SoftmaxLoss(), ([[0, np.log(3)], [5, 5]], [1, 0]), (np.log(4 / 3) + np.log(2), [[0.25, -0.25], [-0.5, 0.5]])),
        (SoftmaxLoss(), ([1000, 0], 0), (0, [0, 0])),
        (SoftmaxLoss(), ([1000, 0], 1), (1000, [1, -1])),
        (EuclideanLoss(), (0.5, 1), (0.125, -0.5, 0.5)),
        (EuclideanLoss(), ([[0.5], [1]], [[1], [0]]), (0.625, [[-0.5], [1]], [[0.5], [-1]])),
        (EuclideanLoss(), ([[0.5], [1]], [[1], [0]], [8, 2]), (2, [[-4], [2]], [[4], [-2]], [0.125, 0.5])),
        (
            EuclideanLoss(),
            ([[0.5, 1], [0, 2]], [[1, 0], [0, 1]], [8, 2]),
            (6, [[-4, 8], [0, 2]], [[4, -8], [0, -2]], [0.625, 0.5]),
        ),
        (EuclideanLoss(), ([0.5, 1], [1, 0], [8, 2]), (2, [-4, 2], [4, -2], [0.125, 0.5])),
        (CrossEntropyLoss(), (0, 1, 2), (2 * np.log(2), -1, 0, np.log(2))),
        (
            CrossEntropyLoss(),
            ([[0], [np.log(3)]], [[1], [0]], [2, 4]),
            (2 * np.log(2) + 4 * np.log(4), [[-1], [3]], [[0], [-4 * np.log(3)]], [np.log(2), np.log(4)]),
        ),
        (Matmul(), ([[1, 2]], [[1, 0, 2], [0, 1, 3]]), ([[1, 2, 8]], [[3, 4]], [[1, 1, 1], [2, 2, 2]])),
        (Matmul(), ([1, 2], [3, 4]), (11, [3, 4], [1, 2])),
        (Matmul(), ([[1, 2], [3, 4]], [5, 6]), ([17, 39], [[5, 6], [5, 6]], [4, 6])),
        (
            Add(),
            ([[1, 2], [3, 4]], [10, 20]),
            ([[11, 22], [13, 24]], [[1, 1], [1, 1]], [2, 2]),
        ),  # the bias of the notes
    ],
)
def test_value_and_gradients_by_hand(gate, inputs, expected):
    for found, right in zip(run(gate, *inputs), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=2e-15)
        assert np.shape(found) == np.shape(right)


@pytest.mark.parametrize("gate", GATES, ids=str)
def test_analytic_gradients_are_the_numeric_ones(gate):
    for shapes in gate.check_shapes:
        for check in check_gate(gate, shapes, np.random.default_rng(5)):
            assert check.passed, check


@pytest.mark.parametrize(
    ("gate", "position"),
    [(gate, k) for gate in ONE_EACH for k in range(max(map(len, gate.check_shapes))) if k not in gate.indices],
    ids=str,
)
@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(lambda dA: dA * 1.001, id="a factor"),
        pytest.param(lambda dA: -dA, id="a sign"),
        pytest.param(lambda dA: dA + 0.01, id="an offset"),
        pytest.param(lambda dA: dA * 0, id="nothing"),
    ],
)
def test_any_mistake_in_a_backward_pass_is_found_and_no_other_gradient_blamed(gate, position, mistake, monkeypatch):
    kind = type(gate)
    right = kind.backward

    def wrong(self, dC, C, *inputs):
        return tuple(mistake(dA) if k == position else dA for k, dA in enumerate(right(self, dC, C, *inputs)))

    monkeypatch.setattr(kind, "backward", wrong)
    checks = [check_gate(gate, shapes, np.random.default_rng(5)) for shapes in gate.check_shapes]
    blamed = {"ABCD".index(array.name) for arrays in checks for array in arrays if not array.passed}
    assert blamed == {position}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_sigmoid_is_stable_and_silent_up_to_ten_thousand(precision):
    Z = np.array([-1e4, -800, -90, -30, 0, 30, 90, 800, 1e4], precision)
    with np.errstate(all="raise", under="ignore"):  # as NumPy: exp(-Z) of a large Z is 0
        P, dZ = run(Sigmoid(), Z, precision=precision)
    assert P.dtype == dZ.dtype == precision
    assert np.all((P > 0) & (P <= 1))
    assert np.all(np.diff(P) >= 0)
    assert np.all((dZ >= 0) & (dZ <= 0.25))
    exact = [0, 0, 8.194012623990515e-40, 9.357622968839299e-14, 0.5, 1 - 9.357622968839299e-14, 1, 1, 1]
    np.testing.assert_allclose(P, exact, rtol=4 * np.finfo(precision).eps, atol=2e-38)


def test_the_sigmoid_of_nan_is_nan():
    assert np.isnan(run(Sigmoid(), [0.0, np.nan])[0]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("gate", "inputs", "message"),
    [
        (Add(), (np.ones((2, 3)), np.ones(2)), r"add: shapes \(2, 3\) and \(2,\) do not broadcast"),
        (Matmul(), (np.ones((2, 3)), np.ones((2, 3))), r"\(2, 3\) and \(2, 3\) do not fit: 3 columns meet 2 rows"),
        (Matmul(), (np.ones((2, 3)), 1.0), "each must be a vector or a matrix"),
        (Matmul(), (np.ones((2, 2, 2)), np.ones((2, 2))), "each must be a vector or a matrix"),
        (SoftmaxLoss(), (np.ones(3), np.ones(3)), r"shapes \(3,\) and \(3,\) do not fit"),
        (SVMLoss(), (np.ones((2, 3)), 1.0), r"shapes \(2, 3\) and \(\) do not fit"),
        (SVMLoss(), (1.0, 0.0), r"shapes \(\) and \(\) do not fit"),
        (CrossEntropyLoss(), (np.ones((4, 1)), np.ones(4)), r"shapes \(4, 1\) and \(4,\) differ"),
        (EuclideanLoss(), (np.ones((4, 1)), np.ones(4)), r"shapes \(4, 1\) and \(4,\) differ"),
        (Softmax(), (1.0,), r"softmax: scores of shape \(\) do not fit: they must be \(classes,\) or \(n, classes\)"),
        (Softmax(), (np.ones((2, 2, 2)),), r"softmax: scores of shape \(2, 2, 2\) do not fit"),
        (
            EuclideanLoss(),
            (np.ones((4, 1)), np.ones((4, 1)), np.ones((4, 1))),
            r"euclidean loss: weights of shape \(4, 1\) do not fit: one for each example, \(4,\)",
        ),
        (
            CrossEntropyLoss(),
            (np.ones((4, 3)), np.ones((4, 3)), np.ones(3)),
            r"cross-entropy loss: weights of shape \(3,\) do not fit: one for each example, \(4,\)",
        ),
        (EuclideanLoss(), (1.0, 1.0, np.ones(1)), r"weights of shape \(1,\) do not fit: one for each example, \(\)"),
        (
            SoftmaxLoss(),
            (np.ones((4, 3)), np.ones(4), 1.0),
            r"softmax loss: weights of shape \(\) do not fit: one for each example, \(4,\)",
        ),
        (SVMLoss(), (np.ones(3), 0.0, np.ones(3)), r"weights of shape \(3,\) do not fit: one for each example, \(\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(gate, inputs, message):
    with pytest.raises(ValueError, match=message):
        run(gate, *inputs)


def test_a_gate_in_float32_stays_in_float32():
    for gate in GATES:
        for shapes in gate.check_shapes:
            inputs = inputs_of(gate, shapes, "float32")
            assert {array.dtype for array in run(gate, *inputs, precision="float32")} == {np.dtype("float32")}


@pytest.mark.parametrize("gate", [SoftmaxLoss(), SVMLoss()], ids=str)
@pytest.mark.parametrize("wrong", [-1, 3, 0.5, np.nan])
def test_an_invalid_class_index_is_named(gate, wrong):
    with pytest.raises(ValueError, match=rf"{wrong} is not the index of a class: .* from 0 to 2"):
        run(gate, [[1.0, 2, 3], [4, 5, 6]], [0, wrong])


def test_the_softmax_loss_keeps_its_digits_if_the_right_score_is_by_far_the_largest():
    E, dS = run(SoftmaxLoss(), [1000, 990], 0, precision="float32")
    assert pytest.approx(np.log1p(np.exp(-10)), rel=1e-6) == E
    p = 1 / (1 + np.exp(10))
    np.testing.assert_allclose(dS, [-p, p], rtol=1e-6)


def test_the_number_of_inputs_of_a_loss_is_two_or_three():
    graph = ComputationalGraph()
    x = graph.leaf("x", 1.0)
    for gate in (EuclideanLoss(), CrossEntropyLoss(), SoftmaxLoss(), SVMLoss()):
        for count in (1, 4):
            with pytest.raises(ValueError, match=rf"^{gate} takes 2 to 3 inputs, not {count}$"):
                graph.apply(gate, *[x] * count)


class Scaled(Gate):
    """C = A B, or A without B."""

    name = "scaled"

    @classmethod
    def check_instances(cls):
        return []

    def forward(self, A, B=None):
        return A if B is None else A * B

    def backward(self, dC, C, A, B=None):
        return (dC,) if B is None else (dC * B, dC * A)


def test_an_input_whose_default_is_none_may_be_left_out():
    assert [float(number) for number in run(Scaled(), 3.0)] == [3, 1]
    assert [float(number) for number in run(Scaled(), 3.0, 5.0)] == [15, 5, 3]


def test_a_node_used_only_as_a_class_index_needs_no_gradient():
    graph = ComputationalGraph()
    s, y = graph.input("s"), graph.leaf("y", 0)
    assert not graph.apply(SVMLoss(), s, y).needs_gradient


def test_nothing_flows_back_to_a_class_index():
    graph = ComputationalGraph()
    s, a = graph.leaf("s", [3.2, 5.1, -1.7]), graph.leaf("a", 1)
    y = graph.apply(Negate(), graph.apply(Negate(), a), name="y")
    graph.forward(graph.apply(Add(), graph.apply(SVMLoss(), s, y, name="E"), a))
    graph.backward()
    assert graph.gradient("a") == 1  # by the sum alone
    assert not graph.has_gradient(y)
    with pytest.raises(ValueError, match="y has no gradient"):
        graph.gradient("y")


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (
            Made(lambda A, B: A * B, lambda dC, A, B: (dC * B, dC * A)),
            "made: .* takes 3 positional arguments but 4 were",
        ),
        (Made(lambda A, B: A * B, lambda dC, C, A, B: dC * B), r"made: backward returns an array: .* tuple \(dA, dD\)"),
        (Made(lambda A, B: A * B, lambda dC, C, A, B: [dC, dC]), r"made: backward returns a list: it must return"),
        (Made(lambda A, B: A * B, lambda dC, C, A, B: None), r"made: backward returns a NoneType: it must return"),
        (Made(lambda A, B: A * B, lambda dC, C, A, B: (dC,)), r"made: backward returns a tuple of 1: it must return"),
        (Made(lambda A, B: A * B, lambda dC, C, A, B: (dC, dC, dC)), r"made: backward returns a tuple of 3: it must"),
        (Made(lambda A, B: A * B, lambda dC, C, A, B: (dC, None)), r"returns None for dD: .* of shape \(3,\)"),
        (
            Made(lambda A, B: A * B, lambda dC, C, A, B: (dC.sum(), dC)),
            r"returns an array of shape \(\) for dA: it must return an array of shape \(3,\)",
        ),
        (
            MadeElementwise(lambda A, B: A * B, lambda dC, C, A, B: (dC, dC[None])),
            r"returns an array of shape \(1, 3\) for dD: it must return an array of shape \(3,\)",
        ),
        (
            MadeElementwise(lambda A, B: np.sum(A * B)),
            r"made: forward returns shape \(\): an elementwise gate returns \(3,\) here",
        ),
        (
            MadeElementwise(lambda A, B: np.outer(A, B)[:, :, None]),
            r"forward returns shape \(3, 3, 1\): an elementwise gate",
        ),
    ],
)
def test_a_gate_that_returns_something_wrong_is_told_what(gate, message):
    with pytest.raises(ValueError, match=message):
        run(gate, [1.0, 2, 3], [4.0, 5, 6])


class Short(Gate):
    """A gate whose backward pass has too few parameters."""

    def forward(self, A, B):
        return A * B

    def backward(self, dC, A, B):
        return dC * B, dC * A


def test_the_parameters_of_backward_are_counted():
    with pytest.raises(ValueError, match=r"Short: backward takes \(dC, A, B\): it must take \(dC, C, A, B\)"):
        run(Short(), 1.0, 2.0)


class Doubled(Elementwise):
    """Its passes are a static and a class method."""

    @staticmethod
    def forward(A):
        return 2 * A

    @classmethod
    def backward(cls, dC, C, A):
        return (2 * dC,)


def undeclared(method):
    """A decorator that hides how many inputs a pass takes."""
    return lambda *arguments: method(*arguments)


class WrappedDoubled(Elementwise):
    forward = undeclared(lambda self, A: 2 * A)
    backward = undeclared(lambda self, dC, C, A: (2 * dC,))


@pytest.mark.parametrize("gate", [Doubled(), WrappedDoubled()], ids=["methods", "wrapped"])
def test_passes_may_be_any_methods(gate):
    graph = ComputationalGraph()
    a = graph.leaf("a", 3.0)
    f = graph.apply(gate, a)
    assert f.forward() == 6
    f.backward()
    assert a.gradient == 2


@pytest.mark.parametrize(("gate", "value", "gradient"), [(Add(), 4950, 1), (Max(), 99, 0)], ids=str)
def test_a_gate_of_any_number_of_inputs_takes_up_to_a_hundred(gate, value, gradient):
    graph = ComputationalGraph()
    leaves = [graph.leaf(f"x{k}", k) for k in range(101)]
    f = graph.apply(gate, *leaves[:100])
    assert f.forward() == value
    f.backward()
    assert [leaf.gradient for leaf in leaves[:100]] == [gradient] * 99 + [1]
    with pytest.raises(ValueError, match=rf"^{gate} takes 2 to 100 inputs, not 101$"):
        graph.apply(gate, *leaves)
    with pytest.raises(ValueError, match=rf"^{gate} takes 2 to 100 inputs, not 1$"):
        graph.apply(gate, leaves[0])
    with pytest.raises(ValueError, match=r"^exp takes 1 input, not 2$"):
        graph.apply(Exponential(), *leaves[:2])


def test_a_class_index_has_no_gradient(monkeypatch):
    monkeypatch.setattr(SVMLoss, "backward", lambda self, dE, E, S, y: (S * dE, y * dE))
    with pytest.raises(
        ValueError, match=r"svm loss: backward returns an array of shape \(\) for dy: it must return None"
    ):
        run(SVMLoss(), [1.0, 2.0], 0)


def test_a_gradient_may_be_a_number():
    """A number for a scalar is a gradient, unlike the None of a class index."""
    assert run(Made(lambda A: A * 2, lambda dC, C, A: (2.0,)), 5.0) == (10, 2)


@pytest.mark.parametrize("count", [30, 100])
def test_a_gate_of_many_inputs(count):
    graph = ComputationalGraph()
    leaves = [graph.leaf(f"x{k}", float(k)) for k in range(count)]
    total = graph.apply(Add(), *leaves)
    assert graph.forward(total) == sum(range(count))
    graph.backward()
    assert all(graph.gradient(leaf.name) == 1 for leaf in leaves)
    assert len(set(Add().symbols(count))) == count + 1


def test_a_formula_that_is_too_deep_is_named():
    gate = Made(lambda A: sum([A] * 300, A), lambda dC, C, A: (dC * 301,))
    with pytest.raises(ValueError, match="made: a pass computes more than 200 results one from another: use several"):
        run(gate, 1.0)
