"""The epoch loop: batches forward, backward and a step of SGD, and the best weights kept."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np

from mlp.config import Training
from mlp.dataset import Dataset
from mlp.errors import Diverged
from mlp.evaluation import Evaluation, evaluate
from mlp.gates import Array
from mlp.network import MLP, decide
from mlp.randomness import Stream, generator
from mlp.sgd import SGD


@dataclass(frozen=True)
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

    def __str__(self) -> str:
        """One line for people."""
        loss, accuracy = f"loss {self.train_loss:.6f}", f"accuracy {self.train_accuracy:.2%}"
        if self.validation_loss is not None:
            loss += f", validation {self.validation_loss:.6f}"
            accuracy += f", validation {self.validation_accuracy:.2%}"
        return f"{loss}; {accuracy}; {self.seconds:.2f} s"


class _Pass(NamedTuple):
    """What a pass over the training images showed."""

    loss: float
    accuracy: float
    gradient_norm: float


class Trainer:
    """A network on its way: its optimizer, its history, and the best weights so far.

    The best are those of the lowest validation loss, the earliest at a tie; without validation images
    those of the last epoch.
    """

    def __init__(self, network: MLP, training_set: Dataset, validation_set: Dataset, options: Training):
        self.network = network
        self.training_set = training_set
        self.validation_set = validation_set
        self.options = options
        self.optimizer = SGD(
            network.parameter_block,
            network.gradient_block,
            learning_rate=options.learning_rate,
            momentum=options.momentum,
            weight_decay=options.weight_decay,
        )
        self.history: list[Epoch] = []
        self.best_epoch = 0
        self.best_validation: Evaluation | None = None
        self._best_block = network.parameter_block.copy()

    @property
    def steps_per_epoch(self) -> int:
        """Batches in a pass, the short last one included."""
        return math.ceil(len(self.training_set) / self.options.batch_size)

    def run_epoch(self, after_step: Callable[[], object] = lambda: None) -> Epoch:
        """Train on every training image once and score the validation images.

        Diverged, naming the step and training.learning_rate, when a loss, gradient or weight is not finite.
        """
        epoch = len(self.history) + 1
        # What overflows is not silenced but caught: it shows in the next loss, gradient or weight.
        with np.errstate(over="ignore", invalid="ignore"):
            started = perf_counter()
            training = self._train(epoch, after_step)
            seconds = perf_counter() - started
            validation = self._validate(epoch)
        self._keep_best(epoch, validation)
        row = Epoch(
            epoch=epoch,
            train_loss=training.loss,
            validation_loss=validation.loss if validation else None,
            train_accuracy=training.accuracy,
            validation_accuracy=validation.accuracy if validation else None,
            learning_rate=self.options.learning_rate,
            gradient_norm=training.gradient_norm,
            seconds=seconds,
        )
        self.history.append(row)
        return row

    def best_parameters(self) -> dict[str, Array]:
        """The best weights, by name."""
        return self.network.views(self._best_block)

    def _train(self, epoch: int, after_step: Callable[[], object]) -> _Pass:
        """One pass over the shuffled training images."""
        images = len(self.training_set)
        order = generator(self.options.seed, Stream.SHUFFLE, epoch).permutation(images)
        loss_sum, norm_sum, errors, steps = 0.0, 0.0, 0, 0
        for positions in self.training_set.batches(self.options.batch_size, order):
            X, Y = self.network.memory(len(positions))
            self.training_set.fetch(positions, X, Y)
            loss = self.network.loss(X, Y)
            self.network.backward()
            norm = math.sqrt(self.network.gradient_block @ self.network.gradient_block)
            steps += 1
            if not math.isfinite(loss + norm):
                raise self._diverged(f"epoch {epoch}, step {steps}: the loss is {loss}, the gradient's norm {norm}")
            self.optimizer.step()
            loss_sum += loss * len(positions)
            errors += int(np.count_nonzero(decide(self.network.probabilities) != Y))
            norm_sum += norm
            after_step()
        return _Pass(loss_sum / images, (images - errors) / images, norm_sum / steps)

    def _validate(self, epoch: int) -> Evaluation | None:
        if not np.isfinite(self.network.parameter_block).all():
            raise self._diverged(f"the end of epoch {epoch}: a weight is no longer finite")
        if len(self.validation_set) == 0:
            return None
        validation = evaluate(self.network, self.validation_set)
        if not math.isfinite(validation.loss):
            raise self._diverged(f"the end of epoch {epoch}: the validation loss is {validation.loss}")
        return validation

    def _diverged(self, where: str) -> Diverged:
        options = self.options
        return Diverged(
            f"training diverged in {where}: lower training.learning_rate ({options.learning_rate:g})"
            + (f" or training.weight_decay ({options.weight_decay:g})" if options.weight_decay else "")
        )

    def _keep_best(self, epoch: int, validation: Evaluation | None) -> None:
        best = self.best_validation
        if validation is None or best is None or validation.loss < best.loss:
            self.best_epoch, self.best_validation = epoch, validation
            self._best_block[...] = self.network.parameter_block
