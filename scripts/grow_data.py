"""Enlarge a data set: copies of real images, each rotated and shifted a little.

python scripts/grow_data.py data outputs/grown --images 1000000
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("grow_data"))
