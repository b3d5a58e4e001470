"""Promises of mlp.runs.directory: a directory of its own for each run, and in it what happened."""

import signal
import threading

import pytest

from mlp.runs import directory as run_directory
from mlp.runs.manifest import read_manifest
from mlp.system.errors import Diverged, InputError, Interrupted


def test_runs_are_numbered_and_never_share_a_directory(settings):
    (settings.output.directory / "0041").mkdir(parents=True)
    (settings.output.directory / "notes").mkdir()
    found, threads = [], []

    def begin():
        with run_directory.new(settings, None, pytest.fail) as run:
            found.append(run.directory.name)

    for _ in range(8):
        threads.append(threading.Thread(target=begin))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"{number:04d}" for number in range(42, 50)]


def test_a_named_directory_must_be_absent_or_empty(settings, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "absent/deep"):
        with run_directory.new(settings, tmp_path / name, pytest.fail) as run:
            run.begin()
        before = (tmp_path / name / "manifest.json").read_bytes()
        with (
            pytest.raises(InputError, match="not an empty directory: a run never writes over another"),
            run_directory.new(settings, tmp_path / name, pytest.fail),
        ):
            pytest.fail("it began")
        assert (tmp_path / name / "manifest.json").read_bytes() == before


def test_a_directory_is_one_runs_at_a_time(settings, tmp_path):
    with run_directory.new(settings, tmp_path / "one", pytest.fail):
        with (
            pytest.raises(InputError, match="one: another run is using it: wait for its end, or name another"),
            run_directory.new(settings, tmp_path / "one", pytest.fail),
        ):
            pytest.fail("it began")
        assert list((tmp_path / "one").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Interrupted(signal.SIGINT), "interrupted"),
        (Interrupted(signal.SIGTERM), "interrupted"),
        (OSError, "failed"),
        (MemoryError, "failed"),
        (Diverged("so"), "diverged"),
    ],
)
def test_the_manifest_says_how_a_run_ended(settings, error, status):
    kind = error if isinstance(error, type) else type(error)
    with pytest.raises(kind), run_directory.new(settings, None, pytest.fail) as run:  # noqa: PT012 - the block is what is tested
        run.begin()
        assert read_manifest(run.directory).status == "running"
        raise error
    assert read_manifest(run.directory).status == status
