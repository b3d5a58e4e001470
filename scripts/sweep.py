"""Train a config many times, with some of its options varied.

python scripts/sweep.py --config config.yaml --vary training.learning_rate=0.3,1,3 --vary training.seed=0..9
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("sweep")
