"""Promises of mlp.runs.comparison_figure: many runs can be told apart in one picture, whatever their names."""

from pathlib import Path

import pytest

from mlp.config import Config, Model, Training
from mlp.runs import comparison_figure
from mlp.runs.comparison import ComparedRun, Comparison
from tests.figures.test_curves import assert_readable, history


@pytest.fixture
def drawn(monkeypatch):
    """The figures, kept instead of written."""
    figures = []
    monkeypatch.setattr(comparison_figure, "save", lambda figure, path: figures.append(figure))
    return figures


def several(count, epochs=8, **options):
    """Runs whose names, options and losses are unlike."""
    runs = []
    for k in range(count):
        training = Training(epochs=epochs, seed=k, **options)
        model = Model(loss="cross_entropy" if options and k % 2 else "euclidean")
        rows = history(epochs, 10.0 ** (k % 5), validation=not options or k % 3 > 0, zero_from=5 if k == 1 else None)
        name = ["plain", "_hidden", r"$\x$", "W" * 300, "漢 \N{ROCKET}"][k % 5] + str(k)
        config = Config(training=training, model=model)
        runs.append(ComparedRun(name, Path(name), config, rows, 10, {"x": "abc"}, 100, None))
    return Comparison(runs)


@pytest.mark.parametrize("compared", [several(2), several(3, 300), several(20), several(20, 61, momentum=0.5)])
def test_a_comparison_can_be_read_however_many_runs_it_has_and_whatever_their_names(compared, drawn, tmp_path):
    comparison_figure.draw_comparison(tmp_path / "compare.png", compared)
    assert_readable(drawn[0])
    (legend,) = drawn[0].legends
    assert len(legend.get_texts()) == len(compared.runs)
    looks = {(line.get_linestyle(), line.get_marker()) for line in legend.get_lines()}
    assert len(looks) == len(compared.runs)  # without their colours, too
    assert {text.get_text() for text in drawn[0].texts} == set(compared.notes)


def test_a_comparison_shows_validation_figures_and_marks_the_kept_epoch(drawn, tmp_path):
    compared = several(2)
    comparison_figure.draw_comparison(tmp_path / "compare.png", compared)
    loss, errors = drawn[0].axes
    assert (loss.get_ylabel()[:15], errors.get_ylabel()) == ("validation loss", "validation errors (% of the images)")
    for axes, figure in (
        (loss, lambda row: row.validation_loss),
        (errors, lambda row: 100 * (1 - row.validation_accuracy)),
    ):
        for k, run in enumerate(compared.runs):
            curve, mark = axes.lines[2 * k : 2 * k + 2]
            assert list(curve.get_ydata()) == [figure(row) for row in run.history]
            assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (run.kept.epoch, figure(run.kept))


def test_losses_of_two_kinds_have_axes_of_their_own_and_training_figures_are_called_so(drawn, tmp_path):
    comparison_figure.draw_comparison(tmp_path / "compare.png", several(6, momentum=0.5))
    euclidean, entropy, _ = drawn[0].axes
    assert euclidean.get_ylabel() == "validation or training loss (mean of ½ (p − y)²)"
    assert entropy.get_ylabel() == "validation or training loss (mean cross-entropy)"
    assert [len(axes.lines) for axes in (euclidean, entropy)] == [6, 6]  # of three runs each, a curve and a mark
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert [label.endswith("(training)") for label in labels[:4]] == [True, False, False, True]
