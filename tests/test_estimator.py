"""Promises of mlp.estimator: it passes scikit-learn's checks, works with its tools, and gives the bits of train.py."""

import ast
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from inspect import signature

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from mlp.config import Model, Training
from mlp.data import dataset
from mlp.network import MLP
from mlp.runs import npz
from mlp.system import blas_threads
from mlp.training.random_streams import Stream, generator
from tests.conftest import ROOT, write_folder
from tests.made_points import blobs, three_blobs

clone = pytest.importorskip("sklearn.base").clone
estimator = pytest.importorskip("mlp.estimator")
MLPClassifier = estimator.MLPClassifier
CHECKS = """
import json, warnings, sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator
from mlp.estimator import MLPClassifier
warnings.simplefilter("error")
warnings.simplefilter("ignore", ConvergenceWarning)  # some checks have nothing to learn
found = check_estimator(MLPClassifier(), on_skip=None, on_fail=None)
print(json.dumps([sklearn.__version__, [[one["check_name"], one["status"], repr(one["exception"])] for one in found]]))
"""


OF_WEIGHTS = {"check_sample_weight_equivalence_on_dense_data", "check_class_weight_classifiers"}


def parameters(classifier):
    return classifier.network_.parameter_block


@pytest.fixture(scope="module")
def digits(training_digits):
    X, Y = training_digits.first_of_each(300).arrays("float32")
    return X, Y[:, 0].astype(int)


def test_every_check_of_scikit_learn_passes_and_none_is_skipped(record_property):
    """In a separate process, because SciPy reads SCIPY_ARRAY_API when it is imported."""
    pytest.importorskip("pandas")  # one of the checks is of the columns' names in its frames
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", CHECKS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    version, found = json.loads(done.stdout)
    assert [check for check in found if check[1] != "passed"] == []
    assert len(found) > 50
    assert {check[0] for check in found} >= OF_WEIGHTS
    record_property("summary", f"check_estimator of scikit-learn {version}: {len(found)} checks, every one passed")


def test_its_weights_are_those_of_train_py_to_the_bit(tmp_path, here, training_digits):
    options = ["data.validation_fraction=0", "training.epochs=2", "training.momentum=0.9", "training.weight_decay=1e-4"]
    options += ["training.learning_rate=0.3", "training.seed=3", "data.limit_per_digit=150", "model.hidden_sizes=[9]"]
    assert here("train.py", "--output", tmp_path / "run", "--set", *options).returncode == 0
    with open(tmp_path / "run" / "model.npz", "rb") as file:
        weights = npz.read_arrays(file)
    X, Y = training_digits.first_of_each(150).arrays("float32")
    classifier = MLPClassifier((9,), epochs=2, momentum=0.9, weight_decay=1e-4, learning_rate=0.3, random_state=3)
    classifier.fit(X, Y[:, 0])
    for name, array in classifier.network_.parameters.items():
        np.testing.assert_array_equal(array, weights[name], strict=True)
    assert not X.any(axis=0).all()  # some pixels are left out of the products


