"""Promises of mlp.training.progress: the means of an epoch, the epoch whose weights are kept, and the seconds."""

import numpy as np
import pytest

from mlp.training import progress
from mlp.training.progress import Epoch, EpochSums, Progress, kept_epoch


def row(epoch, validation_loss):
    return Epoch(epoch, 0.5, validation_loss, 0.9, None, 1.0, 0.1, 0.2)


def test_an_epoch_has_means_over_images_and_a_norm_over_steps(monkeypatch):
    clock = iter([10.0, 11.0, 100.0, 102.0])
    monkeypatch.setattr(progress, "perf_counter", lambda: next(clock))
    sums = EpochSums()
    for losses, norms, errors, n in [([0.1, 0.3], [3.0, 2.0], 2, 3), ([0.5], [1.0], 0, 2)]:
        sums.start_clock()
        sums.add_steps(losses, norms, errors, n)
    assert (sums.steps, sums.errors, sums.seconds) == (3, 2, 3.0)
    made = sums.row(7, 8, None, 0.3)
    assert (made.epoch, made.train_accuracy, made.learning_rate, made.gradient_norm) == (7, 0.75, 0.3, 2.0)
    assert made.train_loss == pytest.approx((3 * 0.1 + 3 * 0.3 + 2 * 0.5) / 8)
    assert (made.validation_loss, made.validation_accuracy, made.seconds) == (None, None, 3.0)


def test_the_sums_do_not_depend_on_how_steps_are_grouped():
    """A resumed run may take the steps in other blocks."""
    losses, norms = np.random.default_rng(0).lognormal(0, 3, (2, 50)).tolist()
    found = []
    for size in (1, 7, 50):
        sums = EpochSums()
        sums.start_clock()
        for k in range(0, 50, size):
            sums.add_steps(losses[k : k + size], norms[k : k + size], 0, 3)
        found.append((sums.loss, sums.gradient_norm))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("losses", "patience", "stopped"),
    [
        ([0.3, 0.2], None, False),
        ([0.3] * 5, None, True),
        ([0.3, 0.2, 0.2], 2, False),
        ([0.3, 0.2, 0.2, 0.25], 2, True),
        ([0.3, 0.31], 1, True),
        ([], 1, False),
    ],
)
def test_patience_counts_the_epochs_since_the_best_one(losses, patience, stopped):
    epochs = [row(epoch, loss) for epoch, loss in enumerate(losses, 1)]
    progress = Progress(epochs, best_epoch=kept_epoch(epochs).epoch if epochs else 0)
    assert progress.has_stopped(5, patience) is stopped


@pytest.mark.parametrize(
    ("losses", "kept"), [([0.3], 1), ([0.3, 0.2, 0.2], 2), ([0.2, 0.3, 0.1], 3), ([None, None, None], 3)]
)
def test_the_epoch_kept_is_that_of_the_lowest_validation_loss_or_the_last(losses, kept):
    assert kept_epoch([row(epoch, loss) for epoch, loss in enumerate(losses, 1)]).epoch == kept


def test_epochs_are_good_until_the_loss_stays_above():
    how_far = Progress(history=[row(1, 0.2), row(2, 0.1), row(3, 0.4)], best_epoch=2)
    assert (how_far.epoch, how_far.best.epoch, how_far.good_epochs) == (4, 2, 3)
    how_far.above_since = (3, 17)
    assert how_far.good_epochs == 2


def test_without_validation_a_figure_is_that_of_the_training_images():
    assert (row(1, 0.2).figure("loss"), row(1, None).figure("loss"), row(1, 0.2).figure("accuracy")) == (0.2, 0.5, 0.9)
