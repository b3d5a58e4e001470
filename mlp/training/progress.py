"""How far training is: the complete epochs, one row of history.csv each, and sums over the steps of the current one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal

from mlp.evaluation import Evaluation
from mlp.gates import Array


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
        """The loss or accuracy on the validation images; on the training images if there are no validation images."""
        value: float | None = getattr(self, f"validation_{name}")
        return float(getattr(self, f"train_{name}")) if value is None else value

    def is_better(self, best: "Epoch | None") -> bool:
        """Whether its weights replace those of the best epoch so far, by the rule of ``Trainer``."""
        if best is None or self.validation_loss is None or best.validation_loss is None:
            return True
        return self.validation_loss < best.validation_loss

    def __str__(self) -> str:
        """One line for people."""
        loss, accuracy = f"loss {self.train_loss:.6f}", f"accuracy {self.train_accuracy:.2%}"
        if self.validation_loss is not None:
            loss += f", validation {self.validation_loss:.6f}"
            accuracy += f", validation {self.validation_accuracy:.2%}"
        return f"{loss}; {accuracy}; {self.seconds:.2f} s"


def kept_epoch(history: Sequence[Epoch]) -> Epoch:
    """The epoch of a run whose weights are kept."""
    best = history[0]
    for row in history[1:]:
        best = row if row.is_better(best) else best
    return best


@dataclass
class EpochSums:
    """The current epoch: its steps so far, and sums over them."""

    steps: int = 0
    loss: float = 0.0
    """The sum over images: each batch's mean loss times its size."""
    errors: int = 0
    gradient_norm: float = 0.0
    seconds: float = 0.0
    above: int | None = None
    """The first step whose loss was above the untrained network's."""

    def start_clock(self) -> None:
        """The next steps' seconds count from here."""
        self._began = perf_counter()

    def add_steps(self, losses: Sequence[float], gradient_norms: Sequence[float], errors: int, n: int) -> None:
        """Count steps on batches of n images: each one's mean loss and gradient's norm, and the errors of all.

        Each is added by itself, so that the sums do not depend on how steps are grouped.
        """
        self.steps += len(losses)
        for loss, norm in zip(losses, gradient_norms, strict=True):
            self.loss += loss * n
            self.gradient_norm += norm
        self.errors += errors
        self.seconds += perf_counter() - self._began

    def row(self, epoch: int, images: int, validation: Evaluation | None, learning_rate: float) -> Epoch:
        """The means of a complete pass over this number of images, with the validation after it."""
        return Epoch(
            epoch=epoch,
            train_loss=self.loss / images,
            validation_loss=validation.loss if validation else None,
            train_accuracy=(images - self.errors) / images,
            validation_accuracy=validation.accuracy if validation else None,
            learning_rate=learning_rate,
            gradient_norm=self.gradient_norm / self.steps,
            seconds=self.seconds,
        )


@dataclass
class Progress:
    """How far training is, without the weights."""

    history: list[Epoch] = field(default_factory=list)
    """The complete epochs."""
    current: EpochSums = field(default_factory=EpochSums)
    """The epoch that follows the history."""
    best_epoch: int = 0
    untrained_loss: float | None = None
    """The untrained network's loss on the training images; None before the first step."""
    last_finite: dict[str, int | float] = field(default_factory=dict)
    """The latest step: epoch, step, loss and gradient_norm."""
    above_since: tuple[int, int] | None = None
    """Epoch and step since which every epoch's training loss has been above the untrained network's."""

    def __repr__(self) -> str:
        return f"Progress(epochs={len(self.history)}, best_epoch={self.best_epoch}, steps={self.current.steps})"

    @property
    def epoch(self) -> int:
        """The number of the current epoch, from 1."""
        return len(self.history) + 1

    @property
    def best(self) -> Epoch | None:
        """The epoch with the best weights; None before the first."""
        return self.history[self.best_epoch - 1] if self.history else None

    def has_stopped(self, epochs: int, patience: int | None) -> bool:
        """Whether no epoch follows: all were trained, or ``patience`` of them did not improve the best one."""
        done = len(self.history)
        return done >= epochs or (patience is not None and done - self.best_epoch >= patience)

    @property
    def good_epochs(self) -> int:
        """Complete epochs before the training loss stayed above the untrained network's."""
        return self.above_since[0] - 1 if self.above_since else len(self.history)


@dataclass(frozen=True)
class TrainerState:
    """All that is needed to resume after the latest step: what a checkpoint holds. Blocks as in ``MLP``."""

    progress: Progress
    parameters: Array = field(repr=False)
    optimizer: Mapping[str, Array] = field(repr=False)
    """The optimizer's blocks by name."""
    best: Array = field(repr=False)

    @property
    def blocks(self) -> dict[str, Array]:
        """All arrays, by the names that they have in a checkpoint."""
        return {"parameters": self.parameters, **self.optimizer, "best": self.best}
