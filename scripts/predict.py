"""Predict which digit an image shows: a picture of any size, such as a photo, or an IDX file.

python scripts/predict.py [--run RUN] IMAGE ...
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("predict"))
