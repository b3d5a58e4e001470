"""Promises of mlp.training.from_config: the labels, the weights of classes, and a network that fits in memory."""

import numpy as np
import pytest

from mlp import idx
from mlp.config import Config, Data, Model, Training
from mlp.system import memory
from mlp.system.errors import InputError
from mlp.training import from_config
from tests.conftest import write_folder


def settings(folder, digits=(0, 1), **training):
    return Config(data=Data(directory=str(folder), digits=digits), training=Training(**training))


def test_all_are_the_labels_of_the_training_files(tmp_path):
    folder = write_folder(tmp_path / "letters", [3, 200, 3, 7] * 10, [3, 7])
    resolved = from_config.resolved(settings(folder, "all"))
    assert resolved.data.digits == (3, 7, 200)
    assert from_config.resolved(resolved) is resolved
    assert from_config.training_images(settings(folder, "all")).targets.tolist() == [0, 2, 0, 1] * 10
    assert from_config.sizes(resolved, 16) == [16, 32, 3]
    assert from_config.sizes(settings(folder, (3, 200)), 16) == [16, 32, 1]


def test_one_label_alone_is_refused(tmp_path):
    folder = write_folder(tmp_path / "one", [5] * 4, [5])
    with pytest.raises(InputError, match=r"every label is 5: two are needed \(data\.digits: all\)"):
        from_config.resolved(settings(folder, "all"))


def test_all_opens_only_the_labels(tmp_path):
    folder = write_folder(tmp_path / "made", [3, 7] * 4, [3])
    for path in folder.glob("*images*"):
        path.unlink()
    assert from_config.resolved(settings(folder, "all")).data.digits == (3, 7)
    idx.write(folder / "train-labels-idx1-ubyte", np.zeros(0, np.uint8))
    with pytest.raises(InputError, match=r"no label in it: two are needed \(data\.digits: all\)"):
        from_config.resolved(settings(folder, "all"))


def test_weights_for_another_number_of_labels_are_refused(folder):
    with pytest.raises(InputError, match=r"^training\.class_weight: 2 entries, but .* has 3 labels"):
        from_config.resolved(settings(folder, "all", class_weight=(1.0, 2.0)))


def test_balanced_weights_give_each_class_the_same_sum(folder):
    """The folder has 10 images of 0, 20 of 1 and 10 of 7; the numbers are those of scikit-learn's documentation."""
    balanced = settings(folder, (0, 1, 7), class_weight="balanced")
    images = from_config.training_images(balanced)
    assert from_config.class_weights(balanced, images) == pytest.approx((40 / 30, 40 / 60, 40 / 30))
    given = settings(folder, (0, 1, 7), class_weight=(1.0, 2.0, 3.0))
    assert from_config.class_weights(given, images) == (1.0, 2.0, 3.0)
    assert from_config.class_weights(settings(folder), images) is None
    network = from_config.network(given, 16, (1.0, 2.0, 3.0))
    assert network.example_weights(np.array([2, 0, 1])).tolist() == [3, 1, 2]


def test_a_network_that_memory_has_no_room_for_is_refused_before_it_is_made(monkeypatch):
    config = Config(model=Model(hidden_sizes=(1000,)))
    weights = 784 * 1000 + 1000 + 1000 + 1
    monkeypatch.setattr(memory, "free", lambda: 6 * 4 * weights - 1)
    with pytest.raises(InputError, match=f"^model.hidden_sizes: training {weights:,} weights takes "):
        from_config.network(config, 784)
    monkeypatch.setattr(memory, "free", lambda: None)  # if the system does not tell
    assert from_config.network(config, 784).parameter_block.size == weights


def test_adam_needs_memory_for_one_block_more(monkeypatch):
    config = Config(training=Training(optimizer="adam"))
    weights = 784 * 32 + 32 + 32 + 1
    monkeypatch.setattr(memory, "free", lambda: 7 * 4 * weights)
    from_config.network(config, 784)
    monkeypatch.setattr(memory, "free", lambda: 7 * 4 * weights - 1)
    with pytest.raises(InputError):
        from_config.network(config, 784)
