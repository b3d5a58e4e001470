"""Promises of mlp.training.loop: it learns, it repeats bit for bit, it keeps the best, it notices divergence."""

from dataclasses import replace

import numpy as np
import pytest

from mlp.config import Data, Model, Training
from mlp.data import dataset
from mlp.evaluation import Evaluation, evaluate
from mlp.network import MLP, BatchBuffers
from mlp.system.errors import Diverged, Interrupted
from mlp.training import divergence
from mlp.training.loop import Trainer
from mlp.training.random_streams import Stream, generator
from mlp.training.step import StepPlan
from tests.conftest import by_single_steps, write_folder


def trainer(training_set, validation_set=None, *, hidden=(8,), loss="euclidean", **options):
    options = Training(**options)
    network = MLP(
        [training_set.inputs, *hidden, 1],
        precision=options.precision,
        generator=generator(options.seed, Stream.WEIGHTS),
        loss=loss,
    )
    empty = training_set.first_of_each(0)
    return Trainer(network, training_set, validation_set or empty, options)


def test_the_default_network_makes_one_or_two_errors_on_the_test_digits(training_digits, test_digits, request):
    """The median over the first seeds; the defaults are those of config.yaml."""
    errors = []
    for seed in range(10 if request.config.getoption("--all-trials") else 3):
        split = training_digits.split(Data().validation_fraction, generator(seed, Stream.SPLIT))
        run = trainer(*split, hidden=Model().hidden_sizes, seed=seed)
        for _ in range(run.options.epochs):
            run.run_epoch()
        run.network.parameter_block[...] = np.concatenate([array.ravel() for array in run.best_parameters().values()])
        errors.append(len(evaluate(run.network, test_digits).mistakes))
    assert errors[0] <= 3
    assert np.median(errors) <= 2


@pytest.fixture
def made(tmp_path):
    """Three hundred made-up images whose first pixel tells the class: (training, validation)."""
    images = dataset.load(write_folder(tmp_path / "many", [0, 1] * 150, [0, 1]), "training", (0, 1))
    return images.split(0.2, np.random.default_rng(0))


def test_by_cross_entropy_it_learns_at_the_same_rate(training_digits, test_digits):
    run = trainer(training_digits, hidden=Model().hidden_sizes, loss="cross_entropy")
    losses = [run.run_epoch().train_loss for _ in range(3)]
    assert losses == sorted(losses, reverse=True)
    evaluation = evaluate(run.network, test_digits)
    assert len(evaluation.mistakes) <= 5
    P = evaluation.probabilities[np.arange(len(test_digits)), test_digits.targets]
    assert evaluation.loss == pytest.approx(-np.mean(np.log(P)), rel=1e-3)


def test_twenty_examples_are_learned_to_zero_loss(training_digits):
    run = trainer(training_digits.first_of_each(10), epochs=400, batch_size=5, learning_rate=3.0)
    for _ in range(400):
        last = run.run_epoch()
    assert last.train_loss < 1e-4
    assert last.train_accuracy == 1


def test_one_epoch_on_made_images_lowers_the_loss(made):
    run = trainer(*made)
    before = evaluate(run.network, made[0]).loss
    run.run_epoch()
    assert evaluate(run.network, made[0]).loss < before


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "weight_decay": 1e-4}, {"precision": "float64"}])
def test_one_seed_gives_the_same_bits_and_another_others(made, options):
    blocks = []
    for seed in (3, 3, 4):
        run = trainer(*made, seed=seed, batch_size=7, **options)
        for _ in range(3):
            run.run_epoch()
        blocks.append(run.network.parameter_block)
    assert blocks[0].tobytes() == blocks[1].tobytes()
    assert blocks[0].tobytes() != blocks[2].tobytes()


