"""What is read back of a run's manifest: one schema, for the file and for the copy that a checkpoint holds.

A run may come from a stranger: each number has a range, each text a length. Keys that are not here are for people.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from mlp.data.idx_folder import AXES, MAX_IMAGE_PIXELS, file_names

LARGEST = 1 << 20
"""Bytes; one has two thousand."""

Words = Annotated[str, Field(max_length=1000)]
Count = Annotated[int, Field(strict=True, ge=0, lt=1 << 53)]
Number = Annotated[float, Field(strict=True, ge=0)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""A SHA-256."""
Side = Annotated[int, Field(strict=True, ge=1, le=MAX_IMAGE_PIXELS)]


class _Part(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class Resumption(_Part):
    """A time at which a run went on, and what was other than at its beginning."""

    at: Words
    changed: list[Words]


class GradientCheck(_Part):
    """What was found before training, relative to each array's largest gradient; a check that failed may find NaN."""

    tolerance: Number
    errors: dict[Words, Annotated[float, Field(strict=True, allow_inf_nan=True)]]


class Library(_Part):
    """A BLAS, as ``blas.threads`` tells of it."""

    internal_api: Words | None = None
    version: Words | None = None
    architecture: Words | None = None
    num_threads: Count | None = None


class Manifest(_Part):
    """Of any run, however far it came."""

    status: Literal["running", "finished", "check failed", "diverged", "interrupted", "failed"]
    started: Words | None = None
    ended: Words | None = None
    seconds: Number | None = None
    gradient_check: GradientCheck | None = None
    image_shape: tuple[Side, Side] | None = None
    training_files: dict[str, Digest] | None = None
    """The SHA-256 of the images and of the labels, each by the name of its file."""
    weights_sha256: Digest | None = None
    images: dict[Words, Count] = {}
    versions: dict[Words, Words] = {}
    code_sha256: Digest | None = None
    machine: Words | None = None
    blas: list[Library] = []
    resumed: list[Resumption] = []

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
    """Of a run that has something to go on from."""

    image_shape: tuple[Side, Side]
    training_files: dict[str, Digest]


class FinishedManifest(BegunManifest):
    """Of a finished run."""

    status: Literal["finished"]
    weights_sha256: Digest


def check_begun(facts: dict[str, Any]) -> BegunManifest:
    """Of a run's facts those that are used, where it has begun; ValueError, in one line, for what no run writes."""
    try:
        return BegunManifest.model_validate(facts)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, and where, in one line."""
    detail = error.errors(include_url=False)[0]
    place = ".".join(map(str, detail["loc"]))
    return f"{place}: {detail['msg']}" if place else detail["msg"]
