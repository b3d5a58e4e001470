"""The multilayer perceptron as a graph: for each layer a matrix product, a bias and a sigmoid; then the loss.

Symbols, for one hidden layer; n is the batch size:

    X (n, inputs)   W1 (inputs, hidden)   b1 (hidden,)   W2 (hidden, 1)   b2 (1,)   Y (n, 1)

    Z1 = X W1     Z2 = Z1 + b1     Z3 = sigmoid(Z2)
    Z4 = Z3 W2    Z5 = Z4 + b2     P  = sigmoid(Z5)     E = 1/2 sum (P - Y)^2     L = E / n

This is the Euclidean loss. The cross-entropy is computed from the logits Z5, and P only serves predictions:

    E = -sum (Y log P + (1 - Y) log(1 - P))     dZ5 = (P - Y) dE: the sigmoid's P (1 - P) has cancelled
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mlp.gates import Add, Array, Divide, Gate, Matmul, Shape, Sigmoid
from mlp.graph import ComputationalGraph
from mlp.losses import CrossEntropyLoss, EuclideanLoss
from mlp.node import Node, ancestors
from mlp.plan import Plan
from mlp.system.errors import InputError

LOSSES: dict[str, Gate] = {"euclidean": EuclideanLoss(), "cross_entropy": CrossEntropyLoss()}
"""The gate of E by the loss's name. It compares Y with P; the cross-entropy compares Y with the logits."""
BLOCK_ROWS = 1024
"""Examples per forward pass outside training. Memory stays small: 3 MB for MNIST in float32."""
MAX_BLOCK_NUMBERS = 1 << 22
"""All numbers of a block: it has fewer rows if images have more than 64 by 64 pixels."""
HALF = np.asarray(0.5, np.float32)
"""Class 1 is predicted from this probability on."""


