"""The cost of a run is linear in its epochs, and after a kill and a resume no row of its history is torn or double."""

import os
import shutil

import pytest

from mlp.runs import checkpoint, history
from mlp.runs.history import History
from mlp.system import files
from tests.faults.fault_helpers import one_message, outcome, project, train

EPOCHS, KEPT = 12, 3


@pytest.fixture(autouse=True)
def few_kept(monkeypatch):
    """A checkpoint holds three epochs, so that a run of twelve counts as long."""
    monkeypatch.setattr(checkpoint, "MAX_ROWS", KEPT)


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """A run of twelve epochs and, beside it, its config."""
    folder = tmp_path_factory.mktemp("long")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(checkpoint, "MAX_ROWS", KEPT)
        assert train(monkeypatch, "--config", project(folder, epochs=EPOCHS), "--output", folder / "run") == 0
    return folder / "run"


def test_each_epoch_writes_its_own_row_and_a_checkpoint_that_no_longer_grows(tmp_path, monkeypatch):
    run, rows, sizes = tmp_path / "run", [], []
    append, save = files.append, checkpoint.save

    def note_rows(path, content, known):
        rows.append(content.decode())
        return append(path, content, known)

    def note_size(saved, written=None):
        save(saved, written)
        sizes.append(saved.path.stat().st_size)

    monkeypatch.setattr(history, "append", note_rows)
    monkeypatch.setattr(checkpoint, "save", note_size)
    assert train(monkeypatch, "--config", project(tmp_path, epochs=EPOCHS), "--output", run) == 0
    assert "".join([history.HEADER, *rows]) == (run / "history.csv").read_text()
    assert [row.partition(",")[0] for row in rows] == [str(epoch) for epoch in range(1, EPOCHS + 1)]
    assert all(row.count("\n") == 1 for row in rows)
    assert max(sizes[KEPT + 1 :]) - min(sizes[KEPT + 1 :]) < 40  # numbers of more digits


def stopped_at(epoch, folder, monkeypatch):
    """A run killed after an epoch's row was added and before its checkpoint."""
    run, save = folder / "run", checkpoint.save

    def die(saved, written=None):
        if len(saved.state.progress.history) == epoch:
            raise MemoryError("killed")
        save(saved, written)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", die)
        assert train(patch, "--config", project(folder, epochs=EPOCHS), "--output", run) == 2
    return run


