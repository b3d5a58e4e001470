"""Train the network that a config file describes.

python train.py --config config.yaml
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("train"))
