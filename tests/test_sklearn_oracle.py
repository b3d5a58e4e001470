"""The same figures as scikit-learn for the same predictions. Skipped if scikit-learn is not installed."""

import numpy as np
import pytest

from mlp.data import dataset
from mlp.data.svd import project
from mlp.evaluation import Evaluation
from tests.conftest import write_folder


@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_every_metric(test_digits, sharpness):
    metrics = pytest.importorskip("sklearn.metrics")  # slow to import, and only these tests need it
    targets = test_digits.targets
    logits = np.random.default_rng(0).standard_normal(len(targets)) + sharpness * (targets - 0.4)
    probabilities = np.round(1 / (1 + np.exp(-logits)), 2)  # rounded to get ties
    summary = Evaluation(test_digits, probabilities[:, np.newaxis], 0.0).summary()
    predicted = probabilities >= 0.5
    check_counts(metrics, summary, targets, predicted)
    for name in ("precision", "recall", "f1"):
        assert summary[name] == pytest.approx(getattr(metrics, f"{name}_score")(targets, predicted), rel=1e-12), name
    assert summary["roc_auc"] == pytest.approx(metrics.roc_auc_score(targets, probabilities), rel=1e-12)


@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_every_metric_of_four_classes(tmp_path, sharpness):
    metrics = pytest.importorskip("sklearn.metrics")
    folder = write_folder(tmp_path / "made", [3, 0, 7, 9, 3] * 50, [0])
    images = dataset.load(folder, "training", (7, 0, 3, 9))
    targets = images.targets
    E = np.exp(np.random.default_rng(0).standard_normal((250, 4)) + sharpness * np.eye(4)[targets])
    P = np.round(E / E.sum(axis=1, keepdims=True), 2)
    summary = Evaluation(images, P, 0.0).summary()
    predicted = P.argmax(axis=1)
    check_counts(metrics, summary, targets, predicted)
    for name in ("precision", "recall", "f1"):
        for average, found in ((None, summary[name]), ("macro", summary["macro"][name])):
            expected = getattr(metrics, f"{name}_score")(targets, predicted, average=average)
            np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=name)
    areas = [metrics.roc_auc_score(targets == k, P[:, k]) for k in range(4)]
    np.testing.assert_allclose(summary["roc_auc"], areas, rtol=1e-12)
    assert summary["macro"]["roc_auc"] == pytest.approx(np.mean(areas), rel=1e-12)


def check_counts(metrics, summary, targets, predicted):
    """What is the same of two classes and of more."""
    assert summary["confusion"] == metrics.confusion_matrix(targets, predicted).tolist()
    assert summary["accuracy"] == pytest.approx(metrics.accuracy_score(targets, predicted), rel=1e-12)
    assert summary["errors"] == metrics.zero_one_loss(targets, predicted, normalize=False)


def test_the_projection(training_digits):
    decomposition = pytest.importorskip("sklearn.decomposition")
    images = training_digits.first_of_each(200)
    X = images.pixels().astype(float)
    theirs = decomposition.TruncatedSVD(2, algorithm="arpack").fit(X)
    ours = project(images)
    np.testing.assert_allclose(ours.singular_values[:2], theirs.singular_values_, rtol=1e-9)
    cosines = np.abs(np.sum(ours.directions.T * theirs.components_, axis=1))
    np.testing.assert_allclose(cosines, 1, rtol=1e-12)
    pca = decomposition.PCA(2).fit(X)
    np.testing.assert_allclose(project(images, center=True).singular_values[:2], pca.singular_values_, rtol=1e-9)
