"""Promises of mlp.training.from_config: a network that does not fit in memory is refused."""

import pytest

from mlp.config import Config, Model
from mlp.system import memory
from mlp.system.errors import InputError
from mlp.training import from_config


def test_a_network_that_memory_has_no_room_for_is_refused_before_it_is_made(monkeypatch):
    config = Config(model=Model(hidden_sizes=(1000,)))
    weights = 784 * 1000 + 1000 + 1000 + 1
    monkeypatch.setattr(memory, "free", lambda: 6 * 4 * weights - 1)
    with pytest.raises(InputError, match=f"^model.hidden_sizes: training {weights:,} weights takes "):
        from_config.network(config, 784)
    monkeypatch.setattr(memory, "free", lambda: None)  # if the system does not tell
    assert from_config.network(config, 784).parameter_block.size == weights
