"""Promises of mlp.system.command_line: one message, the right exit code, no traceback."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlp.system import command_line
from mlp.system.errors import CheckFailed, Diverged, InputError, Interrupted


def raiser(error):
    def main(arguments):
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (CheckFailed("it is off"), 1, "error: it is off\n"),
        (InputError("a: wrong", "b: wrong\ntoo"), 2, "error: a: wrong\n       b: wrong\\ntoo\n"),
        (PermissionError(13, "Permission denied", "x/y"), 2, "error: x/y: Permission denied\n"),
        (OSError("odd"), 2, "error: odd\n"),
        (MemoryError("no 3 TiB"), 2, "error: not enough memory: no 3 TiB\n"),
        (Diverged("too fast"), 3, "error: too fast\n"),
        (Interrupted(signal.SIGINT), 130, "interrupted: give the same command again\n"),
        (Interrupted(signal.SIGTERM), 143, "terminated: give the same command again\n"),
    ],
)
def test_errors_become_a_message_and_an_exit_code(error, code, message, capsys):
    assert command_line.run(raiser(error)) == code
    assert capsys.readouterr() == ("", message)


def test_a_message_fits_a_screen_and_is_harmless_to_a_terminal(capsys):
    command_line.run(raiser(InputError(*["\x1b[2J\r" + "é" * 1000] * 1000)))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 20
    assert lines[0].startswith(r"error: \x1b[2J\réé")
    assert max(map(len, lines)) < 320
    assert lines[-1].strip() == "... and 981 more"


def test_a_usage_error_is_reported_like_any_other(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tool.py", "--nonsense"])
    parser = command_line.Parser(prog="tool.py")
    assert command_line.run(parser.parse_args) == 2
    assert capsys.readouterr().err == "error: unrecognized arguments: --nonsense (see tool.py --help)\n"


def test_a_missing_package_is_named_with_a_way_to_install_it(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"^no_such is not installed: python -m pip install -e '\.\[extra\]'$"):
        command_line.require("no_such", extra="extra")
    monkeypatch.setattr(command_line, "CHECKOUT", tmp_path)  # as where a wheel is installed
    with pytest.raises(InputError, match=r"^no_such is not installed: python -m pip install no_such$"):
        command_line.require("no_such", extra="extra")


def test_a_command_is_named_so_that_the_shell_finds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(command_line.CHECKOUT / "train.py")])
    monkeypatch.chdir(command_line.CHECKOUT)
    assert command_line.command("plot_svd") == "python scripts/plot_svd.py"
    monkeypatch.setattr(sys, "argv", ["mlp train"])
    monkeypatch.setattr(sys, "executable", str(command_line.CHECKOUT / ".venv" / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_line.command("plot_svd") == ".venv/bin/python -m mlp plot-svd"
    (tmp_path / "mlp").touch(mode=0o755)
    assert command_line.command("plot_svd") == "mlp plot-svd"


def test_a_bug_is_not_reported_as_an_error_of_the_user():
    with pytest.raises(ZeroDivisionError):
        command_line.run(raiser(ZeroDivisionError()))


def listen():
    """Do not ignore SIGINT, even if the process that started the tests does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_a_command_with_their_code(number, code):
    program = (
        "import os, signal, sys\nfrom mlp.system import command_line\n"
        f"sys.exit(command_line.run(lambda arguments: os.kill(os.getpid(), {int(number)}) or signal.pause()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False, preexec_fn=listen
    )
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)


def test_paths_are_shown_as_the_user_would_type_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert command_line.display_path(tmp_path / "outputs" / "0001") == str(Path("outputs/0001"))
    assert command_line.display_path(tmp_path / "a b") == "'a b'"
    monkeypatch.chdir(tmp_path / "here")
    assert command_line.display_path(tmp_path / "outputs") == str(tmp_path / "outputs")
    monkeypatch.chdir(tmp_path.anchor)  # as services start
    assert command_line.display_path(tmp_path / "outputs") == str(tmp_path / "outputs")


def test_a_path_argument_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command_line.path("~/runs") == tmp_path / "runs"
    assert command_line.path("./~/runs") == Path("~", "runs")
    parser = command_line.Parser(prog="tool.py")
    parser.add_argument("--output", type=command_line.path)
    with pytest.raises(InputError, match=r"^argument --output: ~no-one-here/x: ~no-one-here is no home folder here: "):
        parser.parse_args(["--output=~no-one-here/x"])
