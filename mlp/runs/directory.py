"""A run's directory: made, numbered, locked to one process, and written into. docs/formats.md lists the files."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from mlp.config import Config, naming
from mlp.gates import Array
from mlp.runs import checkpoint, history, model, provenance
from mlp.runs.checkpoint import Checkpoint
from mlp.runs.history import History
from mlp.runs.manifest import ENDINGS, FAILED, FINISHED, MANIFEST, RUNNING, write_manifest
from mlp.system.errors import InputError
from mlp.system.files import (
    StrPath,
    check_has_locks,
    check_same,
    exclusive,
    final_name,
    identity,
    make_folder,
    read_small,
    remove,
    remove_leftovers,
    write_text,
)
from mlp.training.progress import Epoch, TrainerState

CONFIG = "config.yaml"
CURVE = "loss_curve.png"
DIVERGENCE = "divergence.json"
LIVE = "live.html"
REPORT = "report.html"
OWN = {CONFIG, MANIFEST, history.NAME, CURVE, model.NAME, DIVERGENCE, LIVE, checkpoint.NEWEST, checkpoint.PREVIOUS}
"""The files that only the run writes, while its directory is locked."""
MAX_RESUMPTIONS = 1000
"""The manifest keeps the last ones: it must stay small enough to be read."""


@dataclass
class Run:
    """A directory that one run writes into. ``manifest`` holds the facts about the run besides its results.

    Each method that writes raises InputError if another directory has taken this one's name.
    """

    directory: Path
    config: Config = field(repr=False)
    manifest: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._identity = identity(self.directory)
        self._history = History(self.directory / history.NAME)

    def file(self, name: str) -> Path:
        """The path to write a file of this name to."""
        check_same(self.directory, self._identity)
        return self.directory / name

    def begin(self, **facts: Any) -> None:
        """Write config.yaml and a manifest with these facts."""
        remove_leftovers(self.directory, OWN)
        self._write_config()
        self.note(status=RUNNING, started=_now(), ended=None, **facts)

    def resume(self, saved: Checkpoint, facts: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Continue from a checkpoint; warn of each difference between then and now that may change the result."""
        changed = list(provenance.differences(saved.facts, facts))
        for difference in changed:
            warn(f"changed since the run began, so its last bits may differ: {difference}")
        remove_leftovers(self.directory, OWN)
        checkpoint.reinstate(saved, self.directory)
        self._write_config()
        remove(self.file(DIVERGENCE))
        with suppress(OSError):  # it would show the earlier end; and it is no file that a run needs
            remove(self.file(LIVE))
        resumed = [*self.manifest.get("resumed", []), {"at": _now(), "changed": changed}][-MAX_RESUMPTIONS:]
        self.note(status=RUNNING, ended=None, resumed=resumed)

    def _write_config(self) -> None:
        write_text(self.file(CONFIG), self.config.to_yaml())

    def note(self, **facts: Any) -> None:
        """Add facts to the manifest and write it."""
        self.manifest |= facts
        write_manifest(self.file(MANIFEST), self.manifest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """If an error ends the run, write into the manifest how it ended."""
        if kind is not None and self.manifest:  # else it did not even begin
            # The first error is reported: it matters more than a disk that fails now, or a directory that is gone.
            with suppress(OSError, InputError):
                self.note(status=ENDINGS.get(kind, FAILED), ended=_now())

    def finish(self, **facts: Any) -> None:
        """Mark the run as finished, once all its files are written; rewrite config.yaml if it was changed."""
        if not _is_written(self.file(CONFIG), self.config.to_yaml().encode()):
            self._write_config()
        self.note(**facts, status=FINISHED, ended=_now())

    def save(self, state: TrainerState) -> None:
        """Write history.csv, and a checkpoint with its last epochs and the SHA-256 of the earlier ones."""
        self.write_history(state.progress.history)
        saved = Checkpoint(self.config, self.manifest, state, self.file(checkpoint.NEWEST))
        checkpoint.save(saved, self._history)

    def write_history(self, epochs: Sequence[Epoch]) -> None:
        """Bring history.csv up to these epochs."""
        self.file(history.NAME)
        self._history.write(epochs)

    def write_model(self, parameters: Mapping[str, Array]) -> None:
        """Write model.npz, and its SHA-256 into the manifest, so that damage is found."""
        self.note(weights_sha256=model.write_model(self.file(model.NAME), parameters, self.config))

    def write_divergence(self, report: Mapping[str, Any]) -> None:
        """Write divergence.json."""
        write_text(self.file(DIVERGENCE), json.dumps(report, indent=2) + "\n")


@contextmanager
def new(config: Config, directory: StrPath | None, warn: Callable[[str], object]) -> Iterator[Run]:
    """A new run in this directory, which must be empty or absent; an absent one is made.

    Without a directory, the next free number in the config's output directory is taken. Raises InputError if the
    directory holds anything, InUse if another process has locked it.
    """
    directory = None if directory is None else Path(directory)
    check_has_locks(directory or config.output.directory)
    if directory is None:
        with naming("output.directory"):
            directory = _next_number(config.output.directory)
    elif directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: not an empty directory: a run never writes over another, name a new one")
    elif not directory.exists():
        with suppress(FileExistsError):  # another run was quicker: the lock decides which one gets it
            make_folder(directory)
    with exclusive(directory, warn):
        if any(directory.iterdir()):
            raise InputError(
                f"{directory}: not an empty directory: a run never writes over another, name a new one, or resume the "
                "run in it"
            )
        with Run(directory, config) as run:
            yield run


def check_fresh(directory: StrPath, config: Config) -> None:
    """Raises InputError if a directory holds more than a run of this config leaves before its first checkpoint."""
    directory = Path(directory)
    others = {path.name for path in directory.iterdir() if final_name(path.name) not in OWN}
    if CONFIG in others and _is_written(directory / CONFIG, config.to_yaml().encode()):
        others -= {CONFIG, MANIFEST, history.NAME}
    if others:
        raise InputError(
            f"{directory}: no checkpoint in it, but {', '.join(sorted(others))}: a run never writes over another, name "
            "a new directory"
        )


def _is_written(path: Path, content: bytes) -> bool:
    """Whether a file holds exactly these bytes."""
    try:
        return read_small(path, len(content), links=False) == content
    except (FileNotFoundError, InputError):
        return False


def _next_number(output: Path) -> Path:
    """Make the directory output/0001, 0002, ...: the highest number plus one, even if other processes make one, too."""
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: not a folder, so runs cannot be numbered in it: name another one")
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
