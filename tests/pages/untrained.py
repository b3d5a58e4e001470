"""A finished run whose network is as it was drawn: tests of its page need no training."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from mlp import config
from mlp.network import MLP
from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from mlp.runs.finished import FinishedRun
from mlp.training import from_config
from mlp.training.progress import Epoch


def untrained_run(
    directory: Path, text: str, *, epochs: int = 1, change: Callable[[MLP], object] = lambda _: None
) -> FinishedRun:
    """The run of a config in directory/run, with a made-up history; ``change`` may change the weights."""
    settings = from_config.resolved(config.parse(text, directory / "config.yaml"))
    images = from_config.training_images(settings)
    network = from_config.network(settings, images.inputs)
    change(network)
    with run_directory.new(settings, directory / "run", pytest.fail) as run:
        run.begin(image_shape=list(images.image_shape), training_files=images.source.sha256())
        run.write_model(network.views(network.parameter_block))
        run.finish()
    header = ",".join(column.name for column in fields(Epoch))
    rows = [f"{epoch},{0.3 / epoch},{0.4 / epoch},0.9,0.9,1.0,0.1,0.1" for epoch in range(1, epochs + 1)]
    (run.directory / "history.csv").write_text("\n".join([header, *rows]) + "\n")
    return finished_runs.read_run(run.directory)
