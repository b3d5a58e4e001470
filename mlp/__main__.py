"""Run a command: ``mlp train``, ``python -m mlp train``, or by its file, ``python train.py``.

It listens for signals first, then imports only what the command needs.
"""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType
from typing import NoReturn

from mlp.system import signals

FOLDER = Path(__file__).parent / "commands"
GROUPS = ("runs", "backpropagation", "data")
"""The folders of the commands, in the order of the help."""
MIN_SIMILARITY = 0.65
"""Lower than ``spelling.MIN_SIMILARITY``: commands are few, and differ much from each other."""


def run(name: str) -> NoReturn:
    """Run the command with this name or module on the process's arguments, and exit with its exit code."""
    _begin(sys._getframe(1))
    from mlp.system import command_line  # only now that signals are noted

    sys.exit(command_line.run(lambda arguments: _imported(commands().get(name, name)).main(arguments)))


def mlp() -> int:
    """The command ``mlp``: the process's first argument names the command to run. Returns its exit code."""
    _begin(sys._getframe(1))
    from mlp.system import command_line

    return command_line.run(_dispatch)


def _begin(caller: FrameType) -> None:
    """Listen for signals, if the process ends with the caller.

    In a notebook, at a prompt or under runpy the process continues after the command, and its signals are left alone.
    """
    if _is_program(caller) and not sys.flags.inspect and not hasattr(sys, "ps1"):  # python -i, or typed at a prompt
        signals.start()
        # Each command sets its number of BLAS threads itself. By default OpenBLAS starts one for each core, and if
        # the system has no thread left, it sends this process a SIGINT.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # Otherwise Python searches all objects for cycles at its end, a tenth of the time of a short command.
        atexit.register(gc.freeze)


def _is_program(frame: FrameType) -> bool:
    """Whether the frame is a program's outermost: a script's own, or called only by ``python -m``'s two functions."""
    if frame.f_back is None:
        return True
    outer = frame.f_back.f_back
    return outer is not None and outer.f_back is None and outer.f_code.co_name == "_run_module_as_main"


def _imported(module: str) -> ModuleType:
    """A command's module. Signals wait until it is imported: an interrupted import leaves half a module behind."""
    with signals.deferred():
        imported = import_module(module)
    signals.check()
    return imported


def commands() -> dict[str, str]:
    """The module of each command, in the order of the help: ``train`` first, then by group and name."""
    names = [(group, path.stem) for group in GROUPS for path in sorted((FOLDER / group).glob("[!_]*.py"))]
    names.sort(key=lambda name: name[1] != "train")
    return {name: f"mlp.commands.{group}.{name}" for group, name in names}


def _dispatch(arguments: Sequence[str]) -> None:
    """Run the command that the first argument names. Raises InputError if it names none."""
    from mlp import __version__
    from mlp.system import spelling
    from mlp.system.errors import InputError

    if not arguments:
        raise InputError("name a command, as in mlp train (see mlp --help)")
    name, *others = arguments
    known = {command.replace("_", "-"): module for command, module in commands().items()}
    if name in ("-h", "--help", "help"):
        print(_help(known))
    elif name == "--version":
        print(f"mlp {__version__}")
    elif name in known:
        before, sys.argv = sys.argv, [f"mlp {name}", *others]  # help and messages name the command by it
        try:
            _imported(known[name]).main(others)
        finally:
            sys.argv = before
    else:
        with_word = next((each for each in known if name in each.split("-")), None)
        nearest = with_word or spelling.near(name, known, MIN_SIMILARITY)
        cure = f", did you mean {nearest}?" if nearest else ""
        raise InputError(f"mlp {name}: no such command{cure} (see mlp --help)")


def _help(known: dict[str, str]) -> str:
    """The first line of each folder's docstring, and below it each command with its own. Imports no command."""
    lines = ["usage: mlp COMMAND [ARGUMENT ...]    (mlp COMMAND --help lists its arguments)"]
    for group in GROUPS:
        lines += ["", _first_line(FOLDER / group / "__init__")]
        for name, module in known.items():
            if module.startswith(f"mlp.commands.{group}."):
                lines.append(f"  {name:16} {_first_line(FOLDER / group / name.replace('-', '_'))}")
    return "\n".join(lines)


def _first_line(path: Path) -> str:
    """The first line of a module's docstring."""
    return path.with_suffix(".py").read_text(encoding="utf-8").partition("\n")[0].strip('"')


if __name__ == "__main__":
    sys.exit(mlp())
