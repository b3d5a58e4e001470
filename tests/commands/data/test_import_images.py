"""Promises of scripts/import_images.py: pictures and files of arrays become a data folder, whole or not at all."""

import csv
import json
import os
import shutil
import signal
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mlp import idx
from mlp.commands.data import import_images
from tests.conftest import ROOT, parts_of, undrawn
from tests.data.sources.test_kaggle_file import write_csv

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
    (training, _), (test, _) = parts_of(tmp_path / "out")
    expected = [np.rint(image * (255 / image.max())).astype(np.uint8) for image in images]
    assert sorted(map(bytes, [*training, *test])) == sorted(map(bytes, expected))


def test_the_samples_show_the_images_of_each_class(few, here, tmp_path):
    done = here("scripts/import_images.py", few, tmp_path / "out", "--size", 200)
    assert done.returncode == 0, done.stderr
    sheet = np.asarray(Image.open(tmp_path / "out" / "samples.png").convert("L"))
    assert (sheet < 100).mean() > 0.01
    assert parts_of(tmp_path / "out")[0][0].shape[1:] == (200, 200)


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
    assert sorted(set(parts_of(tmp_path / "out")[0][1])) == labels
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
        (images, _), (test, labels) = parts_of(tmp_path / "out")
        found[options] = test.tolist()
        assert Counter(labels.tolist()) == ({3: 20, 5: 10} if len(test) == 30 else {3: 8, 5: 4})
        assert {image.tobytes() for image in images}.isdisjoint(image.tobytes() for image in test)
        assert len(images) + len(test) == 60
        shutil.rmtree(tmp_path / "out")
    assert found[()] == found["--seed", 0] != found["--seed", 1]


def test_test_pictures_may_be_given(few, imported, tmp_path):
    test = write_pictures(tmp_path / "test", {"square": 1, "circle": 2}, ending="bmp")
    assert imported(few, "--test", test)[0] == 0
    (_, labels), (_, test_labels) = parts_of(tmp_path / "out")
    assert (labels.tolist(), test_labels.tolist()) == ([0, 0, 0, 1, 1, 1], [0, 0, 1])


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
    assert sum(len(labels) for _, labels in parts_of(tmp_path / "out")) == 6


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="such names cannot exist there")
def test_a_class_s_name_must_be_text_a_picture_s_need_not(few, imported, tmp_path):
    (few / "circle" / "000.png").rename(few / "circle" / os.fsdecode(b"\xe9.png"))
    assert imported(few)[0] == 0
    (few / "circle").rename(few / os.fsdecode(b"caf\xe9"))
    shutil.rmtree(tmp_path / "out")
    assert (
        imported(few)[2] == f"error: {few}/caf\\xe9: its name is not UTF-8: rename it, as it is the name of a class\n"
    )


def test_pictures_larger_than_the_free_memory_are_refused(few, imported, monkeypatch):
    monkeypatch.setattr("mlp.system.memory.free", lambda: 59)
    assert "6 images of 28 by 28 take 9,408 bytes of memory, and 59 are free: choose a smaller" in imported(few)[2]


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
