"""scikit-learn's MLPClassifier on the runs of a sweep over all pairs of digits: its test errors beside the sweep's.

    python -m benchmarks.pairs SWEEP        (with the extras sweep and sklearn)

Sizes, activation, learning rate, momentum, batches, epochs and seeds are the sweep's. Its config must have the
cross-entropy, which is scikit-learn's only loss here, plain SGD at a constant rate, no validation images, no weight
decay and no class weights. Writes SWEEP/sklearn.csv.
"""

import csv
import io
import sys
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import joblib
import numpy as np

from benchmarks.contenders import SCIKIT_LEARN_ACTIVATIONS
from mlp.config import Config
from mlp.data import dataset
from mlp.sweeps import grid as grids
from mlp.sweeps.folder import MAX_SWEEP_BYTES, SWEEP, SweepRequest
from mlp.sweeps.grid import SEED, Grid
from mlp.system import blas_threads, command_line
from mlp.system.errors import InputError
from mlp.system.files import read_small, write_text

REQUIRED = {
    "model.loss": "cross_entropy",
    "data.validation_fraction": 0.0,
    "training.weight_decay": 0.0,
    "training.optimizer": "sgd",
    "training.schedule": "constant",
    "training.class_weight": None,
}


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(
        prog="python -m benchmarks.pairs", description="Train scikit-learn on a sweep over all pairs of digits."
    )
    parser.add_argument("sweep", type=command_line.path, metavar="SWEEP", help="a finished sweep's folder")
    folder = parser.parse_args(arguments).sweep
    grid = read_grid(folder)
    ours = read_test_errors(folder)
    jobs = (joblib.delayed(theirs)(config) for config in grid.configs().values())
    found = dict(zip(grid.configs(), joblib.Parallel(n_jobs=-1, inner_max_num_threads=1)(jobs), strict=True))
    write_csv(folder / "sklearn.csv", found)
    seeds = defaultdict(list)
    for point in grid.points():
        name = grids.name(point)
        seeds[f"seed {point.get(SEED, grid.base.training.seed)}"].append((ours[name], found[name]))
    seeds["all"] = [pair for pairs in seeds.values() for pair in pairs]
    for what, pairs in seeds.items():
        mine, others = map(fmean, zip(*pairs, strict=True))
        print(f"{what}: mean test error {mine:.4%}, scikit-learn {others:.4%}: {100 * (mine - others):+.4f} points")


def read_grid(folder: Path) -> Grid:
    """The sweep's grid. Raises InputError if scikit-learn cannot train the same."""
    request = SweepRequest.model_validate_json(read_small(folder / SWEEP, MAX_SWEEP_BYTES))
    varied = {key: [tuple(v) if isinstance(v, list) else v for v in values] for key, values in request.vary.items()}
    grid = Grid(request.config, varied)
    for config in grid.configs().values():
        for key, value in REQUIRED.items():
            if config.value(key) != value:
                raise InputError(f"{folder}: {key} must be {value} in all runs, not {config.value(key)}")
    return grid


def read_test_errors(folder: Path) -> dict[str, float]:
    """The fraction of test errors of each run of the sweep."""
    rows = csv.DictReader(io.StringIO((folder / "sweep.csv").read_text(encoding="utf-8")))
    return {row["run"]: int(row["test_errors"]) / int(row["test_images"]) for row in rows}


def theirs(config: Config) -> float:
    """scikit-learn's fraction of test errors, trained as the config says."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    training, test = (dataset.load(config.data.directory, part, config.data.labels) for part in ("training", "test"))
    classifier = MLPClassifier(
        config.model.hidden_sizes,
        activation=SCIKIT_LEARN_ACTIVATIONS[config.model.activation],
        solver="sgd",
        alpha=0,
        batch_size=config.training.batch_size,
        learning_rate_init=config.training.learning_rate,
        momentum=config.training.momentum,
        nesterovs_momentum=False,
        max_iter=config.training.epochs,
        n_iter_no_change=config.training.epochs + 1,
        random_state=config.training.seed,
    )
    X, _ = training.arrays(np.dtype(config.training.precision))
    with blas_threads.threads(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is as intended
        classifier.fit(X, training.targets)
        X, _ = test.arrays(X.dtype)
        return float(np.mean(classifier.predict(X) != test.targets))


def write_csv(path: Path, found: dict[str, float]) -> None:
    """A row for each run."""
    rows = [f'"{name}",{share!r}\n' for name, share in found.items()]
    write_text(path, "".join(["run,test_error\n", *rows]))


if __name__ == "__main__":
    sys.exit(command_line.run(main))
