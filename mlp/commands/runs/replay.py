"""Run a finished run again, and say whether the same bytes come out.

    python scripts/replay.py [RUN]

Where they do not, names the first cause: data, config, code, NumPy, machine, BLAS kernel or threads.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mlp.commands.arguments import Parser, run_directory
from mlp.runs import finished as finished_runs
from mlp.runs import provenance
from mlp.runs.manifest import FinishedManifest
from mlp.system import command_line
from mlp.system.command_line import display_path
from mlp.system.errors import CheckFailed
from mlp.system.files import check_has_locks
from mlp.training import from_config


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Run a finished run again and compare the weights, bit for bit.")
    parser.add_run()
    options = parser.parse_args(arguments)
    directory = run_directory(options)
    check_has_locks(directory)
    recorded = finished_runs.read_finished_manifest(directory)
    check_config(directory, recorded)
    check_data(directory, recorded)
    with tempfile.TemporaryDirectory() as folder:
        again = train_again(directory, Path(folder) / "run")
    if again.weights_sha256 == recorded.weights_sha256:
        print(
            f"identical: {display_path(directory)} run again gives the same model.npz, SHA-256 {again.weights_sha256}"
        )
        return
    causes = list(provenance.differences(recorded.model_dump(), again.model_dump()))
    causes += [f"it went on under other conditions: {text}" for sitting in recorded.resumed for text in sitting.changed]
    cause, *others = causes or ["nothing known has changed"]
    raise CheckFailed(
        f"{display_path(directory)}: not identical: {cause}", *(f"different, too: {other}" for other in others)
    )


def check_config(directory: Path, recorded: FinishedManifest) -> None:
    """CheckFailed where config.yaml is no longer the config that the model was made with."""
    _, made_with = finished_runs.read_model(directory, recorded)
    differences = finished_runs.read_config(directory).differences(made_with)
    if differences:
        raise CheckFailed(f"{display_path(directory)}: not identical: the config: {'; '.join(differences)}")


def check_data(directory: Path, recorded: FinishedManifest) -> None:
    """CheckFailed where the training files are no longer those that the run was trained on."""
    images = from_config.training_images(finished_runs.read_config(directory))
    found = images.source.sha256(recorded.training_files.values())
    if names := from_config.changed_files(found, recorded.training_files):
        raise CheckFailed(f"{display_path(directory)}: not identical: the data: other bytes in {' and '.join(names)}")


def train_again(directory: Path, target: Path) -> FinishedManifest:
    """The manifest of a new run of the same config."""
    config_file = command_line.argument(directory / "config.yaml")
    command = [sys.executable, "-P", "-m", "mlp", "train", "--config", config_file, "--output", str(target)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    if done.returncode:
        raise CheckFailed(f"{display_path(directory)}: running it again ended with exit code {done.returncode}")
    return finished_runs.read_finished_manifest(target)
