"""Promises of python -m benchmarks. None is about times, which depend on the machine."""

import csv
import os
import platform
import re
import sys
from dataclasses import replace
from itertools import chain, product

import numpy as np
import pytest

from benchmarks import command as benchmark_command
from benchmarks import commands, contenders, lines, machine, memory, processes, size, steps, svd, sweeps
from benchmarks import work as works
from benchmarks.contenders import FLOOR, PROJECT
from benchmarks.work import Work, plain, sized
from mlp.config import Config, Model, Training
from mlp.network import ACTIVATIONS, LOSSES
from mlp.system import command_line
from mlp.system.errors import InputError
from mlp.training import from_config, loop
from tests.conftest import ROOT, write_folder

TABLES = {
    "steps": steps.Row,
    "lines": lines.Row,
    "commands": commands.Row,
    "sweeps": sweeps.Row,
    "svd": svd.Row,
    "memory": memory.Row,
    "size": size.Row,
}
NUMPY_ALONE = ["two matrix products", "this project"]


def table(path, kind):
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert list(rows[0]) == [*kind.__dataclass_fields__, "machine"]
    assert {row["machine"] for row in rows} == {rows[0]["machine"]}
    assert rows[0]["machine"].endswith(f"NumPy {np.__version__}")
    return rows


@pytest.fixture
def numpy_alone(monkeypatch):
    """As if PyTorch, JAX and scikit-learn, whose imports take seconds, were not installed."""
    for module in (contenders, commands, sweeps, svd):
        monkeypatch.setattr(module, "find_spec", lambda name: name if name in ("mlp", "numpy") else None)
    monkeypatch.setattr(sweeps, "SEEDS", range(1))


def surroundings():
    """The environment, and the cores that this process may use."""
    return dict(os.environ), os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


@pytest.fixture
def benchmark(monkeypatch, tmp_path, capsys):
    """Runs the benchmarks on a hundred images in this process: exit code, stdout, stderr."""

    def run(*arguments):
        config = ["--config", str(ROOT / "config.yaml"), "--output", str(tmp_path / "out")]
        few = ["--set", "data.limit_per_digit=50", "training.epochs=1"]
        monkeypatch.setattr(sys, "argv", ["benchmark.py", *config, *few, *map(str, arguments)])
        before = surroundings()
        code = command_line.run(benchmark_command.main)
        assert surroundings() == before
        return code, *capsys.readouterr()

    return run


@pytest.mark.usefixtures("numpy_alone")
def test_every_part_writes_its_table_without_the_contenders_that_are_not_installed(benchmark, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "UNCOUNTED_TURNS", 0)
    monkeypatch.setattr(sweeps, "CORES", 1)  # a second process takes a second to start
    code, out, error = benchmark("--epochs", 1, "--repeats", 1, "--sizes", "16x8", "200x4", "--images", 500)
    assert (code, error) == (0, "")
    assert (
        "left out, as not installed (the extra `benchmark` has them): JAX, jitted; PyTorch, eager; scikit-learn" in out
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*(f"{part}.csv" for part in TABLES), "steps.png"}
    rows = {part: table(tmp_path / "out" / f"{part}.csv", kind) for part, kind in TABLES.items()}
    assert [row["contender"] for row in rows["steps"]] == 4 * NUMPY_ALONE
    assert [row["loss"] for row in rows["steps"]] == 2 * [*2 * ["euclidean"], *2 * ["cross_entropy"]]
    assert [row["steps_per_epoch"] for row in rows["steps"]] == 4 * ["7"] + 4 * ["1"]
    assert {row["times_floor"] for row in rows["steps"] if row["contender"] == FLOOR} == {"1.0"}
    assert {row["times_this_project"] for row in rows["steps"] if row["contender"] == PROJECT} == {"1.0"}
    found = {(row["loss"], row["line"]) for row in rows["lines"] if row["batch_size"] == "16"}
    for loss, line in product(LOSSES, ["Z1 = dot(X, W1)", "db2 = dot(1, dZ5)", "A = subtract(A, dA)"]):
        assert (loss, line) in found
    assert ("euclidean", "dP = subtract(P, Y)") in found
    assert [row["contender"] for row in rows["memory"]] == NUMPY_ALONE[1:]
    assert [row["command"] for row in rows["commands"]] == ["train.py"]
    assert [(row["contender"], row["runs"], row["compile_seconds"]) for row in rows["sweeps"]] == [
        ("sweep.py", "3", "")
    ]
    assert [(row["method"], row["images"]) for row in rows["svd"]] == [(svd.PROJECT, "100"), (svd.FULL, "100")]
    assert [row["images"] for row in rows["size"]] == ["500"]
    assert all(float(row["error"]) < 1e-10 for row in rows["svd"])
    assert all(10 < float(row["peak_megabytes"]) < 10_000 for part in ("memory", "svd", "size") for row in rows[part])


