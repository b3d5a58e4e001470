"""Promises of scripts/train_xor.py."""

import re
import sys

import numpy as np
import pytest

from mlp.commands.backpropagation import train_xor
from mlp.data.xor import X
from mlp.figures import plane
from mlp.network import MLP, BatchBuffers
from mlp.system import command_line
from tests.conftest import ROOT

FILES = {"loss_curve.png", "decision_surface.png"}
XOR = {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}


def losses(text):
    """(step, loss, rows right) of each line."""
    lines = re.findall(r"^step +([\d,]+): loss (\d\.\d{6}), (\d) of 4 right$", text, re.MULTILINE)
    return [(int(step.replace(",", "")), float(loss), int(right)) for step, loss, right in lines]


def table(text):
    """For each (x1, x2) its (target, probability)."""
    lines = re.findall(r"^ *(\d) +(\d) +(\d) +(\d\.\d{4})$", text, re.MULTILINE)
    return {(int(x1), int(x2)): (int(target), float(p)) for x1, x2, target, p in lines}


@pytest.fixture
def script():
    """As a module, not yet run."""
    return train_xor


@pytest.fixture
def main(script):
    return script.main


def test_xor_is_learned_printed_and_drawn(here, tmp_path):
    done = here("scripts/train_xor.py", "--output", tmp_path / "deep" / "xor")
    assert (done.returncode, done.stderr) == (0, "")
    told = losses(done.stdout)
    assert 10 <= len(told) <= 24
    assert [step for step, *_ in told[:6]] == [0, 1, 2, 5, 10, 20]
    assert [loss for _, loss, _ in told] == sorted((loss for _, loss, _ in told), reverse=True)
    assert told[-1][1] < told[0][1] / 10
    assert (told[0][2], told[-1][2]) == (2, 4)
    rows = table(done.stdout)
    assert {x: target for x, (target, _) in rows.items()} == XOR
    assert all(abs(p - target) < 0.1 for target, p in rows.values())
    assert told[-1][1] == pytest.approx(np.mean([(p - target) ** 2 / 2 for target, p in rows.values()]), abs=1e-5)
    first = next(step for step, _, right in told if right == 4)
    assert all(right == 4 for step, _, right in told if step >= first)
    assert f"all 4 rows are right from step {first:,} on; {told[-1][0]:,} steps were taken" in done.stdout
    assert {path.name for path in (tmp_path / "deep" / "xor").iterdir()} == FILES
    for name in FILES:
        assert (tmp_path / "deep" / "xor" / name).read_bytes().startswith(b"\x89PNG")


def test_every_seed_learns_its_own_way_and_the_pictures_are_replaced(main, tmp_path, capsys):
    pictures, endings = set(), set()
    for seed in range(2):
        main(["--seed", str(seed), "--output", str(tmp_path)])
        out = capsys.readouterr().out
        assert all((p >= 0.5) == XOR[x] for x, (_, p) in table(out).items())
        endings.add(losses(out)[-1])
        pictures.add((tmp_path / "decision_surface.png").read_bytes())
        assert {path.name for path in tmp_path.iterdir()} == FILES
    assert len(pictures) == len(endings) == 2


def test_the_learning_rate_counts(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "draw_figures", lambda *_: None)  # time
    steps = []
    for rate in ("1", "5"):
        script.main(["--learning-rate", rate, "--output", str(tmp_path)])
        steps.append(losses(capsys.readouterr().out)[-1][0])
    assert steps[0] > 3 * steps[1]


@pytest.mark.usefixtures("nothing_drawn")
def test_too_few_steps_is_exit_code_1_and_the_pictures_are_still_drawn(here, tmp_path):
    done = here("scripts/train_xor.py", "--steps", 30, "--output", tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "error: not learned: 2 of 4 rows are right: "
        "give more --steps (30), or try another --learning-rate (1), --hidden (8) or --seed (0)\n"
    )
    assert losses(done.stdout)[-1][0] == 30
    assert "are right after" not in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_a_loss_that_is_not_finite_is_exit_code_3(main, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(BatchBuffers, "loss", lambda self: float("nan"))
    monkeypatch.setattr(sys, "argv", ["train_xor.py", "--learning-rate", "7", "--output", str(tmp_path)])
    assert command_line.run(main) == 3
    assert capsys.readouterr().err == "error: training diverged in step 0: lower --learning-rate (7)\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate", ["1e6", "1e308"])
def test_an_enormous_learning_rate_is_no_traceback(here, rate, tmp_path):
    done = here("scripts/train_xor.py", "--steps", 200, "--learning-rate", rate, "--output", tmp_path)
    assert done.returncode in (1, 3)
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


STUCK = re.compile(r"^seed +(\d+) is stuck: loss (\S+), (\d) of 4 right, gradient norm (\S+)$", re.MULTILINE)


@pytest.fixture
def surfaces(monkeypatch):
    """The titles of the decision surfaces that are drawn side by side, and their predictions of the four rows."""
    drawn = []

    def draw(path, networks, *_):
        drawn.append({title: [round(float(p)) for p in predict(X)[:, 0]] for title, predict in networks})

    monkeypatch.setattr(plane, "decision_surfaces", draw)
    return drawn