@pytest.mark.parametrize(
    ("digits", "precision", "options"),
    [
        ((0, 1, 7), "float32", {"optimizer": "adam", "schedule": "cosine", "class_weight": "balanced"}),
        ((0, 1, 7), "float32", {"momentum": 0.9, "class_weight": [1, 0.3, 2.5], "activation": "tanh"}),
        ((1, 7), "float64", {"optimizer": "adam", "class_weight": "balanced", "loss": "cross_entropy"}),
    ],
)
def test_its_weights_with_any_classes_and_options_are_those_of_train_py_to_the_bit(
    tmp_path, here, digits, precision, options
):
    folder = write_folder(tmp_path / "made", [0, 1, 7, 1, 1] * 25, [0, 1, 7], side=6)
    model = {"hidden_sizes": (9, 5), "activation": "relu", "loss": "cross_entropy"}
    options = model | {"epochs": 3, "batch_size": 20, "learning_rate": 0.01} | options
    sections = {name: "model" if name in model else "training" for name in options}
    values = {f"{sections[name]}.{name}": value for name, value in options.items()}
    values |= {"data.validation_fraction": 0, "data.directory": folder, "data.digits": list(digits)}
    values |= {"training.precision": precision, "model.hidden_sizes": [9, 5]}
    done = here("train.py", "--output", tmp_path / "run", "--set", *(f"{key}={value}" for key, value in values.items()))
    assert done.returncode == 0, done.stderr
    images = dataset.load(folder, "training", digits)
    if isinstance(weights := options.get("class_weight"), list):
        options["class_weight"] = dict(zip(digits, weights, strict=True))
    classifier = MLPClassifier(**options, random_state=0).fit(images.arrays(precision)[0], images.labels)
    with open(tmp_path / "run" / "model.npz", "rb") as file:
        weights = npz.read_arrays(file)
    for name, array in classifier.network_.parameters.items():
        np.testing.assert_array_equal(array, weights[name], strict=True)
    assert classifier.classes_.tolist() == list(digits)


def test_its_defaults_are_those_of_the_config():
    defaults = Training().model_dump() | Model().model_dump()
    own = MLPClassifier().get_params()
    theirs = pytest.importorskip("sklearn.neural_network").MLPClassifier().get_params()
    for name in ("random_state", "early_stopping", "validation_fraction", "n_iter_no_change", "warm_start"):
        assert own.pop(name) == theirs[name]
    assert {name: defaults[name] for name in own} == own
    assert set(defaults) - set(own) == {"seed", "precision", "threads", "checkpoint_every", "patience"}


@pytest.mark.parametrize(
    ("make", "activation", "optimizer", "is_weighted"),
    [
        (blobs, "sigmoid", "sgd", False),
        (three_blobs, "tanh", "sgd", True),
        (three_blobs, "relu", "adam", True),
        (blobs, "relu", "adam", True),
    ],
)
def test_it_takes_the_steps_of_scikit_learn_s_own_network(make, activation, optimizer, is_weighted, monkeypatch):
    """Steps on the cross-entropy of all examples from the same weights, with momentum, but not Nesterov's."""
    monkeypatch.setattr("mlp.optimizers.Adam.E", 1e-300)  # added before the correction there, after it here
    X, y = make()
    momentum = 0.8 if optimizer == "sgd" else 0.0
    theirs = pytest.importorskip("sklearn.neural_network").MLPClassifier(
        (5,), activation={"sigmoid": "logistic"}.get(activation, activation), solver=optimizer, batch_size=200, alpha=0,
        learning_rate_init=0.05, momentum=momentum, nesterovs_momentum=False, max_iter=1, random_state=0,
        epsilon=1e-300,
    )  # fmt: skip
    weights = {}
    if is_weighted:
        if "sample_weight" not in signature(theirs.fit).parameters:
            pytest.skip("this scikit-learn's network takes no sample weights")
        weights = {"sample_weight": np.random.default_rng(1).uniform(0.1, 10, 200)}
    options = {"loss": "cross_entropy", "batch_size": 200, "learning_rate": 0.05, "momentum": momentum}
    ours = MLPClassifier((5,), **options, activation=activation, optimizer=optimizer, epochs=20, random_state=0)
    ours.fit(X, y, **weights)
    network = MLP(
        ours.network_.sizes, precision="float64", generator=generator(0, Stream.WEIGHTS), activation=activation
    )
    theirs.partial_fit(X, y, classes=np.unique(y))
    del theirs._optimizer  # and the velocity of that step
    theirs.coefs_, theirs.intercepts_ = ([network.parameters[f"{A}{k}"].copy() for k in (1, 2)] for A in "Wb")
    for _ in range(20):
        theirs.partial_fit(X, y, **weights)
    for name, array in zip(("W1", "W2", "b1", "b2"), theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(ours.network_.parameters[name], array, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_[1:], rtol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-8)


@pytest.mark.parametrize("make", [blobs, three_blobs])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 0.2, 1: 3}])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_linear_one_finds_the_probabilities_of_logistic_regression(make, class_weight, is_weighted):
    """Both minimize the same weighted cross-entropy; some points are mislabelled, so that it has a minimum."""
    linear_model, utils = (pytest.importorskip(f"sklearn.{name}") for name in ("linear_model", "utils"))
    counts_weights = "sample_weight" in signature(utils.compute_class_weight).parameters
    if is_weighted and class_weight == "balanced" and not counts_weights:
        pytest.skip("this scikit-learn balances classes without the sample weights")
    X, y = make()
    random = np.random.default_rng(1)
    y = np.where(random.random(200) < 0.2, random.permutation(y), y)
    weights = {"sample_weight": random.integers(0, 4, 200)} if is_weighted else {}
    theirs = linear_model.LogisticRegression(C=1e12, class_weight=class_weight, tol=1e-10, max_iter=1000)
    ours = MLPClassifier(
        (), loss="cross_entropy", class_weight=class_weight, momentum=0.9, learning_rate=0.3, epochs=600,
        batch_size=200, random_state=0,
    )  # fmt: skip
    expected = theirs.fit(X, y, **weights).predict_proba(X)
    np.testing.assert_allclose(ours.fit(X, y, **weights).predict_proba(X), expected, atol=1e-4)


