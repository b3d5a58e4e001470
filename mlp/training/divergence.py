"""When training has failed: how it is noticed, where it began, and what to try.

A network diverges in two ways. Either a number is no longer finite; or, if the learning rate is too high, the units are
driven into saturation, where their activation's slope is 0: nothing becomes infinite, and the loss stays above where it
started.
``standstill`` notices a training that learns nothing in any other way.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp.config import Training
from mlp.data.dataset import Dataset
from mlp.evaluation import evaluate
from mlp.gates import Array, Gate, Relu, Sigmoid, Tanh
from mlp.network import MLP, output_classes
from mlp.system.errors import Diverged
from mlp.training.active_inputs import OrderedParameters
from mlp.training.progress import Epoch, Progress

EPOCHS_ABOVE = 3
"""A run is stopped after this many epochs in a row with a training loss above the untrained network's."""
ROUNDING = 1e-5
"""Relative rounding error of a loss in float32: a loss counts as above another only beyond this."""
UPDATE = "update"
"""In place of a gate if the optimizer's update made an array non-finite; a report names the optimizer."""
FLAT: Mapping[type[Gate], float] = {Sigmoid: 0.01, Tanh: 0.04, Relu: 0.04}
"""An activation counts as saturated if its slope is below this, 4 % of its largest: 1/4 for the sigmoid, else 1."""
NEAR_ONE = 0.25, 4.0
"""The largest input should lie in this range; otherwise ``data.scale`` is the first thing to try."""
SAMPLED = 100
"""Images per digit used to measure saturation."""
DIVERGED, LEARNED_NOTHING = "diverged", "learned nothing"
"""The kinds of report."""


