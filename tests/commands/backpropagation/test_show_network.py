"""Promises of scripts/show_network.py: a trained network's table, its picture on a test image, each message."""

import re
import shutil

import numpy as np
import pytest

from mlp import config
from mlp.network import LOSSES, MLP
from mlp.runs import directory as run_directory
from mlp.runs.finished import read_run
from mlp.training import from_config
from tests.conftest import FILES, finished_run, write_folder

SCRIPT = "scripts/show_network.py"


@pytest.fixture
def show_network(here):
    """Run it: exit code, stdout, stderr."""

    def run(*arguments):
        done = here(SCRIPT, *arguments)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def run(tmp_path, settings):
    """A run of the network 4-3-1 on images of 2 by 2 pixels, as training leaves it."""
    write_folder(tmp_path / "data", [0, 1] * 3, [1, 7, 0], side=2)
    return finished_run(settings)[0]


def test_a_networks_table_is_that_of_the_design_with_shapes(show_network, run):
    code, out, _ = show_network(run)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines() if line.startswith("|")]
    assert code == 0
    assert "4-3-1" in out.splitlines()[0]
    assert rows[2:] == [
        ["Z1 = X W1", "(n, 3)", "dW1 = X' dZ1 (dX is never computed: nothing needs it)", "dW1 (4, 3)"],
        ["Z2 = Z1 + b1", "(n, 3)", "dZ1 = dZ2, db1 = sum over rows of dZ2", "dZ1 (n, 3), db1 (3,)"],
        ["Z3 = sigmoid(Z2)", "(n, 3)", "dZ2 = Z3 (1 - Z3) dZ3", "dZ2 (n, 3)"],
        ["Z4 = Z3 W2", "(n, 1)", "dZ3 = dZ4 W2', dW2 = Z3' dZ4", "dZ3 (n, 3), dW2 (3, 1)"],
        ["Z5 = Z4 + b2", "(n, 1)", "dZ4 = dZ5, db2 = sum over rows of dZ5", "dZ4 (n, 1), db2 (1,)"],
        ["P = sigmoid(Z5)", "(n, 1)", "dZ5 = P (1 - P) dP", "dZ5 (n, 1)"],
        ["E = 1/2 sum (P - Y)^2", "scalar", "dP = (P - Y) dE", "dP (n, 1)"],
        ["L = E / n", "scalar", "dE = 1 / n, the only place where n appears", "dE scalar"],
    ]


def test_the_network_on_a_test_image_is_drawn(show_network, run, tmp_path):
    code, _, error = show_network(run, "--digit", 2, "--draw", tmp_path / "two.svg")
    assert (code, error) == (0, "")
    picture = (tmp_path / "two.svg").read_text()
    assert "test image 2: a 0, predicted 0" in picture
    for array in (
        "image X",
        "weights W1",
        "hidden Z3",
        "weights W2",
        "dX, up to",
        "dW1, up to",
        "dZ3, up to",
        "dW2, up to",
        "the probability of a 1",
        "target Y = 0",
        "dP = ",
    ):
        assert array in picture
    assert picture.count("<image ") == 8
    assert "outputs P" not in picture
    for ending in (".png", ".pdf"):
        assert show_network(run, "--digit", 0, "--draw", tmp_path / f"two{ending}")[0] == 0


def of_classes(tmp_path, *options):
    """A run of the digits 3, 5 and 8 on images of 2 by 2 pixels; test image 0 is an 8, image 3 a 7."""
    write_folder(tmp_path / "data", [3, 5, 8] * 3, [8, 3, 5, 7], side=2)
    (tmp_path / "config.yaml").write_text("data: {digits: [3, 5, 8]}\nmodel: {hidden_sizes: [3]}\n")
    settings = config.load(tmp_path / "config.yaml", overrides=options)
    weights = settings.training.class_weight
    network = from_config.network(settings, 4, weights)
    with run_directory.new(settings, None, pytest.fail) as run:
        run.begin(image_shape=[2, 2], training_files=FILES, class_weights=weights)
        run.write_model(network.views(network.parameter_block))
        run.finish()
    return run.directory


@pytest.mark.parametrize("loss", LOSSES)
def test_of_several_classes_the_predicted_ones_probability_and_the_right_ones_are_named(show_network, tmp_path, loss):
    run = of_classes(tmp_path, f"model.loss={loss}", "training.class_weight=[1, 2, 4]")
    P = read_run(run).network.predict(read_run(run).images("test").arrays("float32")[0])
    digits, weights, differ = [3, 5, 8], [1, 2, 4], 0
    for index, digit in enumerate((8, 3)):
        predicted = digits[P[index].argmax()]
        differ += predicted != digit
        assert show_network(run, "--digit", index, "--draw", tmp_path / "x.svg")[0] == 0
        picture = (tmp_path / "x.svg").read_text()
        assert f"test image {index}: a {digit}, predicted {predicted}" in picture
        named = list(dict.fromkeys((predicted, digit)))
        assert re.findall(r"the probability of a (\d)<", picture) == list(map(str, named))
        shown = [float(number) for number in re.findall(r"P = ([\d.e-]+)<", picture)]
        assert shown == pytest.approx([P[index, digits.index(name)] for name in named], rel=1e-3)
        for text in (f"target: a {digit}", f"weight w = {weights[digits.index(digit)]}", "outputs P"):
            assert text in picture
        assert ("dP" if loss == "euclidean" else "dZ5") in picture
    assert differ


