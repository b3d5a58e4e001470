"""The epoch loop: batches forward, backward and a step of SGD, the best weights kept, divergence noticed."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.data.dataset import Dataset, scale
from mlp.evaluation import Evaluation, evaluate
from mlp.gates import Array
from mlp.network import MLP, BatchBuffers, decide
from mlp.system.errors import Diverged
from mlp.training import divergence, standstill
from mlp.training.active_inputs import Learner
from mlp.training.batches import BatchLoader
from mlp.training.random_streams import Stream, generator
from mlp.training.standstill import Ending


@dataclass(frozen=True, slots=True)
class Epoch:
    """A row of history.csv.

    train_* are means over the epoch's batches, weighted by their sizes, each batch before its update;
    validation_* are None without a split; gradient_norm is the mean over steps of the norm over all
    parameters; seconds is the training pass alone.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None
    train_accuracy: float
    validation_accuracy: float | None
    learning_rate: float
    gradient_norm: float
    seconds: float

    def figure(self, name: Literal["loss", "accuracy"]) -> float:
        """The loss or accuracy on validation images, or on training images where there are none."""
        value: float | None = getattr(self, f"validation_{name}")
        return float(getattr(self, f"train_{name}")) if value is None else value

    def __str__(self) -> str:
        """One line for people."""
        loss, accuracy = f"loss {self.train_loss:.6f}", f"accuracy {self.train_accuracy:.2%}"
        if self.validation_loss is not None:
            loss += f", validation {self.validation_loss:.6f}"
            accuracy += f", validation {self.validation_accuracy:.2%}"
        return f"{loss}; {accuracy}; {self.seconds:.2f} s"


@dataclass
class EpochSums:
    """How far the pass over the training images is: its steps so far, and sums over them."""

    steps: int = 0
    loss: float = 0.0
    """Of each batch, times its images."""
    errors: int = 0
    gradient_norm: float = 0.0
    seconds: float = 0.0
    above: int | None = None
    """The first step whose loss was above the untrained network's."""


@dataclass
class Progress:
    """How far training is, the weights aside."""

    history: list[Epoch] = field(default_factory=list)
    current: EpochSums = field(default_factory=EpochSums)
    """Of the epoch that follows the history."""
    best_epoch: int = 0
    untrained_loss: float | None = None
    """The untrained network's on the training images; None before the first step."""
    last_finite: dict[str, int | float] = field(default_factory=dict)
    """Of the latest step: epoch, step, loss and gradient_norm."""
    above_since: tuple[int, int] | None = None
    """Epoch and step from which on every epoch's training loss was above the untrained network's."""


@dataclass(frozen=True)
class TrainerState:
    """All that is needed to go on from the latest step: what a checkpoint holds. Blocks as in ``MLP``."""

    progress: Progress
    parameters: Array
    velocity: Array
    best: Array


LOOKED_AT = 100
"""Images per digit used to measure saturation."""