@pytest.mark.parametrize("loss", ["euclidean", "cross_entropy"])
@pytest.mark.parametrize("make", [blobs, three_blobs])
def test_a_step_is_the_mean_of_the_examples_gradients_times_their_weights(make, loss):
    """A weight is the example's, scaled to mean 1, times that of its class."""
    X, y = make(20)
    of_classes, w = {0: 0.5, 1: 2.0, 2: 7.0}, np.random.default_rng(1).uniform(0.1, 10, 20)
    of_classes = {k: weight for k, weight in of_classes.items() if k in y}
    options = {"loss": loss, "activation": "tanh", "batch_size": 20, "learning_rate": 0.5, "random_state": 0}
    options |= {"class_weight": of_classes, "epochs": 1}
    classifier = MLPClassifier((4,), **options).partial_fit(X, y, classes=np.unique(y), sample_weight=w)
    network = MLP(
        classifier.network_.sizes, precision="float64", generator=generator(0, Stream.WEIGHTS), loss=loss,
        activation="tanh",
    )  # fmt: skip
    Y = np.equal(y[:, np.newaxis], classifier.classes_[-network.sizes[-1] :])
    total = np.zeros_like(network.parameter_block)
    for k in range(20):
        network.loss(X[k : k + 1], Y[k : k + 1])
        network.backward()
        total += network.gradient_block * of_classes[y[k]] * w[k] / w.mean()
    moved = network.parameter_block - parameters(classifier)
    np.testing.assert_allclose(moved, 0.5 * total / 20, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("loss", ["euclidean", "cross_entropy"])
@pytest.mark.parametrize("make", [blobs, three_blobs])
def test_weights_leave_examples_out_and_repeat_them(make, loss, class_weight):
    X, y = make()
    w = np.random.default_rng(1).integers(0, 4, 200)
    options = {"loss": loss, "class_weight": class_weight, "random_state": 0}

    def learned(X, y, **weights):
        return parameters(MLPClassifier((5,), **options).fit(X, y, **weights))

    weighted = learned(X, y, sample_weight=w)
    np.testing.assert_array_equal(weighted, learned(X[w > 0], y[w > 0], sample_weight=w[w > 0]))
    np.testing.assert_allclose(weighted, learned(X, y, sample_weight=5e307 * w), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(learned(X, y, sample_weight=np.full(200, 7)), learned(X, y))
    options |= {"batch_size": 1000}
    repeated = learned(X.repeat(w, axis=0), y.repeat(w))
    np.testing.assert_allclose(learned(X, y, sample_weight=w), repeated, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("precision", "tiny"), [("float32", 1e-42), ("float32", 1e-60), ("float64", 1e-320)])
def test_a_weight_that_is_0_beside_the_largest_counts_as_0(precision, tiny):
    X, y = three_blobs()
    w = np.where(y == 1, tiny, 3)
    classifier = MLPClassifier(random_state=0, class_weight="balanced").fit(X.astype(precision), y, sample_weight=w)
    assert classifier.classes_.tolist() == [0, 2]
    assert w[y == 1][0] == tiny  # the caller's own array


def test_a_class_whose_examples_all_weigh_nothing_is_no_class():
    X, y = three_blobs()
    classifier = MLPClassifier(random_state=0, class_weight="balanced").fit(X, y, sample_weight=y != 2)
    assert classifier.classes_.tolist() == [0, 1]
    with pytest.raises(ValueError, match="two classes are needed, y has one class only, 1"):
        classifier.fit(X, y, sample_weight=y == 1)


def test_as_many_partial_fits_as_epochs_are_a_fit_though_pickled_on_the_way(digits):
    X, y = digits
    options = {"momentum": 0.9, "learning_rate": 0.3, "random_state": 5}
    whole = MLPClassifier(epochs=4, **options).fit(X, y)
    parts = MLPClassifier(**options)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, y, classes=[0, 1])))
    np.testing.assert_array_equal(parameters(parts), parameters(whole))
    assert (parts.loss_curve_, parts.n_iter_) == (whole.loss_curve_, 4)
    whole.partial_fit(X, y)  # it continues after a fit
    np.testing.assert_array_equal(parameters(whole), parameters(MLPClassifier(epochs=5, **options).fit(X, y)))


