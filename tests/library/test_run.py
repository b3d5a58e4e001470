"""Promises of mlp.load and its Run: it predicts and is evaluated as the commands do it, without writing a file."""

import json
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

import mlp
from mlp import idx
from tests.conftest import ROOT, run_here, train_on_digits, write_folder, write_letters


@pytest.fixture(scope="module")
def run(digits_run):
    return mlp.load(str(digits_run))


@pytest.fixture(scope="module")
def test_images():
    return tuple(idx.read(ROOT / "data" / f"t10k-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))


def printed(*arguments):
    done = run_here(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_history_is_that_of_the_file_and_its_network_the_best(run, digits_run):
    rows = (digits_run / "history.csv").read_text().splitlines()
    assert [row.epoch for row in run.history] == list(range(1, len(rows)))
    assert rows[-1].startswith(
        f"{run.history[-1].epoch},{run.history[-1].train_loss},{run.history[-1].validation_loss},"
    )
    with np.load(digits_run / "model.npz") as saved:
        assert all(np.array_equal(run.network.parameters[name], saved[name]) for name in run.network.parameters)
    assert run.directory == digits_run
    assert run.config.training.epochs == 3


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize("split", ["test", "validation"])
def test_it_evaluates_as_the_command_and_writes_nothing(run, digits_run, tmp_path, split):
    shutil.copytree(digits_run, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in digits_run.iterdir()}
    found = run.evaluate(split)
    assert found == printed("scripts/evaluate.py", tmp_path / "run", "--split", split)
    assert {path.name: path.read_bytes() for path in digits_run.iterdir()} == before


def test_it_evaluates_arrays_as_it_does_files(run, test_images):
    of_files, of_arrays = run.evaluate(), run.evaluate(images=test_images)
    assert of_files == of_files | of_arrays
    assert of_files.keys() - of_arrays.keys() == {"split", "weights_sha256", "files"}
    X, y = test_images
    assert run.evaluate(images=(X.reshape(len(X), -1), y.reshape(-1, 1))) == of_arrays
    with pytest.raises(mlp.InputError, match="labels: no digit 1 in it: it holds 0"):
        run.evaluate(images=(X[y == 0], y[y == 0]))


def test_it_predicts_arrays_as_the_network_does(run, test_images):
    X, y = test_images
    P = run.predict(X)
    assert P.shape == (len(X), 1)
    assert np.array_equal(P, run.predict(X.reshape(len(X), -1)))
    np.testing.assert_allclose(P, run.network.predict((X.reshape(len(X), -1) / 255).astype(np.float32)), rtol=1e-5)
    assert ((P[:, 0] >= 0.5) == y).mean() > 0.99


def test_it_predicts_pictures_as_the_command_does(run, digits_run, test_images, tmp_path):
    X, y = test_images
    for number in range(4):
        grey = Image.fromarray(255 - X[number]).resize((90, 90))
        grey.save(tmp_path / f"{number}.png")
    answers = printed("scripts/predict.py", "--run", digits_run, tmp_path)
    expected = [answer["probability"] if answer["digit"] == 1 else 1 - answer["probability"] for answer in answers]
    assert run.predict(tmp_path)[:, 0].tolist() == pytest.approx(expected, abs=1e-7)
    assert run.predict(str(tmp_path / "2.png"))[:, 0].tolist() == pytest.approx(expected[2:3], abs=1e-7)
    paths = [str(tmp_path / "1.png"), tmp_path / "0.png"]
    assert run.predict(paths)[:, 0].tolist() == pytest.approx([expected[1], expected[0]], abs=1e-7)
    assert [answer["digit"] for answer in answers] == y[:4].tolist()


def test_what_it_cannot_evaluate_is_refused_with_the_cure(run, test_images):
    for split in ("tests", test_images):
        with pytest.raises(mlp.InputError, match="split: must be 'test' or ") as found:
            run.evaluate(split)
        assert found.value.__notes__ == ["images that are arrays: run.evaluate(images=(X, y))"]
    images, labels = test_images
    with pytest.raises(mlp.InputError, match="no pixel is above 1, but ink is 255"):
        run.evaluate(images=(images // 255, labels))


def test_a_run_on_arrays_without_test_images_says_how_to_evaluate_it(tmp_path):
    images = np.repeat(np.arange(0, 240, 4, dtype=np.uint8), 4).reshape(60, 2, 2)
    trained = mlp.train({"training": {"epochs": 1}}, images=(images, np.arange(60) // 30), output=tmp_path / "run")
    with pytest.raises(mlp.InputError, match=r"no test images: give images=\(X, y\)"):
        trained.evaluate()
    shutil.rmtree(trained.config.data.directory)
    with pytest.raises(mlp.InputError, match="no such folder") as found:
        trained.evaluate(images=(images, np.arange(60) // 30))
    assert "without the training images" in found.value.__notes__[0]
    assert f"mlp.load({str(trained.directory / 'model.npz')!r})" in found.value.__notes__[0]


def test_paths_may_come_one_by_one_and_lie_in_the_home_folder(run, test_images, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for number in range(2):
        Image.fromarray(255 - test_images[0][number]).save(tmp_path / f"{number}.png")
    P = run.predict(["~/0.png", "~/1.png"])
    assert np.array_equal(run.predict(f"~/{number}.png" for number in range(2)), P)
    with pytest.raises(mlp.InputError, match="no image in it"):
        run.predict((tmp_path / "none").glob("*.png"))
    with pytest.raises(mlp.InputError, match="a path must not be empty"):
        run.predict("")  # not the pictures of the working folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "val"}, "split: must be 'test' or 'validation' or 'training', not 'val'"),
        ({"images": np.zeros((9, 28, 28), np.uint8)}, "must be a pair of arrays"),
    ],
)
def test_what_it_cannot_be_evaluated_on_is_refused(run, arguments, message):
    with pytest.raises(mlp.InputError, match=message):
        run.evaluate(**arguments)


def test_a_run_that_was_named_from_another_folder_is_still_found(digits_run, tmp_path, monkeypatch):
    monkeypatch.chdir(digits_run)
    run = mlp.load(".")
    monkeypatch.chdir(tmp_path)
    assert mlp.load(run.directory).history == run.history


def test_its_classes_have_the_names_of_imported_folders_or_else_their_labels(run, digits_run, folder, tmp_path):
    assert run.classes == ["0", "1"]
    settings = ("data.digits=[7, 0, 1]", f"data.directory={folder}", "data.validation_fraction=0.2")
    named = mlp.load(train_on_digits(tmp_path / "run", *settings))
    (folder / "classes.csv").write_text("label,name\n0,circle\n1,square\n7,triangle\n")
    assert named.classes == ["triangle", "circle", "square"]
    (folder / "classes.csv").write_text("nonsense")
    with pytest.warns(UserWarning, match="classes.csv: .*: import the pictures again"):
        assert named.classes == ["7", "0", "1"]
    shutil.copy(tmp_path / "run" / "model.npz", tmp_path / "mine.npz")
    assert mlp.load(tmp_path / "mine.npz").classes == ["7", "0", "1"]


def test_two_digits_on_a_picture_are_a_warning(run, test_images, tmp_path):
    X, _ = test_images
    Image.fromarray(255 - np.hstack([X[0], X[1]])).save(tmp_path / "two.png")
    with pytest.warns(UserWarning, match=r"two\.png: several separate digits") as found:
        run.predict(tmp_path / "two.png")
    assert found[0].filename == __file__


def test_a_model_without_its_run_predicts_and_is_evaluated_on_arrays(run, digits_run, test_images, tmp_path):
    shutil.copy(digits_run / "model.npz", tmp_path / "mine.npz")
    alone = mlp.load(tmp_path / "mine.npz")
    assert (alone.directory, alone.history, alone.image_shape) == (tmp_path, [], (28, 28))
    assert np.array_equal(alone.predict(test_images[0]), run.predict(test_images[0]))
    of_run = run.evaluate(images=test_images)
    assert alone.evaluate(images=test_images) == {name: of_run[name] for name in of_run if name != "baselines"}
    with pytest.raises(mlp.InputError, match=r"without its run has no test images: give images=\(X, y\)"):
        alone.evaluate()


def test_it_can_be_pickled_and_says_what_it_is(run, test_images):
    again = pickle.loads(pickle.dumps(run))
    assert np.array_equal(again.predict(test_images[0][:9]), run.predict(test_images[0][:9]))
    assert repr(again) == repr(run)
    assert repr(run).startswith(f"Run({run.directory}, MLP(784-32-1, sigmoid, euclidean, float32, 25,153 parameters)")


def test_transposed_images_are_turned_as_those_of_files(tmp_path):
    folder = write_letters(tmp_path / "letters", [1, 2, 3] * 20, [1, 2, 3] * 4)
    settings = ("data.digits=all", "data.transpose=true", f"data.directory={folder}", "data.validation_fraction=0.2")
    letters = mlp.load(train_on_digits(tmp_path / "run", *settings))
    images, labels = (idx.read(folder / f"t10k-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    assert letters.image_shape == (5, 3)
    assert letters.evaluate(images=(images, labels))["confusion"] == letters.evaluate()["confusion"]
    assert letters.predict(images).shape == (12, 3)
    assert np.array_equal(letters.predict(images.reshape(12, 15)), letters.predict(images))
    with pytest.raises(mlp.InputError, match=r"shape \(12, 5, 3\), must be \(n, 3, 5\) or \(n, 15\)"):
        letters.predict(images.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 28, 28)), "float64, must be uint8"),
        (
            np.zeros((28, 28), np.uint8),
            "must be (n, 28, 28) or (n, 784): write images[None] for a single one",
        ),
        (np.zeros((0, 28, 28), np.uint8), "no image in it"),
        (np.zeros((2, 28, 28, 3), np.uint8), "colours are not supported"),
        ("nothing.png", "nothing.png: no such file"),
    ],
)
def test_what_it_cannot_predict_is_refused_with_the_cure(run, images, message):
    with pytest.raises(mlp.InputError) as found:
        run.predict(images)
    assert message in str(found.value)


def test_each_file_that_cannot_be_predicted_is_named_and_warnings_are_given_all_the_same(run, test_images, tmp_path):
    X, _ = test_images
    Image.fromarray(255 - np.hstack([X[0], X[1]])).save(tmp_path / "two.png")
    with (
        pytest.warns(UserWarning, match=r"two\.png: several separate digits"),
        pytest.raises(mlp.InputError, match=r"no\.png: no such file(.|\n)*nothing\.png: no such file"),
    ):
        run.predict(["no.png", tmp_path / "two.png", "nothing.png"])


def test_what_is_no_finished_run_is_refused(tmp_path, digits_run):
    (tmp_path / "other.npz").write_bytes(b"PK" * 9)
    made = write_folder(tmp_path / "made", [0, 1] * 9, [0, 1])
    with pytest.raises(mlp.InputError, match=r"none\.npz: no such file"):
        mlp.load(tmp_path / "none.npz")
    for path in (tmp_path / "none", tmp_path, tmp_path / "other.npz", made / "train-labels-idx1-ubyte"):
        with pytest.raises(mlp.InputError, match=path.name):
            mlp.load(path)
