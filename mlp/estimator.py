"""The network and its training as a scikit-learn classifier, for pipelines, searches and calibration.

The only module that imports scikit-learn.
"""

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state, compute_class_weight, gen_batches
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from mlp import config
from mlp.config import Config, Training
from mlp.data.dataset import WHITE
from mlp.gates import Array
from mlp.network import MLP, block_length, by_class, decide, outputs_for
from mlp.optimizers import scheduled
from mlp.system import blas_threads
from mlp.training import from_config
from mlp.training.active_inputs import OrderedParameters
from mlp.training.batches import MAX_COPIED_BYTES, gather, in_blocks
from mlp.training.random_streams import Stream, generator
from mlp.training.standstill import Ending
from mlp.training.step import StepPlans

PRECISIONS = [np.float64, np.float32]
MODEL = ("hidden_sizes", "activation", "loss")
TRAINING = ("epochs", "batch_size", "learning_rate", "optimizer", "schedule", "momentum", "weight_decay")


@dataclass(frozen=True)
class Examples:
    """What to learn from: a row, or an entry, for each example."""

    X: Array
    """(n, features)"""
    classes: NDArray[np.intp]
    """(n,): the position of the example's class in ``classes_``."""
    weights: Array | None
    """(n,), of mean 1; None if no sample weights were given."""

    def weights_of(self, positions: NDArray[np.intp] | slice) -> Array | None:
        """The weights of the examples at these positions."""
        return None if self.weights is None else self.weights[positions]

    def with_features(self, features: NDArray[np.intp]) -> "Examples":
        """The same examples with only these features."""
        if len(features) == self.X.shape[1]:
            return self
        return replace(self, X=self.X.take(features, axis=1))  # in C order, which X[:, features] is not


class MLPClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A multilayer perceptron for two or more classes: ``mlp.network.MLP``, trained as ``train.py`` does.

    The options are those of the config, with its defaults and ranges:

    hidden_sizes: units of each hidden layer; () is the linear classifier.
    activation: of the hidden units: "sigmoid", "tanh" or "relu".
    loss: "euclidean", the mean of 1/2 |p - y|^2, or "cross_entropy".
    epochs: passes over the examples in ``fit``.
    batch_size: examples per step.
    learning_rate: step size; multiplies the gradient of the batch's mean loss.
    optimizer: "sgd" or "adam", for which a learning_rate of 0.001 is usual.
    schedule: of the learning rate: "constant", or "cosine", which falls from it towards 0 over all epochs.
    class_weight: weight of each class's examples in the loss: None, 1 each; "balanced", n / (classes * examples of the
        class); a dict from class to weight, as in scikit-learn; or a list in the order of ``classes_``.
    momentum: of "sgd": fraction of the previous update that is added to this one.
    weight_decay: L2 coefficient; weight_decay times each parameter is added to its gradient.
    random_state: an integer below 2^32 is the config's seed; or a RandomState, or None for NumPy's own.

    If X is float32, the network computes in float32, otherwise in float64. Scale the features, with a
    ``StandardScaler`` for example: the gradient of a weight grows with its feature. All examples are used for training;
    use scikit-learn's tools to hold some out.

    Sample weights multiply the losses of examples. Only their ratios count: they are scaled to mean 1, so that the
    learning rate keeps its meaning. An example of weight 0 is left out first, as if it had not been given; a weight
    counts as 0 if, divided by the largest, it is no normal number in the precision of X. If one batch holds all
    examples, weight 2 is the same as giving an example twice, up to rounding. Class weights multiply them as they are;
    balanced ones count each example with its weight.

    With the same examples in the same order (pixels in 0..1 as float32), seed and options, the weights are those of
    ``train.py`` with ``data.validation_fraction: 0`` and ascending ``data.digits``, bit for bit. This holds for at most
    ``batches.MAX_COPIED_BYTES`` numbers in X: a larger set is shuffled in another way by ``train.py``.

    After ``fit`` it has ``classes_``, sorted (with two, the second is target 1); ``network_``; ``loss_curve_``, the
    mean training loss of each pass, each batch before its update; ``n_iter_``, the number of passes;
    ``n_features_in_``.
    ``predict`` and ``predict_proba`` are thread-safe.
    """

    def __init__(
        self,
        hidden_sizes: tuple[int, ...] = (32,),
        *,
        activation: str = "sigmoid",
        loss: str = "euclidean",
        epochs: int = 10,
        batch_size: int = 32,
        learning_rate: float = 1.0,
        optimizer: str = "sgd",
        schedule: str = "constant",
        class_weight: str | dict[Any, float] | list[float] | None = None,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.hidden_sizes = hidden_sizes
        self.activation = activation
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.schedule = schedule
        self.class_weight = class_weight
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a new network on all examples for ``epochs`` passes.

        X: (n, features), finite. y: (n,), two or more classes. sample_weight: (n,), at least 0 and not all 0.

        Raises ValueError if an option is out of range, if an array is not as above, or if training diverges: the
        weights of the passes before are then kept, and the message says what to try. Warns with ConvergenceWarning if
        nothing was learned in the end, by the rule of ``standstill.Ending``.
        """
        if hasattr(self, "network_"):
            del self.network_  # so that it does not count as fitted if something fails
        X, y, weights = self._validated(X, y, sample_weight, dtype=PRECISIONS)
        classes = classes_in(y)
        options, examples = self._options(X.dtype.name, classes), Examples(X, positions(y, classes), weights)
        network = self._begin(examples, classes, options)
        self._learn(network, examples, options.training, options.training.epochs, warn=True)
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """One more pass over these examples; the first call begins a new network.

        As many calls as ``fit`` has epochs, with the same examples, give the same weights. Pass number k uses the
        learning rate of epoch k in the schedule, or of the last epoch. Sample weights have mean 1 in each call.

        The options may change between calls, except those of the network. Another optimizer, or momentum that is
        switched off or on, begins without memory of earlier steps. Only the first call uses ``random_state``; it
        requires ``classes``, an array of all classes. Raises ValueError as ``fit`` does, and for balanced class
        weights, which depend on all examples.
        """
        network: MLP | None = getattr(self, "network_", None)
        X, y, weights = self._validated(
            X, y, sample_weight, reset=network is None, dtype=network.precision if network else PRECISIONS
        )
        if network is None and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit")
        given = self.classes_ if classes is None else classes_in(classes)
        known = given if network is None else self.classes_
        if not np.array_equal(given, known):
            raise ValueError(f"classes {given} are not those of the first call, {known}: fit starts again")
        options = self._options(X.dtype.name, known)
        if options.training.class_weight == config.BALANCED:
            raise ValueError(
                "class_weight: balanced weights depend on all examples, and partial_fit gets some: "
                "pass a dict, such as one made of what scikit-learn's compute_class_weight returns"
            )
        examples = Examples(X, positions(y, known), weights)
        if network is None:
            network = self._begin(examples, known, options)
        else:
            network = with_class_weights(network, options, class_weights(options, examples, len(known)))
        self._learn(network, examples, options.training, 1, warn=False)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row of X; with two classes, the second if its probability is at least 1/2."""
        chosen = decide(self._outputs(X)).astype(np.intp)
        predicted: NDArray[Any] = self.classes_[chosen]
        return predicted

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each class, (n, classes), in the order of ``classes_``; the sum of each row is 1.

        Under the Euclidean loss three or more outputs are sigmoids, whose sum is not 1: each row is divided by its sum.
        """
        P = by_class(self._outputs(X))
        P /= P.sum(axis=1, keepdims=True)
        return P.astype(self.network_.precision)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def _options(self, precision: str, classes: NDArray[Any]) -> Config:
        """The options as a config; raises ValueError if one is out of range."""
        check_random_state(self.random_state)
        weight = self.class_weight
        if isinstance(weight, dict):
            weight = compute_class_weight(weight, classes=classes, y=classes)
        model, training = ({name: plain(getattr(self, name)) for name in names} for names in (MODEL, TRAINING))
        training |= {"class_weight": plain(weight), "precision": precision}
        sections = {"data": {"digits": config.ALL}, "model": model, "training": training}
        try:
            return Config.model_validate(sections)
        except ValidationError as invalid:
            messages = "; ".join(map(config.describe, invalid.errors(include_url=False)))
            raise ValueError(re.sub(r"\b(model|training)\.", "", messages)) from None

    def _validated(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, **options: Any
    ) -> tuple[Array, NDArray[Any], Array | None]:
        """X, y and weights of mean 1, without the examples of weight 0.

        scikit-learn checks them: matching shapes, X of the precision, in C order, finite.
        """
        rows, labels = validate_data(self, X, y, order="C", **options)
        if sample_weight is None:
            return rows, labels, None
        weights = checked_weights(sample_weight, len(rows))
        weights /= weights.max()  # the sum of huge ones would be infinite
        kept = weights >= np.finfo(rows.dtype).tiny
        weights = weights[kept]
        return rows[kept], labels[kept], (weights / weights.mean()).astype(rows.dtype)

    def _begin(self, examples: Examples, classes: NDArray[Any], options: Config) -> MLP:
        """An untrained network; it becomes ``network_`` after its first pass."""
        state = self.random_state
        self._seed = int(state) if isinstance(state, int | np.integer) else check_random_state(state).randint(1 << 31)
        sizes = [examples.X.shape[1], *options.model.hidden_sizes, outputs_for(len(classes))]
        weights = class_weights(options, examples, len(classes))
        network = MLP(sizes, generator=generator(self._seed, Stream.WEIGHTS), **from_config.options(options, weights))
        self._rule: tuple[str, bool] | None = None
        self._state: Mapping[str, Array] = {}
        self._steps = 0
        self.classes_ = classes
        self.loss_curve_: list[float] = []
        self.n_iter_ = 0
        return network

    def _learn(self, network: MLP, examples: Examples, training: Training, passes: int, *, warn: bool) -> None:
        """Train for this number of passes, each in a fresh order; the network is updated after each pass.

        Raises ValueError if a loss or a weight is not finite: the network stays as it was before that pass. With
        ``warn``, warns if nothing was learned in the end.
        """
        active = active_features(examples.X)
        rows = examples.with_features(active)
        rows = replace(rows, X=as_bytes(rows.X))
        parameters = OrderedParameters(network, active, training)
        batch_size = min(training.batch_size, len(rows.X))
        plans = StepPlans(parameters, batch_size, rows.X.dtype)
        rule = training.optimizer, training.momentum > 0  # another one begins without memory
        if rule == self._rule:
            for name, block in parameters.state.items():
                block[...] = self._state[name]
            parameters.optimizer.steps = self._steps
        # Overflow is not ignored: it shows in the loss or the weights, which are checked.
        with blas_threads.threads(1), np.errstate(over="ignore", invalid="ignore"):
            untrained = mean_loss(network, examples) if warn else math.inf
            parameters.load()
            for _ in range(passes):
                epoch = min(self.n_iter_ + 1, training.epochs)
                rate = scheduled(training.schedule, training.learning_rate, epoch, training.epochs)
                parameters.optimizer.set_learning_rate(rate)
                order = generator(self._seed, Stream.SHUFFLE, self.n_iter_ + 1).permutation(len(rows.X))
                loss = one_pass(parameters, plans, rows, order, batch_size)
                if not (math.isfinite(loss) and np.isfinite(parameters.optimizer.A).all()):
                    raise ValueError(f"training diverged in pass {self.n_iter_ + 1}: {self._cure()}")
                parameters.store()
                self.network_ = network
                self._rule, self._state, self._steps = rule, parameters.state, parameters.optimizer.steps
                self.loss_curve_.append(loss)
                self.n_iter_ += 1
            if warn:
                self._judge(network, examples, training, untrained)

    def _judge(self, network: MLP, examples: Examples, training: Training, untrained_loss: float) -> None:
        """Warns if nothing was learned, by the rule of ``standstill.Ending``."""
        steps, weights = math.ceil(len(examples.X) / training.batch_size), network.example_weights(examples.classes)
        ending = Ending(
            network,
            network.predict(examples.X),
            examples.classes,
            weights if examples.weights is None else weights * examples.weights,
            loss=mean_loss(network, examples),
            untrained_loss=untrained_loss,
            last_loss=self.loss_curve_[-1],
            steps=steps * self.n_iter_,
            steps_per_epoch=steps,
        )
        if ending.reason is not None:
            cure = f"try another learning_rate ({training.learning_rate:g}), more epochs or scaled features"
            message = f"nothing was learned: the {ending.reason}: {cure}; or there is nothing to learn"
            warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _cure(self) -> str:
        decay = f" or weight_decay ({self.weight_decay:g})" if self.weight_decay else ""
        return f"lower learning_rate ({self.learning_rate:g}){decay}, or scale the features, as with a StandardScaler"

    def _outputs(self, X: ArrayLike) -> Array:
        """What the network predicts, (n, outputs)."""
        check_is_fitted(self)
        rows: Array = validate_data(self, X, order="C", reset=False, dtype=self.network_.precision)
        return self.network_.predict(rows)


