"""Commands that use one run at the same time succeed, and each file is written whole by one of them."""

import itertools
import os
import shutil
import sys
import traceback

import pytest

from mlp.runs import history
from mlp.system import command_line
from tests.conftest import ROOT, module_of, run_here
from tests.faults.fault_helpers import project, train

COMMANDS = {
    "evaluate": ("scripts/evaluate.py",),
    "report": ("scripts/report.py",),
    "export": ("scripts/export_onnx.py",),
    "compare": ("scripts/compare.py", "other"),
    "resume": ("train.py", "--set", "output.report=true", "--resume"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two finished runs, with all files that the commands make when they run alone."""
    pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("alone")
    config = project(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("run", "other"):
            assert train(monkeypatch, "--config", config, "--output", folder / name) == 0
    for name in COMMANDS:
        assert run_here(*given(name, folder)).returncode == 0  # this also imports what the command needs
    return folder


def given(name, folder):
    """The script and its arguments."""
    script, *others = COMMANDS[name]
    return [script, *(folder / "other" if other == "other" else other for other in others), folder / "run"]


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def begin(name, folder, at):
    """Start the command in a copy of this process, which has everything imported. Returns the copy's number.

    It waits for the end of the pipe, and writes its output to a file.
    """
    script, *arguments = map(str, given(name, folder))
    main = module_of(script).main
    if process := os.fork():
        return process
    code = 70
    try:
        os.close(at[1])
        os.read(at[0], 1)
        with open(folder / f"{name}-{os.getpid()}.said", "w") as sys.stdout:
            sys.stderr = sys.stdout
            os.chdir(ROOT)
            sys.argv = [script, *arguments]
            try:
                code = command_line.run(main)
            except BaseException:
                traceback.print_exc()
    finally:
        os._exit(code)


def run_together(names, folder):
    """Run the commands at the same time. Returns their errors."""
    at = os.pipe()
    processes = [begin(name, folder, at) for name in names]
    for end in at:
        os.close(end)
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    said = "".join(path.read_text() for path in folder.glob("*.said"))
    for path in folder.glob("*.said"):
        path.unlink()
    return [f"{codes}: {said}"] if any(codes) or "warning" in said else []


def check(names, whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "at-once")
    for path in content(folder):  # the commands' files
        if path.name in ("report.html", "model.onnx", "compare.png", "confusion.png", "evaluation-test.json"):
            (folder / path).unlink()
    expected = content(whole)
    assert run_together(names, folder) == []
    for path, found in content(folder).items():
        assert found.replace(os.fsencode(folder), os.fsencode(whole)) == expected[path], path
    shutil.rmtree(folder)


@pytest.mark.trials(1, 6)
def test_all_of_them(trial, whole, tmp_path, injected):
    """Two of them resume the run. The later trials start each command twice."""
    check([*COMMANDS, *(COMMANDS if trial else ["resume"])], whole, tmp_path)
    injected("commands that use one run at once: all")


PAIRS = list(itertools.combinations_with_replacement(COMMANDS, 2))


@pytest.mark.trials(1, 5 * len(PAIRS))
def test_in_every_pair(trial, whole, tmp_path, injected):
    pair = PAIRS[trial % len(PAIRS)]
    check(pair, whole, tmp_path)
    injected(f"commands that use one run at once: {' and '.join(pair)}")


@pytest.mark.parametrize("script", ["scripts/report.py", "scripts/compare.py"])
def test_a_command_on_a_run_that_resumes_meanwhile_uses_a_single_state(script, whole, tmp_path, monkeypatch, injected):
    """The run resumes just before its history is read, and finishes."""
    folder = shutil.copytree(whole, tmp_path / "going-on")
    read, calls = history.read_history, []

    def then(directory):
        calls.append(directory)
        if calls == [folder / "run"]:
            with pytest.MonkeyPatch.context() as patch:
                assert train(patch, "--resume", folder / "run", "--set", "training.epochs=5") == 0
        return read(directory)

    monkeypatch.setattr(history, "read_history", then)
    done = run_here(script, folder / "run", *([folder / "other"] if "compare" in script else []))
    assert done.returncode == 0, done.stderr
    if "compare" in script:
        assert [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("epochs ")] == [["5", "3"]]
    else:
        page = (folder / "run" / "report.html").read_text()
        assert "5 epochs; " in page
        assert "epochs: 5" in page
    assert calls[:2] == [folder / "run"] * 2
    injected("runs resumed while a command reads them")
