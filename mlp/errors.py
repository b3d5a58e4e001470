"""What can go wrong on purpose: each error a command reports, with the exit code it ends in."""


class CommandError(Exception):
    """An error whose text is the whole message for the user: what, where, and the cure."""

    exit_code = 1


class CheckFailed(CommandError):
    """A check that the command makes did not hold."""


class InputError(CommandError):
    """A usage, config or data error: the user can mend it."""

    exit_code = 2


class Diverged(CommandError):
    """Training left the finite numbers."""

    exit_code = 3


class Terminated(BaseException):
    """SIGTERM arrived; a BaseException like KeyboardInterrupt, so that no except Exception catches it."""