def one_pass(
    parameters: OrderedParameters, plans: StepPlans, examples: Examples, order: NDArray[np.intp], batch_size: int
) -> float:
    """One step per batch, the examples in this order. Returns the mean loss, each batch before its step."""
    total = 0.0
    for positions, n in in_blocks(order, batch_size, lambda n: plans[n].length):
        plan, steps = plans[n], len(positions) // n
        gather(examples.X, positions, plan.rows[:steps])
        plan.set_classes(examples.classes[positions], examples.weights_of(positions))
        plan.run(steps)
        parameters.count_steps(steps)
        total += sum(plan.losses(steps)) * n
    return total / len(order)


def mean_loss(network: MLP, examples: Examples) -> float:
    """The network's loss on all examples."""
    total, n = 0.0, len(examples.X)
    for rows in gen_batches(n, block_length(examples.X.shape[1])):
        batch = network.batch(rows.stop - rows.start)
        batch.X[...] = examples.X[rows]
        batch.set_classes(examples.classes[rows], examples.weights_of(rows))
        total += batch.loss() * len(batch.X)
    return total / n


def as_bytes(X: Array) -> NDArray[Any]:
    """X as pixels 0..255 if each number is exactly such a pixel divided by 255; else X itself.

    Then it takes a quarter of the memory or less, and trains as ``train.py`` does.
    """
    pixels = np.empty(X.shape, np.uint8)
    for rows in gen_batches(len(X), block_length(X.shape[1])):  # X may be large, and most often its first block decides
        part = X[rows]
        if part.min() < 0 or part.max() > 1:
            return X
        pixels[rows] = np.rint(part * WHITE)
        if not np.array_equal(pixels[rows].astype(X.dtype) / WHITE, part):
            return X
    return pixels


