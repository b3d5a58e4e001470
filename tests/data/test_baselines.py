"""Promises of mlp.data.baselines: each rule is the best of its kind, on any data."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp import idx
from mlp.data import baselines, dataset
from mlp.data.baselines import best_cut
from tests.conftest import write_folder


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


def made(tmp_path, images, labels, digits=(0, 1)):
    """A data set of these images, (n, rows, columns), of these digits."""
    folder = write_folder(tmp_path / "f", [0, 1], [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", np.asarray(images, np.uint8))
    idx.write(folder / "train-labels-idx1-ubyte", np.asarray(labels, np.uint8))
    return dataset.load(folder, "training", digits)


@pytest.mark.parametrize("levels", [2, 4, 256])
def test_the_best_pixel_and_threshold_are_found_the_lowest_at_a_tie(tmp_path, monkeypatch, levels):
    random = np.random.default_rng(levels)
    images, labels = random.integers(0, levels, (40, 5, 6)), random.permutation([0, 1] * 17 + [1] * 6)
    training = made(tmp_path, images, labels)
    brighter = images.reshape(40, 30, 1) > np.arange(255)  # (images, pixels, thresholds)
    is_one = (labels == 1)[:, np.newaxis, np.newaxis]
    right = np.stack([(brighter == is_one).sum(axis=0), (brighter != is_one).sum(axis=0)])
    inverted, pixel, threshold = np.unravel_index(right.argmax(), right.shape)
    for at_a_time in (30, 7, 1):  # all pixels at once, or some at a time
        monkeypatch.setattr(baselines, "COUNTS_AT_A_TIME", at_a_time * 256 * 2)
        rule = next(rule for rule in baselines.learn(training) if rule.name == "single_pixel")
        assert rule.facts == {"row": pixel // 6, "column": pixel % 6, "threshold": threshold, "above": 1 - inverted}
        assert rule.errors(training) == 40 - right.max()


def test_the_one_pixel_that_separates_the_digits_is_found(tmp_path):
    images = dataset.load(write_folder(tmp_path / "f", [2, 9] * 30, [2, 9]), "training", (2, 9))
    rule = next(rule for rule in baselines.learn(images) if rule.name == "single_pixel")
    assert rule.facts == {"row": 0, "column": 0, "threshold": 56, "above": 9}
    assert rule.errors(images) == 0


@pytest.mark.parametrize("levels", [2, 4, 256])
def test_of_more_classes_the_best_pixel_separates_the_best_two(tmp_path, monkeypatch, levels):
    """Against all thresholds and pairs of classes; the last class above, the first below at a tie."""
    random = np.random.default_rng(levels)
    digits = (3, 0, 200, 7)
    images, targets = random.integers(0, levels, (40, 3, 4)), random.permutation([0, 1, 2, 3, 1] * 8)
    training = made(tmp_path, images, np.array(digits)[targets], digits)
    brighter = images.reshape(40, 12, 1) > np.arange(255)
    correct = {
        (int(n), above, -pixel, -threshold, -below): None
        for above, below in itertools.permutations(range(4), 2)
        for (pixel, threshold), n in np.ndenumerate(
            (brighter & (targets == above)[:, None, None]).sum(axis=0)
            + (~brighter & (targets == below)[:, None, None]).sum(axis=0)
        )
    }
    n, above, pixel, threshold, below = max(correct)
    for at_a_time in (12, 5, 1):
        monkeypatch.setattr(baselines, "COUNTS_AT_A_TIME", at_a_time * 256 * 4)
        rule = next(rule for rule in baselines.learn(training) if rule.name == "single_pixel")
        place = {"row": -pixel // 4, "column": -pixel % 4, "threshold": -threshold}
        assert rule.facts == place | {"above": digits[above], "below": digits[-below]}
        assert rule.errors(training) == 40 - n


def test_the_classes_below_and_above_differ_even_if_one_is_the_most_frequent_on_both_sides(tmp_path):
    """Of the images with 0 five are of class 2, four of class 0; of those with 255 six are of class 2."""
    images, labels = [0] * 9 + [255] * 8, [2] * 5 + [0] * 4 + [2] * 6 + [1] * 2
    training = made(tmp_path, np.reshape(images, (17, 1, 1)), labels, (0, 1, 2))
    rule = next(rule for rule in baselines.learn(training) if rule.name == "single_pixel")
    assert (rule.facts["above"], rule.facts["below"], rule.errors(training)) == (2, 0, 7)


def test_of_more_classes_the_nearest_mean_counts_among_all_pixels_and_in_the_plane(tmp_path):
    random = np.random.default_rng(0)
    digits, targets = (5, 1, 9), np.arange(90) % 3
    images = random.integers(0, 120, (90, 5, 4)) + 8 * np.multiply.outer(targets, np.arange(20).reshape(5, 4) % 3)
    training = made(tmp_path, images, np.array(digits)[targets], digits)
    rules = {rule.name: rule for rule in baselines.learn(training)}
    assert list(rules) == ["majority_class", "single_pixel", "nearest_class_mean", "svd_plane"]
    X = images.reshape(90, 20).astype(float)
    U, S, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    for name, points in (("nearest_class_mean", X), ("svd_plane", (U * S)[:, :2])):
        means = [points[targets == k].mean(axis=0) for k in range(3)]
        expected = np.argmin([np.linalg.norm(points - mean, axis=1) for mean in means], axis=0)
        np.testing.assert_array_equal(rules[name].classify(training.pixels()), expected)
        assert 0 < rules[name].errors(training) < 45


def test_every_byte_may_be_a_class(tmp_path):
    labels = np.arange(768) % 256
    images = np.zeros((768, 2, 2))
    images[:, 0, 0], images[:, 1, 1] = labels, 255 - labels // 2
    training = made(tmp_path, images, labels, tuple(range(256)))
    rules = {rule.name: rule for rule in baselines.learn(training)}
    assert rules["majority_class"].facts == {"digit": 255}
    assert {name: rule.errors(training) for name, rule in rules.items()} == {
        "majority_class": 765,
        "single_pixel": 762,
        "nearest_class_mean": 0,
        "svd_plane": 0,
    }


def test_images_of_one_pixel_have_a_plane_of_one_coordinate(tmp_path):
    training = made(tmp_path, np.arange(9).reshape(9, 1, 1), np.arange(9) // 3, (0, 1, 2))
    assert [rule.errors(training) for rule in baselines.learn(training)] == [6, 3, 0, 0]


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
