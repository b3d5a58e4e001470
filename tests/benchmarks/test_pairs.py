"""scikit-learn beside a sweep: on the same runs, or not at all."""

import pytest

from tests.conftest import ROOT, run_here, undrawn, write_folder

pytest.importorskip("joblib")
pytest.importorskip("sklearn")

from benchmarks import pairs
from mlp import config
from mlp.system.errors import InputError


@pytest.fixture(scope="module")
def swept(tmp_path_factory, few_pairs):
    """A sweep of all pairs whose networks have learned hardly anything."""
    folder = tmp_path_factory.mktemp("swept")
    data = write_folder(folder / "made", [*range(10)] * 4, [*range(10)] * 2, side=2)
    options = [f"data.directory={data}", "data.validation_fraction=0", "training.epochs=1", "model.loss=cross_entropy"]
    with undrawn():
        done = run_here("scripts/sweep.py", "--pairs", "all", "--jobs", 1, "--output", folder / "s", "--set", *options)
    assert done.returncode == 0, done.stderr
    return folder / "s"


def test_a_sweep_is_read_back_as_requested(swept):
    grid, errors = pairs.read_grid(swept), pairs.read_test_errors(swept)
    assert grid.has_all_pairs
    assert errors.keys() == grid.configs().keys()
    assert all(error * 4 in range(5) for error in errors.values())  # two test images of each digit


def test_a_sweep_that_scikit_learn_cannot_train_is_refused(swept, tmp_path):
    request = (swept / "sweep.json").read_text().replace("cross_entropy", "euclidean")
    (tmp_path / "sweep.json").write_text(request)
    with pytest.raises(InputError, match=r"model\.loss must be cross_entropy in all runs, not euclidean"):
        pairs.read_grid(tmp_path)


def test_scikit_learn_is_trained_as_the_config_says():
    options = [
        "model.loss=cross_entropy",
        "data.validation_fraction=0",
        "data.limit_per_digit=500",
        "training.epochs=5",
    ]
    settings = config.load(ROOT / "config.yaml", options)
    assert pairs.theirs(settings) < 0.01
    assert pairs.theirs(settings.with_values({"training.learning_rate": 1e-9})) > 0.2  # the learning rate is used
