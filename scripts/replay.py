"""Run a finished run again, and say whether the same bytes come out.

    python scripts/replay.py [RUN]

Where they do not, names the first cause: data, config, code, NumPy, machine, BLAS kernel or threads.
"""

import sys

from mlp import launch

if __name__ == "__main__":
    sys.exit(launch.run(__file__))  # it hears signals while this file imports what is below, then calls main

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mlp import command_line, config, finished_runs, provenance, recipe
from mlp.command_line import CONFIG, shown, warn
from mlp.errors import CheckFailed
from mlp.files import check_has_locks
from mlp.manifest import FinishedManifest

TRAIN = Path(__file__).parent.parent / "train.py"


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Run a finished run again and compare the weights, bit for bit.")
    parser.add_argument(
        "run", type=command_line.path, nargs="?", metavar="RUN", help="a run's directory (default: the newest)"
    )
    options = parser.parse_args(arguments)
    directory = options.run or finished_runs.newest(config.load(CONFIG).output.directory, warn)
    check_has_locks(directory)
    recorded = finished_runs.read_finished_manifest(directory)
    check_config(directory, recorded)
    check_data(directory, recorded)
    with tempfile.TemporaryDirectory() as folder:
        again = train_again(directory, Path(folder) / "run")
    if again.weights_sha256 == recorded.weights_sha256:
        print(f"identical: {shown(directory)} run again gives the same model.npz, SHA-256 {again.weights_sha256}")
        return
    causes = list(provenance.differences(recorded.model_dump(), again.model_dump()))
    causes += [f"it went on under other conditions: {text}" for sitting in recorded.resumed for text in sitting.changed]
    cause, *others = causes or ["nothing known has changed"]
    raise CheckFailed(f"{shown(directory)}: not identical: {cause}", *(f"different, too: {other}" for other in others))


def check_config(directory: Path, recorded: FinishedManifest) -> None:
    """CheckFailed where config.yaml is no longer the config that the model was made with."""
    _, made_with = finished_runs.read_model(directory, recorded)
    differences = finished_runs.read_config(directory).differences(made_with)
    if differences:
        raise CheckFailed(f"{shown(directory)}: not identical: the config: {'; '.join(differences)}")


def check_data(directory: Path, recorded: FinishedManifest) -> None:
    """CheckFailed where the training files are no longer those that the run was trained on."""
    images = recipe.training_images(finished_runs.read_config(directory))
    found = images.source.sha256(recorded.training_files.values())
    if names := recipe.changed_files(found, recorded.training_files):
        raise CheckFailed(f"{shown(directory)}: not identical: the data: other bytes in {' and '.join(names)}")


def train_again(directory: Path, target: Path) -> FinishedManifest:
    """The manifest of a new run of the same config."""
    config_file = command_line.argument(directory / "config.yaml")
    command = [sys.executable, str(TRAIN), "--config", config_file, "--output", str(target)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    if done.returncode:
        raise CheckFailed(f"{shown(directory)}: running it again ended with exit code {done.returncode}")
    return finished_runs.read_finished_manifest(target)
