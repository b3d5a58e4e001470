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
