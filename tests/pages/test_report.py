"""Promises of mlp.pages.report: one page that opens offline and shows the run's own numbers."""

import base64
import re
import sys
from io import BytesIO

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from PIL import Image

from mlp import idx
from mlp.commands.runs import report as report_command
from mlp.commands.runs import train as train_command
from mlp.data import svd
from mlp.figures.style import ONE, ZERO
from mlp.gates import Exponential
from mlp.network import ACTIVATIONS, RANGES
from mlp.pages import report
from mlp.runs import finished as finished_runs
from mlp.runs.manifest import read_finished_manifest
from mlp.system import command_line
from mlp.training import from_config
from tests.conftest import write_folder
from tests.made_gates import MadeElementwise


@pytest.fixture(scope="module")
def answers(short_run, test_digits):
    """P and whether it is wrong, for all test images, by the network without the code that judges."""
    X, Y = test_digits.arrays("float32")
    P = finished_runs.read_run(short_run).network.predict(X)
    return P[:, 0], ((P >= 0.5) != Y)[:, 0]


@pytest.fixture
def text(short_run):
    return (short_run / "report.html").read_text(encoding="utf-8")


def test_it_is_one_file_of_at_most_three_megabytes(text):
    assert len(text.encode()) <= 3_000_000
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*', text) == []


def test_the_verdict_counts_the_errors_and_those_of_simpler_rules(text, answers):
    verdict = re.search('class="verdict">(.*?)</p>', text, re.DOTALL)[1]
    assert f"<strong>{np.count_nonzero(answers[1])} of 2,115</strong>" in verdict
    _, rules = verdict.split("Errors of simpler rules")
    assert re.findall(r"(\d+) by ", rules) == ["980", "20", "10", "8"]


def test_every_misclassified_image_is_shown_with_its_probability(text, answers, test_digits):
    P, wrong = answers
    section = re.search('id="mistakes".*?</section>', text, re.DOTALL)[0]
    shown = re.findall(r"p\(1\) = ([\d.]+)<br>index (\d+)", section)
    expected = {(f"{P[k]:.4f}", str(test_digits.indices[k])) for k in np.flatnonzero(wrong)}
    assert set(shown) == expected
    assert section.count("<img") == len(shown) == len(expected)


def test_the_least_confident_predictions_have_the_lowest_probability_of_their_digit(text, answers, test_digits):
    P, _ = answers
    for digit, of_digit in ((0, 1 - P), (1, P)):
        section = re.search(f"Digit {digit}, lowest probability of {digit}</h3>.*?</ul>", text, re.DOTALL)[0]
        shown = list(map(int, re.findall(r"index (\d+)", section)))
        own = np.where(test_digits.labels == digit, of_digit, 2)
        assert shown == test_digits.indices[np.argsort(own, kind="stable")[: len(shown)]].tolist()


