"""Every option of a run, with its type, range and default; read from YAML, with errors that name line and column."""

import json
import math
import os
import re
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from mlp.system import spelling, yaml_text
from mlp.system.errors import InputError
from mlp.system.files import StrPath, home_expanded, read_small
from mlp.system.shell_words import put_in_quotes, rejoined
from mlp.system.yaml_text import Place, dotted

MAX_CONFIG_BYTES = 64 * 1024
"""The bundled config.yaml has about 2,000."""
MAX_PROBLEMS = 30
"""Errors that are reported per file: finding the nearest known key takes two milliseconds each."""

NO_PATH = re.compile("[\0\ud800-\udfff]")
"""Not allowed in a path: a zero byte, and surrogates, which stand for bytes that are not UTF-8."""


def _path(directory: Any) -> Any:
    """The text of a path with ``~`` at its beginning expanded. Other types are returned: pydantic reports them."""
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
Label = Annotated[int, Field(strict=True, ge=0, le=255)]
Weight = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
MAX_COUNT = 1_000_000_000
Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Units = Annotated[int, Field(ge=1, le=1_000_000)]
Interval = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8} (epochs?|steps?)$")]
ALL, BALANCED = "all", "balanced"


def _words_or_list(entries: Any, *words: str | None) -> WrapValidator:
    """Allows these words or a list, whose entries are checked one by one; one message for anything else."""
    known, adapter = ", ".join(word or "null" for word in words), TypeAdapter(entries)

    def validate(value: Any, _: Any) -> Any:
        if value is None or isinstance(value, str):
            if value in words:
                return value
        elif isinstance(value, tuple | list):
            return adapter.validate_python(tuple(value))
        raise PydanticCustomError("no_list", "must be {known} or a list in brackets", {"known": known})

    return WrapValidator(validate)


Labels = Annotated[
    tuple[Label, ...] | Literal["all"],
    _words_or_list(tuple[Label, ...], ALL),
]
ClassWeights = Annotated[
    tuple[Weight, ...] | Literal["balanced"] | None,
    _words_or_list(tuple[Weight, ...], None, BALANCED),
]
MAX_WEIGHTS = 1_000_000_000
"""Between two layers: 4 GB in float32; training needs several times as much."""


class Section(BaseModel):
    """Options cannot change once read; an unknown key, a wrong type and a non-finite number are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Only the options that have another value than by default."""
        yield from ((name, value) for name, value in self if value != type(self).model_fields[name].default)

    def changed(self, values: Mapping[str, Any]) -> Self:
        """A copy with other values of some options; raises ValidationError if one is not allowed."""
        return self.model_validate(self.model_dump() | dict(values))


def in_precision(precision: str, value: float) -> float:
    """A float64 rounded to this precision; infinity if it is too large."""
    if precision == "float64":
        return value
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.inf


def _rounded(precision: str, rounded: float) -> PydanticCustomError:
    """The error of a number that this precision rounds to a useless one."""
    context = {"precision": precision, "rounded": f"{rounded:g}" if rounded < math.inf else "infinity"}
    return PydanticCustomError("rounded", "must be a number that {precision} does not round to {rounded}", context)


class Data(Section):
    """Which images to learn from."""

    directory: Directory = Field(
        Path("data"), description="folder with the four IDX files: images and labels for training and test"
    )
    digits: Labels = Field(
        (0, 1),
        description="two or more labels, each 0..255, or all: those in the training files; with two labels, the second "
        "is the positive class; with more, each class has its own output",
    )
    transpose: bool = Field(
        False, description="true: swap the rows and columns of each image, to turn EMNIST's images upright"
    )
    scale: Annotated[float, Field(gt=0)] = Field(
        255.0, description="what the pixels 0..255 are divided by to become the network's inputs; 1: unscaled pixels"
    )
    limit_per_digit: Count | None = Field(
        None, description="use at most this many images of each digit, the first ones; null: all"
    )
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1,
        description="fraction of each digit's training images held out to choose the best epoch; 0: none, and the last "
        "epoch is kept",
    )

    @field_validator("digits")
    @classmethod
    def _differ(cls, digits: tuple[int, ...] | str) -> tuple[int, ...] | str:
        if digits != ALL and (len(digits) < 2 or len(set(digits)) < len(digits)):
            raise PydanticCustomError("too_few", "must be at least two different labels")
        return digits

    @field_validator("scale")
    @classmethod
    def _keep_in_float32(cls, scale: float) -> float:
        if (rounded := in_precision("float32", scale)) in (0, math.inf):
            raise _rounded("float32", rounded)
        return scale

    @property
    def labels(self) -> tuple[int, ...]:
        """``digits``, which must not be ``all``: see ``from_config.resolved``."""
        if isinstance(self.digits, str):
            raise ValueError("the labels of data.digits: all are known only with the data")
        return self.digits


