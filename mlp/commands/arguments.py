"""Arguments that several commands take: a config file, options that override it, and a run."""

import os
from argparse import Namespace
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from mlp import config
from mlp.config import Config
from mlp.system import command_line
from mlp.system.command_line import warn

CONFIG = Path("config.yaml")
"""The config file if none is named; if it does not exist, the defaults are used."""
SET = "--set "
"""What a user writes before an override."""


class Parser(command_line.Parser):
    """A command's arguments."""

    def add_config(self) -> None:
        """Add --config FILE and --set KEY=VALUE ..., from which ``config_of`` makes the config."""
        self.add_argument(
            "--config",
            type=command_line.path,
            metavar="FILE",
            help=f"the config (default: {CONFIG}, or the defaults if there is no such file)",
        )
        self.add_argument(
            "--set",
            action="extend",
            nargs="+",
            default=[],
            metavar="SECTION.KEY=VALUE",
            help="overrides an option of the config, such as training.epochs=3",
        )

    def add_run(self, name: str = "run") -> None:
        """Add RUN, or an option of another name, from which ``run_directory`` finds a run."""
        count: dict[str, Any] = {} if name.startswith("-") else {"nargs": "?"}
        self.add_argument(
            name, type=command_line.path, metavar="RUN", help="a run's directory (default: the newest)", **count
        )

    def cure(self, message: str) -> str:
        """How to write an unknown option with --set, if this command takes it: --lr 0.1 is --set training..."""
        _, unknown, arguments = message.partition("unrecognized arguments: ")
        if not unknown or "--set" not in self._option_string_actions:
            return ""
        return as_override(arguments.split())


def as_override(arguments: Sequence[str]) -> str:
    """The end of a message: how to write the first of these arguments, such as ``--lr 0.1``, with --set."""
    first, *rest = arguments
    name, _, value = first.lstrip("-").partition("=")
    values = [value] if value else list(takewhile(lambda word: not word.startswith("--"), rest))
    keys = [name] if name in config.KEYS else config.like(name)
    if not keys:
        return config.hint(name)
    if keys[0] in config.LISTS:
        return f": write {SET}'{keys[0]}=[{', '.join(values) or '...'}]'"
    return f": write {SET}{keys[0]}={values[0] if values else '...'}"


def config_of(options: Namespace) -> Config:
    """The config that --config and --set give. Raises InputError as ``config.load`` does."""
    return read(options.config, options.set)


def read(file: Path | None, overrides: Sequence[str] = ()) -> Config:
    """The config in ``file``, or in CONFIG, or the defaults, changed by the overrides."""
    if file is None and not os.path.lexists(CONFIG):
        return config.parse("", CONFIG, overrides, flag=SET)
    return config.load(file or CONFIG, overrides, flag=SET)


def run_directory(options: Namespace, config_file: Path | None = None) -> Path:
    """RUN, or the newest finished run below a config's output.directory. Raises InputError if no run is finished."""
    from mlp.runs import finished  # imports NumPy, which a command that only reads a config does not need

    directory: Path = options.run or finished.newest(read(config_file).output.directory, warn)
    return directory
