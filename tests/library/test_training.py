"""Promises of mlp.train: the same bytes as the command, from any thread, without touching signals or printing."""

import errno
import json
import shutil
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

import mlp
from mlp import idx
from mlp import run as one_run
from mlp.run import Caller
from mlp.system.errors import Interrupted
from mlp.training import from_config
from tests.conftest import LOG_TIME, run_here, without_curve, write_folder

EPOCHS = 4
CYCLIC = {"model": {"hidden_sizes": [4]}}
CYCLIC["model"]["hidden_sizes"].append(CYCLIC)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("made") / "data", [0, 1, 7, 1] * 30, [0, 1, 7, 1, 0] * 2)


@pytest.fixture(scope="module")
def options(made):
    """Sections of a config, with values as a program has them."""
    return {
        "data": {"directory": made, "digits": np.array([0, 1])},
        "model": {"hidden_sizes": (4,)},
        "training": {"epochs": np.int64(EPOCHS), "batch_size": 8, "learning_rate": 0.5, "checkpoint_every": "3 epochs"},
    }


@pytest.fixture(scope="module")
def of_the_command(made, tmp_path_factory):
    """The run that the command makes of the same options."""
    folder = tmp_path_factory.mktemp("command")
    (folder / "config.yaml").write_text(
        f"data: {{directory: {made}, digits: [0, 1]}}\nmodel: {{hidden_sizes: [4]}}\n"
        f"training: {{epochs: {EPOCHS}, batch_size: 8, learning_rate: 0.5, checkpoint_every: 3 epochs}}\n"
    )
    done = run_here("train.py", "--config", folder / "config.yaml", "--output", folder / "run", draws_curve=True)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture
def plain(monkeypatch):
    """Runs do not draw their curve, which is slow."""
    without_curve(monkeypatch)


def without_seconds(history):
    return [line.rpartition(",")[0] for line in history.read_text().splitlines()]


def assert_same(run, of_the_command):
    assert (run.directory / "model.npz").read_bytes() == (of_the_command / "model.npz").read_bytes()
    assert without_seconds(run.directory / "history.csv") == without_seconds(of_the_command / "history.csv")


def test_it_makes_the_bytes_of_the_command_and_prints_nothing(options, of_the_command, tmp_path, capfd):
    run = mlp.train(options, output=str(tmp_path / "run"))
    assert capfd.readouterr() == ("", "")
    assert_same(run, of_the_command)
    assert (run.directory / "loss_curve.png").read_bytes() == (of_the_command / "loss_curve.png").read_bytes()
    assert {path.name for path in run.directory.iterdir()} == {path.name for path in of_the_command.iterdir()}
    theirs = (of_the_command / "config.yaml").read_text().replace(str(of_the_command.parent / "outputs"), "OUT")
    assert (run.directory / "config.yaml").read_text().replace(str(Path.cwd() / "outputs"), "OUT") == theirs


@pytest.mark.usefixtures("plain")
def test_config_files_configs_and_the_defaults_are_configs_too(options, of_the_command, tmp_path, monkeypatch):
    assert_same(mlp.train(str(of_the_command / "config.yaml"), output=tmp_path / "file"), of_the_command)
    config = mlp.load(of_the_command).config
    assert_same(mlp.train(config, output=tmp_path / "config"), of_the_command)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(options["data"]["directory"], "data")
    run = mlp.train()
    assert run.directory == tmp_path / "outputs" / "0001"
    assert run.config.training.epochs == 10


