"""Promises of mlp.interrupts: no signal is lost, and none breaks off what must not be left half done."""

import os
import shlex
import signal
import subprocess
import sys

import pytest
from conftest import ROOT

from mlp import interrupts
from mlp.errors import Interrupted


def send(number):
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def listening():
    interrupts.forget()
    interrupts.listen()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_waits_for_the_next_check(number, code):
    interrupts.check()
    send(number)
    with pytest.raises(Interrupted) as stop:
        interrupts.check()
    assert stop.value.exit_code == code


def test_at_once_it_ends_what_is_done():
    with pytest.raises(Interrupted), interrupts.at_once():  # noqa: PT012 - the block is what is tested
        send(signal.SIGTERM)
        pytest.fail("it went on")


def test_one_that_came_before_ends_the_block_at_its_beginning():
    send(signal.SIGINT)
    with pytest.raises(Interrupted), interrupts.at_once():
        pytest.fail("it began")


def test_a_held_block_is_not_broken_off():
    done = []
    with pytest.raises(Interrupted), interrupts.at_once():  # noqa: PT012
        with interrupts.held():
            send(signal.SIGINT)
            done.append("whole")
        interrupts.check()
    assert done == ["whole"]


def test_of_two_the_first_counts():
    send(signal.SIGTERM)
    send(signal.SIGTERM)
    with pytest.raises(Interrupted) as stop:
        interrupts.check()
    assert stop.value.exit_code == 143


def test_one_that_was_ignored_at_the_start_is_heard():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts.listen()
    send(signal.SIGINT)
    with pytest.raises(Interrupted):
        interrupts.check()


def test_what_was_closed_at_the_start_leads_nowhere_rather_than_to_the_signals():
    """Else the pipe that they are written to is taken for stderr, by the processes that this one starts too."""
    program = "import os; from mlp import interrupts; interrupts.start(); print(os.readlink('/proc/self/fd/2'))"
    command = f'{shlex.quote(sys.executable)} -c "{program}" 2>&-'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S607
    assert done.stdout == "/dev/null\n"
