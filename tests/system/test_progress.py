"""Promises of mlp.system.progress: a bar on a terminal, lines with times in a log."""

import sys
from datetime import datetime
from io import StringIO

import pytest

from mlp.system import progress


class Terminal(StringIO):
    def isatty(self):
        return True


def work(show):
    with show(total=4, unit=" steps") as report:
        report.advance(2)
        report.say("half is done")
        with report.beside():
            print("a warning", file=sys.stderr)
        report.advance(2)


def test_a_log_gets_lines_with_their_time_and_nothing_of_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", StringIO())
    work(progress.shown)
    line, warning = sys.stderr.getvalue().splitlines()
    time, _, text = line.partition(" ")
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(time)).total_seconds()) < 60
    assert (text, warning) == ("half is done", "a warning")


def test_a_terminal_gets_a_bar_that_leaves_only_the_lines(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    work(progress.shown)
    shown = sys.stderr.getvalue()
    assert "0/4" in shown
    left = [line.rpartition("\r")[2] for line in shown.replace("\r\n", "\n").split("\n")]
    assert [line for line in left if line.strip()] == ["half is done", "a warning"]


@pytest.mark.parametrize("stream", [StringIO, Terminal])
def test_silence_is_silent(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    work(progress.silent)
    assert sys.stderr.getvalue() == "a warning\n"


class WithoutTerminal:
    """What some programs put in the place of stderr: it can only be written to."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_a_program_without_a_console_may_ask_for_progress(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    with progress.shown(total=3) as report:
        report.advance(3)
        report.say("a line")
    monkeypatch.setattr(sys, "stderr", stream := WithoutTerminal())
    with progress.shown(total=3) as report:
        report.say("a line")
    assert stream.text.endswith(" a line\n")
    assert capsys.readouterr().out == ""
