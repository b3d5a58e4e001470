"""Promises of scripts/grow_data.py: a set of any size, labelled correctly, the same for a seed, never incomplete."""

import itertools
import os
import signal
import subprocess
import sys
from collections import Counter, namedtuple

import numpy as np
import pytest

from mlp import idx
from mlp.commands.data import grow_data
from mlp.data import idx_folder
from mlp.data.idx_folder import ImagesAndLabels
from tests.conftest import ROOT, write_folder


@pytest.fixture
def grow(monkeypatch):
    """The script as a module; ``grow(arguments...)`` runs it as a command and returns its exit code."""
    script = grow_data

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["grow_data.py", *map(str, arguments)])
        return script.command_line.run(script.main)

    run.script = script
    return run


@pytest.fixture
def plain(tmp_path):
    """Ten images of 21 by 17 pixels, each of one brightness: 100 plus 10 times its label."""
    folder = tmp_path / "plain"
    folder.mkdir()
    labels = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], np.uint8)
    for prefix, part in (("train", labels), ("t10k", labels[:7])):
        images = np.broadcast_to((100 + 10 * part)[:, None, None], (len(part), 21, 17))
        idx.write(folder / f"{prefix}-images-idx3-ubyte.gz", images)
        idx.write(folder / f"{prefix}-labels-idx1-ubyte.gz", part)
    return folder


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_training_images_grow_and_test_images_stay(command, folder, tmp_path):
    done = command("scripts/grow_data.py", folder, tmp_path / "new", "--images", 97)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("training: 97 images from 40\ntest: 10 images as they are\n")
    training, test = (idx_folder.open_part(tmp_path / "new", part) for part in ("training", "test"))
    assert training.images.shape == (97, 4, 4)
    for name, sha256 in (training.sha256() | test.sha256()).items():
        assert f"{sha256}  {name}\n" in done.stdout
    for name, bytes_ in content(tmp_path / "new").items():
        assert name.startswith("train") or bytes_ == (folder / name).read_bytes()


def test_the_labels_are_those_of_the_images(grow, plain, tmp_path):
    assert grow(plain, tmp_path / "new", "--images", 1000) == 0
    training = idx_folder.open_part(tmp_path / "new", "training")
    assert training.images.shape == (1000, 21, 17)
    np.testing.assert_array_equal(training.images[:, 10, 8], 100 + 10 * training.labels)
    assert Counter(training.labels.tolist()) == {1: 200, 3: 200, 5: 200, 2: 100, 4: 100, 6: 100, 9: 100}
    assert len({image.tobytes() for image in training.images}) > 990  # hardly two are equal


@pytest.mark.parametrize("count", [1, 9, 10, 11, 1003])
def test_every_image_is_used_equally_often_give_or_take_one_in_mixed_order(grow, count):
    chosen = np.arange(100, 110)
    order = np.concatenate(list(grow.script.orders(chosen, count, 0)))
    assert len(order) == count
    used = np.bincount(order - 100, minlength=10)
    assert used.max() - used.min() <= 1
    rounds = [order[start : start + 10].tolist() for start in range(0, count - 9, 10)]
    assert all(a != b for a, b in itertools.pairwise(rounds))


def moves(grow, monkeypatch, count, seed=0):
    """The rotations (n,) in degrees and shifts (n, 2) of ``count`` copies."""
    given = []
    monkeypatch.setattr(grow.script, "distort", lambda images, *move: given.append(move) or images)
    source = ImagesAndLabels(np.zeros((100, 2, 2), np.uint8), np.zeros(100, np.uint8), {})
    list(grow.script.copies(source, np.arange(100), count, seed))
    return tuple(np.concatenate(parts) for parts in zip(*given, strict=True))


def test_moves_are_uniform_between_their_bounds(grow, monkeypatch):
    degrees, shifts = moves(grow, monkeypatch, 20_000)
    for values, limit in ((degrees, 10), (shifts[:, 0], 2), (shifts[:, 1], 2)):
        assert 0.999 * limit < np.abs(values).max() <= limit
        standard_error = limit / np.sqrt(3 * len(values))  # of the mean of a uniform variable
        assert abs(values.mean()) < 4 * standard_error
        assert abs(np.abs(values).mean() - limit / 2) < 4 * standard_error
    others, _ = moves(grow, monkeypatch, 20_000, seed=1)
    assert not np.isin(others, degrees).any()
    assert np.abs(np.corrcoef([degrees, *shifts.T]) - np.eye(3)).max() < 0.03


