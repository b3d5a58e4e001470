"""What can go wrong on purpose: each error a command reports, with the exit code it ends in."""

from pathlib import Path

from mlp.system.printable import printable


class CommandError(Exception):
    """An error whose arguments are the whole message for the user, a line each: what, where, and the cure.

    They may quote anything. Its text is printable, and has no more lines than arguments.
    """

    exit_code = 1

    def __str__(self) -> str:
        return "\n".join(map(printable, self.args))


class CheckFailed(CommandError):
    """A check that the command makes did not hold."""


class InputError(CommandError):
    """A usage, config or data error: the user can mend it."""

    exit_code = 2


class Unsupported(InputError):
    """The system lacks what the command needs; Windows does."""

    def __init__(self, what: str):
        super().__init__(f"{what}: use Linux or macOS, or on Windows the Subsystem for Linux (WSL)")


class DataChanged(InputError):
    """A data file is no longer what was read of it: ``how`` says what is other now. There may be more lines."""

    def __init__(self, path: Path, how: str, cure: str = "give the same command again", *lines: str):
        super().__init__(f"{path}: changed while it was in use, {how}: {cure}", *lines)
        self.path, self.how = path, how


class InUse(InputError):
    """Another process has the folder."""


class Diverged(CommandError):
    """Training left the finite numbers, or learned nothing: ``report`` says where and how, ready for JSON."""

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
        """What a shell says of a program that a signal ended."""
        return 128 + self.number


def lines_of(error: CommandError | OSError | MemoryError) -> tuple[str, ...]:
    """The message for the user: our own, or the system's with the file that it is about."""
    if isinstance(error, CommandError):
        return error.args
    if isinstance(error, MemoryError):
        return (f"not enough memory: {error}",)
    where = f"{error.filename}: " if error.filename is not None else ""
    return (f"{where}{error.strerror or error}",)
