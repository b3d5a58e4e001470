"""Time and peak memory of whole processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlp.system.command_line import argument
from mlp.system.errors import InputError, Unsupported

CHECKOUT = Path(__file__).parents[1]
UNCOUNTED_TURNS = 1
"""The first turn of each command fills the disk's cache."""


@dataclass(frozen=True)
class Process:
    """The time and memory of a process."""

    seconds: float
    peak_megabytes: float
    """The peak, in millions of bytes."""


def check_can_be_measured() -> None:
    """Raises Unsupported if this system does not report the time and memory of processes."""
    if not hasattr(os, "wait4"):
        raise Unsupported(
            "time and memory of whole processes, which this system does not report (use --only steps lines)"
        )


def run_python(*arguments: object) -> Process:
    """Run Python with these arguments. Raises InputError, with its last line on stderr, if it fails."""
    words = [argument(each) if isinstance(each, Path) else str(each) for each in arguments]
    command = [sys.executable, str(Path(__file__).with_name("launch.py")), *words]
    # In a new process group, so that its children can be stopped with it.
    child = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment()
    )
    try:
        output, errors = child.communicate()
    except BaseException:
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        raise
    if child.returncode:
        raise InputError(f"{command[1]} ended with exit code {child.returncode}: {last_line(errors)}")
    code, seconds, peak = json.loads(output.splitlines()[-1])
    if code:
        raise InputError(f"python {' '.join(map(str, arguments))} ended with exit code {code}: {last_line(errors)}")
    return Process(seconds, peak / 1e6)


def in_turns(commands: Mapping[str, Sequence[object]], repeats: int, folder: Path) -> dict[str, list[Process]]:
    """Run each command ``repeats`` times, in turns; the turns that do not count come first.

    A command is what follows ``python``. It gets ``--output`` with ``output_of(folder, name, turn)``.
    """
    found: dict[str, list[Process]] = {name: [] for name in commands}
    for turn in range(1 - UNCOUNTED_TURNS, repeats + 1):
        for name, arguments in commands.items():
            process = run_python(*arguments, "--output", output_of(folder, name, turn))
            if turn > 0:
                found[name].append(process)
    return found


def output_of(folder: Path, name: str, turn: int) -> Path:
    """The folder of a command's files in a turn; turns that count begin at 1."""
    return folder / f"{name}-{turn}"


def last_line(text: str) -> str:
    """The last line of a text."""
    return (text.strip().splitlines() or ["it printed nothing"])[-1]


def environment() -> dict[str, str]:
    """The environment, with the checkout on Python's path."""
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