TAILS = {"whole": lambda row: row, "torn": lambda row: row[: len(row) // 2], "gone": lambda row: ""}


@pytest.mark.parametrize("left", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("epoch", [2, 3, 8])
def test_a_run_killed_near_a_row_resumes_without_a_trace(left, epoch, long_run, tmp_path, monkeypatch, injected):
    run = stopped_at(epoch, tmp_path, monkeypatch)
    *before, last = (run / "history.csv").read_text().splitlines(keepends=True)
    assert last.startswith(f"{epoch},")
    (run / "history.csv").write_text("".join([*before, left(last)]))
    assert train(monkeypatch, "--resume", run) == 0
    assert outcome(run) == outcome(long_run)
    injected("kills beside a row of history.csv")


def test_a_disk_that_fills_up_within_a_row_leaves_nothing_of_the_row(long_run, tmp_path, monkeypatch, injected):
    run, write = tmp_path / "run", os.write

    class System:
        def __getattr__(self, name):
            return getattr(os, name)

        def write(self, descriptor, data):
            if bytes(data).startswith(b"5,"):
                write(descriptor, data[:20])
                raise OSError(28, os.strerror(28))
            return write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, "os", System())
        assert train(patch, "--config", project(tmp_path, epochs=EPOCHS), "--output", run) == 2
    rows = (run / "history.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["epoch", "1", "2", "3", "4"]
    assert train(monkeypatch, "--resume", run) == 0
    assert outcome(run) == outcome(long_run)
    injected("disks that fill up within a row")


CHANGES = {
    "removed": lambda path: path.unlink(),
    "another file": lambda path: path.write_text("mine"),
    "shorter": lambda path: os.truncate(path, 100),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_history_that_changes_during_a_run_is_written_again(change, long_run, tmp_path, monkeypatch, injected):
    run, write = tmp_path / "run", History.write

    def then(self, epochs):
        write(self, epochs)
        if len(epochs) == 6:
            change(run / "history.csv")

    monkeypatch.setattr(History, "write", then)
    assert train(monkeypatch, "--config", project(tmp_path, epochs=EPOCHS), "--output", run) == 0
    assert outcome(run) == outcome(long_run)
    injected("histories changed during a run")


def test_a_link_in_place_of_the_history_is_not_written_through(tmp_path, monkeypatch, injected):
    run, victim, write = tmp_path / "run", tmp_path / "victim", History.write

    def then(self, epochs):
        write(self, epochs)
        if len(epochs) == 6:
            (run / "history.csv").rename(victim)
            (run / "history.csv").symlink_to(victim)

    monkeypatch.setattr(History, "write", then)
    assert train(monkeypatch, "--config", project(tmp_path, epochs=EPOCHS), "--output", run) == 0
    assert len(victim.read_text().splitlines()) == 7
    injected("histories changed during a run")


@pytest.mark.parametrize("change", [lambda text: text.replace("0.", "1.", 1), lambda text: text[:300], None])
def test_a_long_history_that_is_not_the_runs_own_is_refused_by_name(
    change, long_run, tmp_path, monkeypatch, capsys, injected
):
    run = shutil.copytree(long_run, tmp_path / "run")
    text = (run / "history.csv").read_text()
    (run / "history.csv").unlink()
    if change:
        (run / "history.csv").write_text(change(text))
    assert train(monkeypatch, "--resume", run, "--set", "training.epochs=13") == 2
    message = one_message(capsys.readouterr().err)
    lost = "its first 9 epochs are not those that the run wrote: put the file back"
    if change is None:
        lost = "no such file, and the first 9 epochs are in it: put it back"
    assert message == f"error: {run / 'history.csv'}: {lost}"
    (run / "history.csv").write_text(text)
    assert train(monkeypatch, "--resume", run, "--set", "training.epochs=13") == 0
    injected("long histories that are not the run's own")


def test_if_the_history_lacks_a_row_of_the_newest_checkpoint_the_previous_one_is_used(
    long_run, tmp_path, monkeypatch, capsys, injected
):
    run = shutil.copytree(long_run, tmp_path / "run")
    rows = (run / "history.csv").read_text().splitlines(keepends=True)
    rows[9] = rows[9].replace("0.", "1.", 1)  # the newest checkpoint has nine epochs, the previous one eight
    (run / "history.csv").write_text("".join(rows))
    assert train(monkeypatch, "--resume", run, "--set", "training.epochs=13") == 0
    assert "resuming from checkpoint.previous.npz" in capsys.readouterr().err
    injected("long histories that are not the run's own")


def test_a_pipe_in_place_of_the_history_is_not_waited_for(long_run, tmp_path, monkeypatch, injected):
    run, write = tmp_path / "run", History.write

    def then(self, epochs):
        write(self, epochs)
        if len(epochs) == 6:
            (run / "history.csv").unlink()
            os.mkfifo(run / "history.csv")

    monkeypatch.setattr(History, "write", then)
    assert train(monkeypatch, "--config", project(tmp_path, epochs=EPOCHS), "--output", run) == 0
    assert outcome(run) == outcome(long_run)
    injected("histories changed during a run")


def test_a_short_run_needs_no_history_to_resume(tmp_path, monkeypatch):
    run = stopped_at(3, tmp_path, monkeypatch)
    (run / "history.csv").unlink()
    assert train(monkeypatch, "--resume", run) == 0
    assert outcome(run)


def test_more_epochs_than_a_run_can_record_are_refused_before_it_begins(tmp_path, monkeypatch, capsys):
    config, run = project(tmp_path, epochs=1_000_001), tmp_path / "run"
    assert train(monkeypatch, "--config", config, "--output", run) == 2
    assert "training.epochs: 1,000,001 epochs: a run can keep 1,000,000" in one_message(capsys.readouterr().err)
    assert not run.exists()
