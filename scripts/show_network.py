"""Show both passes of a trained network, as a table or as a drawing.

python scripts/show_network.py [RUN] [--digit INDEX --draw FILE]
"""

import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("show_network"))
