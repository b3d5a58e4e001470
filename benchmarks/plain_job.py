"""The digits and the options of a job as one would write it with another library. Uses nothing of this project."""

import argparse
import gzip
from pathlib import Path
from typing import Any

import numpy as np


def parse() -> Any:
    parser = argparse.ArgumentParser(description="Train classifiers of two digits.")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--digits", type=int, nargs=2, default=[0, 1])
    parser.add_argument("--limit", type=int, help="first images of each digit")
    parser.add_argument("--validation", type=float, default=0.1)
    parser.add_argument("--hidden", type=int, nargs="*", default=[32])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, nargs="+", default=[1.0], help="several for a sweep")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="several for a sweep")
    return parser.parse_args()


def read(folder: Path, digits: list[int], limit: int | None) -> tuple[Any, Any]:
    """The digits' images, (n, pixels) bytes, and for each whether it is the second digit."""
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28 * 28)
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    chosen = np.sort(np.concatenate([np.flatnonzero(labels == digit)[:limit] for digit in digits]))
    return images[chosen], labels[chosen] == digits[1]


def split(labels: Any, fraction: float) -> tuple[Any, Any]:
    """The positions of the training and the validation images, the same fraction of each class."""
    held_out: list[int] = []
    for target in (False, True):
        positions = np.flatnonzero(labels == target)
        held_out.extend(np.random.permutation(positions)[: round(fraction * len(positions))])
    return np.setdiff1d(np.arange(len(labels)), held_out), np.sort(held_out)
