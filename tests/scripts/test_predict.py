"""Promises of scripts/predict.py, on the bundled digits as files of all kinds."""

import json
import re

import numpy as np
import pytest
from conftest import ROOT, finished_run
from PIL import Image, ImageFilter

from mlp import idx


@pytest.fixture
def predict(here):
    """Run it: exit code, stdout, stderr."""

    def run(*arguments):
        done = here("scripts/predict.py", *arguments)
        return done.returncode, done.stdout, done.stderr

    return run


def test_blurred_moved_scaled_and_inverted_digits_are_told(digits_run, predict, test_digits, tmp_path):
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
        files.append(tmp_path / f"{position}.png")
        Image.eval(sheet, lambda level: 255 - level).save(files[-1])
    code, out, error = predict("--run", digits_run, *files, "--json")
    assert (code, error) == (0, "")
    answers = json.loads(out)
    assert [answer["file"] for answer in answers] == list(map(str, files))
    right = sum(answer["digit"] == label for answer, label in zip(answers, test_digits.labels[chosen], strict=True))
    assert right >= 196


def test_an_idx_file_as_it_is_has_the_networks_own_probabilities(digits_run, predict, test_digits):
    from mlp import finished_runs

    test_file = ROOT / "data" / "t10k-images-idx3-ubyte.gz"
    X, _ = test_digits.arrays("float32")
    P = finished_runs.read(digits_run).network.predict(X)[:, 0]
    for options, tolerance, others in (((), 0.05, 1), (("--as-is",), 1e-6, 0)):  # one has an edge too faint to count
        code, out, _ = predict("--run", digits_run, test_file, "--json", *options)
        assert code == 0
        answers = json.loads(out)
        assert [answer["index"] for answer in answers] == list(range(2115))
        found = [answer["probability"] if answer["digit"] == 1 else 1 - answer["probability"] for answer in answers]
        assert np.count_nonzero(np.abs(found - P) > tolerance) <= others


def test_the_table_has_a_row_an_image_and_a_file_that_is_none_costs_only_itself(digits_run, predict, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (30, 30), 90).save(tmp_path / "empty.png")
    zero = ROOT / "docs" / "zero.png"
    code, out, error = predict(
        "--run", digits_run, tmp_path / "text.png", zero, tmp_path / "empty.png", tmp_path / "gone"
    )
    assert code == 2
    header, row = (re.split("  +", line) for line in out.splitlines())
    assert header == ["file", "digit", "probability"]
    assert row[:2] == [str(zero), "0"]
    assert 0.9 < float(row[2]) <= 1
    first, second, third = error.removeprefix("error: ").splitlines()
    assert first == f"{tmp_path / 'text.png'}: not an image: it is neither PNG, JPEG nor IDX"
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
        (["x.png", "--show", "x.gif"], "must end in .png, .svg, .pdf"),
        (["x.png", "--show", "x.png", "--as-is"], "give one of them"),
        ([], "IMAGE"),
    ],
)
def test_options_that_cannot_be_meant(predict, arguments, message):
    code, _, error = predict(*arguments)
    assert code == 2
    assert message in error


def test_the_digits_are_the_runs_own_and_as_is_asks_for_its_shape(predict, settings, tmp_path):
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
    assert "zero.png: (180, 150) pixels, the run's images have (2, 2)" in error
