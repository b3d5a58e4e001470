"""Promises of scripts/predict.py, tried on the bundled digits in files of all kinds."""

import json
import os
import re
import shutil
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageFilter

from mlp import idx
from mlp.commands.runs.predict import Answer, verdict
from mlp.data.file_kinds import READABLE
from mlp.languages.catalogue import say
from mlp.runs import finished
from mlp.system.text_table import width
from tests.conftest import ROOT, finished_run, run_here, write_folder, write_letters
from tests.languages.english import english_left


@pytest.fixture
def predict(here):
    """Run it: exit code, stdout, stderr."""

    def run(*arguments):
        done = here("scripts/predict.py", *arguments)
        return done.returncode, done.stdout, done.stderr

    return run


def test_blurred_moved_scaled_and_inverted_digits_are_recognized(digits_run, predict, test_digits, tmp_path):
    """200 test images: blurred by up to 1.5 pixels, moved by up to 4, scaled by 0.7 to 1.3, dark on light."""
    random = np.random.default_rng(0)
    chosen = random.permutation(len(test_digits))[:200]
    files = []
    for position, pixels in zip(chosen, test_digits.pixels(chosen), strict=True):
        side = round(28 * random.uniform(0.7, 1.3))
        sheet = Image.new("L", (48, 48))
        corner = [(48 - side) // 2 + int(move) for move in random.integers(-4, 5, 2)]
        sheet.paste(Image.fromarray(pixels.reshape(28, 28)).resize((side, side), Image.Resampling.BICUBIC), corner)
        sheet = sheet.filter(ImageFilter.GaussianBlur(random.uniform(0, 1.5)))
        files.append(tmp_path / f"{position:04}.png")
        Image.eval(sheet, lambda level: 255 - level).save(files[-1])
    code, out, error = predict("--run", digits_run, *files, "--json")
    assert (code, error) == (0, "")
    answers = json.loads(out)
    assert [answer["file"] for answer in answers] == list(map(str, files))
    right = sum(answer["digit"] == label for answer, label in zip(answers, test_digits.labels[chosen], strict=True))
    assert right >= 196


def test_an_idx_file_as_is_gets_the_networks_own_probabilities(digits_run, predict, test_digits):
    test_file = ROOT / "data" / "t10k-images-idx3-ubyte.gz"
    X, _ = test_digits.arrays("float32")
    P = finished.read_run(digits_run).network.predict(X)[:, 0]
    for options, tolerance, others in (((), 0.05, 1), (("--as-is",), 1e-6, 0)):  # one has an edge too faint to count
        code, out, _ = predict("--run", digits_run, test_file, "--json", *options)
        assert code == 0
        answers = json.loads(out)
        assert [answer["index"] for answer in answers] == list(range(2115))
        found = [answer["probability"] if answer["digit"] == 1 else 1 - answer["probability"] for answer in answers]
        assert np.count_nonzero(np.abs(found - P) > tolerance) <= others


def test_the_table_has_a_row_for_each_image_and_other_files_are_named(digits_run, predict, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (30, 30), 90).save(tmp_path / "empty.png")
    zero = ROOT / "docs" / "zero.png"
    code, out, error = predict(
        "--run", digits_run, tmp_path / "text.png", zero, tmp_path / "empty.png", tmp_path / "gone"
    )
    assert code == 2
    header, row = (re.split("  +", line) for line in out.splitlines())
    assert header == ["file", "digit", "probability", "novel"]
    assert row[:2] == [str(zero), "0"]
    assert 0.9 < float(row[2]) <= 1
    assert row[3] == "no"
    first, second, third = error.removeprefix("error: ").splitlines()
    assert first == f"{tmp_path / 'text.png'}: not an image: it must be {READABLE}: save it as PNG or JPEG"
    assert "empty.png: nothing is drawn on it" in second
    assert "gone: no such file" in third


def test_show_draws_the_stages(digits_run, predict, tmp_path):
    picture = tmp_path / "made" / "stages.png"
    code, out, _ = predict("--run", digits_run, ROOT / "docs" / "zero.png", "--show", picture)
    assert code == 0
    assert out.splitlines()[-1].startswith("stages: ")
    assert len(np.unique(np.asarray(Image.open(picture).convert("L")))) > 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.png", "--show", "x.gif"], "must end in .svg, .png, .pdf"),
        (["x.png", "--show", "x.png", "--as-is"], "give one of them"),
        ([], "IMAGE"),
    ],
)
def test_contradictory_options_are_refused(predict, arguments, message):
    code, _, error = predict(*arguments)
    assert code == 2
    assert message in error


def test_the_digits_are_the_runs_own_and_as_is_requires_its_shape(predict, settings, tmp_path):
    data = settings.data.model_copy(update={"digits": (7, 3)})
    run, network = finished_run(settings.model_copy(update={"data": data}), tmp_path / "run")
    images = np.random.default_rng(1).integers(0, 256, (6, 2, 2), np.uint8)
    idx.write(tmp_path / "images", images)
    code, out, _ = predict("--run", run, tmp_path / "images", "--as-is", "--json")
    assert code == 0
    P = network.predict(images.reshape(6, 4) / 255)[:, 0]
    assert [answer["digit"] for answer in json.loads(out)] == [3 if p >= 0.5 else 7 for p in P]
    assert [answer["probability"] for answer in json.loads(out)] == pytest.approx(np.maximum(P, 1 - P), abs=1e-6)
    code, _, error = predict("--run", run, ROOT / "docs" / "zero.png", "--as-is")
    assert code == 2
    assert "zero.png: (180, 150) pixels, the run's images have (2, 2): prepare it, do not take it as is" in error


