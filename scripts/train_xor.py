"""Train the notes' 2-8-1 network on XOR, which no straight line separates.

python scripts/train_xor.py [--seed N | --seeds A..B] [--hidden N] ...
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("train_xor")
