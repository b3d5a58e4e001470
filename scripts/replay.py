"""Run a finished run again, and say whether the same bytes come out.

python scripts/replay.py [RUN]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("replay")