def active_features(X: Array) -> NDArray[np.intp]:
    """The features that are nonzero in some example; all features if X is too large to copy, or all zeros."""
    active = np.flatnonzero(X.any(axis=0))
    return active if 0 < active.size * len(X) <= MAX_COPIED_BYTES else np.arange(X.shape[1])


def class_weights(options: Config, examples: Examples, classes: int) -> tuple[float, ...] | None:
    """The weight of each class in the loss, as the network takes it; None if neither classes nor examples have any."""
    weights = options.training.class_weight
    if isinstance(weights, str):
        return from_config.balanced(np.bincount(examples.classes, examples.weights, classes))
    return weights if weights is not None or examples.weights is None else (1.0,) * classes


def with_class_weights(network: MLP, options: Config, weights: tuple[float, ...] | None) -> MLP:
    """The network of the calls before, with these class weights; raises ValueError if it is not the options' one."""
    own = network.sizes[1:-1], network.activation_name, network.loss_name
    if own != tuple(getattr(options.model, name) for name in MODEL):
        raise ValueError("hidden_sizes, activation or loss differ from the network's: fit starts again")
    if network.class_weights == weights:
        return network
    changed = MLP(network.sizes, **from_config.options(options, weights))
    changed.parameter_block[...] = network.parameter_block
    return changed


def positions(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    """(n,): the position of each example's class in ``classes``, which are sorted; raises ValueError for others."""
    if (strange := np.setdiff1d(y, classes)).size:
        raise ValueError(f"y has the class {strange[0]}: the classes are {classes}")
    return np.searchsorted(classes, y)


def classes_in(y: ArrayLike) -> NDArray[Any]:
    """The classes in y, sorted; raises ValueError unless there are two or more."""
    check_classification_targets(y)
    classes = np.asarray(unique_labels(y))
    if len(classes) < 2:
        raise ValueError(f"two classes are needed, y has one class only, {classes[0]}")
    return classes


def checked_weights(sample_weight: ArrayLike, n: int) -> NDArray[np.float64]:
    """Sample weights as an array (n,); raises ValueError unless they are finite, at least 0, and not all 0."""
    given = np.asarray(sample_weight)
    if given.shape != (n,):
        raise ValueError(f"sample_weight has shape {given.shape}, it must be {(n,)}: one weight for each example")
    weights: NDArray[np.float64] = check_array(
        given, ensure_2d=False, dtype=np.float64, input_name="sample_weight", copy=True
    )
    if weights.min() < 0 or not weights.any():
        what = "has a negative weight" if weights.any() else "has only zero weights"
        raise ValueError(f"sample_weight {what}: each must be at least 0, and one above 0")
    return weights


def plain(value: Any) -> Any:
    """An option as a Python type, because a search over a NumPy array passes NumPy's; a list becomes a tuple."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value
