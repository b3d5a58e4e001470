"""Promises of mlp.training.step: a block of steps does what the network's own passes and an optimizer do."""

import numpy as np
import pytest

from mlp.config import Training
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.optimizers import OPTIMIZERS
from mlp.training.active_inputs import OrderedParameters
from mlp.training.step import MAX_STEPS, StepPlan, StepPlans

INPUTS = 9
OPTIONS = {
    "sgd": {},
    "momentum and decay": {"momentum": 0.9, "weight_decay": 0.01},
    "a rate too small to be a factor": {"learning_rate": 1e-4},
    "adam": {"optimizer": "adam", "learning_rate": 0.01, "weight_decay": 0.01},
}


def network(sizes=(6, 1), loss="euclidean", activation="sigmoid", weights=None, precision="float64"):
    random = np.random.default_rng(0)
    made = MLP(
        [INPUTS, *sizes], precision=precision, generator=random, loss=loss, activation=activation, class_weights=weights
    )
    for name in made.shapes:
        if name.startswith("b"):
            made.parameters[name][...] = random.normal(0, 0.3, made.shapes[name])
    return made


def block(made, steps, n, dtype=np.uint8):
    """Rows, classes and weights of a block of examples."""
    random = np.random.default_rng(steps)
    rows = random.integers(0, 256, (steps, n, INPUTS)).astype(np.uint8)
    rows = rows if dtype == np.uint8 else random.normal(size=rows.shape).astype(dtype)
    return rows, random.integers(0, made.classes, steps * n), random.uniform(0.5, 2, steps * n)


def plan_of(made, length, n, dtype=np.uint8, **options):
    parameters = OrderedParameters(made, np.arange(INPUTS), Training(**{"learning_rate": 0.5} | options))
    parameters.load()
    return parameters, StepPlan(parameters, length, n, dtype)


def check_block(made, n, steps=3, dtype=np.uint8, sample_weights=False, **options):
    """A block of steps beside the same steps, one by one, by the network's own passes and an optimizer."""
    plain = made.copy("float64")
    parameters, plan = plan_of(made, steps, n, dtype, **options)
    rows, classes, weights = block(made, steps, n, dtype)
    plan.rows[...] = rows
    plan.set_classes(classes, weights if sample_weights else None)
    plan.run(steps)
    parameters.count_steps(steps)
    parameters.store()
    training = Training(**{"learning_rate": 0.5} | options)
    kind = OPTIMIZERS[training.optimizer]
    rates = {name: getattr(training, name) for name in kind.rates}
    optimizer = kind(plain.parameter_block, plain.gradient_block, **rates)
    errors = 0
    for step in range(steps):
        batch, part = plain.batch(n), slice(step * n, (step + 1) * n)
        batch.X[...] = rows[step] / (255 if dtype == np.uint8 else 1)
        batch.set_classes(classes[part], weights[part] if sample_weights else None)
        assert plan.losses(steps)[step] == pytest.approx(batch.loss(), rel=1e-12)
        batch.backward()
        assert plan.norms(steps)[step] == pytest.approx(np.linalg.norm(plain.gradient_block), rel=1e-11)
        errors += np.count_nonzero(predicted(batch.P) != classes[part])
        optimizer.step()
    assert plan.errors(steps) == errors
    np.testing.assert_allclose(made.parameter_block, plain.parameter_block, rtol=1e-11, atol=1e-13)


def predicted(P):
    """By hand: class 1 from 1/2 on, else the most probable class."""
    return (P[:, 0] >= 0.5) * 1 if P.shape[1] == 1 else np.argmax(P, axis=1)


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(1,), (3,), (6, 1), (6, 4, 1), (6, 5, 4)], ids=str)
def test_a_block_of_steps_is_the_steps_of_the_network_itself(sizes, activation, loss, n):
    check_block(network(sizes, loss, activation), n)


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("sizes", [(1,), (6, 4)], ids=str)
def test_with_any_optimizer(sizes, name):
    check_block(network(sizes), 4, steps=6, **OPTIONS[name])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", [(6, 1), (6, 3)], ids=str)
@pytest.mark.parametrize("sample_weights", [False, True])
def test_with_weights_of_classes_and_of_examples(sizes, loss, sample_weights):
    weights = (0.5, 2.0, 1.5)[: max(2, sizes[-1])]
    check_block(network(sizes, loss, weights=weights), 5, sample_weights=sample_weights)


@pytest.mark.parametrize("sizes", [(3,), (6, 3)], ids=str)
def test_scores_of_any_size_have_a_finite_loss(sizes):
    """The factor 1/255 of the pixels must not round the scores before their largest one is subtracted."""
    made = network(sizes, "cross_entropy", "relu")
    made.parameter_block *= 1e20
    check_block(made, 50, steps=1)


def test_rows_of_numbers_are_taken_as_they_are():
    check_block(network((6, 1)), 5, dtype=np.float64)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_bits_do_not_depend_on_the_blocks(loss, options):
    """In float32: blocks of 6 steps, of 4 and 2, and single steps as two parts."""
    found = []
    for lengths in ((6,), (4, 2), (1,) * 6):
        made = network((6, 10), loss, precision="float32")
        rows, classes, _ = block(made, 6, 5)
        parameters, plan = plan_of(made, max(lengths), 5, **options)
        done, errors, figures = 0, 0, []
        for steps in lengths:
            plan.rows[:steps] = rows[done : done + steps]
            plan.set_classes(classes[5 * done : 5 * (done + steps)])
            if steps == 1:
                plan.run_passes()
                plan.run_update()
            else:
                plan.run(steps)
            parameters.count_steps(steps)
            figures += zip(plan.losses(steps), plan.norms(steps), strict=True)
            errors += plan.errors(steps)
            done += steps
        parameters.store()
        found.append((made.parameter_block.tobytes(), figures, errors))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("rate", [1e-30, 1e-3, 1000.0])
