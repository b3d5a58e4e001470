"""Copy chosen digits of an IDX folder, in their original order, to a new one.

python scripts/select_digits.py MNIST data 0 1
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("select_digits"))
