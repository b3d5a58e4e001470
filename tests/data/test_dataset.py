"""Promises of mlp.data.dataset: the right images, split evenly, scaled to 0..1."""

import numpy as np
import pytest

from mlp import network
from mlp.data import dataset
from mlp.network import MLP
from mlp.system.errors import InputError
from tests.conftest import write_folder


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_two_digits_are_chosen_in_file_order_with_targets_in_config_order(folder):
    data = dataset.load(str(folder), "training", (7, 0))
    assert data.indices.tolist() == [i for i in range(40) if i % 4 in (0, 2)]
    assert data.labels.tolist() == [0, 7] * 10
    assert data.targets.tolist() == [1, 0] * 10  # 7 is target 0, 0 is target 1
    assert (data.image_shape, data.inputs, len(data)) == ((4, 4), 16, 20)


def test_a_missing_digit_is_refused_and_the_message_lists_the_digits(folder):
    with pytest.raises(InputError, match=r"no digit 3 in it: it holds 0, 1, 7 \(data\.digits\)"):
        dataset.load(folder, "training", (0, 3))


def test_the_limit_takes_the_first_of_each(folder):
    assert dataset.load(folder, "training", (0, 1), 3).indices.tolist() == [0, 1, 3, 4, 5, 8]
    assert len(dataset.load(folder, "training", (0, 1), 1000)) == 30


def test_training_and_selection_never_open_the_test_files(folder):
    for path in folder.glob("t10k-*"):
        path.unlink()
    assert len(dataset.load(folder, "training", (0, 1))) == 30


def test_pixels_are_divided_by_255_to_the_last_bit(folder):
    data = dataset.load(folder, "training", (0, 1))
    for precision in ("float32", "float64"):
        X, Y = data.arrays(precision)
        np.testing.assert_array_equal(
            X, data.source.images.reshape(40, 16)[data.indices] / np.dtype(precision).type(255)
        )
        assert X.dtype == Y.dtype == precision
        np.testing.assert_array_equal(Y[:, 0], data.targets)
        assert X.min() >= 0
        assert X.max() <= 1


@pytest.mark.parametrize("block", [1, 7, 10, 30, 100])
def test_blocks_hold_every_image_once_and_the_last_may_be_short(folder, block, monkeypatch):
    monkeypatch.setattr("mlp.network.BLOCK_ROWS", block)
    data = dataset.load(folder, "training", (0, 1))
    blocks = list(data.blocks())
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(30))
    assert [len(positions) for positions in blocks[:-1]] == [block] * (len(blocks) - 1)
    assert len(blocks[-1]) == (30 - 1) % block + 1


@pytest.mark.parametrize(("pixels", "length"), [(100, 6), (48, 3), (16, 1), (15, 1), (10_000, 10)])
def test_a_block_holds_fewer_large_images(folder, pixels, length, monkeypatch):
    """As many images of 16 pixels as fit, but at least one, and at most the block's rows."""
    monkeypatch.setattr("mlp.network.BLOCK_ROWS", 10)
    monkeypatch.setattr("mlp.network.MAX_BLOCK_NUMBERS", pixels)
    blocks = list(dataset.load(folder, "training", (0, 1)).blocks())
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(30))
    assert len(blocks[0]) == length


def test_a_block_of_mnists_images_is_1024_and_no_image_is_more_than_a_block():
    assert [network.block_length(side * side) for side in (28, 64, 300, 2048)] == [1024, 1024, 46, 1]


def test_images_are_fetched_by_their_positions(folder):
    data = dataset.load(folder, "training", (0, 1))
    positions = rng().permutation(30)[:7]
    batch = MLP([16, 1], precision="float64").batch(7)
    data.fetch(positions, batch)
    np.testing.assert_array_equal(batch.X, data.arrays("float64")[0][positions])
    np.testing.assert_array_equal(batch.Y[:, 0], data.targets[positions])


@pytest.mark.parametrize(
    ("fraction", "held_out"), [(0.1, {0: 592, 1: 674}), (0.5, {0: 2962, 1: 3371}), (1e-9, {0: 1, 1: 1})]
)
def test_the_split_takes_its_fraction_of_each_digit_and_loses_no_image(training_digits, fraction, held_out):
    rest, validation = training_digits.split(fraction, rng())
    assert {digit: int(np.sum(validation.labels == digit)) for digit in (0, 1)} == held_out
    joined = np.sort(np.concatenate([rest.indices, validation.indices]))
    np.testing.assert_array_equal(joined, training_digits.indices)
    assert np.all(np.diff(rest.indices) > 0)


def test_the_split_depends_on_the_random_numbers_only(training_digits):
    held_out = training_digits.split(0.1, rng())[1].indices
    assert np.diff(held_out).max() > 20  # from the whole file, not from one part of it
    assert held_out[-1] - held_out[0] > 12000
    first, again, other = (training_digits.split(0.1, rng(seed))[1].indices for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_fraction_of_0_holds_nothing_out(training_digits):
    rest, validation = training_digits.split(0, rng())
    assert (len(rest), len(validation)) == (12665, 0)


def test_a_split_that_leaves_nothing_to_train_on_is_refused(tmp_path):
    folder = write_folder(tmp_path / "few", [0, 1, 1, 1], [0, 1])
    with pytest.raises(InputError, match="leaves none of 1 images of digit 0 for training"):
        dataset.load(folder, "training", (0, 1)).split(0.1, rng())