def test_the_history_tells_what_happened(made):
    """Every figure of a row, computed again with a plain loop."""
    training_set, validation_set = made
    run = trainer(training_set, validation_set, batch_size=7, learning_rate=0.3, precision="float64", seed=5)
    plain = run.network.copy("float64")
    row = run.run_epoch()
    order = generator(5, Stream.SHUFFLE, 1).permutation(len(training_set))
    losses, rights, norms, sizes = [], [], [], []
    X, Y = training_set.arrays("float64")
    for start in range(0, len(order), 7):
        batch = order[start : start + 7]
        losses.append(plain.loss(X[batch], Y[batch]))
        rights.append(np.mean((plain.predict(X[batch]) >= 0.5) == Y[batch]))
        plain.loss(X[batch], Y[batch])
        plain.backward()
        norms.append(np.sqrt(sum(np.sum(gradient**2) for gradient in plain.gradients.values())))
        sizes.append(len(batch))
        plain.parameter_block -= 0.3 * plain.gradient_block
    assert sizes[-1] == 2  # the short last batch is there
    assert row.epoch == 1
    assert row.train_loss == pytest.approx(np.average(losses, weights=sizes), rel=1e-12)
    assert row.train_accuracy == pytest.approx(np.average(rights, weights=sizes), rel=1e-12)
    assert row.gradient_norm == pytest.approx(np.mean(norms), rel=1e-12)
    assert row.learning_rate == 0.3
    X, Y = validation_set.arrays("float64")
    assert row.validation_loss == pytest.approx(np.mean((plain.predict(X) - Y) ** 2) / 2, rel=1e-12)
    assert row.validation_accuracy == pytest.approx(np.mean((plain.predict(X) >= 0.5) == Y), rel=1e-12)
    assert run.history == [row]


def test_the_weights_kept_are_those_of_the_best_validation_loss(made):
    run = trainer(*made, batch_size=4, learning_rate=4.0)
    blocks = []
    for _ in range(12):
        run.run_epoch()
        blocks.append(run.network.parameter_block.copy())
    losses = [row.validation_loss for row in run.history]
    assert run.progress.best_epoch == 1 + losses.index(min(losses))
    assert run.progress.best_epoch < 12  # else this test shows nothing
    best = run.network.views(blocks[run.progress.best_epoch - 1])
    for name, parameter in run.best_parameters().items():
        np.testing.assert_array_equal(parameter, best[name])
    assert run.progress.best.validation_loss == min(losses)


def test_a_state_holds_all_that_is_needed_to_go_on_from_any_step(made):
    """The best epoch is the tenth: a state from the eleventh must bring its weights along."""
    whole = trainer(*made, batch_size=4, learning_rate=4.0, momentum=0.1)
    for _ in range(12):
        whole.run_epoch()
    assert 1 < whole.progress.best_epoch < 11  # else this test shows nothing
    for epochs, steps in ((1, 0), (whole.progress.best_epoch, 3), (11, 0), (11, whole.steps_per_epoch)):
        first, second = (trainer(*made, batch_size=4, learning_rate=4.0, momentum=0.1) for _ in range(2))

        by_single_steps(first)

        def stop(_, run=first, at=epochs * whole.steps_per_epoch + steps):
            if run.steps == at:
                raise Interrupted(2)

        with pytest.raises(Interrupted):  # noqa: PT012 - in which epoch it is raised is the case
            while True:
                first.run_epoch(stop)
        second.restore(first.state())
        while len(second.history) < 12:
            second.run_epoch()
        assert second.network.parameter_block.tobytes() == whole.network.parameter_block.tobytes()
        for name, best in whole.best_parameters().items():
            np.testing.assert_array_equal(second.best_parameters()[name], best)


def test_what_only_looks_at_images_can_be_broken_off_after_each_block(made, monkeypatch):
    """The untrained network on 240 images and the validation on 60, in blocks of 50."""
    monkeypatch.setattr("mlp.network.BLOCK_ROWS", 50)
    blocks = []
    run = trainer(*made)
    run.run_epoch(after_block=lambda: blocks.append(1))
    assert len(blocks) == 5 + 2


def test_what_breaks_off_the_computing_of_a_step_leaves_it_to_be_taken_again(made):
    """A step that is a block of its own is interrupted; a run that takes the steps in blocks gets the same bits."""
    whole, broken = trainer(*made), by_single_steps(trainer(*made))
    whole.run_epoch()

    class Stop:
        left = 3

        def __enter__(self):
            self.left -= 1

        def __exit__(self, *_):
            if self.left == 0:
                raise Interrupted(2)

    broken.computing = Stop()
    with pytest.raises(Interrupted):
        broken.run_epoch()
    assert broken.progress.current.steps == 2
    broken.run_epoch()
    assert broken.network.parameter_block.tobytes() == whole.network.parameter_block.tobytes()


