"""Promises of mlp.library.interruptible: KeyboardInterrupt stops work at a good place, and no handler is changed."""

import random
import signal
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from mlp.library import interruptible
from mlp.system.errors import Interrupted


@pytest.fixture(autouse=True)
def python_raises_keyboard_interrupt():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupt():
    """Interrupt the main thread, as the system does: also while it waits."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def until_stopped(waiter, places):
    places.append("begun")
    try:
        while True:
            waiter.check()
            time.sleep(0.001)
    finally:
        places.append("saved")


def test_it_returns_what_the_work_returns_and_raises_what_it_raises():
    assert interruptible.run(lambda waiter: 3) == 3
    error = ValueError("no")

    def fail(waiter):
        raise error

    with pytest.raises(ValueError, match="no") as found:
        interruptible.run(fail)
    assert found.value is error


def test_an_error_keeps_its_cause():
    cause = KeyError("a")

    def fail(waiter):
        raise ValueError from cause

    with pytest.raises(ValueError) as found:  # noqa: PT011 - which one is known by its cause
        interruptible.run(fail)
    assert found.value.__cause__ is cause


def test_an_interrupted_wait_stops_the_work_at_its_next_check():
    places = []
    threading.Timer(0.05, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        interruptible.run(lambda waiter: until_stopped(waiter, places))
    assert places == ["begun", "saved"]


def test_work_that_ends_in_spite_of_the_interrupt_is_interrupted_all_the_same():
    done = threading.Event()

    def work(waiter):
        interrupt()
        time.sleep(0.02)
        done.set()

    with pytest.raises(KeyboardInterrupt):
        interruptible.run(work)
    assert done.is_set()


def test_an_error_on_the_way_to_a_stop_is_raised():
    def work(waiter):
        try:
            until_stopped(waiter, [])
        except Interrupted:
            raise OSError("the disk is full") from None

    threading.Timer(0.05, interrupt).start()
    with pytest.raises(OSError, match="the disk is full") as found:
        interruptible.run(work)
    assert isinstance(found.value.__cause__, KeyboardInterrupt)


def test_a_second_interrupt_does_not_wait_and_the_work_stops_by_itself():
    may_end, ended = threading.Event(), threading.Event()

    def work(waiter):
        may_end.wait(10)
        try:
            waiter.call(pytest.fail)  # nobody is left to make the call
        except Interrupted:
            ended.set()

    for seconds in (0.05, 0.1):
        threading.Timer(seconds, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        interruptible.run(work)
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(10)


def test_calls_are_made_in_the_waiting_thread_and_answered():
    def work(waiter):
        assert threading.current_thread() is not threading.main_thread()
        with pytest.raises(ZeroDivisionError):
            waiter.call(lambda: 1 / 0)
        return waiter.call(threading.current_thread), waiter.call(max, 2, 5)

    assert interruptible.run(work) == (threading.main_thread(), 5)


def test_an_interrupt_within_a_call_stops_the_work_too():
    places = []

    def work(waiter):
        try:
            waiter.call(signal.raise_signal, signal.SIGINT)
        except Interrupted:
            places.append("saved")
            raise

    with pytest.raises(KeyboardInterrupt):
        interruptible.run(work)
    assert places == ["saved"]


@pytest.mark.trials(40, 3000)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupted_at_any_moment_the_work_ends_and_each_call_is_made_once(trial):
    """Python itself loses an interrupt that arrives while an object is deleted: then the work is done."""
    calls, saved = [], []

    def work(waiter):
        try:
            for number in range(200):
                waiter.check()
                waiter.call(calls.append, number)
        finally:
            saved.append(len(calls))

    timer = threading.Timer(random.Random(trial).uniform(0, 0.003), interrupt)
    with suppress(KeyboardInterrupt):
        timer.start()
        interruptible.run(work)
        timer.join()
        time.sleep(0.01)
    assert calls == list(range(len(calls)))
    assert saved == [len(calls)] or not calls


def test_the_work_has_numpys_own_error_state():
    with np.errstate(all="raise"):
        assert interruptible.run(lambda waiter: np.geterr())["divide"] == "warn"
