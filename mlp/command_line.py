"""What every command shares: how arguments are parsed, and how errors become one message and an exit code."""

import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import NoReturn

from mlp.errors import CommandError, InputError

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM arrived."""


class Parser(ArgumentParser):
    """Arguments whose errors are reported like all others."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def run(main: Callable[[Sequence[str]], None]) -> int:
    """Run a command on the process's arguments and return its exit code, the message printed to stderr.

    0 done, 1 a check failed, 2 bad input or a failure of the system, 3 diverged, 130 and 143 after
    SIGINT and SIGTERM.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        main(sys.argv[1:])
    except CommandError as error:
        _report(str(error))
        return error.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        _report(f"{where}{error.strerror or error}")
        return InputError.exit_code
    except KeyboardInterrupt:
        _report("interrupted")
        return INTERRUPTED
    except Terminated:
        _report("terminated")
        return TERMINATED
    return 0


def _report(message: str) -> None:
    first, *others = message.splitlines()
    print("\n       ".join([f"error: {first}", *others]), file=sys.stderr)


def _terminate(signum: int, frame: object) -> NoReturn:
    raise Terminated
