"""Export a run's network as an ONNX model, which other programs can run.

python scripts/export_onnx.py [RUN] [--from-bytes] [--precision float32|float64]
"""

from mlp.__main__ import run

if __name__ == "__main__":
    run("export_onnx")
