"""Train the network that a config file describes.

python train.py --config config.yaml
"""

import sys

from mlp import interrupts

if __name__ == "__main__":
    interrupts.start()  # before the imports that take a while

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import perf_counter

from mlp import (
    blas,
    checkpoint,
    command_line,
    config,
    dataset,
    finished_runs,
    learning,
    network_check,
    provenance,
    recipe,
    runs,
)
from mlp.checkpoint import Checkpoint
from mlp.command_line import CONFIG, shown, warn
from mlp.config import Config
from mlp.errors import InputError, Interrupted
from mlp.files import locked
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
        train(settings, runs.new(settings, options.output or options.resume, warn))


def resume(directory: Path, config_file: Path | None, overrides: Sequence[str]) -> None:
    """Go on from a run's newest checkpoint; begin it where it was stopped before its first."""
    with locked(directory, warn):
        finished = finished_runs.finished_config(directory)
        saved = checkpoint.newest(directory, warn) if finished is None else None
        known = finished if saved is None else saved.config
        if config_file is not None:
            settings = config.load(config_file, overrides)
        elif known is not None:
            settings = config.parse(known.to_yaml(), directory / "config.yaml", overrides)
        else:
            raise InputError(f"{directory}: no checkpoint in it: with --config FILE a run is started there")
        if known is None:
            runs.check_unbegun(directory, settings)
            train(settings, Run(directory, settings))
            return
        known.check_goes_on(settings, directory)
        if finished is not None and settings.training.epochs == finished.training.epochs:
            stay_finished(directory, finished, settings)
            return
        saved = saved or checkpoint.newest(directory, warn)
        if saved is None:
            raise InputError(f"{directory}: finished, and without a checkpoint to go on from: train a new run")
        train(settings, Run(directory, settings, dict(saved.facts)), saved)


def stay_finished(directory: Path, finished: Config, settings: Config) -> None:
    """Say that there is nothing to do; InputError where other data are named than the run's."""
    if settings.data.directory != finished.data.directory:
        recorded = finished_runs.read_finished_manifest(directory).training_files
        recipe.check_same_files(settings, recipe.training_images(settings).source.sha256(), recorded, directory)
    if settings.output.report and not (directory / runs.REPORT).exists():
        make_report(directory)
    print(f"{shown(directory)} is finished, nothing was changed: training.epochs may grow by --set")


def train(settings: Config, opened: AbstractContextManager[Run], saved: Checkpoint | None = None) -> None:
    """One run, from its beginning or from where it was saved, to the curve."""
    began = perf_counter()
    with blas.threads(settings.training.threads) as libraries:
        images = recipe.training_images(settings)
        if settings.output.report:
            dataset.load(settings.data.directory, "test", settings.data.digits)  # missing now rather than at the end
        files = images.source.sha256()
        if saved is not None:
            recipe.check_same_files(settings, files, saved.facts["training_files"], saved.path.parent)
        training_set, validation_set = recipe.split(settings, images)
        network = recipe.network(settings, images.inputs)
        trainer = Trainer(network, training_set, validation_set, settings.training, interrupts.at_once())
        facts = provenance.facts(libraries) | {
            "threads": settings.training.threads,
            "training_files": files,
            "image_shape": images.image_shape,
            "images": {"training": len(training_set), "validation": len(validation_set)},
        }
        with interrupts.held(), opened as run, how_to_go_on(run):
            if saved is None:
                run.begin(**facts)
            else:
                run.go_on(saved, facts, warn)
            network_check.check_before_training(network, training_set, settings.training.seed, run.note)
            if saved is not None:
                trainer.restore(saved.state)
            run.save(trainer.state())  # before the first step: there is room, and something to go on from
            interrupts.check()
            learning.learn(trainer, run)
            learning.finish(trainer, run)
            run.finish(best_epoch=trainer.progress.best_epoch, seconds=perf_counter() - began)
            print(summary(trainer, run))
            interrupts.ignore()  # the work is done: a signal that comes now has nothing to stop
        if settings.output.report:  # of a run that is finished, and stays so should its report fail
            make_report(run.directory)


def make_report(directory: Path) -> None:
    """Write the page that tells of a finished run."""
    from mlp import report  # slow to import, and for those who ask for it

    report.write(finished_runs.read(directory))


@contextmanager
def how_to_go_on(run: Run) -> Iterator[None]:
    """Say so in what stops a run that has a checkpoint."""
    try:
        yield
    except (Interrupted, OSError, MemoryError) as stop:
        if run.is_saved:
            stop.add_note(f"go on with: python {shown(Path(__file__))} --resume {shown(run.directory)}")
        raise


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


if __name__ == "__main__":
    sys.exit(command_line.run(main))
