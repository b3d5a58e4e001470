"""The gates of the outputs give PyTorch's numbers, with weights of examples and without. Skipped without PyTorch."""

from typing import Any

import numpy as np
import pytest

from mlp.gates import Softmax
from mlp.graph import ComputationalGraph
from mlp.losses import CrossEntropyLoss, EuclideanLoss, SoftmaxLoss, SVMLoss

torch: Any = None
N, CLASSES = 6, 4


@pytest.fixture(autouse=True, scope="module")
def with_torch():
    """Slow to import: imported only by a process that runs these tests."""
    global torch
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


CASES = {  # each with what PyTorch's loss is multiplied by
    "mse_loss": (EuclideanLoss(), 1 / 2),
    "binary_cross_entropy_with_logits": (CrossEntropyLoss(), 1),
    "cross_entropy": (SoftmaxLoss(), 1),
    "multi_margin_loss": (SVMLoss(), CLASSES),  # theirs is a mean over the classes
}


@pytest.mark.parametrize("is_weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", CASES)
def test_a_loss_and_all_its_gradients(name, is_weighted):
    gate, factor = CASES[name]
    random = np.random.default_rng(0)
    outputs, y = random.normal(size=(N, CLASSES), scale=2), random.integers(CLASSES, size=N)
    targets = y if gate.indices else np.eye(CLASSES)[y]
    w = random.uniform(0, 3, N)
    graph = ComputationalGraph()
    leaves = [graph.leaf("outputs", outputs), graph.leaf("targets", targets), graph.leaf("w", w)]
    E = graph.forward(graph.apply(gate, *leaves[: 2 + is_weighted]))
    graph.backward()

    tensors = [torch.tensor(array, requires_grad=array.dtype == float) for array in (outputs, targets, w)]
    losses = factor * getattr(torch.nn.functional, name)(*tensors[:2], reduction="none").reshape(N, -1).sum(1)
    expected = (losses * tensors[2]).sum() if is_weighted else losses.sum()
    expected.backward()
    assert pytest.approx(expected.item(), rel=1e-10) == E
    for leaf, tensor in zip(leaves, tensors, strict=True):
        if tensor.grad is not None:
            np.testing.assert_allclose(graph.gradient(leaf.name), tensor.grad, rtol=1e-10, atol=1e-12)
    assert (tensors[2].grad is not None) == is_weighted


@pytest.mark.parametrize("shape", [(CLASSES,), (N, CLASSES)], ids=str)
def test_the_softmax(shape):
    random = np.random.default_rng(0)
    scores, upstream = random.normal(size=shape, scale=3), random.normal(size=shape)
    graph = ComputationalGraph()
    P = graph.forward(graph.apply(Softmax(), graph.leaf("S", scores)))
    graph.backward(upstream)
    tensor = torch.tensor(scores, requires_grad=True)
    expected = torch.softmax(tensor, -1)
    expected.backward(torch.tensor(upstream))
    np.testing.assert_allclose(P, expected.detach(), rtol=1e-10)
    np.testing.assert_allclose(graph.gradient("S"), tensor.grad, rtol=1e-10, atol=1e-14)
