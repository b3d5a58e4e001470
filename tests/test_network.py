"""Promises of mlp.network: the perceptron of the notes, for any sizes, with one honest loss."""

import copy
import math
import pickle
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.gradient_check import check_elements
from mlp.network import (
    ACTIVATIONS,
    BLOCK_ROWS,
    LOSSES,
    MLP,
    by_class,
    classes_of,
    decide,
    output_classes,
    outputs_for,
    shown_outputs,
    write_targets,
)

OUTPUTS = (1, 3, 10)
"""Of networks for two, three and ten classes."""


def network(*sizes, precision="float64", seed=0, **options):
    return MLP(sizes, precision=precision, generator=np.random.default_rng(seed), **options)


def examples(n, inputs, seed=1, outputs=1):
    random = np.random.default_rng(seed)
    X, classes = random.random((n, inputs)), random.integers(0, classes_of(outputs), n)
    return X, np.eye(outputs)[classes] if outputs > 1 else classes[:, np.newaxis].astype(float)


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
    """With one output."""
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


@pytest.mark.parametrize("loss", LOSSES)
def test_three_classes_with_weights_by_the_formulas(loss):
    """Relu, three outputs, weights of classes and of examples, written out in plain NumPy beside the graph."""
    net = network(5, 4, 3, loss=loss, activation="relu", class_weights=[0.5, 2, 3])
    X, w = examples(4, 5)[0] - 0.5, np.array([1, 0, 2, 0.25])
    Y = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    W1, b1, W2, b2 = (net.parameters[name] for name in ("W1", "b1", "W2", "b2"))
    Z2 = X @ W1 + b1
    Z3 = Z2 * (Z2 > 0)
    Z5 = Z3 @ W2 + b2
    factor = (w * [3, 0.5, 2, 3])[:, np.newaxis]
    if loss == "euclidean":
        P = 1 / (1 + np.exp(-Z5))
        losses, dZ5 = (P - Y) ** 2 / 2, factor * (P - Y) * P * (1 - P) / 4
    else:
        P = np.exp(Z5) / np.exp(Z5).sum(axis=1, keepdims=True)
        losses, dZ5 = -Y * np.log(P), factor * (P - Y) / 4
    assert net.loss(X, Y, w) == pytest.approx((factor * losses).sum() / 4, rel=1e-13)
    np.testing.assert_allclose(net.probabilities, P, rtol=1e-14)
    net.backward()
    dZ2 = (Z2 > 0) * (dZ5 @ W2.T)
    for name, expected in {"W2": Z3.T @ dZ5, "b2": dZ5.sum(0), "W1": X.T @ dZ2, "b1": dZ2.sum(0)}.items():
        np.testing.assert_allclose(net.gradients[name], expected, rtol=1e-12, atol=1e-16)


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
    outputs=st.sampled_from(OUTPUTS),
    n=st.integers(1, 6),
    seed=st.integers(0, 1000),
    loss=st.sampled_from(LOSSES),
    activation=st.sampled_from(["sigmoid", "tanh"]),  # the numeric gradient of relu is wrong beside its kink
    weighted=st.booleans(),
)
def test_the_reported_loss_is_the_one_that_is_differentiated_for_any_network(
    hidden, outputs, n, seed, loss, activation, weighted
):
    class_weights = np.linspace(0.5, 2, classes_of(outputs)) if weighted else None
    net = network(3, *hidden, outputs, seed=seed, loss=loss, activation=activation, class_weights=class_weights)
    assert list(net.parameters) == [f"{kind}{layer}" for layer in range(1, len(hidden) + 2) for kind in "Wb"]
    net.loss(*examples(n, 3, seed, outputs))
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


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_weights_start_uniform_within_their_limit_and_biases_at_zero(activation):
    """Glorot's limit; He's before relu, so not in the last layer."""
    net = network(300, 100, 200, 50, activation=activation)
    glorot, he = [np.sqrt(6 / s) for s in (400, 300, 250)], [np.sqrt(6 / s) for s in (300, 100, 250)]
    for layer, limit in enumerate(he if activation == "relu" else glorot, start=1):
        W = net.parameters[f"W{layer}"]
        assert 0.99 * limit < W.max() <= limit
        assert -limit <= W.min() < -0.99 * limit
        assert W.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
        assert not net.parameters[f"b{layer}"].any()