@pytest.mark.usefixtures("plain", "replays_here")
def test_arrays_train_as_their_files_do_and_are_kept_beside_the_run(options, of_the_command, made, tmp_path, here):
    images, labels = (idx.read(made / f"train-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    sections = {name: options[name] for name in ("model", "training")}
    folders = set()
    for number, X in enumerate((images, images.reshape(len(images), -1))):
        run = mlp.train(sections, images=(X, labels.astype(int)), output=tmp_path / str(number))
        assert_same(run, of_the_command)
        folders.add(run.config.data.directory)
    (folder,) = folders
    assert folder.parent == tmp_path
    assert here("scripts/replay.py", run.directory).returncode == 0
    (folder / "train-labels-idx1-ubyte").write_bytes(b"damaged")
    (folder / f"train-images-idx3-ubyte.{'0' * 16}.tmp").write_bytes(b"of a process that was killed")
    assert_same(mlp.train(sections, images=(images, labels), output=tmp_path / "again"), of_the_command)
    assert len(list(folder.iterdir())) == 2
    shutil.rmtree(folder)
    longer = {"training": {"epochs": EPOCHS + 1}}
    with pytest.raises(mlp.InputError, match=r"the arrays .* are gone: give images=\(X, y\) again"):
        mlp.train(longer, resume=run.directory)
    assert len(mlp.train(longer, resume=run.directory, images=(images, labels)).history) == EPOCHS + 1
    with pytest.raises(mlp.InputError, match="images: must be a pair of arrays"):
        mlp.train(sections, images=images)
    with pytest.raises(mlp.InputError, match=r"float64, must be uint8 from 0 to 255: .*astype"):
        mlp.train(sections, images=(images / 255, labels))


@pytest.mark.usefixtures("plain")
def test_runs_that_begin_at_once_with_the_same_arrays_do_not_replace_each_others_files(
    options, of_the_command, made, tmp_path, monkeypatch
):
    images, labels = (idx.read(made / f"train-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    sections = {name: options[name] for name in ("model", "training")}
    written, write = [], idx.write

    def slowly(path, array):
        time.sleep(0.05)  # meanwhile the other run looks for the file
        write(path, array)
        written.append(path.name)

    monkeypatch.setattr(idx, "write", slowly)
    with ThreadPoolExecutor(2) as pool:
        runs = pool.map(
            lambda name: mlp.train(sections, images=(images, labels), output=tmp_path / name), ("one", "two")
        )
        for run in runs:
            assert_same(run, of_the_command)
    assert len(written) == 2


@pytest.mark.usefixtures("plain", "replays_here")
def test_on_epoch_gets_each_row_in_this_thread_and_may_end_the_run_as_finished(options, of_the_command, here, tmp_path):
    rows, threads = [], set()

    def follow(row):
        rows.append(row)
        threads.add(threading.current_thread())
        return row.epoch == 2

    run = mlp.train(options, output=tmp_path / "run", on_epoch=follow)
    assert run.history == rows
    assert [row.epoch for row in rows] == [1, 2]
    assert threads == {threading.current_thread()}
    assert json.loads((run.directory / "manifest.json").read_text())["status"] == "finished"
    done = here("train.py", "--resume", run.directory)
    assert done.stdout.endswith("is finished, nothing was changed: --set a larger training.epochs to continue\n")
    replayed = here("scripts/replay.py", run.directory)
    assert replayed.stdout.startswith("identical: "), replayed.stderr
    compared = here("scripts/compare.py", run.directory, of_the_command, "--output", tmp_path / "compare.png")
    assert compared.returncode == 0, compared.stderr
    assert len(mlp.train({"training": {"epochs": EPOCHS + 1}}, resume=run.directory).history) == EPOCHS + 1


@pytest.mark.usefixtures("plain")
def test_a_run_that_on_epoch_ended_ends_there_too_if_it_was_interrupted_before_it_was_finished(options, tmp_path):
    whole = mlp.train(options, output=tmp_path / "whole", on_epoch=lambda row: row.epoch == 2)

    def interrupted(*_):
        raise Interrupted(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_run, "finish", interrupted)
        with pytest.raises(Interrupted):
            mlp.train(options, output=tmp_path / "run", on_epoch=lambda row: row.epoch == 2)
    run = mlp.train(resume=tmp_path / "run", on_epoch=pytest.fail)
    assert_same(run, whole.directory)
    longer = {"training": {"epochs": EPOCHS + 1}}
    assert len(mlp.train(longer, resume=tmp_path / "run").history) == EPOCHS + 1


@pytest.mark.usefixtures("plain")
def test_a_call_that_was_interrupted_before_it_got_the_lock_changes_nothing(options, tmp_path):
    with pytest.raises(ZeroDivisionError):
        mlp.train(options, output=tmp_path / "run", on_epoch=lambda row: 1 / 0)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    def interrupted():
        raise Interrupted(signal.SIGINT)

    with pytest.raises(Interrupted):
        one_run.resume(tmp_path / "run", lambda known: known, Caller(pytest.fail, check=interrupted))
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.usefixtures("plain")
def test_no_epoch_is_lost_if_its_line_cannot_be_printed(options, tmp_path, monkeypatch):
    class Broken(StringIO):
        def write(self, text):
            if "epoch 2" in text:
                raise OSError(errno.EIO, "Input/output error")
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", Broken())
    with pytest.raises(OSError, match="Input/output error"):
        mlp.train(options, output=tmp_path / "run", verbose=True)
    epochs = []
    mlp.train(resume=tmp_path / "run", on_epoch=lambda row: epochs.append(row.epoch))
    assert epochs == [3, 4]


@pytest.mark.usefixtures("plain")
def test_a_truthy_answer_other_than_true_ends_nothing(options, tmp_path):
    assert len(mlp.train(options, output=tmp_path / "run", on_epoch=lambda row: row.epoch).history) == EPOCHS


@pytest.mark.usefixtures("plain")
def test_numpys_true_ends_the_run_as_pythons_does(options, tmp_path):
    run = mlp.train(options, output=tmp_path / "run", on_epoch=lambda row: np.array([row.epoch]).max() == 2)
    assert len(run.history) == 2


@pytest.mark.usefixtures("plain")
def test_an_error_of_on_epoch_is_raised_and_the_run_goes_on_from_there(options, of_the_command, tmp_path):
    def fail(row):
        if row.epoch == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as found:
        mlp.train(options, output=tmp_path / "run", on_epoch=fail)
    assert found.value.__notes__ == [f"resume with: mlp.train(resume={str(tmp_path / 'run')!r})"]
    epochs = []
    run = mlp.train(resume=tmp_path / "run", on_epoch=lambda row: epochs.append(row.epoch))
    assert epochs == [3, 4]
    assert_same(run, of_the_command)


@pytest.mark.usefixtures("plain")
def test_a_keyboard_interrupt_saves_the_run_and_the_same_call_goes_on(options, tmp_path):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    longer = options | {"training": options["training"] | {"epochs": 300, "checkpoint_every": "200 epochs"}}
    whole = mlp.train(longer, output=tmp_path / "whole")
    rows = []

    def interrupt(row):
        rows.append(row.epoch)
        if row.epoch in (5, 100):
            main = threading.main_thread().ident
            threading.Timer(0.002, signal.pthread_kill, (main, signal.SIGINT)).start()

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            mlp.train(longer, resume=tmp_path / "run", on_epoch=interrupt)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert json.loads((tmp_path / "run" / "manifest.json").read_text())["status"] == "interrupted"
    run = mlp.train(longer, resume=tmp_path / "run", on_epoch=lambda row: rows.append(row.epoch))
    assert rows == list(range(1, 301))
    assert_same(run, whole.directory)
    assert mlp.train(longer, resume=tmp_path / "run", on_epoch=pytest.fail).history == run.history


@pytest.mark.usefixtures("plain")
def test_a_run_that_another_call_began_meanwhile_is_resumed(options, of_the_command, tmp_path, monkeypatch):
    resolved, begun = from_config.resolved, []

    def resolve(settings):
        if not begun:  # the directory was found missing: now another call, such as an interrupted one, makes it
            begun.append(True)
            mlp.train(options, output=tmp_path / "run", on_epoch=lambda row: row.epoch == 2)
        return resolved(settings)

    monkeypatch.setattr(from_config, "resolved", resolve)
    assert len(mlp.train(options, resume=tmp_path / "run").history) == 2


@pytest.mark.usefixtures("plain")
def test_several_threads_may_train_at_once(options, of_the_command, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda name: mlp.train(options, output=tmp_path / str(name)), range(8)))
    for run in runs:
        assert_same(run, of_the_command)


@pytest.mark.usefixtures("plain")
def test_verbose_prints_a_line_for_each_epoch_with_its_time(options, tmp_path, capfd):
    mlp.train(options, output=tmp_path / "run", verbose=True)
    out, error = capfd.readouterr()
    assert out == ""
    assert [line[:10] for line in LOG_TIME.sub("", error).splitlines()] == [f"epoch {k}/4:" for k in range(1, 5)]
    assert len(LOG_TIME.findall(error)) == EPOCHS


@pytest.mark.usefixtures("plain")
def test_a_warning_is_pythons_and_points_at_the_call(options, tmp_path):
    mlp.train(options, output=tmp_path / "run", on_epoch=lambda row: row.epoch == 2)
    (tmp_path / "run" / "checkpoint.npz").write_bytes(b"damaged")
    longer = {"training": {"epochs": EPOCHS + 1}}
    with pytest.warns(UserWarning, match="damaged: .*: resuming from checkpoint.previous.npz") as found:
        mlp.train(longer, resume=tmp_path / "run")
    assert found[0].filename == __file__
    with warnings.catch_warnings(action="error"):
        mlp.train(resume=tmp_path / "run")


@pytest.mark.parametrize(
    ("config", "arguments", "message"),
    [
        ({"training": {"epoch": 3}}, {}, "config: training.epoch: unknown key, did you mean epochs?"),
        ({"training": {"epochs": 0}}, {}, "config: training.epochs: must be at least 1, not 0"),
        ({"training": {"epochs": 2.0}}, {}, "config: training.epochs: must be a whole number, not 2.0"),
        ({"train": {}}, {}, "config: train: unknown section, did you mean training?"),
        ({"training": 3}, {}, "config: training: must be a section of keys"),
        ({"model": {"hidden_sizes": [4, "x"]}}, {}, "config: model.hidden_sizes[1]: must be a whole number"),
        (CYCLIC, {}, "config: nested too deeply"),
        ("no.yaml", {}, "no.yaml: no such file"),
        ({}, {"output": "a", "resume": "b"}, "output is for a new run, resume for an existing one"),
        (None, {"resume": "nowhere"}, "nowhere: no such run: to start it there, give a config"),
        ({"training": {"epochs": 0}}, {"resume": "nowhere"}, "config: training.epochs: must be at least 1, not 0"),
        ({}, {"output": ""}, "a path must not be empty"),
        ({}, {"output": "a\0b"}, "'a\\x00b': not a path"),
        ({}, {"output": "~no-one-here/x"}, "~no-one-here is no home folder here"),
        ({}, {"on_epoch": 3}, "on_epoch: must be a function of a row of the history, not 3"),
        ({"data": {"directory": "nowhere"}}, {}, "nowhere: no such folder"),
        ({}, {"images": (np.ones((4, 2, 2), np.uint8), [0, 1, 0, 1])}, "no pixel is above 1, but ink is 255"),
    ],
)
def test_bad_input_is_an_input_error_which_says_where_it_is(config, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mlp.InputError) as found:
        mlp.train(config, **arguments)
    assert message in str(found.value)
    assert len(found.traceback) == 2  # this call and train: a notebook shows code of each
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("plain")
def test_a_run_that_diverges_raises_diverged_and_a_directory_is_used_once(options, tmp_path):
    wild = options | {"training": options["training"] | {"learning_rate": 1000.0, "momentum": 0.9, "epochs": 40}}
    with pytest.raises(mlp.Diverged) as found:
        mlp.train(wild, output=tmp_path / "run")
    assert "lower training.learning_rate" in str(found.value)
    assert (tmp_path / "run" / "divergence.json").exists()
    with pytest.raises(mlp.InputError, match="a run never writes over another"):
        mlp.train(options, output=tmp_path / "run")
