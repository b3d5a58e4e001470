"""Promises of scripts/import_images.py: pictures and files of arrays become a data folder, whole or not at all."""

import csv
import gzip
import json
import os
import shutil
import signal
import zipfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mlp import idx
from mlp.commands.data import import_images
from mlp.data import idx_folder
from mlp.data.sources import kaggle_file
from tests.conftest import ROOT, run_here, undrawn

CORNERS = {"circle": 90, "square": 4, "triangle": 3}


def draw(shape, random):
    """A picture of a shape with another size, place, line, rotation and brightness of paper and ink each time."""
    side, line = int(random.integers(40, 80)), int(random.integers(2, 5))
    levels = [int(random.integers(180, 256)), int(random.integers(0, 90))]
    paper, ink = levels[:: random.choice([1, -1])]
    radius, turn = side * random.uniform(0.2, 0.4), random.uniform(0, 2 * np.pi)
    centre = random.uniform(radius + 3, side - radius - 3, 2)
    angles = turn + 2 * np.pi * np.arange(CORNERS[shape]) / CORNERS[shape]
    corners = centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])
    picture = Image.new("L", (side, side), paper)
    ImageDraw.Draw(picture).polygon([*map(tuple, corners.tolist())], outline=ink, width=line)
    return picture


def write_pictures(folder, counts, seed=0, ending="png"):
    random = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for k in range(count):
            draw(name if name in CORNERS else "square", random).save(folder / name / f"{k:03}.{ending}")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Six pictures of two shapes."""
    return write_pictures(tmp_path_factory.mktemp("few") / "pictures", {"circle": 3, "square": 3})


@pytest.fixture
def few(pictures, tmp_path):
    """A copy of them, a test's own."""
    return shutil.copytree(pictures, tmp_path / "few")


@pytest.fixture
def imported(tmp_path):
    """Run it without drawing; the exit code, what it printed, and the error."""

    def run(source, *options):
        with undrawn():
            done = run_here("scripts/import_images.py", source, tmp_path / "out", *options)
        return done.returncode, done.stdout, done.stderr

    return run


def parts(folder):
    """Images and labels of both parts of a data folder."""
    opened = [idx_folder.open_part(folder, part) for part in ("training", "test")]
    return [(part.take(np.arange(len(part.labels))), part.labels) for part in opened]


