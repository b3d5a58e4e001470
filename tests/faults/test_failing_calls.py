"""If the disk fails at any call, the run ends with one message, exit code 2 and a whole checkpoint."""

import errno
import io
import os
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from mlp.runs import checkpoint
from mlp.system import files
from tests.conftest import ROOT
from tests.faults.fault_helpers import TRAIN, digits_config, finish, one_message, outcome, project, train

CALLS = ("open", "write", "fsync", "rename")


class Disk:
    """Stands between mlp.system.files, the only module that writes, and the system; fails at a call of one kind.

    From the k-th on for ever, as a full disk does, or only then, as a bad sector may.
    """

    def __init__(self, monkeypatch, call=None, k=None, for_ever=False):
        self.call, self.k, self.for_ever, self.counts = call, k, for_ever, dict.fromkeys(CALLS, 0)
        disk = self

        class System:
            def __getattr__(self, name):
                return getattr(os, name)

            def fsync(self, descriptor):
                disk.count("fsync", errno.EIO)
                os.fsync(descriptor)

            def replace(self, *names):
                disk.count("rename", errno.EACCES)
                os.replace(*names)

            def write(self, descriptor, data):
                try:
                    disk.count("write", errno.ENOSPC)
                except OSError:
                    os.write(descriptor, data[: len(data) // 2])  # the part that fitted on the disk
                    raise
                return os.write(descriptor, data)

        class Raw(io.FileIO):
            def write(self, data):
                try:
                    disk.count("write", errno.ENOSPC)
                except OSError:
                    super().write(bytes(data)[: len(data) // 2])  # the part that fitted on the disk
                    raise
                return super().write(data)

        def open_(path, mode):
            if mode == "rb":
                return open(path, mode)
            disk.count("open", errno.EROFS)
            return io.BufferedRandom(Raw(path, mode))

        monkeypatch.setattr(files, "os", System())
        monkeypatch.setattr(files, "open", open_, raising=False)

    def count(self, call, error):
        self.counts[call] += 1
        hit = self.counts[call] >= self.k if self.for_ever else self.counts[call] == self.k
        if call == self.call and hit:
            raise OSError(error, os.strerror(error))


@cache
def undisturbed(folder, checkpoint_every):
    """The result of the run, and its number of calls of each kind."""
    folder = Path(folder) / checkpoint_every.replace(" ", "-")
    config = project(folder, checkpoint_every=checkpoint_every)
    with pytest.MonkeyPatch.context() as monkeypatch:
        disk = Disk(monkeypatch)
        assert train(monkeypatch, "--config", config, "--output", folder / "run") == 0
    return outcome(folder / "run"), disk.counts


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return str(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for-ever"])
@pytest.mark.parametrize("checkpoint_every", ["1 epoch", "2 steps"])
def test_at_every_call(call, for_ever, checkpoint_every, shared, tmp_path, capsys, injected, request):
    expected, counts = undisturbed(shared, checkpoint_every)
    step = 1 if request.config.getoption("--all-trials") else 29
    for k in range(1, counts[call] + 1, step):
        config, run = project(tmp_path / str(k), checkpoint_every=checkpoint_every), tmp_path / str(k) / "run"
        with pytest.MonkeyPatch.context() as monkeypatch:
            Disk(monkeypatch, call, k, for_ever)
            assert train(monkeypatch, "--config", config, "--output", run) == 2
        message = one_message(capsys.readouterr().err)
        assert "\n" not in message
        assert str(run) in message
        assert not list(run.glob("*.tmp"))
        saved = checkpoint.newest(run, lambda warning: None)  # refused if none is whole
        assert (f"resume with: python {os.path.relpath(TRAIN)} --resume {run}" in message) == (saved is not None)
        with pytest.MonkeyPatch.context() as monkeypatch:
            assert train(monkeypatch, "--resume", run, *(() if saved else ("--config", config))) == 0
        assert outcome(run) == expected
        injected(f"failing calls: {call} {'from the k-th on' if for_ever else 'once'}")
        capsys.readouterr()


KILOBYTES = [0, 1, 2, 4, 40, 60, 64, 70, 75, 80]


@cache
def whole(folder):
    """The result of the run on digits without a limit."""
    config = digits_config(Path(folder), "1 epoch")
    finish("--config", config, "--output", Path(folder) / "whole")
    return outcome(Path(folder) / "whole")


@pytest.mark.trials(2, 10)
def test_under_a_limit_on_the_size_of_files(trial, shared, tmp_path, injected, request):
    """``ulimit -f``: the system itself ends a write half way."""
    kilobytes = KILOBYTES[trial if request.config.getoption("--all-trials") else 4 * trial]
    config, run = digits_config(tmp_path, "1 epoch"), tmp_path / "run"
    command = shlex.join([sys.executable, TRAIN, "--config", str(config), "--output", str(run)])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f {kilobytes} && exec {command}"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "File too large" in one_message(done.stderr)
    injected("limits on the size of files")
    finish("--resume", run, "--config", config)
    assert outcome(run) == whole(shared)


def test_a_directory_that_cannot_be_made(tmp_path, monkeypatch, capsys):
    config = project(tmp_path)
    (tmp_path / "file").write_text("")
    assert train(monkeypatch, "--config", config, "--output", tmp_path / "file" / "run") == 2
    assert one_message(capsys.readouterr().err) == f"error: {tmp_path / 'file' / 'run'}: Not a directory"
