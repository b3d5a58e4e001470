"""Train the network that a config file describes.

python train.py --config config.yaml
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("train")
