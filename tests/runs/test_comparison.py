"""Promises of mlp.runs.comparison: what differs is named, and what does not compare is said not to."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlp.network import MLP
from mlp.runs import comparison
from mlp.runs import directory as run_directory
from mlp.system.errors import InputError
from mlp.training.progress import Epoch
from tests.conftest import FILES

HISTORY = [
    Epoch(1, 0.3, 0.2, 0.9, 0.95, 1.0, 1.0, 0.25),
    Epoch(2, 0.2, 0.1, 0.9, 0.96, 1.0, 1.0, 0.5),
    Epoch(3, 0.1, 0.1, 0.9, 0.99, 1.0, 1.0, 0.75),
]


@pytest.fixture
def make(settings):
    """Make a finished run with options of its own."""

    def run(name, files=FILES, history=HISTORY, **sections):
        sections = {"training": {}} | sections
        sections["training"] = {"epochs": len(history)} | sections["training"]
        changed = {key: getattr(settings, key).model_copy(update=values) for key, values in sections.items()}
        config = settings.model_copy(update=changed)
        network = MLP([4, 3, 1], generator=np.random.default_rng(0), loss=config.model.loss)
        with run_directory.new(config, settings.output.directory / name, pytest.fail) as made:
            facts = {"image_shape": [2, 2], "training_files": files, "images": {"training": 900, "validation": 100}}
            weights = config.training.class_weight
            made.begin(**facts, **({"class_weights": list(weights)} if weights else {}))
            made.write_history(history)
            made.write_model(network.views(network.parameter_block))
            made.finish()
        return made.directory

    return run


WITHOUT_VALIDATION = [replace(row, validation_loss=None, validation_accuracy=None) for row in HISTORY]


def test_the_figures_are_those_of_the_kept_epoch_the_earliest_of_the_lowest_loss(make):
    first, second = comparison.gather([make("a"), make("b", history=WITHOUT_VALIDATION)]).summary()["runs"]
    assert first["kept_epoch"] == 2
    assert (first["validation_loss"], first["validation_errors"], first["validation_accuracy"]) == (0.1, 4, 0.96)
    assert (first["seconds"], first["epochs"], first["parameters"]) == (1.5, 3, 4 * 3 + 3 + 3 * 1 + 1)
    assert (second["kept_epoch"], second["train_loss"], second["validation_errors"]) == (3, 0.1, None)


def test_only_what_differs_is_named_with_every_runs_value(make):
    three = [make("a"), make("b", training={"seed": 1}), make("c", model={"loss": "cross_entropy"})]
    compared = comparison.gather(three)
    assert compared.differences == {
        "model.loss": ["euclidean", "euclidean", "cross_entropy"],
        "training.seed": [0, 1, 0],
    }
    assert [compared.label(run) for run in compared.runs] == ["a", "b: training.seed=1", "c: model.loss=cross_entropy"]
    assert json.loads(json.dumps(compared.summary()))["differences"] == compared.differences
    assert comparison.gather([three[0], make("d", data={"directory": "/elsewhere"})]).differences == {}


def test_other_data_are_known_by_their_bytes_not_by_their_names(make):
    renamed = {"train-images.idx3-ubyte": "a" * 64, "train-labels.idx1-ubyte": "b" * 64}
    other = FILES | {"train-labels-idx1-ubyte": "c" * 64}
    one = make("a")
    assert comparison.gather([one, make("b", files=renamed)]).differences == {}
    compared = comparison.gather([one, make("c", files=other)])
    assert compared.differences == {"training_files": [FILES, other]}
    assert compared.label(compared.runs[1]) == "c: training_files=aaaaaaaa/cccccccc"


NOTES = {
    "nothing": ({}, None),
    "what the images do not depend on": ({"training": {"learning_rate": 0.5}}, None),
    "other files": ({"files": dict.fromkeys(FILES, "c" * 64)}, "learned from different images"),
    "other digits": ({"data": {"digits": (0, 7)}}, "learned from different images"),
    "another seed": ({"training": {"seed": 7}}, "held out different validation images"),
    "other class weights": ({"training": {"class_weight": (1.0, 9.0)}}, "weight the classes differently: their losses"),
    "another loss": ({"model": {"loss": "cross_entropy"}}, "different losses, which cannot be compared"),
    "no validation": ({"history": WITHOUT_VALIDATION}, "show training results: not comparable with validation"),
}


@pytest.mark.parametrize(("other", "note"), NOTES.values(), ids=NOTES)
def test_what_does_not_compare_is_said_not_to(make, other, note):
    notes = comparison.gather([make("a"), make("b", **other)]).notes
    assert len(notes) == (note is not None)
    assert note is None or note in notes[0]


def judge(directory, weights_sha256, **others):
    found = {"weights_sha256": weights_sha256, "files": {"images": "1"}, "n": 200, "errors": 3, "accuracy": 0.985}
    (directory / "evaluation-test.json").write_text(json.dumps(found | others))


def test_test_figures_are_shown_where_the_runs_own_weights_were_judged(make):
    now, before, never = make("now"), make("before"), make("never")
    judge(now, json.loads((now / "manifest.json").read_text())["weights_sha256"])
    judge(before, "0" * 64)  # it was judged, and then went on
    tests = [run["test"] for run in comparison.gather([now, before, never]).summary()["runs"]]
    assert tests == [{"n": 200, "errors": 3, "accuracy": 0.985}, None, None]


def test_tests_on_other_images_do_not_compare(make):
    made = [make("a"), make("b")]
    for number, directory in enumerate(made):
        weights = json.loads((directory / "manifest.json").read_text())["weights_sha256"]
        judge(directory, weights, files={"images": str(number)})
    assert comparison.gather(made).notes == [
        "The runs were evaluated on different test images: their test errors cannot be compared."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[" * 100_000,
        *(
            f'{{"n": {n}, "errors": {errors}, "accuracy": {accuracy}, "files": {{}}}}'
            for n, errors, accuracy in [
                (0, 0, 1),
                (9, 10, 1),
                (10**4000, 0, 1),
                (9, -1, 1),
                (9, 0, "NaN"),
                (9, 0, "1e999"),
            ]
        ),
    ],
    ids=lambda text: text[:40],
)
def test_an_evaluation_that_is_none_is_named(make, text):
    made = [make("a"), make("b")]
    (made[1] / "evaluation-test.json").write_text(text)
    with pytest.raises(InputError, match=r"b/evaluation-test\.json: not written by evaluate: remove it"):
        comparison.gather(made)


def test_a_history_of_another_length_than_the_configs_is_refused(make):
    made = [make("a"), make("b")]
    lines = (made[1] / "history.csv").read_text().splitlines(keepends=True)
    (made[1] / "history.csv").write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match=r"b/history\.csv: 2 epochs, but config\.yaml beside it says 3: put back"):
        comparison.gather(made)


def test_a_run_that_stopped_by_its_patience_is_finished_and_one_that_did_not_lacks_epochs(make):
    """The best epoch is the second of three."""
    stopped, lacking = (make(str(n), training={"epochs": 9, "patience": n}) for n in (1, 2))
    compared = comparison.gather([make("a"), stopped])
    assert compared.differences == {"training.epochs": [3, 9], "training.patience": [None, 1]}
    assert [(run["epochs"], run["kept_epoch"]) for run in compared.summary()["runs"]] == [(3, 2), (3, 2)]
    with pytest.raises(InputError, match=r"2/history\.csv: 3 epochs, but config\.yaml beside it says 9: put back"):
        comparison.gather([stopped, lacking])


def test_runs_on_any_number_of_digits_can_be_compared(make):
    compared = comparison.gather([make("a"), make("b", data={"digits": (7, 0), "transpose": True})])
    assert compared.label(compared.runs[1]) == "b: data.digits=[7, 0], data.transpose=true"
    assert compared.notes == ["The runs learned from different images: their losses and errors cannot be compared."]


def test_runs_of_one_name_are_told_apart_by_their_folders(make):
    made = [make("x/run"), make("y/run")]
    assert [run.name for run in comparison.gather(made).runs] == list(map(str, made))


def test_one_run_one_twice_and_too_many_are_refused(make, tmp_path):
    one = make("a")
    (tmp_path / "link").symlink_to(one)
    with pytest.raises(InputError, match="name two or more runs"):
        comparison.gather([one])
    with pytest.raises(InputError, match="link: named twice: name each run once"):
        comparison.gather([one, tmp_path / "link"])
    with pytest.raises(InputError, match="21 runs: one picture can show at most 20: name fewer"):
        comparison.gather([one] * 21)


def test_a_run_that_was_given_as_a_dot_has_its_directory_s_name(make, tmp_path, monkeypatch):
    first, second = make("a"), make("b")
    (tmp_path / "other").mkdir()
    same = shutil.copytree(second, tmp_path / "other" / "a")
    monkeypatch.chdir(first)
    assert [run.name for run in comparison.gather([Path(), second]).runs] == ["a", "b"]
    assert [run.name for run in comparison.gather([Path(), same]).runs] == [str(first), str(same)]
