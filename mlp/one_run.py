"""One run, from its beginning or from where it was stopped, to its end: by itself, or one of many."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import perf_counter

from mlp import (
    blas,
    checkpoint,
    dataset,
    finished_runs,
    history,
    interrupts,
    learning,
    network_check,
    provenance,
    recipe,
    runs,
)
from mlp.checkpoint import Checkpoint
from mlp.config import Config
from mlp.errors import DataChanged, InputError
from mlp.files import locked
from mlp.runs import Run
from mlp.training import Trainer

Warn = Callable[[str], object]
Ended = Callable[[Trainer, Run], object]


def train(
    settings: Config,
    opened: AbstractContextManager[Run],
    saved: Checkpoint | None = None,
    *,
    warn: Warn,
    tell: bool = True,
    ended: Ended = lambda trainer, run: None,
) -> None:
    """Train into an opened run, from its beginning or from where it was saved, to the curve.

    ``tell`` is whether each epoch is a line on stderr. ``ended`` is called when all that the run makes is there,
    while it still has its directory and signals wait. Interrupted, Diverged, CheckFailed, InputError, DataChanged among
    them, and OSError say what ended the run before.
    """
    history.check_room(settings.training.epochs)
    began = perf_counter()
    with blas.threads(settings.training.threads) as libraries:
        images = recipe.training_images(settings)
        if settings.output.report:
            dataset.load(settings.data.directory, "test", settings.data.digits)  # missing now rather than at the end
        recorded = saved.facts["training_files"] if saved is not None else {}
        files = images.source.sha256(recorded.values())
        if saved is not None:
            recipe.check_same_files(settings, files, recorded, saved.path.parent)
            if tuple(saved.facts["image_shape"]) != images.image_shape:
                raise InputError(f"{saved.path}: not of images of {images.image_shape} pixels: train a new run on them")
        training_set, validation_set = recipe.split(settings, images)
        network = recipe.network(settings, images.inputs)
        trainer = Trainer(network, training_set, validation_set, settings.training, interrupts.at_once())
        facts = provenance.facts(libraries) | {
            "threads": settings.training.threads,
            "training_files": files,
            "image_shape": images.image_shape,
            "images": {"training": len(training_set), "validation": len(validation_set)},
        }
        with interrupts.held(), opened as run, _told_what_is_saved():
            if saved is None:
                run.begin(**facts)
            else:
                run.go_on(saved, facts, warn)
            network_check.check_before_training(network, training_set, settings.training.seed, run.note)
            if saved is not None:
                trainer.restore(saved.state)
            learning.save(trainer, run)  # before the first step: there is room, and something to go on from
            interrupts.check()
            learning.learn(trainer, run, tell=tell)
            learning.finish(trainer, run)
            run.finish(best_epoch=trainer.progress.best_epoch, seconds=perf_counter() - began)
            ended(trainer, run)
        if settings.output.report:  # of a run that is finished, and stays so should its report fail
            make_report(run.directory, warn)


@contextmanager
def _told_what_is_saved() -> Iterator[None]:
    """Say it in what ends a run whose data changed."""
    try:
        yield
    except DataChanged as changed:
        cure, lost = "put it back into data.directory", "what came after the last checkpoint is not saved"
        raise DataChanged(changed.path, changed.how, cure, lost) from None


def resume(
    directory: Path,
    settings_for: Callable[[Config | None], Config],
    *,
    warn: Warn,
    tell: bool = True,
    ended: Ended = lambda trainer, run: None,
) -> bool:
    """Go on from the newest checkpoint in a directory; begin the run where it was stopped before its first.

    ``settings_for`` is given the config of the run that is there, or None where there is none yet, and says what it is
    to be. False where the run was finished, and stays as it is. Raises what ``train`` does; InUse where another process
    is at work in the directory.
    """
    finished = finished_runs.finished_config(directory)
    if finished is not None:  # it stays so, and needs no lock, or goes on
        settings = settings_for(finished)
        finished.check_goes_on(settings, directory)
        if settings.training.epochs == finished.training.epochs:
            stay_finished(directory, finished, settings, warn)
            return False
    with locked(directory, warn):
        saved = checkpoint.newest(directory, warn)
        known = finished if saved is None else saved.config
        settings = settings_for(known)
        if saved is not None:
            saved.config.check_goes_on(settings, directory)
        elif finished is not None:
            raise InputError(f"{directory}: finished, and without a checkpoint to go on from: train a new run")
        else:
            runs.check_unbegun(directory, settings)
        run = Run(directory, settings, dict(saved.facts) if saved is not None else {})
        train(settings, run, saved, warn=warn, tell=tell, ended=ended)
        return True


def stay_finished(directory: Path, finished: Config, settings: Config, warn: Warn) -> None:
    """Make the report that is missing, if any; InputError where other data are named than the run's."""
    if settings.data.directory != finished.data.directory:
        recorded = finished_runs.read_finished_manifest(directory).training_files
        files = recipe.training_images(settings).source.sha256(recorded.values())
        recipe.check_same_files(settings, files, recorded, directory)
    if settings.output.report and not (directory / runs.REPORT).exists():
        make_report(directory, warn)


def make_report(directory: Path, warn: Warn) -> None:
    """Write the page that tells of a finished run; a warning where another process goes on with it already."""
    from mlp import report  # slow to import, and for those who ask for it

    try:
        report.write(finished_runs.read(directory))
    except InputError:
        if finished_runs.read_manifest(directory).status != runs.RUNNING:
            raise
        warn(f"{directory}: another process goes on with it: its page is for that one to make")
