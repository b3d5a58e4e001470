"""Grow a set of images to any size: copies of real ones, each rotated and shifted a little, their labels as they were.

python scripts/grow_data.py data outputs/grown --images 1000000
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("grow_data"))
