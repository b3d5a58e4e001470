"""Promises of scripts/playground.py. tests/browser/ opens its pages."""

import pytest

from mlp.pages import playground
from tests.conftest import write_folder


def test_a_page_of_digits_lies_in_the_output_directory_and_is_small(here, tmp_path):
    done = here("scripts/playground.py", "--set", f"output.directory={tmp_path / 'runs'}")
    path = tmp_path / "runs" / "playground.html"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"playground: {path}\n", "")
    page = path.read_text(encoding="utf-8")
    assert len(page.encode()) <= 3_000_000
    assert "from 1,800 images; 200 more are held out" in page  # 1,000 of each digit


def test_a_runs_page_lies_beside_it_and_xors_where_it_is_named(here, digits_run, tmp_path):
    done = here("scripts/playground.py", digits_run, "--output", tmp_path / "deep" / "run.html")
    assert done.returncode == 0
    assert digits_run.name in (tmp_path / "deep" / "run.html").read_text(encoding="utf-8")
    assert here("scripts/playground.py", "--xor", "--output", tmp_path / "xor.html").returncode == 0
    assert "XOR" in (tmp_path / "xor.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--xor"], "error: --xor has a network of its own, and so has RUN: give one of them\n"),
        (["RUN", "--set", "training.seed=1"], "error: RUN has options of its own: leave out --config and --set\n"),
        (["--xor", "--set", "training.seed=1"], "error: --xor has options of its own: leave out --config and --set\n"),
        (["--set", "training.rate=1"], "error: --set training.rate=1: training.rate: unknown key"),
        (["--output", "page.png"], "error: --output page.png: the page's name must end in .html\n"),
        (["nowhere"], "error: nowhere"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(here, digits_run, arguments, message):
    done = here("scripts/playground.py", *(digits_run if one == "RUN" else one for one in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)


def test_a_page_of_large_images_has_fewer_and_one_that_is_too_large_is_refused(tmp_path, monkeypatch, here):
    folder = write_folder(tmp_path / "data", [0, 1] * 40, [0, 1], side=40)
    options = ("--set", f"data.directory={folder}", "--output", tmp_path / "page.html")
    assert here("scripts/playground.py", *options).returncode == 0
    size = (tmp_path / "page.html").stat().st_size
    monkeypatch.setattr(playground, "MAX_PAGE_BYTES", size - 20_000)  # half of the images take 32,000 bytes
    monkeypatch.setattr(playground, "PER_CLASS", 40)
    assert here("scripts/playground.py", *options).returncode == 0
    assert (tmp_path / "page.html").stat().st_size < size - 20_000
    monkeypatch.setattr(playground, "MAX_PAGE_BYTES", 10_000)
    done = here("scripts/playground.py", *options)
    assert done.returncode == 2
    assert "train-images-idx3-ubyte: the page would have" in done.stderr
