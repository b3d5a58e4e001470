"""Run directories: made, numbered, had by one process at a time, and written to. The README lists the files."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np

from mlp.config import Config, naming
from mlp.gates import Array
from mlp.runs import checkpoint, history, npz, provenance
from mlp.runs.checkpoint import Checkpoint
from mlp.runs.history import History
from mlp.system.errors import CheckFailed, Diverged, InputError, Interrupted
from mlp.system.files import (
    check_has_locks,
    check_same,
    exclusive,
    final_name,
    identity,
    make_folder,
    read_small,
    remove,
    remove_leftovers,
    replacing,
    write_text,
)
from mlp.training.progress import Epoch, TrainerState

DIVERGENCE = "divergence.json"
MOST_SITTINGS = 1000
"""Times at which a run went on that its manifest tells of, the last ones: it must stay small enough to be read."""
REPORT = "report.html"
RUNNING, FINISHED = "running", "finished"
ENDINGS: dict[type[BaseException], str] = {
    CheckFailed: "check failed",
    Diverged: "diverged",
    Interrupted: "interrupted",
}
OWN = {
    *("config.yaml", "manifest.json", history.NAME, "loss_curve.png", "model.npz", DIVERGENCE),
    *(checkpoint.NEWEST, checkpoint.PREVIOUS),
}
"""The files that nobody but the run writes, which has its directory to itself meanwhile."""


@dataclass
class Run:
    """A directory that one run writes into. ``manifest`` holds what is to be known of the run beside its results.

    Each method that writes raises InputError if another directory has taken this one's name.
    """

    directory: Path
    config: Config
    manifest: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._identity = identity(self.directory)
        self._history = History(self.directory / history.NAME)

    def file(self, name: str) -> Path:
        """Where a file of this name is to be written."""
        check_same(self.directory, self._identity)
        return self.directory / name

    def begin(self, **facts: Any) -> None:
        """Write config.yaml and a manifest with these facts."""
        remove_leftovers(self.directory, OWN)
        write_text(self.file("config.yaml"), self.config.to_yaml())
        self.note(status=RUNNING, started=_now(), ended=None, **facts)

    def go_on(self, saved: Checkpoint, facts: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """As ``begin``, from a checkpoint; a warning where the facts of now may make the result another one."""
        changed = list(provenance.differences(saved.facts, facts))
        for difference in changed:
            warn(f"not as at the run's beginning, so that its last bits may differ: {difference}")
        remove_leftovers(self.directory, OWN)
        checkpoint.reinstate(saved, self.directory)
        write_text(self.file("config.yaml"), self.config.to_yaml())
        remove(self.file(DIVERGENCE))
        resumed = [*self.manifest.get("resumed", []), {"at": _now(), "changed": changed}][-MOST_SITTINGS:]
        self.note(status=RUNNING, ended=None, resumed=resumed)

    def note(self, **facts: Any) -> None:
        """Add facts to the manifest and write it."""
        self.manifest |= facts
        write_text(self.file("manifest.json"), json.dumps(self.manifest, indent=2) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Where the run did not come to ``finish``, write how it ended into the manifest."""
        if kind is not None and self.manifest:  # else it did not even begin
            # What stopped the run is told, and matters more than that the disk failed then, or the directory is gone.
            with suppress(OSError, InputError):
                self.note(status=ENDINGS.get(kind, "failed"), ended=_now())

    def finish(self, **facts: Any) -> None:
        """Write the manifest's last word: all that the run makes is there, config.yaml too, whoever touched it."""
        if not _is_written(self.file("config.yaml"), self.config.to_yaml().encode()):
            write_text(self.file("config.yaml"), self.config.to_yaml())
        self.note(**facts, status=FINISHED, ended=_now())

    def save(self, state: TrainerState) -> None:
        """Write the history, and a checkpoint, which holds the last epochs of it and knows the others again."""
        self.write_history(state.progress.history)
        saved = Checkpoint(self.config, self.manifest, state, self.file(checkpoint.NEWEST))
        checkpoint.save(saved, self._history)

    def write_history(self, epochs: Sequence[Epoch]) -> None:
        """Bring history.csv up to these epochs."""
        self.file(history.NAME)
        self._history.write(epochs)

    def write_model(self, parameters: dict[str, Array]) -> None:
        """Write model.npz, and its SHA-256 into the manifest, by which damage to it will be known."""
        arrays = parameters | {"config": np.array(self.config.to_json_without_paths())}
        with replacing(self.file("model.npz")) as file:
            npz.write(file, arrays)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it has readinto
        self.note(weights_sha256=digest)

    def write_divergence(self, report: Mapping[str, Any]) -> None:
        """Write divergence.json."""
        write_text(self.file(DIVERGENCE), json.dumps(report, indent=2) + "\n")


@contextmanager
def new(config: Config, directory: Path | None, warn: Callable[[str], object]) -> Iterator[Run]:
    """A run in a directory of its own, which must be absent or empty, and is made.

    Without a directory it is the next free number under the config's output directory. Raises InputError if the
    directory holds anything, or another process is at work in it.
    """
    check_has_locks(directory or config.output.directory)
    if directory is None:
        with naming("output.directory"):
            directory = _next_number(config.output.directory)
    elif directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: not an empty directory: a run never writes over another, name a new one")
    elif not directory.exists():
        with suppress(FileExistsError):  # another run was quicker: the lock tells which is to have it
            make_folder(directory)
    with exclusive(directory, warn):
        if any(directory.iterdir()):
            raise InputError(
                f"{directory}: not an empty directory: a run never writes over another, name a new one, or go on with "
                "the run in it by --resume"
            )
        with Run(directory, config) as run:
            yield run


def check_fresh(directory: Path, config: Config) -> None:
    """InputError where a directory holds more than a run of this config leaves that was stopped at its start."""
    others = {path.name for path in directory.iterdir() if final_name(path.name) not in OWN}
    if "config.yaml" in others and _is_written(directory / "config.yaml", config.to_yaml().encode()):
        others -= {"config.yaml", "manifest.json", history.NAME}
    if others:
        raise InputError(
            f"{directory}: no checkpoint in it, but {', '.join(sorted(others))}: a run never writes over another, name "
            "a new directory"
        )


def _is_written(path: Path, content: bytes) -> bool:
    """Whether there is a file of these bytes, and no more."""
    try:
        return read_small(path, len(content), links=False) == content
    except (FileNotFoundError, InputError):
        return False


def _next_number(output: Path) -> Path:
    """A new directory output/0001, 0002, ...: one more than the highest there, whoever else is making one."""
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: not a folder, in which runs could be numbered: name another one")
    if not output.exists():
        with suppress(FileExistsError):
            make_folder(output)
    number = max((int(path.name) for path in output.iterdir() if path.name.isdecimal()), default=0) + 1
    while True:
        directory = output / f"{number:04d}"
        try:
            make_folder(directory)
        except FileExistsError:
            number += 1
        else:
            return directory


def _now() -> str:
    return datetime.now(UTC).isoformat()