class Model(Section):
    """The network."""

    hidden_sizes: Annotated[tuple[Units, ...], Field(max_length=100)] = Field(
        (32,), description="units of each hidden layer; [] is the linear classifier"
    )
    activation: Literal["sigmoid", "tanh", "relu"] = Field(
        "sigmoid", description="activation of the hidden units; weights start Glorot uniform, or He uniform before relu"
    )
    loss: Literal["euclidean", "cross_entropy"] = Field(
        "euclidean",
        description="the mean over images of 1/2 sum (p - y)^2, or of -log(probability of the true class); the outputs "
        "are sigmoids; with the cross-entropy and more than two classes, a softmax",
    )

    @field_validator("hidden_sizes")
    @classmethod
    def _fit_in_memory(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(inputs * outputs > MAX_WEIGHTS for inputs, outputs in pairwise(sizes)):
            raise PydanticCustomError("too_many", f"must have at most {MAX_WEIGHTS:,} weights between two layers")
        return sizes


class Training(Section):
    """How it learns."""

    epochs: Count = Field(10, description="passes over the training images")
    batch_size: Count = Field(32, description="images per step")
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = Field(
        1.0, description="step size; multiplies the gradient of the batch's mean loss"
    )
    optimizer: Literal["sgd", "adam"] = Field(
        "sgd", description="how the gradients change the weights; with adam try a learning_rate of 0.001"
    )
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="how the learning rate changes over the epochs; cosine lowers it to almost 0"
    )
    patience: Count | None = Field(
        None, description="stop after this many epochs without a lower validation loss; null: train all epochs"
    )
    class_weight: ClassWeights = Field(
        None,
        description="weight of each class's images in the loss: a list in the order of data.digits, or balanced: "
        "n / (classes * images of the class); null: 1 each",
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="fraction of the previous update that sgd adds to this one; 0.9 helps on harder digits"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="L2 coefficient; weight_decay times each parameter is added to its gradient"
    )
    seed: Annotated[int, Field(ge=0, lt=1 << 128)] = Field(0, description="seed of all random numbers of a run")
    precision: Literal["float32", "float64"] = Field("float32", description="type of the network's numbers")
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        1, description="BLAS threads; 1 is fastest for small networks, and repeats bit for bit"
    )
    checkpoint_every: Interval = Field(
        "1 epoch",
        description="interval between checkpoints; a crash loses at most this much",
        examples=["1 epoch", "5 epochs", "200 steps"],
    )

    @property
    def can_get_more_epochs(self) -> bool:
        """Whether a run can get more epochs later: not if its rates depend on their number."""
        return self.schedule == "constant"

    @model_validator(mode="after")
    def _keep_in_precision(self) -> Self:
        """Raises ValidationError if a rate becomes 0, 1 or infinity when rounded to the precision of the updates."""
        numbers: dict[tuple[str | int, ...], float] = {
            (name,): getattr(self, name) for name in ("learning_rate", "momentum", "weight_decay")
        }
        if isinstance(self.class_weight, tuple):
            numbers |= {("class_weight", place): weight for place, weight in enumerate(self.class_weight)}
        wrong = []
        for location, value in numbers.items():
            rounded = in_precision(self.precision, value)
            if rounded != value and (rounded in (0, math.inf) or (location == ("momentum",) and rounded == 1)):
                error = _rounded(self.precision, rounded)
                wrong.append(InitErrorDetails(type=error, loc=location, input=value))
        if wrong:
            raise ValidationError.from_exception_data("Training", wrong)
        return self

    @property
    def checkpoint_interval(self) -> tuple[int, str]:
        """The number and its unit, "epoch" or "step"."""
        count, _, unit = self.checkpoint_every.partition(" ")
        return int(count), unit.removesuffix("s")


class Output(Section):
    """Where runs are written."""

    directory: Directory = Field(Path("outputs"), description="folder of the numbered runs")
    report: bool = Field(False, description="true: at its end a run writes report.html, a page that opens offline")
    live: bool = Field(
        False, description="true: a run keeps live.html up to date, a page that reloads itself and opens offline"
    )


