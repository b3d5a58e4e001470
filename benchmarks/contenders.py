"""One epoch of the same training, written the usual way for each library.

Each function here takes the work, prepares it, and returns a function that trains one epoch, given its number, and
returns the training loss: the mean over the epoch's images, each batch before its update.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.work import Work
from mlp.data.dataset import WHITE
from mlp.network import LOSSES
from mlp.training.loop import Trainer

EpochFunction = Callable[[int], float]


@dataclass(frozen=True)
class Contender:
    """A library: its name, the module that must be installed, its function here, and the losses that it knows."""

    name: str
    module: str
    start: Callable[[Work], EpochFunction]
    losses: Sequence[str] = LOSSES

    @property
    def installed(self) -> bool:
        """Whether its module is installed."""
        return find_spec(self.module) is not None


def floor(work: Work) -> EpochFunction:
    """The two large matrix products alone, over all pixels, once per step. It has no loss, and returns 0."""
    network = work.network()
    X, Y = (array[work.order(1)[: work.batch_size]] for array in work.arrays)
    network.loss(X, Y)
    network.backward()
    W1, dZ = network.parameters["W1"], network.graph.gradient("Z1").copy()
    Z, dW1 = np.empty_like(dZ), np.empty_like(W1)

    def run(epoch: int) -> float:
        for _ in range(work.steps):
            np.dot(X, W1, out=Z)
            np.dot(X.T, dZ, out=dW1)
        return 0.0

    return run


def this_project(work: Work) -> EpochFunction:
    """Training as ``train.py`` does it, with all its checks."""
    trainer = Trainer(work.network(), work.images, work.images.first_of_each(0), work.config.training)
    return lambda epoch: trainer.run_epoch().train_loss


def torch_network(weights: dict[str, Any], activation: str) -> Any:
    """A PyTorch network of the logits with these initial weights: linear layers, with activations between them."""
    import torch

    kind = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]
    layers: list[Any] = []
    for number in range(1, len(weights) // 2 + 1):
        W, b = weights[f"W{number}"], weights[f"b{number}"]
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T))  # PyTorch keeps it transposed
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, kind()]
    return torch.nn.Sequential(*layers[:-1])


def torch_loss(loss: str, outputs: int) -> Callable[[Any, Any, Any], Any]:
    """The batch's mean loss as a function of logits, targets (n, k) and classes (n,)."""
    import torch

    if loss == "euclidean":
        return lambda S, Y, classes: ((torch.sigmoid(S) - Y) ** 2).sum() / 2 / len(Y)
    if outputs == 1:
        return lambda S, Y, classes: torch.nn.functional.binary_cross_entropy_with_logits(S, Y)
    return lambda S, Y, classes: torch.nn.functional.cross_entropy(S, classes)