def test_weights_that_are_not_finite_are_no_state_to_go_on_from(made):
    run = trainer(*made)
    run.run_epoch()
    run.network.parameter_block[0] = np.nan
    with pytest.raises(Diverged, match="a weight is no longer finite"):
        run.state()


def test_a_state_has_the_weights_of_the_step_that_it_follows(made):
    """Also in the middle of an epoch: the next batch's loss follows from it."""
    run, seen = by_single_steps(trainer(*made, batch_size=16)), []
    other = trainer(*made, batch_size=16)

    def look(_):
        other.restore(run.state())
        seen.append(other.network.parameter_block.copy())

    run.run_epoch(look)
    assert len({block.tobytes() for block in seen}) == run.steps_per_epoch
    np.testing.assert_array_equal(seen[-1], run.network.parameter_block)


def test_batches_as_large_as_you_like_are_one_step(made):
    run = trainer(*made, batch_size=10**9)
    assert run.steps_per_epoch == 1
    assert run.run_epoch().train_loss == pytest.approx(run.progress.untrained_loss, rel=1e-6)


def validation_of(losses):
    """A stand-in for ``evaluate``: a loss for the untrained network, then one for each epoch."""
    given = iter([1.0, *losses])
    return lambda network, images, after_block: Evaluation(images, np.zeros((len(images), 1)), next(given))


def test_at_a_tie_the_earliest_is_kept(made, monkeypatch):
    monkeypatch.setattr("mlp.training.loop.evaluate", validation_of([0.3, 0.2, 0.2, 0.4]))
    run = trainer(*made)
    for _ in range(4):
        run.run_epoch()
    assert run.progress.best_epoch == 2


def test_every_epoch_has_an_order_of_its_own(made, monkeypatch):
    run = trainer(made[0])
    seen, blocks = [], run.loader.blocks

    def look(*arguments):
        for pixels, targets in blocks(*arguments):
            seen[-1] += map(bytes, pixels.reshape(len(targets), -1))
            yield pixels, targets

    monkeypatch.setattr(run.loader, "blocks", look)
    for _ in range(2):
        seen.append([])
        run.run_epoch()
    assert seen[0] != seen[1]
    assert sorted(seen[0]) == sorted(seen[1]) == sorted(map(bytes, made[0].pixels()))


def test_the_seconds_are_those_of_the_training_pass_alone(made, monkeypatch):
    clock = [0.0]

    def evaluate_slowly(*arguments):
        clock[0] += 100
        return evaluate(*arguments)

    def save_slowly(_):
        clock[0] += 1000

    def take_slowly(plan, steps):
        clock[0] += steps
        take(plan, steps)

    run, take = trainer(*made, batch_size=60), StepPlan.run
    monkeypatch.setattr("mlp.training.progress.perf_counter", lambda: clock[0])
    monkeypatch.setattr("mlp.training.loop.evaluate", evaluate_slowly)
    monkeypatch.setattr(StepPlan, "run", take_slowly)
    assert run.run_epoch(save_slowly).seconds == 4


def test_without_validation_the_last_weights_are_kept(made):
    run = trainer(made[0])
    for _ in range(3):
        row = run.run_epoch()
    assert (row.validation_loss, row.validation_accuracy) == (None, None)
    assert (run.progress.best_epoch, run.progress.best) == (3, row)
    np.testing.assert_array_equal(run.best_parameters()["W1"], run.network.parameters["W1"])


def test_divergence_names_the_step_and_the_options(made):
    run = trainer(*made, learning_rate=1000.0, weight_decay=1000.0)
    with pytest.raises(Diverged, match=r"in epoch 1, step \d+: the loss is nan.*training.learning_rate \(1000\)"):
        run.run_epoch()
    assert run.history == []


def test_a_weight_that_stops_being_finite_in_the_last_step_is_noticed(made):
    run = trainer(*made, batch_size=1000, learning_rate=1000.0)
    run.network.parameter_block[0] = np.float32(3e38)
    run.parameters.optimizer.weight_decay = 1.0
    with pytest.raises(Diverged, match="epoch 1, step 1: a weight is no longer finite after it"):
        run.run_epoch()


