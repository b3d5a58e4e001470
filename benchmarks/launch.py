"""Run a command and print, as JSON, its exit code, how long it took and the most memory that it had.

A process of its own between the benchmark and the command, because on Linux a process's peak memory begins with that of
the one that started it; this one imports next to nothing.
"""

import json
import os
import sys
from time import perf_counter


def main() -> None:
    began = perf_counter()
    process = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): kilobytes, on macOS bytes
    print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss * unit]))


if __name__ == "__main__":
    main()
