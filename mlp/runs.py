"""Run directories: made, numbered and written to. The README lists the files."""

import csv
import io
import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np

from mlp import __version__
from mlp.config import Config
from mlp.errors import CheckFailed, Diverged, InputError, Terminated
from mlp.files import replacing, sha256, write_text
from mlp.gates import Array
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
        """Write model.npz, and its SHA-256 into the manifest, by which damage to it will be known.

        Its bytes depend on the arguments alone: NumPy dates every entry 1980.
        """
        arrays: dict[str, Any] = parameters | {"config": np.array(config.to_json_without_places())}
        with replacing(self.directory / "model.npz") as file:
            np.savez(file, **arrays)
        self.note(weights_sha256=sha256(self.directory / "model.npz"))


def start(config: Config, directory: Path | None) -> Run:
    """Make the run's directory, which must be absent or empty, with config.yaml and a first manifest in it.

    Without a directory it is the next free number under the config's output directory.
    """
    if directory is None:
        directory = _next_number(config.output.directory)
    else:
        if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
            raise InputError(f"{directory}: not an empty directory: a run never writes over another, name a new one")
        directory.mkdir(parents=True, exist_ok=True)
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
    """The commit of the checkout that this code runs from, with -dirty where the code was changed; else None.

    Git is asked about the code alone: it would read the data files, those for testing too, to see if they changed.
    """
    checkout = Path(__file__).parent.parent
    if not (checkout / ".git").exists():
        return None

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", "-C", checkout, *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607

    try:
        commit, changes = git("rev-parse", "--verify", "HEAD"), git("diff", "--quiet", "HEAD", "--", "mlp", "train.py")
    except OSError:  # no git on this machine
        return None
    return commit.stdout.strip() + ("-dirty" if changes.returncode else "") if commit.returncode == 0 else None
