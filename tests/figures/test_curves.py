"""Promises of mlp.figures.curves: every curve can be read, whatever its numbers are."""

import itertools
from threading import Thread

import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

from mlp.figures import curves, scales
from mlp.pages import report_figures
from mlp.training.progress import Epoch


def falling(epochs, factor, zero_from=None):
    """Losses from 0.1 down to 0.1 / factor, 0 from an epoch on."""
    losses = 0.1 * factor ** -np.linspace(0, 1, epochs)
    return [0.0 if zero_from and epoch >= zero_from else loss for epoch, loss in enumerate(losses.tolist(), 1)]


def history(epochs, factor=10.0, validation=True, zero_from=None):
    return [
        Epoch(epoch, loss, 2 * loss if validation else None, 1 - loss, 1 - 2 * loss if validation else None, 1, 1, 0.1)
        for epoch, loss in enumerate(falling(epochs, factor, zero_from), 1)
    ]


@pytest.fixture
def drawn(monkeypatch):
    """The figures, kept instead of written."""
    figures = []
    monkeypatch.setattr(curves, "save", lambda figure, path: figures.append(figure))
    return figures


def texts(axis):
    """The labels of an axis that are to be seen, with what they cover of the picture."""
    labels = [label for label in axis.get_ticklabels(which="both") if label.get_text()]
    return [(label.get_text(), label.get_window_extent()) for label in labels]


def assert_apart(labels):
    for (one, box), (other, next_box) in itertools.pairwise(labels):
        assert not Bbox.intersection(box.padded(3), next_box), f"{one} touches {other}"


def assert_readable(figure):
    """No label over another or cut by the edge, at least two ticks a vertical axis, no legend over axes."""
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    covered = {each: each.get_tightbbox() for each in [*figure.axes, *figure.legends, *figure.texts]}
    for axes in figure.axes:
        shown = {axis: texts(axis) for axis in (axes.xaxis, axes.yaxis)}
        for labels in shown.values():
            assert_apart(labels)
        assert 2 <= len(shown[axes.yaxis]) <= 10
        whole = covered[axes]
        assert figure.bbox.x0 <= whole.x0 < whole.x1 <= figure.bbox.x1, shown
        assert figure.bbox.y0 <= whole.y0 < whole.y1 <= figure.bbox.y1, shown
        for other, extent in covered.items():
            assert other is axes or not Bbox.intersection(whole, extent), other
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


CASES = {
    "one epoch": history(1),
    "one epoch, one loss": history(1, validation=False),
    "constant": history(7, 1),
    "all but constant": history(7, 1.0001),
    "tiny and constant": [Epoch(1, 1.23456e-38, 1.23456e-38, 1.0, 1.0, 1.0, 0.0, 0.1)] * 2,
    "large": [Epoch(1, 123456.0, 34567.0, 0.0, 0.5, 1.0, 1.0, 0.1)],
    "nothing but 0": history(2, zero_from=1),
    "five times": history(12, 5),
    "just above a decade": history(13, 12, validation=False),
    "a decade and 0": history(24, 12, zero_from=20),
    "more than a decade": history(25, 60),
    "two decades and a half": history(60, 150),
    "four decades": history(61, 1e4),
    "four decades and 0": history(99, 1e4, zero_from=50),
    "eight decades": history(120, 1e8),
    "to the end of the numbers": history(121, 1e280, zero_from=121),
    "sure too early": [Epoch(1, 0.3, 0.3, 1.0, 0.0, 1.0, 1.0, 0.1), Epoch(2, 5e-324, 0.0, 1.0, 1.0, 1.0, 1.0, 0.1)],
    "500 epochs": history(500, 30),
    "999 epochs": history(999, 2, validation=False),
    "1000 epochs": history(1000, 1e3),
}


