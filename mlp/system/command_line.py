"""What every command shares: how arguments are parsed, and how errors become one message and an exit code."""

import errno
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlp.system import signals
from mlp.system.errors import CommandError, InputError, Interrupted, lines_of
from mlp.system.files import home_expanded
from mlp.system.printable import printable, quoted

if TYPE_CHECKING:
    from logging import Logger

CHECKOUT = Path(__file__).parent.parent.parent
NO_THREAD = "can't start new thread"
"""What Python says where the system gives it none."""
NO_ROOM = "the system has no thread or process left for it: end other programs, or raise the limit (ulimit -u)"


class Parser(ArgumentParser):
    """Arguments whose errors are reported like all others, and whose options have no second spelling."""

    def __init__(self, **options: Any):
        options.setdefault("prog", Path(sys.argv[0]).name)  # also for python -m, which Python 3.14 would name otherwise
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise InputError where argparse would print its usage and exit."""
        raise InputError(f"{message}{self.cure(message)} (see {self.prog} --help)")

    def cure(self, message: str) -> str:
        """What to do instead, as the end of the message: for a subclass that knows."""
        return ""


def require(module: str, extra: str) -> None:
    """InputError where a package is missing that one of the project's extras installs."""
    if find_spec(module) is None:
        raise InputError(f"{module} is not installed: python -m pip install '.[{extra}]'")


def run(main: Callable[[Sequence[str]], None]) -> int:
    """Run a command on the process's arguments and return its exit code, the message printed to stderr.

    0 done, 1 a check failed, 2 bad input or a failure of the system, 3 diverged, 129, 130 and 143 after
    SIGHUP, SIGINT and SIGTERM. Streams and signals are its caller's again after it, however it ends.
    """
    with signals.listening(), _forgiving("stdout") as output, _forgiving("stderr"):
        code = _run(main)
        sys.stdout.flush()
        if output is not None and output.error is not None and not isinstance(output.error, BrokenPipeError):
            _report(f"standard output: {output.error.strerror}: what was to be printed there is lost")
            code = code or InputError.exit_code
    return code


def _run(main: Callable[[Sequence[str]], None]) -> int:
    try:
        with signals.immediate():
            main(sys.argv[1:])
    except (CommandError, OSError, MemoryError) as error:
        is_full = isinstance(error, OSError) and error.errno == errno.EAGAIN and error.filename is None  # by fork(2)
        _report(*([NO_ROOM] if is_full else lines_of(error)), notes=_notes(error))
        return error.exit_code if isinstance(error, CommandError) else InputError.exit_code
    except RuntimeError as error:
        if NO_THREAD not in str(error):
            raise
        _report(NO_ROOM, notes=_notes(error))
        return InputError.exit_code
    except Interrupted as stop:
        _report(kind=signals.KINDS[stop.number], notes=_notes(stop) or ["give the same command again"])
        return stop.exit_code
    return 0


class _Forgiving(FileIO):
    """A stream for people: where it cannot be written to any more, a command goes on without it.

    A closed pipe (``| head``) means that its reader has seen enough; a full device is remembered.
    """

    error: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.error = self.error or error
            return len(data)


@contextmanager
def _forgiving(name: str) -> Iterator[_Forgiving | None]:
    """Within this block sys.stdout or sys.stderr is forgiving, and shows what its encoding cannot as an escape.

    One that was closed at the start leads nowhere. Another than the process's own, as in a notebook, stays as it is;
    so does a console of Windows, which takes text of its own kind.
    """
    before, raw = getattr(sys, name), None
    if before is None:
        stream = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    elif before is getattr(sys, f"__{name}__") and _is_plain(before):
        with suppress(OSError):  # what waits in it is its owner's, who will have the error when writing on
            before.flush()
        raw = _Forgiving(before.fileno(), "w", closefd=False)
        stream = TextIOWrapper(
            BufferedWriter(raw),
            encoding=before.encoding,
            errors="backslashreplace",  # a path that the terminal cannot show is no reason to fail
            line_buffering=before.line_buffering or before.write_through,  # as python -u has it
        )
    else:
        yield None
        return
    setattr(sys, name, stream)
    try:
        yield raw
    finally:
        stream.flush()
        if getattr(sys, name) is stream:
            setattr(sys, name, before)
        if before is None:
            stream.close()


def _is_plain(stream: object) -> bool:
    """Whether it writes bytes into a file descriptor; without a buffer under python -u."""
    buffer = getattr(stream, "buffer", None)
    return isinstance(stream, TextIOWrapper) and type(getattr(buffer, "raw", buffer)) is FileIO


def path(text: str) -> Path:
    """A path argument, which may begin with ``~``; no text is no path."""
    if not text:
        raise ArgumentTypeError("a path must not be empty")
    try:
        return Path(home_expanded(text))
    except InputError as error:
        raise ArgumentTypeError(str(error)) from None


def digit(text: str) -> int:
    """A digit argument."""
    if len(text) != 1 or text not in "0123456789":
        raise ArgumentTypeError(f"{text} is not a digit 0 to 9")
    return int(text)


def integer_at_least(text: str, least: int, most: int | None = None) -> int:
    """A number argument, if it is whole and in this range."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise ArgumentTypeError(f"must be a whole number, at least {least}, not {text}")
    if most is not None and number > most:
        raise ArgumentTypeError(f"must be at most {most:,}, not {text}")
    return number


def display_path(path: Path) -> str:
    """A path as the user would type it: relative where it is below the working folder, quoted where need be.

    It is printable, and neither an option nor a home folder.
    """
    try:
        relative = os.path.relpath(path)
    except FileNotFoundError:  # the working folder is gone
        relative = str(path)
    text = str(path) if relative.startswith(os.pardir) else relative
    return quoted(f"./{text}" if text.startswith("~") else argument(text))


def command(name: str) -> str:
    """How a command is called here: by its file in a checkout, unless ``mlp`` called this one."""
    file = CHECKOUT / ("train.py" if name == "train" else f"scripts/{name}.py")
    if sys.argv[0].startswith("mlp ") or not file.exists():
        return f"mlp {name.replace('_', '-')}"
    return f"python {display_path(file)}"


def argument(path: Path | str) -> str:
    """A path as an argument of a command: ``./`` in front of a leading dash, which would make it an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def warn(message: str) -> None:
    """Print a warning."""
    _report(message, kind="warning")


@contextmanager
def quiet(logger: "Logger", level: int) -> Iterator[None]:
    """Within this block a library's logger says only what is at least of this level."""
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


LONGEST_LINE, MOST_LINES = 300, 20
"""Of a message: it fits a screen whatever is quoted in it."""


def _notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


def _report(*message: str, kind: str = "error", notes: Sequence[str] = ()) -> None:
    """Print a message of these lines, with what they quote made harmless to a terminal: escaped, and cut where long.

    Notes are our own, a command to be copied, and stay whole.
    """
    lines = list(map(printable, message))
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"... and {len(lines) - MOST_LINES + 1} more"]
    half = LONGEST_LINE // 2  # what is wrong stands at the end, where it is at the beginning
    lines = [line if len(line) <= LONGEST_LINE else f"{line[:half]}...{line[-half:]}" for line in lines]
    whole = ": ".join([kind, *filter(None, ["\n       ".join(lines)]), *map(printable, notes)])
    print(whole, file=sys.stderr)
