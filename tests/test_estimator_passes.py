"""Promises of mlp.estimator: when a fit stops, which pass it keeps, where it begins, and whom it calls."""

import csv
import pickle

import numpy as np
import pytest

from mlp.data import dataset
from mlp.data.dataset import choose_held_out
from mlp.runs import npz
from mlp.training.arrays.passes import Passes
from mlp.training.random_streams import Stream, generator
from tests.conftest import write_folder
from tests.made_points import blobs, three_blobs

base = pytest.importorskip("sklearn.base")
MLPClassifier = pytest.importorskip("mlp.estimator").MLPClassifier


def parameters(classifier):
    return classifier.network_.parameter_block


def mislabelled(n=200, seed=0):
    """Three clouds of points. Every fourth class is wrong, so the validation loss soon rises."""
    X, y = three_blobs(n, seed)
    y[::4] = (y[::4] + 1) % 3
    return X, y


EARLY = {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 3, "epochs": 30, "random_state": 0}
ADAM = {"loss": "cross_entropy", "activation": "relu", "optimizer": "adam", "learning_rate": 0.02}


@pytest.mark.parametrize(
    ("digits", "precision", "options"),
    [
        ((0, 1), "float32", {"loss": "cross_entropy", "learning_rate": 0.1, "momentum": 0.9}),
        ((0, 1, 7), "float64", ADAM | {"schedule": "cosine", "class_weight": "balanced"}),
    ],
)
def test_early_stopping_is_that_of_train_py_to_the_bit(tmp_path, here, digits, precision, options):
    """Also the figures of each pass."""
    random = np.random.default_rng(0)
    folder = write_folder(tmp_path / "made", random.choice(digits, 150), digits, side=6)
    sections = {name: "model" if name in ("loss", "activation") else "training" for name in options}
    values = {f"{sections[name]}.{name}": value for name, value in options.items()}
    values |= {"data.directory": folder, "data.digits": list(digits), "data.validation_fraction": 0.2}
    values |= {"training.patience": 3, "training.epochs": 30, "training.precision": precision}
    done = here("train.py", "--output", tmp_path / "run", "--set", *(f"{key}={value}" for key, value in values.items()))
    assert done.returncode == 0, done.stderr
    images = dataset.load(folder, "training", digits)
    classifier = MLPClassifier(**EARLY, **options).fit(images.arrays(precision)[0], images.labels)
    with open(tmp_path / "run" / "history.csv", newline="") as file:
        history = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert 3 < classifier.n_iter_ == len(history) < 30
    assert classifier.loss_curve_ == [row["train_loss"] for row in history]
    assert classifier.validation_loss_curve_ == [row["validation_loss"] for row in history]
    assert classifier.validation_scores_ == [row["validation_accuracy"] for row in history]
    best = min(history, key=lambda row: row["validation_loss"])
    assert best is not history[-1]
    assert classifier.best_validation_score_ == best["validation_accuracy"]
    with open(tmp_path / "run" / "model.npz", "rb") as file:
        weights = npz.read_arrays(file)
    for name, array in classifier.network_.parameters.items():
        np.testing.assert_array_equal(array, weights[name], strict=True)


def test_the_held_out_examples_are_judged_by_their_weights():
    metrics = pytest.importorskip("sklearn.metrics")
    X, y = mislabelled()
    w = np.random.default_rng(1).integers(0, 5, 200)
    classifier = MLPClassifier(**EARLY, **ADAM, class_weight=[1, 2, 3]).fit(X, y, sample_weight=w)
    X, y, w = X[w > 0], y[w > 0], w[w > 0]  # the others are as if they had not been given
    held_out = choose_held_out(y, 0.2, generator(0, Stream.SPLIT))
    X, y, w = X[held_out], y[held_out], w[held_out]
    accuracy = metrics.accuracy_score(y, classifier.predict(X), sample_weight=w)
    assert classifier.best_validation_score_ == pytest.approx(accuracy)
    weights = w * np.array([1, 2, 3])[y]
    loss = metrics.log_loss(y, classifier.predict_proba(X), sample_weight=weights) * weights.sum() / w.sum()
    assert min(classifier.validation_loss_curve_) == pytest.approx(loss)
    assert classifier.validation_scores_[np.argmin(classifier.validation_loss_curve_)] == pytest.approx(accuracy)


def test_without_a_limit_of_patience_the_best_of_all_passes_is_kept():
    X, y = mislabelled()
    whole = MLPClassifier(**EARLY | ADAM | {"n_iter_no_change": np.inf}).fit(X, y)
    assert whole.n_iter_ == 30
    best = int(np.argmin(whole.validation_loss_curve_)) + 1
    assert best < 30
    until_then = MLPClassifier(**EARLY | ADAM | {"epochs": best, "n_iter_no_change": np.inf}).fit(X, y)
    np.testing.assert_array_equal(parameters(whole), parameters(until_then))
    plain = MLPClassifier(**EARLY | ADAM | {"early_stopping": False}).fit(X, y)
    assert plain.n_iter_ == 30
    assert plain.validation_scores_ is plain.validation_loss_curve_ is plain.best_validation_score_ is None


