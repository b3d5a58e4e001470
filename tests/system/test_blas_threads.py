"""Promises of mlp.blas: products use the threads that were asked for, and the manifest can say so."""

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
def test_threads_are_held_and_given_back(count):
    before = threads_now()
    with blas_threads.threads(count) as libraries:
        assert threads_now() == {count}
        assert {library["num_threads"] for library in libraries} == {count}
        assert all(library["internal_api"] and library["version"] for library in libraries)
    assert threads_now() == before


def held(count):
    with blas_threads.threads(count):
        return threads_now()


def test_blocks_of_several_threads_are_left_in_any_order():
    """A limit is the whole process's: who leaves early must not lift it for another, nor leave its own behind."""
    before = threads_now()
    blocks = [blas_threads.threads(count) for count in (1, 3, 2)]
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second, ThreadPoolExecutor(1) as third:
        threads = (first, second, third)
        for thread, block, count in zip(threads, blocks, (1, 3, 2), strict=True):
            thread.submit(block.__enter__).result()
            assert threads_now() == {count}
        third.submit(blocks[2].__exit__, None, None, None).result()
        assert threads_now() == {3}  # of those that are left the latest decides
        first.submit(blocks[0].__exit__, None, None, None).result()
        assert threads_now() == {3}
        second.submit(blocks[1].__exit__, None, None, None).result()
        assert threads_now() == before


def test_a_thread_that_held_a_limit_and_lives_on_keeps_no_other_from_it():
    before = threads_now()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for thread in (one, other, one):
            assert thread.submit(held, 3).result() == {3}
        assert threads_now() == before
        with threadpool_limits(3):
            assert threads_now() == {3}
        limit = one.submit(threadpool_limits, 3).result()  # without an end
        assert held(2) == {2}
        one.submit(limit.restore_original_limits).result()
        assert threads_now() == before


def test_the_last_to_leave_restores_what_was_before_the_first_each_time():
    """By limits of its own: those of the tests are held from their beginning to their end."""
    limits, before = blas_threads._Limits(), threads_now()
    for _ in range(2):
        first, second = limits.enter(2), limits.enter(3)
        limits.leave(first)
        assert threads_now() == {3}
        limits.leave(second)
        assert threads_now() == before
        with blas_threads.threads(4):
            mine = limits.enter(2)
            limits.leave(mine)
            assert threads_now() == {4}
    assert {library["user_api"] for library in limits.blas.info()} == {"blas"}


def test_a_block_that_fails_is_left():
    before = threads_now()
    with pytest.raises(KeyError), blas_threads.threads(3):
        raise KeyError
    assert threads_now() == before


AT_ONCE = """
import threading
from mlp.system import blas_threads as blas
barrier, found = threading.Barrier(4), []
def enter():
    barrier.wait()
    with blas.threads(1):
        found.append(id(blas._limits()))
threads = [threading.Thread(target=enter) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(set(found)) == 1, found
"""


def test_threads_that_come_first_at_once_share_their_limits():
    subprocess.run([sys.executable, "-c", AT_ONCE], check=True)
