"""How much memory is free: the system promises more than it has, and kills a process that uses it up."""

import os
from contextlib import suppress
from pathlib import Path

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files with a container's limit in bytes: cgroup(7), version 2 and version 1."""


def free() -> int | None:
    """Bytes that this process may still use, or None if the system does not say."""
    found = []
    with suppress(OSError, ValueError, AttributeError):  # Windows lacks these, macOS some of them
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
        found.append(int(text.partition("MemAvailable:")[2].split()[0]) << 10)
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # "max" is no limit
            found.append(int(Path(limit).read_text(encoding="utf-8")))
    return min(found, default=None)