def test_an_image_of_none_of_several_classes_is_named(show_network, tmp_path):
    done = show_network(of_classes(tmp_path), "--digit", 3, "--draw", tmp_path / "x.svg")
    assert done == (2, "", "error: --digit 3: the test image is a 7, the run knows only 3, 5 and 8\n")


@pytest.mark.parametrize(
    ("digit", "message"),
    [
        (3, "--digit 3: the test file holds 3 images, 0 to 2"),
        (-1, "--digit -1: the test file holds 3 images, 0 to 2"),
        (1, "--digit 1: the test image is a 7, the run knows only 0 and 1"),
    ],
)
def test_an_image_that_cannot_be_drawn_is_named(show_network, run, tmp_path, digit, message):
    code, _, error = show_network(run, "--digit", digit, "--draw", tmp_path / "x.svg")
    assert (code, error) == (2, f"error: {message}\n")
    assert not (tmp_path / "x.svg").exists()


def test_the_newest_run_is_the_default_and_the_current_folder_is_a_run_like_others(here, run, settings, tmp_path):
    (tmp_path / "config.yaml").write_text(settings.to_yaml())
    other = finished_run(settings, seed=1)[0]
    assert other != run
    assert here(SCRIPT, ".", cwd=run).stdout.startswith(".: 4-3-1")
    shutil.rmtree(other)
    done = here(SCRIPT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("outputs/0001: 4-3-1")


def test_without_a_config_the_newest_run_is_looked_for_where_the_defaults_put_it(here, tmp_path):
    done = here(SCRIPT, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'outputs'}: no finished run in it: train one, or name a run")


def test_a_run_with_cross_entropy_has_its_own_table_and_drawing(show_network, tmp_path):
    write_folder(tmp_path / "data", [0, 1] * 3, [1, 0], side=2)
    (tmp_path / "config.yaml").write_text("model: {hidden_sizes: [], loss: cross_entropy}\n")
    settings = config.load(tmp_path / "config.yaml")
    network = MLP([4, 1], generator=np.random.default_rng(0), loss="cross_entropy")
    with run_directory.new(settings, None, pytest.fail) as run:
        run.begin(image_shape=[2, 2], training_files=FILES)
        run.write_model(network.views(network.parameter_block))
        run.finish()
    _, out, _ = show_network(run.directory)
    assert "| dZ2 = (P - Y) dE " in out
    assert "| E = sum (max(Z2, 0) - Z2 Y + log(1 + exp(-abs(Z2)))) |" in out
    assert "nothing: it is only for predictions" in out
    assert show_network(run.directory, "--digit", 0, "--draw", tmp_path / "x.svg")[0] == 0
    assert "dP =" not in (tmp_path / "x.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--digit", "0"],
            "error: --digit INDEX and --draw FILE go together: the test image to draw, and the picture's",
        ),
        (["--draw", "x.svg"], "error: --digit INDEX and --draw FILE go together"),
        (
            ["--digit", "0", "--draw", "x.html"],
            "error: --draw x.html: must end in .svg, .png, .pdf: a network is drawn",
        ),
        (["--digit", "0", "--draw", "x"], "error: --draw x: must end in .svg, .png, .pdf"),
        (["--digit", "x", "--draw", "x.svg"], "error: argument --digit: invalid int value: 'x'"),
        (["--digit", "0", "--draw", ""], "error: argument --draw: a path must not be empty"),
        (["--digit", "0", "--draw", "config.yaml/x.svg"], "error: config.yaml: File exists"),
        (["another-run"], "error: unrecognized arguments: another-run"),
        (["--json"], "error: unrecognized arguments: --json"),
    ],
)
def test_a_wrong_combination_is_one_message_and_nothing_is_written(show_network, run, arguments, message):
    code, out, error = show_network(run, *arguments)
    assert (code, out) == (2, "")
    assert error.startswith(message)
    assert error.count("error: ") == 1


def test_a_run_that_is_not_there_is_named(show_network):
    code, out, error = show_network("no-run")
    assert (code, out) == (2, "")
    assert error.startswith("error: no-run/manifest.json: no such file: no-run is not the directory of a run")


def test_its_help_names_the_run_the_image_and_the_picture(command):
    done = command(SCRIPT, "--help")
    assert done.returncode == 0
    for text in ("RUN", "--digit INDEX", "--draw FILE", ".svg, .png or .pdf"):
        assert text in done.stdout
