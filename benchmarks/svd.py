"""The digits in two dimensions: by this project, by scikit-learn's randomized SVD and by NumPy's full SVD.

Each is timed from the images as bytes to two coordinates per image, so the conversion to floats counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import processes
from benchmarks.results import times
from mlp.data.dataset import Dataset
from mlp.data.svd import project
from mlp.system import text_table

FULL_REPEATS = 2
"""At most, for the full decomposition: it takes many seconds. The errors of the others are measured against it."""

SingularValues = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Method:
    """A way to compute the coordinates. ``start`` prepares it and returns the function to time."""

    name: str
    module: str
    start: Callable[[Dataset], Callable[[], SingularValues]]


@dataclass(frozen=True)
class Row:
    """A row of svd.csv. error is the larger relative error of the two singular values, against the full SVD."""

    method: str
    images: int
    repeats: int
    seconds: float
    times_this_project: float
    error: float
    peak_megabytes: float


def this_project(images: Dataset) -> Callable[[], SingularValues]:
    """The projection that ``plot_svd.py`` uses."""

    def run() -> SingularValues:
        projection = project(images)
        projection.coordinates(images)
        return projection.singular_values[:2]

    return run


def truncated(precision: str, images: Dataset) -> Callable[[], SingularValues]:
    """scikit-learn's default algorithm, a randomized one."""
    from sklearn.decomposition import TruncatedSVD

    pixels = images.pixels()

    def run() -> SingularValues:
        decomposition = TruncatedSVD(2, random_state=0)
        decomposition.fit_transform(pixels.astype(precision))
        return np.asarray(decomposition.singular_values_)

    return run


def full(images: Dataset) -> Callable[[], SingularValues]:
    """All of U, S and V."""
    pixels = images.pixels()

    def run() -> SingularValues:
        U, S, _ = np.linalg.svd(pixels.astype(np.float64), full_matrices=False)
        U[:, :2] *= S[:2]
        return S[:2]

    return run


PROJECT = "this project"
FULL = "NumPy, full SVD"
METHODS = (
    Method(PROJECT, "mlp", this_project),
    Method("scikit-learn, randomized, float32", "sklearn", partial(truncated, "float32")),
    Method("scikit-learn, randomized, float64", "sklearn", partial(truncated, "float64")),
    Method(FULL, "numpy", full),
)


def measure(images: Dataset, file: Path, repeats: int) -> list[Row]:
    """A row for each method that is installed; ``file`` is the config of the images."""
    methods = [method for method in METHODS if find_spec(method.module) is not None]
    seconds: dict[str, list[float]] = {method.name: [] for method in methods}
    values: dict[str, SingularValues] = {}
    ready = {method.name: method.start(images) for method in methods}
    for turn in range(repeats + 1):  # the first counts only for the full decomposition
        for method in methods:
            if method.name == FULL and turn >= min(repeats, FULL_REPEATS):
                continue
            began = perf_counter()
            values[method.name] = ready[method.name]()
            if turn or method.name == FULL:
                seconds[method.name].append(perf_counter() - began)
    return [
        Row(
            method=method.name,
            images=len(images),
            repeats=len(seconds[method.name]),
            seconds=median(seconds[method.name]),
            times_this_project=median(seconds[method.name]) / median(seconds[PROJECT]),
            error=float(np.abs(values[method.name] / values[FULL] - 1).max()),
            peak_megabytes=processes.run_python("-m", "benchmarks.alone", "svd", method.name, file).peak_megabytes,
        )
        for method in methods
    ]


def table(found: Sequence[Row]) -> str:
    """A Markdown table."""
    return text_table.markdown(
        ["two coordinates for each image", "seconds", "times this project", "error", "peak memory, MB"],
        [
            [
                row.method,
                f"{row.seconds:.3f}",
                times(row.times_this_project),
                f"{row.error:.1e}",
                f"{row.peak_megabytes:,.0f}",
            ]
            for row in found
        ],
    )