def test_of_more_digits_the_two_most_probable_are_named(predict, tmp_path):
    folder = write_folder(tmp_path / "made", [4, 7, 200] * 5, [4, 7, 200])
    (tmp_path / "c.yaml").write_text("data: {directory: made, digits: [7, 4, 200]}\ntraining: {epochs: 1}\n")
    assert run_here("train.py", "--config", tmp_path / "c.yaml", "--output", tmp_path / "run").returncode == 0
    test_file = folder / "t10k-images-idx3-ubyte"
    P = finished.read_run(tmp_path / "run").network.predict(idx.read(test_file).reshape(3, 16) / np.float32(255))
    code, out, _ = predict("--run", tmp_path / "run", test_file, "--as-is", "--json")
    assert code == 0
    order = np.argsort(-P, axis=1)
    for k, answer in enumerate(json.loads(out)):
        assert list(answer) == ["file", "index", "digit", "probability", "novel", "second_digit", "second_probability"]
        first, second = order[k, :2]
        assert (answer["digit"], answer["second_digit"]) == ([7, 4, 200][first], [7, 4, 200][second])
        found = [answer["probability"], answer["second_probability"]]
        assert found == pytest.approx([P[k, first], P[k, second]], abs=1e-6)
    header, row, *_ = (re.split("  +", line) for line in predict("--run", tmp_path / "run", test_file)[1].splitlines())
    assert header == ["file", "digit", "probability", "second", "probability", "novel"]
    assert len(row) == len(header)


def test_the_images_of_idx_files_lie_as_those_of_the_run_do_and_pictures_are_upright(predict, tmp_path):
    folder = write_letters(tmp_path / "made", [10, 11, 12] * 5, [10, 11, 12])
    options = ["data.digits=all", "data.transpose=true", f"data.directory={folder}", "training.epochs=1"]
    assert run_here("train.py", "--output", tmp_path / "run", "--set", *options).returncode == 0
    lying = idx.read(folder / "t10k-images-idx3-ubyte")
    upright = np.stack([image.T for image in lying])
    for k, image in enumerate(upright):
        Image.fromarray(image).save(tmp_path / f"{k}.png")
    P = finished.read_run(tmp_path / "run").network.predict(upright.reshape(3, 15) / np.float32(255))
    for files in ([folder / "t10k-images-idx3-ubyte"], [tmp_path / f"{k}.png" for k in range(3)]):
        code, out, _ = predict("--run", tmp_path / "run", *files, "--as-is", "--json")
        assert code == 0
        assert [answer["probability"] for answer in json.loads(out)] == pytest.approx(P.max(axis=1), abs=1e-6)


def sheet(*boxes, shape=(60, 60)):
    """Black boxes on white: top, bottom, left, right."""
    picture = np.full(shape, 250, np.uint8)
    for top, bottom, left, right in boxes:
        picture[top:bottom, left:right] = 10
    return Image.fromarray(picture)


SEVEN = (10, 16, 14, 46), (16, 50, 38, 46)
ELEVEN = (10, 50, 15, 19), (10, 50, 40, 44)
ONE = ((10, 50, 27, 33),)


def test_an_image_unlike_all_training_images_is_novel(digits_run, predict, tmp_path):
    for name, boxes in (("seven", SEVEN), ("one", ONE), ("eleven", ELEVEN)):
        sheet(*boxes).save(tmp_path / f"{name}.png")
    code, out, error = predict("--run", digits_run, tmp_path, "--json")
    assert code == 0
    assert [(answer["file"], answer["novel"]) for answer in json.loads(out)] == [
        (str(tmp_path / f"{name}.png"), novel) for name, novel in (("eleven", True), ("one", False), ("seven", True))
    ]
    assert error == f"warning: {tmp_path / 'eleven.png'}: several separate digits: cut out one of them\n"
    code, out, _ = predict("--run", digits_run, tmp_path)
    lines = out.splitlines()
    assert [line.split()[-1] for line in lines[:4]] == ["novel", "yes", "no", "yes"]
    assert lines[-1].startswith("novel: unlike all training images")
    _, chinese, error = predict("--run", digits_run, tmp_path, "--lang", "zh")
    assert english_left(chinese, tmp_path) == []
    header, *rows = chinese.splitlines()[:4]
    assert [row.split()[-1] for row in (header, *rows)] == ["陌生", "是", "否", "是"]
    assert len({width(row[: row.rindex(" ")]) for row in (header, *rows)}) == 1  # the last column begins at one place
    assert "several separate digits" in error