class DivergenceWatch:
    """Looks at the steps and epochs of a training, and raises Diverged, with a report, if it has failed."""

    def __init__(self, parameters: OrderedParameters, training_set: Dataset, options: Training):
        self.progress = Progress()
        self._parameters, self._network = parameters, parameters.network
        self._training_set, self._options = training_set, options
        self.begin_epoch()

    def __repr__(self) -> str:
        return f"DivergenceWatch({self._network}, {self.progress})"

    def begin_epoch(self) -> None:
        """Remember the norms of the weights, to report them if the epoch ends with weights that are not finite."""
        self._norms_before = norms(self._network)

    def note_steps(self, losses: Sequence[float], gradient_norms: Sequence[float]) -> None:
        """Remember finite steps: the latest one, and the first whose loss is above the untrained network's."""
        if not losses:
            return
        progress, current = self.progress, self.progress.current
        if current.above is None and is_above(max(losses), self._untrained_loss):
            steps = enumerate(losses, current.steps + 1)
            above = (step for step, loss in steps if is_above(loss, self._untrained_loss))
            current.above = next((step for step in above if (progress.epoch, step) != (1, 1)), None)
        latest = {"loss": losses[-1], "gradient_norm": gradient_norms[-1]}
        progress.last_finite = {"epoch": progress.epoch, "step": current.steps + len(losses), **latest}

    def not_finite(self, loss: float, gradient_norm: float) -> Diverged:
        """The error to raise for the next step; the network's latest pass is that of its batch."""
        reason = f"the loss is {loss}, the gradient's norm {gradient_norm}"
        return self._not_finite(self._network, reason, self.progress.current.steps + 1)

    def check_weights(self) -> None:
        """Raises Diverged if an update produced a non-finite weight in the whole network."""
        for name, array in self._network.parameters.items():
            if not np.isfinite(array).all():
                reason, step = "a weight is no longer finite after it", max(self.progress.current.steps, 1)
                raise self.failure(self._network, reason, self.progress.epoch, step, (UPDATE, name))

    def check_validation(self, loss: float) -> None:
        """Raises Diverged if the validation loss is not finite."""
        if not math.isfinite(loss):
            reason = f"the validation loss after it is {loss}"
            raise self._not_finite(self._network, reason, self.progress.current.steps)

    def check_epoch(self, row: Epoch, step: int, *, is_last: bool) -> None:
        """Raises Diverged if the training losses up to this epoch show that nothing is learned.

        ``step`` is the epoch's first step with a loss above the untrained network's; with ``is_last`` no epoch follows.
        """
        progress, network = self.progress, self._network
        if not is_above(row.train_loss, self._untrained_loss):
            progress.above_since = None
            return
        progress.above_since = progress.above_since or (row.epoch, step)
        untrained, losses = self._untrained_loss, [row.train_loss for row in progress.history]
        if given_up(losses, untrained, is_last=is_last):
            self.run_sample(network)
            reason = f"the training loss, {losses[-1]:.4f}, stays above the untrained network's, {untrained:.4f}"
            raise self.failure(network, reason, *progress.above_since, suspect(network))

    def run_sample(self, network: MLP) -> None:
        """Run a network forward on some training images: ``suspect`` and ``saturated`` look at its latest pass."""
        evaluate(network, self._training_set.first_of_each(SAMPLED))

    @cached_property
    def constant_loss(self) -> float:
        """The loss of the best constant answer on the training images."""
        classes = self._training_set.targets
        return constant_loss(self._network, classes, self._network.example_weights(classes))

    def failure(
        self, network: MLP, reason: str, epoch: int, step: int, where: tuple[str, str], tries: list[str] | None = None
    ) -> Diverged:
        """The error to raise: training diverged, or, if ``tries`` is given, learned nothing; it lists what to try.

        ``where`` is the gate and its array; the report is about ``network``'s latest pass.
        """
        options, (gate, array) = self._options, where
        scaling = self._scaling()
        if tries is None:
            kind, tries = DIVERGED, [*scaling, *advice(options, self.progress.good_epochs)]
            cure = f"lower training.learning_rate ({options.learning_rate:g})"
            if options.learning_rate > (usual := usual_rate(options.optimizer, network.activation_name)):
                cure += f" to {usual:g}, for example"
            if options.weight_decay:
                cure += f" or training.weight_decay ({options.weight_decay:g})"
            if lighter(options):
                cure += " or the numbers in training.class_weight"
            if scaling:
                cure = f"try {scaling[0].partition(':')[0]}, or {cure}"
        else:
            kind, tries = LEARNED_NOTHING, [*scaling, *tries]
            cure = f"try {tries[0].partition(':')[0]}"
        self._parameters.store()  # for the norms
        parameter_norms = norms(self._network)
        if not all(map(math.isfinite, parameter_norms.values())):
            parameter_norms = self._norms_before
        report = {"kind": kind, "reason": reason, "epoch": epoch, "step": step, "gate": gate, "array": array}
        report["gate"] = options.optimizer if gate == UPDATE else gate
        report |= {"untrained_loss": self.progress.untrained_loss, "constant_loss": self.constant_loss}
        report["last_finite"] = self.progress.last_finite | {"parameter_norms": parameter_norms}
        report |= {"saturated": saturated(network), "try": tries}
        return Diverged(f"{headline(report)}: {cure}", report)

    def _scaling(self) -> list[str]:
        """The advice to scale the pixels so that the largest input is 1, if it is far from 1."""
        sample, (low, high) = self._training_set.first_of_each(SAMPLED), NEAR_ONE
        pixel = max(int(sample.pixels(rows).max()) for rows in sample.blocks())
        if pixel == 0 or low <= pixel / sample.scale <= high:
            return []
        return [f"data.scale={pixel}: the inputs then go from 0 to 1, not to {pixel / sample.scale:.3g}"]

    def _not_finite(self, network: MLP, reason: str, step: int) -> Diverged:
        where = first_not_finite(network)
        if where[0] == UPDATE:  # the cause was the previous step
            step = max(self.progress.current.steps, 1)
        return self.failure(network, reason, self.progress.epoch, step, where)

    @property
    def _untrained_loss(self) -> float:
        assert self.progress.untrained_loss is not None  # noqa: S101 - it is computed before the first step
        return self.progress.untrained_loss


def is_above(loss: float, untrained_loss: float) -> bool:
    """Whether a loss is worse than the untrained network's, beyond rounding."""
    return loss > untrained_loss * (1 + ROUNDING)


def constant_loss(network: MLP, classes: NDArray[Any], weights: NDArray[Any]) -> float:
    """The lowest mean loss of a network that gives every example the same output P.

    classes: (n,). weights: (n,), of the examples in the loss. The best P are the classes' shares of the weights. For
    weights of 1 the Euclidean loss is then the sum of P (1 - P) / 2 over the outputs; the cross-entropy is the entropy
    of the classes, in nats.
    """
    totals = np.bincount(classes, weights, network.classes)
    shares = totals / totals.sum()
    if network.loss_name == "euclidean":
        P = shares[output_classes(network.sizes[-1])]
        loss = float(np.sum(P * (1 - P))) / 2
    else:
        loss = -sum(share * math.log(share) for share in shares.tolist() if share)
    return loss * float(totals.sum()) / len(classes)


