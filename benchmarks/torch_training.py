"""The job of train.py's default config as one would write it with PyTorch, for comparison.

It uses nothing of this project: it reads MNIST's files with gzip and NumPy, selects and splits the digits, trains and
validates the network, and writes its best weights, history and curve.
"""

import csv
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.plain_job import parse, read, split


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed[0])
    images, labels = read(options.data, options.digits, options.limit)
    training, validation = split(labels, options.validation)
    X, Y = torch.from_numpy(images.astype(np.float32) / 255), torch.from_numpy(labels[:, None].astype(np.float32))

    sizes = [X.shape[1], *options.hidden, 1]
    network = nn.Sequential()
    for inputs, outputs in pairwise(sizes):
        network.append(nn.Linear(inputs, outputs)).append(nn.Sigmoid())
    optimizer = torch.optim.SGD(network.parameters(), lr=options.learning_rate[0])

    options.output.mkdir(parents=True)
    history, best = [], float("inf")
    for epoch in range(1, options.epochs + 1):
        train_loss, train_accuracy = train(network, optimizer, X[training], Y[training], options.batch_size)
        with torch.no_grad():
            P = network(X[validation])
            loss = euclidean(P, Y[validation]).item()
            accuracy = ((P >= 0.5) == Y[validation]).float().mean().item()
        if loss < best:
            best = loss
            torch.save(network.state_dict(), options.output / "model.pt")
        history.append((epoch, train_loss, loss, train_accuracy, accuracy))
        print(f"epoch {epoch}: loss {train_loss:.6f}, validation {loss:.6f}, accuracy {accuracy:.2%}")
    write(options.output, history)


def euclidean(P: Any, Y: Any) -> Any:
    return ((P - Y) ** 2).sum() / 2 / len(Y)


def train(network: Any, optimizer: Any, X: Any, Y: Any, batch_size: int) -> tuple[float, float]:
    """Train an epoch; the mean loss and accuracy of its batches, each before its update."""
    total, right = 0.0, 0
    for batch in torch.randperm(len(X)).split(batch_size):
        optimizer.zero_grad()
        P = network(X[batch])
        loss = euclidean(P, Y[batch])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        right += int(((P >= 0.5) == Y[batch]).sum())
    return total / len(X), right / len(X)


def write(folder: Path, history: list[Any]) -> None:
    """The history as CSV and as a curve."""
    with open(folder / "history.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "train_loss", "validation_loss", "train_accuracy", "validation_accuracy"])
        writer.writerows(history)

    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    epochs, *columns = zip(*history, strict=True)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for k, name in enumerate(["loss", "accuracy"]):
        axes[k].plot(epochs, columns[2 * k], marker="o", label="training")
        axes[k].plot(epochs, columns[2 * k + 1], marker="o", label="validation")
        axes[k].set(xlabel="epoch", ylabel=name, yscale="log" if name == "loss" else "linear")
        axes[k].grid(alpha=0.3)
        axes[k].legend()
    figure.savefig(folder / "loss_curve.png", dpi=120)


if __name__ == "__main__":
    main()
