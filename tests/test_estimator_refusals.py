"""Promises of mlp.estimator: what it refuses, and when it warns."""

import warnings
from functools import partial

import numpy as np
import pytest

from tests.made_points import blobs

exceptions = pytest.importorskip("sklearn.exceptions")
check_is_fitted = pytest.importorskip("sklearn.utils.validation").check_is_fitted
NotFittedError, ConvergenceWarning = exceptions.NotFittedError, exceptions.ConvergenceWarning
estimator = pytest.importorskip("mlp.estimator")
MLPClassifier = estimator.MLPClassifier


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_sizes": (0,)}, r"hidden_sizes\[0\]: must be at least 1, not 0"),
        ({"hidden_sizes": 32}, "hidden_sizes: must be a list in brackets, not 32"),
        ({"loss": "hinge"}, "loss: must be 'euclidean' or 'cross_entropy', not \"hinge\""),
        ({"epochs": 1.5, "momentum": 1}, "epochs: must be a whole number, not 1.5; momentum: must be below 1, not 1"),
        ({"learning_rate": float("nan")}, "learning_rate: must be .*, not NaN"),
        ({"batch_size": "many"}, 'batch_size: must be a whole number, not "many"'),
        ({"weight_decay": object}, "weight_decay: must be a number, not \"<class 'object'>\""),
        ({"random_state": -1}, "Seed must be between 0"),
        ({"activation": "logistic"}, "activation: must be 'sigmoid', 'tanh' or 'relu', not \"logistic\""),
        ({"optimizer": "lbfgs"}, "optimizer: must be 'sgd' or 'adam', not \"lbfgs\""),
        ({"schedule": "adaptive"}, "schedule: must be 'constant' or 'cosine', not \"adaptive\""),
        ({"optimizer": "adam", "momentum": 0.9}, "^momentum: must be 0 if optimizer is adam, not 0.9$"),
        ({"class_weight": "auto"}, 'class_weight: must be null, balanced or a list in brackets, not "auto"'),
        ({"class_weight": {0: 1, 1: -2}}, r"class_weight\[1\]: must be above 0, not -2"),
        ({"class_weight": {0: 1, 2: 1}}, r"The classes, \[1\], are not in class_weight"),
        ({"early_stopping": "yes"}, "early_stopping: must be True or False, not 'yes'"),
        ({"warm_start": 1}, "warm_start: must be True or False, not 1"),
        ({"validation_fraction": 1.0}, "^validation_fraction: must be below 1, not 1"),
        (
            {"early_stopping": True, "validation_fraction": 0},
            "validation_fraction: must be above 0 with early_stopping",
        ),
        ({"n_iter_no_change": 0}, "^n_iter_no_change: must be at least 1, not 0$"),
        ({"class_weight": [1, 2, 3]}, "3 class_weights: there must be one for each of 2 classes"),
    ],
)
def test_an_option_that_cannot_be_is_named(options, message):
    X, y = blobs(20)
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**options).fit(X, y)


@pytest.mark.filterwarnings("ignore:nothing was learned")
@pytest.mark.parametrize(("name", "value", "held"), [("momentum", 0.99999999, "1"), ("learning_rate", 1e-50, "0")])
def test_an_option_that_the_precision_of_x_cannot_hold_is_named(name, value, held):
    X, y = blobs(20)
    with pytest.raises(ValueError, match=f"{name}: must be a number that float32 does not round to {held}"):
        MLPClassifier(**{name: value}).fit(X.astype(np.float32), y)
    assert MLPClassifier(**{name: value}).fit(X.astype(np.float64), y).n_iter_ == 10


