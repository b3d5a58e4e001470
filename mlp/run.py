"""One run, from its beginning or from where it was stopped, to its end: by itself, or one of many."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from time import perf_counter

from mlp.config import Config
from mlp.data import dataset
from mlp.runs import checkpoint, history, provenance
from mlp.runs import directory as run_directory
from mlp.runs import finished as finished_runs
from mlp.runs.checkpoint import Checkpoint
from mlp.runs.directory import Run
from mlp.system import blas_threads, signals
from mlp.system.errors import DataChanged, Diverged, InputError, Interrupted
from mlp.system.files import exclusive
from mlp.system.progress import Bar
from mlp.training import from_config, gradient_precheck
from mlp.training.loop import Trainer

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
    with blas_threads.threads(settings.training.threads) as libraries:
        images = from_config.training_images(settings)
        if settings.output.report:
            dataset.load(settings.data.directory, "test", settings.data.digits)  # missing now rather than at the end
        recorded = saved.facts["training_files"] if saved is not None else {}
        files = images.source.sha256(recorded.values())
        if saved is not None:
            from_config.check_same_files(settings, files, recorded, saved.path.parent)
            if tuple(saved.facts["image_shape"]) != images.image_shape:
                raise InputError(f"{saved.path}: not of images of {images.image_shape} pixels: train a new run on them")
        training_set, validation_set = from_config.split(settings, images)
        network = from_config.network(settings, images.inputs)
        trainer = Trainer(network, training_set, validation_set, settings.training, signals.immediate())
        facts = provenance.facts(libraries) | {
            "threads": settings.training.threads,
            "training_files": files,
            "image_shape": images.image_shape,
            "images": {"training": len(training_set), "validation": len(validation_set)},
        }
        with signals.deferred(), opened as run, _told_what_is_saved():
            if saved is None:
                run.begin(**facts)
            else:
                run.go_on(saved, facts, warn)
            gradient_precheck.check_before_training(network, training_set, settings.training.seed, run.note)
            if saved is not None:
                trainer.restore(saved.state)
            save(trainer, run)  # before the first step: there is room, and something to go on from
            signals.check()
            learn(trainer, run, tell=tell)
            finish(trainer, run)
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


def learn(trainer: Trainer, run: Run, *, tell: bool = True) -> None:
    """Every epoch that is left, with a checkpoint where one is due; if told of, a line to stderr, on a terminal a bar.

    A signal ends it with a checkpoint. Raises Diverged if training diverges or has learned nothing in the end: what
    happened is then in the run's directory. If training diverged from its first epoch on, its checkpoints are removed.
    Raises DataChanged, and saves nothing, if the data files are no longer what was read of them.
    """
    try:
        _run_epochs(trainer, run, tell)
        trainer.check_ending(signals.check)
    except Diverged as error:
        trainer.training_set.source.check()  # it may be the reason
        run.write_history(trainer.history)
        run.write_divergence(error.report)
        if trainer.progress.good_epochs == 0:
            checkpoint.discard(run.directory)
        error.add_note(says_more(run.directory))
        raise


def says_more(directory: Path) -> str:
    """Where more is said of a run that diverged or learned nothing."""
    return f"{directory / run_directory.DIVERGENCE} says more"


def finish(trainer: Trainer, run: Run) -> None:
    """What is made from the last checkpoint, beside the history: the best weights and the curve.

    DataChanged as in ``learn``.
    """
    trainer.training_set.source.check()
    run.write_model(trainer.best_parameters())
    signals.check()
    # Slow to import, and of no use to a run that fails. Signals wait: broken off, it leaves objects half made that
    # complain when they are deleted.
    from mlp.figures import curves

    signals.check()
    path, loss = run.file("loss_curve.png"), trainer.network.loss_name
    curves.loss_curve(path, trainer.history, trainer.progress.best_epoch, loss)
    signals.check()
    trainer.training_set.source.check()


def save(trainer: Trainer, run: Run) -> None:
    """Write a checkpoint; DataChanged as in ``learn``."""
    trainer.training_set.source.check()
    run.save(trainer.state())


def _run_epochs(trainer: Trainer, run: Run, tell: bool) -> None:
    """The epochs; the state of a trainer that was broken off is where it goes on."""
    epochs, (interval, unit) = trainer.options.epochs, trainer.options.checkpoint_interval
    with _bar(trainer) if tell else nullcontext() as bar:

        def after_step() -> None:
            if bar is not None:
                bar.update()
            if unit == "step" and trainer.steps % interval == 0:
                save(trainer, run)
            signals.check()

        try:
            while len(trainer.history) < epochs:
                row = trainer.run_epoch(after_step, signals.check)
                if bar is not None:
                    bar.write(f"epoch {row.epoch:{len(str(epochs))}}/{epochs}: {row}", file=sys.stderr)
                if (unit == "epoch" and row.epoch % interval == 0) or row.epoch == epochs:
                    save(trainer, run)
                signals.check()
        except Interrupted:
            save(trainer, run)
            raise


def _bar(trainer: Trainer) -> Bar:
    """On a terminal, how far it is."""
    steps = trainer.options.epochs * trainer.steps_per_epoch
    hidden = not sys.stderr.isatty()
    return Bar(total=steps, initial=trainer.steps, unit=" steps", leave=False, disable=hidden)


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
        finished.check_resumable(settings, directory)
        if settings.training.epochs == finished.training.epochs:
            leave_finished(directory, finished, settings, warn)
            return False
    with exclusive(directory, warn):
        saved = checkpoint.newest(directory, warn)
        known = finished if saved is None else saved.config
        settings = settings_for(known)
        if saved is not None:
            saved.config.check_resumable(settings, directory)
        elif finished is not None:
            raise InputError(f"{directory}: finished, and without a checkpoint to go on from: train a new run")
        else:
            run_directory.check_fresh(directory, settings)
        run = Run(directory, settings, dict(saved.facts) if saved is not None else {})
        train(settings, run, saved, warn=warn, tell=tell, ended=ended)
        return True


def leave_finished(directory: Path, finished: Config, settings: Config, warn: Warn) -> None:
    """Make the report that is missing, if any; InputError where other data are named than the run's."""
    if settings.data.directory != finished.data.directory:
        recorded = finished_runs.read_finished_manifest(directory).training_files
        files = from_config.training_images(settings).source.sha256(recorded.values())
        from_config.check_same_files(settings, files, recorded, directory)
    if settings.output.report and not (directory / run_directory.REPORT).exists():
        make_report(directory, warn)


def make_report(directory: Path, warn: Warn) -> None:
    """Write the page that tells of a finished run; a warning where another process goes on with it already."""
    from mlp.pages import report  # slow to import, and for those who ask for it

    try:
        report.write(finished_runs.read(directory))
    except InputError:
        if finished_runs.read_manifest(directory).status != run_directory.RUNNING:
            raise
        warn(f"{directory}: another process goes on with it: its page is for that one to make")
