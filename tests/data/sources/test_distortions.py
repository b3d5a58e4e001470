"""Promises of mlp.data.sources.distortions: images are moved as requested, exactly if no interpolation is needed."""

import numpy as np
import pytest

from mlp.data.sources import distortions
from mlp.data.sources.distortions import distort


def random_images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def moved(images, degrees=0.0, down=0.0, right=0.0):
    """All of them moved in the same way."""
    return distort(images, np.full(len(images), degrees), np.tile([down, right], (len(images), 1)))


@pytest.mark.parametrize("shape", [(5, 28, 28), (3, 7, 4), (2, 1, 6), (4, 1, 1)])
def test_not_moved_is_the_same(shape):
    images = random_images(*shape)
    before = images.copy()
    np.testing.assert_array_equal(moved(images), images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("down", [-9, -2, -1, 0, 1, 2, 9])
@pytest.mark.parametrize("right", [-9, -2, 0, 1, 9])
def test_shifts_by_whole_pixels_change_no_value_and_zeros_fill_the_gap(down, right):
    images = random_images(3, 7, 5)
    expected = np.zeros_like(images)
    for row in range(7):
        for column in range(5):
            if 0 <= row - down < 7 and 0 <= column - right < 5:
                expected[:, row, column] = images[:, row - down, column - right]
    np.testing.assert_array_equal(moved(images, down=down, right=right), expected)


@pytest.mark.parametrize("side", [1, 2, 5, 8, 28])
@pytest.mark.parametrize("turns", [-1, 1, 2, 3])
def test_quarter_turns_are_exact_and_counterclockwise(side, turns):
    images = random_images(4, side, side)
    np.testing.assert_array_equal(moved(images, 90 * turns), np.rot90(images, turns, axes=(1, 2)))


def test_between_pixels_the_interpolation_is_linear():
    image = np.array([[[0, 100, 0], [0, 0, 200]]], np.uint8)
    np.testing.assert_array_equal(moved(image, right=0.25), [[[0, 75, 25], [0, 0, 150]]])
    np.testing.assert_array_equal(moved(image, down=-0.5), [[[0, 50, 100], [0, 0, 100]]])
    np.testing.assert_array_equal(moved(image, down=0.5, right=-0.5), [[[25, 25, 0], [25, 75, 50]]])
    np.testing.assert_array_equal(moved(image, right=0.999), [[[0, 0, 100], [0, 0, 0]]])  # 0.1 and 99.9 are rounded


def test_a_small_rotation_by_hand():
    """45 degrees about the middle pixel: what is up comes from the right above, the corner, half-way out.

    The pixel above the middle comes from sin 45 = 0.7071 to the right and as far up, of which the corner has the
    share 0.7071 * 0.7071 = 1/2, so that a corner of 200 gives 100; the mirrored pixel left of the middle gives none.
    """
    image = np.zeros((1, 3, 3), np.uint8)
    image[0, 0, 2] = 200
    result = moved(image, 45)[0]
    assert (result[0, 1], result[1, 2], result[1, 0], result[2, 1]) == (100, 0, 0, 0)


def test_it_is_rotated_first_and_then_shifted():
    image = np.zeros((1, 5, 5), np.uint8)
    image[0, 2, 4] = 9  # a quarter turn takes it to the top, the shift one down from there
    assert np.argwhere(moved(image, 90, down=1, right=-1)).tolist() == [[0, 1, 1]]


def test_each_image_is_moved_independently_of_the_others(monkeypatch):
    images, random = random_images(20, 9, 6), np.random.default_rng(1)
    degrees, shifts = random.uniform(-10, 10, 20), random.uniform(-2, 2, (20, 2))
    together = distort(images, degrees, shifts)
    for pixels in (1, 54 * 7):
        monkeypatch.setattr(distortions, "BLOCK_PIXELS", pixels)
        np.testing.assert_array_equal(distort(images, degrees, shifts), together)
    np.testing.assert_array_equal(distort(images[13:14], degrees[13:14], shifts[13:14])[0], together[13])


def test_it_agrees_with_the_sum_over_four_neighbours_in_double_precision():
    images, random = random_images(6, 8, 11), np.random.default_rng(2)
    degrees, shifts = random.uniform(-180, 180, 6), random.uniform(-3, 3, (6, 2))
    result = distort(images, degrees, shifts)
    for image, angle, (down, right), got in zip(images, np.radians(degrees), shifts, result, strict=True):
        for row, column in np.ndindex(8, 11):
            place = complex(column - 5 - right, -(row - 3.5 - down)) * np.exp(-1j * angle)  # the imaginary axis is up
            distances = np.abs(np.arange(8)[:, None] - (3.5 - place.imag)), np.abs(np.arange(11) - (5 + place.real))
            row_share, column_share = (np.maximum(0, 1 - distance) for distance in distances)
            assert abs(got[row, column] - (image * row_share * column_share).sum()) < 0.501


def test_no_images_give_no_images():
    assert moved(random_images(0, 4, 4)).shape == (0, 4, 4)