def test_the_norm_of_a_gradient_does_not_depend_on_the_rate(rate):
    """In float32, where the squares of a gradient times a tiny rate are 0."""
    made = network(precision="float32")
    plain = made.copy("float32")
    _, plan = plan_of(made, 1, 5, learning_rate=rate)
    rows, classes, _ = block(made, 1, 5)
    plan.rows[...] = rows
    plan.set_classes(classes)
    plan.run_passes()
    batch = plain.batch(5)
    batch.X[...] = rows[0] / 255
    batch.set_classes(classes)
    batch.loss()
    batch.backward()
    assert plan.norms(1)[0] == pytest.approx(float(np.linalg.norm(plain.gradient_block)), rel=1e-5)


def test_the_passes_change_no_parameter():
    made = network()
    parameters, plan = plan_of(made, 1, 5)
    rows, classes, _ = block(made, 1, 5)
    plan.rows[...] = rows
    plan.set_classes(classes)
    before = parameters.optimizer.A.copy()
    for _ in range(2):
        plan.run_passes()
        assert parameters.optimizer.A.tobytes() == before.tobytes()
    plan.run_update()
    assert parameters.optimizer.A.tobytes() != before.tobytes()


@pytest.mark.parametrize("weights", [None, (0.5, 2.0, 3.0)])
@pytest.mark.parametrize("sizes", [(3,), (6, 3)], ids=str)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_alone_is_that_of_the_passes_and_needs_no_gradient(loss, sizes, weights):
    """The check before training needs it often: a large network's gradients take most of the time."""
    made = network(sizes, loss, weights=weights)
    parameters, plan = plan_of(made, 1, 5)
    plan.rows[...], classes, _ = block(made, 1, 5)
    plan.set_classes(classes)
    parameters.gradient_block[...] = 7
    alone = plan.loss()
    assert (parameters.gradient_block == 7).all()
    plan.run_passes()
    assert plan.losses(1) == [alone]


@pytest.mark.parametrize(
    ("loss", "sizes", "most"),
    [("euclidean", (32, 1), 27), ("cross_entropy", (32, 1), 24), ("euclidean", (30, 10), 27)],
    ids=str,
)
def test_a_step_makes_no_more_calls_than_these(loss, sizes, most):
    _, plan = plan_of(network(sizes, loss), 2, 32)
    assert len(plan.calls) <= 2 * most


def test_constant_factors_act_on_small_arrays():
    """Nothing is divided by 255, or by n, or multiplied by the rate, that is as large as X or W1."""
    made = MLP([100, 20, 1], generator=np.random.default_rng(0))
    parameters = OrderedParameters(made, np.arange(100), Training(learning_rate=0.5))
    plan = StepPlan(parameters, 1, 50)
    large = [bound.func for bound in plan.calls if bound.args[-1].size >= 2000]
    assert large == [np.copyto, np.dot, np.subtract]  # the conversion, dW1 with db1, the update


def test_blocks_are_short_where_steps_are_long():
    """Signals wait for the end of a block."""
    made = network()
    parameters = OrderedParameters(made, np.arange(INPUTS), Training())
    plans = StepPlans(parameters, 32)
    assert plans[32].length == MAX_STEPS
    assert plans[7].length == 1  # the short last batch
    assert plans[32] is plans[32]
    assert StepPlans(parameters, 10**6)[10**6].length == 1


def test_each_call_of_the_passes_has_the_name_of_what_it_computes():
    _, plan = plan_of(network((6, 1)), 1, 5)
    assert len(plan.computed) == len(plan.passes)
    names = ["X", "Z1", "Z3", "Z4", "Z5", "P", "dP", "dZ5", "db2", "dW2", "dW1", "norm"]
    assert list(dict.fromkeys(plan.computed)) == names


@pytest.mark.parametrize("loss", LOSSES)
def test_logits_at_which_exp_overflows_give_the_loss_and_the_gradients_of_the_gates(loss):
    """Where the sigmoid's gate has 1e-38, P is 0; overflow is ignored, as in training, and nothing else is amiss."""
    made = network(loss=loss, precision="float32")
    made.parameters["b1"][:3], made.parameters["b2"][...] = -1e4, -200
    plain = made.copy("float32")
    parameters, plan = plan_of(made, 2, 5)
    rows, classes, _ = block(made, 2, 5)
    plan.rows[...] = rows
    plan.set_classes(classes)
    with np.errstate(all="raise", over="ignore", under="ignore"):
        plan.run(2)
    batch = plain.batch(5)
    batch.X[...] = rows[0] / 255
    batch.set_classes(classes[:5])
    assert plan.losses(1)[0] == pytest.approx(batch.loss(), rel=1e-6)
    batch.backward()
    assert plan.norms(1)[0] == pytest.approx(float(np.linalg.norm(plain.gradient_block)), rel=1e-5, abs=1e-30)
    assert np.isfinite(parameters.optimizer.A).all()