def test_three_commands_learn_three_drawn_shapes_from_200_pictures(here, tmp_path):
    """At least 95 % of 120 other pictures are right; the table and the JSON name the classes."""
    shapes = write_pictures(tmp_path / "shapes", {"circle": 67, "square": 67, "triangle": 66})
    new = write_pictures(tmp_path / "new", dict.fromkeys(CORNERS, 40), seed=1)
    data, run = tmp_path / "data", tmp_path / "run"
    done = here("scripts/import_images.py", shapes, data)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()[:5]] == [
        ["label", "class", "training", "test"],
        ["0", "circle", "54", "13"],
        ["1", "square", "54", "13"],
        ["2", "triangle", "53", "13"],
        ["all", "161", "39"],
    ]
    options = done.stdout.splitlines()[-1].partition("--set ")[2].split()
    assert here("train.py", "--output", run, "--set", *options, "training.epochs=30").returncode == 0
    done = here("scripts/predict.py", "--run", run, *(new / name for name in CORNERS), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answers = json.loads(done.stdout)
    right = [answer["class"] for answer in answers if f"/{answer['class']}/" in answer["file"].replace("\\", "/")]
    assert len(answers) == 120
    assert len(right) >= 0.95 * 120
    assert set(right) == set(CORNERS)
    assert all(list(CORNERS)[answer["digit"]] == answer["class"] for answer in answers)
    assert all(list(CORNERS)[answer["second_digit"]] == answer["second_class"] for answer in answers)
    header, row = here("scripts/predict.py", "--run", run, new / "square" / "000.png").stdout.splitlines()[:2]
    assert header.split() == ["file", "digit", "class", "probability", "second", "class", "probability", "novel"]
    assert row.split()[1:3] == ["1", "square"]
    with undrawn():
        assert here("scripts/evaluate.py", run).stdout.endswith("\nclasses: 0 circle, 1 square, 2 triangle\n")
        assert json.loads(here("scripts/evaluate.py", run, "--json").stdout)["n"] == 39


def test_a_picture_is_prepared_as_predict_prepares_it(few, imported, here, tmp_path):
    """With --as-is the network gets the same of the imported images, up to the rounding to bytes."""
    assert imported(few, "--test", few)[0] == 0
    run = tmp_path / "run"
    options = [f"data.directory={tmp_path / 'out'}", "data.digits=all", "data.validation_fraction=0"]
    options += ["training.epochs=5", "training.batch_size=2"]
    assert here("train.py", "--output", run, "--set", *options).returncode == 0
    asked = ([few / "circle", few / "square"], [tmp_path / "out" / "t10k-images-idx3-ubyte", "--as-is"])
    answers = [json.loads(here("scripts/predict.py", "--run", run, *files, "--json").stdout) for files in asked]
    probabilities = [[(each["class"], each["probability"]) for each in given] for given in answers]
    assert len(probabilities[0]) == 6
    for (name, of_picture), (other, of_bytes) in zip(*probabilities, strict=True):
        assert name == other
        assert of_picture == pytest.approx(of_bytes, abs=0.01)


def test_mnists_own_images_as_pictures_stay_as_they_are(imported, tmp_path):
    """But the darkest pixel, which is 254 in one of them, becomes 255."""
    images = idx.read(ROOT / "data" / "t10k-images-idx3-ubyte.gz")[:6]
    for k, image in enumerate(images):
        (tmp_path / "own" / str(k % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "own" / str(k % 2) / f"{k}.png")
    assert imported(tmp_path / "own")[0] == 0
    (training, _), (test, _) = parts(tmp_path / "out")
    expected = [np.rint(image * (255 / image.max())).astype(np.uint8) for image in images]
    assert sorted(map(bytes, [*training, *test])) == sorted(map(bytes, expected))


def test_the_samples_show_the_images_of_each_class(few, here, tmp_path):
    done = here("scripts/import_images.py", few, tmp_path / "out", "--size", 200)
    assert done.returncode == 0, done.stderr
    sheet = np.asarray(Image.open(tmp_path / "out" / "samples.png").convert("L"))
    assert (sheet < 100).mean() > 0.01
    assert parts(tmp_path / "out")[0][0].shape[1:] == (200, 200)


@pytest.mark.parametrize(
    ("names", "labels", "has_names"),
    [
        (["7", "200"], [7, 200], False),
        (["10", "9"], [9, 10], False),
        (["7", "256"], [0, 1], True),
        (["b", "a"], [0, 1], True),
        (["\u0660", "\u0661"], [0, 1], True),
        (["日本, \"a\"", "\x1b[31m\r"], [0, 1], True),
    ],
)  # fmt: skip
def test_numbers_are_labels_and_other_names_are_numbered_in_their_order(names, labels, has_names, imported, tmp_path):
    code, out, error = imported(write_pictures(tmp_path / "named", dict.fromkeys(names, 2)))
    assert (code, error) == (0, "")
    assert out.replace("\n", "").isprintable()
    assert sorted(set(parts(tmp_path / "out")[0][1])) == labels
    path = tmp_path / "out" / "classes.csv"
    assert path.exists() == has_names
    if has_names:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert rows == [["label", "name"], *([str(k), name] for k, name in enumerate(sorted(names)))]


def test_the_seed_chooses_the_test_images_of_each_class(imported, tmp_path):
    source = write_csv(tmp_path / "a.csv", [3] * 40 + [5] * 20)
    found = {}
    for options in ((), ("--seed", 0), ("--seed", 1), ("--test-fraction", 0.5)):
        assert imported(source, *options)[0] == 0
        (images, _), (test, labels) = parts(tmp_path / "out")
        found[options] = test.tolist()
        assert Counter(labels.tolist()) == ({3: 20, 5: 10} if len(test) == 30 else {3: 8, 5: 4})
        assert {image.tobytes() for image in images}.isdisjoint(image.tobytes() for image in test)
        assert len(images) + len(test) == 60
        shutil.rmtree(tmp_path / "out")
    assert found[()] == found["--seed", 0] != found["--seed", 1]


def test_test_pictures_may_be_given(few, imported, tmp_path):
    test = write_pictures(tmp_path / "test", {"square": 1, "circle": 2}, ending="bmp")
    assert imported(few, "--test", test)[0] == 0
    (_, labels), (_, test_labels) = parts(tmp_path / "out")
    assert (labels.tolist(), test_labels.tolist()) == ([0, 0, 0, 1, 1, 1], [0, 0, 1])


X = np.random.default_rng(0).integers(0, 256, (12, 3, 5), np.uint8)
ARRAYS = {"x_train": X, "y_train": np.arange(12) % 3, "x_test": X[:3], "y_test": np.arange(3)}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("column", [slice(None), np.newaxis])
def test_keras_files_keep_their_bytes(save, column, imported, tmp_path):
    save(
        tmp_path / "a.npz",
        **{name: a[:, column] if name[0] == "y" and column is None else a for name, a in ARRAYS.items()},
    )
    assert imported(tmp_path / "a.npz")[0] == 0
    for (images, labels), part in zip(parts(tmp_path / "out"), ("train", "test"), strict=True):
        np.testing.assert_array_equal(images, ARRAYS[f"x_{part}"])
        np.testing.assert_array_equal(labels, ARRAYS[f"y_{part}"])


def write_csv(path, labels, pixels=4, start=""):
    """Each image has other pixels."""
    lines = [",".join(map(str, [label, *np.arange(pixels) + k])) for k, label in enumerate(labels)]
    path.write_text(start + "".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize(
    "start", ["", "label,pixel0,pixel1,pixel2,pixel3\n", "\ufeff", '\r\n"label","a","b","c","d"\r\n\n']
)
@pytest.mark.parametrize("block", [kaggle_file.BLOCK_CHARACTERS, 1])
def test_kaggle_files_keep_their_bytes(start, block, imported, tmp_path, monkeypatch):
    """Read at once or line by line, gzipped or not, with any header."""
    monkeypatch.setattr(kaggle_file, "BLOCK_CHARACTERS", block)
    first, second = (write_csv(tmp_path / name, [9, 255] * 3, start=start) for name in ("train.csv", "test.csv"))
    packed = tmp_path / "test.csv.gz"
    packed.write_bytes(gzip.compress(second.read_bytes()))
    assert imported(first, "--test", packed)[0] == 0
    for images, labels in parts(tmp_path / "out"):
        np.testing.assert_array_equal(images.reshape(6, 4), np.arange(4) + np.arange(6)[:, np.newaxis])
        assert labels.tolist() == [9, 255] * 3
        assert images.shape == (6, 2, 2)


def test_a_header_may_be_in_any_encoding(imported, tmp_path):
    path = write_csv(tmp_path / "a.csv", [0, 1] * 3)
    path.write_bytes("étiquette,a,b,c,d\n".encode("latin-1") + path.read_bytes())
    assert imported(path)[0] == 0


def damage(few):
    (few / "circle" / "text.png").write_text("no picture")
    (few / "circle" / "cut.png").write_bytes((few / "circle" / "000.png").read_bytes()[:80])
    Image.new("L", (9, 9), 7).save(few / "square" / "blank.png")


def only_one(few):
    for k in (1, 2):
        (few / "square" / f"00{k}.png").unlink()


def empty(few):
    shutil.rmtree(few / "square")
    (few / "square").mkdir()


def rename(few, first, second):
    (few / "circle").rename(few / first)
    (few / "square").rename(few / second)


FOLDERS = {
    "damaged": (
        damage,
        "cut.png: a damaged PNG",
        "text.png: not an image",
        "blank.png: nothing is drawn",
        "nothing was",
    ),
    "one image": (only_one, "1 image of class square, and none is left for training: a class needs two"),
    "one class": (lambda few: shutil.rmtree(few / "circle"), "only one folder in it: it must hold a folder for each"),
    "no picture": (empty, "square: a folder without pictures"),
    "beside": (lambda few: Image.new("L", (9, 9)).save(few / "a.png"), "a.png: a picture outside the folders of the"),
    "nested": (lambda few: (few / "circle" / "old").mkdir(), "old: a folder within a class: move its pictures into"),
    "many": (lambda few: [(few / str(k)).mkdir() for k in range(255)], "257 folders in it: it must hold"),
    "one number": (lambda few: rename(few, "7", "07"), "07 and 7 are one number: make one folder of them"),
    "broken link": (lambda few: (few / "circle" / "a.png").symlink_to("nowhere"), "a.png: no such file"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_that_cannot_be_imported_whole_is_refused(kind, few, imported, tmp_path):
    change, *messages = FOLDERS[kind]
    change(few)
    code, out, error = imported(few)
    assert (code, out) == (2, "")
    assert error.startswith(f"error: {few}")
    for message in messages:
        assert message in error
    assert not (tmp_path / "out").exists()


def test_a_picture_of_several_drawings_is_kept_with_a_warning(few, imported):
    picture = Image.new("L", (60, 30), 255)
    for left in (3, 35):
        ImageDraw.Draw(picture).ellipse([left, 4, left + 20, 24], outline=0, width=3)
    picture.save(few / "circle" / "two.png")
    picture.save(few / "square" / "too.png")
    code, _, error = imported(few)
    assert code == 0
    assert error.count("\n") == 1
    assert error.startswith(
        f"warning: {few / 'circle' / 'two.png'} and 1 more: several separate drawings became one image: cut out one"
    )


def test_hidden_files_and_other_kinds_of_files_are_left_out(few, imported, tmp_path):
    (few / ".git").mkdir()
    (few / "circle" / ".thumbnails").mkdir()
    for name in ("README.txt", ".DS_Store", "circle/._000.png", "circle/Thumbs.db"):
        (few / name).write_text("no picture")
    assert imported(few)[0] == 0
    assert sum(len(labels) for _, labels in parts(tmp_path / "out")) == 6


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="such names cannot exist there")
def test_a_class_s_name_must_be_text_a_picture_s_need_not(few, imported, tmp_path):
    (few / "circle" / "000.png").rename(few / "circle" / os.fsdecode(b"\xe9.png"))
    assert imported(few)[0] == 0
    (few / "circle").rename(few / os.fsdecode(b"caf\xe9"))
    shutil.rmtree(tmp_path / "out")
    assert (
        imported(few)[2] == f"error: {few}/caf\\xe9: its name is not UTF-8: rename it, as it is the name of a class\n"
    )


ARCHIVES = {
    "float": ({"x_train": X / 255}, "x_train: float64, must be uint8 from 0 to 255: multiply by 255"),
    "colour": ({"x_test": X[..., np.newaxis]}, "x_test: shape (12, 3, 5, 1), colours are not supported"),
    "label": ({"y_test": np.array([0, 1, 256])}, "y_test: the label at index 2 is 256"),
    "lengths": ({"y_train": np.arange(5)}, "y_train: 5 for 12 x_train"),
    "objects": ({"y_train": np.array([None] * 12)}, "y_train cannot be read (Object arrays cannot be loaded"),
    "shapes": ({"x_test": X[:3, :2]}, "training and test images differ, 3 by 5 and 2 by 5 pixels"),
    "labels": ({"y_test": np.zeros(3, int)}, "label 1 has training images, but no test image"),
    "one label": ({"y_train": np.full(12, 4)}, "every training image has the label 4: two labels are needed"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_arrays_of_another_kind_are_refused(kind, imported, tmp_path):
    changed, message = ARCHIVES[kind]
    np.savez(tmp_path / "a.npz", **ARRAYS | changed)
    code, _, error = imported(tmp_path / "a.npz")
    assert code == 2
    assert error.startswith(f"error: {tmp_path / 'a.npz'}: {message}")
    assert not (tmp_path / "out").exists()


def lacking(path):
    np.savez(path, x_train=X)


def forged(path):
    """Its header promises 2^60 images."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in ARRAYS.items():
            with archive.open(f"{name}.npy", "w") as file:
                shape = (1 << 60, *array.shape[1:]) if name == "x_train" else array.shape
                header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                file.write(array.tobytes())


def cut(path):
    np.savez(path, **ARRAYS)
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lacking, "no array y_train, but x_train: x_train, y_train, x_test and y_test are needed"),
        (forged, "x_train cannot be read"),
        (cut, "not an archive of arrays"),
        (lambda path: path.write_text("text"), "not an archive of arrays (not a ZIP archive)"),
    ],
)
def test_a_damaged_or_incomplete_archive_is_refused(make, message, imported, tmp_path):
    make(tmp_path / "a.npz")
    code, _, error = imported(tmp_path / "a.npz")
    assert code == 2
    assert error.startswith(f"error: {tmp_path / 'a.npz'}: {message}")


def test_an_array_larger_than_the_free_memory_is_refused(imported, tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", **ARRAYS | {"x_train": np.zeros((1000, 3, 5), np.uint8)})
    monkeypatch.setattr("mlp.system.memory.free", lambda: 10_000)
    assert "x_train takes 15,128 bytes, and 10,000 are free" in imported(tmp_path / "a.npz")[2]


def test_images_larger_than_the_free_memory_are_refused(few, imported, tmp_path, monkeypatch):
    source = write_csv(tmp_path / "a.csv", [0, 1] * 3)
    monkeypatch.setattr("mlp.system.memory.free", lambda: 59)
    assert "a.csv: line 6: the images take more than the free memory: take fewer lines" in imported(source)[2]
    assert "6 images of 28 by 28 take 9,408 bytes of memory, and 59 are free: choose a smaller" in imported(few)[2]


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("1,2,3,4,256\n", "line 6: column 5 is '256', must be a whole number from 0 to 255"),
        ("\n1,-2,3,4,5\n", "line 7: column 2 is '-2', must be a whole number"),
        ("1,2,3.5,4,5\n", "line 6: column 3 is '3.5', must be a whole number"),
        ("1,2,3,4,x\n", "line 6: column 5 is 'x', must be a whole number"),
        ("1,2,3,4\n", "line 6: 4 columns, the first line has 5: complete or remove it"),
        ("1,2,3,4,5,6\n", "line 6: 6 columns, the first line has 5"),
        ("2,2,3,4,5\n", "1 image of class 2, and none is left for training"),
    ],
)
@pytest.mark.parametrize("block", [kaggle_file.BLOCK_CHARACTERS, 1])
def test_a_wrong_line_is_named(end, message, block, imported, tmp_path, monkeypatch):
    monkeypatch.setattr(kaggle_file, "BLOCK_CHARACTERS", block)
    path = write_csv(tmp_path / "a.csv", [0, 1, 1, 0], start="label,a,b,c,d\n")
    path.write_text(path.read_text() + end)
    code, _, error = imported(path)
    assert code == 2
    assert error.startswith(f"error: {path}: {message}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no image in it"),
        ("label,a,b,c,d\n", "no image in it"),
        ("0;1;2;3;4\n", "line 1: 0 pixels after the label are no square image"),
        ("0,1,2\n", "line 1: 2 pixels after the label are no square image"),
        (
            "pixel0,pixel1\n1,2\n",
            "line 1: its first column is pixel0, must be the label: Kaggle's test.csv has no labels",
        ),
    ],
)
def test_a_csv_file_without_label_and_square_image_is_refused(text, message, imported, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    code, _, error = imported(tmp_path / "a.csv")
    assert code == 2
    assert error.startswith(f"error: {tmp_path / 'a.csv'}: {message}")


@pytest.mark.parametrize("size", [8, -8])
def test_damaged_gzip_data_are_refused(size, imported, tmp_path):
    content = gzip.compress(write_csv(tmp_path / "a.csv", [0, 1] * 50).read_bytes())
    (tmp_path / "a.csv.gz").write_bytes(content[:size])
    assert f"error: {tmp_path / 'a.csv.gz'}: damaged gzip data" in imported(tmp_path / "a.csv.gz")[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{few}", "{few}/new"], "new: lies within"),
        (["{few}", "{other}/new", "--test", "{other}"], "new: lies within"),
        (["{few}", "{few}"], "not empty, nothing was written: name another folder"),
        (["{few}", "{file}"], "already exists, and is not a folder"),
        (["{file}", "{new}"], "not a folder of pictures: name a folder for each class"),
        (["{new}", "{new}2"], "no such folder or file"),
        (["{few}", "{new}", "--test", "{few}", "--seed", "1"], "--seed: holds out test images, --test names them"),
        (["{few}", "{new}", "--test", "{csv}"], "must be of the same kind as"),
        (["{few}", "{new}", "--test", "{other}"], "training pictures': it lacks square and it also has star"),
        (["{few}", "{new}", "--test-fraction", "1"], "must be a number between 0 and 1, not 1"),
        (["{few}", "{new}", "--test-fraction", "nan"], "must be a number between 0 and 1, not nan"),
        (["{few}", "{new}", "--size", "3"], "must be a whole number, at least 4, not 3"),
        (["{few}", "{new}", "--size", "2049"], "must be at most 2,048, not 2049"),
        (["{csv}", "{new}", "--size", "28"], "its images are not scaled: leave out --size"),
        (["{npz}", "{new}", "--test-fraction", "0.1"], "has its own test images: leave out --test-fraction"),
    ],
)
def test_a_target_or_options_that_do_not_fit_are_refused(arguments, message, few, here, tmp_path):
    places = {"few": few, "new": tmp_path / "new", "file": tmp_path / "file", "other": tmp_path / "other"}
    places |= {"csv": write_csv(tmp_path / "a.csv", [0, 1] * 2), "npz": tmp_path / "a.npz"}
    for name in ("file", "a.npz"):
        (tmp_path / name).write_text("")
    write_pictures(places["other"], {"circle": 1, "star": 1})
    before = sorted(tmp_path.rglob("*"))
    done = here("scripts/import_images.py", *(text.format(**places) for text in arguments))
    assert done.returncode == 2
    assert message in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_the_training_images_are_written_last_so_that_no_run_starts_on_a_part(few, imported, monkeypatch):
    written, write = [], import_images.write_part
    monkeypatch.setattr(import_images, "write_part", lambda *call: (written.append(call[1]), write(*call)))
    assert imported(few)[0] == 0
    assert written == ["test", "training"]


@pytest.mark.parametrize("was_there", [True, False])
@pytest.mark.parametrize("when", ["read_pictures", "write_part"])
def test_a_signal_leaves_nothing_and_the_command_can_be_given_again(
    when, was_there, few, imported, tmp_path, monkeypatch
):
    out, write = tmp_path / "out", getattr(import_images, when)
    if was_there:
        out.mkdir()

    def interrupted(*arguments):
        write(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(import_images, when, interrupted)
        code, _, error = imported(few)
    assert (code, error) == (143, "terminated: give the same command again\n")
    assert out.exists() == was_there
    assert not was_there or not list(out.iterdir())
    assert imported(few)[0] == 0


def test_names_that_cannot_be_read_are_a_warning(few, imported, here, tmp_path):
    assert imported(few)[0] == 0
    options = [
        f"data.directory={tmp_path / 'out'}",
        "data.digits=all",
        "data.validation_fraction=0",
        "training.epochs=9",
    ]
    assert here("train.py", "--output", tmp_path / "run", "--set", *options).returncode == 0
    (tmp_path / "out" / "classes.csv").write_text("label,name\n0,a,b\n")
    done = here("scripts/predict.py", "--run", tmp_path / "run", few / "circle")
    assert done.returncode == 0
    assert "classes.csv: " in done.stderr
    assert "the classes' names are unknown" in done.stderr
    assert done.stdout.splitlines()[0].split() == ["file", "digit", "probability", "novel"]
