"""The same figures as scikit-learn for the same predictions. Skipped if scikit-learn is not installed."""

import numpy as np
import pytest

from mlp.data.svd import project
from mlp.evaluation import Evaluation


@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_every_metric(test_digits, sharpness):
    metrics = pytest.importorskip("sklearn.metrics")  # slow to import, and only these tests need it
    targets = test_digits.targets
    logits = np.random.default_rng(0).standard_normal(len(targets)) + sharpness * (targets - 0.4)
    probabilities = np.round(1 / (1 + np.exp(-logits)), 2)  # rounded to get ties
    summary = Evaluation(test_digits, probabilities, 0.0).summary()
    predicted = probabilities >= 0.5
    assert summary["confusion"] == metrics.confusion_matrix(targets, predicted).tolist()
    for name, function in {
        "accuracy": metrics.accuracy_score,
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
        "f1": metrics.f1_score,
    }.items():
        assert summary[name] == pytest.approx(function(targets, predicted), rel=1e-12), name
    assert summary["roc_auc"] == pytest.approx(metrics.roc_auc_score(targets, probabilities), rel=1e-12)
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
