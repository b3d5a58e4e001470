"""Promises of scripts/plot_svd.py."""

import csv

import numpy as np
import pytest

from tests.conftest import write_folder


def points(path):
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert list(rows[0]) == ["index", "digit", "x", "y"]
    return np.array([[float(row[key]) for key in ("index", "digit", "x", "y")] for row in rows])


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize("center", [False, True])
def test_the_points_are_those_of_numpys_full_svd_on_the_first_thousand_of_each(here, training_digits, tmp_path, center):
    done = here("scripts/plot_svd.py", "--output", tmp_path / "deep" / "svd.png", *(["--center"] if center else []))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "deep" / "svd.png").exists()
    found = points(tmp_path / "deep" / "svd.csv")
    images = training_digits.first_of_each(1000)
    np.testing.assert_array_equal(found[:, 0], images.indices)
    np.testing.assert_array_equal(found[:, 1], images.labels)
    X = images.pixels().astype(float)
    U, S, _ = np.linalg.svd(X - X.mean(axis=0) if center else X, full_matrices=False)
    expected = (U * S)[:, :2]
    expected *= np.sign(np.sum(expected * found[:, 2:], axis=0))
    assert np.abs(found[:, 2:] - expected).max() < 1e-6 * np.abs(expected).max()
    assert f"{S[0]:,.2f}" in done.stdout


def test_the_defaults_lie_under_the_output_directory(here, tmp_path):
    done = here("scripts/plot_svd.py", "--per-class", 5, "--set", f"output.directory={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert len(points(tmp_path / "svd.csv")) == 10


def test_the_rebuild_is_drawn_where_asked(here, tmp_path):
    files = ("--output", tmp_path / "s.png", "--reconstruct", tmp_path / "there" / "r.png")
    done = here("scripts/plot_svd.py", "--per-class", 5, *files)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "r.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([3, 5, 8], "12 images of the digits 3, 5 and 8"),
        (list(range(10)), "40 images of 10 labels"),
    ],
)
def test_any_number_of_labels_is_drawn(here, tmp_path, labels, words):
    data = write_folder(tmp_path / "data", labels * 4, labels, side=3)
    files = ("--output", tmp_path / "s.png", "--reconstruct", tmp_path / "r.png")
    done = here("scripts/plot_svd.py", *files, "--set", f"data.directory={data}", "data.digits=all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == words
    assert sorted(points(tmp_path / "s.csv")[:, 1]) == sorted(labels * 4)
    for name in ("s.png", "r.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--per-class", "0"], "argument --per-class: must be a whole number, at least 1, not 0"),
        (["--per-class", "x"], "argument --per-class: must be a whole number, at least 1, not x"),
        (["--output", "a.gif"], "a.gif: the picture's name must end in .png"),
        (["--set", "data.digits=[0, 7]"], "no digit 7 in it"),
    ],
)
def test_bad_input_is_refused(here, arguments, message):
    done = here("scripts/plot_svd.py", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
