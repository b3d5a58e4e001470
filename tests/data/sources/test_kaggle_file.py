"""Promises of mlp.data.sources.kaggle_file, by import_images.py: a file keeps its bytes, or its wrong line is named."""

import gzip

import numpy as np
import pytest

from mlp.data.sources import kaggle_file
from tests.conftest import parts_of


def write_csv(path, labels, pixels=4, start=""):
    """Each image has other pixels."""
    lines = [",".join(map(str, [label, *np.arange(pixels) + k])) for k, label in enumerate(labels)]
    path.write_text(start + "".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize(
    "start", ["", "label,pixel0,pixel1,pixel2,pixel3\n", "\ufeff", '\r\n"label","a","b","c","d"\r\n\n']
)
@pytest.mark.parametrize("block", [kaggle_file.BLOCK_CHARACTERS, 1])
def test_kaggle_files_keep_their_bytes(start, block, imported, tmp_path, monkeypatch):
    """Read at once or line by line, gzipped or not, with any header."""
    monkeypatch.setattr(kaggle_file, "BLOCK_CHARACTERS", block)
    first, second = (write_csv(tmp_path / name, [9, 255] * 3, start=start) for name in ("train.csv", "test.csv"))
    packed = tmp_path / "test.csv.gz"
    packed.write_bytes(gzip.compress(second.read_bytes()))
    assert imported(first, "--test", packed)[0] == 0
    for images, labels in parts_of(tmp_path / "out"):
        np.testing.assert_array_equal(images.reshape(6, 4), np.arange(4) + np.arange(6)[:, np.newaxis])
        assert labels.tolist() == [9, 255] * 3
        assert images.shape == (6, 2, 2)


def test_a_header_may_be_in_any_encoding(imported, tmp_path):
    path = write_csv(tmp_path / "a.csv", [0, 1] * 3)
    path.write_bytes("étiquette,a,b,c,d\n".encode("latin-1") + path.read_bytes())
    assert imported(path)[0] == 0


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("1,2,3,4,256\n", "line 6: column 5 is '256', must be a whole number from 0 to 255"),
        ("\n1,-2,3,4,5\n", "line 7: column 2 is '-2', must be a whole number"),
        ("1,2,3.5,4,5\n", "line 6: column 3 is '3.5', must be a whole number"),
        ("1,2,3,4,x\n", "line 6: column 5 is 'x', must be a whole number"),
        ("1,2,3,4\n", "line 6: 4 columns, the first line has 5: complete or remove it"),
        ("1,2,3,4,5,6\n", "line 6: 6 columns, the first line has 5"),
        ("2,2,3,4,5\n", "1 image of class 2, and none is left for training"),
    ],
)
@pytest.mark.parametrize("block", [kaggle_file.BLOCK_CHARACTERS, 1])
def test_a_wrong_line_is_named(end, message, block, imported, tmp_path, monkeypatch):
    monkeypatch.setattr(kaggle_file, "BLOCK_CHARACTERS", block)
    path = write_csv(tmp_path / "a.csv", [0, 1, 1, 0], start="label,a,b,c,d\n")
    path.write_text(path.read_text() + end)
    code, _, error = imported(path)
    assert code == 2
    assert error.startswith(f"error: {path}: {message}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no image in it"),
        ("label,a,b,c,d\n", "no image in it"),
        ("0;1;2;3;4\n", "line 1: 0 pixels after the label are no square image"),
        ("0,1,2\n", "line 1: 2 pixels after the label are no square image"),
        (
            "pixel0,pixel1\n1,2\n",
            "line 1: its first column is pixel0, must be the label: Kaggle's test.csv has no labels",
        ),
    ],
)
def test_a_csv_file_without_label_and_square_image_is_refused(text, message, imported, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    code, _, error = imported(tmp_path / "a.csv")
    assert code == 2
    assert error.startswith(f"error: {tmp_path / 'a.csv'}: {message}")


@pytest.mark.parametrize("size", [8, -8])
def test_damaged_gzip_data_are_refused(size, imported, tmp_path):
    content = gzip.compress(write_csv(tmp_path / "a.csv", [0, 1] * 50).read_bytes())
    (tmp_path / "a.csv.gz").write_bytes(content[:size])
    assert f"error: {tmp_path / 'a.csv.gz'}: damaged gzip data" in imported(tmp_path / "a.csv.gz")[2]


def test_images_larger_than_the_free_memory_are_refused(imported, tmp_path, monkeypatch):
    source = write_csv(tmp_path / "a.csv", [0, 1] * 3)
    monkeypatch.setattr("mlp.system.memory.free", lambda: 59)
    assert "a.csv: line 6: the images take more than the free memory: take fewer lines" in imported(source)[2]