def test_the_same_holds_with_adam_a_falling_rate_and_weights():
    X, y = three_blobs()
    w = np.random.default_rng(1).integers(0, 4, 200)
    options = {"optimizer": "adam", "schedule": "cosine", "learning_rate": 0.01, "class_weight": {0: 1, 1: 2, 2: 4}}
    whole, parts = (MLPClassifier((5,), **options, epochs=4, random_state=5) for _ in range(2))
    whole.fit(X, y, sample_weight=w)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, y, classes=[0, 1, 2], sample_weight=w)))
    np.testing.assert_array_equal(parameters(parts), parameters(whole))
    assert (parts.loss_curve_, parts.n_iter_) == (whole.loss_curve_, 4)
    continued = [clone(whole).fit(X, y, sample_weight=w) for _ in range(2)]
    continued[0].partial_fit(X, y, sample_weight=w)  # at the rate of the last epoch
    last = 0.01 * (1 + np.cos(np.pi * 3 / 4)) / 2
    continued[1].set_params(schedule="constant", learning_rate=last).partial_fit(X, y, sample_weight=w)
    np.testing.assert_allclose(parameters(continued[0]), parameters(continued[1]), rtol=1e-12)


def test_weights_may_come_and_go_and_change_between_partial_fits():
    """Weights that are all the same change no bit."""
    X, y = three_blobs()
    without, some = (MLPClassifier((5,), momentum=0.9, random_state=0) for _ in range(2))
    for k, sample_weight in enumerate((None, np.full(200, 3), None, None)):
        without.partial_fit(X, y, classes=[0, 1, 2])
        some.set_params(class_weight=[1, 1, 1] if k == 3 else None)
        some.partial_fit(X, y, classes=[0, 1, 2], sample_weight=sample_weight)
    np.testing.assert_array_equal(parameters(some), parameters(without))
    weighted = [each.set_params(class_weight=[1, 2, 3]).partial_fit(X, y) for each in (deepcopy(without), some)]
    np.testing.assert_array_equal(parameters(weighted[0]), parameters(weighted[1]))
    assert not np.array_equal(parameters(some), parameters(without.partial_fit(X, y)))