def test_a_gradient_or_a_validation_loss_that_is_not_finite_is_noticed(made, monkeypatch):
    run = trainer(*made)
    with monkeypatch.context() as patch:
        failing(patch, run, 1)
        with pytest.raises(Diverged, match="the gradient's norm inf") as diverged:
            run.run_epoch()
    assert (diverged.value.report["gate"], diverged.value.report["array"]) == ("add", "db2")
    monkeypatch.setattr("mlp.training.loop.evaluate", validation_of([np.nan]))
    other = trainer(*made)
    evaluate(other.network, made[1])  # the stand-in above does not run the network
    with pytest.raises(Diverged, match="epoch 1, step 8: the validation loss after it is nan"):
        other.run_epoch()


@pytest.mark.parametrize(("images", "batch_size", "steps"), [(10, 32, 1), (64, 32, 2), (65, 32, 3)])
def test_every_step_is_announced(tmp_path, images, batch_size, steps):
    folder = write_folder(tmp_path / "f", ([0, 1] * 40)[:images], [0, 1])
    run = trainer(dataset.load(folder, "training", (0, 1)), batch_size=batch_size)
    seen = []
    run.run_epoch(seen.append)
    assert sum(seen) == steps == run.steps_per_epoch


@pytest.mark.parametrize("interval", [1, 4, 7])
def test_a_block_ends_where_a_checkpoint_is_due(made, interval):
    run, seen = trainer(*made, batch_size=10, checkpoint_every=f"{interval} steps"), []
    for _ in range(2):
        run.run_epoch(lambda _: seen.append(run.steps))
    assert set(range(interval, 49, interval)) <= set(seen)
    whole = trainer(*made, batch_size=10)
    for _ in range(2):
        whole.run_epoch()
    assert run.network.parameter_block.tobytes() == whole.network.parameter_block.tobytes()
    assert [replace(row, seconds=0) for row in run.history] == [replace(row, seconds=0) for row in whole.history]


def failing(monkeypatch, run, step):
    """A gradient that is not finite in a step, counted from 1."""
    right, network_backward = StepPlan.is_finite, BatchBuffers.backward
    monkeypatch.setattr(StepPlan, "is_finite", lambda plan, steps: right(plan, steps) and steps < step)
    norms = [1.0] * (step - 1) + [np.inf]
    monkeypatch.setattr(StepPlan, "norms", lambda plan, steps: norms[:steps])
    gradients = run.parameters.gradient_block
    monkeypatch.setattr(BatchBuffers, "backward", lambda batch: network_backward(batch) or gradients.fill(np.inf))


@pytest.mark.parametrize("step", [1, 3])
def test_the_step_that_is_named_is_the_one_that_was_under_way(made, monkeypatch, step):
    run = trainer(*made, batch_size=30)
    assert run.plans[30].length > 3
    untrained = divergence.norms(run.network)
    failing(monkeypatch, run, step)
    with pytest.raises(Diverged, match=f"epoch 1, step {step}: the loss is") as diverged:
        run.run_epoch()
    report = diverged.value.report
    assert report["step"] == step
    norms = report["last_finite"]["parameter_norms"]  # of the weights before that step
    assert norms == divergence.norms(run.network)
    assert (norms == untrained) == (step == 1)


def test_a_weight_that_is_not_finite_is_named(made):
    run = trainer(*made)
    run.run_epoch()
    run.network.parameters["b2"][...] = np.nan
    with pytest.raises(Diverged, match="epoch 2, step 1: a weight is no longer finite") as diverged:
        run.state()
    assert (diverged.value.report["gate"], diverged.value.report["array"]) == ("sgd", "b2")


def test_a_validation_that_is_not_finite_is_looked_at_where_it_was(made, monkeypatch):
    run = trainer(*made)
    run.run_epoch()

    def overflow(network, images, after_block):
        network.loss(np.ones((1, 16)), [[0.0]])
        network.graph.value("Z4")[...] = np.inf
        return Evaluation(images, np.zeros(len(images)), np.nan)

    monkeypatch.setattr("mlp.training.loop.evaluate", overflow)
    with pytest.raises(Diverged) as diverged:
        run.run_epoch()
    assert diverged.value.report["array"] == "Z4"
