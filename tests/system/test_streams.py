"""Promises of mlp.system.streams: the caller has its streams back, and each line is written at once."""

import os
import select
import subprocess
import sys
from contextlib import suppress

import pytest

from mlp.system import command_line
from mlp.system.errors import InputError
from tests.conftest import ROOT


@pytest.mark.parametrize("end", [None, InputError("bad"), SystemExit(0), ZeroDivisionError(), KeyboardInterrupt()])
def test_the_caller_has_its_streams_back_and_lines_stay_in_order(end, tmp_path, monkeypatch):
    def main(arguments):
        print("its own")
        if end:
            raise end

    with open(tmp_path / "out", "w") as file:
        for name in ("stdout", "__stdout__"):
            monkeypatch.setattr(sys, name, file)
        monkeypatch.setattr(sys, "stderr", None)
        print("before")
        with suppress(SystemExit, ZeroDivisionError, KeyboardInterrupt):
            command_line.run(main)
        assert (sys.stdout, sys.stderr) == (file, None)
        print("after")
    assert (tmp_path / "out").read_text() == "before\nits own\nafter\n"


@pytest.mark.parametrize("flag", ["-u", "-B"], ids=["unbuffered", "buffered"])
def test_a_line_is_written_at_once_and_not_only_at_the_end(flag):
    """On stderr, terminal or not: a reader of a log wants to see how far a run is."""
    program = """
import sys
from mlp.system import command_line
def main(_):
    print("epoch 1", file=sys.stderr)
    sys.stdin.read()
command_line.run(main)
"""
    command = [sys.executable, flag, "-c", program]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=ROOT) as process:
        is_there, *_ = select.select([process.stderr], [], [], 20)
        process.stdin.close()
        assert is_there
        assert process.stderr.read() == b"epoch 1\n"
