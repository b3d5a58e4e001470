"""Promises of mlp.system.signals: no signal is lost, and none interrupts what must not be left half done."""

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Event, Thread

import pytest

from mlp.system import signals
from mlp.system.errors import Interrupted
from tests.conftest import ROOT


def send(number):
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def listening():
    with signals.listening():
        yield


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_waits_for_the_next_check(number, code):
    signals.check()
    send(number)
    with pytest.raises(Interrupted) as stop:
        signals.check()
    assert stop.value.exit_code == code


def test_within_immediate_a_signal_ends_the_block():
    with pytest.raises(Interrupted), signals.immediate():  # noqa: PT012 - the block is what is tested
        send(signal.SIGTERM)
        pytest.fail("it went on")


def test_an_earlier_signal_ends_the_block_at_its_beginning():
    send(signal.SIGINT)
    with pytest.raises(Interrupted), signals.immediate():
        pytest.fail("it began")


def test_a_deferred_block_is_not_interrupted():
    done = []
    with pytest.raises(Interrupted), signals.immediate():  # noqa: PT012
        with signals.deferred():
            send(signal.SIGINT)
            done.append("whole")
        signals.check()
    assert done == ["whole"]


def test_the_first_of_two_signals_counts():
    send(signal.SIGTERM)
    send(signal.SIGTERM)
    with pytest.raises(Interrupted) as stop:
        signals.check()
    assert stop.value.exit_code == 143


def test_a_sigint_that_was_ignored_at_the_start_is_noted():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with signals.listening():
        send(signal.SIGINT)
        with pytest.raises(Interrupted):
            signals.check()
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_a_hangup_that_was_ignored_at_the_start_stays_ignored():
    """nohup(1) ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.listening():
            send(signal.SIGHUP)
            signals.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_sigint_ends_only_the_command_if_the_process_continues():
    """An impatient Ctrl-C must not end a notebook with all its results."""
    with pytest.raises(KeyboardInterrupt), signals.deferred():  # noqa: PT012
        send(signal.SIGINT)
        send(signal.SIGINT)
        pytest.fail("it went on")


def test_a_signal_that_the_command_did_not_check_is_forgotten_after_it():
    with signals.listening():
        send(signal.SIGINT)
    signals.check()


def test_when_the_work_is_done_a_signal_changes_nothing():
    signals.ignore()
    send(signal.SIGTERM)
    signals.check()


@pytest.mark.parametrize("end", [None, KeyError, Interrupted(signal.SIGINT)])
def test_after_a_command_the_earlier_handlers_are_back(end):
    heard = []
    for number in signals.NUMBERS:
        signal.signal(number, lambda number, _: heard.append(number))
    with suppress(KeyError, Interrupted), signals.listening():
        signals.ignore()
        if end:
            raise end
    send(signal.SIGTERM)
    send(signal.SIGINT)
    assert heard == [signal.SIGTERM, signal.SIGINT]


def test_a_handler_that_is_not_pythons_stays(monkeypatch):
    """Python could not restore it."""
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("it was replaced"))
    with signals.listening():
        pass


def test_immediate_in_a_thread_does_not_change_the_main_thread():
    def work():
        with signals.listening(), signals.immediate():
            begun.set()
            sent.wait(20)

    begun, sent = Event(), Event()
    thread = Thread(target=work)
    thread.start()
    assert begun.wait(20)
    send(signal.SIGINT)
    sent.set()
    thread.join()
    with pytest.raises(Interrupted):
        signals.check()


def test_it_starts_if_the_system_lacks_set_blocking():
    """As on Windows before Python 3.12."""
    program = "import os; del os.set_blocking; from mlp.system import signals; signals.start()"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_stream_that_was_closed_at_the_start_leads_to_the_null_device():
    """Otherwise the pipe for signals becomes stderr, also in the processes that this one starts."""
    program = "import os; from mlp.system import signals; signals.start(); print(os.readlink('/proc/self/fd/2'))"
    command = f'{shlex.quote(sys.executable)} -c "{program}" 2>&-'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S607
    assert done.stdout == "/dev/null\n"
