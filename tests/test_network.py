"""Promises of mlp.network: the perceptron of the notes, for any sizes, with one honest loss."""

import copy
import math
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.gradient_check import check_elements
from mlp.network import BLOCK_ROWS, LOSSES, MLP, decide


def network(*sizes, precision="float64", seed=0, loss="euclidean"):
    return MLP(sizes, precision=precision, generator=np.random.default_rng(seed), loss=loss)


def examples(n, inputs, seed=1):
    random = np.random.default_rng(seed)
    return random.random((n, inputs)), random.integers(0, 2, (n, 1)).astype(float)


def test_one_hidden_layer_by_the_formulas_of_the_notes():
    """The table of the design, written out in plain NumPy beside the graph."""
    net = network(5, 4, 1)
    X, Y = examples(3, 5)
    W1, b1, W2, b2 = (net.parameters[name] for name in ("W1", "b1", "W2", "b2"))
    b1 += [0.1, -0.2, 0.3, -0.4]
    Z3 = 1 / (1 + np.exp(-(X @ W1 + b1)))
    P = 1 / (1 + np.exp(-(Z3 @ W2 + b2)))
    assert net.loss(X, Y) == pytest.approx(np.mean((P - Y) ** 2) / 2, rel=1e-14)
    np.testing.assert_allclose(net.probabilities, P, rtol=1e-14)
    net.backward()
    dZ5 = P * (1 - P) * (P - Y) / 3
    dZ2 = Z3 * (1 - Z3) * (dZ5 @ W2.T)
    for name, expected in {"W2": Z3.T @ dZ5, "b2": dZ5.sum(0), "W1": X.T @ dZ2, "b1": dZ2.sum(0)}.items():
        np.testing.assert_allclose(net.gradients[name], expected, rtol=1e-12)


def test_with_cross_entropy_by_its_formulas():
    """The second table."""
    net = network(5, 4, 1, loss="cross_entropy")
    X, _ = examples(3, 5)
    Y = np.array([[0.0], [1.0], [1.0]])
    W1, b1, W2, b2 = (net.parameters[name] for name in ("W1", "b1", "W2", "b2"))
    Z3 = 1 / (1 + np.exp(-(X @ W1 + b1)))
    P = 1 / (1 + np.exp(-(Z3 @ W2 + b2)))
    assert net.loss(X, Y) == pytest.approx(-np.mean(Y * np.log(P) + (1 - Y) * np.log(1 - P)), rel=1e-13)
    np.testing.assert_allclose(net.probabilities, P, rtol=1e-14)
    net.backward()
    dZ5 = (P - Y) / 3
    dZ2 = Z3 * (1 - Z3) * (dZ5 @ W2.T)
    for name, expected in {"W2": Z3.T @ dZ5, "b2": dZ5.sum(0), "W1": X.T @ dZ2, "b1": dZ2.sum(0)}.items():
        np.testing.assert_allclose(net.gradients[name], expected, rtol=1e-12)


def test_predicting_ever_other_numbers_of_rows_keeps_little_memory(injected):
    net, X = network(784, 32, 1, precision="float32"), np.zeros((4000, 784), np.float32)
    tracemalloc.start()
    try:
        for n in range(2100, 4000, 100):
            net.predict(X[:n])
            injected("numbers of rows to predict")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2 * X.nbytes + 10_000_000


def test_rows_are_predicted_in_blocks_as_by_themselves():
    net, (X, _) = network(5, 3, 1), examples(2 * BLOCK_ROWS + 3, 5)
    blocks = [net.predict(X[start : start + BLOCK_ROWS]) for start in range(0, len(X), BLOCK_ROWS)]
    np.testing.assert_array_equal(net.predict(X), np.concatenate(blocks))


@pytest.mark.parametrize("loss", LOSSES)
def test_its_nodes_have_the_names_of_the_table(loss):
    names = [node.name for node in network(5, 4, 1, loss=loss).graph.nodes if node.gate]
    assert " ".join(names) == "Z1 Z2 Z3 Z4 Z5 P E L"


@given(
    hidden=st.lists(st.integers(1, 5), max_size=4),
    n=st.integers(1, 6),
    seed=st.integers(0, 1000),
    loss=st.sampled_from(list(LOSSES)),
)
def test_the_reported_loss_is_the_one_that_is_differentiated_for_any_sizes(hidden, n, seed, loss):
    net = network(3, *hidden, 1, seed=seed, loss=loss)
    assert list(net.parameters) == [f"{kind}{layer}" for layer in range(1, len(hidden) + 2) for kind in "Wb"]
    net.loss(*examples(n, 3, seed))
    for check in check_elements(net.graph, net.parameters):
        assert check.passed, check


