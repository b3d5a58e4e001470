"""Promises of the playground's training, kept in a browser: from the same seed a page trains as the library does."""

from itertools import product

import numpy as np
import pytest

from mlp import config
from mlp.data import xor
from mlp.network import ACTIVATIONS, LOSSES, MLP
from mlp.optimizers import SGD
from mlp.pages import playground
from mlp.training import from_config
from mlp.training.loop import Trainer
from mlp.training.random_streams import Stream, generator
from tests.browser.conftest import page_of
from tests.conftest import write_folder
from tests.pages.untrained import untrained_run

# Trains in a worker like the page's own, once for each of the trials [options, weights, epochs].
TRAINED = """async (trials) => {
  const source = ["passes", "training"].map((id) => document.getElementById(id).textContent).join("\\n");
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  const { data, networks } = playground.facts;
  const graphs = Object.entries(networks).map(([kind, { data }]) => [kind, data]);
  worker.postMessage({ command: "open", data, networks: Object.fromEntries(graphs) });
  const found = [];
  for (const [options, weights, epochs] of trials) {
    const history = [];
    found.push(await new Promise((resolve, reject) => {
      worker.onerror = ({ message }) => reject(message);
      worker.onmessage = ({ data: { isRunning, epoch, rows, parameters, counts } }) => {
        worker.postMessage({ command: "shown" });
        history.push(...rows);
        if (!isRunning && epoch > epochs) resolve({ history, parameters: Array.from(parameters), counts });
      };
      worker.postMessage({ command: "begin", id: 0, options, weights });
      worker.postMessage({ command: "run", epochs });
    }));
  }
  worker.terminate();
  return found;
}"""


def settings(folder, *options):
    text = f"data:\n  directory: {folder}\n  digits: all\n  validation_fraction: 0.2\ntraining:\n  precision: float64\n"
    small = ("model.hidden_sizes=[5]", "training.batch_size=7", "training.learning_rate=0.5")
    return from_config.resolved(config.parse(text, folder / "config.yaml", [*small, *options]))


def options_of(settings):
    """The page's options for a config."""
    names = ("optimizer", "learning_rate", "momentum", "weight_decay", "batch_size", "seed")
    training = {name: getattr(settings.training, name) for name in names}
    return training | settings.model.model_dump(mode="json")


def trained(settings, epochs=1, weights=None):
    """A trainer of the library after these epochs."""
    training, held_out = from_config.split(settings, from_config.training_images(settings))
    of_classes = from_config.class_weights(settings, training)
    trainer = Trainer(from_config.network(settings, training.inputs, of_classes), training, held_out, settings.training)
    if weights is not None:
        trainer.network.parameter_block[...] = weights
    for _ in range(epochs):
        trainer.run_epoch()
    return trainer


def agree(found, trainer):
    """The page's weights are the trainer's, and so are the losses and errors of each epoch."""
    assert np.abs(np.array(found["parameters"]) - trainer.network.parameter_block).max() < 1e-9
    assert found["counts"] == [len(trainer.training_set), len(trainer.validation_set)]
    assert len(found["history"]) == len(trainer.history) + 1  # the first one is the untrained network's
    for row, expected in zip(found["history"][1:], trainer.history, strict=True):
        assert row["trainingLoss"] == pytest.approx(expected.train_loss, abs=1e-9)
        if expected.validation_loss is not None:
            assert row["loss"] == pytest.approx(expected.validation_loss, abs=1e-9)
            right = round(expected.validation_accuracy * len(trainer.validation_set))
            assert row["errors"] == len(trainer.validation_set) - right


@pytest.fixture(params=[(3, 5), (3, 5, 9)], ids=["two classes", "three classes"])
def folder(request, tmp_path):
    """Images of 4 by 4 pixels; their number makes the last batch a short one."""
    return write_folder(tmp_path / "data", [*request.param] * 26, [*request.param])


def pages_weights(page, trials):
    return page.evaluate(TRAINED, [[options_of(one), weights, epochs] for one, weights, epochs in trials])


