"""Large images: absurd sizes are refused by name, others take memory in proportion to images and pixels only."""

import gzip
import re

import numpy as np
import pytest

from mlp import idx
from mlp.data import dataset
from mlp.data.idx_folder import MAX_IMAGE_PIXELS
from tests.conftest import run_here, write_folder
from tests.faults.fault_helpers import bounded, one_message

SIDE = 200
"""An array of pixels by pixels would take 12 GB."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on 96 training and 20 test images of 200 by 200 pixels, ones darker than zeros."""
    folder = tmp_path_factory.mktemp("large")
    for part, count in (("train", 96), ("t10k", 20)):
        labels = np.arange(count, dtype=np.uint8) % 2
        images = np.random.default_rng(count).integers(0, 200, (count, SIDE, SIDE), np.uint8)
        images[labels == 1, :, : SIDE // 2] //= 4
        idx.write(folder / f"{part}-images-idx3-ubyte", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte", labels)
    (folder / "config.yaml").write_text(
        "data: {directory: .}\nmodel: {hidden_sizes: [20]}\ntraining: {epochs: 2, learning_rate: 0.01}\n"
    )
    # With the curve: drawing for the first time takes memory that the tests do not count.
    done = run_here("train.py", "--config", folder / "config.yaml", "--output", folder / "run", draws_curve=True)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def arguments_of(run, script):
    """A script's arguments for this run."""
    folder = run.parent
    return {
        "evaluate": (run,),
        "plot_svd": ("--config", folder / "config.yaml", "--output", folder / "svd.png"),
        "predict": ("--run", run, folder / "t10k-images-idx3-ubyte", "--as-is"),
    }[script]


@pytest.mark.parametrize("script", ["evaluate", "plot_svd", "predict"])
def test_each_command_has_bounded_memory_and_time(run, script, injected):
    with bounded():
        done = run_here(f"scripts/{script}.py", *arguments_of(run, script))
    assert done.returncode == 0, done.stderr
    injected("large images: a command in bounded memory and time")


def test_a_report_has_bounded_memory_too_and_shows_smaller_images(run, injected):
    """The page then has no room for the network, which takes the images in full size."""
    with bounded():
        done = run_here("scripts/report.py", run)
    assert done.returncode == 0, done.stderr
    path = run / "report.html"
    page = path.read_text(encoding="utf-8")
    assert path.stat().st_size <= 3_000_000
    assert "The network is too large for this page" in page
    assert "the mean over 2 by 2 pixels" in page
    assert '"image_shape":[100,100]' in page
    assert int(re.search(r"(\d+) training images at their first two", page)[1]) == 96
    injected("large images: a command in bounded memory and time")


@pytest.mark.parametrize("rows", [2048, 1])
def test_images_of_the_maximal_size_are_accepted_and_larger_ones_refused(rows, tmp_path, injected):
    folder = write_folder(tmp_path / "made", [0, 1], [0, 1])
    columns = MAX_IMAGE_PIXELS // rows
    path = folder / "train-images-idx3-ubyte"
    idx.write(path, np.random.default_rng(0).integers(0, 256, (2, rows, columns), np.uint8))
    assert dataset.load(folder, "training", (0, 1)).image_shape == (rows, columns)
    idx.write(path, np.random.default_rng(0).integers(0, 256, (2, rows, columns + 1), np.uint8))
    with bounded():
        done = run_here("train.py", "--set", f"data.directory={folder}", "--output", tmp_path / "run")
    assert done.returncode == 2
    message = one_message(done.stderr)
    assert f"{path}: images of {rows:,} by {columns + 1:,} pixels: at most 4,194,304 pixels are supported" in message
    assert "scale them down" in message
    assert not (tmp_path / "run").exists()
    injected("large images: refused before training")


def test_too_large_images_are_refused_before_they_are_unpacked(tmp_path, injected):
    """Only the header is read: else the message would be that far less data follows than it promises."""
    folder = write_folder(tmp_path / "made", [0, 1] * 100, [0, 1])
    header = bytes([0, 0, 8, 3]) + np.array([200, 3000, 3000], ">u4").tobytes()
    path = folder / "train-images-idx3-ubyte"
    path.unlink()
    noise = np.random.default_rng(0).bytes(2_000_000)
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(header + noise, 1))
    with bounded():
        done = run_here("train.py", "--set", f"data.directory={folder}", "--output", tmp_path / "run")
    assert done.returncode == 2
    assert "images of 3,000 by 3,000 pixels" in one_message(done.stderr)
    injected("large images: refused before they are unpacked")
