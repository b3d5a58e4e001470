"""Measure this project beside PyTorch, JAX and scikit-learn, on the same work.

python -m benchmarks [--only steps lines commands sweeps svd memory size]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("benchmarks.command")
