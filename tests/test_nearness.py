"""Promises of mlp.nearness: distances that can be worked out by hand, and a reach that nearly all images have."""

import numpy as np
import pytest

from mlp import nearness


def dots(*places, side=7):
    """Images with one black pixel each."""
    images = np.zeros((len(places), side, side), np.uint8)
    for image, place in zip(images, places, strict=True):
        image[place] = 255
    return images.reshape(len(places), -1)


def distance(a, b):
    first, second = nearness.directions(np.concatenate([a, b]), (7, 7)).astype(float)
    return np.linalg.norm(first - second)


def test_the_distance_is_that_of_the_blurred_images_of_length_one():
    """A dot is blurred into 9 pixels of 1/3; of two that lie k columns apart 9 - 3 k are the same."""
    for k in (0, 1, 2, 3, 4):
        common = max(9 - 3 * k, 0) / 9
        assert distance(dots((3, 1)), dots((3, 1 + k))) == pytest.approx(np.sqrt(2 - 2 * common), abs=1e-6)
    assert distance(dots((0, 0)), dots((0, 0)) // 3) == pytest.approx(0, abs=1e-6)  # however thick the ink is
    corner = nearness.directions(dots((0, 0)), (7, 7))[0]
    assert np.count_nonzero(corner) == 4  # nothing comes round the edge
    assert not nearness.directions(np.zeros((1, 49)), (7, 7)).any()


def test_the_nearest_other_is_not_the_image_itself():
    unit = nearness.directions(dots((3, 1), (3, 2), (3, 5)), (7, 7))
    expected = [np.sqrt(2 - 2 * 6 / 9), np.sqrt(2 - 2 * 6 / 9), np.sqrt(2)]
    np.testing.assert_allclose(nearness.nearest_other(unit), expected, atol=1e-6)


def test_of_a_hundred_images_one_is_beyond_the_reach_and_of_fewer_there_is_none():
    alike = dots(*[(3, 1)] * 99)
    images = np.concatenate([alike, dots((3, 5))])
    assert 0 < nearness.reach(images, (7, 7)) < np.sqrt(2)
    assert nearness.reach(images[1:], (7, 7)) is None


def test_real_digits_are_in_reach_of_each_other(training_digits, test_digits):
    known, shape = training_digits.first_of_each(500).pixels(), (28, 28)
    cosines = nearness.directions(test_digits.pixels(), shape) @ nearness.directions(known, shape).T
    far = np.sqrt(2 - 2 * cosines.max(axis=1).clip(max=1)) > nearness.reach(known, shape)
    assert far.mean() < 0.02