class Config(Section):
    """All options of a run."""

    data: Data = Data()
    model: Model = Model()
    training: Training = Training()
    output: Output = Output()

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """Raises ValidationError, naming each option whose value does not fit those of others."""
        wrong = [
            InitErrorDetails(
                type=PydanticCustomError("unfit", message), loc=tuple(key.split(".")), input=self.value(key)
            )
            for key, message in self.unfit()
        ]
        if wrong:
            raise ValidationError.from_exception_data("Config", wrong)
        return self

    def unfit(self) -> Iterator[tuple[str, Any]]:
        """The options whose values do not fit those of others, with messages; it reads only ``COUPLED``."""
        digits, weights = self.data.digits, self.training.class_weight
        if self.training.patience is not None and not self.data.validation_fraction:
            yield "training.patience", "must be null if data.validation_fraction is 0"
        if self.training.momentum and self.training.optimizer != "sgd":
            yield "training.momentum", f"must be 0 if training.optimizer is {self.training.optimizer}"
        if isinstance(digits, tuple) and isinstance(weights, tuple) and len(digits) != len(weights):
            yield "training.class_weight", "must have one entry for each of data.digits"

    def to_yaml(self) -> str:
        """The config as YAML text; ``load`` reads the same config from it."""
        return _as_yaml(self.model_dump_json())

    def with_values(self, values: Mapping[str, Any]) -> "Config":
        """A copy with other values, by ``section.key``; they are not checked again."""
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
        """The options that differ from another config, with both values, one line each; paths are left out."""
        return [
            f"{key} is {display_value(mine)}, not {display_value(others)}"
            for key, (mine, others) in differing([self, other]).items()
        ]

    def check_resumable(self, other: "Config", run: StrPath) -> None:
        """Raises InputError, with each difference, if a run of this config cannot be resumed with the other one.

        Only training.epochs may differ, and only upwards; if the rates depend on it, nothing may: the longer run would
        not be the one that its config describes.
        """
        longer = self.with_values({"training.epochs": max(self.training.epochs, other.training.epochs)})
        rule = "on resume only training.epochs may change, and only upwards"
        if not self.training.can_get_more_epochs:
            longer = self
            rule = f"on resume nothing may change under training.schedule: {self.training.schedule}"
        if differences := other.differences(longer):
            raise InputError(f"{run}: its config differs; {rule}:", *differences)

    def to_json_in_a_model(self) -> str:
        """Like ``to_json_without_paths``, without each option in ``LATER`` that has its default.

        So an option that is added changes no byte of a model that does not use it, and older runs can be repeated.
        """
        excluded: dict[str, Any] = {"data": {"directory"}, "model": set(), "training": set(), "output": True}
        for key in LATER:
            section, _, name = key.partition(".")
            if self.value(key) == SECTIONS[section].model_fields[name].default:
                excluded[section].add(name)
        return self.model_dump_json(exclude=excluded)

    def to_json_without_paths(self) -> str:
        """The options that determine what is learned, as JSON: all but data.directory and output."""
        return self.model_dump_json(exclude={"data": {"directory"}, "output": True})


SECTIONS: dict[str, Any] = {name: field.annotation for name, field in Config.model_fields.items()}
KEYS = [f"{name}.{key}" for name, section in SECTIONS.items() for key in section.model_fields]

LATER = (
    *("data.transpose", "data.scale", "model.activation"),
    *("training.optimizer", "training.schedule", "training.patience", "training.class_weight"),
)
"""The options that are newer than the first runs."""
COUPLED = (
    *("data.digits", "data.validation_fraction"),
    *("training.optimizer", "training.patience", "training.class_weight", "training.momentum"),
)
"""The options whose values must fit together."""


def differing(configs: Sequence[Config]) -> dict[str, list[Any]]:
    """The options that are not the same in all configs, with their values in each; paths are left out."""
    options = [json.loads(config.to_json_without_paths()) for config in configs]
    values = {
        f"{section}.{name}": [each[section][name] for each in options]
        for section, names in options[0].items()
        for name in names
    }
    return {key: each for key, each in values.items() if any(value != each[0] for value in each)}


