"""Promises of mlp.data.picture: on a photo the digit is found, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp.data.novelty import NoveltyDetector
from mlp.data.picture import prepare_picture
from mlp.network import decide
from mlp.runs import finished as finished_runs
from mlp.system.errors import InputError
from tests.photos import KINDS


@pytest.fixture(scope="module")
def run(digits_run):
    return finished_runs.read_run(digits_run)


@pytest.fixture(scope="module")
def detector(run):
    return NoveltyDetector.of(run.images("training"))


@pytest.mark.parametrize("kind", KINDS)
def test_digits_are_read_off_photos_of_every_kind(kind, run, detector, test_digits, request):
    """In even light all are right; else at most 2 % are misclassified and not novel. None is refused.

    On squared paper, whose lines are everywhere, three in a hundred may be refused.
    """
    random = np.random.default_rng(5)
    count = 200 if request.config.getoption("--all-trials") else 25
    chosen = random.permutation(len(test_digits))[:count]
    targets, X, several, refused = [], [], [], 0
    for image, target in zip(test_digits.pixels(chosen), test_digits.targets_of(chosen), strict=True):
        try:
            found = prepare_picture(KINDS[kind](image.reshape(28, 28) / 255, random), (28, 28))
        except InputError:
            refused += 1
            continue
        targets.append(target)
        X.append(found.prepared.image.reshape(-1))
        several.append(found.digit_count > 1)
    wrong = decide(run.network.predict(np.stack(X))) != targets
    novel = detector.are_novel(np.stack(X)) | several
    assert refused <= (0.03 * count if kind == "squared" else 0)
    assert np.count_nonzero(wrong & ~novel) <= (0 if kind == "even light" else 0.02 * count)
    assert np.count_nonzero(wrong) <= (0 if kind == "even light" else 0.04 * count)
    assert np.count_nonzero(novel & ~wrong) <= (0.02 if kind == "even light" else 0.08) * count


@pytest.mark.parametrize("gap", [3, 10])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("second", [0, 1])
def test_several_digits_are_counted(first, second, gap, test_digits):
    images = test_digits.pixels().reshape(-1, 28, 28)
    one, other = (images[test_digits.labels == digit][7] for digit in (first, second))
    one, other = (image[:, image.any(axis=0)] for image in (one, other))
    both = np.pad(np.hstack([one, np.zeros((28, gap)), other]), 8)
    assert prepare_picture(255 - both, (28, 28)).digit_count == 2


def test_hardly_any_single_digit_counts_as_several(test_digits):
    framed = np.pad(test_digits.pixels()[::4].reshape(-1, 28, 28), ((0, 0), (4, 4), (4, 4)))
    counts = [prepare_picture(image, (28, 28)).digit_count for image in framed]
    assert sum(count > 1 for count in counts) <= 2


def test_an_image_of_mnist_is_returned_unchanged(test_digits):
    """Except images whose darkest pixel is 254, which are scaled to 255, and one with an edge too faint to count."""
    images = test_digits.pixels().reshape(-1, 28, 28)
    for polarity in (images, 255 - images[::10]):
        read = [prepare_picture(image, (28, 28)).prepared.image for image in polarity]
        expected = images / 255 if len(polarity) == len(images) else images[::10] / 255
        assert np.count_nonzero(np.abs(np.stack(read) - expected).max(axis=(1, 2)) > 1 / 254) <= 1


def ink_of(grey):
    return prepare_picture(grey, (28, 28)).prepared.ink


def bar(shape=(90, 60), top=20, left=24, height=45, width=7):
    sheet = np.zeros(shape)
    sheet[top : top + height, left : left + width] = 1
    return sheet


@given(dark=st.booleans(), paper=st.integers(80, 180), contrast=st.integers(20, 70))
def test_ink_is_the_same_on_paper_of_any_brightness_dark_or_light(dark, paper, contrast):
    drawing = bar((40, 30), 10, 12, 20, 4)
    grey = paper + (-contrast if dark else contrast) * drawing
    np.testing.assert_array_equal(ink_of(grey), drawing)


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1, 1e29])
def test_brightness_may_be_on_any_scale_and_below_zero(scale):
    drawing = bar()
    for shift in (-1, 0, 2):
        np.testing.assert_allclose(ink_of(scale * (shift - drawing)), drawing, atol=1e-9)


def test_the_grain_of_the_paper_is_no_ink():
    drawing = bar()
    found = ink_of(200 - 150 * drawing + np.random.default_rng(0).normal(0, 3, drawing.shape))
    assert np.count_nonzero((found > 0.5) != (drawing > 0)) <= 4
    assert np.count_nonzero(found) < 1.8 * np.count_nonzero(drawing)  # the blur's edge is a pixel wide


@pytest.mark.parametrize("grey", [np.full((5, 5), 7), np.zeros((1, 1)), np.zeros((9, 3), bool)])
def test_an_empty_sheet_is_refused(grey):
    with pytest.raises(InputError, match="the same brightness everywhere"):
        prepare_picture(grey, (28, 28))


def test_an_empty_sheet_with_grain_or_in_uneven_light_is_refused():
    for empty in (180 + np.random.default_rng(1).normal(0, 4, (60, 60)), np.tile(np.linspace(200, 100, 60), (60, 1))):
        with pytest.raises(InputError, match="nothing stands out from the shading and the noise of the paper"):
            prepare_picture(empty, (28, 28))


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 1000),
    levels=st.sampled_from([2, 3, 256]),
)
def test_any_picture_gives_ink_from_0_to_1_or_is_refused(shape, seed, levels):
    grey = np.random.default_rng(seed).integers(0, levels, shape)
    try:
        found = prepare_picture(grey, (28, 28))
    except InputError:
        return
    assert found.prepared.ink.shape == shape
    assert found.prepared.ink.min() >= 0
    assert found.prepared.ink.max() == 1
    assert found.digit_count >= 1


def test_a_large_picture_is_made_smaller_by_averages():
    drawing = bar((9000, 30), 3000, 12, 3000, 6)
    found = prepare_picture(200 - 100 * drawing, (28, 28))
    assert found.levels.shape == (500, 2)  # 18 by 18 pixels each, the last column of 12
    np.testing.assert_allclose(found.levels.max(axis=1)[:100], 200)
    assert found.levels[250] == pytest.approx([200 - 100 * 6 / 18, 200])
