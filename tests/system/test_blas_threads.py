"""Promises of mlp.system.blas_threads: products use as many threads as asked for, and earlier limits come back."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mlp.system import blas_threads


def threads_now():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("count", sorted({1, os.cpu_count() or 1}))
def test_the_number_of_threads_is_set_and_restored(count):
    before = threads_now()
    with blas_threads.threads(count) as libraries:
        assert threads_now() == {count}
        assert {library["num_threads"] for library in libraries} == {count}
        assert all(library["internal_api"] and library["version"] for library in libraries)
    assert threads_now() == before


def threads_within(count):
    with blas_threads.threads(count):
        return threads_now()


def test_blocks_of_several_threads_are_left_in_any_order():
    """The limit holds for the whole process: leaving a block must not lift another block's limit, nor keep its own."""
    before = threads_now()
    blocks = [blas_threads.threads(count) for count in (1, 3, 2)]
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second, ThreadPoolExecutor(1) as third:
        threads = (first, second, third)
        for thread, block, count in zip(threads, blocks, (1, 3, 2), strict=True):
            thread.submit(block.__enter__).result()
            assert threads_now() == {count}
        third.submit(blocks[2].__exit__, None, None, None).result()
        assert threads_now() == {3}  # the latest of the remaining blocks decides
        first.submit(blocks[0].__exit__, None, None, None).result()
        assert threads_now() == {3}
        second.submit(blocks[1].__exit__, None, None, None).result()
        assert threads_now() == before


def test_a_thread_that_had_a_limit_does_not_stop_another_from_setting_one():
    before = threads_now()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for thread in (one, other, one):
            assert thread.submit(threads_within, 3).result() == {3}
        assert threads_now() == before
        with threadpool_limits(3):
            assert threads_now() == {3}
        limit = one.submit(threadpool_limits, 3).result()  # never ends
        assert threads_within(2) == {2}
        one.submit(limit.restore_original_limits).result()
        assert threads_now() == before


def test_the_last_to_leave_restores_what_was_before_the_first_each_time():
    """With limits of its own, as the tests themselves are in a block from beginning to end."""
    limits, before = blas_threads._Limits(), threads_now()
    for _ in range(2):
        first, second = object(), object()
        limits.enter(first, 2)
        limits.enter(second, 3)
        limits.leave(first)
        assert threads_now() == {3}
        limits.leave(second)
        assert threads_now() == before
        with blas_threads.threads(4):
            limits.enter(first, 2)
            limits.leave(first)
            assert threads_now() == {4}
    assert {library["user_api"] for library in limits.blas.info()} == {"blas"}


def test_a_block_that_fails_restores_the_number():
    before = threads_now()
    with pytest.raises(KeyError), blas_threads.threads(3):
        raise KeyError
    assert threads_now() == before


def test_a_block_that_is_interrupted_at_its_beginning_or_its_end_restores_the_number(monkeypatch):
    limits, before = blas_threads._limits(), threads_now()
    enter = limits.enter

    def interrupted(*arguments):
        monkeypatch.undo()
        if len(arguments) == 2:
            enter(*arguments)
        raise KeyboardInterrupt

    for name in ("enter", "leave"):
        monkeypatch.setattr(limits, name, interrupted)
        with pytest.raises(KeyboardInterrupt), blas_threads.threads(3):
            pass
        assert threads_now() == before


AT_ONCE = """
import threading
from mlp.system import blas_threads
barrier, found = threading.Barrier(4), []
def enter():
    barrier.wait()
    with blas_threads.threads(1):
        found.append(id(blas_threads._limits()))
threads = [threading.Thread(target=enter) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(set(found)) == 1, found
"""


def test_threads_that_enter_first_at_the_same_time_share_their_limits():
    subprocess.run([sys.executable, "-c", AT_ONCE], check=True)
