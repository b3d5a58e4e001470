"""Run a command, and print its exit code, seconds and peak memory in bytes as JSON.

This process stands between the benchmark and the command, and imports little: on Linux a process's peak memory starts
at that of the process that started it.
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
