"""Promises of mlp.training.divergence: a run that has failed is noticed, and the report says where it went wrong."""

from dataclasses import replace

import numpy as np
import pytest

from mlp.config import Training
from mlp.data import dataset
from mlp.network import MLP
from mlp.system.errors import Diverged, Interrupted
from mlp.training import divergence
from mlp.training.loop import Trainer
from mlp.training.random_streams import Stream, generator
from tests.conftest import by_single_steps, write_folder


@pytest.mark.parametrize(
    ("losses", "epochs", "given_up"),
    [
        ([0.2], 5, False),
        ([0.2, 0.2], 5, False),
        ([0.2, 0.2, 0.2], 5, True),
        ([0.2, 0.1, 0.2], 5, False),
        ([0.1, 0.2, 0.2, 0.2], 5, True),
        ([0.2, 0.2, 0.2, 0.1], 5, False),
        ([0.2, 0.1], 2, False),
        ([0.1, 0.2], 2, True),
        ([0.2], 1, True),
        ([0.12], 1, False),
    ],
)
def test_three_epochs_running_or_the_last_one(losses, epochs, given_up):
    assert divergence.given_up(losses, 0.12, is_last=len(losses) == epochs) is given_up


def test_what_float32_rounds_is_not_above():
    """With a rate near 0 the loss changes only in its last bits."""
    assert not divergence.is_above(np.float32(0.12) * np.float32(1 + 3e-7), 0.12)
    assert divergence.is_above(0.1201, 0.12)


def network(**weights):
    made = MLP([2, 2, 1])
    for name, value in weights.items():
        made.parameters[name][...] = value
    made.loss([[1, 0], [0, 1]], [[0], [1]])
    return made


def test_the_first_array_that_is_not_finite_is_named_with_its_gate():
    with np.errstate(all="ignore"):
        assert divergence.first_not_finite(network(W1=[[np.inf, 0], [0, 0]])) == (divergence.UPDATE, "W1")
        assert divergence.first_not_finite(network(W1=3e38, b1=3e38)) == ("add", "Z2")
        assert divergence.first_not_finite(network(W2=3e38, b1=100)) == ("matmul", "Z4")


def test_so_is_a_gradient():
    made = network(b1=1)
    made.backward()
    made.gradients["W1"][0, 0] = np.nan
    assert divergence.first_not_finite(made) == ("matmul", "dW1")


def test_where_a_norm_alone_is_not_finite_it_is_the_largest():
    made = network()
    made.backward()
    made.gradients["W2"][0] = 1e30
    assert divergence.first_not_finite(made) == ("matmul", "dW2")


def test_a_flat_sigmoid_is_suspected_before_the_loss():
    assert divergence.suspect(network()) == ("euclidean loss", "E")
    assert divergence.suspect(network(b2=100)) == ("sigmoid", "P")
    assert divergence.suspect(network(b1=-100)) == ("sigmoid", "Z3")
    assert divergence.saturated(network(b1=[-100, 0])) == {"Z3": 0.5, "P": 0.0}


def of_activation(name, b1):
    """A 2-2-1 network with this activation and these biases, after two examples; its inputs add 0 and 1 to them."""
    made = MLP([2, 2, 1], precision="float32", activation=name)
    made.parameters["W1"][0], made.parameters["b1"][...] = 1, b1
    made.loss([[1, 0], [0, 1]], [[0], [1]])
    return made


def test_a_tanh_is_saturated_at_either_end_by_the_same_share_of_its_slope():
    """1 - tanh(z)^2 is 0.039 at z = 2.3 and 0.042 at 2.26."""
    assert divergence.saturated(of_activation("tanh", [2.3, -3.3])) == {"Z3": 1.0, "P": 0.0}
    assert divergence.saturated(of_activation("tanh", [2.26, 0])) == {"Z3": 0.25, "P": 0.0}
    assert divergence.suspect(of_activation("tanh", [5, -5])) == ("tanh", "Z3")


def test_a_relu_is_dead_if_it_is_0_for_every_example():
    assert divergence.saturated(of_activation("relu", [-0.5, 3])) == {"Z3": 0.0, "P": 0.0}
    assert divergence.saturated(of_activation("relu", [-1.5, 3])) == {"Z3": 0.5, "P": 0.0}
    assert divergence.suspect(of_activation("relu", [-1.5, -2])) == ("relu", "Z3")
    assert divergence.suspect(of_activation("relu", [-0.5, -2])) == ("euclidean loss", "E")


def test_the_optimizer_is_named_where_its_update_is_the_cause(tmp_path):
    for optimizer in ("sgd", "adam"):
        made = trainer(tmp_path, learning_rate=1.0, optimizer=optimizer)
        made.network.parameters["W1"][...] = np.inf
        _, report = run(made)
        assert (report["gate"], report["array"]) == (optimizer, "W1")


def test_the_norms_are_euclidean():
    assert divergence.norms(network(W2=[[3], [4]]))["W2"] == 5


