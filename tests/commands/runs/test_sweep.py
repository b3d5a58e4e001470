"""A sweep is complete and has the same models, whoever trains them and whatever stops it."""

import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from mlp.commands.runs import sweep as sweep_command
from mlp.runs import finished as finished_runs
from mlp.sweeps.worker import TOKEN
from mlp.system import files, signals
from tests.conftest import LOG_TIME, ROOT, STRICT, run_here, undrawn, write_folder

pytest.importorskip("joblib", reason="joblib is not installed: the extra sweep has it")

SWEEP = "scripts/sweep.py"
GRID = ["--vary", "training.learning_rate=0.3,1", "training.seed=0..3"]
FILES = {"sweep.csv", "sweep.json", "curves.png", "heat_map.png"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A config whose runs take some tenths of a second."""
    path = tmp_path_factory.mktemp("project") / "config.yaml"
    path.write_text(
        f"data: {{directory: {ROOT / 'data'}, limit_per_digit: 200}}\nmodel: {{hidden_sizes: [8]}}\n"
        "training: {epochs: 10, batch_size: 8, momentum: 0.5, checkpoint_every: 5 epochs}\n"
    )
    return path


def sweep(*arguments):
    """Run a sweep in this process, one run at a time, with empty pictures."""
    with undrawn():
        return run_here(SWEEP, "--jobs", 1, *arguments)


def models(folder):
    """The bytes of each run's model, by the run's name; each run must be complete."""
    found = {}
    for path in filter(Path.is_dir, folder.glob("*=*")):
        finished_runs.read_run(path)
        found[path.name] = (path / "model.npz").read_bytes()
    return found


@pytest.fixture(scope="module")
def reference(project):
    """The models of the grid's 8 runs, trained one after the other."""
    done = sweep("--config", project, *GRID, "--output", project.parent / "reference")
    assert done.returncode == 0, done.stderr
    found = models(project.parent / "reference")
    assert len(found) == 8
    return found


@contextmanager
def started(*arguments, **options):
    """A process, killed at the end."""
    process = subprocess.Popen([sys.executable, *map(str, arguments)], text=True, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def reading(process, count):
    """The lines that the process prints, up to this count of finished runs."""
    lines = []
    while sum(LOG_TIME.sub("", line).startswith("run ") for line in lines) < count:
        line = process.stderr.readline()
        assert line, "".join(lines)
        lines.append(line)
    return lines


def workers_of(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"popen_loky" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def after(count, folder, act):
    """Do something as soon as the sweep in this folder, which this process then runs, has this count of models."""

    def wait():
        while len(list(folder.glob("*/model.npz"))) < count:
            time.sleep(0.01)
        act()

    threading.Thread(target=wait, daemon=True).start()


def moments(folder):
    return {path: path.stat().st_mtime_ns for path in folder.glob("*=*/*")}


def test_patience_class_weights_digits_and_activations_can_be_varied(tmp_path):
    write_folder(tmp_path / "made", [0, 1, 7] * 20, [0, 1, 7])
    (tmp_path / "c.yaml").write_text(
        "data: {directory: made}\nmodel: {hidden_sizes: [8]}\ntraining: {epochs: 15, learning_rate: 1, batch_size: 8}\n"
    )
    options = ["data.digits=[7,0],[0,1,7],all", "model.activation=tanh", "training.patience=1"]
    options += ["training.class_weight=null,balanced"]
    done = sweep("--config", tmp_path / "c.yaml", "--output", tmp_path / "s", "--vary", *options)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "s" / "sweep.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert {row["status"] for row in rows} == {"finished"}
    assert min(int(row["epochs"]) for row in rows) < 15
    of_all, of_three = (
        models(tmp_path / "s")[f"digits={digits},activation=tanh,patience=1,class_weight=null"]
        for digits in ("all", "0-1-7")
    )
    assert of_all == of_three
    again = sweep("--config", tmp_path / "c.yaml", "--output", tmp_path / "s", "--vary", *options)
    assert again.stdout == done.stdout
    assert again.stderr.count("finished before") == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["data.validation_fraction=0,0.1", "training.patience=null,3"],
            "no run can have data.validation_fraction=0 and",
        ),
        (["data.digits=all", "training.class_weight=[1,2]"], "training.class_weight: 2 entries, but "),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_any_run(folder, tmp_path, options, message):
    (tmp_path / "c.yaml").write_text("data: {directory: made}\n")
    done = sweep("--config", tmp_path / "c.yaml", "--output", tmp_path / "s", "--vary", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "s").exists()


def test_after_a_killed_process_and_ctrl_c_nothing_is_lost_or_done_twice(project, reference, tmp_path):
    # After a worker was killed, joblib's own process that tidies up may warn that a file is gone already.
    strict = [*STRICT, "-W", "ignore:resource_tracker"]
    command = [*strict, ROOT / SWEEP, "--config", project, *GRID, "--output", tmp_path / "sweep", "--jobs", 2]
    with started(*command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        reading(process, 2)
        first, _ = workers_of(process)
        status = Path(f"/proc/{first}/status").read_text()
        mask = int(re.search(r"SigBlk:\s*(\w+)", status)[1], 16)
        assert all(mask >> (number - 1) & 1 for number in signals.NUMBERS)  # signals sent to all are for the sweep
        os.kill(first, signal.SIGKILL)
        lines = reading(process, 2)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, rest = process.communicate(timeout=60)
    lines += rest.splitlines(keepends=True)
    assert process.returncode == 130
    assert "warning: a worker process was killed: another resumes its run\n" in lines
    others = [line for line in lines if not line.startswith(("run ", "warning: "))]
    assert len(others) == 1
    count = int(
        re.fullmatch(r"interrupted: (\d+) of 8 runs are done: give the same command again to resume\n", others[0])[1]
    )
    assert out == ""
    assert not (tmp_path / "sweep" / TOKEN).exists()
    manifests = (tmp_path / "sweep").glob("*/manifest.json")
    done = [path.parent for path in manifests if '"status": "finished"' in path.read_text()]
    assert 4 <= len(done) == count < 8
    before = {path: moment for path, moment in moments(tmp_path / "sweep").items() if path.parent in done}

    again = sweep("--config", project, *GRID, "--output", tmp_path / "sweep")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("; finished before\n") == count
    assert models(tmp_path / "sweep") == reference
    assert before.items() <= moments(tmp_path / "sweep").items()


def test_the_processes_of_a_sweep_that_is_killed_end_with_it(project, tmp_path):
    command = [ROOT / SWEEP, "--config", project, *GRID, "--output", tmp_path / "sweep", "--jobs", 2]
    with started(*command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        reading(process, 1)
        left = workers_of(process)
        process.kill()
        for _ in range(1000):
            left = [pid for pid in left if Path(f"/proc/{pid}").exists()]
            if not left:
                break
            time.sleep(0.02)
    assert left == []
    statuses = [path.read_text() for path in (tmp_path / "sweep").glob("*/manifest.json")]
    assert all('"status": "running"' not in status for status in statuses)  # running ones were saved


@contextmanager
def scheduling(folder):
    """A Dask scheduler: its process and its address."""
    pytest.importorskip("distributed", reason="dask.distributed is not installed: the extra sweep has it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    environment = os.environ | {"DASK_TEMPORARY_DIRECTORY": str(folder)}
    with started(*command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment) as process:
        while not answers(port):
            assert process.poll() is None
            time.sleep(0.05)
        yield process, f"tcp://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """A Dask scheduler's address; its cluster has no worker yet."""
    with scheduling(tmp_path_factory.mktemp("scheduler")) as (_, address):
        yield address


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def worker(scheduler, folder, **options):
    """A worker that writes only into the folder."""
    command = ["-m", "dask", "worker", scheduler, "--nthreads", 1, "--no-nanny", "--no-dashboard"]
    return started(
        *command, "--local-directory", folder / "dask", stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options
    )


@pytest.mark.trials(1, 2)
def test_a_cluster_trains_the_same_models_even_if_a_worker_is_killed(trial, project, reference, scheduler, tmp_path):
    """In the second trial a third worker runs another version of the code: it is reported and gets no runs."""
    shutil.copytree(ROOT / "mlp", tmp_path / "other" / "mlp")
    with (tmp_path / "other" / "mlp" / "gates.py").open("a") as file:
        file.write("\n# another version\n")
    others = [{"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(tmp_path / "other")}}] * trial
    folder = tmp_path / "sweep"
    with ExitStack() as stack:
        first, *_ = (
            stack.enter_context(worker(scheduler, tmp_path, **options))
            for options in ({"cwd": ROOT}, {"cwd": ROOT}, *others)
        )
        after(3, folder, first.kill)
        with undrawn():
            done = run_here(SWEEP, "--config", project, *GRID, "--output", folder, "--scheduler", scheduler)
        assert first.poll() is not None
    assert done.returncode == 0, done.stderr
    assert models(folder) == reference
    assert {path.name for path in folder.iterdir()} == FILES | reference.keys()
    assert done.stdout.startswith("rank  learning_rate  runs  validation loss ")


def test_ctrl_c_does_not_wait_for_a_worker_that_hangs(project, scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr("mlp.sweeps.dask_cluster.GRACE_SECONDS", 0.5)
    with worker(scheduler, tmp_path, cwd=ROOT) as hanging:

        def hang():
            while not list((tmp_path / "sweep").glob("*=*/checkpoint.npz")):
                time.sleep(0.01)
            hanging.send_signal(signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=hang, daemon=True).start()
        long = ["--set", "training.epochs=200", "--scheduler", scheduler]  # it hangs before its first run is done
        done = run_here(SWEEP, "--config", project, *GRID, "--output", tmp_path / "sweep", *long)
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1].startswith("interrupted: 0 of 8 runs are done: give the same command again")


def test_if_the_scheduler_is_killed_the_sweep_ends_and_finished_runs_stay(project, tmp_path):
    folder = tmp_path / "sweep"
    with scheduling(tmp_path / "scheduler") as (killed, address), worker(address, tmp_path, cwd=ROOT):
        after(1, folder, killed.kill)
        done = run_here(SWEEP, "--config", project, *GRID, "--output", folder, "--scheduler", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        f"error: --scheduler {address}: the connection to the scheduler is lost: finished runs are kept; start the "
        "scheduler, and give the same command again"
    )
    assert len(list(folder.glob("*/model.npz"))) >= 1


def test_a_missing_scheduler_is_reported(project, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("mlp.sweeps.dask_cluster.CONNECT_SECONDS", 0.3)
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unheard.getsockname()[1]}"
        done = run_here(SWEEP, "--config", project, *GRID, "--output", tmp_path / "sweep", "--scheduler", address)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --scheduler {address}: no Dask scheduler answers there (")
    assert len(done.stderr.splitlines()) == 1


def test_tls_without_certificates_is_reported(project, tmp_path):
    pytest.importorskip("distributed")
    done = run_here(SWEEP, "--config", project, *GRID, "--output", tmp_path / "sweep", "--scheduler", "tls://here:8786")
    assert done.returncode == 2
    assert done.stderr == (
        "error: --scheduler tls://here:8786: Dask's settings name no certificates: docs/sweeps.md shows how to name "
        "them\n"
    )


def test_a_cluster_without_workers_is_reported(project, scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr("mlp.sweeps.dask_cluster.CONNECT_SECONDS", 1)
    done = run_here(SWEEP, "--config", project, *GRID, "--output", tmp_path / "sweep", "--scheduler", scheduler)
    assert done.returncode == 2
    assert done.stderr == f"error: --scheduler {scheduler}: the cluster has no worker: start some there\n"


@pytest.fixture
def made(tmp_path):
    """A config for forty images of 4 by 4 pixels, of all ten digits, and two epochs."""
    folder = write_folder(tmp_path / "made", [*range(10)] * 4, [*range(10)] * 2)
    (tmp_path / "config.yaml").write_text(
        f"data: {{directory: {folder}}}\nmodel: {{hidden_sizes: [3]}}\ntraining: {{epochs: 2}}\n"
    )
    return tmp_path / "config.yaml"


def test_all_pairs_are_trained_and_tested_into_one_table(made, tmp_path):
    done = sweep("--config", made, "--pairs", "all", "--set", f"output.directory={tmp_path}")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "sweep-digits"
    rows = list(csv.DictReader((folder / "sweep.csv").read_text().splitlines()))
    assert {row["data.digits"] for row in rows} == {f"[{a}, {b}]" for a in range(10) for b in range(10) if a < b}
    assert {row["test_images"] for row in rows} == {"4"}
    assert (folder / "pairs.png").exists()
    judged = run_here("scripts/evaluate.py", folder / "digits=3-8")
    (row,) = (row for row in rows if row["run"] == "digits=3-8")
    assert judged.stdout.startswith(f"test errors: {row['test_errors']} in 4 images")
    mean = sum(int(row["test_errors"]) for row in rows) / (45 * 4)
    assert re.search(rf"^1 +45 .* {mean:.3%}$", done.stdout, re.MULTILINE)
    assert "hardest pairs, by test errors: " in done.stdout


def test_nothing_is_written_into_an_exchanged_folder(made, tmp_path, monkeypatch):
    folder, script = tmp_path / "sweep", sweep_command  # as run_here has it
    check = script.check_not_stopped

    def then(*given):
        folder.rename(tmp_path / "moved")
        folder.mkdir()
        check(*given)

    monkeypatch.setattr(script, "check_not_stopped", then)
    done = sweep("--config", made, "--vary", "training.seed=0", "--output", folder)
    assert done.returncode == 2
    assert f"{folder}: another folder than before: it was moved or replaced" in done.stderr
    assert list(folder.iterdir()) == []


def test_missing_digits_are_reported_before_anything_is_written(tmp_path):
    done = sweep("--pairs", "all", "--output", tmp_path / "sweep")
    assert done.returncode == 2
    assert "train-labels-idx1-ubyte.gz: no digit 2 in it: it holds 0, 1: name a folder" in done.stderr
    assert not (tmp_path / "sweep").exists()


def test_a_failed_run_is_reported_stops_no_other_and_is_tried_again(made, tmp_path):
    folder = tmp_path / "sweep"
    assert sweep("--config", made, "--vary", "training.seed=0", "--output", folder).returncode == 0
    (folder / "seed=2").mkdir()
    (folder / "seed=2" / "mine").write_text("kept")
    done = sweep("--config", made, "--vary", "training.seed=0..3", "--output", folder)
    assert done.returncode == 2
    assert models_but(folder, "seed=2") == {"seed=0", "seed=1", "seed=3"}
    assert done.stderr.splitlines()[-2:] == [
        "error: 1 of 4 runs failed: to try them again, give the same command again:",
        f"       seed=2: {folder / 'seed=2'}: no checkpoint in it, but mine: a run never writes over another, "
        "name a new directory",
    ]
    assert "seed=2,2,failed," in (folder / "sweep.csv").read_text()
    assert done.stdout.splitlines()[1].endswith("  1 failed")
    (folder / "seed=2" / "mine").unlink()
    again = sweep("--config", made, "--vary", "training.seed=0..3", "--output", folder)
    assert (again.returncode, again.stderr.count("finished before")) == (0, 3)


def models_but(folder, name):
    return {path.parent.name for path in folder.glob("*/model.npz") if path.parent.name != name}


def test_runs_that_diverge_are_results_unless_all_do(made, tmp_path):
    wild = ["--set", "training.momentum=0.9", "training.epochs=5", "--output", tmp_path / "sweep"]
    done = sweep("--config", made, "--vary", "training.learning_rate=0.1,1000", *wild)
    assert done.returncode == 0, done.stderr
    assert "learning_rate=1000: diverged: training diverged in epoch " in done.stderr
    assert f"; details in {tmp_path / 'sweep' / 'learning_rate=1000' / 'divergence.json'}" in done.stderr
    assert "1 diverged" in done.stdout
    done = sweep("--config", made, "--vary", "training.learning_rate=1000,999", *wild)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "error: all 2 runs diverged: lower training.learning_rate"


def test_runs_that_learn_nothing_are_not_reported_as_diverged(made, tmp_path):
    done = sweep("--config", made, "--vary", "training.learning_rate=1e-9,1e-8", "--output", tmp_path / "sweep")
    assert done.returncode == 3
    assert "learning_rate=1e-09: learned nothing: training learned nothing from epoch 1" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: all 2 runs learned nothing: see each run's divergence.json")
    rows = list(csv.DictReader((tmp_path / "sweep" / "sweep.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["learned nothing"] * 2


def test_a_grid_may_grow_but_nothing_else_may_change(made, tmp_path):
    folder = tmp_path / "sweep"
    assert sweep("--config", made, "--vary", "training.seed=0,1", "--output", folder).returncode == 0
    before = moments(folder)
    done = sweep("--config", made, "--vary", "training.seed=0..2", "--output", folder, "--set", "training.epochs=3")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: {folder}: holds a sweep of another config: name another --output:",
        "       training.epochs was 2, not 3",
    ]
    labels = tmp_path / "made" / "train-labels-idx1-ubyte"
    kept = labels.read_bytes()
    labels.write_bytes(kept[:8] + bytes(reversed(kept[8:])))
    done = sweep("--config", made, "--vary", "training.seed=0..2", "--output", folder)
    assert done.stderr == f"error: {folder}: holds a sweep of other data: {labels} has changed: name another --output\n"
    assert moments(folder) == before
    labels.write_bytes(kept)
    grown = sweep("--config", made, "--vary", "training.seed=0..2", "--output", folder)
    assert (grown.returncode, grown.stderr.count("finished before")) == (0, 2)


def test_the_config_may_change_a_varied_option_but_varying_others_is_another_sweep(made, tmp_path):
    options = ["--config", made, "--output", tmp_path / "sweep", "--vary"]
    assert sweep(*options, "training.momentum=0,0.5").returncode == 0
    made.write_text(made.read_text().replace("epochs: 2", "epochs: 2, momentum: 0.5"))
    done = sweep(*options, "training.momentum=0,0.5,0.7")
    assert (done.returncode, done.stderr.count("finished before")) == (0, 2)
    done = sweep(*options, "training.seed=0,1")
    assert done.returncode == 2
    assert done.stderr == f"error: {tmp_path / 'sweep'}: holds a sweep of training.momentum: name another --output\n"


def test_a_file_in_a_runs_place_fails_that_run_alone(made, tmp_path):
    options = ["--config", made, "--output", tmp_path / "sweep", "--vary"]
    assert sweep(*options, "training.seed=0").returncode == 0
    (tmp_path / "sweep" / "seed=1").write_text("mine")
    done = sweep(*options, "training.seed=0..2")
    assert done.returncode == 2
    assert done.stderr.endswith(f"       seed=1: {tmp_path / 'sweep' / 'seed=1'}: Not a directory\n")
    assert models(tmp_path / "sweep").keys() == {"seed=0", "seed=2"}
    assert (tmp_path / "sweep" / "seed=1").read_text() == "mine"


def test_old_pictures_are_removed(made, tmp_path):
    options = ["--config", made, "--output", tmp_path / "sweep", "--vary", "training.seed=0,1"]
    assert sweep(*options).returncode == 0
    (tmp_path / "sweep" / "heat_map.png").write_text("of other options")
    assert sweep(*options).returncode == 0
    assert {path.name for path in (tmp_path / "sweep").glob("*.png")} == {"curves.png"}


def test_a_folder_that_is_not_a_sweeps_stays_as_it_is(made, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = sweep("--config", made, "--vary", "training.seed=0,1", "--output", tmp_path / "mine")
    assert done.returncode == 2
    assert "mine: not empty (thesis.txt), and not a sweep's folder: name another --output" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    done = sweep("--config", made, "--vary", "training.seed=0,1", "--output", tmp_path / "mine" / "thesis.txt")
    assert "thesis.txt: not a folder: name another --output" in done.stderr


def test_of_two_sweeps_in_one_folder_one_proceeds(made, tmp_path):
    (tmp_path / "sweep").mkdir()
    with files.exclusive(tmp_path / "sweep", pytest.fail):
        done = sweep("--config", made, "--vary", "training.seed=0,1", "--output", tmp_path / "sweep")
    assert done.returncode == 2
    assert "another run is using it" in done.stderr
    assert list((tmp_path / "sweep").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing is varied"),
        (["--jobs", "1000000000"], "argument --jobs: must be at most 1,024, not 1000000000"),
        (["--jobs", "0"], "must be a whole number, at least 1, not 0"),
        (["--pairs", "some"], "invalid choice: 'some'"),
        (["--scheduler", "somewhere"], "must be like tcp://host:8786, not somewhere"),
        (["--scheduler", "tcp://here:1", "--jobs", "2"], "--jobs is for this machine, --scheduler for a cluster"),
        (["--vary", "training.seed=0..1", "--set", "training.threads=2"], "training.threads must be 1"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path):
    done = run_here(SWEEP, *arguments, "--output", tmp_path / "sweep")
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr("mlp.system.command_line.find_spec", lambda name: None)
    done = run_here(SWEEP, "--vary", "training.seed=0..1", "--output", tmp_path / "sweep")
    assert done.returncode == 2
    assert done.stderr == "error: joblib is not installed: python -m pip install -e '.[sweep]'\n"
