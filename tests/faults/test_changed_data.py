"""If data files change during a run, it ends with one message and a whole checkpoint; a mere copy is no change."""

import itertools
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from functools import cache

import pytest

from mlp import idx
from mlp.data import idx_folder
from mlp.data.dataset import Dataset
from mlp.runs import checkpoint
from mlp.runs import directory as run_directory
from mlp.system.errors import DataChanged
from mlp.training import batches
from mlp.training.loop import Trainer
from tests.conftest import ROOT, run_here, write_folder
from tests.faults.fault_helpers import QUIET, at_step, command_in, one_message, outcome, project, train

STEPS = 6
"""An epoch has 24 training images, 4 a batch, four batches a pool. Each of three epochs is saved."""


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def emptied(path):
    os.truncate(path, 0)


def other(path):
    """As many bytes as the file has, but other ones."""
    content = path.read_bytes()
    return content[:-5] + bytes(255 - byte for byte in content[-5:])


def overwritten(path):
    with path.open("r+b") as file:
        file.write(other(path))


def overwritten_and_dated_back(path):
    facts = path.stat()
    overwritten(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def replaced(path, content=None):
    new = path.with_name("new")
    new.write_bytes(content or other(path))
    new.rename(path)


def deleted(path):
    path.unlink()


def touched(path):
    os.utime(path)


def copied_again(path):
    path.write_bytes(path.read_bytes())


def replaced_by_a_copy(path):
    replaced(path, path.read_bytes())


CHANGES = {
    truncated: "it had [0-9,]+ bytes, it has [0-9,]+ now|it is shorter now",
    emptied: "it had [0-9,]+ bytes, it has 0 now|it is shorter now",
    overwritten: "it holds other bytes now",
    overwritten_and_dated_back: "it holds other bytes now",
    replaced: "it holds other bytes now",
    deleted: "it is no longer there",
}
HARMLESS = [touched, copied_again, replaced_by_a_copy]
KINDS = ["small.gz", "small", "large"]
"""Kinds of data sets. A large uncompressed one is read during the run."""
WHEN = {"in the first epoch": 1, "between checkpoints": STEPS + 2, "before the last checkpoint": 3 * STEPS}
AFTER_IT, AT_THE_END = "after the last checkpoint", "when the model is written"


@contextmanager
def small_limits(kind):
    """For the kind ``large``, treat all data as too large for memory."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        if kind == "large":
            for module, name in (
                (idx, "MAX_BYTES_IN_MEMORY"),
                (batches, "MAX_COPIED_BYTES"),
                (batches, "POOL_BYTES"),
                (batches, "RUN_BYTES"),
            ):
                monkeypatch.setattr(module, name, 0)
        yield


def made(folder, kind):
    """A project on data of this kind: its config, and the paths of its training images and labels."""
    config = project(folder, batch_size=4, learning_rate=0.2)
    ending = ".gz" if kind.endswith(".gz") else ""
    if ending:
        for path in (folder / "made").iterdir():
            path.unlink()
        write_folder(folder / "made", [0, 1, 7, 1] * 10, [0, 1], ending=ending)
    return config, [folder / "made" / f"train-{name}-ubyte{ending}" for name in ("images-idx3", "labels-idx1")]


@cache
def undisturbed(folder, kind):
    """The result of the undisturbed run."""
    config, _ = made(folder / kind, kind)
    with pytest.MonkeyPatch.context() as monkeypatch, small_limits(kind):
        assert train(monkeypatch, "--config", config, "--output", folder / kind / "run") == 0
    return outcome(folder / kind / "run")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("undisturbed")


def run_with(happens, when, config, run):
    """The exit code of a run in which something happens meanwhile."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        if when == AT_THE_END:
            write = run_directory.Run.write_model
            monkeypatch.setattr(run_directory.Run, "write_model", lambda *arguments: (write(*arguments), happens()))
        elif when == AFTER_IT:
            monkeypatch.setattr(Trainer, "check_ending", lambda *_: happens())
        else:
            at_step(monkeypatch, WHEN[when], happens)
        return train(monkeypatch, "--config", config, "--output", run)


CASES = list(itertools.product(CHANGES, KINDS, (0, 1), [*WHEN, AFTER_IT, AT_THE_END]))


@pytest.mark.trials(15, len(CASES))
def test_a_change_ends_the_run_and_it_resumes_when_the_file_is_restored(
    trial, shared, tmp_path, capsys, injected, request
):
    change, kind, which, when = CASES[trial if request.config.getoption("--all-trials") else 11 * trial % len(CASES)]
    config, paths = made(tmp_path, kind)
    path, run, saved = paths[which], tmp_path / "run", []
    content = path.read_bytes()

    def happens():
        saved.append((run / checkpoint.NEWEST).read_bytes())
        change(path)

    with small_limits(kind):
        assert run_with(happens, when, config, run) == 2
    message = one_message(capsys.readouterr().err)
    start, end = map(re.escape, (f"error: {path}: changed while it was in use, ", ": put it back into data.directory"))
    assert re.fullmatch(f"{start}({CHANGES[change]}){end}", message.splitlines()[0])
    assert "\n       everything since the last checkpoint is lost: resume with: " in message
    assert json.loads((run / "manifest.json").read_text())["status"] == "failed"
    assert [(run / checkpoint.NEWEST).read_bytes()] == saved
    assert (run / "model.npz").exists() == (when == AT_THE_END)
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as monkeypatch, small_limits(kind):
        assert train(monkeypatch, *command_in(message)) == 0
    assert outcome(run) == undisturbed(shared, kind)
    capsys.readouterr()
    injected(f"data changed under a run: {change.__name__.replace('_', ' ')}")


SAME = list(itertools.product(HARMLESS, KINDS, (0, 1), [*WHEN, AFTER_IT, AT_THE_END]))


@pytest.mark.trials(8, len(SAME))
def test_the_same_bytes_are_the_same_data(trial, shared, tmp_path, injected, request):
    change, kind, which, when = SAME[trial if request.config.getoption("--all-trials") else 11 * trial % len(SAME)]
    config, paths = made(tmp_path, kind)
    changed = []

    def happens():
        change(paths[which])
        changed.append(1)

    with small_limits(kind):
        assert run_with(happens, when, config, tmp_path / "run") == 0
    assert changed
    assert outcome(tmp_path / "run") == undisturbed(shared, kind)
    injected(f"same data with other times: {change.__name__.replace('_', ' ')}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_is_undone_before_the_next_checkpoint_does_not_enter_the_model(kind, shared, tmp_path):
    """Data in memory are not affected. Of data in a file, changed images were read, which is noticed."""
    config, (path, _) = made(tmp_path, kind)
    content, run = path.read_bytes(), tmp_path / "run"
    with pytest.MonkeyPatch.context() as monkeypatch, small_limits(kind):
        at_step(monkeypatch, 1, lambda: overwritten(path))
        at_step(monkeypatch, 5, lambda: path.write_bytes(content))  # the second pool has been read by now
        code = train(monkeypatch, "--config", config, "--output", run)
    assert code == (2 if kind == "large" else 0)
    if code == 0:
        assert outcome(run) == undisturbed(shared, kind)


def test_a_run_that_is_stopped_by_a_signal_saves_nothing_of_changed_data(tmp_path, capsys):
    config, (path, _) = made(tmp_path, "small")
    run = tmp_path / "run"

    def happens():
        overwritten(path)
        os.kill(os.getpid(), 15)

    assert run_with(happens, "between checkpoints", config, run) == 2
    assert "it holds other bytes now" in one_message(capsys.readouterr().err)
    assert checkpoint.read_checkpoint(run / checkpoint.NEWEST).state.progress.current.steps == 0


def test_a_run_that_learns_nothing_from_changed_data_reports_the_change(tmp_path, capsys):
    config, (_, path) = made(tmp_path, "small")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("mlp.training.divergence.is_above", lambda *_: True)
        monkeypatch.setattr("mlp.training.divergence.given_up", lambda *_, **__: True)
        at_step(monkeypatch, STEPS, lambda: overwritten(path))
        assert train(monkeypatch, "--config", config, "--output", tmp_path / "run") == 2
    assert "it holds other bytes now" in one_message(capsys.readouterr().err)
    assert not (tmp_path / "run" / "divergence.json").exists()


EMPTIED_AT_A_STEP = """
import os, sys
from pathlib import Path
from mlp import idx
from mlp.commands.runs import train
from mlp.system import command_line
from mlp.training import batches
from mlp.training.active_inputs import OrderedParameters

idx.MAX_BYTES_IN_MEMORY = batches.MAX_COPIED_BYTES = batches.POOL_BYTES = batches.RUN_BYTES = 0
count, path = OrderedParameters.count_steps, sys.argv.pop()

def then(parameters, steps):
    assert path not in Path("/proc/self/maps").read_text()
    os.truncate(path, 0)
    count(parameters, steps)

OrderedParameters.count_steps = then
sys.exit(command_line.run(train.main))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's list of what a process has mapped")
def test_a_large_file_that_is_emptied_does_not_crash_the_process(tmp_path, injected):
    config, (path, _) = made(tmp_path, "large")
    done = subprocess.run(
        [sys.executable, "-c", EMPTIED_AT_A_STEP, "--config", config, "--output", tmp_path / "run", path],
        cwd=ROOT,
        env=os.environ | QUIET,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert one_message(done.stderr).startswith(f"error: {path}: changed while it was in use, it is shorter now: ")
    injected("data changed under a run: SIGBUS if it were mapped")


@pytest.mark.parametrize("change", [*CHANGES, touched], ids=lambda change: change.__name__)
@pytest.mark.parametrize("which", ["images-idx3", "labels-idx1"])
def test_the_sha256_is_that_of_the_bytes_read_or_there_is_an_error(change, which, tmp_path, injected):
    """Until it is known, any change may matter."""
    _, (images, _) = made(tmp_path, "small")
    part = idx_folder.open_part(images.parent, "training")
    change(images.with_name(f"train-{which}-ubyte"))
    with pytest.raises((DataChanged, FileNotFoundError), match=which):
        part.sha256()
    injected(f"data changed before they were hashed: {change.__name__.replace('_', ' ')}")


def test_a_file_that_was_touched_is_hashed_again_once(tmp_path, monkeypatch):
    _, (images, labels) = made(tmp_path, "small")
    part, hashed = idx_folder.open_part(images.parent, "training"), []
    known = part.sha256()
    touched(labels)
    monkeypatch.setattr(idx_folder, "sha256", lambda path: hashed.append(path) or known[path.name])
    for _ in range(3):
        part.check()
    assert hashed == [labels]


@pytest.mark.parametrize("kind", ["small", "large"])
@pytest.mark.parametrize("script", ["evaluate", "report", "plot_svd"])
def test_a_command_reports_no_result_for_data_that_change_meanwhile(script, kind, tmp_path, monkeypatch):
    """The file is written to as soon as its images are used."""
    config, _ = made(tmp_path, kind)
    run, before = tmp_path / "run", set()
    part = "train" if script == "plot_svd" else "t10k"
    path = tmp_path / "made" / f"{part}-images-idx3-ubyte"
    if script != "plot_svd":
        assert train(monkeypatch, "--config", config, "--output", run) == 0
        before = set(run.iterdir())
    pixels, changed = Dataset.pixels, []

    def change_then(images, *arguments, **options):
        if images.source.files["images"] == path and not changed:
            changed.append(overwritten(path))
        return pixels(images, *arguments, **options)

    monkeypatch.setattr(Dataset, "pixels", change_then)
    arguments = ("--config", config, "--output", tmp_path / "svd.png") if script == "plot_svd" else (run,)
    with small_limits(kind):
        done = run_here(f"scripts/{script}.py", *arguments)
    assert changed
    if (script, kind) == ("plot_svd", "small"):
        assert done.returncode == 0  # it has read them, and records no SHA-256
        return
    assert (done.returncode, done.stdout) == (2, "")
    start = f"error: {path}: changed while it was in use, it was written to or replaced: give the same command again"
    assert one_message(done.stderr).startswith(start)
    if script != "plot_svd":
        assert set(run.iterdir()) == before
