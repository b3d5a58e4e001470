"""A run that is killed at any moment and resumed ends with the same result."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import termios
import time
from functools import cache
from pathlib import Path

import pytest

from mlp.runs import checkpoint, history
from mlp.runs.manifest import read_manifest
from tests.conftest import ROOT
from tests.faults.fault_helpers import (
    ADAM,
    QUIET,
    TRAIN,
    command_in,
    digits_config,
    finish,
    one_message,
    outcome,
    project,
    start,
)

EVERY = ["1 epoch", "5 steps"]
ENDINGS = [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGHUP, "hung up")]


@cache
def undisturbed(folder, checkpoint_every, with_adam):
    """The result of the run, and its duration in seconds."""
    folder = Path(folder) / f"{checkpoint_every}{with_adam}".replace(" ", "-")
    folder.mkdir()
    config = digits_config(folder, checkpoint_every, ADAM if with_adam else None)
    began = time.monotonic()
    process = start("--config", config, "--output", folder / "run")
    _, said = process.communicate(timeout=100)
    assert process.returncode == 0, said
    return outcome(folder / "run"), time.monotonic() - began


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return str(tmp_path_factory.mktemp("undisturbed"))


def test_how_often_it_saves_does_not_change_the_result(shared, tmp_path):
    (_, rows), _ = undisturbed(shared, EVERY[0], with_adam=False)
    finish("--config", digits_config(tmp_path, EVERY[1]), "--output", tmp_path / "run")
    assert outcome(tmp_path / "run")[1] == rows
    assert len(rows) == 13


def wait_for_a_moment(trial, random_, seconds, run, process):
    """A random moment of the process; in half of the trials, as the first two, soon after its second checkpoint.

    Most of the time goes into imports and the curve: else few trials would meet the training.
    """
    if trial % 4 < 2:
        while not (run / checkpoint.PREVIOUS).exists() and process.poll() is None:
            time.sleep(0.001)
        seconds = 0.03
    time.sleep(random_.uniform(0, seconds))


@pytest.mark.trials(2, 150)
def test_killed_at_a_random_moment(trial, shared, tmp_path, injected):
    random_ = random.Random(trial)
    checkpoint_every, with_adam = EVERY[trial % 2], bool(trial % 3)
    expected, seconds = undisturbed(shared, checkpoint_every, with_adam=with_adam)
    config = digits_config(tmp_path, checkpoint_every, ADAM if with_adam else None)
    arguments = ("--config", config, "--resume", tmp_path / "run")
    for _ in range(1 + trial % 3 // 2):  # every third is killed again after it was resumed
        process = start(*arguments)
        wait_for_a_moment(trial, random_, 1.1 * seconds, tmp_path / "run", process)
        process.kill()
        _, said = process.communicate()
        assert "Traceback" not in said
        if process.returncode == -signal.SIGKILL:  # else it was finished before
            injected("SIGKILLs at random moments")
    finish(*arguments)
    assert outcome(tmp_path / "run") == expected


def wait_until_it_listens(process):
    """Wait until Python has started and train.py handles SIGTERM."""
    heard = 0
    while process.poll() is None and not heard & 1 << (signal.SIGTERM - 1):
        status = Path(f"/proc/{process.pid}/status").read_text()
        heard = int(status.partition("SigCgt:")[2].split()[0], 16)
    assert process.poll() is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc to see that a process listens")
@pytest.mark.trials(1, 150)
def test_asked_to_stop_at_a_random_moment(trial, shared, tmp_path, injected):
    random_ = random.Random(trial)
    checkpoint_every, (number, kind) = EVERY[trial % 2], ENDINGS[trial % 3]
    expected, seconds = undisturbed(shared, checkpoint_every, with_adam=False)
    config, run = digits_config(tmp_path, checkpoint_every), tmp_path / "run"
    process = start("--config", config, "--output", run)
    wait_until_it_listens(process)
    wait_for_a_moment(trial, random_, seconds, run, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=50)
    if process.returncode != 0:  # else it was finished before
        injected(f"{number.name}s at random moments")
        assert process.returncode == 128 + number
        message = one_message(said, kind)
        assert message.count("\n") == 0
        if "--resume" in message:
            finish(*command_in(message))
        else:
            assert message == f"{kind}: give the same command again"
            finish("--config", config, "--output", run)
    assert outcome(run) == expected


@pytest.mark.trials(3, 6)
def test_asked_to_stop_while_it_imports(trial, tmp_path):
    """A module that it imports sends the signal, and is then imported as usual."""
    script, (number, kind) = ("train.py", "scripts/evaluate.py")[trial % 2], ENDINGS[trial % 3]
    (tmp_path / "pydantic.py").write_text(
        f"import os, sys\nos.kill(os.getpid(), {int(number)})\n"
        f"sys.path.remove({str(tmp_path)!r})\ndel sys.modules['pydantic']\nimport pydantic\n"
    )
    done = subprocess.run(
        [sys.executable, ROOT / script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (128 + number, f"{kind}: give the same command again\n")


BUSY = {
    "between two calls": "while True: time.sleep(0.01)",
    "within one long call": "np.arange(10_000_000).reshape(10, -1) @ np.ones((1_000_000, 300), int)",
}


@pytest.mark.parametrize("busy", BUSY.values(), ids=BUSY)
def test_a_second_sigint_stops_at_once(busy):
    """The first is noted and waits for a check, which never happens here."""
    program = f"import time, numpy as np\nfrom mlp.system import signals\nsignals.start()\nprint(flush=True)\n{busy}"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.communicate() == (b"", b"")


def started_on_a_terminal(*command):
    """The command as the owner of a terminal, and the terminal's other end."""
    end, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env=os.environ | QUIET,
    )
    os.close(terminal)
    return process, end


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.02)


