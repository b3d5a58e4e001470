"""Settings are ranked as worked out by hand; the table and sweep.csv agree."""

import csv
import math

import numpy as np
import pytest

from mlp import config
from mlp.runs.comparison import ComparedRun
from mlp.sweeps import figures, grid
from mlp.sweeps.results import Results, error, loss, pair_errors, test_error
from mlp.sweeps.worker import Outcome, Status
from mlp.training.progress import Epoch
from tests.conftest import ROOT

test_error.__test__ = False  # it is not a test

BASE = config.load(ROOT / "config.yaml")


def epoch(number, loss, accuracy):
    return Epoch(number, loss / 2, loss, accuracy, accuracy, 1.0, 0.1, 0.5)


def finished(name, settings, losses, accuracy=0.99, test=None):
    history = [epoch(number, loss, accuracy) for number, loss in enumerate(losses, 1)]
    run = ComparedRun(name, ROOT / name, settings, history, 25153, {"images": "a", "labels": "b"}, 1000, None)
    return Outcome(name, Status.FINISHED, result=run, test=test)


def results(*options, outcome, all_pairs=False, base=BASE):
    """Results of a grid; ``outcome`` is a function of a run's name and config."""
    request = grid.from_options(base, options, all_pairs=all_pairs)
    return Results(request, {name: outcome(name, settings) for name, settings in request.configs().items()})


RATES = {0.3: [[0.5, 0.2], [0.5, 0.4]], 1: [[0.3, 0.1], [0.1, 0.3]], 3: [[0.2, 0.5], [0.6, 0.9]]}
"""Validation losses over two epochs, by learning rate, then seed; the best are 0.2 and 0.4, 0.1 twice, 0.2 and 0.6."""


def by_rate(name, settings):
    return finished(name, settings, RATES[settings.training.learning_rate][settings.training.seed])


@pytest.fixture
def three_rates():
    return results("training.learning_rate=0.3,1,3", "training.seed=0,1", outcome=by_rate)


def test_settings_are_ranked_by_the_mean_loss_of_their_best_epochs(three_rates):
    ranked = [(setting.values["training.learning_rate"], setting.mean(loss)) for setting in three_rates.settings]
    assert [rate for rate, _ in ranked] == [1, 0.3, 3]
    assert [mean.mean for _, mean in ranked] == pytest.approx([0.1, 0.3, 0.4])
    assert [mean.deviation for _, mean in ranked] == pytest.approx([0, math.sqrt(0.02), math.sqrt(0.08)])
    assert three_rates.best.outcome.name == "learning_rate=1,seed=0"
    assert three_rates.criterion_name == "validation loss"


def test_the_printed_table(three_rates):
    assert three_rates.table().splitlines() == [
        "rank  learning_rate  runs  validation loss      errors",
        "1     1              2     0.100000             1.000%",
        "2     0.3            2     0.300000 ± 0.141421  1.000%",
        "3     3              2     0.400000 ± 0.282843  1.000%",
    ]


def test_the_csv_has_a_row_for_each_run_with_its_settings_rank(three_rates, tmp_path):
    three_rates.write_csv(tmp_path / "sweep.csv")
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines()))
    assert [(row["rank"], row["run"]) for row in rows] == [
        (str(rank), f"learning_rate={rate},seed={seed}")
        for rank, rate in enumerate(("1", "0.3", "3"), 1)
        for seed in (0, 1)
    ]
    assert rows[1] == {
        "rank": "1",
        "run": "learning_rate=1,seed=1",
        "training.learning_rate": "1",
        "training.seed": "1",
        "status": "finished",
        "epochs": "2",
        "kept_epoch": "1",
        "train_loss": "0.05",
        "validation_loss": "0.1",
        "train_accuracy": "0.99",
        "validation_accuracy": "0.99",
        "validation_errors": "10",
        "seconds": "1.0",
        "message": "",
    }


def test_a_setting_with_unfinished_runs_ranks_last(tmp_path):
    def outcome(name, settings):
        if name == "learning_rate=1,seed=1":
            return Outcome(name, Status.DIVERGED, 'in epoch 1, "so" to say')
        return by_rate(name, settings)

    found = results("training.learning_rate=0.3,1,3", "training.seed=0,1", outcome=outcome)
    assert [setting.values["training.learning_rate"] for setting in found.settings] == [0.3, 3, 1]
    assert found.table().splitlines()[-1] == "3     1              1     0.100000             1.000%  1 diverged"
    found.write_csv(tmp_path / "sweep.csv")
    *_, last = csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines())
    assert (last["status"], last["message"], last["validation_loss"]) == ("diverged", 'in epoch 1, "so" to say', "")


