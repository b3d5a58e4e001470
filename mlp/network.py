"""The multilayer perceptron as a graph: for each layer a matrix product, a bias and an activation; then the loss.

Symbols, for one hidden layer; n is the batch size, k the number of outputs:

    X (n, inputs)   W1 (inputs, hidden)   b1 (hidden,)   W2 (hidden, k)   b2 (k,)   Y (n, k)

    Z1 = X W1     Z2 = Z1 + b1     Z3 = sigmoid(Z2), tanh(Z2) or relu(Z2)
    Z4 = Z3 W2    Z5 = Z4 + b2     P  = sigmoid(Z5)     E = 1/2 sum (P - Y)^2     L = E / n

Two classes have one output, the probability of class 1, and Y is 0 or 1. More classes have one output each, and the
rows of Y are one-hot. This E is the Euclidean loss. The cross-entropy is computed from Z5; P is only for predictions:

    one output:   P = sigmoid(Z5)   E = -sum (Y log P + (1 - Y) log(1 - P))   dZ5 = (P - Y) dE
    more outputs: P = softmax(Z5)   E = -sum Y log P                          dZ5 = (P - Y) dE

The sigmoid's factor P (1 - P) cancels. If classes have weights, w (n,) holds the weight of each example, and E is the
sum of the examples' losses times w.
"""

from __future__ import annotations  # as in mlp.library.circuit

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mlp.gates import Add, Array, Divide, Gate, Matmul, Relu, Shape, Sigmoid, Softmax, Tanh
from mlp.graph import ComputationalGraph
from mlp.losses import CrossEntropyLoss, EuclideanLoss, SoftmaxLoss
from mlp.plan import Plan

ACTIVATIONS: dict[str, Gate] = {"sigmoid": Sigmoid(), "tanh": Tanh(), "relu": Relu()}
"""The gate of each hidden layer's activation by its name."""
RANGES: dict[type[Gate], tuple[float, float | None]] = {
    Sigmoid: (0, 1),
    Softmax: (0, 1),
    Tanh: (-1, 1),
    Relu: (0, None),
}
"""The smallest and the largest value of each activation, None for no limit."""
LOSSES = ("euclidean", "cross_entropy")
BLOCK_ROWS = 1024
"""Examples per forward pass outside training. Memory stays small: 3 MB for MNIST in float32."""
MAX_BLOCK_NUMBERS = 1 << 22
"""All numbers of a block: it has fewer rows if images have more than 64 by 64 pixels."""
HALF = np.asarray(0.5, np.float32)
"""With one output, class 1 is predicted from this probability on."""


