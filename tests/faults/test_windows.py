"""On Windows, which cannot lock folders and lacks more: a command works, or says in one message that it cannot.

Tested without Windows: what it lacks is removed.
"""

import os
import shutil
import signal
import sys

import pytest

from tests.conftest import ROOT, run_here
from tests.faults.fault_helpers import one_message, project

LACKING = {
    os: ["O_DIRECTORY", "set_blocking", "wait4", "posix_spawn", "sched_setaffinity", "killpg", "getuid"],
    signal: ["SIGALRM", "SIGHUP", "SIGKILL", "ITIMER_REAL", "setitimer", "getitimer", "pthread_sigmask", "pause"],
}


class Facts:
    """The result of os.fstat there."""

    def __init__(self, facts):
        self._facts = facts

    def __getattr__(self, name):
        if name in ("st_blocks", "st_blksize"):
            raise AttributeError(name)
        return getattr(self._facts, name)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run, made on another system."""
    folder = tmp_path_factory.mktemp("made")
    config = project(folder)
    assert run_here("train.py", "--config", config, "--output", folder / "run").returncode == 0
    for name in ("a", "b"):
        (folder / "pictures" / name).mkdir(parents=True)
        for k in (1, 2):
            shutil.copy(ROOT / "docs" / "zero.png", folder / "pictures" / name / f"{k}.png")
    return folder


@pytest.fixture
def windows(monkeypatch):
    for module in ("fcntl", "resource", "termios", "pwd", "grp"):
        monkeypatch.setitem(sys.modules, module, None)
    for module, names in LACKING.items():
        for name in names:
            monkeypatch.delattr(module, name, raising=False)
    open_, fstat = os.open, os.fstat

    def refuse_folders(path, *arguments, **options):
        if not options and os.path.isdir(path):  # noqa: PTH112
            raise PermissionError(13, "Permission denied", str(path))
        return open_(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse_folders)
    monkeypatch.setattr(os, "fstat", lambda descriptor: Facts(fstat(descriptor)))


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    "command",
    [
        "train.py --config {made}/config.yaml",
        "train.py --config {made}/config.yaml --output {new}",
        "train.py --config {made}/config.yaml --resume {new}",
        "train.py --resume {made}/run --set training.epochs=5",
        "scripts/sweep.py --config {made}/config.yaml --vary training.seed=0..1",
        "scripts/replay.py {made}/run",
        "benchmarks --config {made}/config.yaml --output {new}",
    ],
)
def test_a_command_that_cannot_work_says_so_and_leaves_nothing(command, made, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    done = run_here(*command.format(made=made, new=tmp_path / "new").split())
    message = one_message(done.stderr)
    assert (done.returncode, done.stdout) == (2, "")
    assert "use Linux or macOS" in message
    assert "WSL" in message
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    "command",
    [
        "scripts/circuit.py x*y x=1 y=2",
        "scripts/circuit.py x*y x=1 y=2 --draw {new}.svg",
        "scripts/check_gradients.py --config {made}/config.yaml",
        "scripts/evaluate.py {made}/run",
        "scripts/predict.py --run {made}/run --as-is {made}/made/t10k-images-idx3-ubyte",
        "scripts/select_digits.py {made}/made {new} 0 1",
        "scripts/grow_data.py {made}/made {new} --images 100",
        "scripts/import_images.py {made}/pictures {new}",
        "scripts/plot_svd.py --config {made}/config.yaml --output {new}.png",
        "scripts/report.py {made}/run",
    ],
)
def test_the_other_commands_work(command, made, tmp_path):
    done = run_here(*command.format(made=made, new=tmp_path / "new").split())
    assert done.returncode == 0
    assert done.stderr in (
        "",
        "warning: novel is unknown: at least 100 training images are needed for it\n",
    )
