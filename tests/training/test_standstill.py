"""Promises of mlp.training.standstill: a training that learned nothing is refused, a short one that learns is not."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from mlp import idx
from mlp.config import Training
from mlp.data import dataset
from mlp.network import LOSSES, MLP
from mlp.system.errors import Diverged, Interrupted
from mlp.training import divergence, standstill
from mlp.training.loop import Trainer
from mlp.training.random_streams import Stream, generator
from mlp.training.standstill import Ending
from tests.conftest import write_folder

DEEP = ("data.limit_per_digit=50", "model.hidden_sizes=[8,8,8,8]", "training.batch_size=4")
"""A network that is on its plateau after two epochs and has left it after thirty."""


@pytest.mark.parametrize("weights", [None, (0.5, 4.0)])
@pytest.mark.parametrize("loss", LOSSES)
def test_no_constant_answer_has_a_lower_loss_than_the_best_one(loss, weights):
    """A network whose weights are 0 gives every example the sigmoid of its last bias."""
    targets = np.array([[1.0]] * 3 + [[0.0]] * 7)
    net = MLP([2, 1], precision="float64", loss=loss, class_weights=weights)

    def loss_of(P):
        net.parameters["b1"][...] = math.log(P / (1 - P))
        return net.loss(np.ones((10, 2)), targets)

    best, share = best_constant(net, [3, 7][::-1]), 0.3 if weights is None else 12 / 15.5
    assert loss_of(share) == pytest.approx(best, rel=1e-12)
    assert min(map(loss_of, np.linspace(0.01, 0.99, 99))) >= best * (1 - 1e-12)


def best_constant(network, counts):
    """The best constant answer's loss for this number of examples of each class."""
    classes = np.repeat(np.arange(len(counts)), counts)
    return divergence.constant_loss(network, classes, network.example_weights(classes))


@pytest.mark.parametrize("weights", [None, (0.5, 4.0, 1.0)])
@pytest.mark.parametrize("loss", LOSSES)
def test_nor_one_of_three_classes(loss, weights):
    """The derivative of the loss of constant outputs is 0 at the best ones, and the loss is as said."""
    counts = np.array([5, 2, 3])
    shares = counts * (weights or (1, 1, 1))
    shares = shares / shares.sum()
    net = MLP([2, 3], precision="float64", loss=loss, class_weights=weights)
    net.parameters["b1"][...] = np.log(shares) if loss == "cross_entropy" else np.log(shares / (1 - shares))
    found = net.loss(np.ones((10, 2)), np.eye(3)[np.repeat(np.arange(3), counts)])
    assert found == pytest.approx(best_constant(net, counts), rel=1e-12)
    net.backward()
    np.testing.assert_allclose(net.gradients["b1"], 0, atol=1e-15)


@pytest.mark.parametrize("loss", LOSSES)
def test_one_class_alone_is_answered_without_a_loss(loss):
    net = MLP([2, 1], loss=loss)
    assert best_constant(net, [5, 0]) == best_constant(net, [0, 5]) == 0
    assert best_constant(MLP([2, 3], loss=loss), [0, 5, 0]) == 0


def ending(P=0.6, **others):
    """The end of a training of ten epochs of a hundred steps; 40 of 100 examples are of class 1."""
    targets = np.arange(100) < 40
    net = MLP([2, 2, 1])
    net.loss([[0, 1]], [[0]])
    known = {"loss": 0.1201, "untrained_loss": 0.15, "last_loss": 0.1202, "steps": 1000, "steps_per_epoch": 100}
    P = np.broadcast_to(P, 100).astype(np.float32)[:, np.newaxis]
    return Ending(net, P, targets, np.ones(100), **known | others)