def opened(visit, folder, page):
    (folder / "page.html").write_text(page, encoding="utf-8")
    visited = visit(folder / "page.html")
    visited.evaluate("async () => { while (!globalThis.playground) await new Promise(requestAnimationFrame); }")
    return visited


def test_an_epoch_gives_the_librarys_weights_for_each_activation_and_loss(folder, visit):
    page = opened(visit, folder, playground.of_config(settings(folder)))
    trials = [
        settings(folder, f"model.activation={activation}", f"model.loss={loss}", f"training.seed={seed}")
        for seed, (activation, loss) in enumerate(product(ACTIVATIONS, LOSSES))
    ]
    more = (
        ["model.hidden_sizes=[6, 5, 4]", "training.momentum=0.9", "model.activation=tanh"],
        ["model.hidden_sizes=[]", "training.weight_decay=0.01", "training.batch_size=1"],
        ["model.hidden_sizes=[1, 1]", "training.batch_size=1000", f"training.seed={2**40 + 3}"],
        ["training.optimizer=adam", "training.learning_rate=0.01", "training.weight_decay=0.1"],
    )
    trials += [settings(folder, *options) for options in more]
    found = pages_weights(page, [(one, None, 3 if one.training.momentum else 1) for one in trials])
    for one, result in zip(trials, found, strict=True):
        agree(result, trained(one, epochs=len(result["history"]) - 1))


@pytest.mark.parametrize("folder", [(3, 5, 9)], indirect=True)
def test_classes_with_weights_and_images_without_held_out_ones(folder, visit):
    one = settings(
        folder, "training.class_weight=[1, 2, 0.5]", "data.validation_fraction=0", "model.loss=cross_entropy"
    )
    page = opened(visit, folder, playground.of_config(one))
    [found] = pages_weights(page, [(one, None, 2)])
    agree(found, trained(one, epochs=2))


@pytest.mark.parametrize("folder", [(3, 5)], indirect=True)
def test_a_finished_runs_network_is_trained_on(folder, visit):
    one = settings(folder)
    run = untrained_run(folder, one.to_yaml(), change=lambda network: network.parameter_block.__imul__(1.5))
    weights = run.network.parameter_block
    page = opened(visit, folder, playground.of_run(run.directory))
    assert page.evaluate("Array.from(playground.facts.weights)") == weights.tolist()
    [found] = pages_weights(page, [(one, weights.tolist(), 1)])
    agree(found, trained(one, weights=weights))


def test_xor_is_learned_with_the_steps_of_the_library(tmp_path, visit):
    page = opened(visit, tmp_path, playground.of_xor())
    options = page.evaluate("playground.facts.options")
    [found] = page.evaluate(TRAINED, [[options, None, 1500]])
    network = MLP([2, 8, 1], precision="float64", generator=generator(0, Stream.WEIGHTS))
    optimizer = SGD(network.parameter_block, network.gradient_block, learning_rate=options["learning_rate"])
    for _ in range(1500):
        network.loss(xor.X, xor.Y)
        network.backward()
        optimizer.step()
    assert np.abs(np.array(found["parameters"]) - network.parameter_block).max() < 1e-9
    assert found["history"][-1]["errors"] == 0


def test_random_numbers_are_numpys(tmp_path, visit):
    page = visit(page_of(tmp_path, "playground/random.js"))
    words = [[0, 0, 0], [7, 2, 3], [2**32 + 17, 0, 19], [2**53 - 1, 6, 10**6], [1, 2, 3, 4, 5, 6]]
    for found, word in zip(
        page.evaluate(
            """(words) => words.map((word) => {
              const random = new Random(word);
              return [random.uniform(), random.permutation([...Array(1000).keys()]), random.permutation([3, 1, 4]),
                random.uniform()];
            })""",
            words,
        ),
        words,
        strict=True,
    ):
        random = np.random.default_rng(word)
        expected = [random.uniform(), random.permutation(1000).tolist(), random.permutation([3, 1, 4]).tolist()]
        assert found == [*expected, random.uniform()]