def test_without_the_training_images_novel_is_unknown_and_a_warning_says_why(digits_run, predict, tmp_path):
    sheet(*SEVEN).save(tmp_path / "seven.png")
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace(f"directory: {ROOT / 'data'}", f"directory: {tmp_path / 'gone'}"))
    code, out, error = predict("--run", run, tmp_path / "seven.png", "--json")
    assert code == 0
    assert json.loads(out)[0]["novel"] is None
    assert error.startswith("warning: novel is unknown, without the training images: ")
    assert str(tmp_path / "gone") in error
    assert predict("--run", run, tmp_path / "seven.png")[1].splitlines()[1].endswith("unknown")


def test_a_bad_image_does_not_stop_the_others(digits_run, predict, tmp_path):
    """NaN in one image of an IDX file, a link loop, a pipe, a file that may not be read, an enormous picture."""
    sheet(*ONE).save(tmp_path / "1.png")
    images = np.tile(np.asarray(sheet(*ONE), float), (3, 1, 1))
    images[1, 5, 7] = np.nan
    idx.write(tmp_path / "images", images)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    Image.new("1", (70_000, 2)).save(tmp_path / "wide.png")
    (tmp_path / "zero-bytes.png").touch()
    files = [tmp_path / name for name in ("loop", "images", "pipe", "wide.png", "gone", "zero-bytes.png", "1.png")]
    files[-1:-1] = ["~nobody-of-that-name/x.png", ""]
    code, out, error = predict("--run", digits_run, *files, "--json")
    assert code == 2
    found = [(answer["file"], answer["index"], answer["digit"]) for answer in json.loads(out)]
    assert found == [(str(files[1]), 0, 1), (str(files[1]), 2, 1), (str(files[-1]), None, 1)]
    lines = error.removeprefix("error: ").splitlines()
    expected = ["loop: Too many levels", "images[1]: row 5, column 7 is nan", "pipe: not a regular file"]
    expected += ["wide.png: 2 by 70,000 pixels", "gone: no such file", "zero-bytes.png: an empty file"]
    assert "~nobody-of-that-name is no home folder" in lines[-2]
    assert lines.pop().strip() == "a path must not be empty"
    lines.pop()
    assert len(lines) == len(expected)
    for line, what in zip(lines, expected, strict=True):
        assert line.strip().startswith(str(tmp_path / what))


def test_if_no_image_can_be_read_the_json_is_an_empty_list(digits_run, predict, tmp_path):
    code, out, error = predict("--run", digits_run, tmp_path / "gone.png", "--json")
    assert (code, json.loads(out)) == (2, [])
    assert "gone.png: no such file" in error


def test_columns_align_under_full_width_names(digits_run, predict, tmp_path):
    for name in ("数字一", "a", "e\u0301"):
        sheet(*ONE).save(tmp_path / f"{name}.png")
    lines = predict("--run", digits_run, tmp_path)[1].splitlines()
    place = lines[0].index("digit")
    for line in lines[1:4]:
        taken = 0
        for character in line[: line.index(".png") + 4]:
            taken += 2 if ord(character) > 0x2E80 else 0 if ord(character) == 0x301 else 1
        gap = re.search(r"\.png( +)1 ", line)
        assert taken + len(gap[1]) == place


def test_as_is_takes_only_bytes(predict, digits_run, tmp_path):
    images = np.zeros((1, 28, 28))
    images[0, 3, 4] = 256
    idx.write(tmp_path / "images", images)
    code, out, error = predict("--run", digits_run, tmp_path / "images", "--as-is", "--json")
    assert (code, json.loads(out)) == (2, [])
    assert "images[0]: row 3, column 4 is 256.0, must be a number from 0 to 255" in error


def test_every_bad_file_is_named_however_many_there_are(digits_run, predict, tmp_path):
    files = [tmp_path / f"gone-{k}.png" for k in range(25)]
    code, out, error = predict("--run", digits_run, *files, "--json")
    assert (code, json.loads(out)) == (2, [])
    assert all(f"{file}: no such file" in error for file in files)


def test_without_a_run_the_json_is_an_empty_list(predict, tmp_path):
    code, out, error = predict("--run", tmp_path / "gone", ROOT / "docs" / "zero.png", "--json")
    assert (code, json.loads(out)) == (2, [])
    assert error.startswith("error: ")


@pytest.mark.parametrize(
    ("name", "second", "text"),
    [
        (None, {}, "digit 7, probability 0.9000"),
        (None, {"second_digit": 1, "second_probability": 0.05}, "digit 7, probability 0.9000, then 1 (0.0500)"),
        (
            "circle",
            {"second_digit": 1, "second_class": "star", "second_probability": 0.05},
            "circle, probability 0.9000, then star (0.0500)",
        ),
    ],
)
def test_under_a_drawing_stand_the_classes_by_their_names_if_they_have_any(name, second, text):
    assert verdict(Answer(None, 7, name, 0.9, False, second), say) == text


def test_they_stand_there_in_the_reader_s_language_too():
    answer = Answer(None, 3, "猫", 0.5, True, {"second_digit": 4, "second_probability": 0.25})
    assert verdict(answer, partial(say, language="zh")) == "猫，概率 0.5000，其次 4（0.2500），与训练图像都不像"