def load(path: StrPath, overrides: Sequence[str] = (), *, flag: str = "", links: bool = True) -> Config:
    """The config in a YAML file; ``overrides``, texts like ``section.key=value``, replace single values.

    ``flag``, such as "--set ", is what a command's user writes before an override: messages do, too.

    A key left out has its default. Paths are relative to the file's folder, may begin with ``~``, and are returned
    absolute. Raises InputError with the first errors, at most ``MAX_PROBLEMS``, one line each with its place; also if
    the file is a symbolic link, unless ``links``.
    """
    return parse(_read(path, links=links), path, overrides, flag=flag)


def parse(text: str, path: StrPath, overrides: Sequence[str] = (), *, flag: str = "") -> Config:
    """Like ``load``, from the text of the file."""
    source = _Source.of_text(text, path)
    for number, (option, was_split) in enumerate(rejoined(overrides, _has_whole_value)):
        if was_split:
            source.problems.append(((AFTER_THE_FILE, number), f"{flag}{option}", put_in_quotes(option, flag)))
        else:
            source.override(option, number, flag)
    return _valid(source, Path(path).parent)


def of_mapping(values: Mapping[str, Any], known: "Config | None" = None) -> Config:
    """Like ``load``, from sections that are mappings of keys; paths are relative to the working folder.

    A key left out has its value in ``known``, or else its default. A value may also be NumPy's number or array, a range
    or a path.
    """
    given, base = _plain(values), known.model_dump() if known is not None else {}
    sections = {
        name: {**base.get(name, {}), **section} if isinstance(section, dict) else section
        for name, section in {**base, **_sections(given)}.items()
    }
    return _valid(_Source(sections, {}, {(): ((1, 1), "config")}, []), Path())


def _plain(value: Any, depth: int = yaml_text.MAX_DEPTH) -> Any:
    """A value as YAML gives it. Raises InputError if it is nested too deeply."""
    if not depth:
        raise InputError("config: nested too deeply: it must be a mapping of sections, which are mappings of keys")
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # NumPy's
        value = value.tolist()
    return tuple(_plain(inner, depth - 1) for inner in value) if isinstance(value, list | tuple | range) else value


def _valid(source: "_Source", folder: Path) -> Config:
    """The config of a source whose paths are relative to the folder. Raises InputError with the first errors."""
    problems = source.problems
    try:
        config = Config.model_validate(source.values)
    except ValidationError as invalid:
        first = sorted(invalid.errors(include_url=False), key=source.place)[:MAX_PROBLEMS]
        problems += [(*source.place(error), describe(error)) for error in first]
    if problems:
        raise InputError(*(f"{origin}: {message}" for _, origin, message in sorted(set(problems))))
    return _absolute(config, folder)


@dataclass
class _Source:
    """The values, and the origin of each key and value, as (order, text): a place in the file, or an override."""

    values: Any
    keys: dict[yaml_text.Path, tuple[Place, str]]
    contents: dict[yaml_text.Path, tuple[Place, str]]
    problems: list[tuple[Place, str, str]]
    """(order, origin, message)"""

    @classmethod
    def of_text(cls, text: str, path: StrPath) -> "_Source":
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
        """Replace a value by the one in an option ``section.key=value``."""
        order, origin = (AFTER_THE_FILE, number), f"{flag}{option}"
        name, equals, text = option.partition("=")
        section, _, key = name.partition(".")
        if not (equals and section and key):
            cure = "" if name in KEYS else hint(name)
            self.problems.append((order, origin, f"must be section.key=value{cure}"))
            return
        document = yaml_text.parse(text)
        if document.problems:
            self.problems.append((order, origin, document.problems[0][1]))
            return
        if not isinstance(self.values, dict) or not isinstance(self.values.setdefault(section, {}), dict):
            return  # the file is wrong here, which is reported with its own place
        self.values[section][key] = document.value
        for places in (self.keys, self.contents):
            places.setdefault((section,), (order, origin))
            places[section, key] = (order, origin)
        self.contents = {path: at for path, at in self.contents.items() if path[:2] != (section, key) or len(path) == 2}

    def place(self, error: ErrorDetails) -> tuple[Place, str]:
        """The place of a validation error: the unknown key, else the innermost value around it with a known place."""
        location = error["loc"]
        if error["type"] == "extra_forbidden" and location in self.keys:
            return self.keys[location]
        while location not in self.contents:
            location = location[:-1]
        return self.contents[location]


def _has_whole_value(option: str) -> bool:
    value = option.partition("=")[2]
    return not (yaml_text.parse(value).problems or set(value.split()) & set(KEYS))


