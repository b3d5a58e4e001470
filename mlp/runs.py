"""Run directories: made, numbered, written to and found again. The files are listed in the README."""

import csv
import io
import json
import math
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np

from mlp import __version__
from mlp import config as configuration
from mlp.config import Config
from mlp.errors import CheckFailed, Diverged, InputError, Terminated
from mlp.files import replacing, write_text
from mlp.gates import Array
from mlp.network import MLP
from mlp.training import Epoch

FINISHED = "finished"
ENDINGS: dict[type[BaseException], str] = {
    CheckFailed: "check failed",
    Diverged: "diverged",
    KeyboardInterrupt: "interrupted",
    Terminated: "interrupted",
}


@dataclass
class Run:
    """A directory that one run writes into. ``manifest`` holds what is to be known of the run beside its results."""

    directory: Path
    manifest: dict[str, Any] = field(default_factory=dict)

    def note(self, **facts: Any) -> None:
        """Add facts to the manifest and write it."""
        self.manifest |= facts
        write_text(self.directory / "manifest.json", json.dumps(self.manifest, indent=2) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the manifest's last word: how the run ended, and when."""
        self.note(status=FINISHED if kind is None else ENDINGS.get(kind, "failed"), ended=_now())

    def write_history(self, epochs: Sequence[Epoch]) -> None:
        """Write history.csv whole, a row an epoch; numbers so that they read back exactly."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(column.name for column in fields(Epoch))
        for epoch in epochs:
            writer.writerow("" if value is None else value for value in asdict(epoch).values())
        write_text(self.directory / "history.csv", text.getvalue())

    def write_model(self, parameters: dict[str, Array], config: Config) -> None:
        """Write model.npz. Its bytes depend on the arguments alone: NumPy dates every entry 1980."""
        arrays: dict[str, Any] = parameters | {"config": np.array(config.to_json_without_places())}
        with replacing(self.directory / "model.npz") as file:
            np.savez(file, **arrays)


def start(config: Config, directory: Path | None) -> Run:
    """Make the run's directory, which must be absent or empty, with config.yaml and a first manifest in it.

    Without a directory it is the next free number under the config's output directory.
    """
    if directory is None:
        directory = _next_number(config.output.directory)
    else:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise InputError(f"{directory}: not empty: a run never writes over another, name a new directory")
    write_text(directory / "config.yaml", config.to_yaml())
    run = Run(directory)
    run.note(
        status="running",
        started=_now(),
        ended=None,
        versions={"mlp": __version__, "python": platform.python_version()}
        | {name: version(name) for name in ("numpy", "matplotlib", "pydantic", "PyYAML", "threadpoolctl", "tqdm")},
        platform=platform.platform(),
        git_commit=_git_commit(),
    )
    return run


def newest_finished(output: Path) -> Path:
    """The directory of the run under ``output`` that finished last."""
    ended = [
        (manifest["ended"], path.parent)
        for path in output.glob("*/manifest.json")
        if (manifest := read_manifest(path.parent))["status"] == FINISHED
    ]
    if not ended:
        raise InputError(f"{output}: no finished run in it: train one, or name a run")
    return max(ended)[1]


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a run; InputError where there is none."""
    path = directory / "manifest.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: {directory} is not the directory of a run") from None
    except ValueError as error:
        raise InputError(f"{path}: damaged: {error}") from None
    if not isinstance(manifest, dict) or not {"status", "ended"} <= manifest.keys():
        raise InputError(f"{path}: not the manifest of a run")
    return manifest


@dataclass(frozen=True)
class FinishedRun:
    """What a finished run left: its config, its manifest and its best network."""

    directory: Path
    config: Config
    manifest: dict[str, Any]
    network: MLP


def open_finished(directory: Path) -> FinishedRun:
    """A finished run read back; InputError where it is none, or a file of it is missing or damaged."""
    manifest = read_manifest(directory)
    if manifest["status"] != FINISHED:
        raise InputError(f"{directory}: the run has not finished, its status is {manifest['status']}")
    config = configuration.load(directory / "config.yaml")
    network = MLP(
        [math.prod(manifest["image_shape"]), *config.model.hidden_sizes, 1], precision=config.training.precision
    )
    arrays = _read_arrays(directory / "model.npz")
    saved_config = arrays.pop("config", None)
    if saved_config is None or saved_config.item() != config.to_json_without_places():
        raise InputError(f"{directory / 'model.npz'}: not the model of the config beside it")
    if {name: array.shape for name, array in arrays.items()} != network.shapes:
        raise InputError(f"{directory / 'model.npz'}: not the weights of the network that the config describes")
    for name, array in arrays.items():
        network.parameters[name][...] = array
    return FinishedRun(directory, config, manifest, network)


def _read_arrays(path: Path) -> dict[str, Array]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (BadZipFile, ValueError, KeyError, EOFError) as error:
        raise InputError(f"{path}: damaged: {error}") from None


def _next_number(output: Path) -> Path:
    """A new directory output/0001, 0002, ...: one more than the highest there, whoever else is making one."""
    output.mkdir(parents=True, exist_ok=True)
    number = max((int(path.name) for path in output.iterdir() if path.name.isdecimal()), default=0) + 1
    while True:
        directory = output / f"{number:04d}"
        try:
            directory.mkdir()
        except FileExistsError:
            number += 1
        else:
            return directory


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _git_commit() -> str | None:
    """The commit of the checkout that this code runs from, with -dirty where it was changed; else None."""
    checkout = Path(__file__).parent.parent
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - a fixed command
    except (OSError, subprocess.CalledProcessError):
        return None