def test_equally_good_settings_share_a_rank_and_options_of_one_value_are_not_named():
    losses = {0.1: 0.3, 0.2: 0.2, 0.3: 0.3, 0.4: 0.4}
    options = ["training.learning_rate=0.1,0.2,0.3,0.4", "training.batch_size=8"]
    found = results(*options, outcome=lambda name, own: finished(name, own, [losses[own.training.learning_rate]]))
    assert list(map(found.label, found.settings)) == [
        "1: learning_rate 0.2",
        "2: learning_rate 0.1",
        "2: learning_rate 0.3",
        "4: learning_rate 0.4",
    ]


def test_settings_with_different_losses_are_ranked_by_errors():
    def outcome(name, settings):
        is_euclidean = settings.model.loss == "euclidean"
        return finished(name, settings, [0.1 if is_euclidean else 0.4], 0.98 if is_euclidean else 0.99)

    found = results("model.loss=euclidean,cross_entropy", outcome=outcome)
    assert found.criterion is error
    assert [setting.values["model.loss"] for setting in found.settings] == ["cross_entropy", "euclidean"]
    assert found.notes == ["The runs have different losses, which cannot be compared: each has its own axes."]


def test_settings_with_different_class_weights_are_ranked_by_errors_and_a_note_says_why():
    def outcome(name, settings):
        is_weighted = settings.training.class_weight is not None
        return finished(name, settings, [0.4 if is_weighted else 0.1], 0.99 if is_weighted else 0.98)

    found = results("training.class_weight=null,balanced,[1,20]", outcome=outcome)
    assert found.criterion is error
    assert [row.split("  ")[0] for row in found.table().splitlines()[1:]] == ["1", "1", "3"]
    assert found.settings[-1].values["training.class_weight"] is None
    assert found.label(found.settings[1]) == "1: class_weight [1, 20]"
    assert found.notes == ["The runs weight the classes differently: their losses cannot be compared."]


def test_long_lists_of_digits_are_shortened_in_the_table_and_the_pictures(drawn, tmp_path):
    options = [f"data.digits=all,{list(range(30))}", "training.class_weight=null,balanced"]
    found = results(*options, outcome=lambda name, own: finished(name, own, [0.1]))
    assert {line.split("  ")[2].strip() for line in found.table().splitlines()[1:]} == {"all", "[0, 1, ..., 29]"}
    axes = drawn(found)["heat_map.png"].axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["all", "[0, 1, ..., 29]"]
    found.write_csv(tmp_path / "sweep.csv")
    rows = csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines())
    assert {row["data.digits"] for row in rows} == {"all", str(list(range(30)))}


def test_runs_that_stopped_by_their_patience_are_drawn_as_far_as_they_went(drawn):
    losses = [[3, 2, 1, 4], [1, 2], [2, 1, 6]]
    figure = drawn(
        results("training.seed=0..2", outcome=lambda name, own: finished(name, own, losses[own.training.seed]))
    )["curves.png"]
    (line,) = figure.axes[0].lines
    assert line.get_ydata().tolist() == [2, 2, 3.5, 4]
    (band,) = figure.axes[0].collections
    assert band.get_datalim(figure.axes[0].transData).get_points().tolist() == [[1, 1], [4, 6]]
    assert figure.axes[0].get_xlim()[1] == 4.5


def of_pair(name, settings):
    a, b = settings.data.digits
    return finished(name, settings, [0.1], test=(a + b + settings.training.seed, 1000))


