"""What the tests share: the bundled digits, small synthetic data, and commands run as a user runs them."""

import fcntl
import gc
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from itertools import combinations
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import IO, Any

import hypothesis
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlp import config, idx
from mlp.__main__ import commands
from mlp.commands import gradient_cost
from mlp.commands.runs import replay
from mlp.config import Config
from mlp.data import dataset, idx_folder
from mlp.data.dataset import Dataset
from mlp.figures import curves
from mlp.languages import choice
from mlp.network import MLP
from mlp.runs import directory as run_directory
from mlp.sweeps import grid
from mlp.system import blas_threads, command_line, files, signals
from mlp.training.loop import Trainer
from mlp.training.step import StepPlan

ROOT = Path(__file__).parent.parent
LOG_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d (?=epoch |run )", re.MULTILINE)
"""The time before each line of progress, if stderr is no terminal."""
STRICT = ("-W", "error", "-W", "ignore::DeprecationWarning")

Command = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-trials", action="store_true", help="run all trials, not some of each kind: takes minutes")


MEMORY, ENOUGH = Path("/dev/shm"), 1 << 30  # noqa: S108 - pytest makes a folder of its own there


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files go into memory, if the system has a folder for that: a run waits for the disk thirty times.

    Libraries of threads that are loaded from now on, here or in a process that a test starts, use one thread. Commands
    print English, whatever the language of who runs the tests.
    """
    os.environ |= dict.fromkeys(choice.VARIABLES, "C.UTF-8")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    examples = 2000 if config.getoption("--all-trials") else 50
    hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=examples)
    hypothesis.settings.load_profile("repeatable")


LONG = {"test_sweep.py", "test_readme.py", "test_docs.py", "test_command.py", "test_tour.py", "test_signals.py"}
"""The files whose tests take seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that at the end no process waits for one of another process."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_collection_finish() -> None:
    """The garbage collector skips what is imported by now, which saves a tenth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize ``trial`` with the numbers that the marker ``trials`` asks for."""
    for mark in metafunc.definition.iter_markers("trials"):
        metafunc.parametrize("trial", range(mark.args[metafunc.config.getoption("--all-trials")]))


