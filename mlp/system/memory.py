"""How much memory there is: the system gives out more than it has, and ends a process that fills it."""

import os
from contextlib import suppress
from pathlib import Path

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container finds its limit, in bytes: cgroup(7), version 2 and version 1."""


def free() -> int | None:
    """Bytes that this process may still fill, as far as the system tells; None where it tells nothing."""
    found = []
    with suppress(OSError, ValueError, AttributeError):  # what Windows lacks, and macOS in part
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
        found.append(int(text.partition("MemAvailable:")[2].split()[0]) << 10)
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # "max" is none
            found.append(int(Path(limit).read_text(encoding="utf-8")))
    return min(found, default=None)