@pytest.mark.filterwarnings("ignore:nothing was learned")
def test_at_a_tie_the_earliest_pass_is_the_best():
    classifier = MLPClassifier(**EARLY, learning_rate=1e-30).fit(*blobs())  # no weight changes
    assert len(set(classifier.validation_loss_curve_)) == 1
    assert classifier.n_iter_ == 1 + 3


def test_a_best_pass_that_learned_nothing_is_not_excused_by_worse_ones_after_it(monkeypatch):
    """The loss of a later pass, which is higher, does not mean that the loss still falls."""
    run = Passes.run
    monkeypatch.setattr(Passes, "run", lambda *arguments: 10 * run(*arguments))
    classifier = MLPClassifier(**EARLY | {"n_iter_no_change": 29}, learning_rate=1e-30)
    with pytest.warns(UserWarning, match="nothing was learned"):
        classifier.fit(*blobs())


def test_a_fit_that_diverges_keeps_its_best_pass(monkeypatch):
    X, y = mislabelled()
    classifier = MLPClassifier(**EARLY, **ADAM)
    best = int(np.argmin(classifier.fit(X, y).validation_loss_curve_)) + 1
    expected, run = parameters(classifier).copy(), Passes.run
    losses = iter([None] * (best + 1))
    monkeypatch.setattr(Passes, "run", lambda *arguments: next(losses, np.nan) or run(*arguments))
    with pytest.raises(ValueError, match=f"training diverged in pass {best + 2}"):
        classifier.fit(X, y)
    np.testing.assert_array_equal(parameters(classifier), expected)


@pytest.mark.parametrize("options", [{"momentum": 0.9, "learning_rate": 0.3}, ADAM, ADAM | EARLY | {"epochs": 2}])
def test_two_warm_fits_are_one_of_all_passes_though_pickled_on_the_way(options):
    X, y = three_blobs()
    options = {"epochs": 3, "random_state": 5} | options
    whole = MLPClassifier(**options | {"epochs": 2 * options["epochs"]}).fit(X, y)
    twice = pickle.loads(pickle.dumps(MLPClassifier(**options, warm_start=True).fit(X, y))).fit(X, y)
    np.testing.assert_array_equal(parameters(twice), parameters(whole))
    assert twice.loss_curve_ == whole.loss_curve_
    assert twice.validation_scores_ == whole.validation_scores_
    again = twice.set_params(warm_start=False).fit(X, y)
    assert again.loss_curve_ == whole.loss_curve_[: options["epochs"]]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("stops", [False, True])
def test_a_warm_start_counts_as_scikit_learn_s_own_network_does(stops):
    X, y = mislabelled()
    theirs = pytest.importorskip("sklearn.neural_network").MLPClassifier((5,), max_iter=3)
    for classifier in (theirs, MLPClassifier((5,), epochs=3)):
        classifier.set_params(warm_start=True, early_stopping=stops, random_state=0).fit(X, y).fit(X, y)
        assert (classifier.n_iter_, len(classifier.loss_curve_)) == (3, 6)
        assert len(classifier.validation_scores_) == 6 if stops else classifier.validation_scores_ is None
        assert classifier.set_params(warm_start=False).fit(X, y).n_iter_ == len(classifier.loss_curve_) == 3


def test_a_warm_start_goes_on_with_other_examples_options_and_a_new_schedule():
    X, y = three_blobs()
    options = {"schedule": "cosine", "epochs": 2, "random_state": 0}
    warm = MLPClassifier((5,), **options, warm_start=True).fit(X, y)
    parts = MLPClassifier((5,), **options).fit(X, y)
    warm.set_params(epochs=1, learning_rate=0.5).fit(X[100:], y[100:])
    parts.set_params(epochs=3, schedule="constant", learning_rate=0.5).partial_fit(X[100:], y[100:])
    np.testing.assert_array_equal(parameters(warm), parameters(parts))


def test_a_warm_start_keeps_the_weights_that_it_has_if_no_pass_is_better():
    X, y = mislabelled()
    classifier = MLPClassifier(**EARLY, **ADAM, warm_start=True).fit(X, y)
    weights, accuracy = parameters(classifier).copy(), classifier.best_validation_score_
    classifier.set_params(learning_rate=5.0).fit(X, y)
    np.testing.assert_array_equal(parameters(classifier), weights)
    assert (classifier.n_iter_, classifier.best_validation_score_) == (3, accuracy)


def test_a_warm_start_goes_on_with_the_optimizer_s_memory_of_the_best_pass():
    X, y = mislabelled()
    options = EARLY | ADAM | {"batch_size": 200, "warm_start": True, "epochs": 300}  # the order of examples is rounding
    stopped = MLPClassifier(**options).fit(X, y)
    best = stopped.n_iter_ - 3
    assert best == np.argmin(stopped.validation_loss_curve_) + 1
    until_then = MLPClassifier(**options).set_params(epochs=best).fit(X, y)
    for classifier in (stopped, until_then):
        classifier.set_params(early_stopping=False, epochs=5).fit(X, y)
    np.testing.assert_allclose(parameters(stopped), parameters(until_then), rtol=1e-9)