SPREAD = np.where(np.arange(100) % 2, 0.3, 0.4)
GOOD = np.where(np.arange(100) < 40, 0.501, 0.499)
NOTHING = {
    "one probability for all, no better than the constant": ending(),
    "which jumps from step to step": ending(loss=0.135, last_loss=0.13),
    "which the loss has just come down to": ending(loss=0.1215, last_loss=0.1225),
    "and of the examples that are right by luck none is more": ending(0.5 - 1e-6),
    "a loss that rose, whatever is right": ending(GOOD, loss=0.2, last_loss=0.2),
    "a loss that does not move": ending(SPREAD, loss=0.15, last_loss=0.15),
    "not even where the untrained network is lucky": ending(GOOD, loss=0.15, last_loss=0.15),
    "a loss that moves by less than a millionth per step": ending(SPREAD, loss=0.14999, last_loss=0.14999),
    "one class for all, and a loss that hardly falls": ending(SPREAD, loss=0.149, last_loss=0.1491),
    "one class for all, kept from an earlier epoch": ending(SPREAD, loss=0.14, last_loss=0.15, is_last=False),
    "a constant far above the best one, that rests": ending(loss=0.14, last_loss=0.1401, untrained_loss=0.18),
    "one that was kept from an earlier epoch": ending(loss=0.14, last_loss=0.145, untrained_loss=0.18, is_last=False),
}
SOMETHING = {
    "a loss that falls on average, and differences": ending(SPREAD, loss=0.14, last_loss=0.1402),
    "a loss that falls in the end, and differences": ending(SPREAD, loss=0.149, last_loss=0.15),
    "a loss that falls a little, and two classes": ending(GOOD, loss=0.149, last_loss=0.1495),
    "a loss that came back to where it was": ending(SPREAD, loss=0.15, last_loss=0.155),
    "a loss that moved little, and more is right": ending(GOOD, loss=0.149985, last_loss=0.149985),
    "one step at a low rate": ending(SPREAD, loss=0.149995, last_loss=0.15, steps=1, steps_per_epoch=1),
    "a constant on its way to the best one": ending(loss=0.14, last_loss=0.145, untrained_loss=0.18),
    "a plateau in which more is right than one class": ending(GOOD),
    "the same on validation examples": ending(beats_others=True),
    "a loss below the constant's of answers on one side": ending(SPREAD, loss=0.1),
}


@pytest.mark.parametrize("made", NOTHING.values(), ids=NOTHING)
def test_what_learned_nothing(made):
    assert made.reason is not None


@pytest.mark.parametrize("made", SOMETHING.values(), ids=SOMETHING)
def test_what_learned_something(made):
    assert made.reason is None


def test_a_network_whose_sigmoids_are_flat_is_not_on_its_way():
    falls = ending(loss=0.14, last_loss=0.145, untrained_loss=0.18)
    falls.network.parameters["b1"][...] = 100
    falls.network.loss([[0, 1]], [[0]])
    assert replace(falls).reason is not None


def of_three(P, loss, weights=(1, 1, 1)):
    """The end of a training on 60 examples of class 0, 30 of class 1 and 10 of class 2, by cross-entropy."""
    net = MLP([2, 2, 3], loss="cross_entropy")
    net.loss([[0, 1]], [[0, 1, 0]])
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    P = np.broadcast_to(np.array(P, np.float32), (100, 3))
    losses = {"loss": loss, "untrained_loss": 1.1, "last_loss": loss + 1e-5, "steps": 1000, "steps_per_epoch": 100}
    return Ending(net, P, classes, np.array(weights, float)[classes], **losses)


def test_of_three_classes_and_weights_the_best_constant_answer_counts_them():
    constant = -0.6 * math.log(0.6) - 0.3 * math.log(0.3) - 0.1 * math.log(0.1)
    assert f"no better than the best constant answer's, {constant:.4g}, and every example gets the same" in str(
        of_three([0.6, 0.3, 0.1], constant).reason
    )
    some = np.repeat([[0.6, 0.3, 0.1]], 100, axis=0)
    some[95:] = 0.1, 0.3, 0.6
    assert of_three(some, constant - 0.1).reason is None
    # Of class 2 a tenth is found, at the cost of two of class 0: fewer are right, but in weight it is more.
    rare = np.repeat([[0.6, 0.3, 0.1]], 100, axis=0)
    rare[[0, 1, 99]] = 0.1, 0.3, 0.6
    assert of_three(rare, 1.0999).reason is not None
    assert of_three(rare, 1.0998, weights=(1, 1, 6.0)).reason is None


def test_a_network_whose_relu_units_are_dead_is_told_to_take_smaller_steps():
    made = ending(loss=0.14, last_loss=0.145, untrained_loss=0.18)
    made = replace(made, network=(net := MLP([2, 2, 1], activation="relu")))
    net.parameters["b1"][...] = -1
    net.loss([[0, 0.5]], [[0]])
    assert made.reason is not None
    assert made.advice(Training(learning_rate=3.0), 0)[0].startswith("a lower training.learning_rate than 3: ")


