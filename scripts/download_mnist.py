"""Download the whole of MNIST, or of Fashion-MNIST, as an IDX folder.

python scripts/download_mnist.py [--dataset mnist|fashion] [--to DIR]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("download_mnist")
