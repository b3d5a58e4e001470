"""Promises of mlp's exceptions: one class to catch them all, and messages that suit a program as well as a command."""

import ast
import pkgutil
import re
from importlib import import_module
from inspect import isclass

import mlp
from mlp.system.errors import Interrupted
from tests.conftest import ROOT

PACKAGE = ROOT / "mlp"
BASE_EXCEPTIONS = {Interrupted: "like KeyboardInterrupt, it must pass every except Exception"}
FLAG = re.compile(r"(?<![\w(-])--[a-z]+")
OF_COMMANDS = ("commands", "sweeps", "__main__.py")
OTHERS = {
    "circuits/examples.py": "the list of mlp circuit --list-examples",
    "circuits/nudge.py": "the arguments of mlp circuit --nudge",
    "languages/choice.py": "the argument --lang of several commands",
    "runs/provenance.py": "git's options",
    "system/command_line.py": "the commands' own arguments",
}


def test_every_exception_is_an_mlp_error():
    for module in pkgutil.walk_packages(mlp.__path__, "mlp."):
        if module.name not in ("mlp.__main__", "mlp.estimator"):  # the estimator needs scikit-learn, and has none
            for found in vars(import_module(module.name)).values():
                if isclass(found) and issubclass(found, BaseException) and found.__module__ == module.name:
                    assert issubclass(found, mlp.Error) or found in BASE_EXCEPTIONS, found


def flags(source):
    """The command-line flags in a source's texts, but for docstrings and other texts that stand alone."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield from FLAG.findall(node.value)


def test_no_message_below_the_commands_names_a_flag_which_a_program_does_not_have():
    """Sweeps are a command's alone."""
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(OF_COMMANDS) and name not in OTHERS:
            assert list(flags(path.read_text(encoding="utf-8"))) == [], path


def test_a_flag_in_a_message_is_found():
    assert list(flags('"""Not --this."""\nraise E(f"{a}: wrong: leave out --as-is")\nx = "var(--ink)"')) == ["--as"]
