"""The same numbers as PyTorch for the same work. Skipped if PyTorch is not installed."""

from typing import Any

import numpy as np
import pytest

from mlp.config import Training
from mlp.network import LOSSES, MLP
from mlp.optimizers import SGD
from mlp.training.loop import Trainer
from mlp.training.random_streams import Stream, generator

torch: Any = None


@pytest.fixture(autouse=True, scope="module")
def with_torch():
    """Slow to import: imported only by a process that runs these tests, not by all that collect them."""
    global torch
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # on a busy machine two threads wait for each other and take twenty times as long


def torch_network(network):
    """A PyTorch network with the same weights; its parameters in the order W1, b1, W2, ..."""
    layers = []
    for layer in range(1, len(network.sizes)):
        linear = torch.nn.Linear(*network.sizes[layer - 1 : layer + 1], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(network.parameters[f"W{layer}"].T))
            linear.bias.copy_(torch.tensor(network.parameters[f"b{layer}"]))
        layers += [linear, torch.nn.Sigmoid()]
    return torch.nn.Sequential(*layers)


def arrays(net, gradients=False):
    """Its weights or gradients, shaped as ours: PyTorch's weight matrices are transposed."""
    tensors = [parameter.grad if gradients else parameter.detach() for parameter in net.parameters()]
    return [tensor.numpy().T for tensor in tensors]


def loss_of(net, X, Y, loss="euclidean"):
    if loss == "euclidean":
        return ((net(torch.tensor(X)) - torch.tensor(Y)) ** 2).sum() / 2 / len(X)
    logits = net[:-1](torch.tensor(X))
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(Y))


def assert_equal(ours, theirs):
    for name, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(ours[name], other, rtol=0, atol=1e-10 * np.abs(other).max(), err_msg=name)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("hidden", [(), (32,), (16, 8, 4)])
def test_loss_and_gradients_on_real_digits(hidden, loss, training_digits):
    network = MLP([784, *hidden, 1], precision="float64", generator=np.random.default_rng(1), loss=loss)
    X, Y = training_digits.first_of_each(20).arrays("float64")
    net = torch_network(network)
    expected = loss_of(net, X, Y, loss)
    expected.backward()
    assert network.loss(X, Y) == pytest.approx(expected.item(), rel=1e-12)
    network.backward()
    assert_equal(network.gradients, arrays(net, gradients=True))


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "weight_decay": 1e-3, "learning_rate": 0.1}])
def test_a_whole_epoch_of_training(options, training_digits):
    training_digits = training_digits.first_of_each(1500)
    options = Training(precision="float64", **options)
    network = MLP([784, 32, 1], precision="float64", generator=generator(0, Stream.WEIGHTS))
    net = torch_network(network)
    optimizer = torch.optim.SGD(
        net.parameters(), lr=options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
    )
    X, Y = training_digits.arrays("float64")
    order = generator(0, Stream.SHUFFLE, 1).permutation(len(X))
    losses = []
    for start in range(0, len(X), options.batch_size):
        batch = order[start : start + options.batch_size]
        optimizer.zero_grad()
        loss = loss_of(net, X[batch], Y[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item() * len(batch))

    trainer = Trainer(network, training_digits, training_digits.first_of_each(0), options)
    row = trainer.run_epoch()
    assert_equal(network.parameters, arrays(net))
    assert row.train_loss == pytest.approx(sum(losses) / len(X), rel=1e-10)


def test_sgd_over_many_steps():
    random = np.random.default_rng(0)
    A = random.standard_normal(50)
    gradients = random.standard_normal((100, 50))
    tensor = torch.tensor(A, requires_grad=True)
    theirs = torch.optim.SGD([tensor], lr=0.05, momentum=0.9, weight_decay=0.02)
    dA = np.empty(50)
    ours = SGD(A, dA, learning_rate=0.05, momentum=0.9, weight_decay=0.02)
    for gradient in gradients:
        dA[:] = gradient
        ours.step()
        tensor.grad = torch.tensor(gradient)
        theirs.step()
    np.testing.assert_allclose(A, tensor.detach().numpy(), rtol=1e-10)