def test_a_warm_start_of_a_network_that_has_learned_is_not_said_to_stand_still():
    X, y = blobs()
    options = {"loss": "cross_entropy", "epochs": 60, "random_state": 0, "warm_start": True}
    classifier = MLPClassifier(**options).fit(X, y).set_params(learning_rate=1e-9)
    assert classifier.fit(X, y).score(X, y) > 0.98  # a warning would be an error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X[:, :1], y, {}), "X has 1 features, the last fit had 2"),
        (lambda X, y: (X, y * 3, {}), r"y has the classes \[0 3 6\], the last fit had \[0 1 2\]"),
        (lambda X, y: (X[y < 2], y[y < 2], {}), r"y has the classes \[0 1\], the last fit had \[0 1 2\]"),
        (lambda X, y: (X, y, {"hidden_sizes": (3,)}), "hidden_sizes, activation or loss differ from the network's"),
    ],
)
def test_a_warm_start_that_cannot_be_is_an_error_and_changes_nothing(change, message):
    X, y = three_blobs()
    classifier = MLPClassifier(random_state=0, warm_start=True).fit(X, y)
    weights, answers = parameters(classifier).copy(), classifier.predict(X)
    others, classes, options = change(X, y)
    with pytest.raises(ValueError, match=f"{message}: warm_start=False begins anew"):
        classifier.set_params(**options).fit(others, classes)
    np.testing.assert_array_equal(parameters(classifier), weights)
    np.testing.assert_array_equal(classifier.predict(X), answers)
    assert classifier.set_params(warm_start=False).fit(others, classes).n_iter_ == 10


class Recorder:
    """A callback that records the hooks it is called for, and ends the fit after a pass."""

    def __init__(self, last=None):
        self.last, self.calls, self.fitted = last, [], []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.max_subtasks))

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.calls.append(("end", context.task_name))
        if context.task_name == "pass":
            self.shown = X, y, metadata
            self.fitted.append(fitted_estimator)
        return len(self.fitted) == self.last


@pytest.fixture
def callback():
    return pytest.importorskip("sklearn.callback")  # of scikit-learn 1.9


def test_callbacks_are_called_around_each_pass_and_may_end_the_fit(callback):
    X, y = blobs()
    recorder, words = Recorder(last=2), np.array(["no", "yes"])[y]
    classifier = MLPClassifier(epochs=4, random_state=0).set_callbacks(recorder).fit(X, words, np.full(200, 3))
    one = [("begin", "pass"), ("end", "pass")]
    assert recorder.calls == [("setup", 4), ("begin", "fit"), *one, *one, ("end", "fit"), "teardown"]
    shown_X, shown_y, metadata = recorder.shown
    np.testing.assert_array_equal(shown_X, X)
    np.testing.assert_array_equal(shown_y, words)
    np.testing.assert_array_equal(metadata["sample_weight"], np.ones(200))
    short = MLPClassifier(epochs=2, random_state=0).fit(X, words)
    np.testing.assert_array_equal(parameters(classifier), parameters(short))
    first = MLPClassifier(epochs=1, random_state=0).fit(X, words)
    np.testing.assert_array_equal(parameters(recorder.fitted[0]), parameters(first))  # the second changed nothing in it
    np.testing.assert_array_equal(recorder.fitted[0].predict(X), first.predict(X))
    recorder.calls.clear()
    with pytest.raises(ValueError, match="diverged"):
        classifier.set_params(learning_rate=1000, weight_decay=3.0, batch_size=1).fit(X, words)
    assert recorder.calls[-1] == "teardown"
    pickle.dumps(classifier)
    recorder.calls.clear()
    classifier.set_params(weight_decay=0, learning_rate=1.0).partial_fit(X, words, classes=["no", "yes"])
    assert recorder.calls == []


def test_scikit_learn_s_monitor_scores_each_pass_also_within_a_pipeline_and_a_search(callback):
    from joblib import parallel_config
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = blobs()
    monitor = callback.ScoringMonitor(scoring="accuracy")
    classifier = MLPClassifier(epochs=3, random_state=0).set_callbacks(monitor)
    base.clone(classifier).fit(X, y)
    parts = MLPClassifier(random_state=0)
    expected = [parts.partial_fit(X, y, classes=[0, 1]).score(X, y) for _ in range(3)]
    rows = monitor.get_logs().data
    assert [(row["task_name"], row["accuracy"]) for row in rows] == [
        ("fit", expected[-1]), *(("pass", accuracy) for accuracy in expected)
    ]  # fmt: skip
    model = make_pipeline(StandardScaler(), classifier)
    with parallel_config("threading"):
        GridSearchCV(model, {"mlpclassifier__learning_rate": [0.1, 1.0]}, cv=2, n_jobs=2).fit(X, y)
    assert len(monitor.get_logs().data) == (2 * 2 + 1) * (3 + 1)