def test_pairs_are_averaged_over_the_seeds_and_the_deviation_is_over_seeds():
    """The mean of a + b over the 45 pairs is 9, as each digit is in nine of them."""
    found = results("training.seed=0,2", outcome=of_pair, all_pairs=True)
    (setting,) = found.settings
    errors = pair_errors(setting)
    assert (len(errors), errors[0, 1], errors[8, 9]) == (45, pytest.approx(0.002), pytest.approx(0.018))
    mean = setting.mean(test_error)
    assert (mean.mean, mean.deviation) == (pytest.approx(0.010), pytest.approx(0.001 * math.sqrt(2)))
    assert found.notes == []
    assert "test errors\n" in found.table()


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws results; the figures by the names of their files."""
    saved = {}
    monkeypatch.setattr(figures, "save", lambda figure, path: saved.setdefault(path.name, figure))

    def draw(found):
        assert {path.name for path in figures.draw_results(tmp_path, found)} == saved.keys()
        return saved

    return draw


def test_curves_are_medians_in_a_band_from_lowest_to_highest(drawn):
    def outcome(name, settings):
        return finished(name, settings, [[3, 3, 3], [1, 2, 3], [2, 1, 6]][settings.training.seed])

    figure = drawn(results("training.seed=0..2", outcome=outcome))["curves.png"]
    (line,) = figure.axes[0].lines
    assert line.get_ydata().tolist() == [2, 2, 3]
    (band,) = figure.axes[0].collections
    assert band.get_datalim(figure.axes[0].transData).get_points()[:, 1].tolist() == [1, 6]
    (text,) = figure.legends[0].get_texts()
    assert text.get_text() == "3 runs"


def test_the_band_of_one_epoch_is_a_line(drawn):
    figure = drawn(
        results("training.seed=0,1", outcome=lambda name, own: finished(name, own, [1.0 + own.training.seed]))
    )["curves.png"]
    *_, line = figure.axes[0].collections
    assert line.get_segments()[0].tolist() == [[1, 1], [1, 2]]


def test_a_setting_looks_the_same_in_all_panels_and_is_named(drawn):
    def outcome(name, settings):
        return finished(name, settings, [0.3, 0.2])

    found = results("model.loss=euclidean,cross_entropy", "training.momentum=0,0.5", outcome=outcome)
    figure = drawn(found)["curves.png"]
    *panels, errors = ([(line.get_color(), line.get_linestyle()) for line in axes.lines] for axes in figure.axes)
    assert [len(looks) for looks in panels] == [2, 2]
    assert [*panels[0], *panels[1]] == errors
    assert len(set(errors)) == 4
    assert figure.legends[0].get_texts()[0].get_text() == "1: loss euclidean, momentum 0, 1 run"


def test_a_heat_map_shows_the_ranking_figure_over_two_options(drawn, three_rates):
    """With one option and the seed, the seed is the second."""
    axes, *_ = drawn(three_rates)["heat_map.png"].axes
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.2, 0.4], [0.1, 0.1], [0.2, 0.6]])
    assert [text.get_text() for text in axes.texts] == ["0.2", "0.4", "0.1", "0.1", "0.2", "0.6"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("training.learning_rate", "training.seed")
    assert [text.get_text() for text in axes.get_yticklabels()] == ["0.3", "1", "3"]


def test_two_options_are_averaged_over_the_seeds_and_an_empty_cell_says_so(drawn):
    def outcome(name, settings):
        if settings.training.momentum == 0.9 and settings.training.learning_rate == 3:
            return Outcome(name, Status.DIVERGED)
        return by_rate(name, settings)

    options = ["training.learning_rate=0.3,3", "training.momentum=0,0.9", "training.seed=0,1"]
    axes, *_ = drawn(results(*options, outcome=outcome))["heat_map.png"].axes
    cells = axes.images[0].get_array()
    np.testing.assert_allclose(cells.filled(-1), [[0.3, 0.3], [0.4, -1]])
    assert axes.texts[-1].get_text() == "none\nfinished"


def test_many_values_have_a_colour_bar_instead_of_numbers(drawn):
    def outcome(name, settings):
        return finished(name, settings, [0.1 + settings.training.seed])

    found = drawn(results("training.seed=0..99", "training.momentum=0,0.5", outcome=outcome))
    axes, bar = found["heat_map.png"].axes
    assert list(axes.texts) == []
    assert bar.get_ylim() == pytest.approx((0.1, 99.1))
    assert (bar.get_yscale(), axes.images[0].norm(np.sqrt(0.1 * 99.1))) == ("log", pytest.approx(0.5))


def test_the_table_of_pairs_is_ten_by_ten_in_percent(drawn):
    axes, *_ = drawn(results("training.seed=0,2", outcome=of_pair, all_pairs=True))["pairs.png"].axes
    cells = axes.images[0].get_array()
    assert cells.shape == (10, 10)
    assert cells.mask.tolist() == np.eye(10, dtype=bool).tolist()
    assert cells[3, 5] == cells[5, 3] == pytest.approx(0.9)
    assert "0.90" in [text.get_text() for text in axes.texts]
    assert axes.get_title() == "test errors in % of the images; mean 1.000% ± 0.141% over the seeds"


def test_without_finished_runs_there_is_no_best():
    found = results("training.seed=0,1", outcome=lambda name, _: Outcome(name, Status.FAILED, "why"))
    assert (found.best, found.finished) == (None, [])


def test_a_sweep_over_seeds_alone_is_one_setting():
    found = results("training.seed=0..4", outcome=lambda name, settings: finished(name, settings, [0.1]))
    (setting,) = found.settings
    assert (found.label(setting), setting.values, len(setting.runs)) == ("", {}, 5)
