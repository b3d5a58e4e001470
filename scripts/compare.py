"""Compare finished runs.

python scripts/compare.py RUN RUN ... [--output FILE.png] [--json]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("compare")