@pytest.mark.usefixtures("numpy_alone")
def test_the_commands_of_the_page_on_performance_run(benchmark, tmp_path):
    """On a few images of two digits, and made ones of three; so few that no network learns in large batches."""
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").replace("\\\n", "")
    commands = re.findall(r"^python -m benchmarks(.*--only.*)$", text, re.MULTILINE)
    assert len(commands) == 1
    made = write_folder(tmp_path / "made", [0, 1, 2] * 20, [0, 1, 2])
    for command in commands:
        code, out, error = benchmark("--epochs", 1, "--sizes", "16x8", *command.replace(" mnist", f" {made}").split())
        assert (code, error) == (0, "")
        assert PROJECT in out


@pytest.mark.usefixtures("numpy_alone")
def test_the_output_describes_the_machine_but_not_its_owner(benchmark):
    out = benchmark("--only", "steps", "--epochs", 1, "--sizes", "16x8")[1]
    assert out.startswith("processor: ")
    assert f"NumPy {np.__version__}" in out
    assert re.search(r"\nNumPy call: \d+\.\d\d us", out)
    assert str(ROOT) not in out
    assert not re.search(rf"\b{re.escape(platform.node())}\b", out)


@pytest.fixture
def work(training_digits):
    """A hundred images in batches of 16, the last one short."""
    return Work(sized(plain(Config()), 16, 8, epochs=3), training_digits.first_of_each(50))


def test_a_contender_takes_part_in_the_losses_that_it_knows(monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda name: name)
    names = [contender.name for contender in contenders.CONTENDERS]
    assert [contender.name for contender in contenders.taking_part("cross_entropy")] == names
    assert [contender.name for contender in contenders.taking_part("euclidean")] == names[:-1]
    assert names[-1] == "scikit-learn"


@pytest.fixture(scope="module")
def three_labels(tmp_path_factory):
    """Ninety made images of three labels."""
    return write_folder(tmp_path_factory.mktemp("made"), [3, 1, 4] * 30, [3, 1, 4])


def work_of(folder, digits, activation, loss):
    options = {"data": {"directory": str(folder), "digits": digits}, "model": {"activation": activation}}
    options["training"] = {"learning_rate": 0.1}
    settings = sized(plain(Config.model_validate(options)), 16, 8, 3, loss)
    return Work(settings, from_config.training_images(settings))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("digits", [[3, 1], [3, 1, 4]])