def test_what_it_cannot_learn_from_is_said():
    X, y = blobs(30)
    with pytest.raises(ValueError, match="two classes are needed, y has one class only, 1"):
        MLPClassifier().fit(X, np.ones(30, int))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        MLPClassifier().fit(X, y + 0.5)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        MLPClassifier().partial_fit(X, y)
    unfitted = MLPClassifier()
    with pytest.raises(ValueError, match=r"y has the class 6: the classes are \[0 1\]"):
        unfitted.partial_fit(X, y + 6, classes=[0, 1])
    with pytest.raises(NotFittedError):
        unfitted.predict(X)
    with pytest.raises(ValueError, match="two classes are needed"):
        unfitted.fit(X, np.ones(30))
    with pytest.raises(NotFittedError):
        unfitted.predict(X)
    fitted = MLPClassifier(random_state=0).fit(X, y)
    again = MLPClassifier().fit(X, y)
    with pytest.raises(ValueError, match="two classes are needed"):
        again.fit(X[:, :1], np.ones(30))
    with pytest.raises(NotFittedError):
        check_is_fitted(again)
    with pytest.raises(ValueError, match=r"y has the class 7: the classes are \[0 1\]"):
        fitted.partial_fit(X, np.where(y, 7, 0))
    with pytest.raises(ValueError, match="are not those of the first call"):
        fitted.partial_fit(X, y, classes=[1, 2])
    fitted.partial_fit(X, y, classes=[1, 0])  # in any order
    for other in ({"hidden_sizes": (3,)}, {"loss": "cross_entropy"}, {"activation": "tanh"}):
        fitted.set_params(**MLPClassifier().get_params())
        with pytest.raises(ValueError, match="differ from the network's: fit starts again"):
            fitted.set_params(**other).partial_fit(X, y)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2, -1, 1], "sample_weight has a negative weight: each must be at least 0, and one above 0"),
        ([0, 0, 0, 0], "sample_weight has only zero weights: each must be at least 0, and one above 0"),
        ([1, np.nan, 1, 1], "Input sample_weight contains NaN"),
        ([1, np.inf, 1, 1], "Input sample_weight contains infinity"),
        ([1, 2, 3], r"sample_weight has shape \(3,\), it must be \(4,\): one weight for each example"),
        ([[1], [2], [3], [4]], r"sample_weight has shape \(4, 1\), it must be \(4,\)"),
        (2.0, r"sample_weight has shape \(\), it must be \(4,\): one weight for each example"),
    ],
)
def test_weights_that_cannot_be_are_named(weights, message):
    X, y = blobs(4)
    for use in (MLPClassifier().fit, partial(MLPClassifier().partial_fit, classes=[0, 1])):
        with pytest.raises(ValueError, match=message):
            use(X, y, sample_weight=weights)


def test_balanced_weights_are_refused_in_a_stream_which_has_no_number_of_examples():
    X, y = blobs(20)
    with pytest.raises(ValueError, match="class_weight: balanced weights depend on all examples"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1])


def test_early_stopping_that_cannot_be_is_said():
    X, y = blobs(20)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        MLPClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1])
    y[:] = 0
    y[0] = 1
    with pytest.raises(ValueError, match=r"validation_fraction 0\.1 leaves none of 1 examples of a class for training"):
        MLPClassifier(early_stopping=True).fit(X, y)


def test_a_pass_that_leaves_the_finite_numbers_is_an_error_and_undone():
    X, y = blobs()
    classifier = MLPClassifier(weight_decay=3.0, learning_rate=1000, batch_size=1, random_state=0)
    message = r"training diverged in pass 1: lower learning_rate \(1000\) or weight_decay \(3\), or scale the features"
    with pytest.raises(ValueError, match=message):
        classifier.fit(X, y)
    with pytest.raises(NotFittedError):
        classifier.predict(X)
    classifier.set_params(learning_rate=0.1, weight_decay=0).fit(X, y).set_params(learning_rate=1000, weight_decay=3.0)
    before = classifier.network_.parameter_block.copy()
    with pytest.raises(ValueError, match="training diverged"):
        classifier.partial_fit(X, y)
    np.testing.assert_array_equal(classifier.network_.parameter_block, before)


