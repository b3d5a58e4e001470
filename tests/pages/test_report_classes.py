"""Promises of the report of a run with any number of classes: its numbers are NumPy's, and it stays short."""

import re

import numpy as np
import pytest

from mlp.pages import report, report_figures, report_plane
from tests.conftest import write_folder
from tests.pages.english import without_keys
from tests.pages.untrained import untrained_run

DIGITS = list(range(10))
SMALL = "model: {hidden_sizes: [6], activation: relu, loss: cross_entropy}\n"


def english(run):
    return without_keys(report.page(run))


def folder_of(tmp_path, labels, each=12):
    return write_folder(tmp_path / "made", labels * each, labels * 4, side=6)


@pytest.fixture(scope="module")
def ten(tmp_path_factory):
    """A run of ten digits on images that do not compress."""
    path = tmp_path_factory.mktemp("ten")
    folder = write_folder(path / "made", DIGITS * 210, [*DIGITS * 8, *[3] * 40, 4, 4], side=28)
    return untrained_run(path, f"data: {{directory: {folder}, digits: all}}\n" + SMALL)


@pytest.fixture(scope="module")
def written(ten):
    return report.page(ten)


@pytest.fixture(scope="module")
def page(written):
    return without_keys(written)


@pytest.fixture(scope="module")
def answers(ten):
    """The label of each test image, the predicted one, and P by the network without the code that judges."""
    images = ten.images("test")
    P = ten.network.predict(images.arrays("float32")[0])
    return images.labels.astype(int), P.argmax(axis=1), P


def section(page, name):
    return re.search(f'<section aria-labelledby="{name}">.*?</section>', page, re.DOTALL)[0]


def rows(html):
    """The cells of each row of a table's body, as text."""
    body = re.search("<tbody>(.*)</tbody>", html, re.DOTALL)[1]
    return [
        [re.sub("<.*?>", "", cell) for cell in re.findall("<t[hd].*?>(.*?)</t[hd]>", row)]
        for row in body.split("</tr>")[:-1]
    ]


def test_of_ten_digits_too_the_page_has_at_most_three_megabytes(written):
    assert 1_000_000 < len(written.encode()) <= 3_000_000


def test_of_all_256_labels_the_page_is_small_enough_for_its_pad_and_each_is_in_the_legend(tmp_path):
    folder = write_folder(tmp_path / "made", list(range(256)) * 2, list(range(256)), side=4)
    run = untrained_run(tmp_path, f"data: {{directory: {folder}, digits: all}}\n" + SMALL)
    written = report.page(run)
    assert len(written.encode()) <= 3_000_000
    text = without_keys(written)
    assert '"pad":{' in text
    assert '<div class="">\n<section aria-labelledby="confusion">' in text  # nothing beside so wide a table
    assert set(map(str, range(256))) <= set(re.findall(">([0-9]+)</text>", section(text, "in-the-plane")))


@pytest.mark.parametrize(
    ("digits", "title"),
    [
        ([1, 0], "1 or 0? Run run"),
        ([3, 5, 8], "3, 5 or 8? Run run"),
        ([0, 1, 2, 3, 4, 5], "Digits 0 to 5: run run"),
        ([1, 9, 3, 5, 7], "5 digits from 1 to 9: run run"),
        ([11, 12, 13, 14, 15], "Labels 11 to 15: run run"),
        ([1, 8, 20, 3, 255], "5 labels from 1 to 255: run run"),
    ],
)
def test_the_heading_names_the_classes_and_stays_short(tmp_path, monkeypatch, digits, title):
    monkeypatch.setattr(report_plane, "plane", lambda *_: ({"svg": "", "shares": (0, 0), "count": 0}, {}))
    monkeypatch.setattr(report, "_histograms", lambda *_: [])
    monkeypatch.setattr(report_figures, "curve_panels", lambda *_: [])
    folder = folder_of(tmp_path, digits)
    text = english(untrained_run(tmp_path, f"data: {{directory: {folder}, digits: {digits}}}\n" + SMALL))
    assert f"<h1>{title}</h1>" in text


def test_the_confusion_matrix_and_the_figures_of_each_digit_are_numpys(page, answers):
    true, predicted, P = answers
    counts = np.array([[np.sum((true == a) & (predicted == b)) for b in DIGITS] for a in DIGITS])
    shown = rows(section(page, "confusion"))
    assert [row[0] for row in shown] == list(map(str, DIGITS))
    np.testing.assert_array_equal([list(map(int, row[1:])) for row in shown], counts)

    def percent(values):
        return ["undefined" if np.isnan(value) else f"{100 * value:.2f}&nbsp;%" for value in values]

    right = counts.diagonal()
    with np.errstate(invalid="ignore"):
        precision, recall = right / counts.sum(axis=0), right / counts.sum(axis=1)
    F1 = 2 * right / (counts.sum(axis=0) + counts.sum(axis=1))
    above = [[np.subtract.outer(P[true == k, k], P[true != k, k])] for k in DIGITS]
    AUC = np.array([np.mean((differences > 0) + 0.5 * (differences == 0)) for (differences,) in above])
    columns = [percent([*figure, figure.mean()]) for figure in (precision, recall, F1, AUC)]
    names = [*map(str, DIGITS), "mean"]
    assert rows(section(page, "figures")) == [list(row) for row in zip(names, *columns, strict=True)]


