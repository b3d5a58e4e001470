"""The network as an ONNX model for other engines: its gates, with the graph's names. Needs the extra ``onnx``."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlp import __version__
from mlp.data.dataset import WHITE, Dataset, divide
from mlp.gates import Add, Array, Gate, Matmul, Relu, Sigmoid, Softmax, Tanh
from mlp.network import MLP
from mlp.node import ancestors
from mlp.system.errors import InputError

OPERATORS: Mapping[type[Gate], str] = {
    Matmul: "MatMul",
    Add: "Add",
    Sigmoid: "Sigmoid",
    Tanh: "Tanh",
    Relu: "Relu",
    Softmax: "Softmax",
}
"""ONNX's name for each gate. Its softmax is over the last axis by default, as ours is."""
OPSET = 13
"""The version of ONNX's operators, from 2020: older engines know it, and later versions compute the same."""
MAX_WEIGHT_BYTES = (1 << 31) - (1 << 20)
"""A file of protocol buffers can have 2 GB."""

Engine = Callable[[dict[str, Array]], Array]
"""Computes P, (n, k), from the model's input by name, (n, inputs)."""


def build(network: MLP, facts: Mapping[str, str], *, from_bytes: bool = False, scale: float = WHITE) -> Any:
    """The network's gates from X to P as an ``onnx.ModelProto``; the facts are its metadata.

    Its input is X, (n, inputs) float32 for any n: scaled pixels; or with ``from_bytes`` pixels, (n, inputs) uint8,
    0..255, which it divides by ``scale``, as training does. Its output is P, (n, k), as ``MLP.predict`` returns it. It
    computes in the network's precision. Raises InputError if ONNX's name for a gate is not known, or if the weights do
    not fit into one file.
    """
    if network.parameter_block.nbytes > MAX_WEIGHT_BYTES:
        raise InputError(f"a network of {network.parameter_block.nbytes:,} bytes: an ONNX file has at most 2 GB")
    given, steps, constants, X = _entrance(network, scale if from_bytes else None)
    way = ancestors(network.graph.node("P"))
    names = {node: X if node.name == "X" else node.name for node in way}
    for node in way:
        if node.gate is None:
            continue
        if type(node.gate) not in OPERATORS:
            known = ", ".join(gate.name for gate in OPERATORS)
            raise InputError(f"the ONNX export has no {node.gate} gate, which computes {node.name}: it has {known}")
        inputs = [names[source] for source in node.inputs]
        steps.append(helper.make_node(OPERATORS[type(node.gate)], inputs, [node.name], name=node.name))
    P = helper.make_tensor_value_info("P", helper.np_dtype_to_tensor_dtype(network.precision), ["n", network.sizes[-1]])
    weights = [numpy_helper.from_array(array, name) for name, array in network.parameters.items()]
    graph = helper.make_graph(steps, "multilayer perceptron", [given], [P], weights + constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),  # few engines know the newest, which is the default
        producer_name="backpropagation-by-hand",
        producer_version=__version__,
    )
    helper.set_model_props(model, dict(facts))
    return model


def _entrance(network: MLP, scale: float | None) -> tuple[Any, list[Any], list[Any], str]:
    """The model's input, the nodes that turn it into X in the network's precision, their constants, and X's name."""
    precision, shape = helper.np_dtype_to_tensor_dtype(network.precision), ["n", network.sizes[0]]
    if scale is not None:
        divisor = numpy_helper.from_array(np.asarray(scale, network.precision), "scale")
        numbers = helper.make_node("Cast", ["pixels"], ["numbers"], name="numbers", to=precision)
        X = helper.make_node("Div", ["numbers", "scale"], ["X"], name="X")
        return helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape), [numbers, X], [divisor], "X"
    given = helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)
    if precision == TensorProto.FLOAT:
        return given, [], [], "X"
    double = helper.make_node("Cast", ["X"], ["X_in_double"], name="X_in_double", to=precision)
    return given, [double], [], "X_in_double"


def differences(model: Any, network: MLP, images: Dataset) -> dict[str, float]:
    """For each installed engine, the largest difference from the network in the probabilities for these images.

    ``onnx.checker`` checks the model first. The network must have the model's precision, and gets the same X.
    """
    onnx.checker.check_model(model, full_check=True)
    (given,) = model.graph.input
    from_bytes = given.type.tensor_type.elem_type == TensorProto.UINT8
    found: dict[str, float] = {}
    for engine, run in engines(model).items():
        for rows in images.blocks():
            pixels = images.pixels(rows)
            X = np.empty(pixels.shape, network.precision if from_bytes else np.float32)
            divide(pixels, images.scale, X)
            P = run({given.name: pixels if from_bytes else X})
            worst = np.abs(P - network.predict(X)).max()
            found[engine] = float(np.maximum(found.get(engine, 0.0), worst))  # nan if one is nan
    return found


def rounding(network: MLP, images: Dataset) -> float:
    """How far the network's probabilities for these images are from those of the same weights in float64.

    With large logits a softmax in float32 is about 1e-6 away: another engine cannot be expected to be nearer.
    """
    exact, largest = network.copy(np.float64), 0.0
    for rows in images.blocks():
        X = np.empty((len(rows), images.inputs), network.precision)
        divide(images.pixels(rows), images.scale, X)
        largest = max(largest, float(np.abs(network.predict(X) - exact.predict(X)).max()))
    return largest


def engines(model: Any) -> dict[str, Engine]:
    """The engines by name and version: ONNX's reference evaluator, and onnxruntime if it is installed."""
    from onnx.reference import ReferenceEvaluator  # slow to import, like onnxruntime

    reference = ReferenceEvaluator(model)

    def by_reference(inputs: dict[str, Array]) -> Array:
        # Its sigmoid computes two formulas and takes the finite result; anything else shows in the difference.
        with np.errstate(over="ignore", invalid="ignore"):
            answer: Array = reference.run(None, inputs)[0]
            return answer

    found: dict[str, Engine] = {f"onnx {onnx.__version__}": by_reference}
    if find_spec("onnxruntime") is not None:
        import onnxruntime

        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        found[f"onnxruntime {onnxruntime.__version__}"] = lambda inputs: session.run(None, inputs)[0]
    return found