def test_both_precisions_start_from_the_same_weights():
    single, double = (network(7, 3, 1, precision=precision) for precision in ("float32", "float64"))
    assert single.parameter_block.dtype == np.float32
    np.testing.assert_array_equal(single.parameter_block, double.parameter_block.astype("float32"))


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("loss", LOSSES)
def test_predict_gives_the_probabilities_of_the_pass_and_disturbs_nothing(loss, outputs):
    net = network(5, 4, outputs, loss=loss)
    X, Y = examples(6, 5, outputs=outputs)
    net.loss(X, Y)
    expected = net.probabilities.copy()
    predicted = net.predict(X)
    assert predicted.shape == (6, outputs)
    np.testing.assert_array_equal(predicted, expected)
    net.predict(X[::-1])
    net.predict(X[:2])
    np.testing.assert_array_equal(predicted, expected)
    net.backward()
    gradient = net.gradient_block.copy()
    net.loss(X, Y)
    net.backward()
    np.testing.assert_array_equal(gradient, net.gradient_block)


def test_probabilities_of_a_softmax_sum_to_1_those_of_sigmoids_need_not():
    X, _ = examples(6, 5)
    for loss, is_softmax in (("cross_entropy", True), ("euclidean", False)):
        sums = network(5, 4, 3, loss=loss).predict(X).sum(axis=1)
        assert np.allclose(sums, 1, rtol=1e-14) == is_softmax


def test_the_predicted_class_of_each_row():
    """With one output from 1/2 on class 1; else the most probable class, the first at a tie."""
    assert decide(np.array([[0.4999], [0.5], [0.5001]])).tolist() == [0, 1, 1]
    assert decide(np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.1, 0.3]])).tolist() == [1, 0, 2]


def test_the_probability_of_each_class_of_any_number_of_outputs():
    P = np.array([[0.25], [1.0]], np.float32)
    assert by_class(P).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    P = np.array([[0.25, 0.5, 0.125]], np.float32)
    assert by_class(P).tolist() == [[0.25, 0.5, 0.125]]
    assert by_class(P).dtype == float


def test_a_single_output_stands_for_both_classes_and_more_each_for_their_own():
    assert [list(output_classes(outputs)) for outputs in (1, 3)] == [[1], [0, 1, 2]]
    assert shown_outputs(np.array([0.25]), [0, 1]) == {1: 0.25}
    assert shown_outputs(np.array([0.25, 0.5, 0.125]), [2, 0]) == {2: 0.125, 0: 0.25}


def test_two_classes_have_one_output_more_have_one_each():
    assert [outputs_for(classes) for classes in (2, 3, 10)] == [1, 3, 10]
    assert [classes_of(outputs) for outputs in (1, 3, 10)] == [2, 3, 10]


def test_targets_of_classes():
    one, three = np.full((3, 1), 9.0), np.full((3, 3), 9.0)
    write_targets(np.array([1, 0, 1], np.uint8), one)
    write_targets(np.array([2, 0, 1], np.uint8), three)
    assert one.tolist() == [[1], [0], [1]]
    assert three.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_in_the_network_s_own_memory_gives_the_same(loss, outputs):
    net = network(5, 4, outputs, loss=loss)
    batches = [examples(6, 5, seed, outputs) for seed in (1, 2)]
    for batch in batches:
        memory = net.batch(6)
        memory.X[...] = batch[0]
        memory.set_classes(decide(batch[1]))
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


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_softmax_of_extreme_logits_is_finite_and_silent(precision):
    net = MLP([1, 3], precision=precision, loss="cross_entropy")
    net.parameters["W1"][...] = [[1e4, 0, -1e4]]
    with np.errstate(all="raise", under="ignore"):
        assert net.loss([[1.0], [-1.0]], [[0, 1, 0], [0, 0, 1]]) == pytest.approx(1e4 / 2, rel=1e-6)
        net.backward()
    np.testing.assert_allclose(net.probabilities, [[1, 0, 0], [0, 0, 1]], atol=1e-30)
    np.testing.assert_allclose(net.gradients["b1"], [0.5, -0.5, 0], atol=1e-30)


