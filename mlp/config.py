"""Every option of a run: its type, its range and its default; read from YAML, errors pointing at the place."""

import json
import math
import os
import re
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from mlp.system import spelling, yaml_text
from mlp.system.errors import InputError
from mlp.system.files import home_expanded, read_small
from mlp.system.shell_words import put_in_quotes, rejoined
from mlp.system.yaml_text import Place, dotted

LARGEST = 64 * 1024
"""Bytes of a config file; the bundled one has two thousand."""
MOST_PROBLEMS = 30
"""Errors of a file that are reported: finding the nearest known key takes two milliseconds for each."""

NO_PATH = re.compile("[\0\ud800-\udfff]")
"""What no path in a config can hold: a zero byte, and what stands for bytes that are no UTF-8."""


def _path(directory: Any) -> Any:
    """The text, a home folder at its beginning written out, if it can be a path: not empty, no byte that none can have.

    Anything else than text is left to pydantic.
    """
    if directory is None:
        raise PydanticCustomError("no_path", "must be a path (~ alone is null in YAML: write ~/)")
    if not isinstance(directory, str):
        return directory
    if not directory or NO_PATH.search(directory):
        raise PydanticCustomError("no_path", "must be a path")
    try:
        return home_expanded(directory)
    except InputError:
        home = {"home": directory.partition("/")[0]}
        raise PydanticCustomError("no_home", "no home folder of that name", home) from None


