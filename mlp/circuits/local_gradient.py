"""A gate's local gradient: by what the upstream gradient is multiplied on its way back, in numbers and as a formula.

By the chain rule dA = dC dC/dA. A gate's ``backward`` has the product; without dC it leaves dC/dA.
"""

from dataclasses import dataclass, replace

import numpy as np

from mlp.gates import Array, Elementwise, Gate
from mlp.graph import ComputationalGraph
from mlp.node import Node
from mlp.trace import Formula, Term, parts, reshape

ONE, MINUS_ONE = Term((), number=1), Term((), number=-1)
PRODUCTS = (np.matmul, np.outer)


@dataclass(frozen=True)
class Jacobian:
    """The size of a local gradient that is a matrix, which backpropagation never forms."""

    rows: int
    """One for each element of the gate's output."""
    columns: int
    """One for each element of its input."""


LocalGradient = Array | Jacobian | None
"""In numbers; None for a class index."""


def local_gradients(graph: ComputationalGraph, node: Node) -> dict[int, LocalGradient]:
    """The local gradients of a node's gate in the latest forward pass, by the positions of its inputs.

    Constants are left out. If a value is two inputs of the gate, each has its own local gradient. An array has the
    shape of input and output; it is not finite where the derivative is not.
    """
    wanted = [k for k, source in enumerate(node.inputs) if not source.constant]
    if node.gate is None or not wanted:
        return {}
    C, *inputs = (graph.value(one.name) for one in (node, *node.inputs))
    with np.errstate(all="ignore"):  # what is not finite is shown as inf or nan
        sent = node.gate.backward(np.ones_like(C), C, *inputs)  # for an upstream gradient of 1
    found: dict[int, LocalGradient] = {}
    for k in wanted:
        if k in node.gate.indices:
            found[k] = None
        elif inputs[k].shape == C.shape and (isinstance(node.gate, Elementwise) or not C.shape):
            found[k] = np.asarray(sent[k], float)
        else:
            found[k] = Jacobian(C.size, inputs[k].size)
    return found


def local_gradient(gate: Gate, formula: Formula, gradient: Term) -> Term | None:
    """The factor in this term, which is a gradient of the formula: the derivative of C with respect to A, by element.

    In a matrix product it is the other matrix, as in dA = dC B'. None if the gradient is no such product, as the
    softmax's: then the derivative is a Jacobian. A scalar that multiplies each element of an array stays a scalar.
    """
    if isinstance(gate, Elementwise) and gradient.shape != formula.value.shape:
        gradient = before_sum(gradient)
    if gradient.function in PRODUCTS and formula.upstream in gradient.arguments:
        A, B = gradient.arguments
        return B if A is formula.upstream else A
    factor = without(formula.upstream, gradient)
    is_linear = not formula.upstream.shape or isinstance(gate, Elementwise)
    return factor if is_linear and formula.upstream not in parts(factor) else None


def before_sum(gradient: Term) -> Term:
    """The gradient before ``unbroadcast`` summed it over the copies of an input."""
    while gradient.function in (reshape, np.add.reduce):
        (gradient,) = gradient.arguments
    return gradient


def without(upstream: Term, term: Term) -> Term:
    """The term for an upstream gradient of 1, with the products by 1 left out."""
    if term is upstream:
        return ONE
    arguments = tuple(without(upstream, argument) for argument in term.arguments)
    if term.function is np.broadcast_to:
        return arguments[0]
    if term.function is np.multiply and ONE in arguments:
        return arguments[arguments[0] is ONE]
    if term.function is np.multiply and arguments[0] is MINUS_ONE:
        return replace(term, function=np.negative, arguments=arguments[1:])
    if term.function is np.negative and arguments[0] is ONE:
        return MINUS_ONE
    return term if arguments == term.arguments else replace(term, arguments=arguments)