@pytest.mark.usefixtures("nothing_drawn")
def test_of_several_seeds_each_ends_as_it_does_alone(here, tmp_path, surfaces):
    options = ("--hidden", 2, "--learning-rate", 10, "--steps", 600, "--output", tmp_path)
    alone = {seed: here("scripts/train_xor.py", "--seed", seed, *options) for seed in range(7, 11)}
    done = here("scripts/train_xor.py", "--seeds", "7..10", *options)
    assert (done.returncode, done.stderr) == (0, "")
    failed = {seed: losses(single.stdout)[-1] for seed, single in alone.items() if single.returncode == 1}
    stuck = {int(seed): (600, float(loss), int(right)) for seed, loss, right, _ in STUCK.findall(done.stdout)}
    assert 0 < len(stuck) < 4
    assert stuck == failed
    assert f"\n2-2-1: {4 - len(stuck)} of 4 seeds learned, in at most " in done.stdout
    most = max(losses(alone[seed].stdout)[-1][0] for seed in alone.keys() - stuck.keys())
    assert f"in at most {most} steps\n" in done.stdout
    (bad, bad_answers), (good, good_answers) = surfaces[-1].items()
    assert bad.startswith(f"seed {min(stuck)}, stuck: ")
    assert good.startswith(f"seed {min(alone.keys() - stuck.keys())}, learned: ")
    assert good_answers == list(XOR.values()) != bad_answers


def test_one_hidden_unit_divides_the_plane_by_one_line_and_is_always_stuck(here, tmp_path, surfaces):
    done = here("scripts/train_xor.py", "--seeds", "0..4", "--hidden", 1, "--steps", 200, "--output", tmp_path)
    assert done.returncode == 0
    assert [int(seed) for seed, *_ in STUCK.findall(done.stdout)] == [0, 1, 2, 3, 4]
    assert "\n2-1-1: 5 of 5 seeds are stuck: a row is still wrong after 200 steps\n" in done.stdout
    assert "\n2-1-1: 0 of 5 seeds learned\n" in done.stdout
    assert [title.partition(",")[0] for title in surfaces[0]] == ["seed 0"]


def test_where_the_gradient_is_0_no_step_helps(main, script, monkeypatch, tmp_path, surfaces, capsys):
    """With all weights 0 each probability is 1/2, and the four rows' gradients cancel: the loss stays at 1/8."""
    monkeypatch.setattr(script, "initial_network", lambda hidden, seed: MLP((2, hidden, 1), precision="float64"))
    main(["--seeds", "3..3", "--steps", "50", "--output", str(tmp_path)])
    assert STUCK.findall(capsys.readouterr().out) == [("3", "0.125000", "2", "0.0e+00")]


@pytest.mark.usefixtures("surfaces")
def test_the_gradient_norm_is_that_of_the_last_weights(main, script, tmp_path, capsys):
    main(["--seeds", "0..0", "--steps", "2", "--learning-rate", "9", "--output", str(tmp_path)])
    ((*_, printed),) = STUCK.findall(capsys.readouterr().out)
    network, h = script.initial_network(8, 0), 1e-5
    script.train(network, 9, 2)
    Y, A = np.array([[*XOR.values()]]).T, network.parameter_block
    numeric = []
    for k, before in enumerate(A.copy()):
        A[k] = before + h
        above = network.loss(X, Y)
        A[k] = before - h
        numeric.append((above - network.loss(X, Y)) / (2 * h))
        A[k] = before
    assert float(printed) == pytest.approx(np.linalg.norm(numeric), rel=0.05)


SEEDS = "argument --seeds: must be A..B, two whole numbers, at least 0, A not above B, as in 0..39, not "
BAD = {
    **{
        f"a rate of {rate}": (["--learning-rate", rate], f"must be a finite number above 0, not {rate}")
        for rate in ("0", "-1", "nan", "inf", "1e999", "fast", "")
    },
    **{
        f"{steps} steps": (["--steps", steps], f"argument --steps: must be a whole number, at least 1, not {steps}")
        for steps in ("0", "-3", "1e3", "many")
    },
    "a negative seed": (["--seed", "-1"], "argument --seed: must be a whole number, at least 0, not -1"),
    "half a seed": (["--seed", "0.5"], "argument --seed: must be a whole number, at least 0, not 0.5"),
    **{f"seeds {seeds}": ([f"--seeds={seeds}"], SEEDS + seeds) for seeds in ("5", "3..1", "a..b", "-1..2", "1..", "")},
    "a seed and seeds": (["--seed", "0", "--seeds", "0..3"], "argument --seeds: not allowed with argument --seed"),
    "no hidden units": (["--hidden", "0"], "argument --hidden: must be a whole number, at least 1, not 0"),
    "too many hidden units": (["--hidden", "1000001"], "argument --hidden: must be at most 1,000,000, not 1000001"),
    "no name for a directory": (["--output", ""], "argument --output: a path must not be empty"),
    "a file for a directory": (["--output", str(ROOT / "train.py")], "train.py: File exists"),
    "a config": (["--set", "training.seed=1"], "unrecognized arguments"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_one_message_and_exit_code_2(main, arguments, message, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train_xor.py", *arguments])
    assert command_line.run(main) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
