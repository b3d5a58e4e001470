"""The runs of a sweep: one for every combination of the varied options' values."""

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlp import config as configuration
from mlp.config import Config
from mlp.system import yaml_text
from mlp.system.errors import InputError
from mlp.system.shell_words import put_in_quotes, rejoined
from mlp.system.yaml_text import Document

RANGE = re.compile(r"([0-9]{1,18})\.\.([0-9]{1,18})")
MAX_RUNS = 100_000
MAX_NAME_CHARACTERS = 200
"""A run's name is its folder's; Linux allows 255 characters, some file systems fewer."""
MAX_SHOWN_CLASSES = 6
"""In a table or a picture, a list with an entry for each class is shown without its middle if it has more."""
MAX_PLAIN_NUMBER = 1e15
"""A whole number from here on is shorter with an exponent."""
SEED, DIGITS, PRECISION = "training.seed", "data.digits", "training.precision"
CLASS_WEIGHT = "training.class_weight"
PLACES = ("data.directory", "output.directory")
PAIRS = list(itertools.combinations(range(10), 2))
"""All 45 pairs of digits."""


@dataclass(frozen=True)
class Grid:
    """A config and, by key, the values to try instead of its own; each combination is a run."""

    base: Config
    varied: dict[str, list[Any]]

    def __len__(self) -> int:
        return math.prod(map(len, self.varied.values()))

    def points(self) -> Iterator[dict[str, Any]]:
        """Each combination, as values by key; the last key's values change fastest."""
        for values in itertools.product(*self.varied.values()):
            yield dict(zip(self.varied, values, strict=True))

    def configs(self) -> dict[str, Config]:
        """The config of each run, by the run's name, such as learning_rate=0.3,seed=1."""
        return {name(point): self.base.with_values(point) for point in self.points()}

    @property
    def settings(self) -> list[str]:
        """The keys whose values are compared: all but the seed and, with all pairs, the digits."""
        return [key for key in self.varied if key != SEED and not (key == DIGITS and self.has_all_pairs)]

    @property
    def has_all_pairs(self) -> bool:
        """Whether it varies the digits over all 45 pairs."""
        return self.varied.get(DIGITS) == PAIRS


def short(key: str) -> str:
    """A key without its section; unique among the keys that can be varied."""
    return key.partition(".")[2]


def text(value: Any) -> str:
    """A value as --vary takes it: 1 for 1.0."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(text, value))}]"
    if isinstance(value, float) and value.is_integer() and value < MAX_PLAIN_NUMBER:
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def shown(key: str, value: Any) -> str:
    """A value in a table or a picture: ``text``, but a long list of classes without its middle."""
    if key not in (DIGITS, CLASS_WEIGHT) or not isinstance(value, tuple) or len(value) <= MAX_SHOWN_CLASSES:
        return text(value)
    first, second, *_, last = map(text, value)
    return f"[{first}, {second}, ..., {last}]"


def name(values: Mapping[str, Any]) -> str:
    """A run's name from its values by key; in a shell it needs no quotes."""
    return ",".join(f"{short(key)}={_plain(value)}" for key, value in values.items())


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(text, value)) or "none"
    return text(value).replace(" ", "-")


def from_options(
    base: Config, options: Sequence[str], overrides: Sequence[str] = (), *, all_pairs: bool = False
) -> Grid:
    """The grid of --vary options, each ``section.key=value,value,...``, with a..b for whole numbers.

    ``overrides`` are the --set options, which ``base`` contains already. Raises InputError if an option is wrong.
    """
    given: list[tuple[str, str, list[Any]]] = []
    for option, was_split in rejoined(options, _has_whole_values):
        if was_split:
            raise InputError(f"--vary {option}: {put_in_quotes(option, '--vary ')}")
        given.append((f"--vary {option}", *_split(option)))
    if all_pairs:
        given.append(("--pairs all", DIGITS, PAIRS))
    if not given:
        raise InputError("nothing is varied: name an option and its values, such as --vary training.seed=0..9")
    _check_keys(given, {override.partition("=")[0] for override in overrides})
    count = math.prod(len(values) for _, _, values in given)
    if count > MAX_RUNS:
        raise InputError(f"{count:,} runs: at most {MAX_RUNS:,} in a sweep: vary fewer options, or by fewer values")
    varied = {key: _values(base, option, key, values) for option, key, values in given}
    for precision in varied.get(PRECISION, ()):  # it may not hold every value that the base's precision holds
        for key, values in varied.items():
            for value in values:
                _value(base.with_values({PRECISION: precision}), key, value)
    _check_together(base, varied)
    if base.training.threads != 1 or "training.threads" in varied:
        raise InputError("each worker of a sweep has one BLAS thread: training.threads must be 1")
    longest = ",".join(max((name({key: value}) for value in values), key=len) for key, values in varied.items())
    if len(longest) > MAX_NAME_CHARACTERS:
        raise InputError(f"{longest}: too long for the name of a run's folder: vary fewer options at once")
    # In the order of the config, so that the same runs have the same names in whatever order options are given.
    return Grid(base, {key: varied[key] for key in configuration.KEYS if key in varied})


