"""Several finished runs beside each other: what differs in them, and what came of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from mlp import config as configuration
from mlp.config import Config
from mlp.runs import finished as finished_runs
from mlp.runs import history
from mlp.runs.finished import FinishedRun
from mlp.runs.manifest import Count
from mlp.system.errors import InputError
from mlp.system.files import read_small
from mlp.training.progress import Epoch, kept_epoch

MOST_RUNS = 20
"""So many curves can be told apart in one picture: four line styles times five marks."""
LARGEST_EVALUATION = 1 << 26
"""Bytes; one has two hundred for each mistake."""


class TestResult(BaseModel):
    """What is read back of evaluation-test.json."""

    weights_sha256: str | None = None
    files: dict[str, str]
    n: Annotated[Count, Field(ge=1)]
    errors: Count
    accuracy: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _no_more_errors_than_images(self) -> Self:
        if self.errors > self.n:
            raise ValueError
        return self


@dataclass(frozen=True)
class ComparedRun:
    """A finished run, and what it came to."""

    name: str
    directory: Path
    config: Config
    history: list[Epoch]
    parameters: int
    """How many numbers the network has."""
    training_files: dict[str, str]
    """The SHA-256 of each file, by its name."""
    validation_images: int | None
    """How many; None where the run did not say."""
    judged: TestResult | None
    """On test images; None where the weights that the run has now were not."""

    @property
    def kept(self) -> Epoch:
        """The epoch whose weights are kept."""
        return kept_epoch(self.history)

    @property
    def validation_errors(self) -> int | None:
        """Of the kept epoch."""
        if self.kept.validation_accuracy is None or not self.validation_images:
            return None
        return round((1 - self.kept.validation_accuracy) * self.validation_images)

    def summary(self) -> dict[str, Any]:
        """The figures, ready for JSON: losses and accuracies are those of the kept epoch."""
        kept = asdict(self.kept)
        figures = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
        return {
            "run": str(self.directory),
            "name": self.name,
            "loss": self.config.model.loss,
            "epochs": len(self.history),
            "kept_epoch": self.kept.epoch,
            **{name: kept[name] for name in figures},
            "validation_errors": self.validation_errors,
            "seconds": sum(row.seconds for row in self.history),
            "parameters": self.parameters,
            "training_files": self.training_files,
            "test": self.judged and self.judged.model_dump(include={"n", "errors", "accuracy"}),
        }


@dataclass(frozen=True)
class Comparison:
    """Two runs or more."""

    runs: list[ComparedRun]

    @property
    def differences(self) -> dict[str, list[Any]]:
        """By name, each option that is not the same in all runs, and each run's value of it.

        ``training_files`` is among them where the bytes learned from are not the same, whatever the files' names.
        """
        differences = configuration.differing([run.config for run in self.runs])
        if self.differ([tuple(run.training_files.values()) for run in self.runs]):
            differences["training_files"] = [run.training_files for run in self.runs]
        return differences

    @staticmethod
    def differ(values: Sequence[object]) -> bool:
        """Whether they are not all the same."""
        return any(value != values[0] for value in values)

    @property
    def notes(self) -> list[str]:
        """A sentence for each reason why figures may not be compared, or only with care."""
        differing, judged = self.differences.keys(), [run.judged.files for run in self.runs if run.judged]
        notes = []
        if differing & {"training_files", "data.digits"}:
            notes.append("The runs learned from different images: neither their losses nor their errors compare.")
        elif differing & {"data.limit_per_digit", "data.validation_fraction", "training.seed"}:
            notes.append("The runs held out different validation images: small differences may be chance.")
        if "model.loss" in differing:
            notes.append("The runs have different losses, which do not compare: each has axes of its own.")
        if self.differ([run.kept.validation_loss is None for run in self.runs]):
            notes.append("Of a run without validation images training loss and errors are shown: they do not compare.")
        if self.differ([tuple(files.values()) for files in judged]):
            notes.append("The runs were judged on different test images: their test errors do not compare.")
        return notes

    def label(self, run: ComparedRun) -> str:
        """The run's name, and what differs in it: each option that it has not in common with more than half of them."""
        place, half = self.runs.index(run), len(self.runs) / 2
        own = {key: each[place] for key, each in self.differences.items() if each.count(each[place]) <= half}
        return ": ".join(filter(None, [run.name, ", ".join(f"{key}={value_text(key, own[key])}" for key in own)]))

    def summary(self) -> dict[str, Any]:
        """All facts, ready for JSON."""
        runs = [run.summary() for run in self.runs]
        return {"runs": runs, "differences": self.differences, "notes": self.notes}


def images_of(runs: Sequence[ComparedRun]) -> str:
    """Which images the figures of these runs are of: each run's validation images, or its training images."""
    held_out = {run.kept.validation_loss is not None for run in runs}
    return "validation or training" if len(held_out) == 2 else "validation" if True in held_out else "training"


def value_text(key: str, value: Any) -> str:
    """A value of ``differences`` for people; of files, how the SHA-256 of each begins."""
    if key == "training_files":
        return "/".join(digest[:8] for digest in value.values())
    return value if isinstance(value, str) else configuration.display_value(value)


def gather(directories: Sequence[Path]) -> Comparison:
    """The runs in these directories; InputError for fewer than two, too many, one named twice or not a finished one."""
    if len(directories) < 2:
        raise InputError("one run alone: name two runs or more to compare")
    if len(directories) > MOST_RUNS:
        raise InputError(f"{len(directories)} runs: at most {MOST_RUNS} can be told apart: name fewer")
    places = [directory.resolve() for directory in directories]
    for k, place in enumerate(places):
        if place in places[:k]:
            raise InputError(f"{directories[k]}: named twice: name each run once")
    names = [place.name for place in places]
    if len(set(names)) < len(names):
        names = [
            str(place if given.name in ("", "..") else given)  # a dot is no name
            for given, place in zip(directories, places, strict=True)
        ]
    return Comparison([read(directory, name) for directory, name in zip(directories, names, strict=True)])


def read(directory: Path, name: str) -> ComparedRun:
    """A finished run under a name; InputError where it is none, or a file of it is missing or damaged."""
    return finished_runs.steadily(directory, lambda run: _compared(run, name))


def _compared(run: FinishedRun, name: str) -> ComparedRun:
    directory = run.directory
    epochs = history.read(directory)
    if len(epochs) != run.config.training.epochs:
        raise InputError(
            f"{directory / 'history.csv'}: {len(epochs)} epochs, but config.yaml beside it says "
            f"{run.config.training.epochs}: put back the file that the run wrote, or train the run again"
        )
    return ComparedRun(
        name,
        directory,
        run.config,
        epochs,
        run.network.parameter_block.size,
        run.training_files,
        run.manifest.images.get("validation"),
        _read_judged(directory, run.weights_sha256),
    )


def _read_judged(directory: Path, weights_sha256: str) -> TestResult | None:
    """What the run's own weights came to on test images; None where only older ones were judged, or none."""
    path = directory / "evaluation-test.json"
    try:
        judged = TestResult.model_validate_json(read_small(path, LARGEST_EVALUATION, links=False))
    except FileNotFoundError:
        return None
    except ValidationError:
        raise InputError(f"{path}: not what evaluate.py writes: remove it, or evaluate the run again") from None
    return judged if judged.weights_sha256 == weights_sha256 else None