class MLP:
    """A multilayer perceptron for two classes; all its gradients come from the gates of its graph.

    sizes: the number of inputs, the units of each hidden layer, and 1: ``[784, 32, 1]``. ``[784, 1]`` is
    the linear classifier. precision: ``"float32"`` or ``"float64"``. generator: draws the weights;
    without one they are 0. loss: ``"euclidean"`` or ``"cross_entropy"``. input_gradient: whether
    ``backward`` also computes ``graph.gradient("X")``, which training does not need.

    ``parameters`` and ``gradients`` map W1, b1, W2, ... to arrays: write into these, do not replace them. They
    are views of two flat arrays, ``parameter_block`` and ``gradient_block``, so that an optimizer does not
    depend on the layers.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        precision: DTypeLike = "float32",
        generator: Generator | None = None,
        input_gradient: bool = False,
        loss: str = "euclidean",
    ):
        if len(sizes) < 2 or min(sizes) < 1 or sizes[-1] != 1:
            raise ValueError(f"sizes {list(sizes)}: must be the inputs, any hidden layers, and 1 output")
        if loss not in LOSSES:
            raise ValueError(f"the loss must be {' or '.join(LOSSES)}, not {loss}")
        self.sizes = tuple(sizes)
        self.loss_name = loss
        self.precision = np.dtype(precision)
        self.shapes = parameter_shapes(sizes)
        count = parameter_count(sizes)
        self.parameter_block = np.zeros(count, self.precision)
        self.gradient_block = np.zeros(count, self.precision)
        self.parameters = MappingProxyType(self.views(self.parameter_block))
        self.gradients = MappingProxyType(self.views(self.gradient_block))
        if generator is not None:
            for name, shape in self.shapes.items():
                if name.startswith("W"):
                    self.parameters[name][...] = glorot_uniform(shape, generator)
        self.graph = ComputationalGraph(self.precision, kept_by_nodes=False)
        self._X, self._Y, self._n, self._P, self._L = self._build_graph(input_gradient)
        self._predicting = Lock()  # all predictions use the same memory

    def _build_graph(self, input_gradient: bool) -> tuple[Node, Node, Node, Node, Node]:
        """The equations of the module's docstring for any number of layers: returns the nodes X, Y, n, P and L."""
        graph = self.graph
        X = A = graph.input("X", needs_gradient=input_gradient)
        gates = 3 * (len(self.sizes) - 1)
        names = iter([f"Z{k}" for k in range(1, gates)] + ["P"])
        for layer in range(1, len(self.sizes)):
            W, b = (
                graph.leaf(name, self.parameters[name], gradient=self.gradients[name])
                for name in (f"W{layer}", f"b{layer}")
            )
            Z = graph.apply(Matmul(), A, W, name=next(names))
            Z = graph.apply(Add(), Z, b, name=next(names))
            A = graph.apply(Sigmoid(), Z, name=next(names))
        compared = Z if self.loss_name == "cross_entropy" else A
        E = graph.apply(LOSSES[self.loss_name], compared, Y := graph.input("Y"), name="E")
        L = graph.apply(Divide(), E, n := graph.input("n"), name="L")
        return X, Y, n, A, L

    def views(self, block: Array) -> dict[str, Array]:
        """Consecutive views of a flat array, one for each parameter."""
        return parameter_views(block, self.sizes)

    def copy(self, precision: DTypeLike, *, input_gradient: bool = False) -> "MLP":
        """An independent network with the same weights, in this precision."""
        return _with_weights(self.parameter_block, self.sizes, self.loss_name, precision, input_gradient)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy.deepcopy: the weights, from which the network is built again.

        Copied one by one, its arrays would no longer be views of each other.
        """
        return _with_weights, (self.parameter_block, self.sizes, self.loss_name, self.precision, self._X.needs_gradient)

    def batch(self, n: int, parameters: Mapping[str, tuple[Array, Array]] | None = None) -> "BatchBuffers":
        """The network's memory for n examples, to be filled. Calls share it as long as few different n are in use.

        ``parameters`` gives arrays in place of the network's own parameters and gradients, by name; X then has a column
        for each row of this W1.
        """
        leaves = {self.graph.node(name): arrays for name, arrays in (parameters or {}).items()}
        inputs = len(parameters["W1"][0]) if parameters else self.sizes[0]
        plan = self.graph.plan_with(leaves, (self._L, self._P), {"X": (n, inputs), "Y": (n, 1), "n": ()})
        X, Y, P = (plan.values[node] for node in (self._X, self._Y, self._P))
        plan.values[self._n][...] = n
        return BatchBuffers(X, Y, P, self.graph, plan)

    def loss(self, X: ArrayLike, Y: ArrayLike) -> float:
        """Run forward and return the loss L: the mean over the batch of 1/2 (p - y)^2 or of the cross-entropy.

        X: (n, inputs), finite. Y: (n, 1), 0 or 1. Raises ValueError for other shapes, types or numbers; ``backward``
        then still refers to the previous loss.
        """
        X, Y = self._checked(X), _numbers(Y, "Y")
        if Y.shape != (len(X), 1):
            raise ValueError(f"Y has shape {Y.shape}, it must be {(len(X), 1)} for X of shape {X.shape}")
        _check_each(Y, (Y == 0) | (Y == 1), "Y", "0 or 1")
        batch = self.batch(len(X))
        batch.X[...], batch.Y[...] = X, Y
        return batch.loss()

    def backward(self) -> None:
        """Fill ``gradients`` with the derivatives of the latest ``loss``; predictions since then do not matter."""
        self.graph.backward()

    @property
    def probabilities(self) -> Array:
        """P of the latest ``loss``, (n, 1): the probabilities of class 1. The next ``loss`` overwrites it."""
        return self.graph.value("P")

    def predict(self, X: ArrayLike) -> Array:
        """The probability of class 1 for each row of X: (n, inputs) to (n, 1). Raises ValueError as ``loss`` does.

        Only ``predict`` is thread-safe: threads wait for each other.
        """
        X = self._checked(X)
        P, length = np.empty((len(X), 1), self.precision), block_length(self.sizes[0])
        with self._predicting:
            for start in range(0, len(X), length):
                rows = slice(start, start + length)
                plan = self.graph.plan(self._P, X=X[rows].shape)
                plan.values[self._X][...] = X[rows]
                P[rows] = plan.forward()
        return P

    def _checked(self, X: ArrayLike) -> NDArray[Any]:
        """X as an array; raises ValueError unless it is (n, inputs) and finite."""
        array = _numbers(X, "X")
        if array.ndim != 2 or array.shape[1] != self.sizes[0] or len(array) < 1:
            raise ValueError(f"X has shape {array.shape}, it must be (n, {self.sizes[0]}) with n at least 1")
        if array.dtype.kind == "f":
            _check_each(array, np.isfinite(array), "X", "finite")
        return array


@dataclass(frozen=True, eq=False)
class BatchBuffers:
    """A network's memory for a batch: fill X and Y, call ``loss``, then ``backward``."""

    X: Array
    """(n, inputs)"""
    Y: Array
    """(n, 1), 0 or 1"""
    P: Array
    """(n, 1): after ``loss``, the probability of class 1"""
    graph: ComputationalGraph
    plan: Plan

    def loss(self) -> float:
        """Like the network's ``loss``, for X and Y."""
        return float(self.graph.forward(self.plan))

    def backward(self) -> None:
        """Like the network's ``backward``, after ``loss``."""
        self.plan.backward(1.0)


