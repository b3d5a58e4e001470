"""Promises of mlp.runs.model: the same weights and config give the same bytes; a file that is no model is refused."""

import json

import numpy as np
import pytest

from mlp.runs import finished as finished_runs
from mlp.system.errors import InputError
from mlp.system.files import sha256
from tests.conftest import finished_run
from tests.runs.test_finished import rewrite


def test_the_model_loads_without_pickle_and_its_bytes_depend_on_its_content_alone(settings, tmp_path):
    contents = set()
    for name in ("a", "b"):
        directory, network = finished_run(settings, tmp_path / name)
        contents.add((directory / "model.npz").read_bytes())
    assert len(contents) == 1
    with np.load(directory / "model.npz", allow_pickle=False) as model:
        assert set(model.files) == {"W1", "b1", "W2", "b2", "config"}
        assert model["W1"].shape == (4, 3)
        np.testing.assert_array_equal(model["W1"], network.parameters["W1"])
        assert json.loads(model["config"].item())["model"] == settings.model.model_dump(
            mode="json", exclude={"activation"}
        )


def with_config(directory, text):
    """The model with this text for its config, and the manifest to match."""
    with np.load(directory / "model.npz") as model:
        np.savez(directory / "model.npz", **(dict(model) | {"config": np.array(text)}))
    rewrite(directory, weights_sha256=sha256(directory / "model.npz"))


def test_a_run_older_than_a_key_is_read_with_the_keys_default(settings):
    directory, network = finished_run(settings)
    facts = json.loads(settings.to_json_without_paths())
    del facts["model"]["loss"]
    with_config(directory, json.dumps(facts, separators=(",", ":")))
    text = (directory / "config.yaml").read_text()
    (directory / "config.yaml").write_text(text.replace("  loss: euclidean\n", ""))
    run = finished_runs.read_run(directory)
    assert run.network.loss_name == "euclidean"
    np.testing.assert_array_equal(run.network.parameter_block, network.parameter_block)
    (directory / "config.yaml").write_text(text.replace("euclidean", "cross_entropy"))
    with pytest.raises(InputError, match=r"model\.npz: not the model of the config beside it: train the run again"):
        finished_runs.read_run(directory)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": {"loss": "hinge"}}', '{"surprise": 1}'])
def test_a_model_whose_config_is_none_is_refused(settings, text):
    directory, _ = finished_run(settings)
    with_config(directory, text)
    with pytest.raises(InputError, match=r"model\.npz: not the model of a run: train the run again"):
        finished_runs.read_run(directory)


def test_options_that_are_newer_than_the_first_runs_change_no_byte_of_a_model_without_them(settings):
    """So a run of an older version, with the same weights, gives the same model.npz when it is repeated."""
    known = {
        "data": {"digits", "limit_per_digit", "validation_fraction"},
        "model": {"hidden_sizes", "loss"},
        "training": {
            *("epochs", "batch_size", "learning_rate", "momentum", "weight_decay", "seed", "precision", "threads"),
            "checkpoint_every",
        },
    }
    directory, _ = finished_run(settings)
    stored = json.loads(str(np.load(directory / "model.npz")["config"]))
    assert {section: set(options) for section, options in stored.items()} == known
    newer = settings.with_values({"training.optimizer": "adam", "data.transpose": True})
    stored = json.loads(newer.to_json_in_a_model())
    assert (stored["training"]["optimizer"], stored["data"]["transpose"]) == ("adam", True)
    assert "activation" not in stored["model"]
