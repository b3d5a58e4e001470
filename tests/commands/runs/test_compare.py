"""Promises of scripts/compare.py."""

import json
import re
import shutil

import pytest

from tests.conftest import run_here, write_folder


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Two runs that differ in their seed."""
    root = tmp_path_factory.mktemp("two")
    write_folder(root / "made", [0, 1, 7, 1] * 10, [0, 1, 7, 1, 0] * 2)
    config = root / "config.yaml"
    config.write_text("data: {directory: made, digits: [1, 7]}\nmodel: {hidden_sizes: [4]}\ntraining: {epochs: 3}\n")
    for seed in (5, 6):
        assert run_here("train.py", "--config", config, "--set", f"training.seed={seed}").returncode == 0
    return root / "outputs"


@pytest.fixture
def compare(here):
    """Run it: exit code, stdout, stderr."""

    def run(*arguments):
        done = here("scripts/compare.py", *arguments)
        return done.returncode, done.stdout, done.stderr

    return run


def test_two_runs_are_set_side_by_side(compare, outputs):
    code, out, error = compare(outputs / "0001", outputs / "0002")
    assert (code, error) == (0, "")
    cells = dict(line.split("  ", 1) for line in out.split("\n\n")[0].splitlines())
    assert {name: row.split() for name, row in cells.items() if name in ("run", "training.seed", "epochs")} == {
        "run": ["0001", "0002"],
        "training.seed": ["5", "6"],
        "epochs": ["3", "3"],
    }
    assert re.split("  +", cells["test errors"].strip()) == ["not evaluated", "not evaluated"]
    assert (outputs / "compare.png").read_bytes().startswith(b"\x89PNG")
    assert f"picture:  {outputs / 'compare.png'}\n" in out
    commands = [line for line in out.splitlines() if line.startswith("evaluate: python scripts/evaluate.py")]
    assert [line.split()[-1] for line in commands] == [str(outputs / "0001"), str(outputs / "0002")]


def test_many_runs_are_rows_and_what_does_not_differ_is_said(compare, outputs, tmp_path):
    copies = [tmp_path / name for name in "abcde"]
    for copy in copies:
        shutil.copytree(outputs / "0001", copy)
    code, out, _ = compare(*copies)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:6]] == ["run", *"abcde"]
    assert "Nothing differs in their configs and training files.\n" in out


def test_the_json_has_the_same_facts_and_the_picture_goes_where_it_is_told(compare, outputs, tmp_path):
    picture = tmp_path / "deep" / "er" / "two.png"
    code, out, _ = compare(outputs / "0001", outputs / "0002", "--json", "--output", picture)
    assert code == 0
    found = json.loads(out)
    assert found.keys() == {"runs", "differences", "notes"}
    assert found["differences"] == {"training.seed": [5, 6]}
    assert [run["name"] for run in found["runs"]] == ["0001", "0002"]
    assert picture.exists()


@pytest.mark.usefixtures("nothing_drawn")
def test_an_evaluated_run_shows_its_test_errors(compare, here, outputs, tmp_path):
    shutil.copytree(outputs / "0001", tmp_path / "judged")
    judged = json.loads(here("scripts/evaluate.py", tmp_path / "judged", "--json").stdout)
    _, out, _ = compare(tmp_path / "judged", outputs / "0002")
    assert f"{judged['errors']} of 6 ({judged['accuracy']:.2%} right)" in out
    assert out.count("evaluate: ") == 1


REFUSED = {
    "one run": (["0001"], "one run alone: name two or more runs to compare"),
    "none at all": ([], "the following arguments are required: RUN"),
    "one twice": (["0001", "0001"], "0001: named twice: name each run once"),
    "no run": (["0001", "0003"], "0003 is not the directory of a run"),
    "no picture": (["0001", "0002", "--output", "x.pdf"], "x.pdf: the picture's name must end in .png"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compared_is_refused(compare, outputs, arguments, message):
    given = [outputs / argument if argument.isdecimal() else argument for argument in arguments]
    code, out, err = compare(*given)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