Directory = Annotated[Path, Field(strict=False), BeforeValidator(_path)]
Digit = Annotated[int, Field(ge=0, le=9)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Units = Annotated[int, Field(ge=1, le=1_000_000)]
INTERVAL = re.compile(r"[1-9][0-9]{0,8} (epochs?|steps?)")
MOST_WEIGHTS = 1_000_000_000
"""Between two layers: 4 GB in float32, of which training needs four times as much."""


def _interval(value: Any) -> Any:
    """The text, where it says how often."""
    if not (isinstance(value, str) and INTERVAL.fullmatch(value)):
        raise PydanticCustomError("no_interval", "must be a number of epochs or steps, such as 1 epoch or 200 steps")
    return value


class Section(BaseModel):
    """Options are fixed once read; an unknown one, a wrong type and a number that is not finite are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def changed(self, values: Mapping[str, Any]) -> Self:
        """The section with some options at other values; ValidationError where one cannot be."""
        return self.model_validate(self.model_dump() | dict(values))


class Data(Section):
    """Which images to learn from."""

    directory: Directory = Field(
        Path("data"), description="folder of the four IDX files, images and labels for training and test"
    )
    digits: tuple[Digit, Digit] = Field(
        (0, 1), description="two digits of 0..9: the first becomes target 0, the second target 1, the positive class"
    )
    limit_per_digit: Count | None = Field(
        None, description="use only the first so many images of each digit; null for all"
    )
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1,
        description="share of the training images of each digit that is held out to choose the epoch whose weights are "
        "kept; 0 holds out none and keeps the last epoch's",
    )

    @field_validator("digits")
    @classmethod
    def _differ(cls, digits: tuple[int, int]) -> tuple[int, int]:
        if digits[0] == digits[1]:
            raise PydanticCustomError("same_digit", "must be two different digits")
        return digits


class Model(Section):
    """The network."""

    hidden_sizes: Annotated[tuple[Units, ...], Field(max_length=100)] = Field(
        (32,), description="units: one entry a hidden layer; [] is the linear classifier"
    )
    loss: Literal["euclidean", "cross_entropy"] = Field(
        "euclidean", description="the mean of 1/2 (p - y)^2 or of -log of the right class's probability"
    )

    @field_validator("hidden_sizes")
    @classmethod
    def _fit_in_memory(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(inputs * outputs > MOST_WEIGHTS for inputs, outputs in pairwise(sizes)):
            raise PydanticCustomError("too_many", f"must have at most {MOST_WEIGHTS:,} weights between two layers")
        return sizes


RATES = ("learning_rate", "momentum", "weight_decay")


def held_in(precision: str, value: float) -> float:
    """What becomes of a float64 in this precision."""
    if precision == "float64":
        return value
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.inf


class Training(Section):
    """How it learns."""

    epochs: Count = Field(10, description="passes over the training images")
    batch_size: Count = Field(32, description="images in one step")
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = Field(
        1.0, description="each step is so many times the gradient of the batch's mean loss"
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of the last step taken again; 0.9 helps on harder pairs"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="share of each parameter that is added to its gradient"
    )
    seed: Annotated[int, Field(ge=0, lt=1 << 128)] = Field(0, description="everything random comes from it")
    precision: Literal["float32", "float64"] = Field("float32", description="the type of all numbers in the network")
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        1, description="BLAS threads; 1 is fastest at these sizes and repeats bit for bit"
    )
    checkpoint_every: Annotated[str, BeforeValidator(_interval)] = Field(
        "1 epoch",
        description="how often a checkpoint is saved: a crash costs no more",
        examples=["1 epoch", "5 epochs", "200 steps"],
    )

    @model_validator(mode="after")
    def _rates_stay(self) -> Self:
        """ValidationError for a rate that is another one in the network's precision, where the update is computed."""
        wrong = [
            InitErrorDetails(
                type=PydanticCustomError(
                    "lost",
                    "must be a number that precision {precision} does not turn into {held}",
                    {"precision": self.precision, "held": f"{held:g}" if held < math.inf else "infinity"},
                ),
                loc=(name,),
                input=value,
            )
            for name in RATES
            for value in [getattr(self, name)]
            for held in [held_in(self.precision, value)]
            if held != value and (held in (0, math.inf) or (name == "momentum" and held == 1))
        ]
        if wrong:
            raise ValidationError.from_exception_data("Training", wrong)
        return self

    @property
    def checkpoint_interval(self) -> tuple[int, str]:
        """How many, and of what: "epoch" or "step"."""
        count, _, unit = self.checkpoint_every.partition(" ")
        return int(count), unit.removesuffix("s")


class Output(Section):
    """Where runs are written."""

    directory: Directory = Field(Path("outputs"), description="runs are numbered in here")
    report: bool = Field(False, description="true: at its end a run makes report.html, a page that opens offline")


class Config(Section):
    """All options of a run."""

    data: Data = Data()
    model: Model = Model()
    training: Training = Training()
    output: Output = Output()

    def to_yaml(self) -> str:
        """The config as text that ``load`` reads back to the same config."""
        return yaml.dump(self.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)

    def with_values(self, values: Mapping[str, Any]) -> "Config":
        """The config with some options at other values, which are checked already: a value by ``section.key``."""
        sections = {name: getattr(self, name) for name in SECTIONS}
        for key, value in values.items():
            section, _, name = key.partition(".")
            sections[section] = sections[section].model_copy(update={name: value})
        return self.model_copy(update=sections)

    def value(self, key: str) -> Any:
        """The value of ``section.key``."""
        section, _, name = key.partition(".")
        return getattr(getattr(self, section), name)

    def differences(self, other: "Config") -> list[str]:
        """Each option that is not as in the other config, and what it is in both, the places aside."""
        return [
            f"{key} is {display_value(mine)}, not {display_value(others)}"
            for key, (mine, others) in differing([self, other]).items()
        ]

    def check_resumable(self, other: "Config", run: Path) -> None:
        """InputError, naming each difference, where a run of this config cannot go on under the other one.

        What is learned must be the same; of the epochs there may be more.
        """
        grown = max(self.training.epochs, other.training.epochs)
        same = self.model_copy(update={"training": self.training.model_copy(update={"epochs": grown})})
        if differences := other.differences(same):
            head = (
                f"{run}: its run has another config; of its options only training.epochs may be another, a larger one:"
            )
            raise InputError(head, *differences)

    def to_json_without_places(self) -> str:
        """The options that decide what is learned, as JSON: all but data.directory and output."""
        return self.model_dump_json(exclude={"data": {"directory"}, "output": True})


SECTIONS: dict[str, Any] = {name: field.annotation for name, field in Config.model_fields.items()}
KEYS = [f"{name}.{key}" for name, section in SECTIONS.items() for key in section.model_fields]


def differing(configs: Sequence[Config]) -> dict[str, list[Any]]:
    """Each option that is not the same in all the configs, with its value in each; the places aside."""
    options = [json.loads(config.to_json_without_places()) for config in configs]
    values = {
        key: [each[section][name] for each in options]
        for key in KEYS
        for section, name in [key.split(".")]
        if name in options[0].get(section, {})
    }
    return {key: each for key, each in values.items() if any(value != each[0] for value in each)}


def load(path: Path, overrides: Sequence[str] = (), *, links: bool = True) -> Config:
    """The config in a YAML file, with ``section.key=value`` texts laid over it.

    Keys left out have their defaults. Paths are relative to the file's folder, may begin with ``~``, and come back
    absolute. Raises InputError with every error of the file and of the overrides, a line each, saying where it is, of
    very many with the first; and without ``links`` for a symbolic link.
    """
    return parse(_read(path, links=links), path, overrides)


def parse(text: str, path: Path, overrides: Sequence[str] = (), *, flag: str = "--set") -> Config:
    """As ``load``, of the text that the file has, or would have; ``flag`` is what the overrides were given by."""
    source = _Source.of_text(text, path)
    for number, (option, was_split) in enumerate(rejoined(overrides, _has_whole_value)):
        if was_split:
            source.problems.append(((AFTER_THE_FILE, number), f"{flag} {option}", put_in_quotes(option, f"{flag} ")))
        else:
            source.override(option, number, flag)
    problems = source.problems
    try:
        config = Config.model_validate(source.values)
    except ValidationError as invalid:
        first = sorted(invalid.errors(include_url=False), key=source.place)[:MOST_PROBLEMS]
        problems += [(*source.place(error), describe(error)) for error in first]
    if problems:
        raise InputError(*(f"{origin}: {message}" for _, origin, message in sorted(set(problems))))
    return _absolute(config, path.parent)


@dataclass
class _Source:
    """What was given, and by what: for each path the place in the file, or the --set option, as (order, origin)."""

    values: Any
    keys: dict[yaml_text.Path, tuple[Place, str]]
    contents: dict[yaml_text.Path, tuple[Place, str]]
    problems: list[tuple[Place, str, str]]
    """(order, origin, message)"""

    @classmethod
    def of_text(cls, text: str, path: Path) -> "_Source":
        document = yaml_text.parse(text)

        def at(place: Place) -> tuple[Place, str]:
            return place, f"{path}:{place[0]}:{place[1]}"

        return cls(
            values=_sections(document.value),
            keys={key: at(place) for key, place in document.key_places.items()},
            contents={(): at((1, 1))} | {key: at(place) for key, place in document.value_places.items()},
            problems=[(*at(place), message) for place, message in document.problems],
        )

    def override(self, option: str, number: int, flag: str) -> None:
        """Lay section.key=value, the option of that number, over what is there."""
        order, origin = (AFTER_THE_FILE, number), f"{flag} {option}"
        name, equals, text = option.partition("=")
        section, _, key = name.partition(".")
        if not (equals and section and key):
            cure = "" if name in KEYS else meant(name)
            self.problems.append((order, origin, f"must be section.key=value{cure}"))
            return
        document = yaml_text.parse(text)
        if document.problems:
            self.problems.append((order, origin, document.problems[0][1]))
            return
        if not isinstance(self.values, dict) or not isinstance(self.values.setdefault(section, {}), dict):
            return  # the file's own error, reported as such
        self.values[section][key] = document.value
        for places in (self.keys, self.contents):
            places.setdefault((section,), (order, origin))
            places[section, key] = (order, origin)
        self.contents = {path: at for path, at in self.contents.items() if path[:2] != (section, key) or len(path) == 2}

    def place(self, error: ErrorDetails) -> tuple[Place, str]:
        """Where a validation error is: at an unknown key itself, else at the innermost value around it."""
        location = error["loc"]
        if error["type"] == "extra_forbidden":
            return self.keys[location]
        while location not in self.contents:
            location = location[:-1]
        return self.contents[location]


def _has_whole_value(option: str) -> bool:
    value = option.partition("=")[2]
    return not (yaml_text.parse(value).problems or set(value.split()) & set(KEYS))


LISTS = ("data.digits", "model.hidden_sizes")
"""Keys whose values are lists."""
AFTER_THE_FILE = 1 << 62
"""A line number that sorts the errors of --set behind those of the file."""


def _read(path: Path, *, links: bool) -> str:
    try:
        return read_small(path, LARGEST, links=links).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: name a config with --config") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8: save the file as UTF-8") from None


