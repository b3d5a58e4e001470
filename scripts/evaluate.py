"""Evaluate a run on images that it never saw.

python scripts/evaluate.py [RUN]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("evaluate")
