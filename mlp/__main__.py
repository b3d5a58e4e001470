"""Run a command: ``mlp train``, ``python -m mlp train``, or by its file, ``python train.py``.

It listens for signals first, then imports only what the command needs.
"""

import ast
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType

from mlp.system import signals

FOLDER = Path(__file__).parent / "commands"
"""Each module in a folder below it is a command; these folders are the groups in the help."""


def run(name: str) -> int:
    """Run a command, by its name or by its module, on the process's arguments. Its exit code."""
    _begin(sys._getframe(1))
    from mlp.system import command_line  # not before it listens

    return command_line.run(lambda arguments: _imported(name).main(arguments))


def mlp() -> int:
    """The command ``mlp``: the process's first argument names the command. Its exit code."""
    _begin(sys._getframe(1))
    from mlp.system import command_line

    return command_line.run(_dispatch)


def _begin(caller: FrameType) -> None:
    """Listen for signals, if the caller is the process's program.

    Otherwise, as in a notebook or under runpy, the process continues after the command and is left as it was.
    """
    behind = caller.f_back
    is_option_m = behind is not None and behind.f_back is not None and "_as_main" in behind.f_back.f_code.co_name
    if (behind is None or is_option_m) and not sys.flags.inspect:
        signals.start()
        # Each command sets its number of BLAS threads itself. By default OpenBLAS starts one for each core, and if
        # the system has no thread left, it sends this process a SIGINT.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _imported(name: str) -> ModuleType:
    """The module of a command. Signals wait for the import: one that is broken off leaves half a module."""
    with signals.deferred():
        module = import_module(commands().get(name, name))
    signals.check()
    return module


def commands() -> dict[str, str]:
    """The module of each command, by its name."""
    return {path.stem: f"mlp.commands.{path.parent.name}.{path.stem}" for path in sorted(FOLDER.glob("*/[!_]*.py"))}


def _dispatch(arguments: Sequence[str]) -> None:
    """Run the command that the first argument names. Raises InputError if it names none."""
    from mlp import __version__
    from mlp.system import spelling
    from mlp.system.errors import InputError

    if not arguments:
        raise InputError("name a command, as in mlp train (see mlp --help)")
    name, *others = arguments
    known = {module.replace("_", "-"): module for module in commands()}
    if name in ("-h", "--help"):
        print(_help())
    elif name == "--version":
        print(f"mlp {__version__}")
    elif name in known:
        before, sys.argv = sys.argv, [f"mlp {name}", *others]  # what help and messages call it
        try:
            _imported(known[name]).main(others)
        finally:
            sys.argv = before
    else:
        nearest = spelling.near(name, known)
        cure = f", did you mean {nearest}?" if nearest else ""
        raise InputError(f"mlp {name}: no such command{cure} (see mlp --help)")


def _help() -> str:
    """Each command with the first line of its docstring, below the docstring of its folder."""
    lines = ["usage: mlp COMMAND ARGUMENTS ..., mlp COMMAND --help"]
    for folder in sorted(FOLDER.glob("*/__init__.py"), key=lambda path: path.parent.name != "runs"):
        lines += ["", _first_line(folder)]
        commands = sorted(folder.parent.glob("[!_]*.py"), key=lambda path: (path.stem != "train", path.stem))
        lines += [f"  {path.stem.replace('_', '-'):16} {_first_line(path)}" for path in commands]
    return "\n".join(lines)


def _first_line(path: Path) -> str:
    """Of a module's docstring, without importing the module."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(mlp())
