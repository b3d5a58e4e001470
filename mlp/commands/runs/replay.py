"""Repeat a finished run, and say whether the result has the same bytes.

    mlp replay [RUN]

If not, it names what has changed: data, config, code, NumPy, machine, BLAS kernel or threads.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mlp import config as configuration
from mlp.commands.arguments import Parser, run_directory
from mlp.runs import directory as directories
from mlp.runs import provenance
from mlp.runs.directory import CONFIG
from mlp.runs.finished import read_config
from mlp.runs.history import read_history
from mlp.runs.manifest import FinishedManifest, read_finished_manifest
from mlp.runs.model import read_model
from mlp.system.command_line import display_path, warn
from mlp.system.errors import CheckFailed
from mlp.system.files import check_has_locks
from mlp.training import from_config

PROGRAM = """
import sys
sys.path[:] = {path}
from mlp.commands.runs import replay
from mlp.system import command_line
sys.exit(command_line.run(lambda _: replay.train({config!r}, {output!r}, {epochs})))
"""
"""What runs in the other process; braces are filled in."""
NO_PAGES = {"output.report": False, "output.live": False}


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Repeat a finished run and compare the weights bit for bit.")
    parser.add_run()
    options = parser.parse_args(arguments)
    directory = run_directory(options)
    check_has_locks(directory)
    recorded = read_finished_manifest(directory)
    check_config(directory, recorded)
    check_data(directory, recorded)
    with tempfile.TemporaryDirectory() as folder:
        again = train_again(directory, Path(folder) / "run")
    causes = list(provenance.differences(recorded.model_dump(), again.model_dump()))
    if again.weights_sha256 == recorded.weights_sha256:
        print(f"identical: {display_path(directory)} repeated gives the same model.npz, SHA-256 {again.weights_sha256}")
        for cause in causes:
            print(f"although different: {cause}")
        return
    causes += [f"resumed after a change: {text}" for resumption in recorded.resumed for text in resumption.changed]
    cause, *others = causes or ["nothing known has changed"]
    raise CheckFailed(
        f"{display_path(directory)}: not identical: {cause}", *(f"also different: {other}" for other in others)
    )


def check_config(directory: Path, recorded: FinishedManifest) -> None:
    """Raises CheckFailed if config.yaml is no longer the config that the model was trained with."""
    _, trained_with = read_model(directory, recorded)
    differences = read_config(directory).differences(trained_with)
    if differences:
        raise CheckFailed(f"{display_path(directory)}: not identical: the config: {'; '.join(differences)}")


def check_data(directory: Path, recorded: FinishedManifest) -> None:
    """Raises CheckFailed if the training files are no longer those that the run was trained on."""
    images = from_config.training_images(read_config(directory))
    found = images.source.sha256(recorded.training_files.values())
    if names := from_config.changed_files(found, recorded.training_files):
        raise CheckFailed(f"{display_path(directory)}: not identical: the data: other bytes in {' and '.join(names)}")


def train_again(directory: Path, target: Path) -> FinishedManifest:
    """The manifest of a new run with the same config and as many epochs."""
    # With this process's path: a notebook may have added the checkout to it, and another version may be installed.
    program = PROGRAM.format(
        path=sys.path, config=str(directory / CONFIG), output=str(target), epochs=len(read_history(directory))
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    if done.returncode:
        raise CheckFailed(f"{display_path(directory)}: repeating it ended with exit code {done.returncode}")
    return read_finished_manifest(target)


def train(config_file: str, output: str, epochs: int) -> None:
    """Train a run that ends after this many epochs at the latest, without pictures and pages, which nobody looks at."""
    from mlp import run as one_run  # only the other process trains
    from mlp.system import progress

    settings, target = configuration.load(config_file).with_values(NO_PAGES), Path(output)
    caller = one_run.Caller(warn, progress.shown, on_epoch=lambda row: row.epoch == epochs, draw=lambda *_: None)
    one_run.train(from_config.resolved(settings), directories.new(settings, target, warn), caller)
