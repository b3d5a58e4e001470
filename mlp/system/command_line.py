"""What all commands share: parsing arguments, and turning each error into one message and an exit code."""

import errno
import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlp.system import signals
from mlp.system.errors import Error, InputError, Interrupted, message_lines
from mlp.system.files import given_path
from mlp.system.printable import printable, quoted
from mlp.system.streams import tolerant

if TYPE_CHECKING:
    from logging import Logger

CHECKOUT = Path(__file__).parent.parent.parent
NO_THREAD = "can't start new thread"
"""Python's message if the system has no thread left."""
NO_ROOM = "the system has no thread or process left: end other programs, or raise the limit (ulimit -u)"
PICTURE_ENDINGS = (".svg", ".png", ".pdf")
"""The pictures that --draw and --show can write."""
MAX_LINE_CHARACTERS, MAX_MESSAGE_LINES = 300, 20
"""A message fits on a screen, whatever it quotes."""


class Parser(ArgumentParser):
    """A command's arguments: errors are reported like all others, and options cannot be abbreviated."""

    def __init__(self, **options: Any):
        options.setdefault("prog", Path(sys.argv[0]).name)  # also for python -m, which Python 3.14 would name otherwise
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raises InputError, where argparse would print the usage and exit."""
        raise InputError(f"{message}{self.cure(message)} (see {self.prog} --help)")

    def cure(self, message: str) -> str:
        """The end of an error message: what to do instead, if a subclass knows it."""
        return ""


def require(module: str, extra: str) -> None:
    """Raises InputError if a package that one of the project's extras installs is missing."""
    if find_spec(module) is None:
        what = f"-e '{display_path(CHECKOUT)}[{extra}]'" if (CHECKOUT / "pyproject.toml").exists() else module
        raise InputError(f"{module} is not installed: python -m pip install {what}")


def run(main: Callable[[Sequence[str]], None]) -> int:
    """Run a command on the process's arguments, print its error to stderr, and return its exit code.

    0 done; 1 a check failed; 2 bad input, or the system failed; 3 diverged; 129, 130 and 143 after SIGHUP, SIGINT and
    SIGTERM. Afterwards the caller has its streams and signals back, however the command ends.
    """
    with signals.listening(), tolerant("stdout") as output, tolerant("stderr"):
        code = _run(main)
        sys.stdout.flush()
        if output is not None and output.error is not None and not isinstance(output.error, BrokenPipeError):
            _report(f"standard output: {output.error.strerror}: the output is lost")
            code = code or InputError.exit_code
    return code


def _run(main: Callable[[Sequence[str]], None]) -> int:
    try:
        with signals.immediate():
            main(sys.argv[1:])
    except (Error, OSError, MemoryError) as error:
        is_full = isinstance(error, OSError) and error.errno == errno.EAGAIN and error.filename is None  # fork(2)
        _report(*([NO_ROOM] if is_full else message_lines(error)), notes=_notes(error))
        return error.exit_code if isinstance(error, Error) else InputError.exit_code
    except RuntimeError as error:
        if NO_THREAD not in str(error):
            raise
        _report(NO_ROOM, notes=_notes(error))
        return InputError.exit_code
    except Interrupted as stop:
        _report(kind=signals.KINDS[stop.number], notes=_notes(stop) or ["give the same command again"])
        return stop.exit_code
    return 0


def path(text: str) -> Path:
    """A path argument, which may begin with ``~`` and must not be empty."""
    try:
        return given_path(text)
    except InputError as error:
        raise ArgumentTypeError(str(error)) from None


def label(text: str) -> int:
    """A label of an image, as an argument: a digit, or a larger number for letters and others."""
    if not re.fullmatch("[0-9]{1,3}", text) or int(text) > 255:
        raise ArgumentTypeError(f"{text} is not a label 0 to 255")
    return int(text)


def integer_at_least(text: str, minimum: int, maximum: int | None = None) -> int:
    """A whole number in this range, as an argument."""
    try:
        number = int(text)
    except ValueError:
        number = minimum - 1
    if number < minimum:
        raise ArgumentTypeError(f"must be a whole number, at least {minimum}, not {text}")
    if maximum is not None and number > maximum:
        raise ArgumentTypeError(f"must be at most {maximum:,}, not {text}")
    return number


def display_path(path: Path) -> str:
    """A path as the user would type it: relative if it is below the working folder, quoted if a shell needs that.

    It is printable, and cannot be read as an option or a home folder.
    """
    text = str(path)
    with suppress(FileNotFoundError):  # the working folder may be gone
        here, relative = Path.cwd(), os.path.relpath(path)
        # In the root folder, where services start, a relative path would look like one that has lost its slash.
        if here != here.parent and not relative.startswith(os.pardir):
            text = relative
    return quoted(f"./{text}" if text.startswith("~") else argument(text))


def command(name: str) -> str:
    """How to call a command from here: its file in a checkout; ``mlp NAME`` without one, or if ``mlp`` is running.

    If the shell does not find ``mlp``, because its environment is not activated, Python runs it.
    """
    file = CHECKOUT / ("train.py" if name == "train" else f"scripts/{name}.py")
    if file.exists() and not sys.argv[0].startswith("mlp "):
        return f"python {display_path(file)}"
    from shutil import which  # takes a while: it imports every way to compress a file

    program = "mlp" if which("mlp") else f"{display_path(Path(sys.executable))} -m mlp"
    return f"{program} {name.replace('_', '-')}"


def argument(path: Path | str) -> str:
    """A path as a command's argument, with ``./`` before a leading dash so that it is not read as an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def warn(message: str) -> None:
    """Print a warning."""
    _report(message, kind="warning")


def check_failures(failures: Sequence[str]) -> None:
    """Raises InputError with these messages, if there are any; those that have no room in it are warnings before it."""
    for failure in failures[:-MAX_MESSAGE_LINES]:
        warn(failure)
    if failures:
        raise InputError(*failures[-MAX_MESSAGE_LINES:])


@contextmanager
def quiet(logger: "Logger", level: int) -> Iterator[None]:
    """Within this block a library's logger prints only messages of at least this level."""
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def _notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


def _report(*message: str, kind: str = "error", notes: Sequence[str] = ()) -> None:
    """Print a message of these lines. What they quote cannot harm a terminal: it is escaped, and cut if long.

    Notes are our own text, a command to be copied, and are not cut.
    """
    lines = list(map(printable, message))
    if len(lines) > MAX_MESSAGE_LINES:
        lines[MAX_MESSAGE_LINES - 1 :] = [f"... and {len(lines) - MAX_MESSAGE_LINES + 1} more"]
    half = MAX_LINE_CHARACTERS // 2  # the place is at the beginning, the problem at the end
    lines = [line if len(line) <= MAX_LINE_CHARACTERS else f"{line[:half]}...{line[-half:]}" for line in lines]
    text = ": ".join([kind, *filter(None, ["\n       ".join(lines)]), *map(printable, notes)])
    print(text, file=sys.stderr)
