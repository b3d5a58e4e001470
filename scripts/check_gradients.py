"""Check every element of every hand-written gradient, and show what it costs.

python scripts/check_gradients.py [--config FILE] [--draw FILE]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("check_gradients")
