"""What every command shares: how arguments are parsed, and how errors become one message and an exit code."""

import os
import shlex
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from mlp.errors import CommandError, InputError, Terminated

CONFIG = Path("config.yaml")
"""The config where none is named."""

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Parser(ArgumentParser):
    """Arguments whose errors are reported like all others, and whose options have no second spelling."""

    def __init__(self, **options: Any):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise InputError where argparse would print its usage and exit."""
        raise InputError(f"{message} (see {self.prog} --help)")

    def add_config(self) -> None:
        """--config FILE and --set KEY=VALUE ..., as ``config.load`` takes them."""
        self.add_argument("--config", type=path, default=CONFIG, metavar="FILE", help=f"default: {CONFIG}")
        self.add_argument(
            "--set",
            action="extend",
            nargs="+",
            default=[],
            metavar="SECTION.KEY=VALUE",
            help="an option to use instead of the file's, such as training.epochs=3",
        )


def run(main: Callable[[Sequence[str]], None]) -> int:
    """Run a command on the process's arguments and return its exit code, the message printed to stderr.

    0 done, 1 a check failed, 2 bad input or a failure of the system, 3 diverged, 130 and 143 after
    SIGINT and SIGTERM.
    """
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path that the terminal cannot show is no reason to fail
    try:
        main(sys.argv[1:])
    except CommandError as error:
        _report(str(error))
        return error.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        _report(f"{where}{error.strerror or error}")
        return InputError.exit_code
    except MemoryError as error:
        _report(f"not enough memory: {error}")
        return InputError.exit_code
    except KeyboardInterrupt:
        _report("interrupted")
        return INTERRUPTED
    except Terminated:
        _report("terminated")
        return TERMINATED
    return 0


def path(text: str) -> Path:
    """A path argument; no text is no path."""
    if not text:
        raise ArgumentTypeError("a path must not be empty")
    return Path(text)


def shown(path: Path) -> str:
    """A path as the user would type it: relative where it is below the working folder, quoted where need be."""
    relative = os.path.relpath(path)
    return shlex.quote(str(path) if relative.startswith(os.pardir) else relative)


def warn(message: str) -> None:
    """Print a warning."""
    _report(message, "warning")


LONGEST_LINE, MOST_LINES = 300, 20
"""Of a message: it fits a screen whatever is quoted in it."""


def _report(message: str, kind: str = "error") -> None:
    """Print a message, with what it quotes made harmless to a terminal: escaped, and cut where it is long."""
    lines = [
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        for line in message.split("\n")
    ]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"... and {len(lines) - MOST_LINES + 1} more"]
    first, *others = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..." for line in lines]
    print("\n       ".join([f"{kind}: {first}", *others]), file=sys.stderr)


def _terminate(signum: int, frame: object) -> NoReturn:
    raise Terminated
