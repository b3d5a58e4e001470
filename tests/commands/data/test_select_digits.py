"""Promises of scripts/select_digits.py."""

import json
import os
import signal
from itertools import product

import numpy as np
import pytest

from mlp import idx
from mlp.commands.data import select_digits
from mlp.data import idx_folder
from tests.conftest import write_letters


def test_the_chosen_digits_come_out_in_their_order(command, folder, tmp_path):
    done = command("scripts/select_digits.py", folder, tmp_path / "chosen", 7, 0)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("training: 20 of 40 images\ntest: 6 of 10 images\n")
    for part in ("training", "test"):
        before, after = idx_folder.open_part(folder, part), idx_folder.open_part(tmp_path / "chosen", part)
        keep = np.isin(before.labels, [7, 0])
        np.testing.assert_array_equal(after.images, before.images[keep])
        np.testing.assert_array_equal(after.labels, before.labels[keep])
        for name, sha256 in after.sha256().items():
            assert f"{sha256}  {name}" in done.stdout


READ = list(product([idx.MAX_BYTES_IN_MEMORY, 1], ["[12, 10]", "all"]))
"""In memory, or from the files by rows; two of the letters, or all."""


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.trials(2, len(READ))
def test_upright_copies_of_emnists_letters_train_and_show_the_same(here, tmp_path, trial, monkeypatch):
    """Images of 3 by 5 pixels in the files, 5 by 3 upright."""
    limit, digits = READ[3 * trial % 4]
    monkeypatch.setattr(idx, "MAX_BYTES_IN_MEMORY", limit)
    lying = write_letters(tmp_path / "lying", [10, 11, 12, 13] * 8, [10, 11, 12, 13] * 2)
    done = here("scripts/select_digits.py", lying, tmp_path / "upright", 10, 11, 12, 13, "--transpose")
    assert done.returncode == 0, done.stderr
    for image, copy in zip(
        *(idx_folder.open_part(tmp_path / name, "test").take(np.arange(8)) for name in ("lying", "upright")),
        strict=True,
    ):
        np.testing.assert_array_equal(copy, image.T)
    found = {}
    for name in ("lying", "upright"):
        folder, run, points = tmp_path / name, tmp_path / f"run-{name}", tmp_path / f"{name}.png"
        config = tmp_path / f"{name}.yaml"
        config.write_text(
            f"data: {{directory: {folder}, digits: {digits}, transpose: {str(name == 'lying').lower()}}}\n"
            "model: {activation: relu}\ntraining: {epochs: 3, batch_size: 4, learning_rate: 0.5}\n"
        )
        for command in (
            ("train.py", "--config", config, "--output", run),
            ("scripts/evaluate.py", run),
            ("scripts/plot_svd.py", "--config", config, "--output", points, "--set", "data.digits=[12, 10]"),
        ):
            done = here(*command)
            assert done.returncode == 0, done.stderr
        with np.load(run / "model.npz") as model:
            weights = {key: model[key].tolist() for key in model if key != "config"}
        summary = json.loads((run / "evaluation-test.json").read_text())
        del summary["files"], summary["weights_sha256"]
        found[name] = weights, summary, points.with_suffix(".csv").read_text()
    assert found["lying"] == found["upright"]
    assert json.loads((tmp_path / "run-lying" / "manifest.json").read_text())["image_shape"] == [5, 3]


def test_a_signal_leaves_nothing_and_the_command_can_be_given_again(here, folder, tmp_path, monkeypatch):
    def interrupted(*arguments):
        idx_folder.write_part(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(select_digits, "write_part", interrupted)
        assert here("scripts/select_digits.py", folder, tmp_path / "new", 0).returncode == 143
    assert not (tmp_path / "new").exists()
    assert here("scripts/select_digits.py", folder, tmp_path / "new", 0).returncode == 0


def test_nothing_is_written_over_or_when_a_digit_is_missing(here, folder, tmp_path):
    done = here("scripts/select_digits.py", folder, folder, 0)
    assert done.returncode == 2
    assert "train-images-idx3-ubyte: already exists, nothing was written" in done.stderr
    for digits, message in ((["3"], "no digit 3 in it: it holds 0, 1, 7"), (["256"], "256 is not a label 0 to 255")):
        done = here("scripts/select_digits.py", folder, tmp_path / "new", *digits)
        assert done.returncode == 2
        assert message in done.stderr
        assert not (tmp_path / "new").exists()
