"""How a script's file becomes a command that hears signals before its imports, which take a while.

Imports little, as nothing is heard before it is imported.
"""

import os
import sys

from mlp import interrupts


def run(file: str) -> int:
    """Run the script that calls this, given its file: its imports, then its ``main``. Its exit code.

    A script that nobody called is the process's program, and the process ends with it; else, as in a notebook or under
    runpy, the process goes on, and is left as it was.
    """
    if sys._getframe(1).f_back is None and not sys.flags.inspect:
        interrupts.start()
        # Each command says by blas.threads how many it wants. For those that OpenBLAS starts by itself, one for each
        # core, the system may have no thread left, and OpenBLAS then sends this process a SIGINT.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from mlp import command_line  # not before it listens

    return command_line.run_file(file)