def test_the_same_seed_gives_the_same_bytes_whatever_the_block(grow, folder, tmp_path, monkeypatch):
    assert grow(folder, tmp_path / "a", "--images", 150, "--seed", 5) == 0
    assert grow(folder, tmp_path / "other", "--images", 150) == 0
    for block in (1, 16 * 7):
        monkeypatch.setattr(grow.script, "BLOCK_PIXELS", block)
        assert grow(folder, tmp_path / str(block), "--images", 150, "--seed", 5) == 0
        assert content(tmp_path / str(block)) == content(tmp_path / "a")
    a, other = content(tmp_path / "a"), content(tmp_path / "other")
    assert {name for name in a if a[name] != other[name]} == {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}


def test_a_smaller_set_is_the_beginning_of_a_larger_one(grow, folder, tmp_path):
    for count in (33, 130):
        assert grow(folder, tmp_path / str(count), "--images", count) == 0
    few, many = (idx_folder.open_part(tmp_path / name, "training") for name in ("33", "130"))
    np.testing.assert_array_equal(few.images, many.images[:33])
    np.testing.assert_array_equal(few.labels, many.labels[:33])


def test_digits_leaves_out_others_in_both_parts(grow, folder, tmp_path, capsys):
    assert grow(folder, tmp_path / "new", "--images", 45, "--digits", 7, 0) == 0
    assert capsys.readouterr().out.startswith("training: 45 images from 20\ntest: 6 images as they are\n")
    training, test = (idx_folder.open_part(tmp_path / "new", part) for part in ("training", "test"))
    assert set(training.labels.tolist()) == set(test.labels.tolist()) == {0, 7}


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels.idx1-ubyte.gz"])
def test_nothing_is_written_over(name, grow, folder, tmp_path, capsys):
    target = tmp_path / "new"
    target.mkdir()
    (target / name).write_text("mine")
    assert grow(folder, target, "--images", 5) == 2
    assert capsys.readouterr().err == (
        f"error: {target / name}: already exists, nothing was written: name another folder\n"
    )
    assert content(target) == {name: b"mine"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--images", "0"], "argument --images: must be a whole number, at least 1, not 0"),
        (["--images", "-3"], "argument --images: must be a whole number, at least 1, not -3"),
        (["--images", "1e6"], "argument --images: must be a whole number, at least 1, not 1e6"),
        (["--images", str(2**32)], "argument --images: must be at most 4,294,967,295"),
        ([], "the following arguments are required: --images"),
        (["--images", "5", "--seed", "-1"], "argument --seed: must be a whole number, at least 0, not -1"),
        (["--images", "5", "--digits", "3"], "no digit 3 in it: it holds 0, 1, 7"),
        (["--images", "5", "--digits", "256"], "256 is not a label 0 to 255"),
    ],
)
def test_bad_input_is_one_message_and_nothing_is_written(options, message, grow, folder, tmp_path, capsys):
    assert grow(folder, tmp_path / "new", *options) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "new").exists()


def test_too_little_space_is_reported_before_anything_is_written(grow, folder, tmp_path, monkeypatch, capsys):
    usage, needed = namedtuple("usage", "free"), 17 * (1000 + 10)
    monkeypatch.setattr(grow.script.shutil, "disk_usage", lambda path: usage(needed - (path == tmp_path)))
    assert grow(folder, tmp_path / "new" / "er", "--images", 1000) == 2
    error = f"{tmp_path / 'new' / 'er'}: 17,170 bytes are needed, 17,169 are free: make room, or ask for fewer --images"
    assert capsys.readouterr().err == f"error: {error}\n"
    assert not (tmp_path / "new").exists()
    monkeypatch.setattr(grow.script.shutil, "disk_usage", lambda path: usage(needed))
    assert grow(folder, tmp_path / "new" / "er", "--images", 1000) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("when", ["distort", "sha256"])
def test_a_signal_leaves_nothing_and_the_command_can_be_given_again(
    when, number, code, grow, folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(grow.script, when, lambda *_: os.kill(os.getpid(), number))
    assert grow(folder, tmp_path / "new", "--images", 100) == code
    error = capsys.readouterr().err
    assert error.endswith(": give the same command again\n")
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("images", "kilobytes"), [(2000, 8), (30, 1)])
def test_a_full_disk_leaves_nothing(images, kilobytes, tmp_path):
    """``ulimit -f`` stops a write half-way: in the training images or, if these fit, in the test images."""
    write_folder(tmp_path / "made", [0, 1], [0, 1] * 60)
    arguments = [sys.executable, ROOT / "scripts/grow_data.py", tmp_path / "made", tmp_path / "new", "--images", images]
    done = subprocess.run(
        ["bash", "-c", f'ulimit -f {kilobytes} && exec "$@"', "bash", *map(str, arguments)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    at_fault = "train" if images == 2000 else "t10k"
    assert done.stderr == f"error: {tmp_path / 'new' / at_fault}-images-idx3-ubyte: File too large\n"
    assert not (tmp_path / "new").exists()
