"""Promises of mlp.__main__: the commands are found and named, and a process that outlives one is as it was before."""

import ast
import gc
import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import threadpoolctl

from mlp import __main__, __version__
from tests.conftest import ROOT

DESCRIPTORS = Path("/proc/self/fd")
counted = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="needs Linux's /proc to count descriptors")
SCRIPT = """
from mlp.__main__ import run

if __name__ == "__main__":
    run("a_command")
"""
MODULE = """
import os, signal, sys
from mlp.system import command_line, errors, signals
{imported}

def main(arguments):
    {done}
"""
ENDS = {
    "done": ("", "print('done')", 0),
    "help": ("", "command_line.Parser().parse_args(['--help'])", 0),
    "bad input": ("", "raise errors.InputError('bad')", 2),
    "diverged": ("", "raise errors.Diverged('too fast')", 3),
    "interrupted": ("", "os.kill(os.getpid(), signal.SIGINT)", 130),
    "terminated": ("", "os.kill(os.getpid(), signal.SIGTERM)", 143),
    "interrupted while it imports": ("os.kill(os.getpid(), signal.SIGINT)", "print('not reached')", 130),
    "two signals at once": ("", "with signals.deferred(): [os.kill(os.getpid(), 2) for _ in '12']", KeyboardInterrupt),
    "a mistake of its own": ("", "1 / 0", ZeroDivisionError),
    "an import that fails": ("import no_such_module", "", ModuleNotFoundError),
}


def written(tmp_path, imported, done):
    """A command's script and, beside it, its module."""
    (tmp_path / "a_command.py").write_text(MODULE.format(imported=imported, done=done or "pass"))
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def end_of(path, *arguments):
    """Run a script within this process: its exit code, or the type of its error."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        patch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        patch.syspath_prepend(path.parent)
        patch.delitem(sys.modules, "a_command", raising=False)
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            return end.code
        except BaseException as error:
            return type(error)
        finally:
            sys.modules.pop("a_command", None)


def descriptors():
    """The open file descriptors and their files, without the fonts that matplotlib keeps open."""
    found = {}
    for path in list(DESCRIPTORS.iterdir()):
        with suppress(FileNotFoundError):  # the descriptor that listed the others
            found[path.name] = path.readlink()
    return {name: file for name, file in found.items() if file.suffix != ".ttf"}


def state():
    """Whatever belongs to the whole process, so that a command might leave it changed."""
    gc.collect()
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    umask = os.umask(0)
    os.umask(umask)
    return {
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "wake-up descriptor": wakeup,
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "threads": set(threading.enumerate()),
        "descriptors": descriptors(),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook, sys.getrecursionlimit()),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "umask": umask,
        "path": list(sys.path),
        "warnings": list(warnings.filters),
        "NumPy's errors": np.geterr(),
        "NumPy's printing": np.get_printoptions(),
        "NumPy's global generator": np.random.get_state()[1].tolist(),
        "BLAS": [(library["filepath"], library["num_threads"]) for library in threadpoolctl.threadpool_info()],
        "matplotlib": dict(mpl.rcParams.copy()),
        "garbage": (gc.get_threshold(), gc.isenabled()),
    }


def changes(act):
    """What an act changes in the process. Tried twice: what another test left behind may end in the middle of one."""
    for _ in range(2):
        before = state()
        act()
        after = state()
        found = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        if not found:
            break
    return found


@counted
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_however_a_command_ends_the_process_is_as_it_was(end, tmp_path):
    *script, expected = end
    path = written(tmp_path, *script)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ends = []
    assert changes(lambda: ends.extend(end_of(path) for _ in range(10))) == {}
    assert set(ends) == {expected}
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it may arrive a moment later
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


@pytest.fixture
def other_settings():
    """Settings of matplotlib that a user may have."""
    with mpl.rc_context({"lines.linewidth": 7, "svg.fonttype": "path", "font.size": 20}):
        yield


@counted
@pytest.mark.usefixtures("other_settings")
def test_the_commands_leave_the_process_as_it_was(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    run, script = tmp_path / "run", ROOT / "scripts"
    train = (ROOT / "train.py", "--output", run, "--set", f"data.directory={folder}", "training.epochs=1")

    def commands():
        shutil.rmtree(run, ignore_errors=True)
        assert end_of(*train) == 0
        assert end_of(script / "evaluate.py", run) == 0
        assert end_of(script / "circuit.py", "x * y", "x=2", "y=3", "--draw", tmp_path / "x.svg") == 0
        assert end_of(*train) == 2

    assert changes(commands) == {}


def test_a_command_works_in_a_thread(folder, tmp_path):
    train = (ROOT / "train.py", "--output", tmp_path / "run", "--set", f"data.directory={folder}", "training.epochs=1")
    ends = []
    thread = threading.Thread(target=lambda: ends.extend(end_of(*train) for _ in range(2)))
    thread.start()
    thread.join()
    assert ends == [0, 2]


def test_an_import_is_not_interrupted(tmp_path):
    """In a process that continues, half a module would be left behind."""
    path = written(tmp_path, f"os.kill(os.getpid(), 2)\nopen({str(tmp_path / 'whole')!r}, 'w').close()", "")
    assert end_of(path) == 130
    assert (tmp_path / "whole").exists()


LATE = """
class Late:
    def __del__(self, kill=os.kill, process=os.getpid()):
        kill(process, {number})
