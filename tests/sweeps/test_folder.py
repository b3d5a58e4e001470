"""A sweep's folder: the token that its workers look for, and the data files it needs."""

import signal
import time

import pytest

from mlp import config
from mlp.sweeps import folder, grid
from mlp.sweeps.worker import TOKEN
from mlp.system import signals
from tests.conftest import ROOT


@pytest.fixture
def seeds():
    return grid.from_options(config.load(ROOT / "config.yaml"), ["training.seed=0,1"])


def test_the_token_is_there_as_long_as_the_sweep(seeds, tmp_path):
    with folder.opened(seeds, tmp_path / "sweep", pytest.fail) as tasks:
        (token,) = {task.requirements.token for task in tasks}
        assert (tmp_path / "sweep" / TOKEN).read_text() == token
    assert not (tmp_path / "sweep" / TOKEN).exists()
    with folder.opened(seeds, tmp_path / "sweep", pytest.fail) as tasks:
        assert (tmp_path / "sweep" / TOKEN).read_text() != token  # workers of the first sweep must stop


def test_a_signal_removes_the_token_at_once(seeds, tmp_path):
    with folder.opened(seeds, tmp_path / "sweep", pytest.fail):
        signals.deliver(signal.SIGINT)
        end = time.monotonic() + 20
        while (tmp_path / "sweep" / TOKEN).exists():
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_run_held_by_another_process_is_warned_of(seeds, tmp_path):
    (tmp_path / "sweep").mkdir()
    warnings = []
    with folder.opened(seeds, tmp_path / "sweep", pytest.fail) as (first, _):
        first.directory.mkdir()
    with folder.exclusive(first.directory, pytest.fail), folder.opened(seeds, tmp_path / "sweep", warnings.append):
        assert warnings == [f"{first.directory}: another process is at work in it: the sweep waits for it"]


def test_test_files_are_needed_only_if_they_are_read(seeds):
    def parts(grid):
        return {path.name.partition("-")[0] for path in folder.data_files(grid)}

    assert parts(seeds) == {"train"}
    assert parts(grid.Grid(seeds.base.with_values({"output.report": True}), seeds.varied)) == {"train", "t10k"}
    assert parts(grid.Grid(seeds.base, seeds.varied | {"output.report": [False, True]})) == {"train", "t10k"}
