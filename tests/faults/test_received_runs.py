"""A stranger's run cannot write outside its directory, and anything in it but regular files is refused by name."""

import json
import os
import shutil
import time

import pytest

from mlp.runs import checkpoint
from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from mlp.system import files
from mlp.system.errors import InputError
from tests.conftest import module_of, run_here
from tests.faults.fault_helpers import bounded, one_message, project, train

WRITTEN = {
    "scripts/evaluate.py": ("evaluation-test.json", "confusion.png", "mistakes.png"),
    "scripts/report.py": ("report.html",),
    "scripts/export_onnx.py": ("model.onnx",),
    "train.py": sorted(run_directory.OWN),
}
"""The files that each command writes into a run."""
READ = {
    "scripts/evaluate.py": ("manifest.json", "config.yaml", "model.npz"),
    "scripts/compare.py": ("history.csv", "evaluation-test.json"),
    "train.py": ("checkpoint.npz", "config.yaml"),
}
"""The files that it reads there."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """A finished and evaluated run, its data and its config."""
    folder = tmp_path_factory.mktemp("sent")
    config = project(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, "--config", config, "--output", folder / "run") == 0
    assert run_here("scripts/evaluate.py", folder / "run").returncode == 0
    return folder / "run"


@pytest.fixture
def run(sent, tmp_path):
    """A copy of it to change."""
    return shutil.copytree(sent, tmp_path / "run")


def arguments(script, run, sent):
    """The arguments of a command that reads or resumes the run."""
    return {"train.py": ["--resume", run, "--set", "training.epochs=4"], "scripts/compare.py": [sent, run]}.get(
        script, [run]
    )


@pytest.mark.parametrize("script", WRITTEN)
@pytest.mark.parametrize("ending", [".tmp", ""])
def test_a_link_in_the_place_of_an_output_file_is_not_followed(
    script, ending, sent, run, tmp_path, monkeypatch, capsys, injected
):
    if script == "scripts/export_onnx.py":
        pytest.importorskip("onnx")
    victims = tmp_path / "home"
    victims.mkdir()
    reads = {*READ["scripts/evaluate.py"], "checkpoint.npz"} if ending == "" else set()
    names = [name for name in WRITTEN[script] if name not in reads]
    for name in names:
        (victims / name).write_text("mine")
        (run / (name + ending)).unlink(missing_ok=True)
        (run / (name + ending)).symlink_to(victims / name)
    if script == "train.py":
        assert train(monkeypatch, *arguments(script, run, sent), "output.live=true") == 0
    else:
        assert run_here(script, *arguments(script, run, sent)).returncode == 0
    assert {path.read_text() for path in victims.iterdir()} == {"mine"}
    for name in set(WRITTEN[script]) - {run_directory.DIVERGENCE}:
        assert (run / name).is_file()
        assert not (run / name).is_symlink()
        injected("links in a received run")


def pipe(path):
    os.mkfifo(path)


def hole(path):
    with open(path, "wb") as file:
        file.truncate(1 << 40)


HOSTILE = {
    "a link to a file": lambda path: path.symlink_to("/etc/passwd"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to(path.parent / "nothing"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a pipe": pipe,
    "a folder": lambda path: path.mkdir(),
    "a hole": hole,
}


@pytest.mark.parametrize(
    ("script", "name"), [(script, name) for script, names in READ.items() for name in names], ids=str
)
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_anything_but_a_regular_file_is_refused_by_name(script, name, make, sent, run, monkeypatch, capsys, injected):
    (run / name).unlink()
    make(run / name)
    if name == "checkpoint.npz":
        (run / checkpoint.PREVIOUS).unlink()
    given = arguments(script, run, sent)
    if script == "train.py" and name == "config.yaml":  # the run was stopped before its first checkpoint
        for path in run.iterdir():
            if path.name not in ("config.yaml", "manifest.json"):
                path.unlink()
        given += ["--config", sent.parent / "config.yaml"]
    with bounded():
        if script == "train.py":
            code, message = train(monkeypatch, *given), capsys.readouterr().err
        else:
            done = run_here(script, *given)
            code, message = done.returncode, done.stderr
    assert code == 2
    assert name in one_message(message)
    injected("received runs with something else in the place of a file")


def test_a_damaged_checkpoint_that_is_a_link_is_skipped(sent, run, monkeypatch, capsys):
    (run / "checkpoint.npz").rename(run.parent / "elsewhere")
    (run / "checkpoint.npz").symlink_to(run.parent / "elsewhere")
    assert train(monkeypatch, *arguments("train.py", run, sent)) == 0
    assert "checkpoint.npz: damaged: " in capsys.readouterr().err
    assert not (run / "checkpoint.npz").is_symlink()
    assert (run.parent / "elsewhere").exists()


def exchanged(run, how):
    """Move the run's directory away, and put something else in its place."""
    run.rename(run.parent / "moved")
    other = run.parent / "other"
    other.mkdir()
    if how == "a folder":
        other.rename(run)
    if how == "a link":
        run.symlink_to(other)


