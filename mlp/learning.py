"""Runs the epochs of a run: progress, checkpoints, signals, divergence; and writes what a finished run has."""

import sys
from contextlib import nullcontext
from pathlib import Path

from mlp import checkpoint, interrupts, runs
from mlp.errors import Diverged, Interrupted
from mlp.progress import Bar
from mlp.runs import Run
from mlp.training import Trainer


def learn(trainer: Trainer, run: Run, *, tell: bool = True) -> None:
    """Every epoch that is left, with a checkpoint where one is due; if told of, a line to stderr, on a terminal a bar.

    A signal ends it with a checkpoint. Raises Diverged if training diverges or has learned nothing in the end: what
    happened is then in the run's directory. If training diverged from its first epoch on, its checkpoints are removed.
    """
    try:
        _run_epochs(trainer, run, tell)
        trainer.check_ending(interrupts.check)
    except Diverged as error:
        run.write_history(trainer.history)
        run.write_divergence(error.report)
        if trainer.good_epochs == 0:
            checkpoint.discard(run.directory)
        error.add_note(says_more(run.directory))
        raise


def says_more(directory: Path) -> str:
    """Where more is said of a run that diverged or learned nothing."""
    return f"{directory / runs.DIVERGENCE} says more"


def finish(trainer: Trainer, run: Run) -> None:
    """What is made from the last checkpoint, beside the history: the best weights and the curve."""
    run.write_model(trainer.best_parameters())
    interrupts.check()
    # Slow to import, and of no use to a run that fails. Signals wait: broken off, it leaves objects half made that
    # complain when they are deleted.
    from mlp import curves

    interrupts.check()
    path, loss = run.file("loss_curve.png"), trainer.network.loss_name
    curves.loss_curve(path, trainer.history, trainer.progress.best_epoch, loss)
    interrupts.check()


def _run_epochs(trainer: Trainer, run: Run, tell: bool) -> None:
    """The epochs; the state of a trainer that was broken off is where it goes on."""
    epochs, (interval, unit) = trainer.options.epochs, trainer.options.checkpoint_interval
    with _bar(trainer) if tell else nullcontext() as bar:

        def after_step() -> None:
            if bar is not None:
                bar.update()
            if unit == "step" and trainer.steps % interval == 0:
                run.save(trainer.state())
            interrupts.check()

        try:
            while len(trainer.history) < epochs:
                row = trainer.run_epoch(after_step, interrupts.check)
                if bar is not None:
                    bar.write(f"epoch {row.epoch:{len(str(epochs))}}/{epochs}: {row}", file=sys.stderr)
                if (unit == "epoch" and row.epoch % interval == 0) or row.epoch == epochs:
                    run.save(trainer.state())
                interrupts.check()
        except Interrupted:
            run.save(trainer.state())
            raise


def _bar(trainer: Trainer) -> Bar:
    """On a terminal, how far it is."""
    steps = trainer.options.epochs * trainer.steps_per_epoch
    hidden = not sys.stderr.isatty()
    return Bar(total=steps, initial=trainer.steps, unit=" steps", leave=False, disable=hidden)