class Trainer:
    """A network on its way: its optimizer, its history, and the best weights so far.

    ``network`` has the weights of the last epoch's end, or of the last ``state``; between them the learner is ahead.
    The best are those of the lowest validation loss, the earliest at a tie; without validation images
    those of the last epoch. ``computing`` is entered for the part of each step, by far the longest, that changes
    nothing of this: what breaks off a step there leaves it to be taken again.
    """

    def __init__(
        self,
        network: MLP,
        training_set: Dataset,
        validation_set: Dataset,
        options: Training,
        computing: AbstractContextManager[object] | None = None,
    ):
        self.network = network
        self.training_set = training_set
        self.validation_set = validation_set
        self.options = options
        self.computing = computing or nullcontext()
        self.feed = BatchLoader(training_set, options.batch_size)
        self.learner = Learner(network, self.feed.active, options)
        self.progress = Progress()
        self._best_block = network.parameter_block.copy()
        self._norms_before = divergence.norms(network)

    @property
    def history(self) -> list[Epoch]:
        """The epochs that are complete."""
        return self.progress.history

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights are the best; None before the first."""
        return self.history[self.progress.best_epoch - 1] if self.history else None

    @property
    def steps_per_epoch(self) -> int:
        """Batches in a pass, the short last one included."""
        return math.ceil(len(self.training_set) / self.options.batch_size)

    @property
    def good_epochs(self) -> int:
        """Complete epochs before the training loss came to stay above the untrained network's."""
        return self.progress.above_since[0] - 1 if self.progress.above_since else len(self.history)

    @property
    def steps(self) -> int:
        """Steps taken since the beginning."""
        return len(self.history) * self.steps_per_epoch + self.progress.current.steps

    def state(self) -> TrainerState:
        """Where training is, to go on from there later; Diverged where a weight is not finite.

        Its arrays are the trainer's own and change with the next step.
        """
        self.learner.store()
        self._check_weights()
        return TrainerState(self.progress, self.network.parameter_block, self.learner.velocity, self._best_block)

    def restore(self, state: TrainerState) -> None:
        """Go on from a state: what follows is what would have followed there, bit for bit."""
        self.progress = state.progress
        self.network.parameter_block[...] = state.parameters
        self.learner.velocity[...] = state.velocity
        self._best_block[...] = state.best

    def run_epoch(
        self, after_step: Callable[[], object] = lambda: None, after_block: Callable[[], object] = lambda: None
    ) -> Epoch:
        """Train on every training image once, or on those that are left of it, and score the validation images.

        ``after_step`` is called after every step, ``after_block`` after every block of images that are only looked
        at; what they raise ends the epoch where ``state`` can go on from. Diverged, with where and how, when a loss,
        gradient or weight is not finite, and when the training loss says that nothing is learned.
        """
        self._norms_before = divergence.norms(self.network)
        # What overflows is not silenced but caught: it shows in the next loss, gradient or weight.
        with np.errstate(over="ignore", invalid="ignore"):
            if self.progress.untrained_loss is None:
                self.progress.untrained_loss = evaluate(self.network, self.training_set, after_block).loss
            self._train(after_step)
            row = self._complete(self._validate(after_block))
            self._check_learning()
        return row

    def check_ending(self, after_block: Callable[[], object] = lambda: None) -> None:
        """Raise Diverged if, after the last epoch, the network that is kept has learned nothing: ``standstill.Ending``.

        ``after_block`` is as in ``run_epoch``; the state stays as it is.
        """
        best, untrained = self.best, self.progress.untrained_loss
        assert best is not None and untrained is not None  # noqa: S101, PT018 - there was an epoch
        level = min(untrained, self._constant_loss)
        if best.validation_loss is not None and best.validation_loss < standstill.CLEAR * level:
            return
        network = self.network.copy(self.network.precision)
        network.parameter_block[...] = self._best_block
        with np.errstate(over="ignore", invalid="ignore"):  # as in run_epoch
            judged = evaluate(network, self.training_set, after_block)
            if not math.isfinite(judged.loss):
                what, place = f"the training loss after it is {judged.loss}", (best.epoch, self.steps_per_epoch)
                raise self._diverged(network, what, *place, divergence.first_not_finite(network))
            evaluate(network, self.training_set.first_of_each(LOOKED_AT))  # the sigmoids are to be looked at
            ending = Ending(
                network,
                judged.probabilities,
                self.training_set.targets,
                loss=judged.loss,
                untrained_loss=untrained,
                last_loss=self.history[-1].train_loss,
                steps=self.steps,
                steps_per_epoch=self.steps_per_epoch,
                is_last=best is self.history[-1],
                beats_others=self._beats_constant(best),
            )
        if ending.reason is not None:
            losses = [row.train_loss for row in self.history]
            epoch = standstill.standing_since(losses, level)
            what, suspect = f"the training {ending.reason}", divergence.suspect(network)
            raise self._diverged(network, what, epoch, 1, suspect, ending)

    def best_parameters(self) -> dict[str, Array]:
        """The best weights, by name."""
        return self.network.views(self._best_block)

    def _train(self, after_step: Callable[[], object]) -> None:
        """What is left of the pass over the shuffled training images, by the learner."""
        self.learner.load()
        try:
            done, network, epoch = self.progress.current, self.learner.network, self._epoch
            random = generator(self.options.seed, Stream.SHUFFLE, epoch)
            batch, began = network.batch(min(self.options.batch_size, len(self.training_set))), perf_counter()
            for pixels, targets in self.feed.batches(random, done.steps):
                if len(pixels) != len(batch.X):
                    batch = network.batch(len(pixels))
                loss, norm = self._gradients(batch, pixels, targets)
                if not math.isfinite(loss + norm):
                    what = f"the loss is {loss}, the gradient's norm {norm}"
                    raise self._not_finite(network, what, done.steps + 1)
                self.learner.step()
                done.steps += 1
                done.loss += loss * len(pixels)
                done.errors += int(np.count_nonzero(decide(batch.P) != targets))
                done.gradient_norm += norm
                if done.above is None and self._is_above(loss) and self.steps > 1:  # the first is the untrained one's
                    done.above = done.steps
                self.progress.last_finite = {"epoch": epoch, "step": done.steps, "loss": loss, "gradient_norm": norm}
                done.seconds += perf_counter() - began
                after_step()
                began = perf_counter()
        finally:
            self.learner.store()

    def _gradients(
        self, batch: BatchBuffers, pixels: NDArray[np.uint8], targets: NDArray[np.bool_]
    ) -> tuple[float, float]:
        """A batch forward and backward: its loss, and the norm of the gradient over all parameters."""
        with self.computing:
            scale(pixels, batch.X)
            batch.Y[...] = targets
            loss = batch.loss()
            batch.backward()
            gradient = self.learner.network.gradient_block
            return loss, math.sqrt(np.dot(gradient, gradient))

    def _validate(self, after_block: Callable[[], object]) -> Evaluation | None:
        self._check_weights()
        if len(self.validation_set) == 0:
            return None
        validation = evaluate(self.network, self.validation_set, after_block)
        if not math.isfinite(validation.loss):
            what = f"the validation loss after it is {validation.loss}"
            raise self._not_finite(self.network, what, self.progress.current.steps)
        return validation

    def _complete(self, validation: Evaluation | None) -> Epoch:
        """The row of the epoch whose pass is done; its weights are kept where they are the best."""
        done, images = self.progress.current, len(self.training_set)
        row = Epoch(
            epoch=self._epoch,
            train_loss=done.loss / images,
            validation_loss=validation.loss if validation else None,
            train_accuracy=(images - done.errors) / images,
            validation_accuracy=validation.accuracy if validation else None,
            learning_rate=self.options.learning_rate,
            gradient_norm=done.gradient_norm / done.steps,
            seconds=done.seconds,
        )
        if _is_better(row, self.best):
            self.progress.best_epoch = row.epoch
            self._best_block[...] = self.network.parameter_block
        if not self._is_above(row.train_loss):
            self.progress.above_since = None
        elif self.progress.above_since is None:
            self.progress.above_since = (row.epoch, done.above or done.steps)
        self.history.append(row)
        self.progress.current = EpochSums()
        return row

    @property
    def _epoch(self) -> int:
        """The epoch under way."""
        return len(self.history) + 1

    def _is_above(self, loss: float) -> bool:
        assert self.progress.untrained_loss is not None  # noqa: S101 - it is worked out before the first step
        return divergence.is_above(loss, self.progress.untrained_loss)

    def _check_weights(self) -> None:
        """Diverged where the update made a weight of the whole network what is no longer finite."""
        for name, array in self.network.parameters.items():
            if not np.isfinite(array).all():
                what, step = "a weight is no longer finite after it", max(self.progress.current.steps, 1)
                raise self._diverged(self.learner.network, what, self._epoch, step, (divergence.UPDATE, name))

    def _check_learning(self) -> None:
        """Diverged where the epochs so far say that nothing is learned."""
        if self.progress.above_since is None:
            return
        untrained, losses = self.progress.untrained_loss, [row.train_loss for row in self.history]
        assert untrained is not None  # noqa: S101 - as above
        if divergence.given_up(losses, untrained, self.options.epochs):
            epoch, step = self.progress.above_since
            evaluate(self.network, self.training_set.first_of_each(LOOKED_AT))  # the sigmoids are to be looked at
            what = f"the training loss, {losses[-1]:.4f}, stays above the untrained network's, {untrained:.4f}"
            raise self._diverged(self.network, what, epoch, step, divergence.suspect(self.network))

    def _beats_constant(self, row: Epoch) -> bool:
        """Whether more validation images are classified correctly than the more frequent digit alone would give."""
        if row.validation_accuracy is None:
            return False
        count, ones = len(self.validation_set), int(np.count_nonzero(self.validation_set.targets))
        return round(row.validation_accuracy * count) > max(ones, count - ones)

    @cached_property
    def _constant_loss(self) -> float:
        """The best constant answer's, on the training images."""
        return standstill.constant_loss(self.network.loss_name, float(np.mean(self.training_set.targets)))

    def _not_finite(self, network: MLP, what: str, step: int) -> Diverged:
        gate, array = divergence.first_not_finite(network)
        if gate == divergence.UPDATE:  # of the step before the one that noticed
            step = max(self.progress.current.steps, 1)
        return self._diverged(network, what, self._epoch, step, (gate, array))

    def _diverged(
        self,
        network: MLP,
        what: str,
        epoch: int,
        step: int,
        suspect: tuple[str, str],
        ending: Ending | None = None,
    ) -> Diverged:
        """What is raised, with its report; ``network`` is the one whose latest pass is to be looked at.

        With an ending it says that nothing was learned.
        """
        options, (gate, array) = self.options, suspect
        self.learner.store()  # for the norms
        if ending is None:
            kind, tries = divergence.DIVERGED, divergence.advice(options, self.good_epochs)
            cure = f"lower training.learning_rate ({options.learning_rate:g})"
            if options.weight_decay:
                cure += f" or training.weight_decay ({options.weight_decay:g})"
        else:
            kind, tries = divergence.LEARNED_NOTHING, ending.advice(options, epoch - 1)
            cure = f"try {tries[0].partition(':')[0]}"
        norms = divergence.norms(self.network)
        report = {"kind": kind, "reason": what, "epoch": epoch, "step": step, "gate": gate, "array": array}
        report["untrained_loss"], report["constant_loss"] = self.progress.untrained_loss, self._constant_loss
        report["last_finite"] = self.progress.last_finite | {
            "parameter_norms": norms if all(map(math.isfinite, norms.values())) else self._norms_before
        }
        report["saturated"] = divergence.saturated(network)
        report["try"] = tries
        return Diverged(f"{divergence.headline(report)}: {cure}", report)


def kept_epoch(history: Sequence[Epoch]) -> Epoch:
    """The epoch of a run whose weights are kept: as ``Trainer`` says."""
    best = history[0]
    for row in history[1:]:
        best = row if _is_better(row, best) else best
    return best


def _is_better(row: Epoch, best: Epoch | None) -> bool:
    if best is None or row.validation_loss is None or best.validation_loss is None:
        return True
    return row.validation_loss < best.validation_loss