@pytest.mark.parametrize("how", ["a folder", "a link", "nothing"])
@pytest.mark.parametrize("when", ["begin", "save", "write_model", "finish"])
def test_a_run_whose_directory_is_replaced_ends_and_writes_nothing_into_the_new_one(
    how, when, tmp_path, monkeypatch, capsys, injected
):
    config, run = project(tmp_path), tmp_path / "run"
    method, calls = getattr(run_directory.Run, when), []

    def then(self, *given, **facts):
        calls.append(1)
        if len(calls) == (2 if when == "save" else 1):
            exchanged(run, how)
        method(self, *given, **facts)

    monkeypatch.setattr(run_directory.Run, when, then)
    assert train(monkeypatch, "--config", config, "--output", run) == 2
    what = "no longer there" if how == "nothing" else "another folder than before"
    assert f"error: {run}: {what}: it was moved or replaced" in one_message(capsys.readouterr().err)
    assert not run.exists() or list(run.iterdir()) == []
    injected("replaced directories")


@pytest.mark.parametrize("script", ["scripts/evaluate.py", "scripts/report.py"])
def test_a_directory_that_is_replaced_after_it_was_read_is_not_written_into(script, run, monkeypatch, injected):
    read = finished_runs.read_run

    def then(directory):
        found = read(directory)
        exchanged(run, "a folder")
        return found

    monkeypatch.setattr(module_of(script), "read_run", then)
    done = run_here(script, run)
    assert done.returncode == 2
    assert list(run.iterdir()) == []
    injected("replaced directories")


def test_a_sweep_follows_no_link_to_make_a_run(tmp_path, injected):
    pytest.importorskip("joblib")
    (tmp_path / "home").mkdir()
    (tmp_path / "sweep").mkdir()
    ask = ["scripts/sweep.py", "--config", project(tmp_path), "--jobs", 1, "--vary", "training.seed=0,1"]
    assert run_here(*ask, "--output", tmp_path / "sweep").returncode == 0
    shutil.rmtree(tmp_path / "sweep" / "seed=1")
    (tmp_path / "sweep" / "seed=1").symlink_to(tmp_path / "home")
    done = run_here(*ask, "--output", tmp_path / "sweep")
    assert done.returncode == 2
    assert f"{tmp_path / 'sweep' / 'seed=1'}: a symbolic link" in done.stderr
    assert list((tmp_path / "home").iterdir()) == []
    injected("links in a received run")


def test_a_lock_is_on_the_folder_that_has_the_name_now(tmp_path, monkeypatch):
    lock = files._lock
    (tmp_path / "run").mkdir()

    def then(descriptor, wait):
        lock(descriptor, wait)
        exchanged(tmp_path / "run", "a folder")

    monkeypatch.setattr(files, "_lock", then)
    with pytest.raises(InputError, match="moved or replaced"), files.exclusive(tmp_path / "run", pytest.fail):
        pytest.fail("it has another folder")


def test_leftovers_of_killed_processes_are_removed_by_age_and_name(tmp_path):
    names = {
        "a.png.0123456789abcdef.tmp": True,
        "a.png.tmp": False,  # from an earlier version, or a user's own
        "b.png.0123456789abcdef.tmp": False,
        "a.png.0123456789abcdef": False,
        "a.png.mine.tmp": False,
    }
    for name in names:
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, times=(0, time.time() - files.HOUR - 10))
    (tmp_path / "a.png.fedcba9876543210.tmp").write_text("another process is at it")
    files.write_text(tmp_path / "a.png", "whole")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.png", "a.png.fedcba9876543210.tmp"} | {name for name, is_gone in names.items() if not is_gone}


def test_a_resumed_run_removes_its_own_leftovers_of_any_age(sent, run, monkeypatch):
    for name in ("checkpoint.npz.0123456789abcdef.tmp", "config.yaml.tmp"):
        (run / name).write_text("torn")
    (run / "report.html.0123456789abcdef.tmp").write_text("report.py may be at it")
    assert train(monkeypatch, *arguments("train.py", run, sent)) == 0
    assert [path.name for path in run.glob("*.tmp")] == ["report.html.0123456789abcdef.tmp"]


@pytest.mark.parametrize("name", ["x" * 255, "\N{SNOWMAN}" * 85])
def test_the_longest_name_can_be_written(name, tmp_path):
    files.write_text(tmp_path / name, "whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.fixture
def read_only(run, monkeypatch):
    """A run in a place that refuses writing, also to root, who runs the tests in a container."""
    open_ = open

    def forbid(path, mode="r"):
        if "x" in mode and files.Path(path).is_relative_to(run.parent):
            raise PermissionError(13, os.strerror(13), str(path))
        return open_(path, mode)

    monkeypatch.setattr(files, "open", forbid, raising=False)
    return run


def test_a_run_that_is_write_protected_can_be_evaluated_and_compared(sent, read_only, tmp_path, monkeypatch, injected):
    before = {path.name: path.read_bytes() for path in read_only.iterdir()}
    done = run_here("scripts/evaluate.py", read_only, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, json.loads(before["evaluation-test.json"]))
    place = read_only / "confusion.png"
    assert done.stderr == f"warning: {place}: Permission denied: the results are printed, not saved\n"
    done = run_here("scripts/evaluate.py", read_only)
    assert (done.returncode, done.stdout) == (2, "")
    assert "use --json, which prints the results" in one_message(done.stderr)
    for given in ([], ["--json"]):
        done = run_here("scripts/compare.py", read_only, sent, *given)
        assert done.returncode == 0
        warning = one_message(done.stderr, "warning")
        assert "Permission denied: no picture is written: name its file with --output" in warning
    assert run_here("scripts/compare.py", read_only, sent, "--output", tmp_path / "c.png").returncode == 2
    assert {path.name: path.read_bytes() for path in read_only.iterdir()} == before
    injected("write-protected runs")
