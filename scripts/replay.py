"""Repeat a finished run, and say whether the result has the same bytes.

python scripts/replay.py [RUN]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("replay")