def test_a_terminal_that_is_closed_saves_the_run(tmp_path, injected):
    """The system sends SIGHUP, and then writing to the terminal fails."""
    config, run = project(tmp_path, epochs=100_000), tmp_path / "run"
    process, end = started_on_a_terminal(TRAIN, "--config", config, "--output", run)
    wait_for(run / checkpoint.PREVIOUS, process)
    os.close(end)
    assert process.wait(50) == 129
    epochs = len(checkpoint.read_checkpoint(run / checkpoint.NEWEST).state.progress.history)
    assert 0 < epochs == len(history.read_history(run))
    assert read_manifest(run).status == "interrupted"
    injected("terminals that were closed")


def test_a_sweep_whose_terminal_is_closed_stops_its_runs(tmp_path, injected):
    config, folder = project(tmp_path, epochs=100_000), tmp_path / "sweep"
    command = [ROOT / "scripts/sweep.py", "--config", config, "--vary", "training.seed=0..3", "--jobs", "2"]
    process, end = started_on_a_terminal(*command, "--output", folder)
    for name in ("seed=0", "seed=1"):
        wait_for(folder / name / checkpoint.PREVIOUS, process)
    os.close(end)
    assert process.wait(50) == 129
    for name in ("seed=0", "seed=1"):
        assert read_manifest(folder / name).status == "interrupted"
    injected("terminals that were closed")


def test_under_nohup_a_run_outlives_its_terminal(tmp_path, injected):
    run = tmp_path / "run"
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    process = start("--config", project(tmp_path, epochs=5), "--output", run, **ignoring)
    wait_for(run / checkpoint.NEWEST, process)
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=50)
    assert process.returncode == 0, said
    outcome(run)
    injected("SIGHUPs under nohup")


MANY_EPOCHS = ["training.epochs=1000000", "data.limit_per_digit=100"]
LONG_STEPS = ["training.batch_size=20000", "model.hidden_sizes=[2000]", "training.learning_rate=0.01"]


@pytest.mark.parametrize(
    ("options", "number", "code"), [(MANY_EPOCHS, signal.SIGTERM, 143), (LONG_STEPS, signal.SIGINT, 130)]
)
def test_a_long_command_is_stopped(options, number, code, tmp_path, injected):
    run = tmp_path / "run"
    process = start("--set", *options, "--output", run)
    while not (run / "checkpoint.npz").exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=50)
    assert process.returncode == code
    assert command_in(said.splitlines()[-1]) == ["--resume", str(run)]
    assert checkpoint.read_checkpoint(run / "checkpoint.npz").config.training.epochs >= 10
    injected(f"{number.name}s in a long command")
