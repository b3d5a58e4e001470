"""Promises of mlp.runs.history: what was written is read back to the last bit, anything else is refused by its line."""

import csv
from dataclasses import replace

import pytest

from mlp.runs import directory as run_directory
from mlp.runs import history
from mlp.system.errors import InputError
from mlp.training.progress import Epoch
from tests.conftest import finished_run

HISTORY = [
    Epoch(1, 0.1 + 0.2, 1 / 3, 0.5, 1.0, 1.0, 2e-310, 0.25),
    Epoch(2, 0.0, 1e99, 1.0, 0.0, 1.0, 0.5, 0.0),
]


def with_history(settings, epochs=HISTORY):
    with run_directory.new(settings, None, pytest.fail) as run:
        run.begin()
        run.write_history(epochs)
    return run.directory


def test_a_history_is_read_back_to_the_last_bit(settings):
    assert history.read_history(with_history(settings)) == HISTORY
    without = [replace(row, validation_loss=None, validation_accuracy=None) for row in HISTORY]
    assert history.read_history(with_history(settings, without)) == without


HISTORY_DAMAGE = {
    "empty": (lambda text: "", r":1: must be epoch,train_loss,"),
    "another header": (lambda text: text.replace("train_loss", "loss"), ":1: must be epoch,train_loss,"),
    "no epochs": (lambda text: text.splitlines()[0] + "\n", ":2: there is no epoch in it"),
    "a row cut short": (lambda text: text[: text.rindex(",")], ":3: must have 8 columns, not 7"),
    "a row too many": (lambda text: text + text.splitlines()[-1], ":4: epoch must be 3, not 2"),
    "a row missing": (lambda text: text.replace("\n1,", "\n7,"), ":2: epoch must be 1, not 7"),
    "words": (
        lambda text: text.replace(",0.25", ",?"),
        r":2: seconds must be a number, not \?",
    ),
    "nothing": (lambda text: text.replace(",0.25", ","), ":2: seconds must be a number, not nothing"),
    "nan": (lambda text: text.replace(",0.25", ",nan"), ":2: seconds must be from 0 to 1e\\+100, not nan"),
    "infinity": (lambda text: text.replace("1e+99", "inf"), ":3: validation_loss must be from 0 to 1e\\+100"),
    "beyond what any run has": (lambda text: text.replace("1e+99", "1e+300"), ":3: validation_loss must be from 0 to"),
    "a negative loss": (
        lambda text: text.replace("\n2,0.0", "\n2,-0.1"),
        ":3: train_loss must be from 0 to 1e\\+100",
    ),
    "percent": (lambda text: text.replace(",0.5,1.0,", ",50,1.0,"), ":2: train_accuracy must be from 0 to 1, not 50"),
    "one of two": (lambda text: text.replace("1e+99", ""), ":3: validation_loss and validation_accuracy must both"),
    "validation now and then": (
        lambda text: text.replace("1e+99", "").replace(",1.0,0.0,1.0", ",1.0,,1.0"),
        ":3: validation_loss must be there in every epoch or in none",
    ),
    "another encoding": (lambda text: text.encode("utf-16"), ":1: byte 0 is not ASCII"),
}


@pytest.mark.parametrize(("damage", "message"), HISTORY_DAMAGE.values(), ids=HISTORY_DAMAGE)
def test_a_damaged_history_is_refused_with_its_line_and_the_cure(settings, damage, message):
    path = with_history(settings) / "history.csv"
    damaged = damage(path.read_text())
    path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    with pytest.raises(
        InputError, match=rf"^{path}{message}.*: put back the file that it wrote, or train the run again$"
    ):
        history.read_history(path.parent)


def test_a_missing_history_is_named_with_the_cure(settings):
    directory, _ = finished_run(settings)
    with pytest.raises(InputError, match=r"history\.csv: no such file: put back the one that the run wrote, or train"):
        history.read_history(directory)


def test_history_reads_back_exactly(settings):
    rows = [Epoch(1, 0.1, None, 1 / 3, None, 1e-3, 2.0, 0.5), Epoch(2, 1e-30, 0.25, 1.0, 0.125, 1e-3, 2.0, 0.5)]
    with run_directory.new(settings, None, pytest.fail) as run:
        run.write_history(rows)
    header, *lines = csv.reader((run.directory / "history.csv").read_text().splitlines())
    columns = "epoch train_loss validation_loss train_accuracy validation_accuracy learning_rate gradient_norm seconds"
    assert header == columns.split()
    read = [Epoch(int(line[0]), *(float(text) if text else None for text in line[1:])) for line in lines]
    assert read == rows
