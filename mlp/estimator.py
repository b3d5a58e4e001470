"""The network and its training as a scikit-learn classifier, for pipelines, searches and calibration.

The only module that imports scikit-learn.
"""

import math
import re
import warnings
from collections.abc import Callable
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from mlp import config
from mlp.config import Config, Training
from mlp.gates import Array
from mlp.network import MLP, by_class, decide
from mlp.optimizers import scheduled
from mlp.system import blas_threads
from mlp.training.arrays import networks
from mlp.training.arrays.examples import Examples
from mlp.training.arrays.judging import BestPass, evaluate, why_nothing_was_learned
from mlp.training.arrays.passes import Memory, Passes
from mlp.training.random_streams import Stream, generator

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    WRAPPERS = 1  # functions between the caller of fit and fit
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """A classifier without ``set_callbacks``."""

    def with_callbacks(method: Any) -> Any:
        """The method as it is."""
        return method

    WRAPPERS = 0

Method = TypeVar("Method", bound=Callable[..., Any])
calling_back: Callable[[Method], Method] = with_callbacks  # with its types
PRECISIONS = [np.float64, np.float32]
ANEW = "warm_start=False begins anew"
TRAINING = ("epochs", "batch_size", "learning_rate", "optimizer", "schedule", "momentum", "weight_decay")


class NoCallbacks:
    """In place of scikit-learn's context of callbacks: calls none, which takes no time."""

    def subcontext(self, **options: Any) -> Self:
        """The same for a pass."""
        return self

    def call_on_fit_task_begin(self, **task: Any) -> None:
        """Do nothing."""

    def call_on_fit_task_end(self, **task: Any) -> bool:
        """Do not stop."""
        return False


