"""Promises of scripts/select_digits.py."""

import numpy as np

from mlp.data import idx_folder


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


def test_nothing_is_written_over_or_when_a_digit_is_missing(here, folder, tmp_path):
    done = here("scripts/select_digits.py", folder, folder, 0)
    assert done.returncode == 2
    assert "train-images-idx3-ubyte: already exists, nothing was written" in done.stderr
    for digits, message in ((["3"], "no digit 3 in it: it holds 0, 1, 7"), (["256"], "256 is not a label 0 to 255")):
        done = here("scripts/select_digits.py", folder, tmp_path / "new", *digits)
        assert done.returncode == 2
        assert message in done.stderr
        assert not (tmp_path / "new").exists()
