"""Promises of mlp.figures.curve_process: the same picture whatever happens to the second process, and nothing stays."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from mlp.figures import curve_process, curves
from tests.conftest import LOG_TIME, ROOT
from tests.faults.fault_helpers import one_message, project, start
from tests.figures.test_curves import history

CURVE = (history(3), 2, "euclidean")
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc to see the process")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The bytes of the curve, drawn in this process."""
    path = tmp_path_factory.mktemp("here") / "curve.png"
    curves.loss_curve(path, *CURVE)
    return path.read_bytes()


@pytest.fixture
def processes(monkeypatch):
    """The second processes that are started; all must have ended, with their pipes closed."""
    made = []

    def popen(*arguments, **options):
        made.append(subprocess.Popen(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(curve_process, "Popen", popen)
    yield made
    for process in made:
        assert process.returncode is not None
        assert process.stdin.closed
        assert process.stdout.closed
        assert process.stderr.closed


def drawn_here(monkeypatch):
    """The calls that draw in this process, as they come."""
    calls, draw_here = [], curve_process.draw_here
    monkeypatch.setattr(curve_process, "draw_here", lambda *arguments: (calls.append(arguments), draw_here(*arguments)))
    return calls


def test_a_second_process_draws_the_same_bytes(expected, processes, tmp_path, monkeypatch, capfd):
    calls = drawn_here(monkeypatch)
    with curve_process.started(0) as draw:
        draw(tmp_path / "curve.png", *CURVE)
    assert (tmp_path / "curve.png").read_bytes() == expected
    assert (len(processes), calls) == (1, [])
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0, 0.2])
def test_if_it_is_killed_this_process_draws(number, seconds, expected, processes, tmp_path, monkeypatch, capfd):
    calls = drawn_here(monkeypatch)
    with curve_process.started(0) as draw:
        time.sleep(seconds)  # Python starts, or it imports
        processes[0].send_signal(number)
        draw(tmp_path / "curve.png", *CURVE)
    assert (tmp_path / "curve.png").read_bytes() == expected
    assert len(calls) == 1
    assert processes[0].returncode in ((1, -number) if number == signal.SIGTERM else (-number,))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("code", ["print('half a picture'); raise MemoryError", "import no_such_module", "1 / 0"])
def test_if_it_fails_this_process_draws_and_prints_nothing_of_it(
    code, expected, processes, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(curve_process, "CODE", code)
    with curve_process.started(0) as draw:
        draw(tmp_path / "curve.png", *CURVE)
    assert (tmp_path / "curve.png").read_bytes() == expected
    assert len(processes) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not hasattr(signal, "SIGCHLD"), reason="Windows has no SIGCHLD")
def test_if_it_fails_and_its_exit_code_is_lost_this_process_draws(
    expected, processes, tmp_path, monkeypatch, capfd, request
):
    """A shell's trap '' CHLD, for example, is inherited: the system then forgets exit codes."""
    request.addfinalizer(partial(signal.signal, signal.SIGCHLD, signal.signal(signal.SIGCHLD, signal.SIG_IGN)))
    monkeypatch.setattr(curve_process, "CODE", "print('half a picture'); raise MemoryError")
    with curve_process.started(0) as draw:
        draw(tmp_path / "curve.png", *CURVE)
    assert (tmp_path / "curve.png").read_bytes() == expected
    assert processes[0].returncode == 0
    assert capfd.readouterr() == ("", "")


def refuse(*_, **__):
    raise BlockingIOError(errno.EAGAIN, "no process is left")


def test_if_it_cannot_be_started_this_process_draws(expected, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(curve_process, "Popen", refuse)
        with curve_process.started(0) as draw:
            draw(tmp_path / "curve.png", *CURVE)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with curve_process.started(0) as draw:
        draw(tmp_path / "again.png", *CURVE)
    assert (tmp_path / "curve.png").read_bytes() == (tmp_path / "again.png").read_bytes() == expected


def test_it_is_started_only_on_a_core_that_is_left(processes, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    with curve_process.started(2) as draw:
        assert draw.func is curve_process.draw_here
    assert not processes
    with curve_process.started(1):
        assert len(processes) == 1


def test_a_warning_of_matplotlib_is_printed_once(processes, tmp_path, monkeypatch, capsys):
    (tmp_path / "matplotlibrc").write_text("no_such_key: 1\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    calls = drawn_here(monkeypatch)
    with curve_process.started(0) as draw:
        draw(tmp_path / "curve.png", *CURVE)
    assert not calls
    assert capsys.readouterr().err.count("Bad key no_such_key") == 1


@pytest.mark.parametrize("is_stuck", [False, True])
def test_it_ends_with_a_run_that_fails(is_stuck, processes, monkeypatch, capfd):
    monkeypatch.setattr(curve_process, "MAX_END_SECONDS", 0.1 if is_stuck else 60)

    def fail():
        with curve_process.started(0):
            if is_stuck:
                processes[0].send_signal(signal.SIGSTOP)
            raise ValueError("the run failed")

    with pytest.raises(ValueError, match="the run failed"):
        fail()
    assert processes[0].returncode == (-signal.SIGKILL if is_stuck else 1)
    assert capfd.readouterr() == ("", "")


def test_train_does_not_import_matplotlib_if_it_has_two_cores(tmp_path):
    if curve_process._cores() < 2:
        pytest.skip("needs two cores")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", ROOT / "train.py", "--config", project(tmp_path), "--output", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "mlp.figures.curve_process" in done.stderr
    assert "matplotlib" not in done.stderr
    assert (tmp_path / "run" / "loss_curve.png").stat().st_size > 10_000


def second_process(process):
    """The id of the process that will draw, once train.py has started it."""
    while process.poll() is None:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            with suppress(FileNotFoundError):  # git, which has ended
                if b"curve_process" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
    return pytest.fail(process.stderr.read())


def wait_until_gone(pid):
    while Path(f"/proc/{pid}").exists() and "(zombie)" not in Path(f"/proc/{pid}/status").read_text():
        time.sleep(0.01)


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_the_whole_group_ends_both_with_one_message(number, tmp_path):
    if curve_process._cores() < 2:
        pytest.skip("needs two cores")
    config = project(tmp_path, epochs=100_000)
    process = start("--config", config, "--output", tmp_path / "run", start_new_session=True)
    pid = second_process(process)
    while not (tmp_path / "run" / "checkpoint.npz").exists():
        time.sleep(0.001)
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=50)
    wait_until_gone(pid)
    if number == signal.SIGKILL:
        assert process.returncode == -number
        assert not [line for line in LOG_TIME.sub("", said).splitlines() if not line.startswith("epoch ")]
    else:
        assert process.returncode == 128 + number
        assert one_message(said, {1: "hung up", 2: "interrupted", 15: "terminated"}[number]).count("\n") == 0