def test_parameters_and_gradients_are_views_of_two_flat_arrays():
    net = network(3, 2, 1)
    assert net.parameter_block.shape == net.gradient_block.shape == (3 * 2 + 2 + 2 + 1,)
    net.parameter_block[:] = np.arange(11)
    assert net.parameters["W1"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert net.parameters["b1"].tolist() == [6, 7]
    assert net.parameters["W2"].tolist() == [[8], [9]]
    assert net.parameters["b2"].tolist() == [10]


def test_weights_start_uniform_within_glorots_limit_and_biases_at_zero():
    net = network(784, 32, 1)
    W1, limit = net.parameters["W1"], np.sqrt(6 / (784 + 32))
    assert 0.99 * limit < W1.max() <= limit
    assert -limit <= W1.min() < -0.99 * limit
    assert W1.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not net.parameters["b1"].any()


def test_both_precisions_start_from_the_same_weights():
    single, double = (network(7, 3, 1, precision=precision) for precision in ("float32", "float64"))
    assert single.parameter_block.dtype == np.float32
    np.testing.assert_array_equal(single.parameter_block, double.parameter_block.astype("float32"))


@pytest.mark.parametrize("loss", LOSSES)
def test_predict_gives_the_probabilities_of_the_pass_and_disturbs_nothing(loss):
    net = network(5, 4, 1, loss=loss)
    X, Y = examples(6, 5)
    net.loss(X, Y)
    expected = net.probabilities.copy()
    predicted = net.predict(X)
    assert predicted.shape == (6, 1)
    np.testing.assert_array_equal(predicted, expected)
    net.predict(X[::-1])
    net.predict(X[:2])
    np.testing.assert_array_equal(predicted, expected)
    net.backward()
    gradient = net.gradient_block.copy()
    net.loss(X, Y)
    net.backward()
    np.testing.assert_array_equal(gradient, net.gradient_block)
    assert decide(np.array([0.4999, 0.5, 0.5001])).tolist() == [False, True, True]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_in_the_network_s_own_memory_gives_the_same(loss):
    net = network(5, 4, 1, loss=loss)
    batches = [examples(6, 5, seed) for seed in (1, 2)]
    for batch in batches:
        memory = net.batch(6)
        memory.X[...], memory.Y[...] = batch
        assert memory.loss() == net.loss(*batch)
        np.testing.assert_array_equal(net.probabilities, net.predict(batch[0]))
        np.testing.assert_array_equal(memory.P, net.probabilities)
        assert net.graph.value("X") is memory.X  # the loss used the batch in place


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_cross_entropy_of_extreme_logits_is_finite_and_silent(precision, target):
    """A confident, wrong network: the loss is the logit's magnitude, and the gradient does not vanish."""
    net = MLP([1, 1], precision=precision, loss="cross_entropy")
    net.parameters["W1"][...] = 1e4
    X, Y = np.array([[1.0], [-1.0]]), np.full((2, 1), target)
    with np.errstate(all="raise", under="ignore"):
        assert net.loss(X, Y) == pytest.approx(1e4 / 2, rel=1e-6)
        net.backward()
    np.testing.assert_allclose(net.probabilities, [[1], [0]], atol=1e-30)
    sign = 1 - 2 * target
    np.testing.assert_allclose(net.gradients["W1"], [[0.5]], rtol=1e-6)
    np.testing.assert_allclose(net.gradients["b1"], [sign / 2], rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_copy_keeps_the_loss(loss):
    net = network(5, 4, 1, loss=loss)
    X, Y = examples(6, 5)
    assert net.copy("float64").loss(X, Y) == net.loss(X, Y)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="the loss must be euclidean or cross_entropy, not hinge"):
        network(5, 1, loss="hinge")


def test_a_copy_has_the_weights_and_goes_its_own_way():
    net = network(5, 4, 1, precision="float32")
    other = net.copy("float64")
    X, Y = examples(6, 5)
    assert other.loss(X, Y) == pytest.approx(net.loss(X, Y), rel=1e-6)
    other.parameter_block += 1
    assert net.loss(X, Y) != pytest.approx(other.loss(X, Y), rel=1e-3)


@pytest.mark.parametrize("how", [lambda net: pickle.loads(pickle.dumps(net)), copy.deepcopy, copy.copy])
def test_a_network_is_stored_and_copied_as_a_whole(how):
    """Its parameters are still views of one block, which is what an optimizer steps on."""
    net = MLP([5, 4, 1], precision="float64", generator=np.random.default_rng(0), loss="cross_entropy")
    X, Y = examples(6, 5)
    loss = net.loss(X, Y)
    other = how(net)
    assert other.loss(X, Y) == loss
    other.backward()
    net.backward()
    np.testing.assert_array_equal(other.gradient_block, net.gradient_block)
    other.parameter_block[...] = 0
    assert not any(array.any() for array in other.parameters.values())
    assert other.loss(X, Y) == pytest.approx(math.log(2), rel=1e-12)
    assert net.loss(X, Y) == loss
    with_X = how(MLP([5, 1], precision="float64", input_gradient=True))
    with_X.loss(X, Y)
    with_X.backward()
    assert with_X.graph.gradient("X").shape == X.shape


def test_a_parameter_is_written_into_not_replaced():
    net = network(5, 1)
    with pytest.raises(TypeError):
        net.parameters["W1"] = np.zeros((5, 1))


@pytest.mark.parametrize("precision", ["float16", "int32", "complex128"])
def test_other_precisions_are_refused(precision):
    with pytest.raises(ValueError, match="the precision must be float32 or float64"):
        network(5, 1, precision=precision)


@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 2), (3, 1), ()])
def test_targets_of_another_shape_are_refused_not_broadcast(shape):
    X, _ = examples(4, 5)
    with pytest.raises(ValueError, match=r"it must be \(4, 1\) for X of shape \(4, 5\)"):
        network(5, 1).loss(X, np.zeros(shape))


