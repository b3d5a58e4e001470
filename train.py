"""Train the network that a config file describes.

python train.py --config config.yaml
"""

import sys

from mlp import launch

if __name__ == "__main__":
    sys.exit(launch.run(__file__))  # it hears signals while this file imports what is below, then calls main

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlp import checkpoint, command_line, config, interrupts, one_run, runs
from mlp.command_line import CONFIG, shown, warn
from mlp.config import Config
from mlp.errors import DataChanged, InputError, Interrupted
from mlp.runs import Run
from mlp.training import Trainer

SCRIPTS = Path(__file__).parent / "scripts"


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Train a network to tell two digits apart.")
    parser.add_config(default=None)
    parser.add_argument(
        "--output", type=command_line.path, metavar="DIR", help="the run's directory (default: the next number)"
    )
    parser.add_argument(
        "--resume",
        type=command_line.path,
        metavar="RUN",
        help="go on with the run in this directory; with --config also start it there, where there is none yet",
    )
    options = parser.parse_args(arguments)
    if options.resume and options.output:
        raise InputError("--output names a new run's directory, --resume a run that is there: give one of them")
    if options.resume and options.resume.exists():
        resume(options.resume, options.config, options.set)
    elif options.resume and not options.config:
        raise InputError(f"{options.resume}: no such run: with --config FILE one is started there")
    else:
        settings = config.load(options.config or CONFIG, options.set)
        one_run.train(settings, new(settings, options.output or options.resume), warn=warn, ended=tell)


@contextmanager
def new(settings: Config, directory: Path | None) -> Iterator[Run]:
    """A run in a directory of its own."""
    with runs.new(settings, directory, warn) as run, how_to_go_on(run.directory):
        yield run


def resume(directory: Path, config_file: Path | None, overrides: Sequence[str]) -> None:
    """Go on with the run in a directory; its config is the file's, or the one that it has."""

    def settings_for(known: Config | None) -> Config:
        if config_file is not None:
            return config.load(config_file, overrides)
        if known is None:
            raise InputError(f"{directory}: no checkpoint in it: with --config FILE a run is started there")
        return config.parse(known.to_yaml(), directory / "config.yaml", overrides)

    with how_to_go_on(directory):
        went_on = one_run.resume(directory, settings_for, warn=warn, ended=tell)
    if not went_on:
        print(f"{shown(directory)} is finished, nothing was changed: training.epochs may grow by --set")


@contextmanager
def how_to_go_on(directory: Path) -> Iterator[None]:
    """Say so in what stops a run that has a checkpoint."""
    try:
        yield
    except (Interrupted, DataChanged, OSError, MemoryError) as stop:
        if checkpoint.exists(directory):
            stop.add_note(f"go on with: python {shown(Path(__file__))} --resume {shown(directory)}")
        raise


def tell(trainer: Trainer, run: Run) -> None:
    """Say what the run came to. A signal that comes then has nothing to stop: the work is done."""
    print(summary(trainer, run))
    interrupts.ignore()


def summary(trainer: Trainer, run: Run) -> str:
    """What a user wants to know at the end, and the command to type next."""
    best, images = trainer.history[trainer.progress.best_epoch - 1], len(trainer.validation_set)
    if best.validation_accuracy is None:
        verdict = f"no validation images: the weights of the last epoch, {best.epoch}, are kept"
    else:
        verdict = (
            f"validation errors: {round((1 - best.validation_accuracy) * images)} in {images:,} images "
            f"({best.validation_accuracy:.2%} right) with the weights of epoch {best.epoch}, which are kept"
        )
    return "\n".join(
        [
            verdict,
            f"run:   {shown(run.directory)}",
            f"curve: {shown(run.directory / 'loss_curve.png')}",
            f"page:  {shown(run.directory / runs.REPORT)}"
            if run.config.output.report
            else f"page:  python {shown(SCRIPTS / 'report.py')} {shown(run.directory)}",
            f"next:  python {shown(SCRIPTS / 'evaluate.py')} {shown(run.directory)}",
        ]
    )
