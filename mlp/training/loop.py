"""The epoch loop: blocks of steps, each a batch forward, backward and an update; the best weights are kept."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from mlp.config import Training
from mlp.data.dataset import Dataset, divide
from mlp.evaluation import evaluate
from mlp.gates import Array
from mlp.network import MLP
from mlp.optimizers import scheduled
from mlp.system.errors import Diverged
from mlp.training import divergence, standstill
from mlp.training.active_inputs import OrderedParameters
from mlp.training.batches import BatchLoader
from mlp.training.divergence import DivergenceWatch
from mlp.training.progress import Epoch, EpochSums, Progress, TrainerState
from mlp.training.random_streams import Stream, generator
from mlp.training.standstill import Ending
from mlp.training.step import StepPlan, StepPlans


class Trainer:
    """A network in training: its optimizer, its progress, and the best weights so far.

    ``network`` has the weights of the end of the last epoch, or of the last ``state``; in between only
    ``parameters`` is up to date. The best weights are those with the lowest validation loss, the earliest at a tie;
    without validation images, those of the last epoch.

    Short steps are taken in blocks of some milliseconds, and a signal waits for the end of its block. A long step is a
    block of its own. Its passes take most of the time and change no weights: they run within ``computing``, and if it
    interrupts them, the step is repeated later.
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
        self.loader = BatchLoader(training_set, options.batch_size)
        self.parameters = OrderedParameters(network, self.loader.active, options)
        self.watch = DivergenceWatch(self.parameters, training_set, options)
        self.plans = StepPlans(self.parameters, self.loader.batch_size, scale=training_set.scale)
        self._best_block = network.parameter_block.copy()
        self._is_stopped = False

    def __repr__(self) -> str:
        return f"Trainer({self.network}, {len(self.training_set):,} images, {self.progress})"

    @property
    def progress(self) -> Progress:
        """How far training is."""
        return self.watch.progress

    @property
    def history(self) -> list[Epoch]:
        """The complete epochs."""
        return self.progress.history

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, the short last one included."""
        return math.ceil(len(self.training_set) / self.options.batch_size)

    @property
    def steps(self) -> int:
        """Steps taken since the beginning."""
        return len(self.history) * self.steps_per_epoch + self.progress.current.steps

    @property
    def has_stopped(self) -> bool:
        """Whether no epoch is left."""
        return self._is_stopped or self.progress.has_stopped(self.options.epochs, self.options.patience)

    def stop(self) -> None:
        """Let no further epoch follow."""
        self._is_stopped = True

    @property
    def learning_rate(self) -> float:
        """That of the current epoch."""
        options = self.options
        return scheduled(options.schedule, options.learning_rate, self.progress.epoch, options.epochs)

    def state(self) -> TrainerState:
        """The state to resume from later; raises Diverged if a weight is not finite.

        Its arrays are the trainer's own and change with the next step.
        """
        self.parameters.store()
        self.watch.check_weights()
        return TrainerState(self.progress, self.network.parameter_block, self.parameters.state, self._best_block)

    def restore(self, state: TrainerState) -> None:
        """Continue from a state, bit for bit as if training had not stopped."""
        self.watch.progress = state.progress
        self.network.parameter_block[...] = state.parameters
        for name, block in self.parameters.state.items():
            block[...] = state.optimizer[name]
        self.parameters.optimizer.steps = self.steps
        self._best_block[...] = state.best

    def best_parameters(self) -> dict[str, Array]:
        """The best weights, by name."""
        return self.network.views(self._best_block)

    def run_epoch(
        self,
        after_steps: Callable[[int], object] = lambda steps: None,
        after_block: Callable[[], object] = lambda: None,
    ) -> Epoch:
        """Train once on every training image left in the current epoch, then evaluate on the validation images.

        ``after_steps`` is called after every block of training steps, with their number; a block ends where a
        checkpoint is due. ``after_block`` is called after every block of an evaluation. If one of them raises, the
        epoch stops there, and ``state`` can be resumed.

        Raises Diverged, with a report, if a loss, gradient or weight is not finite, or if the training losses show that
        nothing is learned.
        """
        progress = self.progress
        self.watch.begin_epoch()
        # Overflow is not ignored: it shows in the next loss, gradient or weight, which are checked.
        with np.errstate(over="ignore", invalid="ignore"):
            if progress.untrained_loss is None:
                progress.untrained_loss = evaluate(self.network, self.training_set, after_block).loss
            self._train(after_steps)
            self.watch.check_weights()
            validation, done = None, progress.current
            if len(self.validation_set):
                validation = evaluate(self.network, self.validation_set, after_block)
                self.watch.check_validation(validation.loss)
            row = done.row(progress.epoch, len(self.training_set), validation, self.learning_rate)
            if row.is_better(progress.best):
                progress.best_epoch = row.epoch
                self._best_block[...] = self.network.parameter_block
            progress.history.append(row)
            progress.current = EpochSums()
            self.watch.check_epoch(row, done.above or done.steps, is_last=self.has_stopped)
        return row

    def _train(self, after_steps: Callable[[int], object]) -> None:
        """The steps that are left in the current epoch, block by block."""
        parameters, sums = self.parameters, self.progress.current
        random = generator(self.options.seed, Stream.SHUFFLE, self.progress.epoch)
        parameters.load()
        parameters.optimizer.set_learning_rate(self.learning_rate)
        plans = self.plans
        plans[self.loader.batch_size]  # bound now, not while the clock runs
        sums.start_clock()
        try:
            for pixels, classes in self.loader.blocks(random, sums.steps, self._most_steps, lambda n: plans[n].rows):
                steps, n, _ = pixels.shape
                plan = plans[n]
                plan.set_classes(classes)
                self._take(plan, steps)
                self._count(plan, steps)
                after_steps(steps)
                sums.start_clock()
        finally:
            parameters.store()

    def _most_steps(self, n: int) -> int:
        """The most steps in the next block, of batches of n images: it ends where a checkpoint is due."""
        interval, unit = self.options.checkpoint_interval
        length = self.plans[n].length
        return min(length, interval - self.steps % interval) if unit == "step" else length

    def _take(self, plan: StepPlan, steps: int) -> None:
        """Run a block. Raises Diverged, with the weights before the step, if a loss or gradient is not finite."""
        is_long = plan.length == 1
        if is_long:
            with self.computing:
                plan.run_passes()
        else:
            self.parameters.snapshot()
            plan.run(steps)
        if not plan.is_finite(steps):
            finite = next(step for step in range(steps) if not plan.is_finite(step + 1))
            loss, norm = plan.losses(steps)[finite], plan.norms(steps)[finite]
            if not is_long:
                self._repeat(plan, finite)
            raise self._not_finite(plan, finite, loss, norm)
        if is_long:
            plan.run_update()
        self.parameters.count_steps(steps)

    def _count(self, plan: StepPlan, steps: int) -> None:
        """Add a block's first steps to the history's figures."""
        losses, norms = plan.losses(steps), plan.norms(steps)
        self.watch.note_steps(losses, norms)
        self.progress.current.add_steps(losses, norms, plan.errors(steps), plan.n)

    def _repeat(self, plan: StepPlan, steps: int) -> None:
        """Take a block's first steps again, those before one that was not finite."""
        self.parameters.roll_back()
        plan.run(steps)
        self.parameters.count_steps(steps)
        self._count(plan, steps)

    def _not_finite(self, plan: StepPlan, step: int, loss: float, norm: float) -> Diverged:
        """The error to raise for a block's step, counted from 0, with this loss and gradient norm.

        The network's own passes run on its batch, because they keep every array: the first one that is not finite is
        reported.
        """
        batch = self.parameters.batch(plan.n)
        divide(plan.rows[step], self.training_set.scale, batch.X)
        batch.set_classes(plan.classes[step * plan.n : (step + 1) * plan.n])
        batch.loss()
        batch.backward()
        return self.watch.not_finite(loss, norm)

    def check_ending(self, after_block: Callable[[], object] = lambda: None) -> None:
        """Raises Diverged if, after the last epoch, the best weights have learned nothing: ``standstill.Ending``.

        ``after_block`` is as in ``run_epoch``; the state stays as it is.
        """
        best, untrained = self.progress.best, self.progress.untrained_loss
        assert best is not None and untrained is not None  # noqa: S101, PT018 - there was an epoch
        level = min(untrained, self.watch.constant_loss)
        if best.validation_loss is not None and best.validation_loss < standstill.CLEAR * level:
            return
        network = self.network.copy(self.network.precision)
        network.parameter_block[...] = self._best_block
        with np.errstate(over="ignore", invalid="ignore"):  # as in run_epoch
            result = evaluate(network, self.training_set, after_block)
            if not math.isfinite(result.loss):
                reason, where = f"the training loss after it is {result.loss}", divergence.first_not_finite(network)
                raise self.watch.failure(network, reason, best.epoch, self.steps_per_epoch, where)
            self.watch.run_sample(network)
        ending = Ending(
            network,
            result.P,
            classes := self.training_set.targets,
            network.example_weights(classes),
            loss=result.loss,
            untrained_loss=untrained,
            last_loss=self.history[-1].train_loss,
            steps=self.steps,
            steps_per_epoch=self.steps_per_epoch,
            is_last=best is self.history[-1],
            beats_others=self._beats_constant(best),
        )
        if ending.reason is not None:
            epoch = standstill.standing_since([row.train_loss for row in self.history], level)
            reason, tries = f"the training {ending.reason}", ending.advice(self.options, epoch - 1)
            raise self.watch.failure(network, reason, epoch, 1, divergence.suspect(network), tries)

    def _beats_constant(self, row: Epoch) -> bool:
        """Whether more validation images are classified correctly than by always answering the most frequent label."""
        if row.validation_accuracy is None:
            return False
        counts = np.bincount(self.validation_set.targets)
        return bool(round(row.validation_accuracy * counts.sum()) > counts.max())
