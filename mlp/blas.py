"""BLAS threads: how many the matrix products use, and which BLAS it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np  # noqa: F401 - the library must be loaded before its threads can be limited
from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    """Made once, as it takes longer than some steps of training: the BLAS of NumPy is loaded by now."""
    return ThreadpoolController()


@contextmanager
def threads(count: int) -> Iterator[list[dict[str, Any]]]:
    """Hold every BLAS to so many threads that was loaded at the first call, NumPy's at least.

    Gives each library's name, version and threads.
    """
    controller = _controller()
    with controller.limit(limits=count, user_api="blas"):
        facts = ("internal_api", "version", "architecture", "num_threads")
        yield [{fact: library.get(fact) for fact in facts} for library in controller.select(user_api="blas").info()]
