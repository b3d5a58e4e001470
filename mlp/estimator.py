"""The network and its SGD as a scikit-learn classifier, for pipelines, searches and calibration.

The only module that imports scikit-learn.
"""

import math
import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from mlp import config
from mlp.gates import Array
from mlp.network import MLP, block_length, decide
from mlp.system import blas_threads
from mlp.training.active_inputs import OrderedParameters
from mlp.training.batches import MAX_COPIED_BYTES
from mlp.training.random_streams import Stream, generator
from mlp.training.standstill import Ending

PRECISIONS = [np.float64, np.float32]
MODEL = ("hidden_sizes", "loss")
TRAINING = ("epochs", "batch_size", "learning_rate", "momentum", "weight_decay")


class MLPClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A multilayer perceptron for two classes: ``mlp.network.MLP``, trained as ``train.py`` does.

    The options are those of the config, with its defaults and ranges:

    hidden_sizes: units of each hidden layer; () is the linear classifier.
    loss: "euclidean", the mean of 1/2 (p - y)^2, or "cross_entropy".
    epochs: passes over the examples in ``fit``.
    batch_size: examples per step.
    learning_rate: step size; multiplies the gradient of the batch's mean loss.
    momentum: fraction of the previous update that is added to this one.
    weight_decay: L2 coefficient; weight_decay times each parameter is added to its gradient.
    random_state: an integer below 2^32 is the config's seed; or a RandomState, or None for NumPy's own.

    If X is float32, the network computes in float32, otherwise in float64. Scale the features, with a
    ``StandardScaler`` for example: the gradient of a weight grows with its feature. All examples are used for training;
    use scikit-learn's tools to hold some out.

    With the same examples in the same order (pixels in 0..1 as float32), seed and options, the weights are those of
    ``train.py`` with ``data.validation_fraction: 0``, bit for bit. This holds for at most ``batches.MAX_COPIED_BYTES``
    numbers in X: a larger set is shuffled in another way by ``train.py``.

    After ``fit`` it has ``classes_``, (2,): the second is target 1; ``network_``; ``loss_curve_``, the mean training
    loss of each pass, each batch before its update; ``n_iter_``, the number of passes; ``n_features_in_``. ``predict``
    and ``predict_proba`` are thread-safe.
    """

    def __init__(
        self,
        hidden_sizes: tuple[int, ...] = (32,),
        *,
        loss: str = "euclidean",
        epochs: int = 10,
        batch_size: int = 32,
        learning_rate: float = 1.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.hidden_sizes = hidden_sizes
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train a new network on all examples for ``epochs`` passes. X: (n, features), finite. y: (n,), two classes.

        Raises ValueError if an option is out of range, if X or y is not as above, or if training diverges: the weights
        of the passes before are then kept, and the message says what to try. Warns with ConvergenceWarning if nothing
        was learned in the end, by the rule of ``standstill.Ending``.
        """
        if hasattr(self, "network_"):
            del self.network_  # so that it does not count as fitted if something fails
        X, y = self._validated(X, y, dtype=PRECISIONS)
        model, training = self._options(X.dtype.name)
        classes = two_classes(y)
        Y, network = targets(y, classes, X.dtype), self._begin(X, classes, model)
        self._learn(network, X, Y, training, training.epochs, warn=True)
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """One more pass over these examples; the first call begins a new network.

        As many calls as ``fit`` has epochs, with the same examples, give the same weights. The options may change
        between calls, except those of the network. Only the first call uses ``random_state``; it requires ``classes``,
        an array of both classes. Raises ValueError as ``fit`` does.
        """
        network: MLP | None = getattr(self, "network_", None)
        X, y = self._validated(X, y, reset=network is None, dtype=network.precision if network else PRECISIONS)
        model, training = self._options(X.dtype.name)
        if network is None:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit")
            both = two_classes(np.asarray(classes))
            Y, network = targets(y, both, X.dtype), self._begin(X, both, model)
        else:
            Y = targets(y, self.classes_, X.dtype)
            if classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
                raise ValueError(
                    f"classes {classes} are not those of the first call, {self.classes_}: fit starts again"
                )
            if (network.sizes[1:-1], network.loss_name) != (model.hidden_sizes, model.loss):
                raise ValueError("hidden_sizes or loss differ from the network's: fit starts again")
        self._learn(network, X, Y, training, 1, warn=False)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The class of each row of X: the second one if its probability is at least 1/2."""
        chosen = decide(self._probabilities(X)).astype(np.intp)
        predicted: NDArray[Any] = self.classes_[chosen]
        return predicted

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each class, (n, 2), in the order of ``classes_``."""
        P = self._probabilities(X)
        return np.column_stack([1 - P, P])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _options(self, precision: str) -> tuple[config.Model, config.Training]:
        """The options as in a config; raises ValueError if one is out of range."""
        check_random_state(self.random_state)
        training = {name: plain(getattr(self, name)) for name in TRAINING} | {"precision": precision}
        try:
            model = config.Model.model_validate({name: plain(getattr(self, name)) for name in MODEL})
            return model, config.Training.model_validate(training)
        except ValidationError as invalid:
            raise ValueError("; ".join(map(config.describe, invalid.errors(include_url=False)))) from None

    def _validated(self, *arrays: ArrayLike, **options: Any) -> tuple[NDArray[Any], ...]:
        """X, or X and y, checked by scikit-learn: matching shapes, X of the precision, in C order, finite."""
        valid = validate_data(self, *arrays, order="C", **options)
        return valid if len(arrays) == 2 else (valid,)

    def _begin(self, X: Array, classes: NDArray[Any], model: config.Model) -> MLP:
        """An untrained network; it becomes ``network_`` after its first pass."""
        state = self.random_state
        self._seed = int(state) if isinstance(state, int | np.integer) else check_random_state(state).randint(1 << 31)
        weights, sizes = generator(self._seed, Stream.WEIGHTS), [X.shape[1], *model.hidden_sizes, 1]
        network = MLP(sizes, precision=X.dtype, generator=weights, loss=model.loss)
        self._velocity = np.zeros_like(network.parameter_block)
        self.classes_ = classes
        self.loss_curve_: list[float] = []
        self.n_iter_ = 0
        return network

    def _learn(self, network: MLP, X: Array, Y: Array, training: config.Training, passes: int, *, warn: bool) -> None:
        """Train for this number of passes, each in a fresh order; the network is updated after each pass.

        Raises ValueError if a loss or a weight is not finite: the network stays as it was before that pass. With
        ``warn``, warns if nothing was learned in the end.
        """
        active = active_features(X)
        rows = X if len(active) == X.shape[1] else X.take(active, axis=1)  # in C order, which X[:, active] is not
        parameters = OrderedParameters(network, active, training)
        if training.momentum:
            parameters.velocity[...] = self._velocity
        # Overflow is not ignored: it shows in the loss or the weights, which are checked.
        with blas_threads.threads(1), np.errstate(over="ignore", invalid="ignore"):
            untrained = mean_loss(network, X, Y) if warn else math.inf
            parameters.load()
            for _ in range(passes):
                order = generator(self._seed, Stream.SHUFFLE, self.n_iter_ + 1).permutation(len(rows))
                loss = one_pass(parameters, rows, Y, order, training.batch_size)
                if not (math.isfinite(loss) and np.isfinite(parameters.optimizer.A).all()):
                    raise ValueError(f"training diverged in pass {self.n_iter_ + 1}: {self._cure()}")
                parameters.store()
                self.network_, self._velocity = network, parameters.velocity
                self.loss_curve_.append(loss)
                self.n_iter_ += 1
            if warn:
                self._judge(network, X, Y, training, untrained)

    def _judge(self, network: MLP, X: Array, Y: Array, training: config.Training, untrained_loss: float) -> None:
        """Warns if nothing was learned, by the rule of ``standstill.Ending``."""
        steps = math.ceil(len(X) / training.batch_size)
        ending = Ending(
            network,
            probabilities(network, X),
            Y[:, 0],
            loss=mean_loss(network, X, Y),
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

    def _probabilities(self, X: ArrayLike) -> Array:
        """The probability of the second class, (n,)."""
        check_is_fitted(self)
        (X,) = self._validated(X, reset=False, dtype=self.network_.precision)
        return probabilities(self.network_, X)


def one_pass(parameters: OrderedParameters, X: Array, Y: Array, order: NDArray[np.intp], batch_size: int) -> float:
    """One step per batch, the examples in this order. Returns the mean loss, each batch before its step."""
    total, batch = 0.0, parameters.batch(min(batch_size, len(order)))
    for chosen in gen_batches(len(order), batch_size):
        positions = order[chosen]
        if len(positions) != len(batch.X):
            batch = parameters.batch(len(positions))
        X.take(positions, axis=0, out=batch.X, mode="clip")  # the default mode fills a copy first
        Y.take(positions, axis=0, out=batch.Y, mode="clip")
        total += batch.loss() * len(positions)
        batch.backward()
        parameters.step()
    return total / len(order)


def mean_loss(network: MLP, X: Array, Y: Array) -> float:
    """The network's loss on all examples."""
    blocks = gen_batches(len(X), block_length(X.shape[1]))
    return sum(network.loss(X[rows], Y[rows]) * len(X[rows]) for rows in blocks) / len(X)


def probabilities(network: MLP, X: Array) -> Array:
    """The network's probability of the second class for each example, (n,)."""
    return network.predict(X)[:, 0]


def active_features(X: Array) -> NDArray[np.intp]:
    """The features that are nonzero in some example; all features if X is too large to copy, or all zeros."""
    active = np.flatnonzero(X.any(axis=0))
    return active if 0 < active.size * len(X) <= MAX_COPIED_BYTES else np.arange(X.shape[1])


def targets(y: NDArray[Any], classes: NDArray[Any], precision: DTypeLike) -> Array:
    """(n, 1): 1 for each example of the second class, else 0; raises ValueError for any other class."""
    if (strange := np.setdiff1d(y, classes)).size:
        raise ValueError(f"y has the class {strange[0]}: the classes are {classes}")
    Y: Array = np.equal(y, classes[1]).astype(precision)[:, np.newaxis]
    return Y


def two_classes(y: ArrayLike) -> NDArray[Any]:
    """The two classes in y, sorted; raises ValueError unless there are two."""
    check_classification_targets(y)
    kind, classes = type_of_target(y, input_name="y"), np.asarray(unique_labels(y))
    if kind != "binary":
        raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
    if len(classes) < 2:
        raise ValueError(f"two classes are needed, y has one class only, {classes[0]}")
    return classes


def plain(value: Any) -> Any:
    """An option as a Python type, because a search over a NumPy array passes NumPy's; a list becomes a tuple."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value