def test_neither_a_loss_nor_a_weight_that_is_not_finite_passes():
    """Neither during training nor after the last step, which no loss follows."""
    linear = MLPClassifier((), loss="cross_entropy", learning_rate=1000, epochs=1, random_state=0)
    with pytest.raises(ValueError, match="training diverged in pass 1"):
        linear.fit([[1e306], [1e306]], [0, 1])  # the step is infinite, the loss before it is finite
    slow = MLPClassifier((), loss="cross_entropy", learning_rate=1e-9, epochs=1, random_state=0)
    with pytest.raises(ValueError, match="training diverged in pass 1"):
        slow.fit(np.full((2, 8), 1.7e308), [0, 1])  # the loss is infinite, the step is finite


def test_a_fit_that_learned_nothing_in_the_end_warns():
    X, y = blobs()
    message = r"nothing was learned: the loss, .* try another learning_rate \(1000\), more epochs or scaled features"
    for epochs in (1, 5):
        with pytest.warns(ConvergenceWarning, match=message) as told:
            classifier = MLPClassifier(learning_rate=1000, epochs=epochs, random_state=0).fit(X * 1e4, 1 - y)
        assert told[0].filename == __file__
        assert classifier.n_iter_ == epochs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(random_state=0).fit(X, y)
        one = MLPClassifier((8,), loss="cross_entropy", epochs=1, learning_rate=50, batch_size=32, random_state=0)
        one.fit(X, 1 - y)
    assert one.loss_curve_[0] > 1  # large losses at the beginning of its only pass, but a good network at the end
    assert one.score(X, 1 - y) > 0.98


def test_a_fit_that_stands_still_warns_and_a_short_one_does_not():
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="nothing was learned: the loss, .* is still about the untrained"):
        MLPClassifier(learning_rate=1e-9, random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="no better than the best constant answer's"):
        MLPClassifier(weight_decay=0.9, batch_size=4, random_state=0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(5):
            for n, epochs in ((4, 10), (20, 1), (200, 1)):
                X, y = blobs(n, seed)
                y[:2] = 0, 1
                MLPClassifier(epochs=epochs, random_state=seed, learning_rate=0.01).fit(X, y)


def test_the_best_constant_answer_of_a_warning_is_that_of_many_weighted_classes():
    """Without any features it is all that can be learned: the shares of the classes, counted with their weights."""
    X, y, w = np.zeros((60, 1)), np.repeat([0, 1, 2], 20), np.repeat([1, 2, 5], 20)
    options = {"loss": "cross_entropy", "epochs": 300, "batch_size": 60, "learning_rate": 0.1, "random_state": 0}
    entropy = -sum(share * np.log(share) for share in (1 / 8, 2 / 8, 5 / 8))
    with pytest.warns(ConvergenceWarning, match=f"no better than the best constant answer's, {entropy:.4g}, and every"):
        classifier = MLPClassifier(**options).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(classifier.predict_proba(X[:1]), [[1 / 8, 2 / 8, 5 / 8]], atol=1e-3)
    with pytest.warns(ConvergenceWarning, match="best constant answer's, 1.099, .* 0.333, 0.333, 0.333"):
        MLPClassifier(**options, class_weight="balanced").fit(X, y, sample_weight=w)


def test_a_fit_is_not_given_up_where_learning_takes_its_time():
    """Some passes over a hundred points are a few dozen steps: a loss that has not changed proves nothing yet."""
    angles = np.linspace(0, 2 * np.pi, 400)
    y = np.arange(400) % 2
    X = np.column_stack([np.cos(angles), np.sin(angles)]) * np.where(y, 0.8, 2)[:, np.newaxis]
    for seed in range(5):
        classifier = MLPClassifier((16,), loss="cross_entropy", epochs=60, random_state=seed).fit(X, y)
        assert (classifier.n_iter_, classifier.score(X, y)) == (60, 1)