class MLP:
    """A multilayer perceptron that classifies; all its gradients come from the gates of its graph.

    sizes: the number of inputs, the units of each hidden layer, and the outputs: 1 for two classes, as in
    ``[784, 32, 1]``, or one for each of three or more classes. ``[784, 1]`` is the linear classifier. precision:
    ``"float32"`` or ``"float64"``. generator: draws the weights; without one they are 0. loss: ``"euclidean"`` or
    ``"cross_entropy"``. activation: that of the hidden layers, ``"sigmoid"``, ``"tanh"`` or ``"relu"``.
    class_weights: the weight of each class's examples in the loss, above 0. Only with class weights (ones, for example)
    does ``loss`` take weights of single examples, too. input_gradient: whether ``backward`` also computes
    ``graph.gradient("X")``, which training does not need.

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
        activation: str = "sigmoid",
        class_weights: Sequence[float] | None = None,
    ):
        if len(sizes) < 2 or min(sizes) < 1 or sizes[-1] == 2:
            what = "the inputs, any hidden layers, and 1 output for two classes or one for each of more classes"
            raise ValueError(f"sizes {list(sizes)}: must be {what}")
        for name, value, known in (("loss", loss, LOSSES), ("activation", activation, ACTIVATIONS)):
            if value not in known:
                raise ValueError(f"the {name} must be {' or '.join(known)}, not {value}")
        self.sizes = tuple(sizes)
        self.classes = classes_of(sizes[-1])
        self.loss_name, self.activation_name = loss, activation
        self.precision = np.dtype(precision)
        self.class_weights = None if class_weights is None else tuple(map(float, class_weights))
        self._check_class_weights()
        self.shapes = parameter_shapes(sizes)
        count = parameter_count(sizes)
        self.parameter_block = np.zeros(count, self.precision)
        self.gradient_block = np.zeros(count, self.precision)
        self.parameters = MappingProxyType(self.views(self.parameter_block))
        self.gradients = MappingProxyType(self.views(self.gradient_block))
        if generator is not None:
            self._draw_weights(generator)
        self.graph = ComputationalGraph(self.precision, kept_by_nodes=False)
        self._build_graph(input_gradient)
        self._predicting = Lock()  # all predictions use the same memory

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        hidden = [self.activation_name] if len(self.sizes) > 2 else []
        parameters = f"{self.parameter_block.size:,} parameters"
        return f"MLP({', '.join([sizes, *hidden, self.loss_name, self.precision.name, parameters])})"

    def _repr_html_(self) -> str:
        from mlp.library import display

        return display.html(self)

    def _repr_svg_(self) -> str | None:
        from mlp.library import display

        return display.svg(self)

    def _check_class_weights(self) -> None:
        """Raises ValueError unless there is a number above 0 for each class, also if rounded to the precision."""
        if self.class_weights is None:
            return
        if len(self.class_weights) != self.classes:
            count = len(self.class_weights)
            raise ValueError(f"{count} class_weights: there must be one for each of {self.classes} classes")
        with np.errstate(over="ignore", under="ignore"):
            rounded = np.array(self.class_weights).astype(self.precision)
        for weight in np.array(self.class_weights)[~((rounded > 0) & (rounded < np.inf))]:
            raise ValueError(f"class_weights: {weight:g} is not a finite number above 0 in {self.precision}")

    def _draw_weights(self, generator: Generator) -> None:
        """Draw the weights; biases stay 0. The range of a layer's weights depends on its activation."""
        *hidden, last = (name for name in self.shapes if name.startswith("W"))
        draw = he_uniform if self.activation_name == "relu" else glorot_uniform
        for name in hidden:
            self.parameters[name][...] = draw(self.shapes[name], generator)
        self.parameters[last][...] = glorot_uniform(self.shapes[last], generator)

    def _build_graph(self, input_gradient: bool) -> None:
        """The equations of the module's docstring for any number of layers."""
        graph = self.graph
        self._X = A = graph.input("X", needs_gradient=input_gradient)
        output_gate, loss_gate, is_of_logits = ending(self.loss_name, self.sizes[-1])
        layers = len(self.sizes) - 1
        names = iter([f"Z{k}" for k in range(1, 3 * layers)] + ["P"])
        for layer in range(1, layers + 1):
            W, b = (
                graph.leaf(name, self.parameters[name], gradient=self.gradients[name])
                for name in (f"W{layer}", f"b{layer}")
            )
            Z = graph.apply(Matmul(), A, W, name=next(names))
            Z = graph.apply(Add(), Z, b, name=next(names))
            A = graph.apply(ACTIVATIONS[self.activation_name] if layer < layers else output_gate, Z, name=next(names))
        self._P, self._Y = A, graph.input("Y")
        self._w = None if self.class_weights is None else graph.input("w")
        inputs = (Z if is_of_logits else A, self._Y, *([] if self._w is None else [self._w]))
        self.loss_node = graph.apply(loss_gate, *inputs, name="E")
        """E, the sum of the examples' losses."""
        self._n = graph.input("n")
        self._L = graph.apply(Divide(), self.loss_node, self._n, name="L")
        self._takes_indices = 1 in loss_gate.indices

    def views(self, block: Array) -> dict[str, Array]:
        """Consecutive views of a flat array, one for each parameter."""
        return parameter_views(block, self.sizes)

    def copy(self, precision: DTypeLike, *, input_gradient: bool = False) -> MLP:
        """An independent network with the same weights, in this precision."""
        return _with_weights(self.parameter_block, self.sizes, precision, input_gradient, self._options)

    def resized(self, sizes: Sequence[int]) -> MLP:
        """A network of other sizes that is otherwise like this one; its weights are 0."""
        return MLP(sizes, precision=self.precision, **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {"loss": self.loss_name, "activation": self.activation_name, "class_weights": self.class_weights}

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy.deepcopy: the weights, from which the network is built again.

        Copied one by one, its arrays would no longer be views of each other.
        """
        needs_input_gradient = self._X.needs_gradient
        return _with_weights, (self.parameter_block, self.sizes, self.precision, needs_input_gradient, self._options)

    def batch(self, n: int, parameters: Mapping[str, tuple[Array, Array]] | None = None) -> BatchBuffers:
        """The network's memory for n examples, to be filled. Calls share it as long as few different n are in use.

        ``parameters`` gives arrays in place of the network's own parameters and gradients, by name; X then has a column
        for each row of this W1.
        """
        leaves = {self.graph.node(name): arrays for name, arrays in (parameters or {}).items()}
        shapes = self.input_shapes(n, len(parameters["W1"][0]) if parameters else self.sizes[0])
        plan = self.graph.plan_with(leaves, (self._L, self._P), shapes)
        X, Y, P = (plan.values[node] for node in (self._X, self._Y, self._P))
        plan.values[self._n][...] = n
        weights = None if self._w is None else (plan.values[self._w], np.array(self.class_weights, self.precision))
        return BatchBuffers(X, Y, P, weights, self.graph, plan)

    def input_shapes(self, n: int, inputs: int) -> dict[str, Shape]:
        """The shapes of the graph's inputs, by name, for n examples of this many numbers."""
        targets = (n,) if self._takes_indices else (n, self.sizes[-1])
        shapes: dict[str, Shape] = {"X": (n, inputs), "Y": targets, "n": ()}
        return shapes if self._w is None else shapes | {"w": (n,)}

    def loss(self, X: ArrayLike, Y: ArrayLike, w: ArrayLike | None = None) -> float:
        """Run forward and return the loss L: the mean over the batch of the examples' losses, each times its weight.

        An example's loss is 1/2 |p - y|^2 or the cross-entropy. X: (n, inputs), finite. Y: (n, 1), 0 or 1, or (n, k),
        one-hot, for more than two classes. w: (n,), weights of examples, finite and at least 0, which are multiplied by
        those of their classes; only if the network has ``class_weights``. Raises ValueError for other shapes, types or
        numbers; ``backward`` then still refers to the previous loss.
        """
        X, Y = self._checked(X), _numbers(Y, "Y")
        if Y.shape != (len(X), self.sizes[-1]):
            raise ValueError(f"Y has shape {Y.shape}, it must be {(len(X), self.sizes[-1])} for X of shape {X.shape}")
        _check_each(Y, (Y == 0) | (Y == 1), "Y", "0 or 1")
        if Y.shape[1] > 1 and (rows := np.flatnonzero(np.count_nonzero(Y, axis=1) != 1)).size:
            raise ValueError(f"Y is not one-hot in row {rows[0]}: each row must have a single 1")
        weights = None if w is None else self._checked_weights(w, len(X))
        batch = self.batch(len(X))
        batch.X[...] = X
        batch.set_classes(decide(Y), weights)
        return batch.loss()

    def example_weights(self, classes: NDArray[Any]) -> NDArray[np.float64]:
        """The weight in the loss of examples of these classes (n,), (n,): 1 without class weights."""
        weights = np.array(self.class_weights or np.ones(self.classes))
        return np.take(weights, classes)

    def _checked_weights(self, w: ArrayLike, n: int) -> NDArray[Any]:
        """Weights of n examples as an array; raises ValueError as ``loss`` does."""
        weights = _numbers(w, "w")
        if self._w is None:
            raise ValueError("w: this network takes no weights of examples: create it with class_weights, such as ones")
        if weights.shape != (n,):
            raise ValueError(f"w has shape {weights.shape}, it must be {(n,)}: one weight for each example")
        with np.errstate(over="ignore"):
            is_finite = np.isfinite(weights.astype(self.precision))
        _check_each(weights, is_finite & (weights >= 0), "w", "a finite number, at least 0")
        return weights

    def backward(self) -> None:
        """Fill ``gradients`` with the derivatives of the latest ``loss``; predictions since then do not matter."""
        self.graph.backward()

    @property
    def probabilities(self) -> Array:
        """P of the latest ``loss``, (n, k), as ``predict`` returns it. The next ``loss`` overwrites it."""
        return self.graph.value("P")

    def predict(self, X: ArrayLike) -> Array:
        """The probabilities for each row of X (n, inputs): of class 1, (n, 1), or with more classes of each, (n, k).

        Under the Euclidean loss each of k outputs is a sigmoid, so their sum need not be 1. Raises ValueError as
        ``loss`` does.

        Only ``predict`` is thread-safe: threads wait for each other.
        """
        X = self._checked(X)
        P, length = np.empty((len(X), self.sizes[-1]), self.precision), block_length(self.sizes[0])
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
    """A network's memory for a batch: fill X, call ``set_classes``, then ``loss``, then ``backward``."""

    X: Array
    """(n, inputs)"""
    Y: Array
    """(n, 1), 0 or 1; for more than two classes one-hot, (n, k), or class indices, (n,), as the loss takes them"""
    P: Array
    """(n, k): after ``loss``, the probabilities"""
    weights: tuple[Array, Array] | None
    """w (n,), and the weight of each class, if the network has class weights."""
    graph: ComputationalGraph
    plan: Plan

    def __repr__(self) -> str:
        n, inputs = self.X.shape
        return f"BatchBuffers({n:,} examples of {inputs:,} inputs)"

    def set_classes(self, classes: NDArray[Any], weights: Array | None = None) -> None:
        """Write the targets, and the weights if the network has any, of examples of these classes (n,).

        ``weights`` (n,) are multiplied by those of the classes.
        """
        write_targets(classes, self.Y)
        if self.weights is not None:
            w, of_classes = self.weights
            of_classes.take(classes, out=w, mode="clip")  # the default mode fills a copy first
            if weights is not None:
                w *= weights

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
        place = tuple(np.argwhere(~is_right)[0])
        where = ", ".join(f"{axis} {k}" for axis, k in zip(("row", "column"), place, strict=False))
        raise ValueError(f"{name} is {array[place]} at {where}: each element must be {what}")


def _with_weights(
    block: Array, sizes: Sequence[int], precision: DTypeLike, input_gradient: bool, options: Mapping[str, Any]
) -> MLP:
    """A network with the weights of a ``parameter_block``."""
    network = MLP(sizes, precision=precision, input_gradient=input_gradient, **options)
    network.parameter_block[...] = block
    return network


def ending(loss: str, outputs: int) -> tuple[Gate, Gate, bool]:
    """The gate of P, the loss's gate, and whether the loss is computed from the logits, before P."""
    if loss == "euclidean":
        return Sigmoid(), EuclideanLoss(), False
    return (Sigmoid(), CrossEntropyLoss(), True) if outputs == 1 else (Softmax(), SoftmaxLoss(), True)


def classes_of(outputs: int) -> int:
    """The number of classes of a network with this number of outputs."""
    return 2 if outputs == 1 else outputs


def outputs_for(classes: int) -> int:
    """The number of outputs of a network for this number of classes."""
    return 1 if classes == 2 else classes


def output_classes(outputs: int) -> range:
    """The class whose probability each output is: class 1 for a single output."""
    return range(classes_of(outputs))[-outputs:]


def shown_outputs(P: Array, classes: Iterable[int]) -> dict[int, float]:
    """What shows how probable these classes are for one example, P (k,): by class, the output of each.

    A single output stands for both classes: it is the probability of class 1.
    """
    own = output_classes(len(P))
    return {own[output]: float(P[output]) for output in (k % len(P) for k in classes)}


def decide(P: Array) -> NDArray[Any]:
    """The predicted class of each row of P, (n, k) to (n,): the most probable one, the first at a tie.

    With one output the classes are bools: class 1 if its probability is at least 1/2.
    """
    return P.ravel() >= HALF if P.shape[1] == 1 else P.argmax(axis=1)


def write_targets(classes: NDArray[Any], Y: Array) -> None:
    """Write the targets of examples of these classes (n,): 0 or 1 into Y (n, 1), one-hot rows into Y (n, k).

    Y (n,) gets the classes themselves.
    """
    if Y.size == len(Y):
        Y.reshape(-1)[...] = classes
    else:
        np.eye(Y.shape[1], dtype=Y.dtype).take(classes, axis=0, out=Y, mode="clip")  # the default mode fills a copy


def by_class(P: Array) -> NDArray[np.float64]:
    """The probability of each class, (n, classes), from P (n, k) as ``MLP.predict`` returns it."""
    P = P.astype(np.float64)
    return np.hstack([1 - P, P]) if P.shape[1] == 1 else P


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


def he_uniform(shape: Shape, generator: Generator) -> Array:
    """Uniform in +-sqrt(6 / inputs), of variance 2 / inputs: He et al. 2015, equation 10; drawn in float64, too."""
    limit = math.sqrt(6 / shape[0])
    return generator.uniform(-limit, limit, shape)


def block_length(inputs: int) -> int:
    """The number of rows in a block whose rows have this many numbers."""
    return max(1, min(BLOCK_ROWS, MAX_BLOCK_NUMBERS // inputs))
