"""What the fault tests share: a short run, its expected result, and ways to run it."""

import csv
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlp.commands.runs import train as train_command
from mlp.system import command_line
from mlp.training.active_inputs import OrderedParameters
from tests.conftest import LOG_TIME, ROOT, run_here, without_curve, write_folder

TRAIN = str(ROOT / "train.py")
QUIET = {"OPENBLAS_NUM_THREADS": "1"}


ADAM = {"optimizer": "adam", "schedule": "cosine", "patience": 2, "class_weight": "balanced", "learning_rate": 0.01}
"""Options of training whose state or decisions a resumed run must take up where they were."""


def project(folder, *, digits=(0, 1), **training):
    """A config and data for a short run with momentum on 24 training and 6 validation images of 0 and 1."""
    write_folder(folder / "made", [0, 1, 7, 1] * 10, [0, 1])
    options = {"epochs": 3, "batch_size": 8, "momentum": 0.0 if "optimizer" in training else 0.5} | training
    (folder / "config.yaml").write_text(
        f"data: {{directory: made, validation_fraction: 0.2, digits: {list(digits)}}}\nmodel: {{hidden_sizes: [3]}}\n"
        f"training: {json.dumps(options).replace(chr(34), '')}\n"
    )
    return folder / "config.yaml"


def digits_config(folder, checkpoint_every, options=None):
    """A config for a run on real digits that takes a few tenths of a second."""
    chosen = {"epochs": 12, "batch_size": 16, "checkpoint_every": checkpoint_every} | (options or {"momentum": 0.5})
    (folder / "config.yaml").write_text(
        f"data: {{directory: {ROOT / 'data'}, limit_per_digit: 300}}\nmodel: {{hidden_sizes: [16]}}\n"
        f"training: {json.dumps(chosen).replace(chr(34), '')}\n"
    )
    return folder / "config.yaml"


def start(*arguments, **options):
    """Start train.py as a process, with a pipe for its stderr."""
    return subprocess.Popen(
        [sys.executable, TRAIN, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | QUIET,
        **options,
    )


def finish(*arguments):
    """Run train.py within this process, which has imported matplotlib already; it must succeed."""
    done = run_here("train.py", *arguments)
    assert done.returncode == 0, done.stderr


def outcome(directory):
    """What a finished run shares with one that was never stopped: the model, and the history without seconds."""
    manifest = json.loads((directory / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert not list(directory.glob("*.tmp"))
    rows = [row[:-1] for row in csv.reader((directory / "history.csv").read_text().splitlines())]
    return (directory / "model.npz").read_bytes(), rows


def train(monkeypatch, *arguments):
    """Run train.py within this process, without drawing its curve, which is slow. Its exit code."""
    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, arguments)])
    without_curve(monkeypatch)
    return command_line.run(train_command.main)


def at_step(monkeypatch, step, happens):
    """Let something happen right after an update; steps are counted from the beginning, and each is a block."""
    count, taken = OrderedParameters.count_steps, []

    def then(parameters, steps):
        count(parameters, steps)
        taken.append(steps)
        if len(taken) == step:
            happens()

    monkeypatch.setattr("mlp.training.step.MAX_STEPS", 1)
    monkeypatch.setattr(OrderedParameters, "count_steps", then)


MEMORY = 256 << 20
"""Bytes on top of what the process has: a file of a thousand bytes must not need more."""
SECONDS = 5
"""Of processor time."""


@contextmanager
def bounded(memory=MEMORY, seconds=SECONDS):
    """Fail if this block needs more memory or processor time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = signal.signal(signal.SIGPROF, lambda *_: pytest.fail(f"more than {seconds} s"))
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, hard))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def one_message(text, kind="error"):
    """The only message on stderr, apart from the lines of the epochs."""
    lines = [line for line in LOG_TIME.sub("", text).splitlines() if not line.startswith("epoch ")]
    assert lines, "no message"
    assert lines[0].startswith(f"{kind}: "), text
    assert all(line.startswith(" " * 7) for line in lines[1:]), text
    assert "Traceback" not in text
    assert len(lines) <= 20
    assert all(len(line) < 330 and line.isprintable() for line in lines)
    return "\n".join(lines)


def command_in(message):
    """The arguments of the command in a message, which resumes the run."""
    program, script, *arguments = shlex.split(message.partition("resume with: ")[2])
    assert (program, Path(script).name) == ("python", "train.py")
    return arguments
