"""Show both passes of a trained network, as a table or as a drawing.

python scripts/show_network.py [RUN] [--digit INDEX --draw FILE]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("show_network")