def _numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """The values as an array of real numbers or bools; raises ValueError if they are anything else."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} is an array of {array.dtype}, it must be of numbers or bools")
    return array


def _check_each(array: NDArray[Any], is_right: NDArray[np.bool_], name: str, what: str) -> None:
    """Raises ValueError, with the first wrong element, unless all are right."""
    if np.count_nonzero(is_right) < is_right.size:  # faster than all() on small arrays
        row, column = np.argwhere(~is_right)[0]
        raise ValueError(f"{name} is {array[row, column]} at row {row}, column {column}: each element must be {what}")


def _with_weights(block: Array, sizes: Sequence[int], loss: str, precision: DTypeLike, input_gradient: bool) -> MLP:
    """A network with the weights of a ``parameter_block``."""
    network = MLP(sizes, precision=precision, loss=loss, input_gradient=input_gradient)
    network.parameter_block[...] = block
    return network


def check_gates(network: MLP, known: Collection[type[Gate]], what: str) -> None:
    """Raises InputError, naming the gate, if a gate on the way from X to P is not one of those that ``what`` knows."""
    for node in ancestors(network.graph.node("P")):
        if node.gate is not None and type(node.gate) not in known:
            names = ", ".join(gate.name for gate in known)
            raise InputError(f"{what} has no {node.gate} gate, which computes {node.name}: it has {names}")


def decide(P: Array) -> Array:
    """The class of each probability: True, class 1, if it is at least 1/2."""
    return P >= HALF


def parameter_shapes(sizes: Sequence[int]) -> dict[str, Shape]:
    """W1 (inputs, outputs), b1 (outputs,), W2, b2, ... for a network of these sizes."""
    shapes: dict[str, Shape] = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        shapes[f"W{layer}"] = (inputs, outputs)
        shapes[f"b{layer}"] = (outputs,)
    return shapes


def parameter_views(block: Array, sizes: Sequence[int]) -> dict[str, Array]:
    """Consecutive views of a flat array, one for each parameter of a network of these sizes."""
    shapes = parameter_shapes(sizes)
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
    pieces = np.split(block, ends[:-1])
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def parameter_count(sizes: Sequence[int]) -> int:
    """The number of weights and biases of a network of these sizes."""
    return sum(math.prod(shape) for shape in parameter_shapes(sizes).values())


def glorot_uniform(shape: Shape, generator: Generator) -> Array:
    """Uniform in +-sqrt(6 / (inputs + outputs)): Glorot and Bengio 2010, equation 16.

    Drawn in float64 for either precision, so that both start from the same weights.
    """
    limit = math.sqrt(6 / sum(shape))
    return generator.uniform(-limit, limit, shape)


def block_length(inputs: int) -> int:
    """The number of rows in a block whose rows have this many numbers."""
    return max(1, min(BLOCK_ROWS, MAX_BLOCK_NUMBERS // inputs))
