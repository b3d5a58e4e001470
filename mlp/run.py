"""One run, from its beginning or a checkpoint to its end, as ``train.py``, ``mlp.train`` and sweeps run it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from mlp.config import Config
from mlp.data.dataset import Dataset
from mlp.figures.curve_process import Draw, draw_here
from mlp.runs import checkpoint, history, provenance
from mlp.runs.checkpoint import Checkpoint
from mlp.runs.directory import CURVE, DIVERGENCE, LIVE, REPORT, Run, check_fresh
from mlp.runs.finished import FinishedRun, find_whole, read_run
from mlp.runs.manifest import RUNNING, STOPPED, read_manifest
from mlp.system import blas_threads, progress, signals
from mlp.system.errors import DataChanged, Diverged, InputError, Interrupted
from mlp.system.files import StrPath, exclusive
from mlp.system.progress import Report
from mlp.training import from_config, gradient_precheck
from mlp.training.loop import Trainer
from mlp.training.progress import Epoch

if TYPE_CHECKING:  # slow to import, and few runs need it
    from mlp.pages.live import NextSteps, Update

Warn = Callable[[str], object]


@dataclass(frozen=True)
class Caller:
    """Who trains a run: what the run tells it, and how it can stop the run."""

    warn: Warn
    show: Callable[..., AbstractContextManager[Report]] = progress.silent
    """Shows the steps and a line for each epoch: ``progress.shown``, or nothing."""
    on_epoch: Callable[[Epoch], object] = lambda row: None
    """Called after each epoch; if it returns True, the run ends there, as finished. If it raises, the run is saved."""
    on_end: Callable[[Trainer, Run], object] = lambda trainer, run: None
    """Called when all files but the report are written; the directory is still locked, and signals are deferred."""
    draw: Draw = draw_here
    """Writes the loss curve."""
    check: Callable[[], object] = signals.check
    """Raises Interrupted if the run is to stop; it is called after each block of steps."""
    computing: AbstractContextManager[object] = field(default_factory=signals.immediate)
    """Within it a long step may be interrupted."""
    next_steps: "NextSteps" = lambda directory, status: {}
    """For live.html."""


def train(
    settings: Config, run_directory: AbstractContextManager[Run], caller: Caller, saved: Checkpoint | None = None
) -> None:
    """Train a run, from its beginning or from a checkpoint, and write all its files.

    Raises Interrupted, Diverged, CheckFailed, InputError (also DataChanged) or OSError if one of these ends the run.
    """
    history.check_room(settings.training.epochs)
    began = perf_counter()
    with blas_threads.threads(settings.training.threads) as libraries:
        images = from_config.training_images(settings)
        if settings.output.report:
            from_config.images(settings, "test")  # better missing now than at the end
        files = _checked_files(settings, images, saved)
        training_set, validation_set = from_config.split(settings, images)
        weights = from_config.class_weights(settings, training_set)
        network = from_config.network(settings, images.inputs, weights)
        trainer = Trainer(network, training_set, validation_set, settings.training, caller.computing)
        facts = provenance.environment(libraries) | {
            "threads": settings.training.threads,
            "training_files": files,
            "image_shape": images.image_shape,
            "images": {"training": len(training_set), "validation": len(validation_set)},
        }
        if weights is not None:
            facts["class_weights"] = weights
        with signals.deferred(), run_directory as run, _advice_if_data_changed():
            if saved is None:
                run.begin(**facts)
            else:
                run.resume(saved, facts, caller.warn)
            gradient_precheck.check_before_training(network, training_set, settings.training, run.note)
            if saved is not None:
                _restore(trainer, run, saved)
            save(trainer, run)  # before the first step: the disk has room, and there is something to resume from
            with _live_view(trainer, run, caller) as update_view:
                caller.check()
                learn(trainer, run, caller, update_view)
                finish(trainer, run, caller)
                run.finish(best_epoch=trainer.progress.best_epoch, seconds=perf_counter() - began)
            caller.on_end(trainer, run)
        if settings.output.report:  # the run is finished, and stays so if its report fails
            make_report(run.directory, caller.warn)


def resume(directory: StrPath, settings_for: Callable[[Config | None], Config], caller: Caller) -> bool:
    """Resume a run from its newest checkpoint, or begin it if it has none yet.

    ``settings_for`` maps the config of the run in the directory (None if there is no run yet) to the config to use.
    Returns False if the run is finished and has nothing left to do. Raises what ``train`` raises, and InUse if another
    process has the directory locked.
    """

    def resolved(known: Config | None) -> Config:
        return from_config.resolved(settings_for(known))

    directory = Path(directory)
    whole = find_whole(directory)
    if whole is not None:  # it needs no lock, unless more epochs are asked for
        settings = resolved(whole.config)
        whole.config.check_resumable(settings, directory)
        if settings.training.epochs == whole.config.training.epochs:
            leave_finished(whole, settings, caller.warn)
            return False
    with exclusive(directory, caller.warn):
        caller.check()  # while it waited for the lock, another call may have finished the run
        saved = checkpoint.newest(directory, caller.warn)
        if saved is not None:
            settings = resolved(saved.config)
            saved.config.check_resumable(settings, directory)
        elif whole is not None:
            raise InputError(f"{directory}: finished, and without a checkpoint to resume from: train a new run")
        else:
            settings = resolved(None)
            check_fresh(directory, settings)
        run = Run(directory, settings, dict(saved.facts) if saved is not None else {})
        train(settings, run, caller, saved)
        return True


def _checked_files(settings: Config, images: Dataset, saved: Checkpoint | None) -> dict[str, str]:
    """The SHA-256 of the training files. Raises InputError if they are not those of the checkpoint."""
    recorded = saved.facts["training_files"] if saved is not None else {}
    files = images.source.sha256(recorded.values())
    if saved is not None:
        from_config.check_same_files(settings, files, recorded, saved.path.parent)
        if tuple(saved.facts["image_shape"]) != images.image_shape:
            raise InputError(f"{saved.path}: of images of another size than {images.image_shape}: train a new run")
    return files


def _restore(trainer: Trainer, run: Run, saved: Checkpoint) -> None:
    """Continue from a checkpoint. If the caller had ended the run there, no epoch follows unless more are asked for."""
    trainer.restore(saved.state)
    if run.manifest.get(STOPPED) and trainer.options.epochs == saved.config.training.epochs:
        trainer.stop()
    else:
        run.manifest.pop(STOPPED, None)


@contextmanager
def _advice_if_data_changed() -> Iterator[None]:
    """Add to DataChanged how to restore the file, and what is lost."""
    try:
        yield
    except DataChanged as changed:
        cure, lost = "put it back into data.directory", "everything since the last checkpoint is lost"
        raise DataChanged(changed.path, changed.how, cure, lost) from None


def _live_view(trainer: Trainer, run: Run, caller: Caller) -> AbstractContextManager["Update"]:
    """Keep live.html up to date within this block, if the config asks for it; gives what to call while training."""
    if not run.config.output.live:
        return nullcontext(lambda ends_epoch: None)
    from mlp.pages import live

    return live.kept(trainer, run, caller.warn, caller.next_steps)


def learn(trainer: Trainer, run: Run, caller: Caller, update_view: "Update") -> None:
    """Run the remaining epochs: progress, checkpoints, interruptions, divergence.

    If the caller stops the run, a checkpoint is saved first. Raises Diverged if training diverges or has learned
    nothing, after writing a report of it; if training diverged from its first epoch on, the checkpoints are removed.
    Raises DataChanged, and saves nothing, if the data files have changed since they were read.
    """
    try:
        _run_epochs(trainer, run, caller, update_view)
        trainer.check_ending(caller.check)
    except Diverged as error:
        trainer.training_set.source.check()  # changed data may be the cause
        run.write_history(trainer.history)
        run.write_divergence(error.report)
        if trainer.progress.good_epochs == 0:
            checkpoint.discard(run.directory)
        error.add_note(where_details_are(run.directory))
        raise


def _run_epochs(trainer: Trainer, run: Run, caller: Caller, update_view: "Update") -> None:
    epochs, (interval, unit) = trainer.options.epochs, trainer.options.checkpoint_interval
    steps = epochs * trainer.steps_per_epoch
    with caller.show(total=steps, initial=trainer.steps, unit=" steps") as report:

        def after_steps(done: int) -> None:
            report.advance(done)
            if unit == "step" and trainer.steps % interval == 0:
                save(trainer, run)
            after_block()

        def after_block() -> None:
            update_view(False)
            caller.check()

        try:
            if run.config.output.live:
                report.say(f"live view: {run.directory / LIVE}")
            while not trainer.has_stopped:
                row = trainer.run_epoch(after_steps, after_block)
                with _saved_if_it_fails(trainer, run):
                    report.say(f"epoch {row.epoch:{len(str(epochs))}}/{epochs}: {row}")
                    answer = caller.on_epoch(row)
                if isinstance(answer, bool | np.bool_) and answer:  # no number, such as what csv's writerow returns
                    trainer.stop()
                    run.manifest[STOPPED] = True
                if (unit == "epoch" and row.epoch % interval == 0) or trainer.has_stopped:
                    save(trainer, run)
                update_view(True)
                caller.check()
        except Interrupted:
            save(trainer, run)
            raise


@contextmanager
def _saved_if_it_fails(trainer: Trainer, run: Run) -> Iterator[None]:
    """If an error ends this block, save a checkpoint first, so that the epoch is not lost."""
    try:
        yield
    except Exception:
        save(trainer, run)
        raise


def save(trainer: Trainer, run: Run) -> None:
    """Write a checkpoint. Raises DataChanged as ``learn`` does."""
    trainer.training_set.source.check()
    run.save(trainer.state())


def where_details_are(directory: StrPath) -> str:
    """The end of the message about a run that diverged or learned nothing."""
    return f"details in {Path(directory, DIVERGENCE)}"


def finish(trainer: Trainer, run: Run, caller: Caller) -> None:
    """Write the best weights and the loss curve. Raises DataChanged as ``learn`` does."""
    trainer.training_set.source.check()
    run.write_model(trainer.best_parameters())
    caller.check()
    caller.draw(run.file(CURVE), trainer.history, trainer.progress.best_epoch, trainer.network.loss_name)
    caller.check()
    trainer.training_set.source.check()


def leave_finished(whole: FinishedRun, settings: Config, warn: Warn) -> None:
    """Make the report if it is missing. Raises InputError if the settings name other data than the run's."""
    if settings.data.directory != whole.config.data.directory:
        replace(whole, config=settings).images("training")
    if settings.output.report and not (whole.directory / REPORT).exists():
        make_report(whole.directory, warn)


def make_report(directory: StrPath, warn: Warn) -> None:
    """Write the report of a finished run; only warn if another process has resumed the run already."""
    from mlp.pages import report  # slow to import, and few runs need it

    try:
        report.write(read_run(directory))
    except InputError:
        if read_manifest(directory).status != RUNNING:
            raise
        warn(f"{directory}: another process has resumed it: that one will make the report")
