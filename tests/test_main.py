"""Promises of mlp.__main__: a process that continues after a command is as it was, another ends with its code."""

import gc
import os
import runpy
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

from tests.conftest import ROOT

DESCRIPTORS = Path("/proc/self/fd")
counted = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="needs Linux's /proc to count descriptors")
SCRIPT = """
import sys

from mlp.__main__ import run

if __name__ == "__main__":
    sys.exit(run("a_command"))
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
    """The script of a command, beside the command's module."""
    (tmp_path / "a_command.py").write_text(MODULE.format(imported=imported, done=done or "pass"))
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def end_of(path, *arguments):
    """What a script ends in that is run within this process: its exit code, or an error."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        patch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        patch.syspath_prepend(path.parent)
        patch.delitem(sys.modules, "a_command", raising=False)
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            return end.code
        except BaseException as error:  # of which kind is what is asked
            return type(error)
        finally:
            sys.modules.pop("a_command", None)


def descriptors():
    """Each open one and its file; matplotlib keeps the fonts open that it has drawn with."""
    found = {}
    for path in list(DESCRIPTORS.iterdir()):
        with suppress(FileNotFoundError):  # the one by which the others were listed
            found[path.name] = path.readlink()
    return {name: file for name, file in found.items() if file.suffix != ".ttf"}


def state():
    """What a process has one of, and a command might leave otherwise."""
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


@counted
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_however_a_command_ends_the_process_is_as_it_was(end, tmp_path):
    *script, expected = end
    path = written(tmp_path, *script)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = state()
    assert [end_of(path) for _ in range(10)] == [expected] * 10
    assert state() == before
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it may come a moment later
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


@pytest.fixture
def other_settings():
    """Of matplotlib, as a user may have them."""
    with mpl.rc_context({"lines.linewidth": 7, "svg.fonttype": "path", "font.size": 20}):
        yield


@counted
@pytest.mark.usefixtures("other_settings")
def test_the_commands_leave_the_process_as_it_was(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    run = tmp_path / "run"
    train = (ROOT / "train.py", "--output", run, "--set", f"data.directory={folder}", "training.epochs=1")
    before = state()
    assert end_of(*train) == 0
    assert end_of(ROOT / "scripts" / "evaluate.py", run) == 0
    assert end_of(ROOT / "scripts" / "circuit.py", "x * y", "x=2", "y=3", "--draw", tmp_path / "x.svg") == 0
    assert end_of(*train) == 2
    assert state() == before


def test_a_command_works_in_a_thread(folder, tmp_path):
    train = (ROOT / "train.py", "--output", tmp_path / "run", "--set", f"data.directory={folder}", "training.epochs=1")
    ends = []
    thread = threading.Thread(target=lambda: ends.extend(end_of(*train) for _ in range(2)))
    thread.start()
    thread.join()
    assert ends == [0, 2]


def test_imports_are_not_broken_off(tmp_path):
    """It would leave modules half made in a process that goes on."""
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
    """It comes while Python ends, when it has taken its handlers back and clears away its last objects."""
    path = written(tmp_path, LATE.format(number=int(number)), "")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, path], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
