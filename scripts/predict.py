"""Predict the digits in pictures of any size, such as photos, or in IDX files.

python scripts/predict.py [--run RUN] IMAGE ...
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("predict"))