def test_it_learns_from_a_stream_of_which_no_part_has_all_classes_or_features():
    X, y = blobs()
    X = np.column_stack([X, np.zeros(len(X))])
    X[100:, 2] = 1  # a feature that is 0 in the first half
    classifier = MLPClassifier(random_state=0)
    for rows in (y[:100] == 0, y[:100] == 1) * 5:
        classifier.partial_fit(X[:100][rows], y[:100][rows], classes=[0, 1])
    assert classifier.partial_fit(X[100:], y[100:]).score(X, y) > 0.98


def test_the_classes_are_the_user_s_own_the_second_being_target_1():
    X, y = blobs()
    words = np.array(["one", "zero"])[1 - y]
    classifier = MLPClassifier(random_state=0).fit(X, words)
    assert list(classifier.classes_) == ["one", "zero"]
    np.testing.assert_array_equal(classifier.predict_proba(X)[:, 1], classifier.network_.predict(X)[:, 0])
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1)
    assert classifier.score(X, words) > 0.98
    assert classifier.predict([[-2, -2], [2, 2]]).tolist() == ["zero", "one"]


@pytest.mark.parametrize(
    ("given", "precision"),
    [("float32", "float32"), ("float64", "float64"), ("int8", "float64"), ("float16", "float64")],
)
def test_it_computes_in_the_precision_of_x(given, precision):
    X, y = blobs()
    classifier = MLPClassifier(random_state=0).fit(X.astype(given), y)
    assert classifier.network_.precision == precision
    assert classifier.predict_proba(X).dtype == precision
    assert classifier.partial_fit(X, y).network_.precision == precision
    too_large = np.full((1, 2), 1e300)
    if precision == "float32":
        for use in (classifier.predict, lambda X: classifier.partial_fit(X, [0])):
            with np.errstate(over="ignore"), pytest.raises(ValueError, match="too large for dtype"):
                use(too_large)


def test_what_is_random_comes_from_random_state():
    X, y = blobs()

    def weights(state):
        return MLPClassifier(random_state=state, epochs=1).fit(X, y).network_.parameter_block.tolist()

    assert weights(3) == weights(np.int64(3)) != weights(4)
    assert weights(np.random.RandomState(3)) == weights(np.random.RandomState(3)) != weights(np.random.RandomState(4))
    assert weights(None) != weights(None)


def test_it_learns_on_one_thread_whatever_the_surroundings_have(monkeypatch):
    """As train.py does by default: it is fastest at these sizes, and the bits do not depend on the machine's cores."""
    threads = []

    def run(*arguments):
        threads.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return 0.1

    monkeypatch.setattr("mlp.training.arrays.passes.Passes.run", run)
    with blas_threads.threads(2):
        MLPClassifier(epochs=1).fit(*blobs())
    assert set(threads) == {1}


@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9}, {"weight_decay": 0.1}, {"momentum": 0.9, "weight_decay": 0.1}]
)
def test_a_stream_whose_features_come_and_go_is_learned_as_if_they_were_all_there(options, monkeypatch):
    """Weights of features that are 0 in a whole part still change by their velocity and decay."""
    X, y = blobs()
    parts = [X, X * [0, 1], X * [1, 0], X * 0, X]

    def weights():
        classifier = MLPClassifier((3,), learning_rate=0.1, random_state=0, **options)
        for part in parts:
            classifier.partial_fit(part, y, classes=[0, 1])
        return classifier.network_.parameter_block

    without = weights()
    monkeypatch.setattr("mlp.training.arrays.examples.MAX_COPIED_BYTES", 0)
    np.testing.assert_allclose(weights(), without, rtol=1e-10, atol=1e-13)