@pytest.fixture
def injected(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Count a fault of this kind; the counts are printed at the end."""
    return lambda kind: request.node.user_properties.append(("fault", kind))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for report in terminalreporter.getreports("passed") if report.when == "call"]
    for line in [line for report in reports for name, line in report.user_properties if name == "summary"]:
        terminalreporter.line(line)
    faults = Counter(kind for report in reports for name, kind in report.user_properties if name == "fault")
    if faults:
        terminalreporter.section("faults injected, and survived as promised")
        for kind, count in sorted(faults.items()):
            terminalreporter.line(f"{count:6,}  {kind}")


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Restore the signal handlers after each test, so that the tests themselves can be stopped."""
    before = {number: signal.getsignal(number) for number in signals.NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signals.clear()


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread() -> Iterator[None]:
    """One thread, as for the commands; two threads on two busy cores are many times slower."""
    with blas_threads.threads(1):
        yield


@pytest.fixture(autouse=True, scope="session")
def short_measurements() -> Iterator[None]:
    """What gradients cost is measured for a moment only: no test can know the result."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradient_cost, "SECONDS", 0.001)
        yield


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run a command of the project from the checkout; stdout and stderr are text.

    Warnings are errors, except a dependency's deprecation warnings about another one.
    """

    def run(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        script, *others = map(str, arguments)
        return subprocess.run(
            [sys.executable, *STRICT, str(ROOT / script), *others],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env=os.environ | {"COLUMNS": "200"},
        )

    return run


def module_of(script: str) -> ModuleType:
    """The module behind train.py, a file of scripts/, or ``-m benchmarks``."""
    return import_module("benchmarks.command" if script == "benchmarks" else commands()[Path(script).stem])


def without_curve(patch: pytest.MonkeyPatch) -> None:
    """A run's curve is not drawn, which takes longer than everything else in a short run; its file has other bytes."""
    patch.setattr(curves, "loss_curve", lambda path, *_: files.write_text(path, "a curve" * 1000))


def run_here(*arguments: object, cwd: Path = ROOT, draws_curve: bool = False) -> subprocess.CompletedProcess[str]:
    """As ``command``, but within this process, which imports matplotlib only once, and by default without the curve."""
    script, *others = map(str, arguments)
    main = module_of(script).main
    out, error = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        if not draws_curve:
            without_curve(patch)
        patch.chdir(cwd)
        patch.setattr(sys, "argv", [script, *others])
        code = command_line.run(main)
    return subprocess.CompletedProcess([script, *others], code, out.getvalue(), error.getvalue())


QUICKER = {
    "python scripts/check_gradients.py": "--set model.hidden_sizes=[2]",
    "python scripts/train_xor.py --hidden 2 --seeds 0..39": "--seeds 0..1",
}
"""Options that save time, for commands that stand on several pages; docs/experiments.md has such networks and seeds."""


def quicker(command: str) -> list[str]:
    """The arguments of a page's command, which is run to see that it works."""
    program, *arguments = shlex.split(f"{command} {QUICKER.get(command, '')}")
    assert program == "python"
    return arguments


@contextmanager
def undrawn() -> Iterator[None]:
    """Within this block matplotlib's pictures are empty, as drawing is slow."""

    def savefig(figure: Figure, file: IO[Any], **_: object) -> None:
        file.write("<svg></svg>" if isinstance(file, StringIO) else b"a picture")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", savefig)
        yield


@pytest.fixture
def nothing_drawn() -> Iterator[None]:
    """For a test that does not look at the pictures."""
    with undrawn():
        yield


@pytest.fixture
def here() -> Command:
    """The function ``run_here``, which fixtures shared by several tests call directly."""
    return run_here


@pytest.fixture
def replays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """replay.py trains again within this process, which is faster."""

    def train(command: list[str], **_: object) -> SimpleNamespace:
        with pytest.raises(SystemExit) as end:
            exec(command[-1], {})  # noqa: S102 - the program that replay.py would start
        return SimpleNamespace(returncode=end.value.code)

    monkeypatch.setattr(replay, "subprocess", SimpleNamespace(run=train, DEVNULL=None))


@pytest.fixture(scope="module")
def few_pairs() -> Iterator[None]:
    """All pairs are those of three digits: tests of what follows a sweep need not wait for 45 runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "PAIRS", list(combinations((0, 1, 4), 2)))
        yield


def copy_checkout(target: Path) -> Path:
    """A copy of the project without any file that a command has made."""
    made = shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
    runs_folder = str(ROOT / "outputs")
    shutil.copytree(ROOT, target, ignore=lambda folder, names: names if folder == runs_folder else made(folder, names))
    return target


def write_folder(
    folder: Path, labels: list[int], test_labels: list[int], *, side: int = 4, ending: str = "", seed: int = 0
) -> Path:
    """An IDX folder of random images whose first pixel is 28 times the label."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, part in (("train", labels), ("t10k", test_labels)):
        images = random.integers(0, 256, (len(part), side, side), dtype=np.uint8)
        images[:, 0, 0] = 28 * np.array(part) % 256
        idx.write(folder / f"{prefix}-images-idx3-ubyte{ending}", images)
        idx.write(folder / f"{prefix}-labels-idx1-ubyte{ending}", np.array(part, np.uint8))
    return folder


def write_letters(folder: Path, labels: list[int], test_labels: list[int]) -> Path:
    """An IDX folder like EMNIST's: each image lies transposed. Upright it has 5 rows and 3 columns.

    In the upright image the row of the label's remainder by 5 has the label's brightness.
    """
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, part in (("train", labels), ("t10k", test_labels)):
        upright = random.integers(0, 20, (len(part), 5, 3), dtype=np.uint8)
        upright[np.arange(len(part)), np.array(part) % 5] += 8 * np.array(part, np.uint8)[:, np.newaxis] % 230
        idx.write(folder / f"{prefix}-images-idx3-ubyte", np.ascontiguousarray(upright.transpose(0, 2, 1)))
        idx.write(folder / f"{prefix}-labels-idx1-ubyte", np.array(part, np.uint8))
    return folder


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Run import_images.py into tmp_path/out, without drawing; the exit code, what it printed, and the error."""

    def run(source: Path, *options: object) -> tuple[int, str, str]:
        with undrawn():
            done = run_here("scripts/import_images.py", source, tmp_path / "out", *options)
        return done.returncode, done.stdout, done.stderr

    return run


def parts_of(folder: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Images and labels of both parts of a data folder."""
    opened = [idx_folder.open_part(folder, part) for part in ("training", "test")]
    return [(part.take(np.arange(len(part.labels))), part.labels) for part in opened]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty training and ten test images of 4 by 4 pixels, of the digits 0, 1 and 7."""
    return write_folder(tmp_path / "made", [0, 1, 7, 1] * 10, [0, 1, 7, 1, 0] * 2)


@pytest.fixture(scope="session")
def training_digits() -> Dataset:
    """All bundled training images."""
    return dataset.load(ROOT / "data", "training", (0, 1))


@pytest.fixture(scope="session")
def test_digits() -> Dataset:
    """All bundled test images."""
    return dataset.load(ROOT / "data", "test", (0, 1))


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    """A config for a 4-3-1 network, whose runs go into tmp_path/outputs."""
    (tmp_path / "config.yaml").write_text("model:\n  hidden_sizes: [3]\n")
    return config.load(tmp_path / "config.yaml")


FILES = {"train-images-idx3-ubyte": "a" * 64, "train-labels-idx1-ubyte": "b" * 64}
"""Training files that do not exist, as a manifest lists them."""


def finished_run(settings: Config, directory: Path | None = None, seed: int = 0) -> tuple[Path, MLP]:
    """A finished run without training: its directory and its network."""
    network = MLP([4, 3, 1], generator=np.random.default_rng(seed))
    with run_directory.new(settings, directory, pytest.fail) as run:
        run.begin(image_shape=[2, 2], training_files=FILES)
        run.write_model(network.views(network.parameter_block))
        run.finish()
    return run.directory, network


def train_on_digits(directory: Path, *options: str) -> Path:
    """A run of three epochs on the bundled digits; its directory."""
    done = run_here("train.py", "--output", directory, "--set", "training.epochs=3", *options)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run."""
    return train_on_digits(tmp_path_factory.mktemp("digits") / "run")


@pytest.fixture(scope="session")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run with its report."""
    return train_on_digits(tmp_path_factory.mktemp("short") / "run", "output.report=true")


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The page of all examples; as drawing it takes more than a second, the first process that needs it does it."""
    own, is_alone = tmp_path_factory.getbasetemp(), worker_id == "master"
    path = (own if is_alone else own.parent) / "gallery.html"
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            done = run_here("scripts/circuit.py", "--gallery", path)
            assert (done.returncode, done.stdout, done.stderr) == (0, f"gallery: {path}\n", "")
    return path


def by_single_steps(trainer: Trainer) -> Trainer:
    """Blocks of one step each, so that a test can stop a trainer after any step."""
    plans, size = trainer.plans, trainer.loader.batch_size
    for n in {size, len(trainer.training_set) % size or size}:
        plans[n] = StepPlan(trainer.parameters, 1, n)
    return trainer
