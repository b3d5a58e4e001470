"""Promises of scripts/evaluate.py."""

import json
import shutil
from contextlib import nullcontext
from hashlib import sha256

import numpy as np
import pytest

from mlp import idx
from mlp.commands.runs import evaluate
from mlp.data import dataset, idx_folder
from mlp.evaluation import Evaluation
from tests.conftest import run_here, undrawn, write_folder, write_letters
from tests.languages.english import english_left

KEYS = {
    *("n", "errors", "accuracy", "accuracy_interval", "confusion", "precision", "recall", "f1", "roc_auc", "loss"),
    *("mistakes", "baselines", "digits", "split", "files", "weights_sha256"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder of made-up images, a config and a run on its digits 1 and 7."""
    root = tmp_path_factory.mktemp("whole")
    write_folder(root / "made", [0, 1, 7, 1] * 10, [0, 1, 7, 1, 0] * 2)
    config = root / "config.yaml"
    config.write_text("data: {directory: made, digits: [1, 7]}\nmodel: {hidden_sizes: [4]}\ntraining: {epochs: 3}\n")
    assert run_here("train.py", "--config", config).returncode == 0
    return root


@pytest.fixture
def trained(whole, folder, tmp_path):
    """The run, to be changed; so are its data and its config."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    run = tmp_path / "outputs" / "0001"
    (run / "config.yaml").write_text((run / "config.yaml").read_text().replace(str(whole), str(tmp_path)))
    return run


def test_the_files_and_the_json(here, trained, folder):
    done = here("scripts/evaluate.py", trained, "--json")
    assert done.stdout == (trained / "evaluation-test.json").read_text()
    summary = json.loads(done.stdout)
    assert summary.keys() == KEYS
    assert (summary["digits"], summary["n"], sum(map(sum, summary["confusion"]))) == ([1, 7], 6, 6)
    assert len(summary["mistakes"]) == summary["errors"]
    assert summary["files"] == idx_folder.open_part(folder, "test").sha256()
    assert summary["weights_sha256"] == sha256((trained / "model.npz").read_bytes()).hexdigest()
    for mistake in summary["mistakes"]:
        assert mistake.keys() == {"index", "digit", "predicted", "probability"}
        assert (mistake["predicted"] == 7) == (mistake["probability"] >= 0.5)
    assert (trained / "confusion.png").exists()
    assert (trained / "mistakes.png").exists()


@pytest.fixture(scope="module")
def of_letters(tmp_path_factory):
    """Runs on folders like EMNIST's, with transposed images and labels from 10, by the number of classes."""

    def make(classes):
        root = tmp_path_factory.mktemp("letters")
        write_letters(root / "made", [*range(10, 10 + classes)] * 8, [*range(10, 10 + classes)])
        options = ["data.digits=all", "data.transpose=true", "training.epochs=5", "training.batch_size=4"]
        (root / "config.yaml").write_text(
            "data: {directory: made}\nmodel: {activation: relu, loss: cross_entropy}\ntraining: {learning_rate: 0.5}\n"
        )
        assert run_here("train.py", "--config", root / "config.yaml", "--set", *options).returncode == 0
        return root / "outputs" / "0001"

    return {classes: make(classes) for classes in (3, 30)}


def test_of_three_classes_each_has_a_row_of_figures_and_one_of_the_confusion_matrix(here, of_letters):
    done = here("scripts/evaluate.py", of_letters[3], "--split", "training")
    assert done.returncode == 0, done.stderr
    summary = json.loads((of_letters[3] / "evaluation-training.json").read_text())
    assert summary.keys() == KEYS | {"macro"}
    assert summary["digits"] == [10, 11, 12]
    head, figures, table, matrix, rules = (part.splitlines() for part in done.stdout.split("\n\n"))
    assert head[0].startswith(f"training errors: {summary['errors']} in 21 images, by ")
    assert [line.split()[0] for line in figures] == ["accuracy", "loss"]
    assert table[0].split() == ["digit", "images", "precision", "recall", "F1", "ROC", "AUC"]
    assert [line.split()[:2] for line in table[1:4]] == [["10", "7"], ["11", "7"], ["12", "7"]]
    assert table[2].split()[3] == f"{summary['recall'][1]:.2%}"
    assert table[4].split()[2] == f"{summary['macro']['recall']:.2%}"
    assert matrix[1].split() == ["10", "11", "12"]
    cells = [[0 if cell == "." else int(cell) for cell in line.split()[1:]] for line in matrix[2:]]
    assert cells == summary["confusion"]
    pixel = summary["baselines"]["single_pixel"]
    assert f"errors: {pixel['errors']:<5}   {pixel['above']} where the pixel in row {pixel['row']}, " in rules[2]
    assert rules[2].endswith(f" is above {pixel['threshold']}, else {pixel['below']}")
    assert rules[3].endswith("the digit whose mean image is nearest")
    assert rules[4].endswith("the digit whose mean is nearest in the first two centred SVD coordinates")


@pytest.mark.usefixtures("nothing_drawn")
def test_of_many_classes_the_most_frequent_confusions_are_printed(here, of_letters):
    run = of_letters[30]
    as_json, as_text = (
        here("scripts/evaluate.py", run, "--split", "training", *options).stdout for options in (["--json"], [])
    )
    summary = json.loads(as_json)
    confusion = np.array(summary["confusion"])
    np.fill_diagonal(confusion, 0)
    most, file = confusion.max(), run / "evaluation-training.json"
    assert most > 1
    lines = as_text.split("\n\n")[3].splitlines()
    assert (lines[0], lines[-1]) == ("most frequent confusions:", f"the whole confusion matrix: {file}")
    true, predicted = np.argwhere(confusion == most)[0] + 10
    assert lines[1] == f"{most:7} of digit {true} predicted as {predicted}"
    assert len(lines) <= 22
    assert max(map(len, lines[:-1])) <= 80


@pytest.mark.parametrize("classes", [2, 10])
def test_a_single_answer_for_all_images_is_said(classes, tmp_path):
    digits = list(range(classes))
    confusion = [[0] * (classes - 1) + [5] for _ in digits]
    summary = evaluation_of(tmp_path, confusion)
    said = f"every image is predicted as {classes - 1}: the network does not distinguish the digits"
    assert evaluate.describe(summary, tmp_path).splitlines()[1] == said
    confusion[0][0] = 1
    text = evaluate.describe(evaluation_of(tmp_path, confusion), tmp_path)
    assert "every image" not in text
    assert max(map(len, text.splitlines()[1:])) <= 80


def evaluation_of(folder, confusion):
    """A summary with this confusion matrix, of digits from 0, without baselines."""
    digits = range(len(confusion))
    targets, predicted = zip(*[(a, b) for a in digits for b in digits for _ in range(confusion[a][b])], strict=True)
    images = dataset.load(write_folder(folder / "f", list(targets), list(digits)), "training", tuple(digits))
    P = np.eye(len(digits))[list(predicted)]
    P = P[:, 1:] if len(digits) == 2 else P
    return {"split": "test", "baselines": {}} | Evaluation(images, P, 0.5).summary()


@pytest.mark.usefixtures("nothing_drawn")
def test_the_limit_on_training_images_is_none_on_test_images(here, folder, tmp_path):
    (tmp_path / "config.yaml").write_text("data: {directory: made, limit_per_digit: 2}\ntraining: {epochs: 1}\n")
    here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run")
    for split, images in (("test", 8), ("training", 2), ("validation", 2)):
        done = here("scripts/evaluate.py", tmp_path / "run", "--split", split, "--json")
        assert json.loads(done.stdout)["n"] == images


def test_the_newest_finished_run_is_the_default(here, trained, tmp_path):
    done = here("scripts/evaluate.py", "--config", tmp_path / "config.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith(str(trained))


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize(("split", "images"), [("validation", 3), ("training", 27)])
def test_the_images_of_the_run_itself_can_be_judged(here, trained, split, images):
    done = here("scripts/evaluate.py", trained, "--split", split, "--json")
    assert json.loads(done.stdout)["n"] == images
    assert (trained / f"evaluation-{split}.json").exists()
    assert not (trained / "confusion.png").exists()


def write_other_shape(folder):
    idx.write(folder / "t10k-images-idx3-ubyte", np.zeros((10, 2, 8), np.uint8))


REFUSED = {
    "test images of another shape": (write_other_shape, "images of (2, 8) pixels, but"),
    "other training files": (
        lambda folder: write_folder(folder, [1, 7] * 20, [1, 7], seed=9),
        "put the old files back in data.directory, or train a new run on these",
    ),
    "no test files": (lambda folder: (folder / "t10k-images-idx3-ubyte").unlink(), "no test images"),
    "no data": (lambda folder: shutil.rmtree(folder), "no such folder"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_belong_to_the_run_is_refused(here, trained, folder, change, message):
    change(folder)
    done = here("scripts/evaluate.py", trained)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(trained.glob("evaluation*"))


def test_a_run_and_a_config_are_one_too_many(here, trained):
    done = here("scripts/evaluate.py", trained, "--config", "config.yaml")
    assert done.returncode == 2
    assert "give one of them" in done.stderr


def test_a_run_that_is_none_is_refused(here, tmp_path):
    done = here("scripts/evaluate.py", tmp_path / "nothing")
    assert done.returncode == 2
    assert "is not the directory of a run" in done.stderr


def test_no_validation_images_is_an_error_not_an_empty_figure(here, folder, tmp_path):
    (tmp_path / "config.yaml").write_text("data: {directory: made, validation_fraction: 0}\ntraining: {epochs: 1}\n")
    here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run")
    done = here("scripts/evaluate.py", tmp_path / "run", "--split", "validation")
    assert done.returncode == 2
    assert "it held out no validation images" in done.stderr


@pytest.mark.parametrize("classes", [2, 3, 30])
def test_results_in_chinese(here, trained, of_letters, classes):
    run = trained if classes == 2 else of_letters[classes]
    with nullcontext() if classes == 2 else undrawn():
        done = here("scripts/evaluate.py", run, "--lang", "zh")
    assert (done.returncode, done.stderr) == (0, "")
    assert english_left(done.stdout, run) == []
    assert "更简单的规则" in done.stdout