def test_the_bits_of_images_that_are_too_many_bytes_as_numbers_are_those_of_train_py_too(monkeypatch, tmp_path, here):
    """Features are left out up to a limit in numbers, not in bytes, as for the training images."""
    folder = write_folder(tmp_path / "made", [0, 1] * 50, [0, 1], side=6)
    monkeypatch.setattr("mlp.training.batches.MAX_COPIED_BYTES", 3700)
    monkeypatch.setattr("mlp.training.arrays.examples.MAX_COPIED_BYTES", 3700)
    options = ["data.validation_fraction=0", "training.epochs=2", f"data.directory={folder}"]
    assert here("train.py", "--output", tmp_path / "run", "--set", *options).returncode == 0
    X, Y = dataset.load(folder, "training", (0, 1)).arrays("float32")
    assert X.size <= 3700 < X.nbytes
    classifier = MLPClassifier(epochs=2, random_state=0).fit(X, Y[:, 0])
    with open(tmp_path / "run" / "model.npz", "rb") as file:
        np.testing.assert_array_equal(classifier.network_.parameters["W1"], npz.read_arrays(file)["W1"])


def test_threads_may_predict_at_once():
    X, y = blobs(2000)
    X = np.tile(X, 20)
    classifier = MLPClassifier(random_state=0).fit(X, y)
    questions = [X * (-1) ** k for k in range(4)]
    answers = [classifier.predict_proba(question) for question in questions]

    def ask(k):
        return all(np.array_equal(classifier.predict_proba(questions[k]), answers[k]) for _ in range(50))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(4)))


