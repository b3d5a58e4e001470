"""The same numbers as PyTorch for the same work. Skipped if PyTorch is not installed."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mlp.config import Training
from mlp.data import dataset
from mlp.network import ACTIVATIONS, LOSSES, MLP, by_class, decide, he_uniform, outputs_for
from mlp.optimizers import OPTIMIZERS
from mlp.training.loop import Trainer
from mlp.training.random_streams import Stream, generator
from tests.conftest import write_folder

torch: Any = None
CLASSES = (2, 3, 10)


@pytest.fixture(autouse=True, scope="module")
def with_torch():
    """Slow to import: imported only by a process that runs these tests, not by all that collect them."""
    global torch
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # on a busy machine two threads wait for each other and take twenty times as long


def torch_network(network):
    """A PyTorch network of the logits with the same weights; its parameters in the order W1, b1, W2, ..."""
    activation = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[network.activation_name]
    layers = []
    for layer in range(1, len(network.sizes)):
        linear = torch.nn.Linear(*network.sizes[layer - 1 : layer + 1], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(network.parameters[f"W{layer}"].T))
            linear.bias.copy_(torch.tensor(network.parameters[f"b{layer}"]))
        layers += [linear, activation()]
    return torch.nn.Sequential(*layers[:-1])


def arrays(net, gradients=False):
    """Its weights or gradients, shaped as ours: PyTorch's weight matrices are transposed."""
    tensors = [parameter.grad if gradients else parameter.detach() for parameter in net.parameters()]
    return [tensor.numpy().T for tensor in tensors]


def loss_of(net, X, Y, loss="euclidean", class_weights=None, w=None):
    """The batch's mean loss by PyTorch's own losses; the weights of examples w (n,) and of classes are factors."""
    functional, classes = torch.nn.functional, decide(Y).astype(int)
    S, Y = net(torch.tensor(X)), torch.tensor(Y)
    w = np.ones(len(X)) if w is None else np.array(w)
    if loss == "cross_entropy" and Y.shape[1] > 1:
        of_classes = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float64)
        options = {"weight": of_classes, "reduction": "none"}
        return (functional.cross_entropy(S, torch.tensor(classes), **options) * torch.tensor(w)).sum() / len(X)
    w = torch.tensor(w if class_weights is None else w * np.take(class_weights, classes))[:, None]
    if loss == "cross_entropy":
        return functional.binary_cross_entropy_with_logits(S, Y, weight=w, reduction="sum") / len(X)
    return (w * (torch.sigmoid(S) - Y) ** 2).sum() / 2 / len(X)


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


@pytest.mark.parametrize("weighting", ["no weights", "of classes", "of classes and examples"])
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_and_gradients_of_every_kind_of_network(activation, loss, classes, weighting):
    random, n = np.random.default_rng(classes), 25
    class_weights = None if weighting == "no weights" else random.uniform(0.1, 4, classes).tolist()
    w = random.uniform(0, 3, n) if weighting.endswith("examples") else None
    outputs = outputs_for(classes)
    options = {"loss": loss, "activation": activation, "class_weights": class_weights}
    network = MLP([6, 7, 5, outputs], precision="float64", generator=random, **options)
    for name in ("b1", "b2", "b3"):
        network.parameters[name][...] = random.normal(size=network.shapes[name])
    X, targets = random.normal(size=(n, 6)), random.integers(0, classes, n)
    Y = targets[:, None].astype(float) if outputs == 1 else np.eye(classes)[targets]
    net = torch_network(network)
    expected = loss_of(net, X, Y, loss, class_weights, w)
    expected.backward()
    assert network.loss(X, Y, w) == pytest.approx(expected.item(), rel=1e-10)
    network.backward()
    assert_equal(network.gradients, arrays(net, gradients=True))
    S = net(torch.tensor(X)).detach()
    is_softmax = loss == "cross_entropy" and outputs > 1
    P = torch.softmax(S, dim=1) if is_softmax else torch.sigmoid(S)
    np.testing.assert_allclose(network.predict(X), P.numpy(), rtol=1e-10)
    assert decide(network.predict(X)).tolist() == by_class(P.numpy()).argmax(axis=1).tolist()


RUNS = {
    "SGD": {},
    "momentum and weight decay": {"momentum": 0.9, "weight_decay": 1e-3, "learning_rate": 0.1},
    "cosine": {"schedule": "cosine", "momentum": 0.5},
    "Adam": {"optimizer": "adam", "learning_rate": 0.01},
    "Adam, weight decay and cosine": {
        "optimizer": "adam",
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "schedule": "cosine",
    },
}