@pytest.mark.parametrize("w", [[1, 1, 1, 1], [2, 0, 0.5, 1], [True, False, True, True]])
@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_weight_multiplies_the_loss_of_its_example(loss, outputs, w):
    """On top of the weight of its class; n stays the number of examples."""
    class_weights = np.arange(1, classes_of(outputs) + 1)
    net, plain = (network(5, 4, outputs, loss=loss, class_weights=c) for c in (class_weights, None))
    X, Y = examples(4, 5, outputs=outputs)
    each = [plain.loss(X[k : k + 1], Y[k : k + 1]) for k in range(4)]
    of_classes = np.take(class_weights, decide(Y).astype(int))
    assert net.example_weights(decide(Y).astype(int)).tolist() == of_classes.tolist()
    assert net.loss(X, Y) == pytest.approx(np.mean(of_classes * each), rel=1e-13)
    assert net.loss(X, Y, w) == pytest.approx(np.mean(of_classes * w * each), rel=1e-13)
    assert net.loss(X, Y) == pytest.approx(np.mean(of_classes * each), rel=1e-13)  # earlier weights are forgotten


@pytest.mark.parametrize(
    ("w", "message"),
    [
        ([1, 2, 3], r"^w has shape \(3,\), it must be \(4,\): one weight for each example$"),
        ([[1], [2], [3], [4]], r"^w has shape \(4, 1\), it must be \(4,\)"),
        (1.0, r"^w has shape \(\), it must be \(4,\)"),
        ([1, 2, -0.5, 1], r"^w is -0.5 at row 2: each element must be a finite number, at least 0$"),
        ([1, math.nan, 1, 1], r"^w is nan at row 1"),
        ([1, 1, 1, math.inf], r"^w is inf at row 3"),
        (["1", "1", "1", "1"], "^w is an array of .*, it must be of numbers or bools$"),
    ],
)
def test_wrong_weights_are_refused_and_change_nothing(w, message):
    net, (X, Y) = network(5, 4, 1, class_weights=(1, 1)), examples(4, 5)
    net.loss(X, Y)
    net.backward()
    expected = net.gradient_block.copy()
    with pytest.raises(ValueError, match=message):
        net.loss(X, Y, w)
    net.backward()
    np.testing.assert_array_equal(net.gradient_block, expected)


def test_a_network_without_class_weights_takes_no_weights():
    with pytest.raises(ValueError, match="takes no weights of examples: create it with class_weights, such as ones"):
        network(5, 1).loss(*examples(4, 5), w=[1, 1, 1, 1])


@pytest.mark.parametrize(("sizes", "count"), [((5, 1), 1), ((5, 1), 3), ((5, 3), 1), ((5, 4, 3), 2)])
def test_class_weights_are_one_for_each_class(sizes, count):
    classes = classes_of(sizes[-1])
    with pytest.raises(ValueError, match=f"^{count} class_weights: there must be one for each of {classes} classes$"):
        network(*sizes, class_weights=[1] * count)


def test_weights_of_examples_that_the_precision_rounds_to_infinity_are_refused():
    net = network(2, 1, class_weights=[1, 1], precision="float32")
    with pytest.raises(ValueError, match=r"^w is 1e\+39 at row 1: each element must be a finite number, at least 0$"):
        net.loss(np.ones((2, 2)), [[0], [1]], [1, 1e39])


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf, 1e39, 1e-60])
def test_class_weights_are_finite_and_above_0_in_the_networks_precision(weight):
    message = re.escape(f"class_weights: {weight:g} is not a finite number above 0 in float32")
    with pytest.raises(ValueError, match=f"^{message}$"):
        network(2, 1, class_weights=[1, weight], precision="float32")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_copy_and_a_resized_network_keep_loss_activation_and_class_weights(loss):
    options = {"loss": loss, "activation": "tanh", "class_weights": (1, 2, 0.5)}
    net = network(5, 4, 3, **options)
    X, Y = examples(6, 5, outputs=3)
    assert net.copy("float64").loss(X, Y) == net.loss(X, Y)
    other = net.resized([5, 6, 6, 3])
    assert other.sizes == (5, 6, 6, 3)
    assert other.precision == np.float64
    assert not other.parameter_block.any()
    expected = network(5, 6, 6, 3, **options)
    other.parameter_block[...] = expected.parameter_block
    assert other.loss(X, Y) == expected.loss(X, Y)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="the loss must be euclidean or cross_entropy, not hinge"):
        network(5, 1, loss="hinge")


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="the activation must be sigmoid or tanh or relu, not gelu"):
        network(5, 4, 1, activation="gelu")