def test_pipeline_search_and_cross_validation(request):
    from joblib import parallel_config
    from joblib.externals.loky import get_reusable_executor
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = blobs()
    X = X * [1000, 0.001]
    model = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))
    assert cross_val_score(model, X, y, cv=3).min() > 0.95
    grid = {
        "mlpclassifier__learning_rate": np.logspace(-3, 0, 2),
        "mlpclassifier__hidden_sizes": [(), [4], np.array([4, 3])],
        "mlpclassifier__epochs": np.arange(5, 6),
    }
    # Two processes take seconds to start.
    with parallel_config("loky" if request.config.getoption("--all-trials") else "threading"):
        search = GridSearchCV(model, grid, cv=3, n_jobs=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > 0.95
    assert search.best_params_["mlpclassifier__learning_rate"] == 1
    # Idle workers end minutes later, amid another test, which may see a descriptor vanish.
    get_reusable_executor().shutdown()


@pytest.mark.parametrize(("method", "classes"), [("sigmoid", 2), ("isotonic", 2), ("sigmoid", 3)])
def test_calibration(method, classes):
    """Labels are drawn with known probabilities: calibrated predictions are nearer to them."""
    from sklearn.calibration import CalibratedClassifierCV

    random = np.random.default_rng(0)
    X = random.normal(size=(1500, 2))
    E = np.exp(np.column_stack([np.zeros(1500), X]))[:, :classes]
    truth = E / E.sum(axis=1, keepdims=True)
    y = np.sum(random.random((1500, 1)) < 1 - np.cumsum(truth, axis=1)[:, :-1], axis=1)
    model = MLPClassifier(momentum=0.9, epochs=30, random_state=0)  # overconfident
    off = [
        np.abs(fitted.predict_proba(X) - truth).mean()
        for fitted in (model.fit(X, y), CalibratedClassifierCV(model, method=method, cv=3).fit(X, y))
    ]
    assert off[1] < off[0]


@pytest.mark.parametrize("loss", ["euclidean", "cross_entropy"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_many_classes_with_the_user_s_own_names(loss, precision):
    X, y = three_blobs()
    words = np.array(["seven", "two", "nine"], object)[y]
    classifier = MLPClassifier(loss=loss, class_weight={"nine": 2, "two": 1, "seven": 1}, random_state=0)
    classifier.fit(X.astype(precision), words)
    assert classifier.network_.class_weights == (2, 1, 1)
    assert classifier.classes_.tolist() == ["nine", "seven", "two"]
    P, outputs = classifier.predict_proba(X), classifier.network_.predict(X.astype(precision))
    assert P.dtype == precision
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(P, outputs / outputs.sum(axis=1, keepdims=True), rtol=1e-6)
    assert (np.abs(outputs.sum(axis=1) - 1).max() > 0.01) == (loss == "euclidean")  # sigmoids do not sum to 1
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[P.argmax(axis=1)])
    assert classifier.score(X, words) > 0.98
    assert classifier.predict([[0, 4], [4, 0], [-4, -4]]).tolist() == ["seven", "two", "nine"]


def test_a_search_over_activation_optimizer_and_class_weight():
    from sklearn.model_selection import GridSearchCV

    X, y = three_blobs(150)
    grid = {
        "activation": ["tanh", "relu"],
        "optimizer": np.array(["sgd", "adam"]),
        "class_weight": [None, "balanced", {0: 1, 1: 2, 2: 3.5}, np.array([1, 2, 3])],
        "learning_rate": [0.05],
    }
    search = GridSearchCV(MLPClassifier((6,), random_state=0), grid, cv=2, error_score="raise", scoring="f1_macro")
    search.fit(X, y, sample_weight=np.random.default_rng(0).uniform(1, 2, 150))
    assert len(search.cv_results_["params"]) == 16
    assert search.best_score_ > 0.95
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()


def test_one_versus_one():
    from sklearn.multiclass import OneVsOneClassifier

    X, y = three_blobs()
    assert OneVsOneClassifier(MLPClassifier(random_state=0)).fit(X, y).score(X, y) > 0.95


def test_class_weights_find_a_rare_class():
    random = np.random.default_rng(0)
    y = (np.arange(1000) < 20).astype(int)
    X = random.normal(size=(1000, 2)) + 2 * y[:, np.newaxis]
    recall = [
        MLPClassifier(class_weight=class_weight, random_state=0).fit(X, y).predict(X)[:20].mean()
        for class_weight in (None, "balanced")
    ]
    assert recall[0] < 0.6
    assert recall[1] > 0.9


@pytest.mark.parametrize(
    ("first", "between"),
    [
        ({"momentum": 0.9}, {"momentum": 0.0}),
        ({"optimizer": "adam"}, {"optimizer": "sgd"}),
        ({"momentum": 0.9}, {"optimizer": "adam", "momentum": 0.0}),
    ],
)
def test_an_optimizer_that_was_exchanged_begins_anew(first, between):
    X, y = blobs(50)
    options = {"learning_rate": 0.1, "batch_size": 50, "random_state": 0}
    changed, fresh = (MLPClassifier(**first, **options) for _ in range(2))
    for _ in range(5):
        changed.partial_fit(X, y, classes=[0, 1])
    changed.set_params(**between).partial_fit(X, y)
    changed.set_params(**{"optimizer": "sgd"} | first)
    fresh.set_params(learning_rate=1e-30).partial_fit(X, y, classes=[0, 1]).set_params(learning_rate=0.1, **between)
    fresh.partial_fit(X, y)  # it has made the same changes, but has forgotten other steps
    parameters(fresh)[...] = parameters(changed)
    fresh.set_params(**{"optimizer": "sgd"} | first)
    for classifier in (changed, fresh, changed, fresh):
        classifier.partial_fit(X, y)
    np.testing.assert_allclose(parameters(changed), parameters(fresh), rtol=1e-12)


def test_momentum_that_was_switched_off_begins_with_a_step_without_it():
    X, y = blobs(50)
    options = {"learning_rate": 0.1, "batch_size": 50, "random_state": 0}
    changed, plain = (MLPClassifier(momentum=momentum, **options) for momentum in (0.9, 0.0))
    for _ in range(5):
        changed.partial_fit(X, y, classes=[0, 1])
    changed.set_params(momentum=0.0).partial_fit(X, y)
    plain.partial_fit(X, y, classes=[0, 1])
    parameters(plain)[...] = parameters(changed)
    changed.set_params(momentum=0.9).partial_fit(X, y)
    np.testing.assert_allclose(parameters(changed), parameters(plain.partial_fit(X, y)), rtol=1e-12)


def test_scikit_learn_is_imported_there_alone():
    importing = set()
    for path in (ROOT / "mlp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            importing |= {path.name for name in names if name.partition(".")[0] == "sklearn"}
    assert importing == {"estimator.py"}