def pytorch(work: Work) -> EpochFunction:
    """The usual eager loop."""
    import torch

    torch.set_num_threads(1)
    X, Y, classes = map(torch.from_numpy, (*work.arrays, work.images.targets.astype(np.int64)))
    network = torch_network(work.weights(), work.config.model.activation)
    loss_of = torch_loss(work.loss, Y.shape[1])
    optimizer = torch.optim.SGD(network.parameters(), lr=work.learning_rate)

    def run(epoch: int) -> float:
        order, total = torch.from_numpy(work.order(epoch)), 0.0
        for start in range(0, len(X), work.batch_size):
            batch = order[start : start + work.batch_size]
            optimizer.zero_grad()
            loss = loss_of(network(X[batch]), Y[batch], classes[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        return total / len(X)

    return run


def jax_loss(loss: str, outputs: int) -> Callable[[Any, Any], Any]:
    """The loss of each output as a function of logits and targets, both (n, k)."""
    import jax

    if loss == "euclidean":
        return lambda S, Y: (jax.nn.sigmoid(S) - Y) ** 2 / 2
    if outputs == 1:
        return lambda S, Y: -Y * jax.nn.log_sigmoid(S) - (1 - Y) * jax.nn.log_sigmoid(-S)
    return lambda S, Y: -Y * jax.nn.log_softmax(S)


def jax_jitted(work: Work) -> EpochFunction:
    """One compiled function for the epoch: a scan over the full batches, then a step for the short one.

    The images stay bytes, are permuted at once, and become floats in each step: a seventh to a twelfth faster than to
    gather each step's rows, or to permute floats.
    """
    import jax

    X, Y = map(jax.numpy.asarray, (work.images.pixels(), work.arrays[1]))
    state = [jax.numpy.asarray(array) for array in work.weights().values()]

    loss_of = jax_loss(work.loss, Y.shape[1])
    activation = getattr(jax.nn, work.config.model.activation)

    def loss(parameters: Any, X: Any, Y: Any) -> Any:
        *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
        A = X.astype(W.dtype) / WHITE
        for V, c in hidden:
            A = activation(A @ V + c)
        return loss_of(A @ W + b, Y).sum() / len(X)

    def train(parameters: Any, X: Any, Y: Any, full: Any, short: Any) -> Any:
        def rows(order: Any) -> Any:
            return [array.at[order].get(mode="promise_in_bounds") for array in (X, Y)]

        def step(parameters: Any, batch: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(parameters, *batch)
            new = [A - work.learning_rate * dA for A, dA in zip(parameters, gradients, strict=True)]
            return new, value * len(batch[0])

        parameters, totals = jax.lax.scan(step, parameters, rows(full))
        total = totals.sum()
        if len(short):
            parameters, last = step(parameters, rows(short))
            total += last
        return parameters, total / len(X)

    compiled = jax.jit(train, donate_argnums=0)

    def run(epoch: int) -> float:
        nonlocal state
        order = work.order(epoch).astype(np.int32)  # JAX would convert it
        count = len(order) // work.batch_size * work.batch_size
        full, short = order[:count].reshape(-1, work.batch_size), order[count:]
        state, value = compiled(state, X, Y, full, short)
        return float(value)  # waits for the weights too: one call computes both

    return run


SCIKIT_LEARN_ACTIVATIONS = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


def scikit_learn(work: Work) -> EpochFunction:
    """``partial_fit``, one call per epoch, on the images in the epoch's order."""
    from sklearn.neural_network import MLPClassifier

    X, targets = work.arrays[0], work.images.targets
    classifier = MLPClassifier(
        work.config.model.hidden_sizes,
        activation=SCIKIT_LEARN_ACTIVATIONS[work.config.model.activation],
        solver="sgd",
        alpha=0,
        batch_size=work.batch_size,
        learning_rate="constant",
        learning_rate_init=work.learning_rate,
        momentum=0,
        nesterovs_momentum=False,
        shuffle=False,
    )
    a_batch = work.order(1)[: work.batch_size]
    # Creates the weights, which are then replaced.
    classifier.partial_fit(X[a_batch], targets[a_batch], classes=range(len(work.images.digits)))
    weights = list(work.weights().values())
    for theirs, ours in zip([*classifier.coefs_, *classifier.intercepts_], weights[::2] + weights[1::2], strict=True):
        theirs[...] = ours
    shuffled = np.empty_like(X)  # allocated once: allocation in each epoch would cost more than the copy

    def run(epoch: int) -> float:
        order = work.order(epoch)
        X.take(order, axis=0, out=shuffled, mode="clip")
        classifier.partial_fit(shuffled, targets[order])
        return float(classifier.loss_)

    return run


FLOOR = "two matrix products"
PROJECT = "this project"
CONTENDERS = (
    Contender(FLOOR, "numpy", floor),
    Contender(PROJECT, "mlp", this_project),
    Contender("PyTorch, eager", "torch", pytorch),
    Contender("JAX, jitted", "jax", jax_jitted),
    Contender("scikit-learn", "sklearn", scikit_learn, losses=("cross_entropy",)),
)


def taking_part(loss: str) -> list[Contender]:
    """The contenders that are installed and know this loss."""
    return [contender for contender in CONTENDERS if contender.installed and loss in contender.losses]
