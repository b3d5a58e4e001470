"""Show the digits in two dimensions.

python scripts/plot_svd.py [--config FILE]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("plot_svd")
