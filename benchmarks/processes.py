"""Whole processes: their time and their peak memory."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlp.system.command_line import argument
from mlp.system.errors import InputError, Unsupported

CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Process:
    """What a process took."""

    seconds: float
    peak_megabytes: float
    """The most memory that was in use, in millions of bytes."""


def check_can_be_measured() -> None:
    """Raises Unsupported if this system does not tell what a process took."""
    if not hasattr(os, "wait4"):
        raise Unsupported("time and memory of whole processes, which this system does not tell (--only steps lines)")


def run(*arguments: object) -> Process:
    """Run Python with these arguments; InputError, with its last words, where that fails."""
    words = [argument(each) if isinstance(each, Path) else str(each) for each in arguments]
    command = [sys.executable, str(Path(__file__).with_name("launch.py")), *words]
    # A group of its own, so that what stops the benchmark can stop all that it has started.
    child = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment()
    )
    try:
        output, errors = child.communicate()
    except BaseException:
        with suppress(ProcessLookupError):  # it may be over by now
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        raise
    if child.returncode:
        raise InputError(f"{command[1]} ended with exit code {child.returncode}: {last_line(errors)}")
    code, seconds, peak = json.loads(output.splitlines()[-1])
    if code:
        raise InputError(f"python {' '.join(map(str, arguments))} ended with exit code {code}: {last_line(errors)}")
    return Process(seconds, peak / 1e6)


def last_line(text: str) -> str:
    """What a process said last."""
    return (text.strip().splitlines() or ["it says nothing"])[-1]


def environment() -> dict[str, str]:
    """The process's, in which Python also finds what is here and in the checkout."""
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
