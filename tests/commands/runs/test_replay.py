"""Promises of scripts/replay.py: a run repeats bit for bit, or the first cause of a difference is named."""

import gzip
import json
import os
import shutil
import subprocess
import sys

import pytest

from mlp import __version__, idx
from mlp.commands.runs import replay
from mlp.runs import provenance
from mlp.system import command_line
from tests.conftest import ROOT, write_folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with data, a config and a finished run of 4 by 4 pixels."""
    folder = tmp_path_factory.mktemp("whole")
    write_folder(folder / "made", [0, 1] * 20, [0, 1])
    (folder / "config.yaml").write_text("data: {directory: made}\nmodel: {hidden_sizes: [4]}\ntraining: {epochs: 2}\n")
    # In a process of its own: this one may have loaded the BLAS of other packages, which replay would report.
    command = [sys.executable, ROOT / "train.py", "--config", folder / "config.yaml", "--output", folder / "run"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def trained(whole, tmp_path):
    """The run, to be changed; its data are a copy, too."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace(str(whole), str(tmp_path)))
    return tmp_path / "run"


def test_a_run_is_identical_to_itself_even_if_its_name_begins_with_a_dash(here, trained):
    run = trained.rename(trained.with_name("--help"))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    done = here("scripts/replay.py", "./--help", cwd=run.parent)
    assert done.returncode == 0, done.stderr
    sha256 = json.loads(before["manifest.json"])["weights_sha256"]
    assert done.stdout == f"identical: ./--help repeated gives the same model.npz, SHA-256 {sha256}\n"
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.usefixtures("replays_here")
def test_a_run_on_three_digits_with_each_of_the_other_options_is_identical_to_itself(here, tmp_path):
    write_folder(tmp_path / "made", [0, 1, 7, 7] * 12, [0, 1, 7])
    (tmp_path / "config.yaml").write_text(
        "data: {directory: made, digits: all, transpose: true}\nmodel: {activation: tanh, loss: cross_entropy}\n"
        "training: {epochs: 30, optimizer: adam, schedule: cosine, learning_rate: 0.05, patience: 1}\n"
    )
    options = ["--set", "training.class_weight=balanced"]
    assert (
        here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run", *options).returncode == 0
    )
    done = here("scripts/replay.py", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"identical: {tmp_path / 'run'} repeated")


def test_what_differs_is_said_even_if_the_result_is_identical(here, trained, monkeypatch):
    now = replay.read_finished_manifest(trained)
    monkeypatch.setattr(replay, "train_again", lambda directory, target: now)
    forge(trained, code_sha256="0" * 64, machine="pdp11")
    done = here("scripts/replay.py", trained)
    assert done.returncode == 0, done.stderr
    identical, code, machine = done.stdout.splitlines()
    assert identical.startswith(f"identical: {trained} repeated")
    assert code.startswith(f"although different: the code: {__version__} (SHA-256 000000000000...) then, ")
    assert machine.startswith("although different: the machine: pdp11 then, ")


def test_the_code_of_this_process_runs_again(trained, tmp_path):
    """In a notebook the checkout may be on the path by hand, and another version installed."""
    other = tmp_path / "installed" / "mlp"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise ImportError('another version')\n")
    added = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from mlp.commands.runs import replay; "
    program = f"{added}replay.main({[str(trained)]})"
    environment = os.environ | {"PYTHONPATH": str(other.parent)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:10]) == (0, "identical:"), done.stderr


def test_a_run_on_gz_files_is_the_same_after_these_were_unpacked_beside_them(here, tmp_path):
    """What gunzip -k, or torchvision, makes of a folder; the raw files are read from then on."""
    data, run = write_folder(tmp_path / "made", [0, 1] * 20, [0, 1], ending=".gz"), tmp_path / "run"
    (tmp_path / "config.yaml").write_text(
        "data: {directory: made}\nmodel: {hidden_sizes: [4]}\ntraining: {epochs: 2}\n"
    )
    assert here("train.py", "--config", tmp_path / "config.yaml", "--output", run).returncode == 0
    for path in list(data.iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    for command in (["train.py", "--resume", run, "--set", "training.epochs=3"], ["scripts/evaluate.py", run]):
        done = here(*command)
        assert done.returncode == 0, done.stderr
    replay.check_data(run, replay.read_finished_manifest(run))


def change_data(run):
    path = run.parent / "made" / "train-images-idx3-ubyte"
    images = idx.read(path).copy()
    images[3, 2, 1] ^= 1
    idx.write(path, images)


def change_config(run):
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: 4"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_data, "not identical: the data: other bytes in train-images-idx3-ubyte"),
        (change_config, "not identical: the config: training.seed is 4, not 0"),
    ],
)
def test_what_was_changed_since_is_named(here, trained, change, message):
    change(trained)
    done = here("scripts/replay.py", trained)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {trained}: {message}\n"


