"""The environment of a run neither stops it nor changes a bit of its model."""

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT, run_here
from tests.faults.fault_helpers import one_message, project

QUICK = ("--set", "training.epochs=2", "data.limit_per_digit=100")
MADE = {"config.yaml", "manifest.json", "history.csv", "loss_curve.png", "model.npz"} | {
    "checkpoint.npz",
    "checkpoint.previous.npz",
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The model of an undisturbed run."""
    target = tmp_path_factory.mktemp("undisturbed") / "run"
    assert run_here("train.py", *QUICK, "--output", target).returncode == 0
    return (target / "model.npz").read_bytes()


SURROUNDINGS = {
    "no variable at all": ("env -i {kernel} {}", 0),
    "everything closed": ("{} <&- >&- 2>&-", 0),
    "a reader who is not there": ("{} 2>&1 | true; exit ${{PIPESTATUS[0]}}", 0),
    "stderr on a full device": ("{} 2>/dev/full", 0),
    "stdout on a full device": ("{} >/dev/full", 2),
    "a folder that is gone": ("mkdir {tmp}/x && cd {tmp}/x && rmdir {tmp}/x && {}", 0),
    "a backend that is none": ("MPLBACKEND=nonsense {}", 0),
    "a style of one's own": ("MATPLOTLIBRC={tmp} {}", 0),
    "a stdout in ASCII": ("PYTHONIOENCODING=ascii {}", 0),
    "a stdout in cp1252": ("PYTHONIOENCODING=cp1252 {}", 0),
    "a locale in C": ("env -u LANG LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {}", 0),
    "no home": ("env -u HOME {}", 0),
    "a home that is none": ("HOME=/dev/null {}", 0),
    "stderr closed": ("{} 2>&-", 0),
    "stdout closed": ("{} >&-", 0),
    "a reader who has seen enough": ("{} | head -n 1; exit ${{PIPESTATUS[0]}}", 0),
    "another working folder": ("cd / && {}", 0),
}


@pytest.mark.trials(2, len(SURROUNDINGS))
def test_surroundings_do_not_stop_a_run(trial, expected, tmp_path, injected):
    shell, code = list(SURROUNDINGS.values())[trial]
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    target = tmp_path / "ü 漢"
    train = [sys.executable, ROOT / "train.py", "--config", ROOT / "config.yaml", *QUICK, "--output", target]
    kernel = shlex.join(f"{name}={value}" for name, value in os.environ.items() if name.startswith("OPENBLAS_"))
    command = shell.format(shlex.join(map(str, train)), tmp=tmp_path, kernel=kernel)  # another kernel, other last bits
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)  # noqa: S607
    assert done.returncode == code, done.stderr
    assert {path.name for path in target.iterdir()} == MADE
    assert json.loads((target / "manifest.json").read_text())["status"] == "finished"
    assert (target / "model.npz").read_bytes() == expected
    for bad in (b"Traceback", b"Exception ignored", b"Broken pipe", b"atplotlib"):
        assert bad not in done.stdout + done.stderr
    injected("odd surroundings")


def test_a_wrong_clock_does_not_stop_a_run(expected, tmp_path, injected):
    """Python's clocks show the second day of a year; 2039 is beyond 32 bits of seconds."""
    program = """
import datetime, runpy, sys, time
real, (folder, *years), command = datetime.datetime, sys.argv[1:4], sys.argv[4:]
class Clock(real):
    now = classmethod(lambda cls, tz=None: real.fromtimestamp(moment, tz))
datetime.datetime, time.time, time.time_ns = Clock, lambda: moment, lambda: int(moment * 10**9)
for year in years:
    moment = real(int(year), 1, 2, tzinfo=datetime.UTC).timestamp()
    sys.argv[:] = [*command, "--output", f"{folder}/{year}"]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        assert end.code == 0
"""
    years = ("1970", "2039")
    train = [ROOT / "train.py", "--config", ROOT / "config.yaml", *QUICK]
    subprocess.run([sys.executable, "-c", program, tmp_path, *years, *train], cwd=ROOT, check=True, capture_output=True)
    for year in years:
        assert (tmp_path / year / "model.npz").read_bytes() == expected
        assert json.loads((tmp_path / year / "manifest.json").read_text())["ended"].startswith(f"{year}-01-02")
        injected("odd surroundings")


WITHOUT_THREADS = """
import threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
"""


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("train.py --config {config} --output {new}", 0),
        ("train.py --config {config} --set training.threads=2 --output {new}", 2),
        ("scripts/sweep.py --config {config} --vary training.seed=0..1 --jobs 2 --output {new}", 2),
    ],
)
def test_without_a_free_thread(command, code, tmp_path, injected):
    """``ulimit -u`` or a container's limit: a command works without threads, or says in one message that it cannot."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_THREADS)
    script, *arguments = command.format(config=project(tmp_path), new=tmp_path / "new").split()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, ROOT / script, *arguments],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    if code:
        assert "no thread or process left" in one_message(done.stderr)
    injected("commands without a free thread")


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("setpriv") or not shutil.which("prlimit"),
    reason="needs root, to be a user who has no process yet, and util-linux",
)
@pytest.mark.trials(1, 2)
def test_under_a_limit_on_processes(trial, tmp_path, injected):
    """OpenBLAS, which NumPy loads, starts a thread for each core, and raises SIGINT if it gets none."""
    rights = "+dac_override"  # to read and write root's files; the limit holds nevertheless
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    user += ["--inh-caps", rights, "--ambient-caps", rights, "--bounding-set", f"-all,{rights}"]
    train = [sys.executable, ROOT / "train.py", "--config", project(tmp_path), "--output", tmp_path / "run"]
    done = subprocess.run(
        [*user, "prlimit", f"--nproc={1 + trial}", *train],  # the second one is the thread that reads signals
        env={name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "OpenBLAS" not in done.stderr
    injected("limits on processes")


@pytest.mark.trials(1, 2)
def test_of_two_runs_in_one_directory_exactly_one_proceeds(trial, tmp_path, expected, injected):
    arguments = (["--output"], ["--config", ROOT / "config.yaml", "--resume"])[trial]
    command = [sys.executable, "train.py", *QUICK, *arguments, tmp_path / "run"]
    both = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes
    for code, text in zip(codes, said, strict=True):
        # The slower one finds the directory in use or, if it is much slower, the run finished.
        assert code == 0 or (code == 2 and ("another run is using it" in text or "not an empty" in text)), text
    assert "--resume" in arguments or sorted(codes) == [0, 2]
    assert (tmp_path / "run" / "model.npz").read_bytes() == expected
    injected("two runs in one directory")