@pytest.mark.parametrize("shape", [(5,), (4, 6), (0, 5), (4, 5, 1)])
def test_images_of_another_shape_are_refused(shape):
    for action in (lambda net, X: net.loss(X, np.zeros((4, 1))), lambda net, X: net.predict(X)):
        with pytest.raises(ValueError, match="it must be"):
            action(network(5, 1), np.zeros(shape))


@pytest.mark.parametrize("wrong", [0.3, -1, 2, 1 + 1e-9, math.nan, math.inf])
def test_targets_other_than_0_and_1_are_refused_and_change_nothing(wrong):
    net, (X, Y) = network(5, 4, 1), examples(4, 5)
    net.loss(X, Y)
    net.backward()
    expected = net.gradient_block.copy()
    with pytest.raises(ValueError, match=r"^Y is .* at row 2, column 0: each element must be 0 or 1$"):
        net.loss(X, [[0.0], [1.0], [wrong], [1.0]])
    net.backward()
    np.testing.assert_array_equal(net.gradient_block, expected)


@pytest.mark.parametrize("kind", [bool, np.uint8, int, np.float16, np.float32, float])
def test_targets_of_any_kind_of_number_are_the_same(kind):
    net, (X, Y) = network(5, 4, 1), examples(4, 5)
    assert net.loss(X, Y.astype(kind)) == net.loss(X, Y.astype(kind).tolist()) == net.loss(X, Y)


@pytest.mark.parametrize("kind", [object, str, complex])
def test_arrays_of_anything_but_numbers_are_refused(kind):
    net, (X, Y) = network(5, 4, 1), examples(4, 5)
    with pytest.raises(ValueError, match=r"Y is an array of .*, it must be of numbers or bools"):
        net.loss(X, Y.astype(kind))
    with pytest.raises(ValueError, match=r"X is an array of .*, it must be of numbers or bools"):
        net.predict(X.astype(kind))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_inputs_that_are_not_finite_are_refused(wrong):
    """A NaN as probability would predict class 0, and infinity would look confident."""
    net, (X, Y) = network(5, 4, 1), examples(4, 5)
    X[3, 1] = wrong
    for action in (lambda: net.loss(X, Y), lambda: net.predict(X)):
        with pytest.raises(ValueError, match=f"^X is {wrong} at row 3, column 1: each element must be finite$"):
            action()


@pytest.mark.parametrize("sizes", [[784], [], [784, 32], [784, 0, 1], [784, 32, 2]])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="must be the inputs, any hidden layers, and 1 output"):
        MLP(sizes)
