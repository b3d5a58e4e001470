"""Promises of train.py, run as a user runs it."""

import csv
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import numpy as np
import pytest
import yaml

from mlp import config
from mlp.commands.runs import train as train_command
from mlp.data import idx_folder
from mlp.figures import curves
from mlp.gates import Matmul
from mlp.system import command_line
from mlp.system.text_table import width
from mlp.training import from_config
from mlp.training.loop import Trainer
from tests.conftest import LOG_TIME, ROOT, STRICT
from tests.languages.english import english_left

CONTRACT = {"config.yaml", "manifest.json", "history.csv", "loss_curve.png", "model.npz"} | {
    "checkpoint.npz",
    "checkpoint.previous.npz",
}
QUICK = ("--set", "training.epochs=2", "data.limit_per_digit=100")


def bytes_of(run, name="model.npz"):
    return (run / name).read_bytes()


@pytest.fixture
def main():
    return train_command.main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run on the bundled digits: its directory and what was printed."""
    directory = tmp_path_factory.mktemp("run") / "first"
    done = subprocess.run(
        [sys.executable, *STRICT, "train.py", "--config", "config.yaml", *QUICK, "--output", str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return directory, done


def test_the_run_directory_is_as_in_the_contract(run):
    directory, _ = run
    assert {path.name for path in directory.iterdir()} == CONTRACT
    rows = list(csv.DictReader((directory / "history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    manifest = json.loads((directory / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert manifest["image_shape"] == [28, 28]
    assert manifest["training_files"] == idx_folder.open_part(ROOT / "data", "training").sha256()
    assert manifest["images"] == {"training": 180, "validation": 20}
    assert manifest["gradient_check"]["largest_error"] < 1e-7
    assert set(manifest["gradient_check"]["errors"]) == {"W1", "b1", "W2", "b2"}
    assert manifest["threads"] == 1
    assert manifest["started"] < manifest["ended"]
    if (ROOT / ".git").exists():
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
        assert manifest["git_commit"].removesuffix("-dirty") == head.stdout.strip()
    assert all(library["num_threads"] == 1 for library in manifest["blas"])
    resolved = yaml.safe_load((directory / "config.yaml").read_text())
    assert resolved["data"]["directory"] == str(ROOT / "data")
    assert resolved["training"]["epochs"] == 2


def test_results_go_to_stdout_and_progress_to_stderr_a_line_an_epoch(run):
    directory, done = run
    assert [line.split(":")[0] for line in LOG_TIME.sub("", done.stderr).splitlines()] == ["epoch 1/2", "epoch 2/2"]
    best = r"best epoch \d+: \d+ validation errors? in 20 \(\d+\.\d\d%\); its weights are saved\n"
    assert re.match(best, done.stdout)
    assert done.stdout.splitlines()[-1] == f"next:  python scripts/evaluate.py {directory}"


def test_quiet_prints_nothing_but_warnings_and_errors_and_trains_the_same_run(run, here, tmp_path):
    directory, _ = run
    again = here("train.py", "--config", directory / "config.yaml", "--output", tmp_path / "run", "--quiet")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert (tmp_path / "run" / "model.npz").read_bytes() == (directory / "model.npz").read_bytes()
    assert here("train.py", "--resume", tmp_path / "run", "--quiet").stdout == ""
    (tmp_path / "run" / "checkpoint.npz").write_bytes(b"damaged")
    longer = here("train.py", "--resume", tmp_path / "run", "--quiet", "--set", "training.epochs=3")
    assert longer.stderr.startswith("warning: ")
    assert longer.stderr.count("\n") == 1
    refused = here("train.py", "--output", tmp_path / "run", "--quiet")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: ")


def test_the_copied_config_repeats_the_run_bit_for_bit(run, here, tmp_path):
    directory, _ = run
    again = here("train.py", "--config", directory / "config.yaml", "--output", tmp_path / "again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert bytes_of(directory) == bytes_of(tmp_path / "again")
    histories = [
        [row[:-1] for row in csv.reader((path / "history.csv").read_text().splitlines())]
        for path in (directory, tmp_path / "again")
    ]
    assert histories[0] == histories[1]  # all but the seconds
    assert bytes_of(directory, "config.yaml") == bytes_of(tmp_path / "again", "config.yaml")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The same run in another folder, with other variables, on a terminal: its directory, stdout, and the terminal."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    done = subprocess.run(
        [sys.executable, ROOT / "train.py", "--config", ROOT / "config.yaml", *QUICK, "--output", folder / "a ünï"],
        cwd=folder,
        env=os.environ | environment | {"PYTHONIOENCODING": "ascii"},
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        check=True,
    )
    os.close(slave)
    text = os.read(master, 100_000).decode()
    os.close(master)
    return folder / "a ünï", done.stdout, text


def test_neither_place_nor_variables_change_a_bit_and_what_stdout_cannot_show_is_escaped(run, elsewhere):
    directory, _ = run
    other, stdout, _ = elsewhere
    assert bytes_of(directory) == bytes_of(other)
    assert r"a \xfcn\xef" in stdout


def test_a_bar_is_drawn_on_a_terminal(elsewhere):
    *_, text = elsewhere
    assert "steps" in text
    assert "epoch 2/2: loss" in text


def test_the_weights_saved_are_those_of_the_best_epoch_not_of_the_last(here, tmp_path):
    options = ["data.limit_per_digit=150", "training.epochs=8", "training.batch_size=4", "training.learning_rate=8"]
    here("train.py", "--set", *options, "--output", tmp_path / "run")
    settings = config.load(ROOT / "config.yaml", options)
    training_set, validation_set = from_config.split(settings, from_config.training_images(settings))
    trainer = Trainer(from_config.network(settings, 784), training_set, validation_set, settings.training)
    for _ in range(8):
        trainer.run_epoch()
    assert trainer.progress.best_epoch < 8
    with np.load(tmp_path / "run" / "model.npz") as model:
        for name, best in trainer.best_parameters().items():
            np.testing.assert_array_equal(model[name], best)


def test_another_seed_gives_another_model(run, here, tmp_path):
    directory, _ = run
    here("train.py", *QUICK, "training.seed=1", "--output", tmp_path / "other")
    assert bytes_of(directory) != bytes_of(tmp_path / "other")


def test_runs_are_numbered_under_the_output_directory(here, tmp_path):
    for number in ("0001", "0002"):
        done = here("train.py", *QUICK, f"output.directory={tmp_path}")
        assert f"run:   {tmp_path / number}" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001", "0002"]


def test_without_validation_its_columns_are_empty_and_the_last_epoch_is_kept(here, tmp_path):
    done = here("train.py", *QUICK, "data.validation_fraction=0", "--output", tmp_path / "run")
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines()))
    assert {(row["validation_loss"], row["validation_accuracy"]) for row in rows} == {("", "")}
    assert "last epoch 2: no validation images; its weights are saved" in done.stdout


@pytest.mark.parametrize("hidden", ["[]", "[5, 4, 3]"])
def test_any_hidden_sizes(here, tmp_path, hidden):
    done = here("train.py", *QUICK, f"model.hidden_sizes={hidden}", "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "run" / "model.npz", allow_pickle=False) as model:
        layers = len(json.loads(hidden)) + 1
        assert sorted(model.files) == sorted(["config", *(f"{kind}{k}" for kind in "Wb" for k in range(1, layers + 1))])


def test_by_cross_entropy_and_judged_by_it(here, tmp_path):
    done = here("train.py", *QUICK, "model.loss=cross_entropy", "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(bytes_of(tmp_path / "run", "manifest.json"))
    assert manifest["gradient_check"]["largest_error"] < 1e-7
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines()))
    done = here("scripts/evaluate.py", tmp_path / "run", "--split", "validation", "--json")
    assert done.returncode == 0, done.stderr
    best = min(float(row["validation_loss"]) for row in rows)
    assert json.loads(done.stdout)["loss"] == pytest.approx(best, rel=1e-12)
    settings = config.load(tmp_path / "run" / "config.yaml")
    _, held_out = from_config.split(settings, from_config.training_images(settings))
    X, Y = held_out.arrays("float64")
    with np.load(tmp_path / "run" / "model.npz") as model:
        Z = 1 / (1 + np.exp(-(X @ model["W1"] + model["b1"]))) @ model["W2"] + model["b2"]
    assert best == pytest.approx(np.mean(np.log1p(np.exp(-Z * (2 * Y - 1)))), rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "label"), [("euclidean", "loss (mean of ½ (p − y)²)"), ("cross_entropy", "loss (mean cross-entropy)")]
)
def test_the_curve_says_which_loss_it_shows(main, loss, label, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(curves, "save", lambda figure, path: figures.append(figure))
    main([*QUICK, f"model.loss={loss}", "--config", str(ROOT / "config.yaml"), "--output", str(tmp_path / "run")])
    assert figures[0].axes[0].get_ylabel() == label


def test_divergence_ends_with_exit_code_3_and_no_model(here, tmp_path):
    options = ("training.learning_rate=1000", "training.weight_decay=1000", "training.batch_size=2")
    done = here("train.py", *QUICK, *options, "--output", tmp_path / "run")
    assert done.returncode == 3
    assert done.stderr.startswith("error: training diverged in epoch 1, step ")
    assert "training.learning_rate (1000)" in done.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        *("config.yaml", "manifest.json", "history.csv", "divergence.json")
    }
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["status"] == "diverged"
    report = json.loads((tmp_path / "run" / "divergence.json").read_text())
    assert {"epoch", "step", "gate", "array", "last_finite", "try"} <= report.keys()
    assert f"epoch {report['epoch']}, step {report['step']}: " in done.stderr
    assert done.stderr.endswith(f": details in {tmp_path / 'run' / 'divergence.json'}\n")


def test_a_rate_that_saturates_the_sigmoids_is_no_success(here, tmp_path):
    done = here("train.py", *QUICK, "training.epochs=9", "training.learning_rate=300", "--output", tmp_path / "run")
    assert done.returncode == 3
    assert [line[:10] for line in LOG_TIME.sub("", done.stderr).splitlines()] == [
        "epoch 1/9:",
        "epoch 2/9:",
        "error: tra",
    ]
    assert "lower training.learning_rate (300)" in done.stderr
    assert not list((tmp_path / "run").glob("*.npz"))
    report = json.loads((tmp_path / "run" / "divergence.json").read_text())
    assert (report["epoch"], report["gate"]) == (1, "sigmoid")


BAD = {
    "a misspelt key": (["--set", "training.momentun=1"], "training.momentun: unknown key, did you mean momentum?"),
    "a misspelt loss": (["--set", "model.loss=crossentropy"], "must be 'euclidean' or 'cross_entropy', not"),
    "no epochs": (["--set", "training.epochs=0"], "training.epochs: must be at least 1, not 0"),
    "a digit that is not there": (["--set", "data.digits=[0, 2]"], "no digit 2 in it: it holds 0, 1"),
    "no such data": (["--set", "data.directory=none"], "no such folder: it must hold four IDX files"),
    "no such config": (["--config", "none.yaml"], "none.yaml: no such file"),
    "a full directory": (["--output", "tests"], "tests: not an empty directory"),
    "a file for a directory": (
        ["--output", "train.py"],
        "train.py: not an empty directory: a run never writes over another, name a new one",
    ),
    "no name for a directory": (["--output", ""], "argument --output: a path must not be empty"),
    "two names for a directory": (["--output", "a", "--resume", "b"], "give one of them"),
    "a run that is not there": (["--resume", "nowhere"], "nowhere: no such run: to start it there, add --config FILE"),
    "half a flag": (["--outpu", "x"], "unrecognized arguments: --outpu x"),
    "another tool's flag": (
        ["--lr", "0.1"],
        "unrecognized arguments: --lr 0.1: write --set training.learning_rate=0.1 (see",
    ),
    "a flag with a value": (["--batch-size=5"], "--batch-size=5: write --set training.batch_size=5 (see"),
    "a key as a flag": (["--training.epochs", "3"], "write --set training.epochs=3 (see"),
    "a key without --set": (["training.epochs=3"], "write --set training.epochs=3 (see"),
    "two flags": (
        ["--epochs", "--seed", "1"],
        "unrecognized arguments: --epochs --seed 1: write --set training.epochs=...",
    ),
    "a flag for what is not offered": (
        ["--dropout", "0.5"],
        "--dropout 0.5, not offered: the network has only fully connected layers",
    ),
    "a list without quotes": (["--set", "data.digits=[4,", "9]"], 'put it in quotes: --set "data.digits=[4, 9]"'),
    "no home": (
        ["--config", "~no-one-here/x"],
        "argument --config: ~no-one-here/x: ~no-one-here is no home folder here",
    ),
    "no folder of data": (
        ["--set", "data.directory=/dev/null"],
        "error: /dev/null: not a folder: it must hold four IDX files: name data, with the digits 0 and 1, or "
        "get MNIST into data/mnist by python scripts/download_mnist.py "
        "(data.directory: by default data beside the config file)",
    ),
    "no folder for runs": (
        ["--set", "output.directory=/dev/null"],
        "error: /dev/null: not a folder, so runs cannot be numbered in it: name another one "
        "(output.directory: by default outputs beside the config file)",
    ),
    "no way to make one": (
        ["--set", "output.directory=/dev/null/x"],
        "error: /dev/null/x: Not a directory (output.directory: by default outputs beside the config file)",
    ),
    "an unknown flag": (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    "more weights than memory": (
        ["--set", "model.hidden_sizes=[1000000, 1001]"],
        "at most 1,000,000,000 weights",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_message_exit_code_2_and_nothing_written(here, tmp_path, arguments, message):
    before = sorted(ROOT.glob("outputs/*"))
    done = here("train.py", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(ROOT.glob("outputs/*")) == before


def test_a_network_with_a_wrong_gradient_is_not_trained(main, monkeypatch, tmp_path, capsys):
    right = Matmul.backward

    def wrong(self, dC, C, A, B):
        dA, dB = right(self, dC, C, A, B)
        return dA, dB * 1.01

    monkeypatch.setattr(Matmul, "backward", wrong)
    arguments = ["--config", str(ROOT / "config.yaml"), "--output", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    assert command_line.run(main) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: the gradient check failed, nothing was trained:\n       W1[")
    assert "\n       W2[" in message
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["status"] == "check failed"
    assert min(manifest["gradient_check"]["errors"][name] for name in ("W1", "W2")) > 1e-4
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"config.yaml", "manifest.json"}


def test_the_end_names_the_page_or_the_command_that_makes_it(run, here, folder, tmp_path):
    directory, done = run
    assert f"page:  python scripts/report.py {directory}" in done.stdout.splitlines()
    (tmp_path / "config.yaml").write_text("data: {directory: made}\noutput: {report: true}\ntraining: {epochs: 1}\n")
    page = tmp_path / "run" / "report.html"
    done = here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run")
    assert f"page:  {page}" in done.stdout.splitlines()
    assert page.exists()
    page.unlink()
    done = here("train.py", "--resume", tmp_path / "run")  # finished, and its config asks for a report
    assert done.returncode == 0, done.stderr
    assert page.exists()


def test_a_run_that_its_patience_stopped_says_so_and_is_not_offered_more_epochs(here, tmp_path):
    run = tmp_path / "run"
    options = [
        "training.learning_rate=0.05",
        "data.limit_per_digit=100",
        "training.epochs=300",
        "training.patience=2",
        "training.optimizer=adam",
    ]
    done = here("train.py", "--output", run, "--set", *options)
    assert done.returncode == 0, done.stderr
    with open(run / "history.csv", newline="") as file:
        losses = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    best = losses.index(min(losses)) + 1
    assert len(losses) == best + 2 < 300
    first, second, *_ = done.stdout.splitlines()
    assert first == f"stopped after epoch {best + 2}: no lower validation loss since epoch {best}"
    assert second.startswith(f"best epoch {best}: ")
    again = here("train.py", "--resume", run)
    assert again.stdout == (
        f"{run} is finished, nothing was changed: training.patience 2 ended it after epoch {best + 2}: for more, train "
        "a new run\n"
    )
    done = here("train.py", "--resume", run, "--set", "training.epochs=301")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, first)


def test_the_end_in_chinese(here, tmp_path):
    """Its labels take as many columns of a terminal, and what it does not do it says in Chinese, too."""
    options = ["data.limit_per_digit=20", "training.epochs=1"]
    done = here("train.py", "--lang", "zh", "--output", tmp_path / "run", "--set", *options)
    again = here("train.py", "--lang", "zh", "--resume", tmp_path / "run")
    assert (done.returncode, again.returncode) == (0, 0)
    assert english_left(done.stdout + again.stdout, tmp_path, "--set", "training.epochs") == []
    best, *places = done.stdout.splitlines()
    assert best.startswith("最佳一轮：第 1 轮")
    assert len({width(place[: re.search("python|/", place).start()]) for place in places}) == 1


def test_a_run_whose_patience_lasted_is_offered_more_epochs(here, tmp_path):
    options = ["data.limit_per_digit=20", "training.epochs=2", "training.patience=5"]
    assert here("train.py", "--output", tmp_path / "run", "--set", *options).returncode == 0
    again = here("train.py", "--resume", tmp_path / "run")
    assert again.stdout.endswith(" is finished, nothing was changed: --set a larger training.epochs to continue\n")


def test_a_run_with_falling_rates_is_not_offered_more_epochs(here, tmp_path):
    run = tmp_path / "run"
    done = here("train.py", "--output", run, "--set", "training.schedule=cosine", "training.epochs=2")
    assert done.returncode == 0, done.stderr
    again = here("train.py", "--resume", run)
    assert again.stdout == (
        f"{run} is finished, nothing was changed: training.schedule cosine is complete: for more epochs, train a new "
        "run\n"
    )
