"""The whole command, from start to exit: train.py and the same job as a PyTorch user would write it."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import processes
from benchmarks.processes import CHECKOUT, Process
from benchmarks.results import times
from mlp.config import Config
from mlp.system import text_table
from mlp.system.command_line import warn
from mlp.training import from_config

PROJECT = "train.py"
PYTORCH = "torch_training.py"


@dataclass(frozen=True)
class Row:
    """A row of commands.csv: medians of the process's time and peak memory."""

    command: str
    repeats: int
    epochs: int
    seconds: float
    fastest_seconds: float
    times_this_project: float
    peak_megabytes: float


def measure(config: Config, repeats: int) -> list[Row]:
    """A row for each command; they take turns."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
        commands = {PROJECT: [CHECKOUT / "train.py", "--config", folder / "config.yaml"]}
        if find_spec("torch") is not None and fits(config, PYTORCH):
            commands[PYTORCH] = [Path(__file__).with_name(PYTORCH), *options(config)]
        found = processes.in_turns(commands, repeats, folder)
    project = median(process.seconds for process in found[PROJECT])
    return [row(config, command, runs, project) for command, runs in found.items()]


def fits(config: Config, script: str) -> bool:
    """Whether a script does this job, on files that are gzipped and have their usual names; warns if not."""
    usual = (config.data.directory / "train-images-idx3-ubyte.gz").exists()
    two_classes = len(config.data.labels) == 2 and config.model.activation == "sigmoid"
    if not (usual and two_classes) or from_config.training_images(config).image_shape != (28, 28):
        warn(f"{script} is left out: it trains only sigmoids, on two digits, from gzipped files of 28 by 28 images")
        return False
    return True


def options(config: Config, rates: Sequence[float] = (), seeds: Sequence[int] = ()) -> list[object]:
    """The config as arguments of ``plain_job``, with the rates and seeds of a sweep if they are given."""
    limit = config.data.limit_per_digit
    return [
        *("--data", config.data.directory, "--digits", *config.data.labels, *(["--limit", limit] if limit else [])),
        *("--validation", config.data.validation_fraction, "--hidden", *config.model.hidden_sizes),
        *("--epochs", config.training.epochs, "--batch-size", config.training.batch_size),
        *("--learning-rate", *(rates or [config.training.learning_rate])),
        *("--seed", *(seeds or [config.training.seed])),
    ]


def row(config: Config, command: str, runs: Sequence[Process], project: float) -> Row:
    """The medians of a command's runs; ``project`` is this project's time in seconds."""
    seconds = median(process.seconds for process in runs)
    return Row(
        command=command,
        repeats=len(runs),
        epochs=config.training.epochs,
        seconds=seconds,
        fastest_seconds=min(process.seconds for process in runs),
        times_this_project=seconds / project,
        peak_megabytes=median(process.peak_megabytes for process in runs),
    )


def table(found: Sequence[Row]) -> str:
    """A Markdown table."""
    return text_table.markdown(
        ["the whole command", "seconds", "times this project", "peak memory, MB"],
        [
            [row.command, f"{row.seconds:.2f}", times(row.times_this_project), f"{row.peak_megabytes:,.0f}"]
            for row in found
        ],
    )
