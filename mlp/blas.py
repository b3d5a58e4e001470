"""BLAS threads: how many the matrix products use, and which BLAS it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np  # noqa: F401 - the library must be loaded before its threads can be limited
from threadpoolctl import ThreadpoolController


@contextmanager
def threads(count: int) -> Iterator[list[dict[str, Any]]]:
    """Hold every BLAS that is loaded to so many threads; gives each library's name, version and threads."""
    controller = ThreadpoolController()
    with controller.limit(limits=count, user_api="blas"):
        facts = ("internal_api", "version", "architecture", "num_threads")
        yield [{fact: library.get(fact) for fact in facts} for library in controller.select(user_api="blas").info()]