def given_up(losses: Sequence[float], untrained_loss: float, *, is_last: bool) -> bool:
    """Whether the training losses of the epochs so far show that nothing is learned."""
    above = [is_above(loss, untrained_loss) for loss in losses[-EPOCHS_ABOVE:]]
    return above[-1] and (is_last or above == [True] * EPOCHS_ABOVE)


def headline(report: Mapping[str, Any]) -> str:
    """A report in one line, without the advice."""
    place = f"epoch {report['epoch']}, step {report['step']}"
    how = f"learned nothing from {place} on" if report["kind"] == LEARNED_NOTHING else f"diverged in {place}"
    return f"training {how}: {report['reason']}"


def first_not_finite(network: MLP) -> tuple[str, str]:
    """The first gate of the latest passes that computed a non-finite array, and that array's name.

    An array dA is the gradient with respect to A. If a parameter was not finite before the pass, the gate is the
    update. If only a norm is not finite, the array is the one with the largest number.
    """
    latest = list(network.graph.latest())
    for gate, name, array in latest:
        if not np.isfinite(array).all():
            return (UPDATE if gate is None else gate.name), name
    made = [(np.abs(array).max(), gate.name, name) for gate, name, array in latest if gate is not None]
    return max(made)[1:]


def saturated(network: MLP) -> dict[str, float]:
    """The fraction of saturated values in the latest batch, by the name of the activation's output.

    For relu it is the fraction of dead units, which are 0 for every example: being 0 for some examples is normal.
    Empty before the first batch: a resumed run may stop before it.
    """
    if not network.graph.has_run:
        return {}
    found = {}
    for node in network.graph.nodes:
        if node.gate is not None and type(node.gate) in FLAT:
            Z, A = (network.graph.value(name) for name in (node.inputs[0].name, node.name))
            (slope,) = node.gate.backward(np.ones_like(A), A, Z)
            is_flat = slope < FLAT[type(node.gate)]
            found[node.name] = float(np.mean(is_flat.all(axis=0) if isinstance(node.gate, Relu) else is_flat))
    return found


def suspect(network: MLP) -> tuple[str, str]:
    """The gate to look at, and its array, if all numbers are finite but the loss does not fall.

    That is the first activation with more than half of its values saturated: no gradient flows back through these.
    Without such an activation it is the loss.
    """
    for name, share in saturated(network).items():
        if share > 0.5:
            return str(network.graph.node(name).gate), name
    return str(network.loss_node.gate), network.loss_node.name


def norms(network: MLP) -> dict[str, float]:
    """The Euclidean norm of each parameter array, finite if its elements are."""
    return {name: _norm(array) for name, array in network.parameters.items()}


def _norm(array: Array) -> float:
    """Scaled by the largest element: the square of a large one overflows in float32."""
    largest = float(np.abs(array).max())
    return largest * float(np.linalg.norm(array / array.dtype.type(largest))) if 0 < largest < math.inf else largest


def advice(options: Training, good_epochs: int) -> list[str]:
    """What to try, the most promising first."""
    rate = options.learning_rate
    tenth, hundredth = (float(f"{rate / factor:.0e}") for factor in (10, 100))
    tries = [f"a lower training.learning_rate than {rate:g}: {tenth:g}, then {hundredth:g}"]
    if options.momentum:
        tries += [f"a lower training.momentum than {options.momentum:g}: it scales steps by up to 1 / (1 - momentum)"]
    if options.weight_decay:
        tries += [f"a lower training.weight_decay than {options.weight_decay:g}: 0 leaves it out"]
    return [*tries, *lighter(options), *shorter(options, good_epochs)]


def usual_rate(optimizer: str, activation: str) -> float:
    """A learning rate to begin with: the config's default for sigmoids, else one that works on the digits."""
    if optimizer == "adam":
        return 0.001
    return Training().learning_rate if activation == "sigmoid" else 0.1


def lighter(options: Training) -> list[str]:
    """The advice to lower large class weights, if there are any."""
    weights = options.class_weight
    if not isinstance(weights, tuple) or max(weights) <= 1:
        return []
    return [f"smaller numbers than {max(weights):g} in training.class_weight: they scale the steps"]


def shorter(options: Training, good_epochs: int) -> list[str]:
    """The advice to stop in time, if some epochs were good and fewer epochs would begin with the same ones."""
    if not good_epochs or not options.can_get_more_epochs:
        return []
    return [f"training.epochs={good_epochs}: the same run, stopped while its loss was good, which keeps its model"]
