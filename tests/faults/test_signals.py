"""A run that is killed at any moment and resumed ends as if nothing had happened."""

import random
import signal
import time
from functools import cache
from pathlib import Path

import pytest
from fault_helpers import command_in, digits_config, finish, one_message, outcome, start

EVERY = ["1 epoch", "5 steps"]


@cache
def undisturbed(folder, checkpoint_every):
    """What the run comes to, and how long it takes, in seconds."""
    folder = Path(folder) / checkpoint_every.replace(" ", "-")
    folder.mkdir()
    config = digits_config(folder, checkpoint_every)
    began = time.monotonic()
    finish("--config", config, "--output", folder / "run")
    return outcome(folder / "run"), time.monotonic() - began


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return str(tmp_path_factory.mktemp("undisturbed"))


def test_how_often_it_saves_changes_nothing_that_is_learned(shared):
    histories = [undisturbed(shared, every)[0][1] for every in EVERY]
    assert histories[0] == histories[1]
    assert len(histories[0]) == 13


@pytest.mark.trials(3, 150)
def test_killed_at_a_random_moment(trial, shared, tmp_path, injected):
    random_ = random.Random(trial)
    checkpoint_every = EVERY[trial % 2]
    expected, seconds = undisturbed(shared, checkpoint_every)
    arguments = ("--config", digits_config(tmp_path, checkpoint_every), "--resume", tmp_path / "run")
    for _ in range(1 + trial % 3 // 2):  # every third is killed again as it goes on
        process = start(*arguments)
        time.sleep(random_.uniform(0, 1.1 * seconds))
        process.kill()
        _, said = process.communicate()
        assert "Traceback" not in said
        injected("SIGKILLs at random moments")
    finish(*arguments)
    assert outcome(tmp_path / "run") == expected


def wait_until_it_listens(process):
    """Until Python has started and train.py has asked to be told of SIGTERM."""
    heard = 0
    while process.poll() is None and not heard & 1 << (signal.SIGTERM - 1):
        status = Path(f"/proc/{process.pid}/status").read_text()
        heard = int(status.partition("SigCgt:")[2].split()[0], 16)
    assert process.poll() is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc to see that a process listens")
@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
@pytest.mark.trials(2, 50)
def test_asked_to_stop_at_a_random_moment(trial, number, kind, shared, tmp_path, injected):
    random_ = random.Random(trial)
    checkpoint_every = EVERY[trial % 2]
    expected, seconds = undisturbed(shared, checkpoint_every)
    config, run = digits_config(tmp_path, checkpoint_every), tmp_path / "run"
    process = start("--config", config, "--output", run)
    wait_until_it_listens(process)
    time.sleep(random_.uniform(0, seconds))
    process.send_signal(number)
    _, said = process.communicate(timeout=50)
    injected(f"{number.name}s at random moments")
    if process.returncode != 0:  # else it had been done before
        assert process.returncode == 128 + number
        message = one_message(said, kind)
        assert message.count("\n") == 0
        if "--resume" in message:
            finish(*command_in(message))
        else:
            assert message == f"{kind}: give the same command again"
            finish("--config", config, "--output", run)
    assert outcome(run) == expected


def test_a_second_sigint_stops_at_once(tmp_path):
    """The first is noted and waits for the step under way, which here takes for ever."""
    import os
    import subprocess
    import sys

    program = (
        "import sys, time\nfrom mlp import interrupts\ninterrupts.listen()\nprint('ready', flush=True)\n"
        "while True: time.sleep(0.01)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    os.kill(process.pid, signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(20) == 130
    assert process.communicate() == (b"", b"")
