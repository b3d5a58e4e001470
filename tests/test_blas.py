"""Promises of mlp.blas: products use the threads that were asked for, and the manifest can say so."""

import os

import pytest
from threadpoolctl import threadpool_info

from mlp import blas


def threads_now():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("count", sorted({1, os.cpu_count() or 1}))
def test_threads_are_held_and_given_back(count):
    before = threads_now()
    with blas.threads(count) as libraries:
        assert threads_now() == {count}
        assert {library["num_threads"] for library in libraries} == {count}
        assert all(library["internal_api"] and library["version"] for library in libraries)
    assert threads_now() == before


def test_blocks_that_threads_enter_at_once_are_left_in_any_order():
    """A limit is the whole process's: who leaves early must not lift it for the other, nor leave its own behind."""
    before = threads_now()
    first, second = blas.threads(1), blas.threads(1)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads_now() == {1}
    with blas.threads(2):
        assert threads_now() == {2}
    assert threads_now() == {1}
    second.__exit__(None, None, None)
    assert threads_now() == before


def test_the_last_to_leave_restores_what_was_before_the_first():
    """By limits of its own: those of the tests are held from their beginning to their end."""
    limits, before = blas._Limits(), threads_now()
    first, second = limits.enter(2), limits.enter(3)
    limits.leave(first)
    assert threads_now() == {3}
    limits.leave(second)
    assert threads_now() == before
