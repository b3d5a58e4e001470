"""Training on few and on very many images: time per image, and peak memory of the whole command."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import processes
from benchmarks.processes import CHECKOUT
from benchmarks.results import times
from mlp.config import Config
from mlp.system import text_table

FEW = 10_000
EPOCHS = 2
"""On many images; on few, enough epochs for the same number of steps, at most ``MAX_EPOCHS``."""
MAX_EPOCHS = 50


@dataclass(frozen=True)
class Row:
    """A row of size.csv: medians over the repeats. times_few is the time per image divided by the one on few images."""

    images: int
    repeats: int
    epochs: int
    microseconds_an_image: float
    times_few: float
    peak_megabytes: float


def measure(config: Config, images: int, repeats: int, folder: Path) -> list[Row]:
    """Generate few and many images in a folder beside the results, and train on each in turn."""
    epochs = {min(FEW, images): min(MAX_EPOCHS, max(EPOCHS, EPOCHS * images // FEW)), images: EPOCHS}
    found: dict[int, list[tuple[float, float]]] = {size: [] for size in epochs}
    with TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        for size in epochs:
            grow = (CHECKOUT / "scripts" / "grow_data.py", config.data.directory, work / str(size))
            processes.run_python(*grow, "--images", size, "--digits", *config.data.labels)
        for repeat in range(repeats):
            for size in epochs:
                found[size].append(train(config, work / str(size), epochs[size], work / f"{size}-{repeat}"))
    columns = {size: [median(column) for column in zip(*runs, strict=True)] for size, runs in found.items()}
    few = columns[min(FEW, images)][0]
    return [Row(size, repeats, epochs[size], time, time / few, peak) for size, (time, peak) in columns.items()]


def train(config: Config, grown: Path, epochs: int, output: Path) -> tuple[float, float]:
    """Microseconds per image in the median epoch, and peak memory in megabytes."""
    settings = config.model_copy(
        update={
            "data": config.data.model_copy(update={"directory": grown, "limit_per_digit": None}),
            "training": config.training.model_copy(update={"epochs": epochs}),
        }
    )
    file = output.with_suffix(".yaml")
    file.write_text(settings.to_yaml(), encoding="utf-8")
    process = processes.run_python(CHECKOUT / "train.py", "--config", file, "--output", output)
    with open(output / "history.csv", newline="", encoding="utf-8") as history:
        seconds = median(float(row["seconds"]) for row in csv.DictReader(history))
    trained_on = json.loads((output / "manifest.json").read_text(encoding="utf-8"))["images"]["training"]
    return 1e6 * seconds / trained_on, process.peak_megabytes


def table(found: Sequence[Row]) -> str:
    """A Markdown table."""
    return text_table.markdown(
        ["training images", "us an image", "times few", "peak memory, MB"],
        [
            [f"{row.images:,}", f"{row.microseconds_an_image:.2f}", times(row.times_few), f"{row.peak_megabytes:,.0f}"]
            for row in found
        ],
    )