class MLPClassifier(ClassifierMixin, CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
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
    early_stopping: whether ``fit`` holds examples out, keeps the weights of the pass with the lowest loss on them, the
        earliest at a tie, and stops when no pass has lowered it for a while. False: all examples are used for training.
    validation_fraction: fraction of each class's examples that is held out, above 0.
    n_iter_no_change: stop after this many passes without a lower validation loss, the config's patience; inf: never.
    warm_start: whether ``fit`` goes on from the weights that it has, instead of a new network.
    random_state: an integer below 2^32 is the config's seed; or a RandomState, or None for NumPy's own.

    If X is float32, the network computes in float32, otherwise in float64. Scale the features, with a
    ``StandardScaler`` for example: the gradient of a weight grows with its feature.

    Sample weights multiply the losses of examples. Only their ratios count: they are scaled to mean 1, so that the
    learning rate keeps its meaning. An example of weight 0 is left out first, as if it had not been given; a weight
    counts as 0 if, divided by the largest, it is no normal number in the precision of X. If one batch holds all
    examples, weight 2 is the same as giving an example twice, up to rounding. Class weights multiply them as they are;
    balanced ones count each example with its weight.

    With the same examples in the same order (pixels in 0..1 as float32), seed and options, the weights are those of
    ``train.py`` with ascending ``data.digits``, bit for bit: with the same ``data.validation_fraction`` and
    ``training.patience`` if early_stopping is set, else with ``data.validation_fraction: 0``. This holds for at most
    ``batches.MAX_COPIED_BYTES`` numbers in X: a larger set is shuffled in another way by ``train.py``.

    After ``fit`` it has ``classes_``, sorted (with two, the second is target 1); ``network_``; ``n_features_in_``;
    ``n_iter_``, the number of passes of the last ``fit`` and of ``partial_fit`` after it; ``loss_curve_``, the mean
    training loss of every pass, each batch before its update. With early_stopping, else None: ``validation_scores_``
    and ``validation_loss_curve_``, the weighted accuracy and loss on the held-out examples after each pass;
    ``best_validation_score_``, the accuracy of the weights that were kept. The curves go on in a warm start.

    With scikit-learn 1.9 or newer ``set_callbacks`` takes its callbacks, which are experimental there. ``fit`` calls
    them before and after each pass, and ends if one returns True.

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
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        warm_start: bool = False,
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
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state

    @calling_back
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a new network for ``epochs`` passes, or with ``warm_start`` the one of the last fit.

        X: (n, features), finite. y: (n,), two or more classes. sample_weight: (n,), at least 0 and not all 0.

        A warm start takes the weights and the optimizer's memory as the last ``fit`` or ``partial_fit`` left them, and
        the seed: the passes go on, so that two fits of 5 epochs are one of 10, bit for bit, with a constant learning
        rate and without early_stopping. A cosine schedule begins again in each fit. With ``early_stopping`` the
        weights that it begins with are kept unless a pass has a lower validation loss. Raises ValueError, and changes
        nothing, if the number of features, the classes or the options of the network differ from the last fit's.

        Raises ValueError if an option is out of range, if an array is not as above, or if training diverges: the
        weights of the passes before, of the best one with ``early_stopping``, are then kept, and the message says what
        to try. Warns with ConvergenceWarning if nothing was learned in the end, by the rule of ``standstill.Ending``.
        """
        network: MLP | None = getattr(self, "network_", None) if self.warm_start else None
        if network is None:
            self.__dict__.pop("network_", None)  # so that it does not count as fitted if something fails
        elif np.ndim(X) == 2 and np.shape(X)[1] != self.n_features_in_:
            raise ValueError(f"X has {np.shape(X)[1]} features, the last fit had {self.n_features_in_}: {ANEW}")
        X, y, weights = self._validated(X, y, sample_weight, network)
        classes = classes_in(y)
        if network is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(f"y has the classes {classes}, the last fit had {self.classes_}: {ANEW}")
        options, examples = self._options(X.dtype.name, classes), Examples(X, positions(y, classes), weights)
        if network is None:
            self._begin(classes)
        held_out = None
        if self.early_stopping:
            examples, held_out = examples.split(self.validation_fraction, generator(self._seed, Stream.SPLIT))
        of_classes = networks.class_weights(options, examples, len(classes))
        fresh = networks.untrained(X.shape[1], len(classes), options, self._seed, of_classes)
        network = fresh if network is None else networks.with_class_weights(network, options, of_classes, ANEW)
        self._learn(network, fresh, examples, held_out, options.training)
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
        weights, which depend on all examples, and for early_stopping.
        """
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True: it sees only a part of the examples")
        network: MLP | None = getattr(self, "network_", None)
        X, y, weights = self._validated(X, y, sample_weight, network)
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
        of_classes = networks.class_weights(options, examples, len(known))
        if network is None:
            self._begin(known)
            network = networks.untrained(X.shape[1], len(known), options, self._seed, of_classes)
        else:
            network = networks.with_class_weights(network, options, of_classes, "fit starts again")
        with blas_threads.threads(1):
            self._pass(Passes(network, examples, options.training, self._memory), options.training)
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
        for name in ("early_stopping", "warm_start"):
            if not isinstance(plain(getattr(self, name)), bool):
                raise ValueError(f"{name}: must be True or False, not {getattr(self, name)!r}")
        weight = self.class_weight
        if isinstance(weight, dict):
            weight = compute_class_weight(weight, classes=classes, y=classes)
        model, training = (
            {name: plain(getattr(self, name)) for name in names} for names in (networks.OPTIONS, TRAINING)
        )
        training |= {"class_weight": plain(weight), "precision": precision}
        data = {"digits": config.ALL, "validation_fraction": plain(self.validation_fraction)}
        if self.early_stopping and data["validation_fraction"] == 0:
            raise ValueError("validation_fraction: must be above 0 with early_stopping, not 0")
        if data["validation_fraction"] != 0 and self.n_iter_no_change != math.inf:
            training["patience"] = plain(self.n_iter_no_change)
        try:
            return Config.model_validate({"data": data, "model": model, "training": training})
        except ValidationError as invalid:
            messages = "; ".join(map(config.describe, invalid.errors(include_url=False)))
            messages = messages.replace("training.patience:", "n_iter_no_change:")
            raise ValueError(re.sub(r"\b(data|model|training)\.", "", messages)) from None

    def _validated(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, network: MLP | None
    ) -> tuple[Array, NDArray[Any], Array | None]:
        """X, y and weights of mean 1, without the examples of weight 0.

        scikit-learn checks them: matching shapes, X of the precision, in C order, finite, and with the features of the
        network if there is one.
        """
        dtype = PRECISIONS if network is None else network.precision
        rows, labels = validate_data(self, X, y, order="C", reset=network is None, dtype=dtype)
        if sample_weight is None:
            return rows, labels, None
        weights = checked_weights(sample_weight, len(rows))
        weights /= weights.max()  # the sum of huge ones would be infinite
        kept = weights >= np.finfo(rows.dtype).tiny
        weights = weights[kept]
        return rows[kept], labels[kept], (weights / weights.mean()).astype(rows.dtype)

    def _begin(self, classes: NDArray[Any]) -> None:
        """Forget earlier passes. The network becomes ``network_`` after its first pass."""
        state = self.random_state
        self._seed = int(state) if isinstance(state, int | np.integer) else check_random_state(state).randint(1 << 31)
        self._memory: Memory | None = None
        self.classes_ = classes
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] | None = None
        self.validation_loss_curve_: list[float] | None = None
        self.best_validation_score_: float | None = None
        self.n_iter_ = 0

    def _learn(
        self, network: MLP, untrained: MLP, examples: Examples, held_out: Examples | None, options: Training
    ) -> None:
        """Train for all epochs, or until early stopping or a callback ends it.

        Raises ValueError as ``fit`` does. Warns if nothing was learned in the end.
        """
        self.n_iter_ = 0
        with blas_threads.threads(1):
            untrained_loss, _ = evaluate(untrained, examples)
            passes = Passes(network, examples, options, self._memory)
            best = None if held_out is None else BestPass(passes, held_out)
            if best is None:
                self.validation_scores_ = self.validation_loss_curve_ = self.best_validation_score_ = None
            elif self.loss_curve_:  # a warm start: the weights that it has may stay the best
                best.judge()
            self._run_passes(passes, best, examples, options)
            reason = why_nothing_was_learned(network, examples, options, untrained_loss, self.loss_curve_, best)
        if reason is not None:
            cure = f"try another learning_rate ({options.learning_rate:g}), more epochs or scaled features"
            message = f"nothing was learned: the {reason}: {cure}; or there is nothing to learn"
            warnings.warn(message, ConvergenceWarning, stacklevel=3 + WRAPPERS)

    def _run_passes(self, passes: Passes, best: BestPass | None, examples: Examples, options: Training) -> None:
        """All passes of a fit, with the callbacks' hooks around each pass and around all; the best weights are kept."""
        metadata = None if examples.weights is None else {"sample_weight": examples.weights}
        task = {"estimator": self, "X": examples.X, "y": self.classes_[examples.classes], "metadata": metadata}
        has_callbacks = hasattr(self, "_skl_callbacks")
        context = self._init_callback_context(max_subtasks=options.epochs) if has_callbacks else NoCallbacks()
        context.call_on_fit_task_begin(**task)
        is_last = False
        try:
            while not is_last:
                one = context.subcontext(task_name="pass")
                one.call_on_fit_task_begin(**task)
                self._pass(passes, options)
                is_last = self.n_iter_ == options.epochs
                if best is not None:
                    self._validate(best)
                    is_last |= best.passes_since == options.patience
                is_last |= one.call_on_fit_task_end(**task, reconstruction_attributes=self._so_far)
        finally:
            if best is not None:
                self._memory, self.best_validation_score_ = best.restore(), best.accuracy
        context.call_on_fit_task_end(**task, reconstruction_attributes=self._so_far)

    def _so_far(self) -> dict[str, Any]:
        """What a copy of the classifier needs to stay as it is now while the passes go on."""
        network: MLP = self.network_
        return {"network_": network.copy(network.precision), "loss_curve_": list(self.loss_curve_)}

    def _pass(self, passes: Passes, options: Training) -> None:
        """One more pass. Raises ValueError if a loss or a weight is not finite: the network stays as it was before."""
        epoch = min(self.n_iter_ + 1, options.epochs)
        rate = scheduled(options.schedule, options.learning_rate, epoch, options.epochs)
        loss = passes.run(rate, generator(self._seed, Stream.SHUFFLE, len(self.loss_curve_) + 1))
        self._check_finite(loss)
        self.network_, self._memory = passes.network, passes.memory
        self.loss_curve_.append(loss)
        self.n_iter_ += 1

    def _validate(self, best: BestPass) -> None:
        """Judge the pass on the held-out examples; raises ValueError if the loss is not finite."""
        loss, accuracy = best.judge()
        self._check_finite(loss)
        self.validation_loss_curve_ = [*(self.validation_loss_curve_ or ()), loss]
        self.validation_scores_ = [*(self.validation_scores_ or ()), accuracy]

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ValueError(f"training diverged in pass {self.n_iter_ + 1}: {self._cure()}")

    def _cure(self) -> str:
        decay = f" or weight_decay ({self.weight_decay:g})" if self.weight_decay else ""
        return f"lower learning_rate ({self.learning_rate:g}){decay}, or scale the features, as with a StandardScaler"

    def _outputs(self, X: ArrayLike) -> Array:
        """What the network predicts, (n, outputs)."""
        check_is_fitted(self)
        rows: Array = validate_data(self, X, order="C", reset=False, dtype=self.network_.precision)
        return self.network_.predict(rows)


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
