"""Write a page in which a network trains step by step: a new one, or a run's.

python scripts/playground.py [RUN] [--xor] [--output FILE.html]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("playground")
