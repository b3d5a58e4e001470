"""Train the network that a config file describes.

python train.py --config config.yaml
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlp import config
from mlp import run as one_run
from mlp.commands.arguments import Parser, config_of
from mlp.config import Config
from mlp.runs import checkpoint
from mlp.runs import directory as run_directory
from mlp.runs.directory import Run
from mlp.system import command_line, signals
from mlp.system.command_line import display_path, warn
from mlp.system.errors import DataChanged, InputError, Interrupted
from mlp.training.loop import Trainer


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Train a network to tell two digits apart.")
    parser.add_config()
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
        settings = config_of(options)
        one_run.train(settings, new(settings, options.output or options.resume), warn=warn, ended=tell)


@contextmanager
def new(settings: Config, directory: Path | None) -> Iterator[Run]:
    """A run in a directory of its own."""
    with run_directory.new(settings, directory, warn) as run, how_to_go_on(run.directory):
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
        print(f"{display_path(directory)} is finished, nothing was changed: training.epochs may grow by --set")


@contextmanager
def how_to_go_on(directory: Path) -> Iterator[None]:
    """Say so in what stops a run that has a checkpoint."""
    try:
        yield
    except (Interrupted, DataChanged, OSError, MemoryError) as stop:
        if checkpoint.exists(directory):
            stop.add_note(f"go on with: {command_line.command('train')} --resume {display_path(directory)}")
        raise


def tell(trainer: Trainer, run: Run) -> None:
    """Say what the run came to. A signal that comes then has nothing to stop: the work is done."""
    print(summary(trainer, run))
    signals.ignore()


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
            f"run:   {display_path(run.directory)}",
            f"curve: {display_path(run.directory / 'loss_curve.png')}",
            f"page:  {display_path(run.directory / run_directory.REPORT)}"
            if run.config.output.report
            else f"page:  {command_line.command('report')} {display_path(run.directory)}",
            f"next:  {command_line.command('evaluate')} {display_path(run.directory)}",
        ]
    )
