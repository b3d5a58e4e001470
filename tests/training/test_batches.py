"""Promises of mlp.training.batches: every image once per epoch, in a fresh order, in memory of a fixed size."""

import itertools
import tracemalloc

import numpy as np
import pytest

from mlp import idx
from mlp.data import dataset
from mlp.data.idx_folder import ImagesAndLabels
from mlp.training import batches
from mlp.training.batches import BatchLoader, gather, in_blocks
from tests.conftest import write_folder

PIXELS = 16


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def images(tmp_path):
    """198 images, no two alike: one pixel is 0 in all of them, another in all but one."""
    folder = write_folder(tmp_path / "many", [0, 1, 1, 7] * 66, [0, 1])
    path = folder / "train-images-idx3-ubyte"
    pixels = idx.read(path).copy()
    pixels[:, 1, 2], pixels[:, 3, 3] = 0, 0
    pixels[263 - 3, 3, 3] = 1  # an image of digit 0, the last that is read
    idx.write(path, pixels)
    return dataset.load(folder, "training", (0, 1))


@pytest.fixture
def small_pools(monkeypatch):
    """Pools of 40 images in runs of 10, for batches of 5; nothing is copied."""
    for name, rows in {"MAX_COPIED_BYTES": 0, "POOL_BYTES": 40, "RUN_BYTES": 10}.items():
        monkeypatch.setattr(batches, name, rows * PIXELS)


def batches_of(made, random, done=0, most=3):
    """An epoch's batches, each its pixels and its classes, from blocks of at most ``most`` batches."""
    memory = {}

    def memory_of(n):
        return memory.setdefault(n, np.empty((most, n, len(made.active)), np.uint8))

    for pixels, classes in made.blocks(random, done, lambda n: most, memory_of):
        assert 1 <= len(pixels) <= most
        assert np.shares_memory(pixels, memory[pixels.shape[1]])
        yield from zip(pixels.copy(), classes.reshape(len(pixels), -1), strict=True)


def epoch(made, seed=0, done=0, most=3):
    """The batches of an epoch, each a list of (pixels, class)."""
    batches = batches_of(made, rng(seed), done, most)
    return [list(zip(map(bytes, pixels), classes.tolist(), strict=True)) for pixels, classes in batches]


def everything(images, active):
    return sorted(zip(map(bytes, images.pixels()[:, active]), images.targets.tolist(), strict=True))


def test_a_small_set_is_permuted_without_the_pixels_that_are_0_in_every_image(images):
    made = BatchLoader(images, 7)
    assert set(range(PIXELS)) - set(made.active) == {6}
    order = rng(3).permutation(len(images))
    pixels, classes = (np.concatenate(arrays) for arrays in zip(*batches_of(made, rng(3)), strict=True))
    np.testing.assert_array_equal(pixels, images.pixels()[order][:, made.active])
    np.testing.assert_array_equal(classes, images.targets[order])


def test_of_the_bundled_digits_167_pixels_are_left_out(training_digits):
    made = BatchLoader(training_digits, 32)
    assert len(made.active) == 784 - 167
    assert not np.delete(training_digits.pixels(), made.active, axis=1).any()


