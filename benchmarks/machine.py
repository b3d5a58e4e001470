"""The machine that measures: limits it to one core, and describes it."""

import os
import platform
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import repeat
from operator import call
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from mlp.runs import provenance

OTHERS = ("torch", "jax", "scikit-learn")
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""Read by libraries and commands that start later."""
CALLS, CALL_LOOPS = 2_000, 101
"""Calls in a loop, and loops, to measure a call of NumPy: a tenth of a second."""


ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
"""The cores that this process may use."""


@contextmanager
def cores(count: int) -> Iterator[bool]:
    """Limit this process, and those it starts, to this number of cores; gives False if the system cannot.

    This is the fairest way to have one thread: libraries that start a thread per core find one core. If the system
    cannot, only ONE_THREAD limits the libraries. With several cores each library starts the threads that it likes.
    """
    environment = dict(os.environ)
    for name in ONE_THREAD:
        os.environ.pop(name, None)
    os.environ.update({"JAX_PLATFORMS": "cpu"} | (ONE_THREAD if count == 1 else {}))
    before = os.sched_getaffinity(0) if ALLOWED else set()
    try:
        if ALLOWED:
            os.sched_setaffinity(0, ALLOWED[-count:])  # the first one has the system's own work
        yield bool(ALLOWED)
    finally:
        if ALLOWED:
            os.sched_setaffinity(0, before)
        os.environ.clear()
        os.environ.update(environment)


@dataclass(frozen=True)
class Machine:
    """What times depend on; nothing that identifies the machine's owner."""

    name: str
    """Processor, BLAS kernel and NumPy, in a few words."""
    facts: Mapping[str, str]
    """The lines of ``text``, by what each describes."""

    @property
    def text(self) -> str:
        """A line for each fact."""
        width = max(map(len, self.facts))
        return "\n".join(f"{what + ':':{width + 1}} {fact}" for what, fact in self.facts.items())


def describe(blas: Sequence[Mapping[str, Any]], held: bool) -> Machine:
    """This machine; measures a call of NumPy, so on the core and with the threads that all else will have."""
    facts = provenance.environment([dict(library) for library in blas])
    versions = {"Python": facts["versions"]["python"], "NumPy": facts["versions"]["numpy"]}
    for package in OTHERS:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    kernels = [" ".join(str(library[key]) for key in ("internal_api", "version", "architecture")) for library in blas]
    kernel = ", ".join(kernels) or "unknown"
    system = f"{platform.system()}, {facts['machine']}"
    return Machine(
        f"{processor()}, {kernel}, NumPy {versions['NumPy']}",
        {
            "processor": f"{processor()}, {os.cpu_count()} cores, {system}",
            "caches": caches(),
            "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
            "BLAS": kernel,
            "threads": f"one{', on one core; a sweep has two' if held else ', if each library does as it is asked'}",
            "NumPy call": f"{1e6 * numpy_call():.2f} us: np.add of two arrays of one element into a third",
        },
    )


def numpy_call() -> float:
    """Seconds that a call of NumPy takes before it computes anything: the median over many loops, as in a step."""
    a, b, c = (np.ones(1, np.float32) for _ in range(3))
    bound, seconds = partial(np.add, a, b, c), []
    for _ in range(CALL_LOOPS):
        began = perf_counter()
        deque(map(call, repeat(bound, CALLS)), maxlen=0)
        seconds.append(perf_counter() - began)
    return median(seconds) / CALLS


def caches() -> str:
    """The caches of a core, if the system gives them: level, type and size."""
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found) or "unknown"


def processor() -> str:
    """The processor's model name, if the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
