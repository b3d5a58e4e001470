"""Promises of mlp.data.baselines: the known accuracies on the real digits, and the best rule on any data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp import idx
from mlp.data import baselines, dataset
from mlp.data.baselines import best_cut
from tests.conftest import write_folder


def test_the_known_accuracies_on_the_bundled_digits(training_digits, test_digits):
    """As computed before with other code."""
    learned = {rule.name: rule for rule in baselines.learn(training_digits)}
    accuracy = {name: f"{1 - rule.errors(test_digits) / 2115:.2%}" for name, rule in learned.items()}
    assert accuracy == {
        "majority_class": "53.66%",
        "single_pixel": "99.05%",
        "nearest_class_mean": "99.53%",
        "svd_coordinate": "99.62%",
    }
    assert learned["majority_class"].facts == {"digit": 1}
    assert learned["single_pixel"].facts == {"row": 15, "column": 14, "threshold": 34, "above": 1}


def test_swapping_the_digits_swaps_the_classes_and_keeps_the_errors(training_digits, test_digits):
    few = training_digits.first_of_each(300)
    errors = []
    for digits in ((0, 1), (1, 0)):
        _, *learned = baselines.learn(replace(few, digits=digits))  # with 300 of each there is no majority
        errors.append({rule.name: rule.errors(replace(test_digits, digits=digits)) for rule in learned})
    assert errors[0] == errors[1]
    assert max(errors[0].values()) < 50


def test_the_nearest_mean_is_the_nearer_one_by_distance(training_digits, test_digits):
    few = training_digits.first_of_each(20)
    rule = next(rule for rule in baselines.learn(few) if rule.name == "nearest_class_mean")
    pixels = few.pixels().astype(float)
    means = [pixels[few.targets == target].mean(axis=0) for target in (0, 1)]
    X = test_digits.pixels()
    distances = [np.linalg.norm(X - mean, axis=1) for mean in means]
    np.testing.assert_array_equal(rule.classify(X), distances[1] < distances[0])


def made(tmp_path, images, labels):
    """A data set of these images, (n, rows, columns), of digits 0 and 1."""
    folder = write_folder(tmp_path / "f", [0, 1], [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", np.asarray(images, np.uint8))
    idx.write(folder / "train-labels-idx1-ubyte", np.asarray(labels, np.uint8))
    return dataset.load(folder, "training", (0, 1))


@pytest.mark.parametrize("levels", [2, 4, 256])
def test_the_best_pixel_and_threshold_are_found_the_lowest_at_a_tie(tmp_path, monkeypatch, levels):
    random = np.random.default_rng(levels)
    images, labels = random.integers(0, levels, (40, 5, 6)), random.permutation([0, 1] * 17 + [1] * 6)
    training = made(tmp_path, images, labels)
    brighter = images.reshape(40, 30, 1) > np.arange(255)  # (images, pixels, thresholds)
    is_one = (labels == 1)[:, np.newaxis, np.newaxis]
    right = np.stack([(brighter == is_one).sum(axis=0), (brighter != is_one).sum(axis=0)])
    inverted, pixel, threshold = np.unravel_index(right.argmax(), right.shape)
    for at_a_time in (baselines.PIXELS_AT_A_TIME, 7, 1):  # all pixels at once, or some at a time
        monkeypatch.setattr(baselines, "PIXELS_AT_A_TIME", at_a_time)
        rule = next(rule for rule in baselines.learn(training) if rule.name == "single_pixel")
        assert rule.facts == {"row": pixel // 6, "column": pixel % 6, "threshold": threshold, "above": 1 - inverted}
        assert rule.errors(training) == 40 - right.max()


def test_the_one_pixel_that_separates_the_digits_is_found(tmp_path):
    images = dataset.load(write_folder(tmp_path / "f", [2, 9] * 30, [2, 9]), "training", (2, 9))
    rule = next(rule for rule in baselines.learn(images) if rule.name == "single_pixel")
    assert rule.facts == {"row": 0, "column": 0, "threshold": 56, "above": 9}
    assert rule.errors(images) == 0


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=20))
def test_no_cut_has_fewer_errors_than_the_best(points):
    x, targets = np.array(points, float).T
    threshold, above = best_cut(x, targets.astype(np.uint8))

    def errors(threshold, above):
        return np.count_nonzero((x > threshold) != (targets == above))

    values = np.unique(x)
    cuts = (values[1:] + values[:-1]) / 2
    assert len(cuts) == 0 or threshold in cuts
    assert all(errors(threshold, above) <= errors(cut, side) for cut in cuts for side in (0, 1))
