"""Measure this project beside PyTorch, JAX and scikit-learn, on the same work.

    python -m benchmarks [--only steps lines commands svd memory size] [--sizes 64x64 32x32] [--epochs 15]

steps: microseconds a training step. lines: where they go, of this project's. commands: the whole train.py. svd: the
digits in two dimensions. memory: the peak while training. size: ten thousand images against a million, for which it
needs 0.8 GB of disk. Who is not installed is left out; the extra `benchmark` installs all. Exit code 1 where the
contenders' training losses differ, and the work therefore was not the same.
"""

import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import commands, contenders, lines, machine, memory, processes, results, size, steps, svd
from benchmarks.work import Work, plain, sized
from mlp import config
from mlp.commands.arguments import Parser, config_of
from mlp.config import Config
from mlp.system import blas_threads, command_line
from mlp.system.errors import CheckFailed
from mlp.training import from_config

SIZES = [(64, 64), (32, 32), (128, 128), (10, 30)]
MEMORY_SIZE = (32, 32)
MOST_IMAGES = 10**9
MOST_TIMES = 10**6
"""Beyond it is a slip of the finger: it would take weeks."""


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Measure this project beside PyTorch, JAX and scikit-learn.")
    parser.add_config()
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="default: all of them")
    parser.add_argument(
        "--sizes", type=shape, nargs="+", default=SIZES, metavar="BATCHxHIDDEN", help="of the steps (64x64 ... 10x30)"
    )
    parser.add_argument("--epochs", type=count, default=15, metavar="N", help="measured for each of the steps (15)")
    parser.add_argument("--repeats", type=count, default=5, metavar="N", help="of each command and each SVD (5)")
    parser.add_argument("--images", type=images, default=1_000_000, metavar="N", help="of the part size (1000000)")
    parser.add_argument(
        "--output", type=command_line.path, metavar="DIR", help="default: benchmark under output.directory"
    )
    options = parser.parse_args(arguments)
    if not {"steps", "lines"}.issuperset(options.only):
        processes.check_can_be_measured()
    settings = plain(config_of(options))
    output = options.output or settings.output.directory / "benchmark"
    with config.naming("output.directory", applies=options.output is None):
        output.mkdir(parents=True, exist_ok=True)
    with machine.one_core() as held, blas_threads.threads(1) as libraries:
        print(machine.describe(libraries, held))
        if absent := sorted({c.name for c in contenders.CONTENDERS if not c.installed}):
            print(f"left out, as not installed (the extra `benchmark` has them): {'; '.join(absent)}")
        problems = []
        for part in dict.fromkeys(options.only):
            problems += PARTS[part](settings, options, output)
    if problems:
        raise CheckFailed("the contenders did not do the same work:", *problems)


def measure_steps(settings: Config, options: Namespace, output: Path) -> list[str]:
    """Each size in turn; the contenders whose losses are not this project's."""
    images, rows = from_config.training_images(settings), []
    for batch_size, hidden_size in dict.fromkeys(options.sizes):
        work = Work(sized(settings, batch_size, hidden_size, options.epochs + 1), images)
        rows += steps.measure(work, contenders.taking_part(), options.epochs)
    from benchmarks import figure  # matplotlib is slow to import, and memory that it has is not the contenders'

    results.write(output / "steps.csv", steps.Row, rows)
    figure.draw(output / "steps.png", rows)
    tell(steps.table(rows), output / "steps.csv", output / "steps.png")
    for message in steps.not_alone(rows):
        command_line.warn(message)
    return steps.disagreements(rows)


def measure_lines(settings: Config, options: Namespace, output: Path) -> list[str]:
    images, found = from_config.training_images(settings), []
    for batch_size, hidden_size in dict.fromkeys(options.sizes):
        rows = lines.measure(Work(sized(settings, batch_size, hidden_size, options.epochs), images), options.epochs)
        tell(lines.table(rows), output / "lines.csv")
        found += rows
    results.write(output / "lines.csv", lines.Row, found)
    return []


def measure_commands(settings: Config, options: Namespace, output: Path) -> list[str]:
    rows = commands.measure(settings, options.repeats)
    results.write(output / "commands.csv", commands.Row, rows)
    tell(commands.table(rows), output / "commands.csv")
    return []


def measure_svd(settings: Config, options: Namespace, output: Path) -> list[str]:
    with written(settings) as file:
        rows = svd.measure(from_config.training_images(settings), file, options.repeats)
    results.write(output / "svd.csv", svd.Row, rows)
    tell(svd.table(rows), output / "svd.csv")
    return []


def measure_memory(settings: Config, options: Namespace, output: Path) -> list[str]:
    with written(sized(settings, *MEMORY_SIZE, epochs=1)) as file:
        rows = memory.measure(file, *MEMORY_SIZE, contenders.taking_part())
    results.write(output / "memory.csv", memory.Row, rows)
    tell(memory.table(rows), output / "memory.csv")
    return []


def measure_size(settings: Config, options: Namespace, output: Path) -> list[str]:
    rows = size.measure(settings, options.images, options.repeats, output)
    results.write(output / "size.csv", size.Row, rows)
    tell(size.table(rows), output / "size.csv")
    return []


PARTS: dict[str, Callable[[Config, Namespace, Path], list[str]]] = {
    "steps": measure_steps,
    "lines": measure_lines,
    "commands": measure_commands,
    "svd": measure_svd,
    "memory": measure_memory,
    "size": measure_size,
}
"""By its name: a part, which gives the checks that failed in it."""


def tell(table: str, *paths: Path) -> None:
    """Print a table, and where it is in full."""
    print(f"\n{table}\n\n{'  '.join(map(command_line.display_path, paths))}", flush=True)


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
    return command_line.integer_at_least(text, 100, MOST_IMAGES)


def count(text: str) -> int:
    return command_line.integer_at_least(text, 1, MOST_TIMES)