def trainer(tmp_path, **options):
    images = dataset.load(write_folder(tmp_path / "made", [0, 1] * 40, [0, 1]), "training", (0, 1))
    training = Training(**options)
    made = MLP([16, 4, 1], precision=training.precision, generator=generator(training.seed, Stream.WEIGHTS))
    return Trainer(made, *images.split(0.2, generator(0, Stream.SPLIT)), training)


def run(made):
    with pytest.raises(Diverged) as diverged:  # noqa: PT012 - which epoch it is in is what is tested
        while len(made.history) < made.options.epochs:
            made.run_epoch()
    return str(diverged.value), diverged.value.report


def test_a_rate_that_saturates_is_noticed_after_three_epochs(tmp_path):
    made = trainer(tmp_path, learning_rate=1000, epochs=9)
    message, report = run(made)
    assert len(made.history) == 3
    assert message.startswith("training diverged in epoch 1, step 2: the training loss, 0.")
    assert message.endswith("lower training.learning_rate (1000) to 1, for example")
    assert (report["epoch"], report["step"], report["gate"], report["array"]) == (1, 2, "sigmoid", "Z3")
    assert report["untrained_loss"] < made.history[-1].train_loss
    assert report["last_finite"]["epoch"] == 3
    assert set(report["last_finite"]["parameter_norms"]) == {"W1", "b1", "W2", "b2"}
    assert report["try"] == ["a lower training.learning_rate than 1000: 100, then 10"]
    assert made.progress.good_epochs == 0


def test_with_adam_and_the_default_rate_the_message_names_a_usual_one(tmp_path):
    message, _ = run(trainer(tmp_path, optimizer="adam", epochs=9))
    assert message.endswith("lower training.learning_rate (1) to 0.001, for example")


def test_what_to_try_names_each_option_that_may_be_at_fault():
    options = Training(learning_rate=3.0, momentum=0.9, weight_decay=0.1)
    rate, momentum, decay, epochs = divergence.advice(options, good_epochs=7)
    assert rate == "a lower training.learning_rate than 3: 0.3, then 0.03"
    assert momentum.startswith("a lower training.momentum than 0.9: ")
    assert decay.startswith("a lower training.weight_decay than 0.1: ")
    assert epochs.startswith("training.epochs=7: ")


def test_epochs_that_were_good_before_are_counted(tmp_path):
    made = trainer(tmp_path, learning_rate=0.1, epochs=6, batch_size=8)
    for _ in range(2):
        made.run_epoch()
    made.options = made.options.model_copy(update={"learning_rate": 1000.0})
    _, report = run(made)
    assert made.progress.good_epochs == 2
    assert report["epoch"] == 3
    assert any(text.startswith("training.epochs=2: ") for text in report["try"])


def test_a_rate_so_low_that_nothing_moves_is_no_divergence(tmp_path):
    """``check_ending`` finds it after the last epoch."""
    made = trainer(tmp_path, learning_rate=1e-12, epochs=4)
    for _ in range(4):
        made.run_epoch()


@pytest.mark.parametrize("options", [{"momentum": 0.9}, {"optimizer": "adam", "learning_rate": 1e3}, {}], ids=str)
def test_a_block_of_steps_tells_the_same_as_single_steps(tmp_path, options):
    """The step that is not finite is found by repeating the steps of its block, and its weights are those before it."""
    options = {"learning_rate": 1000.0, "weight_decay": 1000.0, "batch_size": 4, "epochs": 9} | options
    whole, single = trainer(tmp_path, **options), by_single_steps(trainer(tmp_path, **options))
    assert whole.plans[4].length >= 16
    message, report = run(whole)
    assert (message, report) == run(single)
    assert report["step"] > 1
    first, second = (
        (
            [replace(row, seconds=0) for row in of.history],
            replace(of.current, seconds=0),
            of.last_finite,
            of.above_since,
        )
        for of in (whole.progress, single.progress)
    )
    assert first == second
    assert whole.network.parameter_block.tobytes() == single.network.parameter_block.tobytes()


@pytest.mark.parametrize("stopped_at", [0, 1, 5, 7])
def test_a_run_that_was_resumed_tells_the_same_when_it_diverges(tmp_path, stopped_at):
    """Decay that makes the weights grow: after some dozen steps they are infinite, and saturated long before."""
    options = {"learning_rate": 1000.0, "weight_decay": 1.0, "batch_size": 16, "epochs": 9}
    whole, first, second = (trainer(tmp_path, **options) for _ in range(3))
    by_single_steps(first)

    def stop(steps):
        if first.steps == stopped_at:
            raise Interrupted(2)

    if stopped_at:
        with pytest.raises(Interrupted):  # noqa: PT012 - in which epoch it is does not matter
            while True:
                first.run_epoch(stop)
    second.restore(first.state())
    message, report = run(second)
    assert (message, report) == run(whole)
    assert report["saturated"]["P"] == 1
    assert report["step"] > 1 or report["epoch"] > 1