def train_in_torch(net, images, options, loss, class_weights=None):
    """Train with PyTorch's optimizer and schedule on the trainer's batches; gives epoch, training loss and rate."""
    rates = {"lr": options.learning_rate, "weight_decay": options.weight_decay}
    if options.optimizer == "sgd":
        optimizer = torch.optim.SGD(net.parameters(), momentum=options.momentum, **rates)
    else:
        optimizer = torch.optim.Adam(net.parameters(), **rates)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=options.epochs)
    X, Y = images.arrays("float64")
    for epoch in range(1, options.epochs + 1):
        order, total = generator(options.seed, Stream.SHUFFLE, epoch).permutation(len(X)), 0.0
        for start in range(0, len(X), options.batch_size):
            batch = order[start : start + options.batch_size]
            optimizer.zero_grad()
            value = loss_of(net, X[batch], Y[batch], loss, class_weights)
            value.backward()
            optimizer.step()
            total += value.item() * len(batch)
        yield SimpleNamespace(train_loss=total / len(X), learning_rate=optimizer.param_groups[0]["lr"])
        if options.schedule == "cosine":
            falling.step()


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_a_whole_epoch_on_real_digits(options, training_digits):
    images = training_digits.first_of_each(1500)
    options = Training(precision="float64", epochs=1, **options)
    network = MLP([784, 32, 1], precision="float64", generator=generator(0, Stream.WEIGHTS))
    net = torch_network(network)
    (expected,) = train_in_torch(net, images, options, "euclidean")
    row = Trainer(network, images, images.first_of_each(0), options).run_epoch()
    assert_equal(network.parameters, arrays(net))
    assert row.train_loss == pytest.approx(expected.train_loss, rel=1e-10)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """150 made images for each number of classes; the first pixel gives the class."""
    images = {}
    for classes in CLASSES:
        labels = np.resize(range(classes), 150).tolist()
        folder = write_folder(tmp_path_factory.mktemp("made"), labels, labels[:classes])
        images[classes] = dataset.load(folder, "training", tuple(range(classes)))
    return images


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("loss", LOSSES)
def test_three_epochs_with_class_weights(loss, classes, options, made):
    images, class_weights = made[classes], [0.5, *[1.5] * (classes - 1)]
    options = Training(precision="float64", epochs=3, **options)
    network = MLP(
        [images.inputs, 8, outputs_for(classes)],
        precision="float64",
        generator=generator(0, Stream.WEIGHTS),
        loss=loss,
        activation="tanh",
        class_weights=class_weights,
    )
    net = torch_network(network)
    trainer = Trainer(network, images, images.first_of_each(0), options)
    for expected in train_in_torch(net, images, options, loss, class_weights):
        row = trainer.run_epoch()
        assert row.train_loss == pytest.approx(expected.train_loss, rel=1e-10)
        assert row.learning_rate == pytest.approx(expected.learning_rate, rel=1e-14)
    assert_equal(network.parameters, arrays(net))


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("sgd", {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.02}),
        ("adam", {"learning_rate": 0.05}),
        ("adam", {"learning_rate": 0.05, "weight_decay": 0.02}),
    ],
)
def test_an_optimizer_over_many_steps(name, rates):
    random = np.random.default_rng(0)
    A = random.standard_normal(50)
    gradients = random.standard_normal((100, 50))
    tensor = torch.tensor(A, requires_grad=True)
    kind, others = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name], dict(rates)
    theirs = kind([tensor], lr=others.pop("learning_rate"), **others)
    dA = np.empty(50)
    ours = OPTIMIZERS[name](A, dA, **rates)
    for gradient in gradients:
        dA[:] = gradient
        ours.step()
        tensor.grad = torch.tensor(gradient)
        theirs.step()
    np.testing.assert_allclose(A, tensor.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("inputs", [3, 784])
def test_weights_before_relu_have_the_range_of_kaiming(inputs):
    """Both are uniform: as wide, and to the ends of the range."""
    theirs = torch.empty(4000, inputs, dtype=torch.float64)
    torch.nn.init.kaiming_uniform_(theirs, nonlinearity="relu", generator=torch.Generator().manual_seed(0))
    ours = he_uniform((inputs, 4000), np.random.default_rng(0))
    assert np.abs(ours).max() == pytest.approx(theirs.abs().max().item(), rel=1e-3)
    assert ours.std() == pytest.approx(theirs.std().item(), rel=0.02)
