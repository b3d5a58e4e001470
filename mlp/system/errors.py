"""The errors that a command reports, each with its exit code."""

from pathlib import Path

from mlp.system.printable import printable


class Error(Exception):
    """An error whose arguments are the message for the user, a line each: what, where, and the cure.

    The arguments may quote anything; ``str`` escapes what is not printable and has one line per argument.
    """

    exit_code = 1

    def __str__(self) -> str:
        return "\n".join(map(printable, self.args))


class CheckFailed(Error):
    """A check that the command makes failed."""


class InputError(Error):
    """A usage, config or data error, which the user can correct."""

    exit_code = 2


class Unsupported(InputError):
    """The operating system, such as Windows, lacks what the command needs."""

    def __init__(self, what: str):
        super().__init__(f"{what}: use Linux or macOS, or on Windows the Subsystem for Linux (WSL)")


class DataChanged(InputError):
    """A data file changed while it was in use: ``how`` says in which way. ``lines`` are more lines of the message."""

    def __init__(self, path: Path, how: str, cure: str = "give the same command again", *lines: str):
        super().__init__(f"{path}: changed while it was in use, {how}: {cure}", *lines)
        self.path, self.how = path, how


class InUse(InputError):
    """Another process has locked the folder."""


class Diverged(Error):
    """Training produced a non-finite number or learned nothing: ``report`` says where and how, ready for JSON."""

    exit_code = 3

    def __init__(self, message: str, report: dict[str, object] | None = None):
        super().__init__(message)
        self.report = report or {}


class Interrupted(BaseException):
    """A signal asked the command to stop; a BaseException, so that no except Exception catches it."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number

    @property
    def exit_code(self) -> int:
        """The exit code that a shell gives a program that a signal ended."""
        return 128 + self.number


def message_lines(error: Error | OSError | MemoryError) -> tuple[str, ...]:
    """The message for the user: our own, or the system's with its file."""
    if isinstance(error, Error):
        return error.args
    if isinstance(error, MemoryError):
        return (f"not enough memory: {error}",)
    where = f"{error.filename}: " if error.filename is not None else ""
    return (f"{where}{error.strerror or error}",)
