"""Promises of mlp.pages.report: one page that opens offline and shows the run's own numbers."""

import base64
import re
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mlp import idx
from mlp.commands.runs import report as report_command
from mlp.commands.runs import train as train_command
from mlp.gates import Exponential
from mlp.network import ACTIVATIONS, RANGES
from mlp.runs import finished as finished_runs
from mlp.runs.manifest import read_finished_manifest
from mlp.system import command_line
from tests.conftest import write_folder
from tests.made_gates import MadeElementwise
from tests.pages.english import without_keys


@pytest.fixture(scope="module")
def answers(short_run, test_digits):
    """P and whether it is wrong, for all test images, by the network without the code that judges."""
    X, Y = test_digits.arrays("float32")
    P = finished_runs.read_run(short_run).network.predict(X)
    return P[:, 0], ((P >= 0.5) != Y)[:, 0]


@pytest.fixture
def text(short_run):
    return without_keys((short_run / "report.html").read_text(encoding="utf-8"))


def test_it_is_one_file_of_at_most_three_megabytes(short_run):
    text = (short_run / "report.html").read_text(encoding="utf-8")
    assert len(text.encode()) <= 3_000_000
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*', text) == []


def figures(text):
    """The figures beside the accuracy, by name."""
    return dict(
        re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", re.search('<dl class="figures">.*?</dl>', text, re.DOTALL)[0])
    )


def test_on_top_are_the_accuracy_and_the_figures_of_the_network(text, answers, test_digits):
    P, wrong = answers
    true = test_digits.labels == 1
    accuracy = f"{100 * np.mean(~wrong):.2f}&nbsp;%"
    assert f'<p class="large"><strong>{accuracy}</strong> accuracy</p>' in text
    n, z, share = 2115, 1.959964, np.mean(~wrong)  # Wilson's interval
    middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = (100 * (middle + sign * half) / (1 + z**2 / n) for sign in (-1, 1))
    assert f"95&nbsp;% interval: {low:.2f}&nbsp;% to {high:.2f}&nbsp;%, on 2,115 test images" in text
    F1 = 2 * np.sum(true & ~wrong) / (2 * np.sum(true & ~wrong) + np.sum(wrong))
    AUC = np.mean(P[true][:, np.newaxis] > P[~true])
    shown = figures(text)
    assert shown["errors"] == f"{np.count_nonzero(wrong)} of 2,115"
    assert (shown["F1"], shown["AUC"]) == (f"{100 * F1:.2f}&nbsp;%", f"{100 * AUC:.2f}&nbsp;%")
    assert shown["parameters"] == f"{784 * 32 + 32 + 32 + 1:,}"
    assert shown["architecture"] == "784-32-1 (sigmoid, output sigmoid), Euclidean loss"


def test_the_network_stands_beside_simpler_rules(text, answers):
    table = re.search('<table id="rules">.*?</table>', text, re.DOTALL)[0]
    rows = re.findall('<th scope="row">(.*?)</th><td.*?>(.*?)</td><td.*?>(.*?)&nbsp;%</td>', table)
    errors = [np.count_nonzero(answers[1]), 980, 20, 10, 8]
    assert [(int(wrong), float(accuracy)) for _, wrong, accuracy in rows] == [
        (wrong, round(100 * (1 - wrong / 2115), 2)) for wrong in errors
    ]
    assert rows[0][0] == "this network"


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
        section = re.search(f"Digit {digit}: lowest p.{digit}.</h3>.*?</ul>", text, re.DOTALL)[0]
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
    page = without_keys((tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
    assert "the first 37 of 40 units" in page  # of 12,000 pixels each
    shown = re.search(r'id="mistakes".*?</section>', page, re.DOTALL)[0]
    pictures = [Image.open(BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)", shown)]
    assert {picture.size for picture in pictures} == {(70, 84)}
    count = int(figures(page)["errors"].split()[0])
    assert len(pictures) == 22 < count  # of up to 84 by 84 pixels
    assert f"The 22 most confident of {count}." in shown


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


def test_the_script_makes_the_same_page_again(short_run, monkeypatch, capsys):
    page = (short_run / "report.html").read_bytes()
    (short_run / "report.html").unlink()
    monkeypatch.setattr(sys, "argv", ["report.py", str(short_run)])
    assert command_line.run(report_command.main) == 0
    assert (short_run / "report.html").read_bytes() == page
    assert capsys.readouterr().out.startswith("report: ")