def test_a_copy_has_the_weights_and_goes_its_own_way():
    net = network(5, 4, 1, precision="float32")
    other = net.copy("float64")
    X, Y = examples(6, 5)
    assert other.loss(X, Y) == pytest.approx(net.loss(X, Y), rel=1e-6)
    other.parameter_block += 1
    assert net.loss(X, Y) != pytest.approx(other.loss(X, Y), rel=1e-3)


HOW = [lambda net: pickle.loads(pickle.dumps(net)), copy.deepcopy, copy.copy]


@pytest.mark.parametrize("how", HOW)
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


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("loss", LOSSES)
def test_it_is_stored_with_its_activation_and_class_weights(loss, how):
    net = network(5, 4, 3, loss=loss, activation="relu", class_weights=[1, 2, 3])
    (X, Y), w = examples(6, 5, outputs=3), np.arange(6)
    assert how(net).loss(X, Y, w) == net.loss(X, Y, w)


def test_a_parameter_is_written_into_not_replaced():
    net = network(5, 1)
    with pytest.raises(TypeError):
        net.parameters["W1"] = np.zeros((5, 1))


@pytest.mark.parametrize("precision", ["float16", "int32", "complex128"])
def test_other_precisions_are_refused(precision):
    with pytest.raises(ValueError, match="the precision must be float32 or float64"):
        network(5, 1, precision=precision)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 2), (3, 1), (1, 3), ()])
def test_targets_of_another_shape_are_refused_not_broadcast(shape, outputs):
    X, _ = examples(4, 5)
    with pytest.raises(ValueError, match=rf"it must be \(4, {outputs}\) for X of shape \(4, 5\)"):
        network(5, outputs).loss(X, np.zeros(shape))


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


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0, 0, 0], "^Y is not one-hot in row 2: each row must have a single 1$"),
        ([1, 0, 1], "^Y is not one-hot in row 2: each row must have a single 1$"),
        ([0.2, 0.3, 0.5], r"^Y is 0.2 at row 2, column 0: each element must be 0 or 1$"),
        ([0, 2, 0], r"^Y is 2.0 at row 2, column 1: each element must be 0 or 1$"),
    ],
)
@pytest.mark.parametrize("loss", LOSSES)
def test_targets_of_more_classes_must_be_one_hot(loss, row, message):
    net, (X, Y) = network(5, 4, 3, loss=loss), examples(4, 5, outputs=3)
    net.loss(X, Y)
    net.backward()
    expected = net.gradient_block.copy()
    Y[2] = row
    with pytest.raises(ValueError, match=message):
        net.loss(X, Y)
    net.backward()
    np.testing.assert_array_equal(net.gradient_block, expected)


@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("kind", [bool, np.uint8, int, np.float16, np.float32, float])
def test_targets_of_any_kind_of_number_are_the_same(kind, outputs):
    net, (X, Y) = network(5, 4, outputs), examples(4, 5, outputs=outputs)
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


@pytest.mark.parametrize("sizes", [[784], [], [784, 0, 1], [784, 32, 0], [784, 32, 2], [784, 2]])
def test_impossible_sizes_are_refused(sizes):
    what = "the inputs, any hidden layers, and 1 output for two classes or one for each of more classes"
    with pytest.raises(ValueError, match=f"must be {what}$"):
        MLP(sizes)
