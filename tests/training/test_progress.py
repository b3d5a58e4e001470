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
    for loss, P, classes, norm in [(0.1, [[0.5], [0.4], [0.9]], [1, 0, 0], 3.0), (0.5, [[0.1]], [1], 1.0)]:
        sums.start_clock()
        sums.add_step(loss, np.array(P), np.array(classes), norm)
    assert (sums.steps, sums.errors, sums.seconds) == (2, 2, 3.0)
    made = sums.row(7, 4, None, 0.3)
    assert (made.epoch, made.train_accuracy, made.learning_rate, made.gradient_norm) == (7, 0.5, 0.3, 2.0)
    assert made.train_loss == pytest.approx((3 * 0.1 + 0.5) / 4)
    assert (made.validation_loss, made.validation_accuracy, made.seconds) == (None, None, 3.0)


def test_with_three_outputs_the_largest_is_the_class():
    sums = EpochSums()
    sums.start_clock()
    sums.add_step(0.1, np.array([[0.2, 0.7, 0.1], [0.4, 0.4, 0.2], [0.1, 0.2, 0.3]]), np.array([1, 0, 0]), 1.0)
    assert sums.errors == 1


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