def test_the_advised_rate_suits_the_optimizer_and_the_activation():
    still = ending(SPREAD, loss=0.15, last_loss=0.15)
    advice = still.advice(Training(learning_rate=1e-9, optimizer="adam"), 0)
    assert advice[0] == "a higher training.learning_rate than 1e-09, such as 0.001"
    still = replace(still, network=MLP([2, 2, 1], activation="tanh"))
    assert still.advice(Training(learning_rate=1e-9), 0)[0].endswith("such as 0.1")


def test_the_advice_to_train_longer_says_what_it_takes():
    made = ending()
    epochs = made.steps // made.steps_per_epoch

    def advice(**options):
        return "; ".join(made.advice(Training(**options), good_epochs=2))

    assert f"more training.epochs than {epochs}: a resumed run continues" in advice(epochs=epochs)
    assert "training.epochs=2: the same run" in advice(epochs=epochs)
    # The rates of a cosine depend on the number of epochs: neither more nor fewer give the same run.
    assert f"more training.epochs than {epochs}: in a new run" in advice(epochs=epochs, schedule="cosine")
    assert "the same run" not in advice(epochs=epochs, schedule="cosine")
    patient = advice(epochs=epochs + 1, patience=1)
    assert "more training.patience than 1, which ended the run, in a new run" in patient
    assert "more training.epochs" not in patient


def test_class_weights_that_make_steps_larger_are_named():
    told = "smaller numbers than 1000 in training.class_weight: they scale the steps"
    for advice in (ending().advice, divergence.advice):
        assert told in advice(Training(class_weight=(1.0, 1000.0)), 0)
        assert not any("class_weight" in text for text in advice(Training(class_weight=(1.0, 0.1)), 0))


def test_class_weights_that_make_steps_tiny_are_named_where_the_loss_stands_still():
    still = ending(SPREAD, loss=0.15, last_loss=0.15)
    told = "larger numbers than 1e-06 in training.class_weight: they scale the steps"
    assert still.advice(Training(class_weight=(1e-6, 1e-7)), 0)[0] == told
    assert told not in ending().advice(Training(class_weight=(1e-6, 1e-7)), 0)
    assert not any("class_weight" in text for text in still.advice(Training(class_weight=(1.0, 1e-7)), 0))


def test_the_reason_names_both_losses():
    made = ending()
    assert made.reason is not None
    assert "0.1201, is no better than the best constant answer's, 0.12, and every example" in made.reason


def test_the_first_advice_is_the_likeliest_cure():
    def first(made, **options):
        return made.advice(Training(**options), 0)[0]

    still = ending(SPREAD, loss=0.15, last_loss=0.15)
    assert first(still, learning_rate=1e-9) == "a higher training.learning_rate than 1e-09, such as 1"
    assert first(ending(), weight_decay=0.9).startswith("a lower training.weight_decay than 0.9: ")
    deep = replace(ending(), network=MLP([2, 3, 3, 1]))
    assert first(deep).startswith("fewer than 2 hidden layers in model.hidden_sizes: ")
    assert first(ending()).startswith("more training.epochs than 10: ")
    assert first(ending(loss=0.2, last_loss=0.2), learning_rate=300).startswith(
        "a lower training.learning_rate than 300: "
    )


def test_where_it_began_is_the_epoch_behind_the_last_good_one():
    assert standstill.standing_since([0.13, 0.12, 0.12], 0.12) == 1
    assert standstill.standing_since([0.13, 0.1, 0.12, 0.12], 0.12) == 3
    assert standstill.standing_since([0.13, 0.1], 0.12) == 2


def trained(images, fraction=0.2, loss="euclidean", **options):
    """A trainer after its last epoch, before ``check_ending``."""
    training = Training(**options)
    random = generator(training.seed, Stream.WEIGHTS)
    made = MLP([images.inputs, 4, 1], precision=training.precision, generator=random, loss=loss)
    trainer = Trainer(made, *images.split(fraction, generator(0, Stream.SPLIT)), training)
    while len(trainer.history) < training.epochs:
        trainer.run_epoch()
    return trainer


@pytest.fixture(scope="module")
def digits(training_digits):
    return training_digits.first_of_each(60)


