"""Write a page in which a network trains step by step: a new one, or a run's.

    mlp playground
    mlp playground outputs/0001
    mlp playground --xor --output xor.html

The page opens offline. From the same seed it trains as ``train`` does.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from mlp import config
from mlp.commands.arguments import SET, Parser, config_of, read
from mlp.runs.directory import CONFIG
from mlp.runs.finished import read_run
from mlp.system import blas_threads, command_line
from mlp.system.command_line import display_path
from mlp.system.errors import InputError
from mlp.system.files import write_text

NAME = "playground.html"


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    run = read_run(options.run) if options.run else None
    settings = config_of(options) if run is None else run.config
    from mlp.pages import playground  # slow to import, and not needed if the config or the run cannot be read

    with blas_threads.threads(settings.training.threads):
        if run is not None:
            command = playground.Command(_train(run.directory / CONFIG), SET.strip(), run.config)
            page = playground.of_run(run.directory, command)
        elif options.xor:
            page = playground.of_xor()
        else:
            command = playground.Command(_train(options.config), SET.strip(), read(options.config))
            page = playground.of_config(settings, command)
    path: Path = options.output or (settings.output.directory / NAME if run is None else run.file(NAME))
    with config.naming("output.directory", applies=run is None and not options.output):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)
    print(f"playground: {display_path(path)}")


def _train(file: Path | None) -> str:
    """The command that trains with this config file, or with the one that it reads by itself."""
    return command_line.command("train") + ("" if file is None else f" --config {display_path(file)}")


def parse(arguments: Sequence[str]) -> Namespace:
    parser = Parser(description="Write a page in which a network trains step by step: a new one, or a run's.")
    parser.add_argument(
        "run",
        type=command_line.path,
        metavar="RUN",
        nargs="?",
        help="the directory of a finished run, whose network is trained on (default: a new network of the config)",
    )
    parser.add_config()
    parser.add_argument("--xor", action="store_true", help="train the notes' 2-8-1 network on XOR's four rows")
    parser.add_argument(
        "--output",
        type=command_line.path,
        metavar="FILE.html",
        help=f"the page (default: {NAME} in RUN, or else in output.directory)",
    )
    options = parser.parse_args(arguments)
    if options.run and options.xor:
        raise InputError("--xor has a network of its own, and so has RUN: give one of them")
    if (options.run or options.xor) and (options.config or options.set):
        raise InputError(f"{'--xor' if options.xor else 'RUN'} has options of its own: leave out --config and --set")
    if options.output and options.output.suffix.lower() != ".html":
        raise InputError(f"--output {options.output}: the page's name must end in .html")
    return options