def _sections(value: Any) -> Any:
    """The document's value, an empty document or an empty section being one without keys."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        return value
    return {name: {} if section is None and name in SECTIONS else section for name, section in value.items()}


MESSAGES = {
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "float_type": "must be a number",
    "finite_number": "must be finite",
    "path_type": "must be a path",
    "no_home": "must be a path ({home} is no home folder here)",
    "tuple_type": "must be a list in brackets",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
}
"""By pydantic's error types; other types keep pydantic's own words."""


def describe(error: ErrorDetails) -> str:
    """A validation error in one line: which option, what it must be, and what it is."""
    location = error["loc"]
    name = (dotted(location) or "''") if location else "the file"
    if error["type"] == "extra_forbidden":
        return f"{name}: unknown {'key' if len(location) > 1 else 'section'}{_suggestion(location)}"
    if error["type"] == "model_type":
        return f"{name}: must be {'a section of keys' if location else 'sections of keys'}"
    if error["type"] in ("missing", "too_long"):
        most = error.get("ctx", {}).get("max_length", 2)
        count = "two entries, as a run learns two digits" if most == 2 else f"at most {most} entries"
        return f"{dotted(location[:2])}: must have {count}"
    bounds = {
        key: f"{value:,.15g}" if isinstance(value, float | int) else value
        for key, value in error.get("ctx", {}).items()
    }
    message = MESSAGES.get(error["type"], error["msg"]).format(**bounds)
    value = _value_meant(str(error["input"])) if error["type"] == "literal_error" else None
    cure = f": did you mean {value}?" if value and value in bounds["expected"] else ""
    return f"{name}: {message}, not {display_value(error['input'])}{cure}"


def _value_meant(name: str) -> str | None:
    """Our value for one of another tool, such as nn.MSELoss or FP32."""
    name = name.rpartition(".")[2]
    return spelling.ours(name, "values") or spelling.same(name, spelling.table("values"))


def _suggestion(location: tuple[str | int, ...]) -> str:
    """The nearest known name: in the same section, else in any."""
    *outer, wrong = map(str, location)
    known = list(SECTIONS[outer[0]].model_fields if outer else SECTIONS)
    if here := spelling.near(wrong, known) or (None if outer else spelling.ours(wrong, "sections")):
        return f", did you mean {here}?"
    return meant(wrong) or f", known are {', '.join(known)}"


def meant(name: str) -> str:
    """Which key a name without its section may stand for, or that there is none such, as the end of a message."""
    if keys := _keys(name):
        return f", did you mean {' or '.join(keys)}?"
    instead = spelling.ours(name, "not_offered")
    return f", not offered: {instead}" if instead else ""


def _keys(name: str) -> list[str]:
    nearest = spelling.near(name, {key.partition(".")[2] for key in KEYS})
    return [key for key in KEYS if key == spelling.ours(name, "options") or key.partition(".")[2] == nearest]


def as_override(arguments: Sequence[str]) -> str:
    """How the first of some command-line arguments is written for --set, as the end of a message: of --lr 0.1, say."""
    first, *rest = arguments
    name, _, value = first.lstrip("-").partition("=")
    values = [value] if value else list(takewhile(lambda word: not word.startswith("--"), rest))
    keys = [name] if name in KEYS else _keys(name)
    if not keys:
        return meant(name)
    if keys[0] in LISTS:
        return f": write --set '{keys[0]}=[{', '.join(values) or '...'}]'"
    return f": write --set {keys[0]}={values[0] if values else '...'}"


@contextmanager
def naming(key: str, *, applies: bool = True) -> Iterator[None]:
    """Name the key that a path is from, ``data.directory`` say, and where its default lies, in an error about the path.

    ``applies`` is False if the path is from elsewhere. What the system says of the path is raised as InputError.
    """
    section, _, name = key.partition(".")
    where = f"{key}: by default {SECTIONS[section].model_fields[name].default} beside the config file"
    try:
        yield
    except InputError as error:
        if applies:
            error.args = (*error.args[:-1], f"{error.args[-1]} ({where})")
        raise
    except OSError as error:
        if not applies or error.filename is None:
            raise
        raise InputError(f"{error.filename}: {error.strerror} ({where})") from error


def display_value(value: Any) -> str:
    """A value as YAML would have it, cut to a length that fits a line."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."


def _absolute(config: Config, folder: Path) -> Config:
    sections, encoding = {}, sys.getfilesystemencoding()
    for name in ("data", "output"):
        section = getattr(config, name)
        directory = os.path.abspath(folder / section.directory)
        try:
            directory.encode(encoding)
        except UnicodeEncodeError:
            cure = "give the folder another name" if encoding == "utf-8" else "set LC_ALL=C.UTF-8"
            message = f"{directory}: not {encoding.upper()}, which {name}.directory must be here: {cure}"
            raise InputError(message) from None
        sections[name] = section.model_copy(update={"directory": Path(directory)})
    return config.model_copy(update=sections)


class _Dumper(yaml.SafeDumper):
    """Writes a list on one line, and escapes what a reader would take for the end of one or skip."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if re.search("[\x85\u2028\u2029\ufeff]", text) else None
    ),
)
_Dumper.add_representer(list, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, True))
