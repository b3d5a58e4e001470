"""Promises of scripts/check_gradients.py."""

import sys

import pytest

from mlp.commands.backpropagation import check_gradients
from mlp.gradient_check import all_gates
from mlp.losses import CrossEntropyLoss, EuclideanLoss
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.system import command_line
from tests.conftest import ROOT, write_folder

QUICK = ("--set", "model.hidden_sizes=[3, 2]")


@pytest.mark.parametrize("loss", LOSSES)
def test_it_prints_every_gate_and_every_array_of_the_network(here, loss):
    done = here("scripts/check_gradients.py", *QUICK, f"model.loss={loss}")
    assert done.returncode == 0, done.stderr
    checks, verdict, costs = done.stdout.partition("\nall relative errors are below 1e-07\n\n")
    assert verdict
    header, *rows = checks.splitlines()
    assert header.split("  ")[0] == "graph"
    for gate in all_gates():
        assert sum(row.startswith(f"{gate} of ") for row in rows) >= 2
    assert {row[header.index("array") - 1] for row in rows} == {" "}
    network = [row.split()[2] for row in rows if row.startswith("network 784-3-2-1")]
    assert network == ["W1", "b1", "W2", "b2", "W3", "b3"]
    # 784 weights for each unit of the first layer, and so on
    assert [row.split()[:2] for row in costs.splitlines()[3:]] == [["784-1-1-1", "789"], ["784-3-2-1", "2,366"]]


def test_what_the_gradient_costs_is_drawn_into_the_named_file(here, tmp_path, monkeypatch):
    monkeypatch.setattr(check_gradients, "all_gates", list)
    picture = tmp_path / "deep" / "cost.png"
    done = here("scripts/check_gradients.py", *QUICK, "--draw", picture)
    assert (done.returncode, done.stderr) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert done.stdout.endswith("cost.png\n")


def test_a_file_that_is_no_picture_is_refused_before_anything_is_checked(here):
    done = here("scripts/check_gradients.py", "--draw", "cost.txt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --draw cost.txt: must end in .svg, .png, .pdf\n"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_network_of_three_weighted_classes_is_checked(here, tmp_path, loss, activation):
    data = write_folder(tmp_path / "data", [3, 5, 8] * 4, [3, 5, 8], side=3)
    options = (f"model.loss={loss}", f"model.activation={activation}", "training.class_weight=balanced")
    done = here("scripts/check_gradients.py", *QUICK, f"data.directory={data}", "data.digits=all", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    network = [row.split()[2] for row in done.stdout.splitlines() if row.startswith("network 9-3-2-3")]
    assert network == ["W1", "b1", "W2", "b2", "W3", "b3"]


def test_the_batch_has_an_image_of_each_of_many_labels(here, tmp_path, monkeypatch):
    seen = []
    loss = MLP.loss
    monkeypatch.setattr(MLP, "loss", lambda self, X, Y: seen.append(Y.sum(axis=0).tolist()) or loss(self, X, Y))
    monkeypatch.setattr(check_gradients, "all_gates", list)
    for labels in (10, 26):
        data = write_folder(tmp_path / str(labels), list(range(labels)) * 4, list(range(labels)), side=2)
        options = (f"data.directory={data}", "data.digits=all", "model.hidden_sizes=[2]")
        assert here("scripts/check_gradients.py", "--set", *options).returncode == 0
    assert [list(counts) for counts in dict.fromkeys(map(tuple, seen))] == [[2] * 10, [1] * 26]


def test_a_network_of_very_many_elements_is_checked_along_directions(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["check_gradients.py", "--config", str(ROOT / "config.yaml")])
    script = check_gradients
    monkeypatch.setattr(script, "MAX_ELEMENTS", 25_000)
    assert command_line.run(script.main) == 0
    network = [row for row in capsys.readouterr().out.splitlines() if row.startswith("network 784-32-1")]
    assert [row.split()[2] for row in network] == ["W1", "b1", "W2", "b2"]
    assert all(" along direction " in row for row in network)


@pytest.fixture
def main(monkeypatch, loss):
    options = ["--config", str(ROOT / "config.yaml"), *QUICK, f"model.loss={loss}"]
    monkeypatch.setattr(sys, "argv", ["check_gradients.py", *options])
    return check_gradients.main


@pytest.mark.parametrize(("loss", "gate"), [("euclidean", EuclideanLoss), ("cross_entropy", CrossEntropyLoss)])
def test_a_broken_gate_is_named_and_the_exit_code_is_1(main, gate, monkeypatch, capsys):
    right = gate.backward

    def wrong(self, dE, *arrays):
        dA, *others = right(self, dE, *arrays)
        return 2 * dA, *others

    monkeypatch.setattr(gate, "backward", wrong)
    assert command_line.run(main) == 1
    out, error = capsys.readouterr()
    wrong_rows = [row for row in out.splitlines() if row.endswith("WRONG")]
    assert {row[: check_gradients.WIDTH].strip() for row in wrong_rows} == {
        f"{gate.name} of (), ()",
        f"{gate.name} of (5, 1), (5, 1)",
        f"{gate.name} of (4, 3), (4, 3), (4,)",
        f"{gate.name} of (5,), (5,), (5,)",
        "network 784-3-2-1",
    }
    assert error.startswith(f"error: {len(wrong_rows)} arrays have wrong gradients:\n")
    assert f"{gate.name} of (), (): A[]: numeric " in error