def test_of_large_images_fewer_and_smaller_pictures_are_shown(tmp_path, here):
    labels = np.array([0, 1] * 60, np.uint8)
    images = np.zeros((120, 120, 100), np.uint8)
    images[:, 40:43, 40:43] = np.random.default_rng(0).integers(1, 256, (120, 3, 3))
    for part in ("train", "t10k"):
        idx.write(tmp_path / f"{part}-images-idx3-ubyte", images)
        idx.write(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    text = "data: {directory: .}\nmodel: {hidden_sizes: [40]}\ntraining: {epochs: 1, learning_rate: 0.001}\n"
    (tmp_path / "config.yaml").write_text(text + "output: {report: true}\n")
    done = here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "the first 37 of 40 units" in page  # of 12,000 pixels each
    shown = re.search(r'id="mistakes".*?</section>', page, re.DOTALL)[0]
    pictures = [Image.open(BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)", shown)]
    assert {picture.size for picture in pictures} == {(70, 84)}
    count = int(re.search(r"<strong>(\d+) of", page)[1])
    assert len(pictures) == 22 < count  # of up to 84 by 84 pixels
    assert f"The 22 most confident of {count}." in shown


@pytest.mark.parametrize("center", [False, True])
def test_the_plane_is_coloured_by_the_predictions_for_the_reconstructed_images(short_run, training_digits, center):
    network = finished_runs.read_run(short_run).network
    projection = svd.project(training_digits.first_of_each(50), center=center)
    places = np.random.default_rng(0).uniform(-2000, 4000, (300, 2))
    P = network.predict(projection.rebuild(places) / 255)
    assert P.min() < 0.1
    assert P.max() > 0.9
    np.testing.assert_allclose(report._of_coordinates(network, projection).predict(places), P, atol=1e-4)


def test_the_larger_digit_and_the_part_of_the_plane_that_is_predicted_as_it_are_blue(tmp_path, monkeypatch, here):
    """Whichever is the positive class: on images of one digit each, all the ink in one pixel or in another."""
    for part, count in (("train", 40), ("t10k", 10)):
        labels = np.array([0, 1] * (count // 2), np.uint8)
        images = np.zeros((count, 3, 3), np.uint8)
        images[np.arange(count), 0, labels * 2] = 200 + np.arange(count)
        idx.write(tmp_path / f"{part}-images-idx3-ubyte", images)
        idx.write(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    seen = {}
    for name in ("imshow", "scatter"):
        monkeypatch.setattr(
            Axes,
            name,
            lambda self, *arguments, _name=name, **options: seen.setdefault(_name, []).append((arguments, options)),
        )
    for digits in ("[0, 1]", "[1, 0]"):
        (tmp_path / "config.yaml").write_text(f"data: {{directory: ., digits: {digits}}}\ntraining: {{epochs: 60}}\n")
        run = tmp_path / digits[1]
        assert here("train.py", "--config", tmp_path / "config.yaml", "--output", run).returncode == 0
        finished = finished_runs.read_run(run)
        images = from_config.training_images(finished.config)
        seen.clear()
        report._plane(finished, images)
        (((surface,), options),) = seen["imshow"]
        left, right, bottom, top = options["extent"]
        coordinates = svd.project(images).coordinates(images)
        drawn = {options["c"]: np.stack(places, axis=1) for places, options in seen["scatter"]}
        for color, digit in ((ZERO, 0), (ONE, 1)):
            np.testing.assert_array_equal(drawn[color], coordinates[images.labels == digit])
            places = (drawn[color] - (left, bottom)) / (right - left, top - bottom)
            columns, rows = np.rint(places * (np.array(surface.shape[1::-1]) - 1)).astype(int).T
            assert (surface[rows, columns, :3] == to_rgb(color)).all()


@pytest.mark.parametrize(
    ("gate", "limits", "message"),
    [
        (Exponential(), None, "RANGES has no limits for the exp gate, which computes Z3: add"),
        (
            MadeElementwise(lambda A: np.nextafter(A, A)),
            (0, 1),
            "the made gate: a page has no JavaScript for np.nextafter: write the gate with other functions\n",
        ),
    ],
    ids=["limits", "function"],
)
def test_an_activation_that_the_page_cannot_show_or_compute_is_refused_and_named(
    short_run, monkeypatch, capsys, gate, limits, message
):
    monkeypatch.setitem(ACTIVATIONS, "sigmoid", gate)
    if limits:
        monkeypatch.setitem(RANGES, type(gate), limits)
    monkeypatch.setattr(sys, "argv", ["report.py", str(short_run)])
    page = (short_run / "report.html").read_bytes()
    assert command_line.run(report_command.main) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert (short_run / "report.html").read_bytes() == page


def test_a_run_whose_report_fails_is_finished_all_the_same(tmp_path, here):
    folder = write_folder(tmp_path / "made", [0, 1] * 20, [0, 1] * 5)
    idx.write(folder / "t10k-images-idx3-ubyte", np.zeros((10, 2, 8), np.uint8))  # of another shape
    (tmp_path / "config.yaml").write_text(
        "data: {directory: made}\ntraining: {epochs: 1, learning_rate: 0.01}\noutput: {report: true}\n"
    )
    done = here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run")
    assert done.returncode == 2
    assert "images of (2, 8) pixels" in done.stderr
    assert read_finished_manifest(tmp_path / "run").status == "finished"


def test_without_test_images_nothing_is_trained_that_is_to_have_a_report(tmp_path, monkeypatch, capsys):
    folder = write_folder(tmp_path / "made", [0, 1] * 20, [0, 1])
    (folder / "t10k-images-idx3-ubyte").unlink()
    (tmp_path / "config.yaml").write_text(
        "data: {directory: made}\ntraining: {epochs: 1, learning_rate: 0.01}\noutput: {report: true}\n"
    )
    monkeypatch.setattr(sys, "argv", ["train.py", "--config", str(tmp_path / "config.yaml")])
    assert command_line.run(train_command.main) == 2
    assert "t10k-images" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_the_script_makes_the_same_page_again(short_run, text, monkeypatch, capsys):
    (short_run / "report.html").unlink()
    monkeypatch.setattr(sys, "argv", ["report.py", str(short_run)])
    assert command_line.run(report_command.main) == 0
    assert (short_run / "report.html").read_text(encoding="utf-8") == text
    assert capsys.readouterr().out.startswith("report: ")
