"""manifest.json: the facts about a run besides its results, written by the run and read back with one schema.

A checkpoint holds a copy. A run may come from a stranger, so each number has a range and each text a maximum length.
Keys that are not in the schema are written for people.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from mlp.data.idx_folder import AXES, MAX_IMAGE_PIXELS, file_names
from mlp.system.errors import CheckFailed, Diverged, InputError, Interrupted
from mlp.system.files import StrPath, read_small, write_text

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20
"""Usually it has about two thousand."""
RUNNING, FINISHED, FAILED, INTERRUPTED = "running", "finished", "failed", "interrupted"
ENDINGS: dict[type[BaseException], str] = {
    CheckFailed: "check failed",
    Diverged: "diverged",
    Interrupted: INTERRUPTED,
}
"""The status of a run that ends with one of these errors; after any other error it is FAILED."""

STOPPED = "stopped"
"""The key of a run that its caller, such as ``on_epoch``, ended before its last epoch."""

Words = Annotated[str, Field(max_length=1000)]
Count = Annotated[int, Field(strict=True, ge=0, lt=1 << 53)]
Number = Annotated[float, Field(strict=True, ge=0)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""A SHA-256."""
Side = Annotated[int, Field(strict=True, ge=1, le=MAX_IMAGE_PIXELS)]


class _Part(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False, defer_build=True)


class Resumption(_Part):
    """One resume, and what had changed since the run began."""

    at: Words
    changed: list[Words]


class GradientCheck(_Part):
    """Errors of the check before training, relative to each array's largest gradient; a failed check may have NaN."""

    tolerance: Number
    errors: dict[Words, Annotated[float, Field(strict=True, allow_inf_nan=True)]]


class Library(_Part):
    """A BLAS library, as ``blas_threads.threads`` describes it."""

    internal_api: Words | None = None
    version: Words | None = None
    architecture: Words | None = None
    num_threads: Count | None = None


class Manifest(_Part):
    """The manifest of any run, finished or not."""

    status: Literal["running", "finished", "check failed", "diverged", "interrupted", "failed"]
    started: Words | None = None
    ended: Words | None = None
    seconds: Number | None = None
    gradient_check: GradientCheck | None = None
    image_shape: tuple[Side, Side] | None = None
    training_files: dict[str, Digest] | None = None
    """The SHA-256 of the images and of the labels, each by the name of its file."""
    weights_sha256: Digest | None = None
    class_weights: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    """The weight of each class's images in the loss, if the config has weights."""
    images: dict[Words, Count] = {}
    versions: dict[Words, Words] = {}
    code_sha256: Digest | None = None
    machine: Words | None = None
    blas: list[Library] = []
    resumed: list[Resumption] = []
    stopped: bool = False

    @field_validator("image_shape")
    @classmethod
    def _is_small(cls, shape: tuple[int, int] | None) -> tuple[int, int] | None:
        if shape is not None and math.prod(shape) > MAX_IMAGE_PIXELS:
            raise PydanticCustomError("too_many_pixels", f"Must be at most {MAX_IMAGE_PIXELS:,} pixels")
        return shape

    @field_validator("training_files")
    @classmethod
    def _are_two(cls, files: dict[str, str] | None) -> dict[str, str] | None:
        spellings = [file_names("training", kind) for kind in AXES]
        if files is not None and not (
            len(files) == len(spellings) and all(name in known for name, known in zip(files, spellings, strict=True))
        ):
            raise PydanticCustomError("other_files", "Must be those of the training images and of their labels")
        return files


class BegunManifest(Manifest):
    """The manifest of a run that has a checkpoint."""

    image_shape: tuple[Side, Side]
    training_files: dict[str, Digest]


class FinishedManifest(BegunManifest):
    """The manifest of a finished run."""

    status: Literal["finished"]
    weights_sha256: Digest


def write_manifest(path: StrPath, facts: Mapping[str, Any]) -> None:
    """Write the facts about a run."""
    write_text(path, json.dumps(facts, indent=2) + "\n")


def read_manifest(directory: StrPath) -> Manifest:
    """The manifest of a run. Raises InputError if it is missing or damaged."""
    path = Path(directory, MANIFEST)
    try:
        return Manifest.model_validate_json(read_small(path, MAX_MANIFEST_BYTES, links=False))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file: {directory} is not the directory of a run") from None
    except ValidationError as error:
        what = first_problem(error)
        raise InputError(f"{path}: not the manifest of a run ({what}): remove it, or name another run") from None


def read_finished_manifest(directory: StrPath) -> FinishedManifest:
    """The manifest of a finished run. Raises InputError if the run is not finished."""
    manifest = read_manifest(directory)
    if manifest.status != FINISHED:
        raise InputError(f"{directory}: not a finished run, its status is {manifest.status}: name another run")
    try:
        return FinishedManifest(**manifest.model_dump())
    except ValidationError as error:
        what = first_problem(error)
        raise InputError(f"{directory}: not a finished run, though it says so ({what}): name another run") from None


def first_problem(error: ValidationError) -> str:
    """The first invalid value and its place, in one line."""
    detail = error.errors(include_url=False)[0]
    place = ".".join(map(str, detail["loc"]))
    return f"{place}: {detail['msg']}" if place else detail["msg"]