@pytest.mark.parametrize("batch_size", [5, 7, 64, 1000])
@pytest.mark.usefixtures("small_pools")
def test_of_a_large_set_nothing_is_left_out_and_every_image_comes_once(images, batch_size):
    made = BatchLoader(images, batch_size)
    np.testing.assert_array_equal(made.active, np.arange(PIXELS))
    batches = epoch(made)
    assert sorted(itertools.chain(*batches)) == everything(images, made.active)
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    assert len(batches) == -(-len(images) // batch_size)


@pytest.mark.usefixtures("small_pools")
def test_a_large_set_is_mixed_from_all_over_and_anew_each_epoch(images):
    made = BatchLoader(images, 5)
    first, again, other = epoch(made, 1), epoch(made, 1), epoch(made, 2)
    assert first == again
    assert first != other
    place = {pixels: position for position, pixels in enumerate(map(bytes, images.pixels()))}
    spread = [np.ptp([place[pixels] for pixels, _ in batch]) for batch in first]
    assert np.median(spread) > len(images) / 4  # it would be 4 if only neighbours were shuffled


@pytest.mark.usefixtures("small_pools")
def test_batches_larger_than_a_pool_are_other_ones_in_each_epoch(images):
    made = BatchLoader(images, 45)
    first, second = ([set(batch) for batch in epoch(made, seed)] for seed in (1, 2))
    assert [len(batch) for batch in first] == [45, 45, 45, 45, 18]
    assert not any(batch in second for batch in first)


@pytest.mark.usefixtures("small_pools")
def test_no_image_is_in_the_last_batch_of_every_epoch(images):
    made = BatchLoader(images, 5)
    last = [set(epoch(made, seed)[-1]) for seed in range(10)]
    assert not set.intersection(*last)


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("batch_size", [5, 7, 64])
def test_an_epoch_goes_on_after_any_step_as_it_would_have(images, batch_size, copied, request):
    if not copied:
        request.getfixturevalue("small_pools")
    made = BatchLoader(images, batch_size)
    whole = epoch(made)
    for done in range(len(whole) + 1):
        assert epoch(made, done=done, most=1 + done % 5) == whole[done:]


@pytest.mark.parametrize("copied", [True, False])
def test_a_batch_larger_than_the_set_takes_no_more_memory_than_the_set(images, copied, request):
    if not copied:
        request.getfixturevalue("small_pools")
    made = BatchLoader(images, 10**12)
    assert made.batch_size == len(images)
    (batch,) = batches_of(made, rng(), most=1)
    assert len(batch[0]) == len(images)


@pytest.mark.parametrize("limit", [0, 10**6])
def test_images_without_any_ink_keep_their_pixels(tmp_path, limit, monkeypatch):
    monkeypatch.setattr(batches, "MAX_COPIED_BYTES", limit)
    folder = write_folder(tmp_path / "blank", [0, 1] * 5, [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", np.zeros((10, 4, 4), np.uint8))
    made = BatchLoader(dataset.load(folder, "training", (0, 1)), 4)
    assert len(made.active) == PIXELS
    assert [len(batch) for batch in epoch(made)] == [4, 4, 2]


def test_what_fits_is_measured_without_the_pixels_left_out(images, monkeypatch):
    monkeypatch.setattr(batches, "MAX_COPIED_BYTES", 15 * len(images))
    assert len(BatchLoader(images, 5).active) == 15
    monkeypatch.setattr(batches, "MAX_COPIED_BYTES", 15 * len(images) - 1)
    assert len(BatchLoader(images, 5).active) == 16


def test_a_large_file_is_never_whole_in_memory(tmp_path, monkeypatch):
    """20 MB of images are read by batches and by blocks, with a few MB of memory."""
    for module, name in ((batches, "MAX_COPIED_BYTES"), (idx, "MAX_BYTES_IN_MEMORY")):
        monkeypatch.setattr(module, name, 0)
    monkeypatch.setattr(batches, "POOL_BYTES", 2_000_000)
    folder = write_folder(tmp_path / "large", [0, 1] * 5_000, [0, 1], side=45)
    tracemalloc.start()
    images = dataset.load(folder, "training", (0, 1))
    assert sum(1 for _ in batches_of(BatchLoader(images, 32), rng())) == 313
    for positions in images.blocks():
        images.pixels(positions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_a_file_gives_the_batches_that_its_array_gives(images, monkeypatch):
    monkeypatch.setattr(batches, "MAX_COPIED_BYTES", 0)
    monkeypatch.setattr(idx, "MAX_BYTES_IN_MEMORY", 0)
    by_rows = dataset.load(images.source.files["images"].parent, "training", (0, 1))
    assert isinstance(by_rows.source.images, idx.Rows)
    assert epoch(BatchLoader(by_rows, 7)) == epoch(BatchLoader(images, 7))


def test_a_set_that_fits_without_the_pixels_left_out_is_served(images, monkeypatch):
    monkeypatch.setattr(batches, "MAX_COPIED_BYTES", 15 * len(images))
    made = BatchLoader(images, 5)
    assert sorted(itertools.chain(*epoch(made))) == everything(images, made.active)


@pytest.mark.parametrize("digits", [(1, 0), (7, 0)])
def test_targets_are_those_of_the_digits_asked_for(tmp_path, digits):
    images = dataset.load(write_folder(tmp_path / "f", [0, 1, 7] * 10, [0, 1]), "training", digits)
    made = BatchLoader(images, 4)
    assert sorted(itertools.chain(*epoch(made))) == everything(images, made.active)


def test_beyond_64_mb_of_pixels_memory_stays_flat():
    """102 MB of zeros, which take no memory themselves: reading them needs a few MB."""
    count = 130_000
    source = ImagesAndLabels(np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.uint8), {})
    images = dataset.Dataset(source, (0, 1), np.arange(count))
    tracemalloc.start()
    next(batches_of(BatchLoader(images, 64), rng()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_an_order_is_cut_into_blocks_of_whole_batches_and_the_short_last_batch():
    order = np.arange(23)
    pieces = list(in_blocks(order, 5, lambda n: 3 if n == 5 else 1))
    assert [(len(positions), n) for positions, n in pieces] == [(15, 5), (5, 5), (3, 3)]
    np.testing.assert_array_equal(np.concatenate([positions for positions, _ in pieces]), order)
    assert list(in_blocks(order[:0], 5, lambda n: 3)) == []


def test_rows_of_any_type_are_gathered_in_the_order_of_the_positions():
    for dtype in (np.uint8, np.float32):
        rows, out = np.arange(12, dtype=dtype).reshape(6, 2), np.empty((2, 2, 2), dtype)
        gather(rows, np.array([5, 0, 3, 3]), out)
        assert out.tolist() == [[[10, 11], [0, 1]], [[6, 7], [6, 7]]]
