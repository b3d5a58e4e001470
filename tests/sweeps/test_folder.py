"""The token by which a sweep's workers know that they are wanted."""

import signal
import time

import pytest

from mlp import config
from mlp.sweeps import folder, grid
from mlp.sweeps.worker import TOKEN
from mlp.system import signals
from tests.conftest import ROOT


@pytest.fixture
def asked():
    return grid.from_options(config.load(ROOT / "config.yaml"), ["training.seed=0,1"])


def test_it_is_there_for_as_long_as_the_sweep_is(asked, tmp_path):
    with folder.opened(asked, tmp_path / "sweep", pytest.fail) as tasks:
        (token,) = {task.requirements.token for task in tasks}
        assert (tmp_path / "sweep" / TOKEN).read_text() == token
    assert not (tmp_path / "sweep" / TOKEN).exists()
    with folder.opened(asked, tmp_path / "sweep", pytest.fail) as tasks:
        assert (tmp_path / "sweep" / TOKEN).read_text() != token  # what still works for the first is to stop


def test_a_signal_takes_it_away_at_once(asked, tmp_path):
    with folder.opened(asked, tmp_path / "sweep", pytest.fail):
        signals.deliver(signal.SIGINT)
        end = time.monotonic() + 20
        while (tmp_path / "sweep" / TOKEN).exists():
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_run_that_another_process_has_is_told_of(asked, tmp_path):
    (tmp_path / "sweep").mkdir()
    warnings = []
    with folder.opened(asked, tmp_path / "sweep", pytest.fail) as (first, _):
        first.directory.mkdir()
    with folder.exclusive(first.directory, pytest.fail), folder.opened(asked, tmp_path / "sweep", warnings.append):
        assert warnings == [f"{first.directory}: another process is at work in it: the sweep waits for it"]


def test_test_files_are_needed_where_they_are_read_and_nowhere_else(asked):
    def parts(grid):
        return {path.name.partition("-")[0] for path in folder.data_files(grid)}

    assert parts(asked) == {"train"}
    assert parts(grid.Grid(asked.base.with_values({"output.report": True}), asked.varied)) == {"train", "t10k"}
    assert parts(grid.Grid(asked.base, asked.varied | {"output.report": [False, True]})) == {"train", "t10k"}