@pytest.mark.parametrize("rows", CASES.values(), ids=CASES)
def test_the_loss_curve_can_be_read_whatever_its_numbers(rows, drawn, tmp_path):
    curves.loss_curve(tmp_path / "curve.png", rows, best_epoch=1 + len(rows) // 2, loss="cross_entropy")
    assert_readable(drawn[0])


def test_epochs_are_whole_begin_with_the_first_and_stand_apart_however_many(drawn, tmp_path):
    curves.loss_curve(tmp_path / "curve.png", history(1), best_epoch=1, loss="euclidean")
    FigureCanvasAgg(drawn[0])
    axes = drawn[0].axes[0]
    for last in [*range(1, 131), *range(131, 1001, 9), 999, 1000, 9999, 10_000, 99_999, 1_000_000]:
        curves.set_epochs(axes, last)
        labels = texts(axes.xaxis)
        assert_apart(labels)
        assert [int(text) for text, _ in labels] == list(axes.get_xticks())
        assert labels[0][0] == "1"
        assert len(labels) >= min(last, 3)
        assert axes.get_xlim() == (0.5, last + 0.5)


@pytest.mark.parametrize("steps", [1, 2, 9, 40, 10_001, 123_457])
def test_the_step_curve_can_be_read_whatever_its_numbers(steps, drawn, tmp_path):
    curves.step_curve(tmp_path / "curve.png", falling(steps, steps, zero_from=41))
    assert_readable(drawn[0])


def test_the_curve_marks_the_epoch_kept_and_has_a_log_axis_where_the_loss_spans_decades(drawn, tmp_path):
    for factor, scale in ((4, "linear"), (40, "log")):
        curves.loss_curve(tmp_path / "curve.png", history(8, factor), best_epoch=2, loss="euclidean")
        figure = drawn[-1]
        loss, accuracy = figure.axes
        assert (loss.get_yscale(), accuracy.get_yscale()) == (scale, "linear")
        for axes in (loss, accuracy):
            (kept,) = [line for line in axes.lines if "kept" in line.get_label()]
            assert kept.get_xdata() == [2, 2]
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert labels == ["training", "validation", "kept: epoch 2"]


@pytest.mark.parametrize("epochs", [8, 80])
def test_the_curves_can_be_told_apart_without_colour(epochs, drawn, tmp_path):
    curves.loss_curve(tmp_path / "curve.png", history(epochs), best_epoch=2, loss="euclidean")
    for axes in drawn[0].axes:
        assert len({line.get_linestyle() for line in axes.lines}) == 3


def test_each_curve_shows_its_own_column(drawn, tmp_path):
    rows = [Epoch(epoch, 0.1 * epoch, 0.2 * epoch, 0.3, 0.4, 1.0, 1.0, 0.1) for epoch in (1, 2)]
    curves.loss_curve(tmp_path / "curve.png", rows, best_epoch=1, loss="euclidean")
    shown = [{line.get_label(): list(line.get_ydata()) for line in axes.lines} for axes in drawn[0].axes]
    assert (shown[0]["training"], shown[0]["validation"]) == ([0.1, 0.2], [0.2, 0.4])
    assert (shown[1]["training"], shown[1]["validation"]) == ([0.3, 0.3], [0.4, 0.4])


def test_a_loss_of_zero_lies_below_all_others_on_a_log_axis(drawn, tmp_path):
    curves.loss_curve(tmp_path / "curve.png", history(9, 1e4, zero_from=6), best_epoch=6, loss="euclidean")
    axes = drawn[0].axes[0]
    training = next(line for line in axes.lines if line.get_label() == "training")
    heights = axes.transData.transform(training.get_xydata())[:, 1]
    assert np.diff(heights).max() <= 0  # it never rises
    gaps = -np.diff(heights[:5])
    np.testing.assert_allclose(gaps, gaps[0], rtol=1e-3)  # a straight line: the axis is log
    (zero,) = [box for text, box in texts(axes.yaxis) if text == "0"]
    assert zero.y0 < heights[-1] < zero.y1
    assert heights[-1] > axes.bbox.y0


def test_the_steps_are_drawn_from_the_first_on_a_log_axis_where_the_loss_spans_decades(drawn, tmp_path):
    for losses, scale in (([0.12, 0.11, 0.1], "linear"), ([0.1, 0.01, 0.001], "log"), ([0.1], "linear")):
        curves.step_curve(tmp_path / "curve.png", losses)
        (axes,) = drawn[-1].axes
        (line,) = axes.lines
        assert (list(line.get_xdata()), list(line.get_ydata())) == (list(range(len(losses))), losses)
        assert axes.get_yscale() == scale
        assert axes.get_ylabel() == "loss (mean of ½ (p − y)²)"


def test_the_curve_is_written_the_same_each_time_and_shows_more_than_an_empty_page(tmp_path):
    for name in ("a.png", "b.png"):
        curves.loss_curve(tmp_path / name, history(3), best_epoch=2, loss="euclidean")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = matplotlib.image.imread(tmp_path / "a.png")
    assert len(np.unique(picture[..., :3] @ [1, 3, 5])) > 10


def test_a_curve_has_the_same_bytes_whatever_was_drawn_before(tmp_path):
    """A process draws all its curves into one figure; each thread has its own."""
    cases = {
        "log": (history(8, 40), 2, "euclidean"),
        "linear, no validation": (history(3, 4, validation=False), 3, "cross_entropy"),
        "many epochs": (history(80, 1e9), 41, "euclidean"),
        "symlog": (history(9, 1e4, zero_from=6), 6, "euclidean"),
        "one epoch": (history(1), 1, "cross_entropy"),
        "log again": (history(8, 40), 8, "euclidean"),
    }
    for name, case in cases.items():
        curves.loss_curve(tmp_path / "after others.png", *case)
        first = Thread(target=curves.loss_curve, args=(tmp_path / "first.png", *case))
        first.start()
        first.join()
        assert (tmp_path / "after others.png").read_bytes() == (tmp_path / "first.png").read_bytes(), name


@pytest.mark.parametrize("losses", [(1e100, 1e99), (5e-324, 1e-323), (1e100, 0.0), (1e100, 5e-324), (0.0, 5e-324)])
def test_the_largest_and_the_smallest_numbers_that_a_run_may_have_are_drawn(losses, tmp_path):
    """Any warning is an error here."""
    rows = [Epoch(k, loss, loss, 0.5, 0.5, 1.0, 1e100, 1e100) for k, loss in enumerate(losses, 1)]
    curves.loss_curve(tmp_path / "curve.png", rows, 1, "euclidean")
    panels = report_figures.curve_panels(rows, 1, "euclidean")
    assert [panel["svg"][:4] for panel in panels] == ["<svg", "<svg"]
    assert scales.of_losses(losses).ticks
