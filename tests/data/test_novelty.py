"""Promises of mlp.data.novelty: distances as computed by hand, and a threshold above nearly all of them."""

import numpy as np
import pytest

from mlp.data import dataset, novelty
from tests.conftest import write_folder


def dots(*places, side=15):
    """Images with one black pixel each."""
    images = np.zeros((len(places), side, side), np.uint8)
    for image, place in zip(images, places, strict=True):
        image[place] = 255
    return images.reshape(len(places), -1)


def features(*images):
    return novelty.features(np.concatenate(images), (15, 15))


def contrast(offset):
    """Local contrast at this offset (rows, columns) from a dot: 1/9 - 1/121 near it, -1/121 in the larger square."""
    distance = max(map(abs, offset))
    return (distance <= 1) / 9 - (distance <= 5) / 121


def test_the_distance_is_that_of_local_contrasts_of_length_one():
    everywhere = [(row, column) for row in range(15) for column in range(15)]
    for k in (0, 1, 2, 5):
        first, second = (
            np.array([contrast((row - 7, column - middle)) for row, column in everywhere]) for middle in (4, 4 + k)
        )
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        unit = features(dots((7, 4)), dots((7, 4 + k)))
        (distance,) = novelty.nearest_distances(unit[:1] @ unit[1:].T)
        assert distance == pytest.approx(np.sqrt(max(2 - 2 * cosine, 0)), abs=1e-3)


def test_how_dark_the_ink_is_makes_no_difference_and_nothing_comes_round_the_edge():
    unit = features(dots((0, 0)), dots((0, 0)) // 3)
    np.testing.assert_allclose(unit[0], unit[1], atol=1e-6)
    assert np.count_nonzero(unit[0]) == 36  # rows and columns 0 to 5
    assert not novelty.features(np.zeros((1, 225)), (15, 15)).any()


@pytest.mark.parametrize(("shape", "factor"), [((84, 84), 3), ((85, 60), 3), ((3, 3000), 107)])
def test_large_images_are_compared_once_they_are_as_small_as_mnists(shape, factor):
    """Averages over squares, those at the lower and right edges being cut off."""
    images = np.random.default_rng(0).integers(0, 256, (3, *shape))
    starts = [range(0, side, factor) for side in shape]
    small = [[[image[r : r + factor, c : c + factor].mean() for c in starts[1]] for r in starts[0]] for image in images]
    small = np.array(small)
    assert novelty.reduction(shape) == factor
    assert novelty.reduction(small.shape[1:]) == novelty.reduction((55, 55)) == 1
    expected = novelty.features(small.reshape(3, -1), small.shape[1:])
    np.testing.assert_allclose(novelty.features(images.reshape(3, -1), shape), expected, atol=1e-5)


def test_one_image_in_a_hundred_is_beyond_the_threshold_and_fewer_images_have_none():
    images = np.concatenate([dots(*[(7, 4)] * 99), dots((7, 9))])
    assert 0 < novelty.threshold(features(images)) < 2
    assert novelty.threshold(features(images[1:])) is None


def test_the_nearest_other_is_not_the_image_itself():
    images = dots(*[(7, 4)] * 50, *[(7, 10)] * 50)
    assert novelty.threshold(features(images)) == pytest.approx(0, abs=1e-3)
    images[-1] = dots((0, 0))[0]
    assert novelty.threshold(features(images)) > 0


def test_of_many_classes_fewer_images_of_each_are_compared_so_that_their_number_is_bounded(tmp_path):
    folder = write_folder(tmp_path / "f", [*range(250)] * 10, [0])
    of_all, of_two = (
        novelty.NoveltyDetector.of(dataset.load(folder, "training", digits)) for digits in (tuple(range(250)), (0, 1))
    )
    assert len(of_all.features) == 250 * (novelty.MAX_IMAGES // 250)
    assert of_two is None  # twenty images are too few


def test_real_digits_are_within_the_threshold_and_other_shapes_are_not(training_digits, test_digits):
    detector = novelty.NoveltyDetector.of(training_digits)
    assert detector.are_novel(test_digits.pixels()).mean() < 0.012
    down, across = np.mgrid[:28, :28] - 13.5
    disc, cross = np.hypot(down, across) < 8, (np.abs(down) < 2) | (np.abs(across) < 2)
    both = np.stack([disc, cross & (np.maximum(np.abs(down), np.abs(across)) < 10)]).reshape(2, -1)
    assert detector.are_novel(both.astype(float)).all()


def test_too_few_training_images_cannot_tell(training_digits):
    assert novelty.NoveltyDetector.of(training_digits.first_of_each(40)) is None
