"""Promises of mlp.evaluation: every figure is that of the textbook."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.data import dataset
from mlp.evaluation import Evaluation, evaluate, only_prediction, roc_auc, wilson_interval
from mlp.network import MLP
from tests.conftest import write_folder


@pytest.fixture
def images(tmp_path):
    """Ten images, 7 0 7 0 ..., after one that is neither; 7 is the negative class."""
    return dataset.load(write_folder(tmp_path / "ten", [3] + [7, 0] * 5, [0, 7]), "training", (7, 0))


def test_the_figures_by_hand(images):
    """Targets are 0 1 0 1 ...; one negative is predicted positive, two positives negative."""
    probabilities = np.array([0.1, 0.9, 0.6, 0.8, 0.2, 0.4, 0.3, 0.5, 0.05, 0.1])
    summary = Evaluation(images, probabilities[:, np.newaxis], 0.25).summary()
    mistakes = summary.pop("mistakes")
    low, high = summary.pop("accuracy_interval")
    assert summary.pop("f1") == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6), rel=1e-15)
    assert summary == {
        "digits": [7, 0],
        "n": 10,
        "errors": 3,
        "accuracy": 0.7,
        "confusion": [[4, 1], [2, 3]],
        "precision": 0.75,
        "recall": 0.6,
        "roc_auc": 0.78,  # of 25 pairs 19 are in order, one is a tie
        "loss": 0.25,
    }
    assert mistakes == [
        {"index": 3, "digit": 7, "predicted": 0, "probability": 0.6},
        {"index": 6, "digit": 0, "predicted": 7, "probability": 0.4},
        {"index": 10, "digit": 0, "predicted": 7, "probability": 0.1},
    ]
    assert (low, high) == pytest.approx((0.396778, 0.892209), abs=1e-6)  # R's prop.test(7, 10, correct = FALSE)


def test_what_is_undefined_is_null(images):
    summary = Evaluation(images, np.zeros((10, 1)), 0.5).summary()
    assert summary["precision"] is None
    assert summary["recall"] == 0
    assert json.loads(json.dumps(summary))["precision"] is None
    assert roc_auc(np.ones(3), np.arange(3)) is None


@pytest.mark.parametrize("loss", ["euclidean", "cross_entropy"])
@pytest.mark.parametrize("digits", [(7, 0, 12), (3, 0, 255, 7, 12)])
def test_the_figures_of_more_classes_are_scikit_learns(digits, loss, tmp_path):
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(len(digits))
    labels = random.choice(digits, 200, p=[0.5, *[0.5 / (len(digits) - 1)] * (len(digits) - 1)])
    images = dataset.load(write_folder(tmp_path / "f", [*digits, *labels], list(digits)), "training", digits)
    P = random.uniform(0, 1, (len(images), len(digits))).round(2)  # with ties
    P[np.arange(len(images)), images.targets] += 0.3
    P = P / P.sum(axis=1, keepdims=True) if loss == "cross_entropy" else P
    summary = Evaluation(images, P, 0.5).summary()
    predicted = np.array(digits)[P.argmax(axis=1)]
    for average, found in ((None, summary), ("macro", summary["macro"])):
        expected = metrics.precision_recall_fscore_support(images.labels, predicted, labels=digits, average=average)
        for name, values in zip(("precision", "recall", "f1"), expected[:3], strict=True):
            np.testing.assert_allclose(found[name], values, rtol=1e-14)
    areas = [metrics.roc_auc_score(images.targets == k, P[:, k]) for k in range(len(digits))]
    np.testing.assert_allclose(summary["roc_auc"], areas, rtol=1e-14)
    assert summary["macro"]["roc_auc"] == pytest.approx(np.mean(areas), rel=1e-14)
    np.testing.assert_array_equal(
        summary["confusion"], metrics.confusion_matrix(images.labels, predicted, labels=digits)
    )
    assert summary["accuracy"] == metrics.accuracy_score(images.labels, predicted)
    first = summary["mistakes"][0]
    place = images.indices.tolist().index(first["index"])
    assert (first["predicted"], first["probability"]) == (predicted[place], P[place].max())
    json.dumps(summary)


def test_the_macro_mean_is_null_if_a_class_has_no_figure(tmp_path):
    images = dataset.load(write_folder(tmp_path / "f", [0, 1, 2] * 3, [0, 1, 2]), "training", (0, 1, 2))
    summary = Evaluation(images, np.tile([0.2, 0.5, 0.3], (9, 1)), 0.5).summary()
    assert summary["precision"] == [None, 1 / 3, None]
    assert summary["recall"] == [0, 1, 0]
    assert (summary["macro"]["precision"], summary["macro"]["recall"]) == (None, 1 / 3)


def test_a_single_answer_for_all_images_is_found_in_the_confusion_matrix():
    assert only_prediction([[0, 5], [0, 7]]) == 1
    assert only_prediction([[3, 0, 0], [2, 0, 0], [1, 0, 0]]) == 0
    assert only_prediction([[3, 0, 0], [2, 0, 1], [1, 0, 0]]) is None


def test_the_network_is_run_over_every_image_and_its_loss_is_the_one_trained_on(images, monkeypatch):
    monkeypatch.setattr("mlp.network.BLOCK_ROWS", 4)
    network = MLP([16, 3, 1], precision="float64", generator=np.random.default_rng(0))
    evaluation = evaluate(network, images)
    X, Y = images.arrays("float64")
    np.testing.assert_allclose(evaluation.P, network.predict(X), rtol=1e-14)
    assert evaluation.loss == pytest.approx(network.loss(X, Y), rel=1e-14)


def test_wilsons_interval_stays_within_zero_and_one():
    """Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for successes, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)
    for n in range(1, 60):
        for successes in range(n + 1):
            low, high = wilson_interval(successes, n)
            assert 0 <= low <= successes / n + 1e-12
            assert successes / n - 1e-12 <= high <= 1


scores = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40)


@given(examples=scores)
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(examples):
    targets, values = (np.array(column) for column in zip(*examples, strict=True))
    pairs = [(p > n) + (p == n) / 2 for p in values[targets] for n in values[~targets]]
    area = roc_auc(targets, values)
    assert area == (pytest.approx(np.mean(pairs), abs=1e-12) if pairs else None)