LISTS = ("data.digits", "model.hidden_sizes", "training.class_weight")
"""The keys whose values are lists."""
AFTER_THE_FILE = 1 << 62
"""A line number that sorts the errors of overrides after those of the file."""


def _read(path: StrPath, *, links: bool) -> str:
    try:
        return read_small(path, MAX_CONFIG_BYTES, links=links).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: name another config") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8: save the file as UTF-8") from None


def _sections(value: Any) -> Any:
    """The document's value, with {} for an empty document or section."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        return value
    return {name: {} if section is None and name in SECTIONS else section for name, section in value.items()}


INTERVAL = "must be a number of epochs or steps, such as 1 epoch or 200 steps"
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
    **dict.fromkeys(("string_type", "string_pattern_mismatch"), INTERVAL),
}
"""By pydantic's error type; for other types pydantic's own message is used."""


def describe(error: ErrorDetails) -> str:
    """A validation error in one line: the option, the allowed values, and the given value."""
    location = error["loc"]
    name = (dotted(location) or "''") if location else "the file"
    if error["type"] == "extra_forbidden":
        return f"{name}: unknown {'key' if len(location) > 1 else 'section'}{_suggestion(location)}"
    if error["type"] == "model_type":
        return f"{name}: must be {'a section of keys' if location else 'sections of keys'}"
    if error["type"] == "too_long":
        return f"{dotted(location[:2])}: must have at most {error['ctx']['max_length']} entries"
    bounds = {
        key: f"{value:,.15g}" if isinstance(value, float | int) else value
        for key, value in error.get("ctx", {}).items()
    }
    message = MESSAGES.get(error["type"], error["msg"]).format(**bounds)
    value = _known_value(str(error["input"])) if error["type"] == "literal_error" else None
    cure = f": did you mean {value}?" if value and value in bounds["expected"] else ""
    return f"{name}: {message}, not {display_value(error['input'])}{cure}"


def _known_value(name: str) -> str | None:
    """Our name for another tool's value, such as nn.MSELoss or FP32."""
    name = name.rpartition(".")[2]
    return spelling.ours(name, "values") or spelling.same(name, spelling.table("values"))


def _suggestion(location: tuple[str | int, ...]) -> str:
    """The end of a message: the nearest known name, from the same section if possible."""
    *outer, wrong = map(str, location)
    if wrong in KEYS and not outer:
        section, _, key = wrong.partition(".")
        return f": put {key} into the section {section}"
    known = list(SECTIONS[outer[0]].model_fields if outer else SECTIONS)
    if here := spelling.near(wrong, known) or (None if outer else spelling.ours(wrong, "sections")):
        return f", did you mean {here}?"
    return hint(wrong) or f", known are {', '.join(known)}"


def hint(name: str) -> str:
    """The end of a message about a name without a section: the key that may be meant, or what to use instead."""
    if keys := like(name):
        return f", did you mean {' or '.join(keys)}?"
    instead = spelling.ours(name, "not_offered")
    return f", not offered: {instead}" if instead else ""


def like(name: str) -> list[str]:
    """The keys that a name without a section, perhaps another tool's or misspelled, may mean."""
    nearest = spelling.near(name, {key.partition(".")[2] for key in KEYS})
    return [key for key in KEYS if key == spelling.ours(name, "options") or key.partition(".")[2] == nearest]


@contextmanager
def naming(key: str, *, applies: bool = True) -> Iterator[None]:
    """Within this block, add the key of a path, such as ``data.directory``, and its default to an error about the path.

    ``applies`` is False if the path does not come from the config. An OSError becomes an InputError.
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
    """A value as YAML shows it, cut to fit a line."""
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
            message = f"{directory}: not {encoding.upper()}, as {name}.directory must be on this system: {cure}"
            raise InputError(message) from None
        sections[name] = section.model_copy(update={"directory": Path(directory)})
    return config.model_copy(update=sections)


@lru_cache(maxsize=1)
def _as_yaml(text: str) -> str:
    """JSON as YAML. The last one is kept: every checkpoint holds the run's config, and YAML is slow to write."""
    return yaml.dump(json.loads(text), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes a list on one line, and escapes the characters that YAML reads as a line end or skips."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if re.search("[\x85\u2028\u2029\ufeff]", text) else None
    ),
)
_Dumper.add_representer(list, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, True))