def test_misclassified_images_are_grouped_by_pair_the_most_frequent_ones_first(page, answers, ten):
    true, predicted, P = answers
    shown = section(page, "mistakes")
    groups = re.findall(r"<h3>(\d) predicted as (\d): (\d+)</h3>(.*?)</ul>", shown, re.DOTALL)
    wrong = true != predicted
    pairs, counts = np.unique(np.stack([true, predicted])[:, wrong], axis=1, return_counts=True)
    assert len(groups) == 12 < pairs.shape[1]
    assert f"The 12 most frequent of {pairs.shape[1]} pairs" in shown
    assert [int(count) for _, _, count, _ in groups] == sorted(counts, reverse=True)[:12]
    indices = ten.images("test").indices
    for a, b, count, images in groups:
        own = np.flatnonzero((true == int(a)) & (predicted == int(b)))
        assert int(count) == len(own)
        own = own[np.argsort(-P[own, int(b)], kind="stable")][:5]
        expected = [(b, f"{P[k, int(b)]:.4f}", a, f"{P[k, int(a)]:.4f}", str(indices[k])) for k in own]
        caption = r"p\((\d)\) = ([\d.]+)<br>p\((\d)\) = ([\d.]+)<br>index (\d+)"
        assert re.findall(caption, images) == expected


def test_of_more_digits_fewer_confident_predictions_of_each_are_shown(page):
    shown = section(page, "confident")
    pairs = re.findall(r'class="groups">\s*<div><h3>Digit (.): h.*?</div>\s*<div><h3>Digit (.): l', shown, re.DOTALL)
    assert pairs == [(str(digit), str(digit)) for digit in DIGITS]  # each two side by side
    assert shown.count("<h3>") == 20
    assert shown.count("<img") == 60


def test_the_simpler_rules_are_those_of_more_than_two_classes(page):
    rules = re.search('<table id="rules">.*?</table>', page, re.DOTALL)[0]
    assert rows(rules)[-1][0] == "the digit whose mean is nearest in the first two centred SVD coordinates"


def test_the_figures_on_top_are_the_means_over_the_classes_and_say_so(page):
    mean = dict(zip(("precision", "recall", "F1", "AUC"), rows(section(page, "figures"))[-1][1:], strict=True))
    for name in ("F1", "AUC"):
        assert f"<dt>{name}, macro mean</dt><dd>{mean[name]}</dd>" in page


@pytest.mark.parametrize("digits", ["[0, 1]", "[0, 1, 7]"])
def test_a_network_that_predicts_one_class_for_everything_is_said_to(tmp_path, digits):
    folder = folder_of(tmp_path, [0, 1, 7])

    def always_one(network):
        network.parameters["b2"][...] = 0
        network.parameters["b2"][network.sizes[-1] // 2] = 50

    config = f"data: {{directory: {folder}, digits: {digits}}}\n" + SMALL
    assert "Every test image is predicted as 1</strong>" in english(untrained_run(tmp_path, config, change=always_one))


def test_it_is_not_said_of_a_network_that_predicts_several(page):
    assert "Every test image" not in page


def test_the_activations_of_relu_reach_to_their_largest_and_dead_units_are_counted(tmp_path):
    folder = folder_of(tmp_path, [0, 1, 7])

    def one_dead(network):
        network.parameters["b1"][2] = -1000

    run = untrained_run(tmp_path, f"data: {{directory: {folder}, digits: [0, 1, 7]}}\n" + SMALL, change=one_dead)
    X, _ = run.images("training").arrays("float32")
    W1, b1 = (run.network.parameters[name] for name in ("W1", "b1"))
    Z3 = np.maximum(X @ W1 + b1, 0)
    dead = np.mean((Z3 == 0).all(axis=0))
    assert dead >= 1 / 6
    shown = section(english(run), "histograms")
    assert f"{100 * dead:.2f}&nbsp;% of its units are dead" in shown
    assert shown.count("are dead") == 1  # of the hidden layer
    limits = re.findall(r"activations of layer \d, from (\S+) to (.*?)\"", shown)
    assert limits == [("0", f"{Z3.max():.4g}"), ("0", "1")]
