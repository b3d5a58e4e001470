"""Measure this project beside PyTorch, JAX and scikit-learn, on the same work.

    python -m benchmarks [--only steps lines commands sweeps svd memory size] [--sizes 64x64 32x32]
                         [--losses euclidean cross_entropy] [--epochs 15] [--ten-digits mnist]

steps: microseconds per training step. lines: where they go, in this project. commands: the whole train.py. sweeps: many
runs on two cores. svd: the digits in two dimensions. memory: the peak while training. size: ten thousand images against
a million, which need 0.8 GB of disk. Libraries that are not installed are left out; the extra `benchmark` installs all.
The exit code is 1 if the contenders' training losses differ, because then they did not do the same work.
"""

import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import commands, contenders, lines, machine, memory, processes, results, size, steps, svd, sweeps
from benchmarks.work import Work, plain, sized, ten_digits
from mlp import config
from mlp.commands.arguments import Parser, config_of
from mlp.config import Config
from mlp.network import LOSSES
from mlp.system import blas_threads, command_line
from mlp.system.errors import CheckFailed
from mlp.training import from_config

SIZES = [(64, 64), (32, 32), (128, 128), (10, 30), (1, 32)]
MEMORY_SIZE = (32, 32)
MEMORY_LOSS = "cross_entropy"
"""The one that all contenders know."""
MAX_IMAGES = 10**9
MAX_REPEATS = 10**6
"""More is a typing error: it would take weeks."""


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="python -m benchmarks", description="Measure this project beside PyTorch, JAX, scikit-learn.")
    parser.add_config()
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="default: all parts")
    parser.add_argument(
        "--sizes",
        type=shape,
        nargs="*",
        default=SIZES,
        metavar="BATCHxHIDDEN",
        help="for steps and lines (default: 64x64 32x32 128x128 10x30 1x32)",
    )
    parser.add_argument(
        "--losses", nargs="+", choices=LOSSES, default=LOSSES, help="for steps and lines (default: both, in turn)"
    )
    parser.add_argument("--epochs", type=count, default=15, metavar="N", help="for steps and lines (default: 15)")
    parser.add_argument(
        "--ten-digits",
        type=command_line.path,
        metavar="FOLDER",
        help="for steps and lines: 784-128-10 and 784-30-10, too, on all images of this folder",
    )
    parser.add_argument(
        "--repeats", type=count, default=5, metavar="N", help="of each command, sweep and SVD (default: 5)"
    )
    parser.add_argument("--images", type=images, default=1_000_000, metavar="N", help="for size (default: 1000000)")
    parser.add_argument(
        "--output", type=command_line.path, metavar="DIR", help="default: benchmark under output.directory"
    )
    options = parser.parse_args(arguments)
    if not {"steps", "lines"}.issuperset(options.only):
        processes.check_can_be_measured()
    settings = plain(from_config.resolved(config_of(options)))
    output = options.output or settings.output.directory / "benchmark"
    with config.naming("output.directory", applies=options.output is None):
        output.mkdir(parents=True, exist_ok=True)
    with machine.cores(1) as held, blas_threads.threads(1) as libraries:
        this = machine.describe(libraries, held)
        print(this.text)
        if absent := sorted({c.name for c in contenders.CONTENDERS if not c.installed}):
            print(f"left out, as not installed (the extra `benchmark` has them): {'; '.join(absent)}")
        problems = []
        for part in dict.fromkeys(options.only):
            module, measure = PARTS[part]
            rows = measure(settings, options, output)
            files = [output / f"{part}.csv"]
            results.write(files[0], module.Row, rows, this.name)
            if module is steps:
                files.append(output / "steps.png")
                problems = check_steps(rows, files[1], this.name)
            print(f"\n{module.table(rows)}\n\n{'  '.join(map(command_line.display_path, files))}", flush=True)
    if problems:
        raise CheckFailed("the contenders did not do the same work:", *problems)


def works(settings: Config, options: Namespace) -> Iterator[Work]:
    """The work of each size and loss, and with ten digits."""
    images = from_config.training_images(settings)
    for (batch_size, hidden_size), loss in product(dict.fromkeys(options.sizes), dict.fromkeys(options.losses)):
        yield Work(sized(settings, batch_size, hidden_size, options.epochs + 1, loss), images)
    if options.ten_digits is not None:
        for config in ten_digits(settings, options.ten_digits, options.epochs + 1):
            yield Work(config, from_config.training_images(config))


def measure_steps(settings: Config, options: Namespace, output: Path) -> list[steps.Row]:
    measured = (
        steps.measure(work, contenders.taking_part(work.loss), work.epochs(options.epochs))
        for work in works(settings, options)
    )
    return list(chain.from_iterable(measured))


def check_steps(rows: Sequence[steps.Row], picture: Path, machine: str) -> list[str]:
    """Draw the rows, warn of several threads and of other programs, and return how training losses differ."""
    from benchmarks import figure  # matplotlib is slow to import, and its memory must not count for the contenders

    figure.draw_steps(picture, rows, machine)
    for message in steps.not_alone(rows) + steps.busy(rows):
        command_line.warn(message)
    return steps.disagreements(rows)


def measure_lines(settings: Config, options: Namespace, output: Path) -> list[lines.Row]:
    return list(
        chain.from_iterable(lines.measure(work, work.epochs(options.epochs)) for work in works(settings, options))
    )


def measure_commands(settings: Config, options: Namespace, output: Path) -> list[commands.Row]:
    return commands.measure(settings, options.repeats)


def measure_sweeps(settings: Config, options: Namespace, output: Path) -> list[sweeps.Row]:
    return sweeps.measure(settings, options.repeats)


def measure_svd(settings: Config, options: Namespace, output: Path) -> list[svd.Row]:
    with written(settings) as file:
        return svd.measure(from_config.training_images(settings), file, options.repeats)


def measure_memory(settings: Config, options: Namespace, output: Path) -> list[memory.Row]:
    with written(sized(settings, *MEMORY_SIZE, epochs=1, loss=MEMORY_LOSS)) as file:
        return memory.measure(file, *MEMORY_SIZE, contenders.taking_part(MEMORY_LOSS))


def measure_size(settings: Config, options: Namespace, output: Path) -> list[size.Row]:
    return size.measure(settings, options.images, options.repeats, output)


PARTS: dict[str, tuple[Any, Callable[[Config, Namespace, Path], list[Any]]]] = {
    "steps": (steps, measure_steps),
    "lines": (lines, measure_lines),
    "commands": (commands, measure_commands),
    "sweeps": (sweeps, measure_sweeps),
    "svd": (svd, measure_svd),
    "memory": (memory, measure_memory),
    "size": (size, measure_size),
}
"""Each part's module, with its ``Row`` and ``table``, and the function that measures its rows."""


@contextmanager
def written(settings: Config) -> Iterator[Path]:
    """The config as a file, for another process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(settings.to_yaml(), encoding="utf-8")
        yield path


def shape(text: str) -> tuple[int, int]:
    """Batch size and hidden units."""
    if not (match := re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", text, re.ASCII)):
        raise ArgumentTypeError(f"must be BATCHxHIDDEN, such as 64x32, not {text}")
    return int(match[1]), int(match[2])


def images(text: str) -> int:
    return command_line.integer_at_least(text, 100, MAX_IMAGES)


def count(text: str) -> int:
    return command_line.integer_at_least(text, 1, MAX_REPEATS)