def _check_together(base: Config, varied: Mapping[str, Sequence[Any]]) -> None:
    """Raises InputError, naming the first one, if a combination of values is no valid config."""
    coupled = Grid(base, {key: list(varied[key]) for key in configuration.COUPLED if key in varied})
    for point in coupled.points():
        for key, message in base.with_values(point).unfit():
            combination = " and ".join(f"{each}={text(value)}" for each, value in point.items())
            wrong = f"{key} {message}, not {text(base.with_values(point).value(key))}"
            raise InputError(f"no run can have {combination}: {wrong}: vary them in two sweeps")


def _check_keys(given: Sequence[tuple[str, str, Sequence[Any]]], fixed: set[str]) -> None:
    """Raises InputError if a key is varied twice, is also set, or cannot be varied."""
    keys = [key for _, key, _ in given]
    for k, (option, key, _) in enumerate(given):
        if key in keys[:k]:
            raise InputError(f"{option}: {key} is varied twice: give all its values at once")
        if key in fixed:
            raise InputError(f"{option}: {key} is also given by --set: either vary it or set it")
        if key in PLACES:
            raise InputError(f"{option}: {key} is a path and cannot be varied: make a sweep for each")


def _split(option: str) -> tuple[str, list[Any]]:
    """The key and the values of an option."""
    key, equals, listed = option.partition("=")
    if not (equals and key):
        raise InputError(f"--vary {option}: must be section.key=value,value,... or section.key=a..b")
    document = _listed(listed)
    if document.problems:
        raise InputError(f"--vary {option}: {document.problems[0][1]}")
    values = [value for entry in document.value for value in _range(entry, option)]
    if not values:
        raise InputError(f"--vary {option}: no value: must be section.key=value,value,... or section.key=a..b")
    return key, values


def _listed(values: str) -> Document:
    return yaml_text.parse(f"[{values}]")


def _has_whole_values(option: str) -> bool:
    return not _listed(option.partition("=")[2]).problems


def _range(entry: Any, option: str) -> Sequence[Any]:
    """The whole numbers from a to b for ``a..b``; any other entry alone."""
    ends = RANGE.fullmatch(entry) if isinstance(entry, str) else None
    if not ends:
        return [entry]
    first, last = map(int, ends.groups())
    if last < first:
        raise InputError(f"--vary {option}: {entry} is empty: the first number must not be above the last")
    if last - first >= MAX_RUNS:
        raise InputError(
            f"--vary {option}: {entry} has {last - first + 1:,} values: at most {MAX_RUNS:,} runs in a sweep"
        )
    return range(first, last + 1)


def _values(base: Config, option: str, key: str, values: Sequence[Any]) -> list[Any]:
    """The values as a config has them. Raises InputError if one is not valid for the key, or given twice."""
    found: dict[str, Any] = {}
    for value in values:
        parsed = _value(base, key, value)
        if text(parsed) in found:
            raise InputError(f"{option}: {text(parsed)} is given twice")
        found[text(parsed)] = parsed
    return list(found.values())


def _value(base: Config, key: str, value: Any) -> Any:
    """The value as a config has it. Raises InputError if it is not valid for the key."""
    section, _, option = key.partition(".")
    if key in configuration.KEYS:
        with suppress(ValidationError):
            return getattr(getattr(base, section).changed({option: value}), option)
    # Slower; it raises the same message as --set does.
    given = [f"{key}={json.dumps(value)}"]
    return configuration.parse(base.to_yaml(), Path("config.yaml"), given, flag="--vary ").value(key)
