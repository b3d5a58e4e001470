"""Make a data folder of your own pictures, or of Keras's or Kaggle's files.

python scripts/import_images.py pictures data/shapes
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("import_images")
