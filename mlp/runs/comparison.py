"""Several finished runs compared: their differences and results."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from mlp import config as configuration
from mlp.config import Config
from mlp.runs import history
from mlp.runs.finished import FinishedRun, read_consistently
from mlp.runs.manifest import Count
from mlp.system.errors import InputError
from mlp.system.files import StrPath, read_small
from mlp.training.progress import Epoch, Progress, kept_epoch

MAX_RUNS = 20
"""As many as look different in one picture: four line styles times five markers."""
MAX_EVALUATION_BYTES = 1 << 26
"""An evaluation takes two hundred bytes for each misclassified image."""


class TestResult(BaseModel):
    """The part of evaluation-test.json that is read back."""

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
    """A finished run and its results."""

    name: str
    directory: Path
    config: Config = field(repr=False)
    history: list[Epoch] = field(repr=False)
    parameters: int
    """The number of the network's parameters."""
    training_files: dict[str, str] = field(repr=False)
    """The SHA-256 of each file, by its name."""
    validation_images: int | None
    """The number of them; None if the manifest does not say."""
    test: TestResult | None
    """The result on test images; None if the run's present weights were not evaluated on them."""

    @property
    def kept(self) -> Epoch:
        """The epoch whose weights are kept."""
        return kept_epoch(self.history)

    @property
    def validation_errors(self) -> int | None:
        """The number of validation errors in the kept epoch."""
        if self.kept.validation_accuracy is None or not self.validation_images:
            return None
        return round((1 - self.kept.validation_accuracy) * self.validation_images)

    def summary(self) -> dict[str, Any]:
        """The results, ready for JSON: losses and accuracies are those of the kept epoch."""
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
            "test": self.test and self.test.model_dump(include={"n", "errors", "accuracy"}),
        }


@dataclass(frozen=True)
class Comparison:
    """Two runs or more."""

    runs: list[ComparedRun]

    @property
    def differences(self) -> dict[str, list[Any]]:
        """Each option that is not the same in all runs, by name, and its value in each run.

        ``training_files`` is among them if the runs learned from different bytes; file names do not matter.
        """
        differences = configuration.differing([run.config for run in self.runs])
        if self.differ([tuple(run.training_files.values()) for run in self.runs]):
            differences["training_files"] = [run.training_files for run in self.runs]
        return differences

    @staticmethod
    def differ(values: Sequence[object]) -> bool:
        """Whether the values are not all the same."""
        return any(value != values[0] for value in values)

    @property
    def notes(self) -> list[str]:
        """A sentence for each reason why results cannot be compared, or only with care."""
        differing, test_files = self.differences.keys(), [run.test.files for run in self.runs if run.test]
        notes = []
        if differing & {"training_files", "data.digits"}:
            notes.append("The runs learned from different images: their losses and errors cannot be compared.")
        elif differing & {"data.limit_per_digit", "data.validation_fraction", "training.seed"}:
            notes.append("The runs held out different validation images: small differences may be chance.")
        if differing & {"training.class_weight"} and not differing & {"data.digits"}:
            notes.append("The runs weight the classes differently: their losses cannot be compared.")
        if "model.loss" in differing:
            notes.append("The runs have different losses, which cannot be compared: each has its own axes.")
        if self.differ([run.kept.validation_loss is None for run in self.runs]):
            notes.append("Runs without validation images show training results: not comparable with validation.")
        if self.differ([tuple(files.values()) for files in test_files]):
            notes.append("The runs were evaluated on different test images: their test errors cannot be compared.")
        return notes

    def label(self, run: ComparedRun) -> str:
        """The run's name, and each option whose value at most half of the runs have."""
        place, half = self.runs.index(run), len(self.runs) / 2
        own = {key: each[place] for key, each in self.differences.items() if each.count(each[place]) <= half}
        return ": ".join(filter(None, [run.name, ", ".join(f"{key}={value_text(key, own[key])}" for key in own)]))

    def summary(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        runs = [run.summary() for run in self.runs]
        return {"runs": runs, "differences": self.differences, "notes": self.notes}


def images_of(runs: Sequence[ComparedRun]) -> str:
    """The images that these results were measured on: validation images, or training images if a run has none."""
    held_out = {run.kept.validation_loss is not None for run in runs}
    return "validation or training" if len(held_out) == 2 else "validation" if True in held_out else "training"


def value_text(key: str, value: Any) -> str:
    """A value of ``differences`` for people; for files, the beginning of each SHA-256."""
    if key == "training_files":
        return "/".join(digest[:8] for digest in value.values())
    return value if isinstance(value, str) else configuration.display_value(value)


def gather(directories: Sequence[StrPath]) -> Comparison:
    """The finished runs in these directories. Raises InputError for one run, too many, or the same run twice."""
    if len(directories) < 2:
        raise InputError("one run alone: name two or more runs to compare")
    if len(directories) > MAX_RUNS:
        raise InputError(f"{len(directories)} runs: one picture can show at most {MAX_RUNS}: name fewer")
    paths = list(map(Path, directories))
    places = [path.resolve() for path in paths]
    for k, place in enumerate(places):
        if place in places[:k]:
            raise InputError(f"{paths[k]}: named twice: name each run once")
    names = [place.name for place in places]
    if len(set(names)) < len(names):
        names = [
            str(place if given.name in ("", "..") else given)  # a dot is no name
            for given, place in zip(paths, places, strict=True)
        ]
    return Comparison([read_compared_run(path, name) for path, name in zip(paths, names, strict=True)])


def read_compared_run(directory: StrPath, name: str) -> ComparedRun:
    """A finished run under a name. Raises InputError if it is not finished, or a file of it is missing or damaged."""
    return read_consistently(directory, lambda run: _compared(run, name))


def _compared(run: FinishedRun, name: str) -> ComparedRun:
    directory = run.directory
    epochs = history.read_history(directory)
    options = run.config.training
    progress = Progress(epochs, best_epoch=kept_epoch(epochs).epoch)
    if not (run.manifest.stopped or progress.has_stopped(options.epochs, options.patience)):
        raise InputError(
            f"{directory / 'history.csv'}: {len(epochs)} epochs, but config.yaml beside it says "
            f"{options.epochs}: put back the file that the run wrote, or train the run again"
        )
    return ComparedRun(
        name,
        directory,
        run.config,
        epochs,
        run.network.parameter_block.size,
        run.manifest.training_files,
        run.manifest.images.get("validation"),
        _read_test_result(directory, run.manifest.weights_sha256),
    )


def _read_test_result(directory: Path, weights_sha256: str) -> TestResult | None:
    """The test result of the run's weights; None if they were not evaluated, or only older weights were."""
    path = directory / "evaluation-test.json"
    try:
        result = TestResult.model_validate_json(read_small(path, MAX_EVALUATION_BYTES, links=False))
    except FileNotFoundError:
        return None
    except ValidationError:
        raise InputError(f"{path}: not written by evaluate: remove it, or evaluate the run again") from None
    return result if result.weights_sha256 == weights_sha256 else None