def forge(run, **facts):
    """Another model, as if it had been trained under these facts."""
    manifest = json.loads((run / "manifest.json").read_text()) | facts
    (run / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"code_sha256": "0" * 64},
            f"not identical: the code: {__version__} (SHA-256 000000000000...) then, {__version__} (SHA-256 ",
        ),
        ({"versions": {"mlp": __version__, "numpy": "1.0"}}, "not identical: NumPy: 1.0 then, "),
        ({"machine": "pdp11"}, "not identical: the machine: pdp11 then, "),
        ({"blas": []}, "not identical: the BLAS kernel: none then, "),
        ({}, "not identical: nothing known has changed"),
    ],
)
def test_what_the_surroundings_have_changed_is_named(facts, message, trained, monkeypatch, capsys):
    now = replay.read_finished_manifest(trained).model_copy(update={"weights_sha256": "another"})
    monkeypatch.setattr(replay, "train_again", lambda directory, target: now)
    forge(trained, **facts)
    monkeypatch.setattr(sys, "argv", ["replay.py", str(trained)])
    assert command_line.run(replay.main) == 1
    assert message in capsys.readouterr().err


def test_causes_come_in_the_order_of_their_likelihood():
    then = {"code_sha256": "a", "versions": {"numpy": "1"}, "machine": "m", "blas": [{"num_threads": 1}]}
    now = {"code_sha256": "b", "versions": {"numpy": "2"}, "machine": "n", "blas": [{"num_threads": 2, "version": "3"}]}
    causes = [text.partition(":")[0] for text in provenance.differences(then, now)]
    assert causes == ["the code", "NumPy", "the machine", "the BLAS kernel", "the BLAS threads"]
    assert list(provenance.differences(then, then)) == []


def test_every_difference_is_told_the_likeliest_first(trained, monkeypatch, capsys):
    now = replay.read_finished_manifest(trained).model_copy(update={"weights_sha256": "another"})
    monkeypatch.setattr(replay, "train_again", lambda directory, target: now)
    forge(trained, machine="pdp11", blas=[], resumed=[{"at": "noon", "changed": ["NumPy: 1.0 then, 2.0 now"]}])
    monkeypatch.setattr(sys, "argv", ["replay.py", str(trained)])
    assert command_line.run(replay.main) == 1
    said = capsys.readouterr().err
    first, *others = said.splitlines()
    assert "not identical: the machine: pdp11 then, " in first
    assert others[0].startswith("       also different: the BLAS kernel: none then, ")
    assert others[-1] == "       also different: resumed after a change: NumPy: 1.0 then, 2.0 now"


def test_a_run_that_fails_when_it_is_run_again_is_not_identical(trained, monkeypatch, capsys):
    monkeypatch.setattr(replay.sys, "executable", shutil.which("false"))
    monkeypatch.setattr(sys, "argv", ["replay.py", str(trained)])
    assert command_line.run(replay.main) == 1
    assert "repeating it ended with exit code 1" in capsys.readouterr().err


def test_the_code_is_known_by_every_byte_of_it(tmp_path, monkeypatch):
    (tmp_path / "pages").mkdir()
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    monkeypatch.setattr(provenance, "code_sha256", provenance.code_sha256.__wrapped__)
    seen = set()
    for name, text in (
        ("optimizers.py", "a"),
        ("optimizers.py", "b"),
        ("pages/page.html", "a"),
        ("pages/page.html", "b"),
        ("x.py", ""),
    ):
        (tmp_path / name).write_text(text)
        seen.add(provenance.environment([])["code_sha256"])
    assert len(seen) == 5


def test_another_blas_kernel_is_named(command, here, tmp_path, monkeypatch):
    """OpenBLAS is told to take the kernels of an old processor; the run must be large enough for that to matter."""
    options = ["--set", "training.epochs=1", "data.limit_per_digit=200"]
    assert command("train.py", *options, "--output", tmp_path / "run").returncode == 0
    (library, *_) = json.loads((tmp_path / "run" / "manifest.json").read_text())["blas"]
    if library["internal_api"] != "openblas" or library["architecture"] not in ("Haswell", "Zen", "SkylakeX"):
        pytest.skip(f"no other kernel is known to run here: {library}")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Sandybridge")  # for the process that trains again
    done = here("scripts/replay.py", tmp_path / "run")
    assert done.returncode == 1
    assert "not identical: the BLAS kernel: openblas " in done.stderr
    assert done.stderr.endswith(" Sandybridge now\n")


def test_what_is_no_finished_run_is_refused(here, trained, tmp_path):
    shutil.rmtree(tmp_path / "made")
    assert "no such folder" in here("scripts/replay.py", trained).stderr
    (trained / "model.npz").write_bytes(b"")
    assert "model.npz: damaged" in here("scripts/replay.py", trained).stderr
    forge(trained, status="interrupted")
    done = here("scripts/replay.py", trained)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a finished run, its status is interrupted" in done.stderr
