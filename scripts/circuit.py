"""Show every value and gradient of an expression, such as (x + y) * z.

python scripts/circuit.py "(x + y) * z" x=-2 y=5 z=-4
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("circuit")
