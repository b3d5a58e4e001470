"""The machine that measures: limits it to one core, and describes it."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlp.runs import provenance

OTHERS = ("torch", "jax", "scikit-learn")
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""Read by libraries and commands that start later."""


ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
"""The cores that this process may use."""


@contextmanager
def cores(count: int) -> Iterator[bool]:
    """Limit this process, and those it starts, to so many cores; gives False if the system cannot.

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


def describe(blas: Sequence[Mapping[str, Any]], held: bool) -> str:
    """Processor, versions and BLAS, which times depend on; nothing that identifies the machine's owner."""
    facts = provenance.environment([dict(library) for library in blas])
    versions = {"Python": facts["versions"]["python"], "NumPy": facts["versions"]["numpy"]}
    for package in OTHERS:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    kernels = [" ".join(str(library[key]) for key in ("internal_api", "version", "architecture")) for library in blas]
    system = f"{platform.system()}, {facts['machine']}"
    return "\n".join(
        [
            f"processor: {processor()}, {os.cpu_count()} cores, {system}",
            f"versions:  {', '.join(f'{name} {number}' for name, number in versions.items())}",
            f"BLAS:      {', '.join(kernels) or 'unknown'}",
            f"threads:   one{', on one core; a sweep has two' if held else ', if each library does as it is asked'}",
        ]
    )


def processor() -> str:
    """The processor's model name, if the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