@pytest.mark.parametrize(
    ("rate", "precision"), [(1e-9, "float32"), (1e-9, "float64"), (1e-40, "float32"), (1e-300, "float64")]
)
def test_weights_that_do_not_move_are_refused(digits, rate, precision):
    """For any number of epochs, and also if the untrained network happens to be right more often than not."""
    for seed in range(3):
        with pytest.raises(
            Diverged, match=r"learned nothing from epoch 1, step 1 on: .*a higher training.learning_rate"
        ):
            trained(digits, learning_rate=rate, epochs=3, precision=precision, seed=seed).check_ending()


@pytest.mark.parametrize("fraction", [0, 0.2])
@pytest.mark.parametrize("options", [{"learning_rate": 0.01}, {"learning_rate": 0.001}, {"batch_size": 10**6}, {}])
def test_a_short_run_is_not(digits, options, fraction):
    for seed in range(3):
        trained(digits, fraction=fraction, epochs=1, seed=seed, **options).check_ending()


def test_nor_is_one_of_two_images(digits):
    trained(digits.first_of_each(1), fraction=0, learning_rate=0.01, epochs=1).check_ending()


def test_decay_that_takes_all_weights_away_is_refused(digits):
    with pytest.raises(Diverged, match=r"the best constant answer's.*try a lower training.weight_decay than 0.9;?"):
        trained(digits, weight_decay=0.9, batch_size=4).check_ending()


@pytest.mark.parametrize("pixel", [0, 255])
def test_images_that_are_all_alike_are_refused(tmp_path, pixel):
    folder = write_folder(tmp_path / "alike", [0, 1, 1] * 10, [0, 1])
    idx.write(folder / "train-images-idx3-ubyte", np.full((30, 4, 4), pixel, np.uint8))
    with pytest.raises(Diverged, match="every example gets the same probability") as refused:
        trained(dataset.load(folder, "training", (0, 1)), epochs=9, batch_size=4).check_ending()
    assert refused.value.report["constant_loss"] == pytest.approx(1 / 9)
    assert any("images that look the same" in text for text in refused.value.report["try"])


def test_the_verdict_is_the_same_after_it_was_broken_off(digits):
    """The evaluation that is interrupted is simply repeated."""
    first, second = (trained(digits, learning_rate=1e-9, epochs=1) for _ in range(2))

    def stop():
        raise Interrupted(2)

    with pytest.raises(Interrupted):
        first.check_ending(stop)
    second.restore(first.state())
    reports = []
    for trainer in (first, second):
        with pytest.raises(Diverged) as refused:
            trainer.check_ending()
        reports.append(refused.value.report)
    assert reports[0] == reports[1]


def test_a_step_that_makes_the_last_loss_infinite_is_noticed(digits):
    """Without validation images no loss is computed after it."""
    trainer = trained(digits, fraction=0, loss="cross_entropy", epochs=1, batch_size=10**6)
    trainer._best_block[...] = 3e38
    with pytest.raises(Diverged, match=r"diverged in epoch 1, step 1: the training loss after it is (nan|inf)"):
        trainer.check_ending()


def test_a_run_that_learns_nothing_says_where_and_goes_on_from_its_checkpoint(here, tmp_path):
    run, whole = tmp_path / "run", tmp_path / "whole"
    done = here("train.py", "--output", run, "--set", "training.epochs=2", *DEEP)
    assert (done.returncode, done.stdout) == (3, "")
    message = done.stderr.splitlines()[-1]
    assert message.startswith("error: training learned nothing from epoch 1, step 1 on: the training loss, 0.1")
    assert message.endswith(f": details in {run / 'divergence.json'}")
    assert {path.name for path in run.iterdir()} == {
        *("config.yaml", "manifest.json", "history.csv", "divergence.json"),
        *("checkpoint.npz", "checkpoint.previous.npz"),
    }
    assert json.loads((run / "manifest.json").read_text())["status"] == "diverged"
    report = (run / "divergence.json").read_text()
    assert json.loads(report)["kind"] == "learned nothing"
    again = here("train.py", "--resume", run)
    assert (again.returncode, again.stderr) == (3, f"{message}\n")
    assert (run / "divergence.json").read_text() == report
    more = here("train.py", "--resume", run, "--set", "training.epochs=30")
    assert here("train.py", "--output", whole, "--set", "training.epochs=30", *DEEP).returncode == 0
    assert more.returncode == 0, more.stderr
    assert not (run / "divergence.json").exists()
    assert (run / "model.npz").read_bytes() == (whole / "model.npz").read_bytes()
