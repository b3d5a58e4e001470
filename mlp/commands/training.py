"""What ``train`` does with a config or a run, and what it prints at the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mlp import config
from mlp import run as one_run
from mlp.commands.arguments import SET
from mlp.config import Config
from mlp.figures.curve_process import Draw
from mlp.languages.catalogue import Say, say
from mlp.run import Caller
from mlp.runs import checkpoint
from mlp.runs import directory as run_directory
from mlp.runs.directory import CONFIG, CURVE, LIVE, REPORT, Run
from mlp.runs.finished import read_config
from mlp.runs.history import read_history
from mlp.runs.manifest import FAILED, FINISHED, INTERRUPTED
from mlp.system import command_line, progress, signals
from mlp.system.command_line import display_path, warn
from mlp.system.errors import DataChanged, InputError, Interrupted
from mlp.system.text_table import padded
from mlp.training import from_config
from mlp.training.loop import Trainer
from mlp.training.progress import Epoch, kept_epoch


def as_caller(draw: Draw, *, quiet: bool, language: str) -> Caller:
    """The command as the caller of a run: it prints its epochs and its result, or nothing but warnings."""
    if quiet:
        return Caller(warn, draw=draw, next_steps=next_steps, on_end=lambda trainer, run: signals.ignore())
    return Caller(
        warn,
        draw=draw,
        next_steps=next_steps,
        on_end=partial(report, say=partial(say, language=language)),
        show=progress.shown,
    )


def begin(settings: Config, directory: Path | None, caller: Caller) -> None:
    """Train a new run in this directory, or in the next one of the config."""
    settings = from_config.resolved(settings)
    one_run.train(settings, new(settings, directory), caller)


@contextmanager
def new(settings: Config, directory: Path | None) -> Iterator[Run]:
    """A new run in a directory of its own."""
    with run_directory.new(settings, directory, warn) as run, how_to_resume(run.directory):
        yield run


def resume(directory: Path, config_file: Path | None, overrides: Sequence[str], caller: Caller) -> bool:
    """Resume the run in a directory, with the config in the file or else the run's own.

    Returns False if it is finished and nothing was changed.
    """

    def settings_for(known: Config | None) -> Config:
        if config_file is not None:
            return config.load(config_file, overrides, flag=SET)
        if known is None:
            raise InputError(f"{directory}: no checkpoint in it: to start a run there, add --config FILE")
        return config.parse(known.to_yaml(), directory / CONFIG, overrides, flag=SET)

    with how_to_resume(directory):
        return one_run.resume(directory, settings_for, caller)


def why_finished(directory: Path, language: str) -> str:
    """Why a finished run has nothing left to do, and how to get more epochs."""
    options, history = read_config(directory).training, read_history(directory)
    run, done = display_path(directory), len(history)
    if options.patience is not None and done - kept_epoch(history).epoch >= options.patience:
        return say("train.finished_by_patience", language, run=run, patience=options.patience, epoch=done)
    if not options.can_get_more_epochs:
        return say("train.finished_by_schedule", language, run=run, schedule=options.schedule)
    return say("train.finished", language, run=run)


@contextmanager
def how_to_resume(directory: Path) -> Iterator[None]:
    """Add the command that resumes the run to an error that stops it, if it has a checkpoint."""
    try:
        yield
    except (Interrupted, DataChanged, OSError, MemoryError) as stop:
        if checkpoint.exists(directory):
            stop.add_note(f"resume with: {resume_command(directory)}")
        raise


def resume_command(directory: Path) -> str:
    """The command that resumes the run."""
    return f"{command_line.command('train')} --resume {display_path(directory)}"


def next_steps(directory: Path, status: str) -> dict[str, str]:
    """The commands for a run that has ended with this status, by the keys of their purposes."""
    if status == FINISHED:
        commands = {"live.evaluate": "evaluate", "live.write_report": "report"}
        return {
            purpose: f"{command_line.command(name)} {display_path(directory)}" for purpose, name in commands.items()
        }
    if status in (INTERRUPTED, FAILED) and checkpoint.exists(directory):
        return {"live.resume": resume_command(directory)}
    return {}


def report(trainer: Trainer, run: Run, say: Say) -> None:
    """Print the result of the best epoch, the files to look at, and the next command.

    From then on signals are ignored, because the work is done.
    """
    best = trainer.history[trainer.progress.best_epoch - 1]
    if len(trainer.history) < trainer.options.epochs:
        print(say("train.stopped", epoch=len(trainer.history), best=best.epoch))
    print(result(best, len(trainer.validation_set), say))
    for label, place in padded([[say(key), place] for key, place in places(run).items()]):
        print(f"{label} {place}".rstrip())
    signals.ignore()


def result(best: Epoch, images: int, say: Say) -> str:
    """The result of the epoch whose weights are kept; ``images`` is the number of validation images."""
    if best.validation_accuracy is None:
        return say("train.last", epoch=best.epoch)
    errors = round((1 - best.validation_accuracy) * images)
    accuracy = f"{best.validation_accuracy:.2%}"
    return say("train.best", epoch=best.epoch, count=f"{errors:,}", images=f"{images:,}", accuracy=accuracy)


def places(run: Run) -> dict[str, str]:
    """The files to look at and the next command, by the keys of their labels."""
    directory = display_path(run.directory)
    report = display_path(run.directory / REPORT)
    return {
        "train.run": directory,
        "train.curve": display_path(run.directory / CURVE),
        "train.page": report if run.config.output.report else f"{command_line.command('report')} {directory}",
        **({"train.live": display_path(run.directory / LIVE)} if run.config.output.live else {}),
        "train.next": f"{command_line.command('evaluate')} {directory}",
    }