sys.late = Late()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_work_does_not_undo_its_exit_code(number, tmp_path):
    """It arrives while Python shuts down: the handlers are removed, and the last objects deleted."""
    path = written(tmp_path, LATE.format(number=int(number)), "")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, path], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def mlp(monkeypatch, capsys, *arguments):
    """The command ``mlp`` within this process: its exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/mlp", *arguments])
    return __main__.mlp(), *capsys.readouterr()


def docstring(path):
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_help_lists_every_command_in_its_group(monkeypatch, capsys):
    code, help_text, error = mlp(monkeypatch, capsys, "--help")
    assert (code, error) == (0, "")
    assert max(map(len, help_text.splitlines())) <= 100
    _, *groups = help_text.rstrip("\n").split("\n\n")
    paths = [__main__.FOLDER / group for group in __main__.GROUPS]
    assert sorted(paths) == sorted(path.parent for path in __main__.FOLDER.glob("*/__init__.py"))
    for group, path in zip(groups, paths, strict=True):
        heading, *lines = group.splitlines()
        assert heading == docstring(path / "__init__.py")
        commands = {file.stem.replace("_", "-"): docstring(file) for file in path.glob("[!_]*.py")}
        assert dict(line.split(maxsplit=1) for line in lines) == {
            name: text.splitlines()[0] for name, text in commands.items()
        }
    assert groups[0].splitlines()[1].startswith("  train ")


def test_help_imports_no_command():
    """Nor what takes time to import."""
    program = "import sys; from mlp.__main__ import mlp; mlp(); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True)
    modules = done.stderr.split()
    assert "mlp.system.command_line" in modules
    assert not {"numpy", "yaml", "mlp.config", "mlp.commands"} & set(modules)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a command, as in mlp train (see mlp --help)"),
        (["trian"], "mlp trian: no such command, did you mean train? (see mlp --help)"),
        (["Evaluate"], "mlp Evaluate: no such command, did you mean evaluate? (see mlp --help)"),
        (["plot_svd"], "mlp plot_svd: no such command, did you mean plot-svd? (see mlp --help)"),
        (["export"], "mlp export: no such command, did you mean export-onnx? (see mlp --help)"),
        (["eval"], "mlp eval: no such command, did you mean evaluate? (see mlp --help)"),
        (["nothing"], "mlp nothing: no such command (see mlp --help)"),
        (["\x1b[2J"], r"mlp \x1b[2J: no such command (see mlp --help)"),
        (["train", "--nonsense"], "unrecognized arguments: --nonsense (see mlp train --help)"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_is_an_error_that_names_the_right_one(arguments, message, monkeypatch, capsys):
    assert mlp(monkeypatch, capsys, *arguments) == (2, "", f"error: {message}\n")


def test_a_command_has_its_own_help_under_its_name(monkeypatch, capsys):
    for command in ("train", "plot-svd"):
        with pytest.raises(SystemExit) as end:
            mlp(monkeypatch, capsys, command, "--help")
        assert end.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: mlp {command} [-h]")
    assert sys.argv == ["/usr/bin/mlp", "plot-svd", "--help"]  # as it was


def test_it_says_its_version(monkeypatch, capsys):
    assert mlp(monkeypatch, capsys, "--version") == (0, f"mlp {__version__}\n", "")


def test_outside_a_checkout_the_message_says_how_to_get_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, error = mlp(monkeypatch, capsys, "train")
    assert (code, out) == (2, "")
    assert error.startswith(f"error: {tmp_path / 'data'}: no such folder: ")
    assert "mlp download-mnist" in error
    assert "data.directory" in error
    assert list(tmp_path.iterdir()) == []


def test_each_script_is_a_docstring_and_a_call_of_its_command():
    modules = __main__.commands()
    scripts = {path.stem: path for path in [ROOT / "train.py", *(ROOT / "scripts").glob("*.py")]}
    assert scripts.keys() == modules.keys()
    for name, path in scripts.items():
        before, _, call = path.read_text(encoding="utf-8").removeprefix('"""').partition('"""\n')
        assert call == SCRIPT.replace("a_command", name)
        command = docstring(ROOT / (modules[name].replace(".", "/") + ".py"))
        assert before.splitlines()[0] == command.splitlines()[0]


CONSOLE_SCRIPT = "import sys\nfrom mlp.__main__ import mlp\nif __name__ == '__main__':\n    sys.exit(mlp())\n"
"""As pip writes it."""
RUN_A_MODULE = "import runpy; runpy.run_module('mlp', run_name='__main__', alter_sys=True)"
IN_A_THREAD = "import threading; from mlp.__main__ import mlp; threading.Thread(target=lambda: mlp()).start()"
WAYS = {
    "a file": (["scripts/download_mnist.py"], True),
    "python -m": (["-m", "mlp"], True),
    "the command": (["mlp"], True),
    "python -i": (["-i", "scripts/download_mnist.py"], False),
    "python -i -m": (["-i", "-m", "mlp"], False),
    "a prompt": (["-c", "import sys; sys.ps1 = '>>> '; from mlp.__main__ import mlp; mlp()"], False),
    "exec": (["-c", "exec(open('scripts/download_mnist.py').read())"], False),
    "runpy's path": (["-c", "import runpy; runpy.run_path('scripts/download_mnist.py', run_name='__main__')"], False),
    "runpy's module": (["-c", RUN_A_MODULE], False),
    "a thread": (["-c", IN_A_THREAD], False),
}


@pytest.mark.parametrize(("way", "is_own"), WAYS.values(), ids=WAYS)
def test_only_a_process_that_ends_with_the_command_is_taken_over(way, is_own, tmp_path):
    """``signals.start`` listens to the end of the process; every way prints the same help."""
    (tmp_path / "sitecustomize.py").write_text(
        "from mlp.system import signals\nsignals.start = lambda: print('taken over', file=__import__('sys').stderr)\n"
    )
    (tmp_path / "mlp").write_text(CONSOLE_SCRIPT)
    arguments = [str(tmp_path / "mlp") if word == "mlp" and "-m" not in way else word for word in way]
    names_it = "download_mnist" in " ".join(way)
    done = subprocess.run(
        [sys.executable, *arguments, *([] if names_it else ["download-mnist"]), "--help"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--mirror" in done.stdout
    assert ("taken over" in done.stderr) == is_own
