"""Run any expression forward and backward: every value, and every gradient beside the numeric one.

python scripts/circuit.py "(x + y) * z" x=-2 y=5 z=-4
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("circuit"))
