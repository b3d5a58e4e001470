"""Select digits of an IDX folder and write them, in their order, as a new gzipped IDX folder.

python scripts/select_digits.py MNIST data 0 1
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("select_digits"))