def test_scikit_learn_does_the_same_work(digits, activation, three_labels):
    pytest.importorskip("sklearn")
    work = work_of(three_labels, digits, activation, "cross_entropy")
    ours, theirs = contenders.this_project(work), contenders.scikit_learn(work)
    for epoch in (1, 2, 3):
        assert theirs(epoch) == pytest.approx(ours(epoch), rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("digits", [[3, 1], [3, 1, 4]])
def test_pytorch_does_the_same_work(digits, loss, three_labels):
    """JAX compiles for seconds; if its work differs, the benchmark fails."""
    pytest.importorskip("torch")
    work = work_of(three_labels, digits, "relu", loss)
    ours, theirs = contenders.this_project(work), contenders.pytorch(work)
    for epoch in (1, 2, 3):
        assert theirs(epoch) == pytest.approx(ours(epoch), rel=1e-5)


def test_the_lines_of_a_softmax_are_named_too(three_labels):
    rows = lines.measure(work_of(three_labels, [3, 1, 4], "relu", "cross_entropy"), epochs=1)
    found = {re.sub(r"\bt\d+", "t", row.line) for row in rows}  # without the numbers of temporary arrays
    assert {
        "Z3 = maximum(Z1, 0)",
        "t = maximum.reduce(t)",
        "t = dot(Z3', dZ5)",
        "P = divide(t, t)",
    } < found
    assert {(row.network, row.activation, row.loss) for row in rows} == {("16-8-3", "relu", "cross_entropy")}


def result(contender, loss="euclidean", first=0.01, last=0.001):
    return steps.Row("784-32-1", "sigmoid", 64, loss, 1.0, contender, 3, 198, 1.0, 1.0, 1.0, 1.0, 1.0, first, last)


AGREEING = [
    result(FLOOR, first=0.0, last=0.0),
    result(PROJECT),
    result("another", first=0.01 * (1 + 5e-6), last=0.001 * (1 + 5e-4)),
    result(PROJECT, "cross_entropy", 0.5, 0.2),
    result("a third", "cross_entropy", 0.5, 0.2),
]


def test_losses_that_agree():
    assert steps.disagreements(AGREEING) == []


@pytest.mark.parametrize(
    ("which", "losses", "message"),
    [
        (2, {"first_loss": 0.0101}, "another: .* of the first epoch is 0.0101, this project's 0.01: 1.0e-02 apart"),
        (2, {"last_loss": 0.0011}, "another: .* of the last epoch is 0.0011, this project's 0.001: 1.0e-01 apart"),
        (4, {"first_loss": 0.01}, "a third: .* of the first epoch is 0.01, this project's 0.5: "),
        (4, {"last_loss": float("nan")}, "a third: .* of the last epoch is nan, this project's 0.2: "),
    ],
)
def test_losses_that_differ_are_named_with_exit_code_1(which, losses, message, benchmark, monkeypatch):
    rows = [*AGREEING]
    rows[which] = replace(rows[which], **losses)
    monkeypatch.setattr(steps, "measure", lambda work, contenders, epochs: rows)
    code, _, error = benchmark("--only", "steps", "--sizes", "64x32", "--losses", "euclidean")
    assert code == 1
    first, line = error.splitlines()
    assert first == "error: the contenders did not do the same work:"
    assert re.search(f"784-32-1, sigmoid, {rows[which].loss.replace('_', '-')}, batch 64: {message}", line)


@pytest.mark.parametrize(
    ("microseconds", "warning"),
    [(500.0, "warning: 784-32-1, sigmoid, euclidean, batch 64: another used 1.8 cores, not one\n"), (1.0, "")],
)
def test_a_contender_with_several_threads_is_warned_of_if_it_ran_for_long(
    microseconds, warning, benchmark, monkeypatch
):
    rows = [*AGREEING[:2], replace(AGREEING[2], cores=1.8, microseconds=microseconds)]  # 3 epochs of 198 steps
    monkeypatch.setattr(steps, "measure", lambda work, contenders, epochs: rows)
    code, _, error = benchmark("--only", "steps", "--sizes", "64x32", "--losses", "euclidean")
    assert (code, error) == (0, warning)


def test_a_busy_core_is_warned_of_once(benchmark, monkeypatch):
    shares = [1, 0.95, 0.85, 0.5, 1]
    rows = [replace(row, cores=cores, microseconds=500.0) for row, cores in zip(AGREEING, shares, strict=True)]
    monkeypatch.setattr(steps, "measure", lambda work, contenders, epochs: rows)
    code, _, error = benchmark("--only", "steps", "--sizes", "64x32", "--losses", "euclidean")
    assert (code, error) == (
        0,
        "warning: other programs used the core, too, in 2 of 5 measurements: times are too long. "
        "this project had 50% of it for 784-32-1, sigmoid, cross-entropy, batch 64\n",
    )


def test_cores_are_given_and_given_back():
    """A sweep gets two cores, and its libraries choose their number of threads."""
    before, cores = surroundings()
    with machine.cores(1) as held:
        one = surroundings()
        assert held == (cores is not None)
        assert one[0]["OMP_NUM_THREADS"] == "1"
        assert cores is None or len(one[1]) == 1
        with machine.cores(2):
            environment, two = surroundings()
            assert environment.keys().isdisjoint(machine.ONE_THREAD)
            assert cores is None or len(two) == min(2, len(cores))
        assert surroundings() == one
    assert surroundings() == (before, cores)


def test_the_row_of_a_sweep():
    found = [processes.Process(seconds, 1.0) for seconds in (9.0, 6.0, 48.0)]
    row = sweeps.row("jax_sweep.py", found, project=4.5, compilations=[2.0, 1.0, 7.0])
    assert (row.repeats, row.runs, row.seconds, row.fastest_seconds) == (3, 24, 9.0, 6.0)
    assert (row.runs_a_second, row.times_this_project, row.compile_seconds) == (24 / 9, 2.0, 2.0)


BAD = {
    **{
        f"a size of {text!r}": (
            ["--sizes", "64x64", text],
            "argument --sizes: must be BATCHxHIDDEN, such as 64x32, not ",
        )
        for text in ("64", "64x", "0x32", "32x0", "6.4x3", "64x64x64", "32 x 32", "9999999x1")
    },
    "no epochs": (["--epochs", "0"], "argument --epochs: must be a whole number, at least 1, not 0"),
    "too many repeats": (["--repeats", str(10**18)], f"argument --repeats: must be at most 1,000,000, not {10**18}"),
    "too many epochs": (["--epochs", str(10**30)], f"argument --epochs: must be at most 1,000,000, not {10**30}"),
    "too many images": (["--images", str(10**10)], "argument --images: must be at most 1,000,000,000, not 10000000000"),
    "half a repeat": (["--repeats", "0.5"], "argument --repeats: must be a whole number, at least 1, not 0.5"),
    "no such part": (["--only", "speed"], "argument --only: invalid choice: 'speed'"),
    "no name for a directory": (["--output", ""], "argument --output: a path must not be empty"),
    "a file for a directory": (["--output", str(ROOT / "train.py")], "train.py: File exists"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_one_message_and_exit_code_2(arguments, message, benchmark):
    code, out, error = benchmark(*arguments)
    assert (code, out) == (2, "")
    assert error.startswith("error: ")
    assert message in error


def test_a_failed_process_is_reported():
    with pytest.raises(InputError, match="ended with exit code 1: ValueError: of its own"):
        processes.run_python("-c", "raise ValueError('of its own')")


def test_peak_memory_is_of_the_process_alone():
    """The tests' own process has much more."""
    held = np.ones(15_000_000)
    assert processes.run_python("-c", "").peak_megabytes < 60
    assert processes.run_python("-c", "held = b'1' * 80_000_000").peak_megabytes > 80
    assert held[-1] == 1


def test_the_rows_of_timings(work):
    """Three counted epochs of seven steps; the one before them, of 99 seconds, does not count."""
    four = [
        contenders.Contender(name, "numpy", start=lambda work: lambda epoch: 0.0) for name in (FLOOR, PROJECT, "a", "b")
    ]
    timings = [
        steps.Timing([99.0, k, 3 * k, 2 * k], [99.0, 2 * k, 6 * k, 4 * k], [9.0, 3.0, 2.0, 1.0])
        for k in (7.0, 14.0, 21.0, 42.0)
    ]
    found = steps.rows(work, four, timings)
    assert [row.microseconds for row in found] == [2e6, 4e6, 6e6, 12e6]
    assert [row.fastest_microseconds for row in found] == [1e6, 2e6, 3e6, 6e6]
    assert [row.times_floor for row in found] == [1, 2, 3, 6]
    assert [row.times_this_project for row in found] == [None, 1, 1.5, 3]
    assert {(row.epochs, row.cores, row.first_loss, row.last_loss) for row in found} == {(3, 2.0, 3.0, 1.0)}


def test_in_each_round_each_contender_trains_one_epoch(work):
    seen = []

    def start(name):
        return lambda work: lambda epoch: seen.append((epoch, name)) or 1.0

    names = [FLOOR, PROJECT, "a"]
    steps.measure(work, [contenders.Contender(name, "numpy", start(name)) for name in names], epochs=4)
    rounds = [seen[k : k + 3] for k in range(0, len(seen), 3)]
    assert [sorted(turn) for turn in rounds] == [sorted((epoch, name) for name in names) for epoch in range(1, 6)]
    assert len({turn[0][1] for turn in rounds}) == 3  # each round begins with another


def test_the_floor_is_the_two_products(work, monkeypatch):
    shapes, dot = [], np.dot
    run = contenders.floor(work)
    monkeypatch.setattr(np, "dot", lambda A, B, out: shapes.append(out.shape) or dot(A, B, out=out))
    run(1)
    assert shapes == [(16, 8), (784, 8)] * 7


def test_the_compared_config_is_plain():
    training = {"momentum": 0.9, "weight_decay": 0.1, "threads": 2, "precision": "float64", "learning_rate": 0.5}
    training |= {"schedule": "cosine", "patience": 3, "class_weight": "balanced"}
    config = Config.model_validate({"training": training, "model": {"loss": "cross_entropy", "activation": "relu"}})
    compared = plain(config)
    assert compared.training == Training(learning_rate=0.5)
    assert compared.model == Model(loss="euclidean", activation="relu")
    adam = Config.model_validate({"training": {"optimizer": "adam"}})
    assert plain(adam).training == Training()
    options = commands.options(config)
    assert options[options.index("--learning-rate") + 1] == 0.5


def test_too_many_images_for_one_order_are_refused(benchmark, monkeypatch):
    monkeypatch.setattr(steps, "MAX_COPIED_BYTES", 78_000)
    code, _, error = benchmark("--only", "steps", "--sizes", "16x8", "--epochs", 1)
    assert code == 2
    assert (
        "100 images are too many for the contenders to take in the same order: at most 99: set data.limit_per_digit"
        in error
    )


class Clock:
    """A clock that moves only when it is read, which takes half a second, and when a call takes time."""

    now = 0.0

    def read(self):
        self.now += 0.5
        return self.now

    def slowed(self, calls):
        """The calls of a step; the first takes a thousand seconds, each other one a thousand more."""
        return [self.taking(1000 * (k + 1), bound) for k, bound in enumerate(calls)]

    def taking(self, seconds, bound):
        def run():
            self.now += seconds
            bound()

        return run


@pytest.mark.parametrize(("batch_size", "most_steps"), [(16, 64), (16, 4), (16, 1), (100, 64), (1, 64)])
def test_calls_are_timed_without_the_clock_and_add_up_to_the_step(batch_size, most_steps, training_digits, monkeypatch):
    """Blocks of several steps, an incomplete last block, blocks of one step, one block in each epoch, and batch 1."""
    clock = Clock()
    monkeypatch.setattr(lines, "perf_counter", clock.read)
    monkeypatch.setattr("mlp.training.step.MAX_STEPS", most_steps)
    work = Work(sized(plain(Config()), batch_size, 8, epochs=4), training_digits.first_of_each(50))
    trainer = loop.Trainer(work.network(), work.images, work.images.first_of_each(0), work.config.training)
    plan = trainer.plans[batch_size]
    passes, count = len(plan.passes), len(plan.passes) + len(plan.update)
    slow = [clock.slowed(plan.calls[first : first + count]) for first in range(0, len(plan.calls), count)]
    plan.passes, plan.update, plan.calls = slow[0][:passes], slow[0][passes:], [*chain.from_iterable(slow)]
    watch = lines.BlockWatch(trainer, batch_size)
    for _ in range(4):
        trainer.run_epoch(after_steps=watch.end_block)
    assert watch.call_times() == pytest.approx([1000 * (k + 1) for k in range(count)])
    assert sum(watch.line_times().values()) == pytest.approx(sum(watch.call_times()), rel=1e-3)
    assert min(watch.line_times().values()) >= 0


def test_the_lines_are_all_calls_and_what_is_done_once_a_block(work):
    rows = lines.measure(work, epochs=2)
    assert list(dict.fromkeys(row.part for row in rows)) == ["feed", "forward", "backward", "history", "update", "loop"]
    assert [row.line for row in rows if row.part == "update"] == ["A = subtract(A, dA)"]
    assert next(row.line for row in rows if row.part == "backward") == "dP = subtract(P, Y)"  # the rate, 1/2, by 16
    assert rows[-1].line.startswith("all else")
    one = lines.measure(replace(work, config=sized(work.config, 1, 8, epochs=3)), epochs=2)
    for line in ("Z1 = dot(X, W1)", "dW1 = dot(X', "):
        assert all(any(row.line.startswith(line) for row in found) for found in (rows, one))


def test_small_batches_have_a_smaller_learning_rate():
    """At a rate of 1 training on single images is chaotic, and the contenders' losses differ."""
    config = Config.model_validate({"training": {"learning_rate": 0.5}})
    rates = [sized(config, n, 8, epochs=1).training.learning_rate for n in (1, 8, 32, 128)]
    assert rates == [0.5 / 32, 0.125, 0.5, 0.5]


def test_an_epoch_of_many_steps_is_measured_less_often(work, monkeypatch):
    assert work.epochs(15) == 15
    monkeypatch.setattr(works, "MAX_STEPS", 21)  # an epoch has 7
    assert (work.epochs(15), work.epochs(2)) == (3, 2)
    monkeypatch.setattr(works, "MAX_STEPS", 6)
    assert work.epochs(15) == 1


@pytest.mark.usefixtures("numpy_alone")
def test_ten_digits_are_two_networks_more(benchmark, tmp_path):
    folder = write_folder(tmp_path / "made", [*range(10)] * 20, [*range(10)])
    code, _, error = benchmark("--only", "steps", "--epochs", 1, "--sizes", "1x8", "--ten-digits", folder)
    assert (code, error) == (0, "")
    rows = [row for row in table(tmp_path / "out" / "steps.csv", steps.Row) if row["contender"] == PROJECT]
    assert [(row["network"], row["activation"], row["batch_size"], row["loss"]) for row in rows] == [
        ("784-8-1", "sigmoid", "1", "euclidean"),
        ("784-8-1", "sigmoid", "1", "cross_entropy"),
        ("16-128-10", "relu", "128", "cross_entropy"),
        ("16-30-10", "sigmoid", "10", "euclidean"),
    ]
