"""Every option of a run: its type, its range and its default; read from YAML, errors pointing at the place."""

import difflib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from mlp import yaml_text
from mlp.errors import InputError
from mlp.yaml_text import Place, dotted

LARGEST = 64 * 1024
"""Bytes of a config file; the bundled one has two thousand."""

Directory = Annotated[Path, Field(strict=False)]
Digit = Annotated[int, Field(ge=0, le=9)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Options are fixed once read; an unknown one, a wrong type and a number that is not finite are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)


class Data(Section):
    """Which images to learn from."""

    directory: Directory = Path("data")
    digits: tuple[Digit, Digit] = (0, 1)
    limit_per_digit: Count | None = None
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1

    @field_validator("digits")
    @classmethod
    def _differ(cls, digits: tuple[int, int]) -> tuple[int, int]:
        if digits[0] == digits[1]:
            raise PydanticCustomError("same_digit", "Input should be two different digits")
        return digits


class Model(Section):
    """The network."""

    hidden_sizes: tuple[Count, ...] = (32,)


class Training(Section):
    """How it learns."""

    epochs: Count = 10
    batch_size: Count = 32
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = 1.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0
    precision: Literal["float32", "float64"] = "float32"
    threads: Count = 1


class Output(Section):
    """Where runs are written."""

    directory: Directory = Path("outputs")


class Config(Section):
    """All options of a run."""

    data: Data = Data()
    model: Model = Model()
    training: Training = Training()
    output: Output = Output()

    def to_yaml(self) -> str:
        """The config as text that ``load`` reads back to the same config."""
        return yaml.dump(self.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)

    def to_json_without_places(self) -> str:
        """The options that decide what is learned, as JSON: all but data.directory and output."""
        return self.model_dump_json(exclude={"data": {"directory"}, "output": True})


SECTIONS: dict[str, Any] = {name: field.annotation for name, field in Config.model_fields.items()}
KEYS = [f"{name}.{key}" for name, section in SECTIONS.items() for key in section.model_fields]


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a YAML file, with ``section.key=value`` texts laid over it.

    Keys left out have their defaults. Paths are relative to the file's folder and come back absolute.
    InputError with every error of the file and of the overrides, a line each, saying where it is.
    """
    document = yaml_text.parse(_read(path))
    problems = [(place, f"{path}:{place[0]}:{place[1]}: {text}") for place, text in document.problems]
    values = _sections(document.value)
    overridden = {}
    for override in overrides:
        option, keys, value = _parse_override(override)
        overridden[keys] = option
        section = values.setdefault(keys[0], {}) if isinstance(values, dict) else None
        if isinstance(section, dict):
            section[keys[1]] = value
    try:
        config = Config.model_validate(values)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            location = error["loc"]
            if location[:2] in overridden:
                problems.append((AFTER_THE_FILE, f"{overridden[location[:2]]}: {_describe(error)}"))
            else:
                line, column = place = _place(document, error)
                problems.append((place, f"{path}:{line}:{column}: {_describe(error)}"))
    if problems:
        raise InputError("\n".join(text for _, text in sorted(problems)))
    return _absolute(config, path.parent)


AFTER_THE_FILE = (1 << 62, 0)
"""Sorts the errors of overrides behind those of the file."""


def _read(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: not a regular file")
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: name a config with --config") from None
    if len(content) > LARGEST:
        raise InputError(f"{path}: larger than {LARGEST:,} bytes, that is no config")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8: save the file as UTF-8") from None


def _sections(value: Any) -> Any:
    """The document's value, an empty document or an empty section being one without keys."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        return value
    return {name: {} if section is None and name in SECTIONS else section for name, section in value.items()}


def _parse_override(override: str) -> tuple[str, tuple[str, str], Any]:
    """How to call it in a message, its section and key, and its value."""
    option = f"--set {override}"
    name, equals, text = override.partition("=")
    section, _, key = name.partition(".")
    if not (equals and section and key):
        raise InputError(f"{option}: must be section.key=value")
    document = yaml_text.parse(text)
    if document.problems:
        raise InputError(f"{option}: {document.problems[0][1]}")
    return option, (section, key), document.value


def _place(document: yaml_text.Document, error: ErrorDetails) -> Place:
    """Where the error is: an unknown key itself, else the value or the innermost that encloses it."""
    location = error["loc"]
    if error["type"] == "extra_forbidden":
        return document.key_places[location]
    while location not in document.value_places:
        location = location[:-1]
    return document.value_places[location]


def _describe(error: ErrorDetails) -> str:
    location = error["loc"]
    name = dotted(location)
    if error["type"] == "extra_forbidden":
        return f"{name}: unknown {'key' if len(location) > 1 else 'section'}{_suggestion(location)}"
    if error["type"] == "model_type":
        return f"{name}: must be a section of keys" if name else "must be sections of keys"
    if error["type"] in ("missing", "too_long"):
        return f"{name}: must have two entries"
    if error["type"] == "tuple_type":
        return f"{name}: must be a list in brackets, not {_shown(error['input'])}"
    message = error["msg"].replace("Input should be", "must be").replace("Input is not", "must be")
    return f"{name}: {message}, not {_shown(error['input'])}"


def _suggestion(location: tuple[str | int, ...]) -> str:
    """The nearest known name: in the same section, else in any."""
    *outer, wrong = map(str, location)
    if not outer:
        names = difflib.get_close_matches(wrong, SECTIONS, n=1)
    else:
        names = difflib.get_close_matches(wrong, SECTIONS[outer[0]].model_fields, n=1)
        names = names or [key for key in KEYS if key.partition(".")[2] == wrong]
        names = names or difflib.get_close_matches(".".join([*outer, wrong]), KEYS, n=1)
    return f", did you mean {names[0]}?" if names else f", known are {', '.join(SECTIONS[outer[0]].model_fields if outer else SECTIONS)}"


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _absolute(config: Config, folder: Path) -> Config:
    def resolve(section: Any) -> Any:
        return section.model_copy(update={"directory": Path(os.path.abspath(folder / section.directory))})

    return config.model_copy(update={"data": resolve(config.data), "output": resolve(config.output)})


class _Dumper(yaml.SafeDumper):
    """Writes a list on one line."""


_Dumper.add_representer(list, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, True))
