"""Show the digits in two dimensions.

python scripts/plot_svd.py [--config FILE]
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("plot_svd"))
